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
    ),
    least=2,
    most=2,
    completes="network",
)


def run(context: Context, options: Options) -> int:
    network, container = options.args
    context.run(context.engine.networks.connect(network, container, ip=options.text("ip"), aliases=options.values("alias")))
    return 0
