"""Bridges and cables in the kernel: made, connected, removed. Nothing here knows the database.

The sysctls are written through ``/proc/sys/net``, which shows the network namespace of the thread that looks.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable

from engine.errors import Conflict, InvalidArgument
from engine.linux.netlink import NetlinkError, inside
from engine.linux.netlink_route import ROUTER_ADVERTISEMENT, Link, RouteSocket
from engine.linux.syscalls import reason
from engine.model.networks import Subnet
from engine.model.value import Value
from engine.store import addresses


class Cable(Value):
    """One container's connection to a bridge.

    Attributes:
        host_end: name of the veth interface on the host.
        container_end: its peer's name, ``eth0``.
        addresses: of the container with their prefix lengths, an IPv4 one and perhaps an IPv6 one.
        mac: of the container.
        gateways: where it leads out, one of each family; without any no default route is set.
        isolated: no frames to and from other isolated ports.
        sysctls: of the container's interface, paths below ``/proc/sys/net`` with values.
    """

    host_end: str
    container_end: str
    addresses: tuple[tuple[str, int], ...]
    mac: str
    gateways: tuple[str, ...] = ()
    mtu: int = 1500
    isolated: bool = False
    sysctls: tuple[tuple[str, str], ...] = ()


class Span(Value):
    """A bridge that is wanted, with an address in each of ``subnets``.

    ``group`` says whose it is; ``filtered`` as for :meth:`RouteSocket.add_bridge`.
    """

    name: str
    group: int
    alias: str
    subnets: tuple[Subnet, ...]
    mtu: int = 1500
    filtered: bool = False


def bridge_up(links: RouteSocket, wanted: Span) -> Link:
    """The bridge, made and brought up if it is not. Being up is its last step: one that is not is half made.

    Raises:
        Conflict: an interface of that name is not ours.
        NetlinkError: the kernel refused something.
    """
    name = wanted.name
    link = links.link(name)
    if link is not None and (link.kind != "bridge" or link.group != wanted.group):
        raise Conflict(f"interface {name} exists and belongs to something else", hint=f"remove it with `ip link del {name}`")
    if link is not None and link.up:
        return link
    if link is None:
        links.add_bridge(name, addresses.mac_for(wanted.subnets[0].gateway), group=wanted.group, mtu=wanted.mtu, filtered=wanted.filtered)
        link = links.link(name)
        assert link is not None
    links.set_alias(name, wanted.alias)
    with_ipv6 = any(addresses.version(place.subnet) == 6 for place in wanted.subnets)
    _ipv6(name, with_ipv6)  # without it containers would reach the host's link-local services
    sysctl(f"ipv4/conf/{name}/route_localnet", "1")  # published ports answer on 127.0.0.1; the rules drop it from outside
    for place in wanted.subnets:
        links.add_address(link.index, place.gateway, addresses.prefix_length(place.subnet))
    links.set_up(link.index)
    return link


def frames_are_filtered() -> bool:
    """Frames between the ports of a bridge can be made to pass the IP hooks (br_netfilter is there)."""
    return _read_sysctl("bridge/bridge-nf-call-iptables") != ""


def _ipv6(name: str, on: bool) -> None:
    """Switch an interface's IPv6 on, or off (CVE-2024-32473).

    Nobody there hands out addresses but the engine: router advertisements are a neighbour's attack (CVE-2020-13401), and a
    search for duplicates would only delay the first packets.
    """
    sysctl(f"ipv6/conf/{name}/accept_ra", "0")
    if on:
        sysctl(f"ipv6/conf/{name}/accept_dad", "0")
    sysctl(f"ipv6/conf/{name}/disable_ipv6", "0" if on else "1")


def enable_forwarding(links: RouteSocket, subnets: Iterable[Subnet]) -> None:
    """Let the host route between interfaces, in the families of ``subnets``.

    A host that forwards IPv6 does not listen to routers any more (``accept_ra`` 1): where it has a route from one, it is told to
    go on, so that it does not lose its own way out. (Documentation/networking/ip-sysctl.rst)
    """
    if _read_sysctl("ipv4/ip_forward") == "0":
        sysctl("ipv4/ip_forward", "1")
    if not any(addresses.version(place.subnet) == 6 for place in subnets) or _read_sysctl("ipv6/conf/all/forwarding") != "0":
        return
    learned = {route.index for route in links.routes(socket.AF_INET6) if route.protocol == ROUTER_ADVERTISEMENT}
    for name in (link.name for link in links.links() if link.index in learned):
        if _read_sysctl(f"ipv6/conf/{name}/accept_ra") == "1":
            sysctl(f"ipv6/conf/{name}/accept_ra", "2")
    sysctl("ipv6/conf/all/forwarding", "1")


def connect(links: RouteSocket, bridge: int, namespace: int, cable: Cable) -> None:
    """Plug a container in; a cable that an earlier run left behind is replaced.

    Args:
        links: rtnetlink of the host.
        bridge: index of the bridge.
        namespace: descriptor of the container's network namespace.
        cable: what to make.

    Raises:
        OSError: the kernel refused something; nothing of the cable stays.
    """
    try:
        _plug(links, bridge, namespace, cable)
    except NetlinkError as fault:
        if fault.errno != errno.EEXIST or not links.delete_link(cable.host_end):
            raise
        _plug(links, bridge, namespace, cable)
    try:
        links.set_port(cable.host_end, hairpin=True, isolated=cable.isolated)
        with inside(namespace), RouteSocket() as there:
            _configure(there, cable)
    except BaseException:
        links.delete_link(cable.host_end)
        raise


def _plug(links: RouteSocket, bridge: int, namespace: int, cable: Cable) -> None:
    links.add_veth(cable.host_end, master=bridge, peer=cable.container_end, peer_mac=cable.mac, namespace=namespace, mtu=cable.mtu)


def _configure(there: RouteSocket, cable: Cable) -> None:
    _loopback_up(there)
    link = there.link(cable.container_end)
    if link is None:
        raise NetlinkError(errno.ENODEV, f"{cable.container_end} did not arrive in the container")
    with_ipv6 = any(addresses.version(address) == 6 for address, _ in cable.addresses)
    _ipv6(cable.container_end, with_ipv6)
    sysctl(f"ipv4/conf/{cable.container_end}/arp_notify", "1")  # neighbours forget who had the address before
    if with_ipv6:
        sysctl(f"ipv6/conf/{cable.container_end}/ndisc_notify", "1")
    for path, value in cable.sysctls:
        _asked_for(path, value)
    for address, prefix_length in cable.addresses:
        there.add_address(link.index, address, prefix_length)
    there.set_up(link.index)
    for gateway in cable.gateways:
        there.add_default_route(gateway, link.index)


def _asked_for(path: str, value: str) -> None:
    """Write a parameter that a person wants, as docker says it where that fails. Raises InvalidArgument."""
    try:
        with open(f"/proc/sys/net/{path}", "wb", buffering=0) as file:
            file.write(value.encode())
    except OSError as error:
        name = path.replace("/", ".")
        raise InvalidArgument(f"unable to apply sysctl net.{name}={value}: open /proc/sys/net/{path}: {reason(error)}") from None


def _loopback_up(there: RouteSocket) -> None:
    there.set_up(1)  # lo is always the first interface of a namespace


def sysctl(name: str, value: str) -> None:
    """Write ``/proc/sys/net/NAME``; one that this kernel does not have is left out."""
    try:
        with open(f"/proc/sys/net/{name}", "wb", buffering=0) as file:
            file.write(value.encode())
    except FileNotFoundError:
        pass


def _read_sysctl(name: str) -> str:
    try:
        with open(f"/proc/sys/net/{name}", "rb", buffering=0) as file:
            return file.read().decode().strip()
    except FileNotFoundError:
        return ""
