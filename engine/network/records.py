"""Networks as records: the predefined ones, making and removing. The kernel is asked only which subnets are free."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from engine.errors import Conflict, Forbidden, InvalidArgument, NotFound, NotSupported
from engine.linux.netlink_route import RouteSocket
from engine.model.events import Event
from engine.model.networks import NetworkSpec, Subnet
from engine.network import files, names, plan, pools
from engine.network.settings import Wanted
from engine.store import addresses, events
from engine.store.database import Database
from engine.store.networks import NetworkRecord, Networks
from engine.store.roots import Roots

PREDEFINED = ("bridge", "host", "none")
_ELSEWHERE = ("macvlan", "ipvlan", "overlay")
"""Docker's drivers that are none of ours."""
_DRIVERS = {"host": "host", "none": "null"}


def ensure_defaults(roots: Roots, database: Database) -> None:
    """Make the records of ``bridge``, ``host`` and ``none`` that are missing."""
    networks = Networks(database)
    if len(_existing(networks)) == len(PREDEFINED):
        return
    with database.transaction():
        missing = [name for name in PREDEFINED if name not in _existing(networks)]
        for name in missing:
            networks.insert(_default_bridge(roots, networks) if name == "bridge" else _plain(name))


def _existing(networks: Networks) -> set[str]:
    return {record.name for record in networks.all()} & set(PREDEFINED)


def _plain(name: str) -> NetworkRecord:
    return NetworkRecord(id=_new_id(), name=name, driver=_DRIVERS[name], created_at=time.time())


def _default_bridge(roots: Roots, networks: Networks) -> NetworkRecord:
    name = names.default_bridge(roots)
    options = {
        f"{plan.OPTION}default_bridge": "true",
        f"{plan.OPTION}enable_icc": "true",
        f"{plan.OPTION}enable_ip_masquerade": "true",
        f"{plan.OPTION}host_binding_ipv4": "0.0.0.0",
        f"{plan.OPTION}name": name,
        plan.MTU_OPTION: "1500",
    }
    subnet = free_subnet(roots, networks)
    return NetworkRecord(id=_new_id(), name="bridge", created_at=time.time(), bridge=name, subnets=(subnet,), options=options)


def changed(roots: Roots, networks: Networks, bridge: NetworkRecord, wanted: Wanted) -> NetworkRecord:
    """The default bridge as ``config.toml`` wants it. Raises InvalidArgument, Forbidden or NotSupported, as :func:`create`."""
    ipv6, subnet = wanted
    if not ipv6:
        return bridge.replace(enable_ipv6=False, subnets=bridge.subnets[:1])
    if not os.path.exists("/proc/sys/net/ipv6"):
        raise NotSupported("network bridge: this kernel has no IPv6", hint="leave ipv6 out of config.toml")
    if subnet and addresses.version(subnet) != 6:
        raise InvalidArgument(f"fixed-cidr-v6 {subnet} is no IPv6 subnet", hint='such as "fd00:1::/64"')
    others = taken(networks, 6, without=bridge.id)
    place = pools.check(Subnet(subnet=subnet), others) if subnet else free_subnet(roots, networks, 6, without=bridge.id)
    return bridge.replace(enable_ipv6=True, subnets=(bridge.subnets[0], place))


def _check_driver(driver: str) -> None:
    if driver in ("", "default", "bridge"):
        return
    if driver in ("host", "null"):
        raise Forbidden(f'only one instance of "{driver}" network is allowed')
    if driver in _ELSEWHERE:
        raise NotSupported(f"networks of the driver {driver} are not supported", hint="use driver bridge")
    raise NotFound(f'could not find plugin {driver} in v1 plugin registry: plugin "{driver}" not found', hint="use driver bridge")


def _check_kind(spec: NetworkSpec) -> None:
    """Refuse networks of kinds that are none of ours.

    Raises:
        InvalidArgument, Forbidden, NotFound: docker would not have it either, in its words.
        NotSupported: docker has it.
    """
    if spec.ingress:
        raise Forbidden("Ingress network can only be global scope network")
    if spec.scope == "swarm":
        raise Forbidden("cannot create a swarm scoped network when swarm is not active")
    if spec.scope not in ("", "local"):
        raise NotSupported(f"networks of scope {spec.scope} need Swarm mode, which this engine does not have")
    if spec.config_only and spec.config_from:
        raise InvalidArgument("a configuration network cannot depend on another configuration network")
    if spec.config_only and (spec.internal or spec.attachable or spec.scope):
        raise InvalidArgument(
            "configuration network can only contain network specific fields. "
            "Network operator fields like [ ingress | internal | attachable | scope ] are not supported."
        )
    if spec.config_only:
        raise NotSupported("networks that are only a configuration for others are not supported")
    if spec.config_from:  # there can be none
        raise NotFound(f'configuration network "{spec.config_from}" does not exist')
    if spec.ipam_driver == "null" and spec.driver not in ("host", "null"):
        raise InvalidArgument("ipv4 pool is empty")
    if spec.ipam_driver not in ("", "default"):
        raise NotFound(f'could not find IPAM plugin {spec.ipam_driver}: plugin "{spec.ipam_driver}" not found')
    for key, value in spec.ipam_options.items():
        raise NotSupported(f"IPAM option {key}={value} is not supported", hint="leave it out")
    if not spec.enable_ipv4:
        raise NotSupported("networks without IPv4 are not supported", hint="leave out that it is to be switched off")


