"""``longshore swarm leave``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Leave the swarm",
    flags=(Flag(name="force", short="f", help="Force this node to leave the swarm, ignoring warnings"),),
)


def run(context: Context, options: Options) -> int:
    context.run(context.engine.swarm.leave(force=options.on("force")))
    print("Node left the swarm.", file=context.out)
    return 0
