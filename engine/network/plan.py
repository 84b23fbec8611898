"""What a network's record and a container's configuration mean: options, names, endpoints. Pure functions.

Docker's driver options of the bridge driver are read here (``com.docker.network.bridge.*``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import count

from engine.errors import InvalidArgument, NotSupported
from engine.linux.netlink_route import mac_bytes
from engine.model.containers import PLAIN, Endpoint, EndpointOptions
from engine.model.networks import Subnet
from engine.model.units import boolean, whole
from engine.network.rules import Bridge
from engine.network.wiring import Cable
from engine.store import addresses
from engine.store.containers import ContainerRecord
from engine.store.networks import Lease, NetworkRecord

OPTION = "com.docker.network.bridge."
MTU_OPTION = "com.docker.network.driver.mtu"
IFNAME_OPTION = "com.docker.network.endpoint.ifname"
SYSCTLS_OPTION = "com.docker.network.endpoint.sysctls"
"""Options of a container in a network: its interface's name, and kernel parameters, in which ``IFNAME`` stands for it."""
DEFAULT_NETWORK = "bridge"
_SYSCTL = re.compile(r"net\.(ipv4|ipv6|mpls)\.[a-z0-9_]+\.(IFNAME|ifname)\.[a-zA-Z0-9_]+=[^,\0\n]*")
_KNOWN_OPTIONS = ("name", "enable_icc", "enable_ip_masquerade", "host_binding_ipv4", "default_bridge")
_IPV6_LEAST_MTU = 1280
_NAT = (("gateway_mode_ipv4", "nat"), ("gateway_mode_ipv6", "nat"))
_LINK_LOCAL = {4: 16, 6: 64}
_LINK_LOCAL_SPAN = {4: "169.254.0.0/16", 6: "fe80::/64"}


def mode(record: ContainerRecord) -> str:
    """The network a container asked for: ``host``, ``none``, ``container:…``, or the name or id of a network."""
    asked = record.host_config.network_mode
    return DEFAULT_NETWORK if asked in ("", "default") else asked


def is_default(network: NetworkRecord) -> bool:
    """It is the predefined bridge: no name server of its own, no addresses of the person's choice."""
    return network.name == DEFAULT_NETWORK


def wants_names(record: ContainerRecord, networks: Iterable[NetworkRecord]) -> bool:
    """A name server is needed: some network has names, or the container has links."""
    return bool(record.host_config.links) or not all(map(is_default, networks))


def check_options(network: NetworkRecord) -> None:
    """Refuse driver options that are malformed, and those of docker's that nothing here would follow.

    Raises:
        InvalidArgument: malformed.
        NotSupported: not followed; ignoring an option that protects would be worse than refusing it.
    """
    bridge(network, subnet(network))
    if mtu(network) < _IPV6_LEAST_MTU and network.enable_ipv6:
        raise InvalidArgument(f"invalid value for {MTU_OPTION}: {mtu(network)}", hint=f"IPv6 needs at least {_IPV6_LEAST_MTU} (RFC 8200)")
    if host_binding(network):
        addresses.number(host_binding(network))
    for name, value in network.options.items():
        short = name.removeprefix(OPTION)
        if short == name or short in _KNOWN_OPTIONS or (short, value) in _NAT:
            continue
        raise NotSupported(f"network option {name}={value} is not supported", hint="leave it out")


def host_binding(network: NetworkRecord) -> str:
    """The host's address for ports that are published without one; ``""`` is every address."""
    return network.options.get(f"{OPTION}host_binding_ipv4", "")


def flag(network: NetworkRecord, name: str, default: bool) -> bool:
    """A boolean driver option. Raises InvalidArgument."""
    text = network.options.get(OPTION + name, "")
    if not text:
        return default
    found = boolean(text)
    if found is None:
        raise InvalidArgument(f'invalid value for {OPTION}{name}: strconv.ParseBool: parsing "{text}": invalid syntax')
    return found


def mtu(network: NetworkRecord) -> int:
    """The MTU option, 1500 by default. Raises InvalidArgument."""
    text = network.options.get(MTU_OPTION, "") or "1500"
    if not 68 <= whole(text) <= 65535:
        raise InvalidArgument(f"invalid value for {MTU_OPTION}: {text}")
    return whole(text)


