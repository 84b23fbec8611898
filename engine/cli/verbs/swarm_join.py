"""``longshore swarm join``"""

from __future__ import annotations

from engine.cli.cluster import availability, listen_address
from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.model.swarm import JoinConfig

SPEC = Spec(
    usage="[OPTIONS] HOST:PORT",
    summary="Join a swarm as a node and/or manager",
    flags=(
        Flag(name="advertise-addr", kind="string", help='Advertised address (format: "<ip|interface>[:port]")'),
        Flag(name="availability", kind="string", default="active", help='Availability of the node ("active", "pause", "drain")'),
        Flag(name="data-path-addr", kind="string", help='Address or interface to use for data path traffic (format: "<ip|interface>")'),
        Flag(name="listen-addr", kind="string", default="0.0.0.0:2377", help='Listen address (format: "<ip|interface>[:port]")'),
        Flag(name="token", kind="string", help="Token for entry into the swarm"),
    ),
    least=1,
    most=1,
)


def run(context: Context, options: Options) -> int:
    config = JoinConfig(
        remote=options.args[0],
        token=options.text("token"),
        listen=listen_address(options.text("listen-addr")),
        advertise=options.text("advertise-addr"),
        data_path=options.text("data-path-addr"),
        availability=availability(options),
    )
    context.run(context.engine.swarm.join(config))
    manager = context.run(context.engine.system.info()).swarm_manager
    print(f"This node joined a swarm as a {'manager' if manager else 'worker'}.", file=context.out)
    return 0
