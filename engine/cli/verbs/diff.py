"""``longshore diff``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.screen import one_line
from engine.model.files import ChangeKind

SPEC = Spec(
    usage="CONTAINER",
    summary="Inspect changes to files or directories on a container's filesystem",
    least=1,
    most=1,
    completes="container",
    aliases=("container diff", "diff"),
)
_LETTERS = {ChangeKind.MODIFIED: "C", ChangeKind.ADDED: "A", ChangeKind.DELETED: "D"}


def run(context: Context, options: Options) -> int:
    for change in context.run(context.engine.containers.changes(options.args[0])):
        print(f"{_LETTERS[change.kind]} {one_line(change.path)}", file=context.out)
    return 0
