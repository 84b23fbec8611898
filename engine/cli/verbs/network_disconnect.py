"""``longshore network disconnect``"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec

SPEC = Spec(
    usage="[OPTIONS] NETWORK CONTAINER",
    summary="Disconnect a container from a network",
    flags=(Flag(name="force", short="f", help="Force the container to disconnect from a network"),),
    least=2,
    most=2,
    completes="network",
)


def run(context: Context, options: Options) -> int:
    network, container = options.args
    context.run(context.engine.networks.disconnect(network, container, force=options.on("force")))
    return 0
