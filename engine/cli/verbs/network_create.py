"""``longshore network create``"""

from __future__ import annotations

from engine.cli.container_options import labels
from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec, UsageError
from engine.model.networks import NetworkSpec, Subnet

SPEC = Spec(
    usage="[OPTIONS] NETWORK",
    summary="Create a network",
    flags=(
        Flag(name="attachable", help="Enable manual container attachment"),
        Flag(name="driver", short="d", kind="string", help="Driver to manage the Network", default="bridge"),
        Flag(name="gateway", kind="list", help="IPv4 gateway for the subnet"),
        Flag(name="internal", help="Restrict external access to the network"),
        Flag(name="ip-range", kind="list", help="Allocate container ip from a sub-range"),
        Flag(name="label", kind="list", help="Set metadata on a network"),
        Flag(name="opt", short="o", kind="list", help="Set driver specific options"),
        Flag(name="subnet", kind="list", help="Subnet in CIDR format that represents a network segment"),
    ),
    least=1,
    most=1,
)


def run(context: Context, options: Options) -> int:
    subnets, gateways, ranges = options.values("subnet"), options.values("gateway"), options.values("ip-range")
    if len(gateways) > len(subnets) or len(ranges) > len(subnets):
        raise UsageError("every ip-range or gateway must have a corresponding subnet")
    spec = NetworkSpec(
        name=options.args[0],
        driver=options.text("driver"),
        internal=options.on("internal"),
        attachable=options.on("attachable"),
        subnets=tuple(
            Subnet(subnet=subnet, gateway=(*gateways, *[""] * len(subnets))[place], ip_range=(*ranges, *[""] * len(subnets))[place])
            for place, subnet in enumerate(subnets)
        ),
        options=labels(options.values("opt")),
        labels=labels(options.values("label")),
    )
    print(context.run(context.engine.networks.create(spec)), file=context.out)
    return 0
