"""``longshore __complete -- WORDS``: what the last word may become, one per line. Called by the shells' scripts."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence

from engine.cli.context import Context
from engine.cli.flags import HELP, Flag, Options, Spec
from engine.cli.main import GLOBALS, NOUNS, OCI, VERBS
from engine.errors import LongshoreError

SPEC = Spec(usage="-- WORD...", summary="Complete a command line", most=-1)


def run(context: Context, options: Options) -> int:
    words = options.args or [""]
    found = sorted({word for word in _candidates(context, words[:-1], "=" in words[-1]) if word.startswith(words[-1])})
    flags = words[-1].startswith("-")
    print("\n".join(word for word in found if word.startswith("-") == flags), file=context.out)
    return 0


def _candidates(context: Context, before: Sequence[str], last_joined: bool) -> Iterable[str]:
    """What may stand after some words; ``last_joined``: the word that is being typed is a flag with its value behind ``=``."""
    rest = _operands(before, GLOBALS)
    if not rest:
        return [*VERBS, *NOUNS, OCI[0], *_names(GLOBALS)]
    verb, *rest = rest
    if verb == OCI[0]:
        return _oci(rest)
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
    if rest and (flag := _waits(rest[-1], spec.flags)):
        return _values(context, flag)
    full = spec.most >= 0 and len(_operands(rest, spec.flags)) >= spec.most
    joined = [f"--{flag.name}={value}" for flag in spec.flags if flag.completes for value in _values(context, flag)] if last_joined else []
    return [*_names((*spec.flags, HELP)), *joined, *([] if full else _objects(context, spec.completes))]


def _oci(before: Sequence[str]) -> Iterable[str]:
    from engine.cli.oci import main as oci

    rest = _operands(before, oci.FLAGS)
    if not rest:
        return [*oci.VERBS, *_names((*oci.FLAGS, HELP))]
    if rest[0] not in oci.VERBS:
        return []
    spec: Spec = importlib.import_module(f"engine.cli.oci.{rest[0]}").SPEC
    return _names((*spec.flags, HELP))


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


def _waits(word: str, flags: Iterable[Flag]) -> Flag | None:
    """The flag whose value is to follow."""
    return next((flag for flag in flags if flag.kind != "bool" and not flag.bare and word in (f"--{flag.name}", f"-{flag.short}")), None)


def _values(context: Context, flag: Flag) -> Iterable[str]:
    """Drivers that the engine offers, those of its plugins among them."""
    if not flag.completes:
        return ()
    try:
        info = context.run(context.engine.system.info())
    except LongshoreError:
        return ()
    return {"volume-driver": info.volume_drivers, "network-driver": info.network_drivers, "log-driver": info.log_drivers}[flag.completes]


def _names(flags: Iterable[Flag]) -> list[str]:
    return [f"--{flag.name}" for flag in flags if not flag.hidden or flag is HELP]


def _objects(context: Context, kind: str) -> list[str]:
    try:
        if kind == "host":
            return [host.name for host in context.hosts.list()]
        engine = context.engine
        match kind:
            case "container":
                return [row.name for row in context.run(engine.containers.list(all=True))]
            case "image":
                return [tag for row in context.run(engine.images.list()) for tag in row.tags]
            case "network":
                return [row.name for row in context.run(engine.networks.list())]
            case "volume":
                return [row.name for row in context.run(engine.volumes.list())]
            case "service":
                return [row.name for row in context.run(engine.swarm.services.list(status=False))]
            case "stack":
                from engine.model.services import stacks_of  # late: for this only

                return [stack.name for stack in stacks_of(context.run(engine.swarm.services.list(status=False)))]
            case "node":
                return [row.title for row in context.run(engine.swarm.nodes.list())]
            case "config" | "secret":
                files = engine.swarm.configs if kind == "config" else engine.swarm.secrets
                return [row.name for row in context.run(files.list())]
    except LongshoreError:
        # A shell that completes has no place for an error.
        return []
    return []