def subnet(network: NetworkRecord) -> Subnet:
    """The network's IPv4 subnet, which every bridge network has."""
    return network.subnets[0]


def subnet6(network: NetworkRecord) -> Subnet | None:
    """The network's IPv6 subnet, ``None`` when it has no IPv6."""
    return network.subnets[1] if len(network.subnets) > 1 else None


def bridge(network: NetworkRecord, place: Subnet) -> Bridge:
    """The network as the rules for the family of ``place``, one of its subnets, see it."""
    return Bridge(
        name=network.bridge,
        network=place.subnet.partition("/")[0],
        prefix_length=addresses.prefix_length(place.subnet),
        internal=network.internal,
        icc=not secluded(network),
        masquerade=flag(network, "enable_ip_masquerade", True),
    )


def secluded(network: NetworkRecord) -> bool:
    """Its containers must not see each other (``enable_icc`` is off)."""
    return not flag(network, "enable_icc", True)


def precedence(network: NetworkRecord, priority: int) -> tuple[bool, int, bool, str]:
    """What sorts the networks of a container: the first one is its default route (moby ``Endpoint.Less``, ``selectGatewayEndpoint``).

    ``priority`` is what the container asks for there. Then one that leads out for both families comes before one that only does for
    IPv4, so that a single network leads out.
    """
    return network.internal, -priority, len(network.subnets) < 2, network.name


def cable(
    network: NetworkRecord,
    lease: Lease,
    host_end: str,
    interface: str,
    *,
    options: EndpointOptions = PLAIN,
    isolated: bool = False,
    gateway: bool = True,
) -> Cable:
    """A container's connection to the network, with what it asks for in ``options``; with ``gateway`` it is the
    default route, unless the network is internal."""
    given = {4: lease.address, 6: lease.address6}
    return Cable(
        host_end=host_end,
        container_end=interface,
        addresses=(
            *(
                (given[addresses.version(place.subnet)], addresses.prefix_length(place.subnet))
                for place in network.subnets
                if given[addresses.version(place.subnet)]
            ),
            *((address, _LINK_LOCAL[addresses.version(address)]) for address in options.link_local),
        ),
        mac=lease.mac,
        gateways=gateways(network) if gateway and not network.internal else (),
        mtu=mtu(network),
        isolated=isolated,
        sysctls=sysctls(options.driver, interface),
    )


def gateways(network: NetworkRecord) -> tuple[str, ...]:
    """The network's own addresses, of each family that it has."""
    return tuple(place.gateway for place in network.subnets)


def asked(network: NetworkRecord, record: ContainerRecord) -> Endpoint:
    """The place in the network that a container's own configuration asks for."""
    host = record.host_config
    return Endpoint(
        network=network.name,
        network_id=network.id,
        aliases=host.network_aliases,
        requested_ip=host.ipv4_address,
        requested_ipv6=host.ipv6_address,
        options=host.endpoint.replace(mac_address=host.mac_address),
    )


def endpoint(network: NetworkRecord, wanted: Endpoint, lease: Lease) -> Endpoint:
    """The place that a container has got for the one it wanted."""
    place, place6 = subnet(network), subnet6(network)
    got = wanted.replace(
        network=network.name,
        network_id=network.id,
        ip_address=lease.address,
        prefix_length=addresses.prefix_length(place.subnet),
        gateway="" if network.internal else place.gateway,
        mac_address=lease.mac,
    )
    if place6 is None or not lease.address6:
        return got
    return got.replace(
        global_ipv6_address=lease.address6,
        global_ipv6_prefix_length=addresses.prefix_length(place6.subnet),
        ipv6_gateway="" if network.internal else place6.gateway,
    )


def vacated(place: Endpoint) -> Endpoint:
    """A place as it is kept while the container does not run."""
    return Endpoint(
        network=place.network,
        network_id=place.network_id,
        aliases=place.aliases,
        requested_ip=place.requested_ip,
        requested_ipv6=place.requested_ipv6,
        options=place.options,
    )


