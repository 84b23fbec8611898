"""Forgetting connections: UDP flows that the kernel still leads to a container that is gone.

A datagram that belongs to a tracked flow never sees the translation rules, so that a client which keeps sending from one
port would go on talking to nobody. (linux/netfilter/nfnetlink_conntrack.h)
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence

from engine.linux.netlink import NETLINK_NETFILTER, Netlink, NetlinkError, attributes, nest
from engine.model.containers import PortBinding

_SUBSYSTEM = 1 << 8
_NEW, _GET, _DELETE = 0, 1, 2
_TUPLE_ORIGINAL = 1
_TUPLE_PROTOCOL = 2
_PROTOCOL_NUMBER, _DESTINATION_PORT = 1, 3
_UDP = 17
_IPV4, _IPV6 = struct.pack(">BBH", 2, 0, 0), struct.pack(">BBH", 10, 0, 0)


def forget(bindings: Sequence[PortBinding]) -> None:
    """Drop tracked UDP flows to these host ports. Raises NetlinkError."""
    for general, separator in ((_IPV4, "."), (_IPV6, ":")):
        wanted = {binding.host_port for binding in bindings if binding.protocol == "udp" and separator in binding.host_ip}
        if wanted:
            _forget(general, wanted)


def _forget(general: bytes, wanted: set[int]) -> None:
    with Netlink(NETLINK_NETFILTER) as socket:
        try:
            flows = socket.dump(_SUBSYSTEM | _GET, general)
        except NetlinkError as fault:
            if fault.errno in (errno.EOPNOTSUPP, errno.EINVAL):  # this kernel shows no flows (nf_conntrack_netlink)
                return
            raise
        for kind, payload in flows:
            original = attributes(payload, 4).get(_TUPLE_ORIGINAL)
            if kind & 0xFF != _NEW or original is None or not _leads_to(original, wanted):
                continue
            try:
                socket.request(_SUBSYSTEM | _DELETE, general + nest(_TUPLE_ORIGINAL, original))
            except NetlinkError as fault:
                if fault.errno != errno.ENOENT:  # it ended by itself
                    raise


def _leads_to(original: bytes, wanted: set[int]) -> bool:
    protocol = attributes(attributes(original).get(_TUPLE_PROTOCOL, b""))
    if protocol.get(_PROTOCOL_NUMBER) != bytes((_UDP,)):
        return False
    return int.from_bytes(protocol.get(_DESTINATION_PORT, b""), "big") in wanted
