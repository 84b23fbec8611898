"""What a network's record and a container's configuration mean: options, names, endpoints. Pure functions.

Docker's driver options of the bridge driver are read here (``com.docker.network.bridge.*``).
"""

from __future__ import annotations

from engine.errors import InvalidArgument
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
_FALSE = ("0", "f", "F", "false", "FALSE", "False")


def mode(record: ContainerRecord) -> str:
    """The network a container asked for: ``host``, ``none``, ``container:…``, or the name or id of a network."""
    asked = record.host_config.network_mode
    return DEFAULT_NETWORK if asked in ("", "default") else asked


def is_default(network: NetworkRecord) -> bool:
    """It is the predefined bridge: no name server of its own, no addresses of the person's choice."""
    return network.name == DEFAULT_NETWORK


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


def cable(network: NetworkRecord, lease: Lease, host_end: str, *, isolated: bool = False) -> Cable:
    """A container's connection to the network."""
    place = subnet(network)
    return Cable(
        host_end=host_end,
        container_end="eth0",
        address=lease.address,
        prefix_length=addresses.prefix_length(place.subnet),
        mac=lease.mac,
        gateway="" if network.internal else place.gateway,
        mtu=mtu(network),
        isolated=isolated,
    )


def endpoint(network: NetworkRecord, record: ContainerRecord, lease: Lease | None = None) -> Endpoint:
    """A container's place in the network; without a lease the place of one that does not run."""
    aliases = () if is_default(network) else record.host_config.network_aliases
    if lease is None:
        return Endpoint(network=network.name, network_id=network.id, aliases=aliases)
    place = subnet(network)
    return Endpoint(
        network=network.name,
        network_id=network.id,
        ip_address=lease.address,
        prefix_length=addresses.prefix_length(place.subnet),
        gateway="" if network.internal else place.gateway,
        mac_address=lease.mac,
        aliases=aliases,
    )


def check(network: NetworkRecord, record: ContainerRecord) -> None:
    """Refuse what a container may not ask of this network.

    Raises:
        InvalidArgument: in docker's words.
    """
    wanted = record.host_config.ipv4_address
    if wanted and (is_default(network) or network.driver != "bridge"):
        raise InvalidArgument("user-specified IP address is supported on user-defined networks only")
    if wanted:
        first, last = addresses.bounds(subnet(network).subnet)
        if addresses.version(wanted) != 4 or not first <= addresses.number(wanted) <= last:
            raise InvalidArgument(f"invalid config for network {network.name}: no configured subnet contains IP address {wanted}")
    if record.host_config.network_aliases and is_default(network):
        raise InvalidArgument("network-scoped alias is supported only for containers in user defined networks")
