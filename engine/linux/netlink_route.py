"""Links, addresses and routes through rtnetlink (rtnetlink(7), linux/if_link.h).

A veth pair is one message: the peer is born inside the container's namespace, with its final name and address, so that
it is never seen on the host. Only what the engine needs is here; every function is one or two messages.
"""

from __future__ import annotations

import errno
import socket
import struct

from engine.linux.netlink import (
    NETLINK_ROUTE,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    Netlink,
    NetlinkError,
    attribute,
    attributes,
    nest,
    text,
    u32,
)
from engine.model.value import Value

_NEWLINK, _DELLINK, _GETLINK, _SETLINK = 16, 17, 18, 19
_NEWADDR, _GETADDR = 20, 22
_NEWROUTE, _GETROUTE = 24, 26

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_MASTER = 1, 3, 4, 10
_IFLA_LINKINFO, _IFLA_IFALIAS, _IFLA_GROUP, _IFLA_NET_NS_FD, _IFLA_PROTINFO = 18, 20, 27, 28, 12
_IFLA_INFO_KIND, _IFLA_INFO_DATA = 1, 2
_VETH_INFO_PEER = 1
_IFLA_BR_NF_CALL_IPTABLES, _IFLA_BR_NF_CALL_IP6TABLES = 36, 37
_IFLA_BRPORT_STATE, _IFLA_BRPORT_MODE, _IFLA_BRPORT_ISOLATED = 1, 4, 33
_BR_STATE_DISABLED = 0
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST, _IFA_FLAGS = 1, 2, 4, 8
_IFA_F_NODAD = 0x2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_TABLE = 1, 4, 5, 15
_IFF_UP = 0x1
_RT_TABLE_MAIN, _RTPROT_BOOT, _RT_SCOPE_UNIVERSE, _RTN_UNICAST = 254, 3, 0, 1

ROUTER_ADVERTISEMENT = 9
"""``RTPROT_RA``: the protocol of routes that a router told the host of."""

_IFINFO = struct.Struct("=BxHiII")
_IFADDR = struct.Struct("=BBBBI")
_RTMSG = struct.Struct("=BBBBBBBBI")


class Link(Value):
    """A network interface.

    Attributes:
        kind: ``bridge``, ``veth`` or ``""``.
        alias: a free text that lives with it.
        group: a number that is given when it is made, 0 by default.
    """

    index: int
    name: str
    kind: str = ""
    alias: str = ""
    group: int = 0
    mac: str = ""
    master: int = 0
    mtu: int = 0
    up: bool = False


class Address(Value):
    """An address of an interface."""

    index: int
    address: str
    prefix_length: int


class Route(Value):
    """A route.

    Attributes:
        destination: ``0.0.0.0`` or ``::`` with prefix length 0 for a default route.
        protocol: who made it, :data:`ROUTER_ADVERTISEMENT` for one.
    """

    destination: str
    prefix_length: int
    gateway: str = ""
    index: int = 0
    table: int = _RT_TABLE_MAIN
    protocol: int = _RTPROT_BOOT


def mac_bytes(mac: str) -> bytes:
    """``02:42:ac:11:00:02`` as six bytes. Raises ValueError."""
    raw = bytes.fromhex(mac.replace("-", ":").replace(":", ""))
    if len(raw) != 6:
        raise ValueError(f"{mac} is no MAC address")
    return raw


