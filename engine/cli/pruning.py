"""The ``prune`` verbs: what goes is named before anything is deleted, and asked for unless forced."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from engine.cli.context import Context
from engine.cli.flags import Flag, Options
from engine.model.containers import PruneReport
from engine.model.units import human_size

FLAGS = (
    Flag(name="filter", kind="list", help='Provide filter values (e.g. "label=<key>=<value>")'),
    Flag(name="force", short="f", help="Do not prompt for confirmation"),
)


def prune(
    context: Context,
    options: Options,
    *,
    what: str,
    title: str,
    candidates: Sequence[str],
    action: Callable[[], Coroutine[Any, Any, PruneReport]],
) -> int:
    """Ask, do, report.

    Args:
        what: what the warning says will be removed.
        title: the heading of the report, such as ``Deleted Containers``.
        candidates: names of what would go now.
        action: removes them.
    """
    if not options.on("force"):
        print(f"WARNING! This will remove {what}.", file=context.out)
        for name in candidates:
            print(f"  {name}", file=context.out)
        if not candidates:
            print("There is nothing to remove.", file=context.out)
            return 0
        print("Are you sure you want to continue? [y/N] ", end="", file=context.out, flush=True)
        if input().strip().lower() not in ("y", "yes"):
            return 0
    report = context.run(action())
    if report.removed:
        print(f"{title}:", *report.removed, sep="\n", file=context.out)
        print(file=context.out)
    print(f"Total reclaimed space: {human_size(report.space_reclaimed)}", file=context.out)
    return 0