def check(network: NetworkRecord, wanted: Endpoint) -> None:
    """Refuse what a container may not ask of this network.

    Raises:
        InvalidArgument: in docker's words.
    """
    predefined = is_default(network) or network.driver != "bridge"
    for address, family in ((wanted.requested_ip, 4), (wanted.requested_ipv6, 6)):
        if not address:
            continue
        if predefined:
            raise InvalidArgument("user-specified IP address is supported on user-defined networks only")
        spans = [addresses.bounds(place.subnet) for place in network.subnets if addresses.version(place.subnet) == family]
        fits = addresses.version(address) == family and any(first <= addresses.number(address) <= last for first, last in spans)
        if not fits:
            raise InvalidArgument(f"invalid config for network {network.name}: no configured subnet contains IP address {address}")
    for address in wanted.options.link_local:
        _check_link_local(address)
        if network.driver != "bridge":
            raise InvalidArgument(f"network {network.name} has no interface for link-local address {address}")
    _check_mac(wanted.options.mac_address)
    _check_driver_options(network, wanted.options.driver)
    if wanted.aliases and predefined:
        raise InvalidArgument("network-scoped alias is supported only for containers in user defined networks")


def check_mac(record: ContainerRecord) -> None:
    """Refuse a MAC address that is none. Raises InvalidArgument."""
    _check_mac(record.host_config.mac_address)


def _check_driver_options(network: NetworkRecord, driver: Mapping[str, str]) -> None:
    further = ", ".join(key for key in driver if key not in (IFNAME_OPTION, SYSCTLS_OPTION))
    if further or (driver and network.driver != "bridge"):
        named = further or ", ".join(driver)
        raise NotSupported(f"driver options of a container in network {network.name} are not supported: {named}", hint="leave them out")
    name = interface_name(driver)
    if name and not valid_interface(name):
        raise InvalidArgument(f"invalid interface name {name!r}: it has 1 to 15 characters of [a-zA-Z0-9_.-]")
    for text in filter(None, driver.get(SYSCTLS_OPTION, "").split(",")):
        if not _SYSCTL.fullmatch(text):
            raise InvalidArgument(
                "invalid endpoint settings:\n"
                f"unrecognised network interface sysctl '{text}'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', "
                "'X' must be 'ipv4', 'ipv6' or 'mpls'"
            )


def interface_name(driver: Mapping[str, str]) -> str:
    """The name that a container asks for its interface, ``""`` for the first free one of ``eth0``, ``eth1``, …"""
    return driver.get(IFNAME_OPTION, "")


def interface_names(asked: Iterable[Mapping[str, str]]) -> list[str]:
    """The names of a new container's interfaces, for the driver options of its networks in order."""
    wanted = [interface_name(driver) for driver in asked]
    free = (name for name in map("eth{}".format, count()) if name not in wanted)
    return [name or next(free) for name in wanted]


def sysctls(driver: Mapping[str, str], interface: str) -> tuple[tuple[str, str], ...]:
    """The kernel parameters that a container asks for its interface, as paths below ``/proc/sys/net`` with their values."""
    found = []
    for text in filter(None, driver.get(SYSCTLS_OPTION, "").split(",")):
        key, _, value = text.partition("=")
        family, kind, _, parameter = key.removeprefix("net.").split(".", 3)
        found.append((f"{family}/{kind}/{interface}/{parameter}", value))
    return tuple(found)


def valid_interface(name: str) -> bool:
    """The kernel takes it for an interface, and it is none that means something else."""
    return (
        0 < len(name) < 16
        and name.isascii()
        and name not in (".", "..", "all", "default", "lo")
        and all(c.isalnum() or c in "_.-" for c in name)
    )


def _check_mac(address: str) -> None:
    if address:
        try:
            mac_bytes(address)
        except ValueError:
            raise InvalidArgument(f"invalid MAC address: {address}") from None


def _check_link_local(address: str) -> None:
    try:
        first, last = addresses.bounds(_LINK_LOCAL_SPAN[addresses.version(address)])
        fits = first <= addresses.number(address) <= last
    except InvalidArgument:
        fits = False
    if not fits:
        raise InvalidArgument(f"invalid link-local IP address: {address}")
