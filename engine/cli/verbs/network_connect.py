"""``longshore network connect``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec

SPEC = Spec(
    usage="[OPTIONS] NETWORK CONTAINER",
    summary="Connect a container to a network",
    flags=(
        Flag(name="alias", kind="list", help="Add network-scoped alias for the container"),
        Flag(name="ip", kind="string", help='IPv4 address (e.g., "172.30.100.104")'),
        Flag(name="ip6", kind="string", help='IPv6 address (e.g., "2001:db8::33")'),
    ),
    least=2,
    most=2,
    completes="network",
)


def run(context: Context, options: Options) -> int:
    network, container = options.args
    places = {"ip": options.text("ip"), "ip6": options.text("ip6")}
    context.run(context.engine.networks.connect(network, container, **places, aliases=options.values("alias")))
    return 0