class RouteSocket(Netlink):
    """rtnetlink in the calling thread's network namespace. Every method raises NetlinkError."""

    def __init__(self) -> None:
        super().__init__(NETLINK_ROUTE)

    def links(self) -> list[Link]:
        """Every interface."""
        return [_link(payload) for kind, payload in self.dump(_GETLINK, _IFINFO.pack(0, 0, 0, 0, 0)) if kind == _NEWLINK]

    def link(self, name: str) -> Link | None:
        """One interface by its name, ``None`` when there is none."""
        try:
            answers = self.request(_GETLINK, _IFINFO.pack(0, 0, 0, 0, 0) + text(_IFLA_IFNAME, name))
        except NetlinkError as fault:
            if fault.errno in (errno.ENODEV, errno.EINVAL):  # EINVAL: a name that can not exist
                return None
            raise
        return _link(answers[0][1])

    def add_bridge(self, name: str, mac: str, *, group: int = 0, mtu: int = 1500, filtered: bool = False) -> None:
        """Make a bridge, down; fails with EEXIST when the name is taken.

        Args:
            name, mac, group, mtu: of the interface.
            filtered: frames between its ports pass the IP hooks even where ``bridge-nf-call-iptables`` and ``-ip6tables`` are off.
        """
        hooks = (_IFLA_BR_NF_CALL_IPTABLES, _IFLA_BR_NF_CALL_IP6TABLES)
        data = nest(_IFLA_INFO_DATA, *(attribute(hook, b"\1") for hook in hooks)) if filtered else b""
        self.request(
            _NEWLINK,
            _IFINFO.pack(0, 0, 0, 0, 0)
            + text(_IFLA_IFNAME, name)
            + attribute(_IFLA_ADDRESS, mac_bytes(mac))
            + u32(_IFLA_MTU, mtu)
            + u32(_IFLA_GROUP, group)
            + nest(_IFLA_LINKINFO, text(_IFLA_INFO_KIND, "bridge"), data),
            NLM_F_CREATE | NLM_F_EXCL,
        )

    def set_alias(self, name: str, alias: str) -> None:
        """Give an interface its free text. The kernel takes none in the message that makes an interface."""
        self.request(_SETLINK, _IFINFO.pack(0, 0, 0, 0, 0) + text(_IFLA_IFNAME, name) + text(_IFLA_IFALIAS, alias))

    def add_veth(self, name: str, *, master: int, peer: str, peer_mac: str, namespace: int, mtu: int = 1500) -> None:
        """Make a veth pair: ``name`` here, up and in bridge ``master``; ``peer`` in the namespace of a descriptor, down."""
        end = (
            _IFINFO.pack(0, 0, 0, 0, 0)
            + text(_IFLA_IFNAME, peer)
            + attribute(_IFLA_ADDRESS, mac_bytes(peer_mac))
            + u32(_IFLA_MTU, mtu)
            + u32(_IFLA_NET_NS_FD, namespace)
        )
        self.request(
            _NEWLINK,
            _IFINFO.pack(0, 0, 0, _IFF_UP, _IFF_UP)
            + text(_IFLA_IFNAME, name)
            + u32(_IFLA_MTU, mtu)
            + u32(_IFLA_MASTER, master)
            + nest(_IFLA_LINKINFO, text(_IFLA_INFO_KIND, "veth"), nest(_IFLA_INFO_DATA, nest(_VETH_INFO_PEER, end))),
            NLM_F_CREATE | NLM_F_EXCL,
        )

    def set_port(self, name: str, *, hairpin: bool = False, isolated: bool = False) -> None:
        """Set up a bridge port.

        Args:
            name: an interface in a bridge.
            hairpin: frames may go back where they came from: a container asks for its own published port.
            isolated: no frames to and from other isolated ports.
        """
        flags = attribute(_IFLA_BRPORT_MODE, bytes((hairpin,))) + attribute(_IFLA_BRPORT_ISOLATED, bytes((isolated,)))
        self._port(socket.if_nametoindex(name), flags)

    def disable_port(self, name: str) -> bool:
        """Let no frame pass a bridge port any more; false when there is no such interface.

        Unlike removing the interface this does not wait for the kernel's readers (15 ms and more).
        """
        try:
            index = socket.if_nametoindex(name)
        except OSError:
            return False
        try:
            self._port(index, attribute(_IFLA_BRPORT_STATE, bytes((_BR_STATE_DISABLED,))))
        except NetlinkError as fault:
            if fault.errno in (errno.ENODEV, errno.EINVAL, errno.EOPNOTSUPP):  # gone meanwhile, or in no bridge any more
                return False
            raise
        return True

    def _port(self, index: int, flags: bytes) -> None:
        self.request(_SETLINK, _IFINFO.pack(socket.AF_BRIDGE, 0, index, 0, 0) + nest(_IFLA_PROTINFO, flags))

    def set_up(self, index: int) -> None:
        """Bring an interface up."""
        self.request(_NEWLINK, _IFINFO.pack(0, 0, index, _IFF_UP, _IFF_UP))

    def delete_link(self, name: str) -> bool:
        """Remove an interface; false when there was none."""
        try:
            self.request(_DELLINK, _IFINFO.pack(0, 0, 0, 0, 0) + text(_IFLA_IFNAME, name))
        except NetlinkError as fault:
            if fault.errno == errno.ENODEV:
                return False
            raise
        return True

    def add_address(self, index: int, address: str, prefix_length: int) -> None:
        """Give an interface an address; one that it has already is no error.

        An IPv6 one can be used at once: it is the engine's to know that nobody else has it (``IFA_F_NODAD``).
        """
        family, raw = _packed(address)
        payload = attribute(_IFA_LOCAL, raw) + attribute(_IFA_ADDRESS, raw)
        if family == socket.AF_INET:
            host_bits = (1 << (32 - prefix_length)) - 1
            payload += attribute(_IFA_BROADCAST, struct.pack(">I", struct.unpack(">I", raw)[0] | host_bits))
        else:
            payload += u32(_IFA_FLAGS, _IFA_F_NODAD)
        self.request(_NEWADDR, _IFADDR.pack(family, prefix_length, 0, 0, index) + payload, NLM_F_CREATE | NLM_F_REPLACE)

    def addresses(self, family: int = socket.AF_INET) -> list[Address]:
        """Every address of a family."""
        found = []
        for kind, payload in self.dump(_GETADDR, _IFADDR.pack(family, 0, 0, 0, 0)):
            parts = attributes(payload, _IFADDR.size)
            raw = parts.get(_IFA_LOCAL) or parts.get(_IFA_ADDRESS)
            if kind == _NEWADDR and raw:
                address = socket.inet_ntop(family, raw)
                found.append(Address(index=_IFADDR.unpack_from(payload)[4], address=address, prefix_length=payload[1]))
        return found

    def add_default_route(self, gateway: str, index: int) -> None:
        """Send everything of the gateway's family that has no other route to ``gateway``, in place of an earlier one."""
        family, raw = _packed(gateway)
        self.request(
            _NEWROUTE,
            _RTMSG.pack(family, 0, 0, 0, _RT_TABLE_MAIN, _RTPROT_BOOT, _RT_SCOPE_UNIVERSE, _RTN_UNICAST, 0)
            + attribute(_RTA_GATEWAY, raw)
            + u32(_RTA_OIF, index),
            NLM_F_CREATE | NLM_F_REPLACE,
        )

    def routes(self, family: int = socket.AF_INET) -> list[Route]:
        """Unicast routes of a family, of every table."""
        found = []
        for kind, payload in self.dump(_GETROUTE, _RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)):
            if kind != _NEWROUTE or payload[7] != _RTN_UNICAST:
                continue
            parts = attributes(payload, _RTMSG.size)
            anywhere = bytes(4 if family == socket.AF_INET else 16)
            found.append(
                Route(
                    destination=socket.inet_ntop(family, parts.get(_RTA_DST, anywhere)),
                    prefix_length=payload[1],
                    gateway=socket.inet_ntop(family, parts[_RTA_GATEWAY]) if _RTA_GATEWAY in parts else "",
                    index=_number(parts.get(_RTA_OIF)),
                    table=_number(parts.get(_RTA_TABLE)) or payload[4],
                    protocol=payload[5],
                )
            )
        return found


def _packed(address: str) -> tuple[int, bytes]:
    """Family and bytes of an address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address)


def _link(payload: bytes) -> Link:
    _, _, index, flags, _ = _IFINFO.unpack_from(payload)
    parts = attributes(payload, _IFINFO.size)
    information = attributes(parts.get(_IFLA_LINKINFO, b""))
    return Link(
        index=index,
        name=_text(parts.get(_IFLA_IFNAME)),
        kind=_text(information.get(_IFLA_INFO_KIND)),
        alias=_text(parts.get(_IFLA_IFALIAS)),
        group=_number(parts.get(_IFLA_GROUP)),
        mac=parts.get(_IFLA_ADDRESS, b"").hex(":"),
        master=_number(parts.get(_IFLA_MASTER)),
        mtu=_number(parts.get(_IFLA_MTU)),
        up=bool(flags & _IFF_UP),
    )


def _text(raw: bytes | None) -> str:
    return raw.rstrip(b"\0").decode(errors="replace") if raw else ""


def _number(raw: bytes | None) -> int:
    return int.from_bytes(raw[:4], "little" if struct.pack("=H", 1)[0] else "big") if raw else 0
