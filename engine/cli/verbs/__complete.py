"""``longshore __complete -- WORDS``: what the last word may become, one per line. Called by the shells' scripts."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence

from engine.cli.context import Context
from engine.cli.flags import HELP, Flag, Options, Spec
from engine.cli.main import GLOBALS, NOUNS, VERBS
from engine.errors import LongshoreError

SPEC = Spec(usage="-- WORD...", summary="Complete a command line", most=-1)


def run(context: Context, options: Options) -> int:
    words = options.args or [""]
    found = sorted({word for word in _candidates(context, words[:-1]) if word.startswith(words[-1])})
    flags = words[-1].startswith("-")
    print("\n".join(word for word in found if word.startswith("-") == flags), file=context.out)
    return 0


def _candidates(context: Context, before: Sequence[str]) -> Iterable[str]:
    rest = _operands(before, GLOBALS)
    if not rest:
        return [*VERBS, *NOUNS, *_names(GLOBALS)]
    verb, *rest = rest
    if verb in NOUNS:
        if not rest:
            return NOUNS[verb][1]
        module, rest = NOUNS[verb][1].get(rest[0], ""), rest[1:]
    else:
        module = verb if verb in VERBS else ""
    if not module:
        return []
    spec: Spec = importlib.import_module(f"engine.cli.verbs.{module}").SPEC
    if module == "completion":
        return ["bash", "zsh", "fish"]
    full = spec.most >= 0 and len(_operands(rest, spec.flags)) >= spec.most
    return [*_names((*spec.flags, HELP)), *([] if full else _objects(context, spec.completes))]


def _operands(words: Sequence[str], flags: Sequence[Flag]) -> list[str]:
    """The words without flags; a flag's separate value is no operand."""
    valued = {name for flag in flags if flag.kind != "bool" for name in (f"--{flag.name}", f"-{flag.short}")}
    found: list[str] = []
    skip = False
    for place, word in enumerate(words):
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word in valued
        else:
            found.append(word)
            if flags is GLOBALS:
                return [*found, *words[place + 1 :]]
    return found


def _names(flags: Iterable[Flag]) -> list[str]:
    return [f"--{flag.name}" for flag in flags if not flag.hidden or flag is HELP]


def _objects(context: Context, kind: str) -> list[str]:
    engine = context.engine
    try:
        match kind:
            case "container":
                return [row.name for row in context.run(engine.containers.list(all=True))]
            case "image":
                return [tag for row in context.run(engine.images.list()) for tag in row.tags]
            case "network":
                return [row.name for row in context.run(engine.networks.list())]
            case "volume":
                return [row.name for row in context.run(engine.volumes.list())]
    except LongshoreError:
        # A shell that completes has no place for an error.
        return []
    return []
