"""``longshore network connect``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec
from engine.cli.places import driver_options
from engine.model.containers import EndpointOptions

SPEC = Spec(
    usage="[OPTIONS] NETWORK CONTAINER",
    summary="Connect a container to a network",
    flags=(
        Flag(name="alias", kind="list", help="Add network-scoped alias for the container"),
        Flag(name="driver-opt", kind="list", help="driver options for the network"),
        Flag(name="gw-priority", kind="int", help="Highest gw-priority provides the default gateway. Accepts positive and negative values"),
        Flag(name="ip", kind="string", help='IPv4 address (e.g., "172.30.100.104")'),
        Flag(name="ip6", kind="string", help='IPv6 address (e.g., "2001:db8::33")'),
        Flag(name="link-local-ip", kind="list", help="Add a link-local address for the container"),
    ),
    least=2,
    most=2,
    completes="network",
)


def run(context: Context, options: Options) -> int:
    network, container = options.args
    wanted = EndpointOptions(
        link_local=options.values("link-local-ip"),
        gateway_priority=options.number("gw-priority") or 0,
        driver=driver_options(options.values("driver-opt")),
    )
    ip, ip6, aliases = options.text("ip"), options.text("ip6"), options.values("alias")
    context.run(context.engine.networks.connect(network, container, ip=ip, ip6=ip6, aliases=aliases, options=wanted))
    return 0
