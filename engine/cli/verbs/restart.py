"""``longshore restart``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.many import each

SPEC = Spec(
    usage="[OPTIONS] CONTAINER [CONTAINER...]",
    summary="Restart one or more containers",
    flags=(Flag(name="time", short="t", kind="int", help="Seconds to wait before killing the container"),),
    least=1,
    most=-1,
    completes="container",
)


def run(context: Context, options: Options) -> int:
    return each(context, options.args, lambda name: context.engine.containers.restart(name, timeout=options.number("time")))
