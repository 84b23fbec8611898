"""``longshore network create``"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.cli.container_options import labels, pairs
from engine.cli.context import Context
from engine.cli.flags import Flag, Options, Spec, UsageError
from engine.errors import InvalidArgument
from engine.model.networks import NetworkSpec, Subnet
from engine.store import addresses

SPEC = Spec(
    usage="[OPTIONS] NETWORK",
    summary="Create a network",
    flags=(
        Flag(name="attachable", help="Enable manual container attachment"),
        Flag(name="aux-address", kind="list", help="Auxiliary IPv4 or IPv6 addresses used by Network driver"),
        Flag(name="config-from", kind="string", help="The network from which to copy the configuration"),
        Flag(name="config-only", help="Create a configuration only network"),
        Flag(name="driver", short="d", kind="string", help="Driver to manage the Network", default="bridge", completes="network-driver"),
        Flag(name="gateway", kind="list", help="IPv4 or IPv6 gateway for the subnet"),
        Flag(name="ingress", help="Create swarm routing-mesh network"),
        Flag(name="internal", help="Restrict external access to the network"),
        Flag(name="ip-range", kind="list", help="Allocate container ip from a sub-range"),
        Flag(name="ipam-driver", kind="string", help="IP Address Management Driver", default="default"),
        Flag(name="ipam-opt", kind="list", help="Set IPAM driver specific options"),
        Flag(name="ipv4", help="Enable or disable IPv4 address assignment", default="true"),
        Flag(name="ipv6", help="Enable IPv6 networking"),
        Flag(name="label", kind="list", help="Set metadata on a network"),
        Flag(name="opt", short="o", kind="list", help="Set driver specific options"),
        Flag(name="scope", kind="string", help="Control the network's scope"),
        Flag(name="subnet", kind="list", help="Subnet in CIDR format that represents a network segment"),
    ),
    least=1,
    most=1,
)


def run(context: Context, options: Options) -> int:
    spec = NetworkSpec(
        name=options.args[0],
        driver=options.text("driver"),
        internal=options.on("internal"),
        attachable=options.on("attachable"),
        enable_ipv4=options.on("ipv4"),
        enable_ipv6=options.on("ipv6"),
        subnets=_pools(options.values("subnet"), options.values("gateway"), options.values("ip-range"), _named(options)),
        options=pairs(options.values("opt")),
        labels=labels(options.values("label")),
        scope=options.text("scope"),
        ingress=options.on("ingress"),
        ipam_driver=options.text("ipam-driver"),
        ipam_options=pairs(options.values("ipam-opt")),
        config_only=options.on("config-only"),
        config_from=options.text("config-from"),
    )
    print(context.run(context.engine.networks.create(spec)), file=context.out)
    return 0


def _named(options: Options) -> dict[str, str]:
    """``--aux-address NAME=ADDRESS``; what has no ``=`` is a name without an address, which lies in no subnet."""
    return {name: address for name, _, address in (text.partition("=") for text in options.values("aux-address"))}


def _pools(subnets: Sequence[str], gateways: Sequence[str], ranges: Sequence[str], auxiliary: Mapping[str, str]) -> tuple[Subnet, ...]:
    """The subnets, each with the gateway, the range and the addresses of others that lie in it.

    Raises:
        UsageError: one lies in none, or two in the same, in docker's words.
    """
    if len(gateways) > len(subnets) or len(ranges) > len(subnets):
        raise UsageError("every ip-range or gateway must have a corresponding subnet")
    ways, parts = [""] * len(subnets), [""] * len(subnets)
    for what, values, places in (("gateway", gateways, ways), ("range", ranges, parts)):
        for value in values:
            place = next((place for place, subnet in enumerate(subnets) if _lies_in(value, subnet)), None)
            if place is None:
                raise UsageError(f"no matching subnet for {what} {value}")
            if places[place]:
                raise UsageError(f"cannot configure multiple {what}s ({value}, {places[place]}) on the same subnet ({subnets[place]})")
            places[place] = value
    others: list[dict[str, str]] = [{} for _ in subnets]
    for name, address in auxiliary.items():
        place = next((place for place, subnet in enumerate(subnets) if _lies_in(address, subnet)), None)
        if place is None:
            raise UsageError(f"no matching subnet for aux-address {address}")
        others[place][name] = address
    return tuple(
        Subnet(subnet=subnet, gateway=way, ip_range=part, auxiliary=aux)
        for subnet, way, part, aux in zip(subnets, ways, parts, others, strict=True)
    )


def _lies_in(value: str, subnet: str) -> bool:
    """An address, or the first one of a CIDR, is in ``subnet``; not when one of them is malformed."""
    address = value.partition("/")[0]
    try:
        first, last = addresses.bounds(subnet)
        return addresses.version(address) == addresses.version(subnet) and first <= addresses.number(address) <= last
    except InvalidArgument:
        return False
