"""``longshore node update``"""

from __future__ import annotations

from engine.cli.container_options import labels
from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.model.swarm import NodeChange

SPEC = Spec(
    usage="[OPTIONS] NODE",
    summary="Update a node",
    flags=(
        Flag(name="availability", kind="string", help='Availability of the node ("active", "pause", "drain")'),
        Flag(name="label-add", kind="list", help='Add or update a node label ("key=value")'),
        Flag(name="label-rm", kind="list", help="Remove a node label if exists"),
        Flag(name="role", kind="string", help='Role of the node ("worker", "manager")'),
    ),
    least=1,
    most=1,
    completes="node",
)


def run(context: Context, options: Options) -> int:
    change = NodeChange(
        role=options.text("role"),
        availability=options.text("availability"),
        add_labels=labels(options.values("label-add")),
        remove_labels=options.values("label-rm"),
    )
    context.run(context.engine.swarm.nodes.update(options.args[0], change))
    print(options.args[0], file=context.out)
    return 0
