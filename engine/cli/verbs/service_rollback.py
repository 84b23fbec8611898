"""``longshore service rollback``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.converge import converge
from engine.cli.flags import Flag, Options, Spec
from engine.cli.swarm import DETACH, warn

SPEC = Spec(
    usage="[OPTIONS] SERVICE",
    summary="Revert changes to a service's configuration",
    flags=(DETACH, Flag(name="quiet", short="q", help="Suppress progress output")),
    least=1,
    most=1,
    completes="service",
)


def run(context: Context, options: Options) -> int:
    name = options.args[0]
    warn(context, context.run(context.engine.swarm.services.rollback(name)))
    print(name, file=context.out, flush=True)
    if not options.on("detach"):
        converge(context, name, quiet=options.on("quiet"))
    return 0
