"""The ``prune`` verbs: what goes is named before anything is deleted, with the bytes that come free, and asked for unless forced."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.cli.context import Context
from engine.cli.flags import Flag, Options
from engine.model.containers import PruneReport
from engine.model.pruning import Going
from engine.model.units import human_size

FLAGS = (
    Flag(name="filter", kind="list", help='Provide filter values (e.g. "label=<key>=<value>")'),
    Flag(name="force", short="f", help="Do not prompt for confirmation"),
)
_TITLES = {"Containers": "Deleted Containers", "Networks": "Deleted Networks", "Volumes": "Deleted Volumes", "Images": "Deleted Images"}


def confirmed(context: Context, options: Options, warning: str, preview: Callable[[], Sequence[Going]]) -> bool:
    """The person wants it, or ``--force`` was given: then nothing is asked of the engine.

    Args:
        warning: what will be removed, in docker's words.
        preview: what would go now.
    """
    if options.on("force"):
        return True
    parts = preview()
    print(warning, file=context.out)
    for part in parts:
        if part.names:
            size = "" if part.kind == "Networks" else f", {human_size(part.size)}"
            print(f"{part.kind} ({len(part.names)}{size}):", *part.names, sep="\n  ", file=context.out)
    total = sum(part.size for part in parts)
    if not total and not any(part.names for part in parts):
        print("There is nothing to remove.", file=context.out)
        return False
    print(f"This frees {human_size(total)}.", file=context.out)
    print("Are you sure you want to continue? [y/N] ", end="", file=context.out, flush=True)
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        print(file=context.out)
        return False


def tell(context: Context, reports: Sequence[tuple[str, PruneReport]]) -> None:
    """What was removed, by kind, and what came free, as docker prints it."""
    for kind, report in reports:
        if report.removed:
            lines = map(_image_line, report.removed) if kind == "Images" else report.removed
            print(f"{_TITLES[kind]}:", *lines, "", sep="\n", file=context.out)
    print(f"Total reclaimed space: {human_size(sum(report.space_reclaimed for _, report in reports))}", file=context.out)


def _image_line(name: str) -> str:
    return f"deleted: {name}" if name.startswith("sha256:") else f"untagged: {name}"