def create(roots: Roots, database: Database, spec: NetworkSpec) -> NetworkRecord:
    """Make a network.

    Raises:
        Conflict: the name is in use.
        Forbidden: the subnet is in use.
        InvalidArgument: name, subnet or option is malformed.
        NotFound: there is no such driver.
        NotSupported: driver or option is not to be had here.
        Forbidden: the name is predefined, in docker's words.
    """
    networks = Networks(database)
    if spec.name in (*PREDEFINED, "default") or spec.name.startswith("container:"):
        raise Forbidden(f"operation is not permitted on predefined {spec.name} network")
    if not _valid_name(spec.name):
        raise InvalidArgument(f"invalid network name {spec.name!r}: only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
    _check_kind(spec)
    _check_driver(spec.driver)
    if spec.enable_ipv6 and not os.path.exists("/proc/sys/net/ipv6"):
        raise NotSupported(f"network {spec.name}: this kernel has no IPv6", hint="leave --ipv6 out")
    identity = _new_id()
    bridge = spec.options.get(f"{plan.OPTION}name", "") or names.bridge(identity)
    if not plan.valid_interface(bridge):
        raise InvalidArgument(f"invalid bridge name {bridge!r}: an interface name has 1 to 15 characters")
    with database.transaction():
        record = NetworkRecord(
            id=identity,
            name=spec.name,
            created_at=time.time(),
            internal=spec.internal,
            attachable=spec.attachable,
            bridge=bridge,
            enable_ipv6=spec.enable_ipv6,
            subnets=_subnets(roots, networks, spec),
            options=dict(spec.options),
            labels=dict(spec.labels),
        )
        plan.check_options(record)
        if any(bridge == other.bridge for other in networks.all()):
            raise Conflict(f"bridge {bridge} belongs to another network", hint="choose another name")
        networks.insert(record, _event("create", record))
    return record


def remove(database: Database, network: NetworkRecord) -> None:
    """Forget a network. Raises Forbidden when it is predefined or has members."""
    if network.name in PREDEFINED:
        raise Forbidden(f"{network.name} is a pre-defined network and cannot be removed")
    Networks(database).delete(network.id, _event("destroy", network))


def _event(action: str, network: NetworkRecord) -> Event:
    return events.make("network", action, network.id, {"name": network.name, "type": network.driver})


def _subnets(roots: Roots, networks: Networks, spec: NetworkSpec) -> tuple[Subnet, ...]:
    """The network's IPv4 subnet, and after it the IPv6 one of a network that is to have one."""
    given: dict[int, list[Subnet]] = {4: [], 6: []}
    for wanted in spec.subnets:
        if wanted.subnet:
            given[addresses.version(wanted.subnet)].append(wanted)
        elif wanted.gateway or wanted.ip_range or wanted.auxiliary:
            raise InvalidArgument("gateway, ip-range and aux-address need a subnet", hint="name it with --subnet")
    if max(map(len, given.values())) > 1:
        raise InvalidArgument("bridge driver doesn't support multiple subnets")
    if given[6] and not spec.enable_ipv6:
        raise InvalidArgument(f"network {spec.name}: subnet {given[6][0].subnet} needs IPv6", hint="enable it with --ipv6")
    families = (4, 6) if spec.enable_ipv6 else (4,)
    return tuple(
        pools.check(given[family][0], taken(networks, family)) if given[family] else free_subnet(roots, networks, family)
        for family in families
    )


def free_subnet(roots: Roots, networks: Networks, family: int = 4, *, without: str = "") -> Subnet:
    """A subnet of the pools that no network but ``without``, no route and no name server uses."""
    busy = taken(networks, family, without=without) + pools.nameservers(files.host_resolv_conf(), family)
    try:
        with RouteSocket() as links:
            busy += pools.routed(links, family)
    except OSError:  # no netlink here: the database alone must do
        pass
    return pools.choose(busy, candidates(roots, family))


def candidates(roots: Roots, family: int) -> Iterator[str]:
    """The subnets that the engine gives out by itself."""
    return pools.local_candidates(names.global_id(roots)) if family == 6 else pools.candidates()


def taken(networks: Networks, family: int = 4, *, without: str = "") -> list[pools.Span]:
    """The subnets of a family of all networks but one."""
    subnets = (subnet.subnet for record in networks.all() if record.id != without for subnet in record.subnets)
    return [addresses.bounds(subnet) for subnet in subnets if addresses.version(subnet) == family]


def _new_id() -> str:
    return os.urandom(32).hex()


def _valid_name(name: str) -> bool:
    return name[:1].isalnum() and name.isascii() and all(c.isalnum() or c in "_.-" for c in name)
