"""``longshore inspect``"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec, UsageError
from engine.cli.gotemplate import Template
from engine.cli.main import print_error
from engine.errors import InvalidArgument, LongshoreError, NotFound

SPEC = Spec(
    usage="[OPTIONS] NAME|ID [NAME|ID...]",
    summary="Return low-level information on objects",
    flags=(
        Flag(name="format", short="f", kind="string", help="Format output with a Go template, or 'json'"),
        Flag(name="size", short="s", help="Display total file sizes if the type is container"),
        Flag(name="type", kind="string", help="Only inspect objects of the given type: container, image, network or volume"),
    ),
    least=1,
    most=-1,
    completes="container",
)

Look = Callable[[str], Coroutine[Any, Any, Any]]


def run(context: Context, options: Options) -> int:
    wanted = options.text("type")
    kinds = lookups(context, size=options.on("size"))
    if wanted and wanted not in kinds:
        raise UsageError(f'"{wanted}" is not a valid value for --type')
    chosen = [kinds[wanted]] if wanted else list(kinds.values())
    return show(context, options.args, options.text("format"), lambda name: _first(context, name, chosen, wanted))


def lookups(context: Context, *, size: bool = False) -> dict[str, Look]:
    """How each type of object is inspected, in the order in which docker tries them."""
    engine = context.engine
    return {
        "container": lambda name: engine.containers.inspect(name, size=size),
        "image": engine.images.inspect,
        "network": engine.networks.inspect,
        "volume": engine.volumes.inspect,
    }


def _first(context: Context, name: str, looks: list[Look], wanted: str) -> str:
    for look in looks:
        try:
            return str(context.run(look(name)).raw)
        except NotFound:
            continue
        except InvalidArgument:
            # A name that can not be one of this type's.
            if len(looks) == 1:
                raise
    raise NotFound(f"No such {wanted or 'object'}: {name}")


def show(context: Context, names: list[str], form: str, raw: Callable[[str], str]) -> int:
    """Print the documents of several objects as one JSON array, or through a template; 1 if any is missing."""
    template = None if form in ("", "json") else Template(form.replace("\\n", "\n").replace("\\t", "\t"))
    documents: list[Any] = []
    failures: list[LongshoreError] = []

    def found() -> Iterator[Any]:
        for name in names:
            try:
                yield json.loads(raw(name))
            except LongshoreError as error:
                failures.append(error)

    for document in found():
        if template is not None:
            print(template.render(document), file=context.out)
        elif form == "json":
            print(json.dumps(document, separators=(",", ":"), ensure_ascii=False), file=context.out)
        else:
            documents.append(document)
    if not form:
        print(json.dumps(documents, indent=4, ensure_ascii=False), file=context.out)
    context.out.flush()
    for error in failures:
        print_error(error)
    return 1 if failures else 0
