"""``longshore stack rm``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.stacks import check_name, remove_stack

SPEC = Spec(
    usage="[OPTIONS] STACK [STACK...]",
    summary="Remove one or more stacks",
    flags=(Flag(name="detach", short="d", help="Do not wait for stack removal", default="true"),),
    least=1,
    most=-1,
    completes="stack",
)


def run(context: Context, options: Options) -> int:
    names = [check_name(name) for name in options.args]
    return max([remove_stack(context, name, wait=not options.on("detach")) for name in names])
