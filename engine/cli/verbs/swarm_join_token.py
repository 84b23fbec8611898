"""``longshore swarm join-token``"""

from __future__ import annotations

from engine.cli.cluster import join_command
from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.errors import InvalidArgument
from engine.model.swarm import ClusterChange

SPEC = Spec(
    usage="[OPTIONS] (worker|manager)",
    summary="Manage join tokens",
    flags=(Flag(name="quiet", short="q", help="Only display token"), Flag(name="rotate", help="Rotate join token")),
    least=1,
    most=1,
)


def run(context: Context, options: Options) -> int:
    role, quiet, swarm = options.args[0], options.on("quiet"), context.engine.swarm
    if role not in ("worker", "manager"):
        raise InvalidArgument(f"unknown role {role}")
    if options.on("rotate"):
        context.run(swarm.update(ClusterChange(rotate_worker_token=role == "worker", rotate_manager_token=role == "manager")))
        if not quiet:
            print(f"Successfully rotated {role} join token.\n", file=context.out)
    if quiet:
        cluster = context.run(swarm.inspect())
        print(cluster.worker_token if role == "worker" else cluster.manager_token, file=context.out)
        return 0
    node = context.run(context.engine.system.info()).swarm_node
    print(join_command(context, node, role), end="", file=context.out)
    return 0
