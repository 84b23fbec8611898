"""``longshore node inspect``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec
from engine.cli.swarm import INSPECT_FLAGS, show_pretty
from engine.dockerapi import pretty

SPEC = Spec(
    usage="[OPTIONS] self|NODE [NODE...]",
    summary="Display detailed information on one or more nodes",
    flags=INSPECT_FLAGS,
    least=1,
    most=-1,
    completes="node",
)


def run(context: Context, options: Options) -> int:
    engine = context.engine

    def look(name: str) -> str:
        wanted = context.run(engine.system.info()).swarm_node if name == "self" else ""
        return context.run(engine.swarm.nodes.inspect(wanted or name)).raw

    return show_pretty(context, options, look, pretty.node)
