"""``longshore node rm``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.many import each

SPEC = Spec(
    usage="[OPTIONS] NODE [NODE...]",
    summary="Remove one or more nodes from the swarm",
    flags=(Flag(name="force", short="f", help="Force remove a node from the swarm"),),
    least=1,
    most=-1,
    completes="node",
)


def run(context: Context, options: Options) -> int:
    force = options.on("force")
    return each(context, options.args, lambda name: context.engine.swarm.nodes.remove(name, force=force))
