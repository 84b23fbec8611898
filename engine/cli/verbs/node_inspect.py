"""``longshore node inspect``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.verbs.inspect import show

SPEC = Spec(
    usage="[OPTIONS] self|NODE [NODE...]",
    summary="Display detailed information on one or more nodes",
    flags=(Flag(name="format", short="f", kind="string", help="Format output with a Go template, or 'json'"),),
    least=1,
    most=-1,
    completes="node",
)


def run(context: Context, options: Options) -> int:
    engine = context.engine

    def look(name: str) -> str:
        wanted = context.run(engine.system.info()).swarm_node if name == "self" else ""
        return context.run(engine.swarm.nodes.inspect(wanted or name)).raw

    return show(context, options.args, options.text("format"), look)
