"""``longshore kill``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.many import each

SPEC = Spec(
    usage="[OPTIONS] CONTAINER [CONTAINER...]",
    summary="Kill one or more running containers",
    flags=(Flag(name="signal", short="s", kind="string", help="Signal to send to the container"),),
    least=1,
    most=-1,
    completes="container",
)


def run(context: Context, options: Options) -> int:
    return each(context, options.args, lambda name: context.engine.containers.kill(name, signal=options.text("signal") or "KILL"))
