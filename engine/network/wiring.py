"""Bridges and cables in the kernel: made, connected, removed. Nothing here knows the database.

The sysctls are written through ``/proc/sys/net``, which shows the network namespace of the thread that looks.
"""

from __future__ import annotations

import errno

from engine.errors import Conflict
from engine.linux.netlink import NetlinkError, inside
from engine.linux.netlink_route import Link, RouteSocket
from engine.model.networks import Subnet
from engine.model.value import Value
from engine.store import addresses


class Cable(Value):
    """One container's connection to a bridge.

    Attributes:
        host_end: name of the veth interface on the host.
        container_end: its peer's name, ``eth0``.
        address, prefix_length, mac, gateway: of the container; without a gateway no default route is set.
        isolated: no frames to and from other isolated ports.
    """

    host_end: str
    container_end: str
    address: str
    prefix_length: int
    mac: str
    gateway: str = ""
    mtu: int = 1500
    isolated: bool = False


class Span(Value):
    """A bridge that is wanted. ``group`` says whose it is; ``filtered`` as for :meth:`RouteSocket.add_bridge`."""

    name: str
    group: int
    alias: str
    subnet: Subnet
    mtu: int = 1500
    filtered: bool = False


def bridge_up(links: RouteSocket, wanted: Span) -> Link:
    """The bridge, made and brought up if it is not. Being up is its last step: one that is not is half made.

    Raises:
        Conflict: an interface of that name is not ours.
        NetlinkError: the kernel refused something.
    """
    name, gateway = wanted.name, wanted.subnet.gateway
    link = links.link(name)
    if link is not None and (link.kind != "bridge" or link.group != wanted.group):
        raise Conflict(f"interface {name} exists and belongs to something else", hint=f"remove it with `ip link del {name}`")
    if link is not None and link.up:
        return link
    if link is None:
        links.add_bridge(name, addresses.mac_for(gateway), group=wanted.group, mtu=wanted.mtu, filtered=wanted.filtered)
        link = links.link(name)
        assert link is not None
    links.set_alias(name, wanted.alias)
    sysctl(f"ipv6/conf/{name}/disable_ipv6", "1")  # or containers reach the host's link-local services
    sysctl(f"ipv6/conf/{name}/accept_ra", "0")  # CVE-2020-13401
    sysctl(f"ipv4/conf/{name}/route_localnet", "1")  # published ports answer on 127.0.0.1; the rules drop it from outside
    links.add_address(link.index, gateway, addresses.prefix_length(wanted.subnet.subnet))
    links.set_up(link.index)
    return link


def frames_are_filtered() -> bool:
    """Frames between the ports of a bridge can be made to pass the IPv4 hooks (br_netfilter is there)."""
    return _read_sysctl("bridge/bridge-nf-call-iptables") != ""


def enable_forwarding() -> None:
    """Let the host route between interfaces."""
    if _read_sysctl("ipv4/ip_forward") == "0":
        sysctl("ipv4/ip_forward", "1")


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
    sysctl(f"ipv6/conf/{cable.container_end}/disable_ipv6", "1")  # CVE-2024-32473
    sysctl(f"ipv4/conf/{cable.container_end}/arp_notify", "1")  # neighbours forget who had the address before
    there.add_address(link.index, cable.address, cable.prefix_length)
    there.set_up(link.index)
    if cable.gateway:
        there.add_default_route(cable.gateway, link.index)


def loopback_up(namespace: int) -> None:
    """Bring ``lo`` of a namespace up. Raises OSError."""
    with inside(namespace), RouteSocket() as there:
        _loopback_up(there)


def _loopback_up(there: RouteSocket) -> None:
    there.set_up(1)  # lo is always the first interface of a namespace


def sysctl(name: str, value: str) -> None:
    """Write ``/proc/sys/net/NAME``; one that this kernel does not have is left out."""
    try:
        with open(f"/proc/sys/net/{name}", "w", encoding="ascii") as file:
            file.write(value)
    except FileNotFoundError:
        pass


def _read_sysctl(name: str) -> str:
    try:
        with open(f"/proc/sys/net/{name}", encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""
