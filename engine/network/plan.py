"""What a network's record and a container's configuration mean: options, names, endpoints. Pure functions.

Docker's driver options of the bridge driver are read here (``com.docker.network.bridge.*``).
"""

from __future__ import annotations

from engine.errors import InvalidArgument, NotSupported
from engine.linux.netlink_route import mac_bytes
from engine.model.containers import Endpoint
from engine.model.networks import Subnet
from engine.network.rules import Bridge
from engine.network.wiring import Cable
from engine.store import addresses
from engine.store.containers import ContainerRecord
from engine.store.networks import Lease, NetworkRecord

OPTION = "com.docker.network.bridge."
MTU_OPTION = "com.docker.network.driver.mtu"
DEFAULT_NETWORK = "bridge"
_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_KNOWN_OPTIONS = ("name", "enable_icc", "enable_ip_masquerade", "host_binding_ipv4", "default_bridge")
_FALSE = ("0", "f", "F", "false", "FALSE", "False")


def mode(record: ContainerRecord) -> str:
    """The network a container asked for: ``host``, ``none``, ``container:…``, or the name or id of a network."""
    asked = record.host_config.network_mode
    return DEFAULT_NETWORK if asked in ("", "default") else asked


def is_default(network: NetworkRecord) -> bool:
    """It is the predefined bridge: no name server of its own, no addresses of the person's choice."""
    return network.name == DEFAULT_NETWORK


def check_options(network: NetworkRecord) -> None:
    """Refuse driver options that are malformed, and those of docker's that nothing here would follow.

    Raises:
        InvalidArgument: malformed.
        NotSupported: not followed; ignoring an option that protects would be worse than refusing it.
    """
    bridge(network)
    mtu(network)
    if host_binding(network):
        addresses.number(host_binding(network))
    for name, value in network.options.items():
        short = name.removeprefix(OPTION)
        if short == name or short in _KNOWN_OPTIONS or (short, value) == ("gateway_mode_ipv4", "nat"):
            continue
        raise NotSupported(f"network option {name}={value} is not supported", hint="leave it out")


def host_binding(network: NetworkRecord) -> str:
    """The host's address for ports that are published without one; ``""`` is every address."""
    return network.options.get(f"{OPTION}host_binding_ipv4", "")


def flag(network: NetworkRecord, name: str, default: bool) -> bool:
    """A boolean driver option. Raises InvalidArgument."""
    text = network.options.get(OPTION + name, "")
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if text:
        raise InvalidArgument(f'invalid value for {OPTION}{name}: strconv.ParseBool: parsing "{text}": invalid syntax')
    return default


def mtu(network: NetworkRecord) -> int:
    """The MTU option, 1500 by default. Raises InvalidArgument."""
    text = network.options.get(MTU_OPTION, "") or "1500"
    if not text.isascii() or not text.isdigit() or not 68 <= int(text) <= 65535:
        raise InvalidArgument(f"invalid value for {MTU_OPTION}: {text}")
    return int(text)


def subnet(network: NetworkRecord) -> Subnet:
    """The network's IPv4 subnet, which every bridge network has."""
    return network.subnets[0]


def bridge(network: NetworkRecord) -> Bridge:
    """The network as the rules see it."""
    place = subnet(network)
    return Bridge(
        name=network.bridge,
        network=addresses.text(addresses.bounds(place.subnet)[0], 4),
        prefix_length=addresses.prefix_length(place.subnet),
        gateway=place.gateway,
        internal=network.internal,
        icc=not secluded(network),
        masquerade=flag(network, "enable_ip_masquerade", True),
    )


def secluded(network: NetworkRecord) -> bool:
    """Its containers must not see each other (``enable_icc`` is off)."""
    return not flag(network, "enable_icc", True)


def precedence(network: NetworkRecord) -> tuple[bool, str]:
    """What sorts the networks of a container: the first one is its default route (moby ``Endpoint.Less``)."""
    return network.internal, network.name


def cable(network: NetworkRecord, lease: Lease, host_end: str, interface: str, *, isolated: bool = False, gateway: bool = True) -> Cable:
    """A container's connection to the network; with ``gateway`` it is the default route, unless the network is internal."""
    place = subnet(network)
    return Cable(
        host_end=host_end,
        container_end=interface,
        address=lease.address,
        prefix_length=addresses.prefix_length(place.subnet),
        mac=lease.mac,
        gateway=place.gateway if gateway and not network.internal else "",
        mtu=mtu(network),
        isolated=isolated,
    )


def asked(network: NetworkRecord, record: ContainerRecord) -> Endpoint:
    """The place in the network that a container's own configuration asks for."""
    host = record.host_config
    return Endpoint(network=network.name, network_id=network.id, aliases=host.network_aliases, requested_ip=host.ipv4_address)


def endpoint(network: NetworkRecord, wanted: Endpoint, lease: Lease) -> Endpoint:
    """The place that a container has got for the one it wanted."""
    place = subnet(network)
    return wanted.replace(
        network=network.name,
        network_id=network.id,
        ip_address=lease.address,
        prefix_length=addresses.prefix_length(place.subnet),
        gateway="" if network.internal else place.gateway,
        mac_address=lease.mac,
    )


def vacated(place: Endpoint) -> Endpoint:
    """A place as it is kept while the container does not run."""
    return Endpoint(network=place.network, network_id=place.network_id, aliases=place.aliases, requested_ip=place.requested_ip)


def check(network: NetworkRecord, wanted: Endpoint) -> None:
    """Refuse what a container may not ask of this network.

    Raises:
        InvalidArgument: in docker's words.
    """
    predefined = is_default(network) or network.driver != "bridge"
    address = wanted.requested_ip
    if address and predefined:
        raise InvalidArgument("user-specified IP address is supported on user-defined networks only")
    if address:
        first, last = addresses.bounds(subnet(network).subnet)
        if addresses.version(address) != 4 or not first <= addresses.number(address) <= last:
            raise InvalidArgument(f"invalid config for network {network.name}: no configured subnet contains IP address {address}")
    if wanted.aliases and predefined:
        raise InvalidArgument("network-scoped alias is supported only for containers in user defined networks")


def check_mac(record: ContainerRecord) -> None:
    """Refuse a MAC address that is none. Raises InvalidArgument."""
    if record.host_config.mac_address:
        try:
            mac_bytes(record.host_config.mac_address)
        except ValueError:
            raise InvalidArgument(f"invalid MAC address: {record.host_config.mac_address}") from None
