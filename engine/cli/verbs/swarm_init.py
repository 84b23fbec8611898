"""``longshore swarm init``"""

from __future__ import annotations

from engine.cli.cluster import SETTINGS, availability, changed, join_command, listen_address, unlock_words
from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.errors import LongshoreError
from engine.model.swarm import InitConfig

SPEC = Spec(
    usage="[OPTIONS]",
    summary="Initialize a swarm",
    flags=(
        *SETTINGS,
        Flag(name="advertise-addr", kind="string", help='Advertised address (format: "<ip|interface>[:port]")'),
        Flag(name="availability", kind="string", default="active", help='Availability of the node ("active", "pause", "drain")'),
        Flag(name="data-path-addr", kind="string", help='Address or interface to use for data path traffic (format: "<ip|interface>")'),
        Flag(
            name="data-path-port", kind="int", help="Port number to use for data path traffic (1024 - 49151); 0 is the default port (4789)"
        ),
        Flag(name="default-addr-pool", kind="list", help="default address pool in CIDR format"),
        Flag(name="default-addr-pool-mask-length", kind="int", default="24", help="default address pool subnet mask length"),
        Flag(name="force-new-cluster", help="Force create a new cluster from current state"),
        Flag(name="listen-addr", kind="string", default="0.0.0.0:2377", help='Listen address (format: "<ip|interface>[:port]")'),
    ),
)


def run(context: Context, options: Options) -> int:
    swarm = context.engine.swarm
    config = InitConfig(
        listen=listen_address(options.text("listen-addr")),
        advertise=options.text("advertise-addr"),
        data_path=options.text("data-path-addr"),
        data_path_port=options.number("data-path-port") or 0,
        pools=options.values("default-addr-pool"),
        pool_prefix=options.number("default-addr-pool-mask-length") or 24,
        availability=availability(options),
        force=options.on("force-new-cluster"),
        settings=changed(options),
    )
    try:
        node = context.run(swarm.init(config))
    except LongshoreError as error:
        if "could not choose an IP address to advertise" in error.message or "could not find the system's IP address" in error.message:
            raise type(error)(f"{error.message} - specify one with --advertise-addr") from None
        raise
    print(f"Swarm initialized: current node ({node}) is now a manager.\n", file=context.out)
    print(join_command(context, node, "worker"), end="", file=context.out)
    print("To add a manager to this swarm, run 'docker swarm join-token manager' and follow the instructions.", file=context.out)
    if options.on("autolock"):
        print(unlock_words(context.run(swarm.unlock_key())), file=context.out)
    return 0
