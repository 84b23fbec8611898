"""Whether an nftables table is still loaded, and to be told when somebody changes more than rules and elements.

For front ends and supervisors, which are to own little: one message each way, and none of :mod:`engine.linux.nft`, whose imports
cost a verb more than its work. (linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h, bpf(4) of the packet filter)
"""

from __future__ import annotations

import errno
import struct
from _socket import AF_NETLINK, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW, SOL_SOCKET, socket

_NETLINK_NETFILTER = 12
_SOL_NETLINK, _ADD_MEMBERSHIP, _GROUP_NFTABLES = 270, 1, 7
_SO_ATTACH_FILTER = 26
_SUBSYSTEM = 10
_NEWTABLE, _GETTABLE, _DELTABLE, _NEWCHAIN, _DELCHAIN, _DELRULE, _DELSET = 0, 1, 2, 3, 5, 8, 11
_REQUEST, _ACK = 0x1, 0x4
_ERROR = 2
_IPV4 = 2
_HEADER = struct.Struct("=IHHII")
_FILTER_STEP = struct.Struct("=HBBI")
_LOAD_HALF, _JUMP_EQUAL, _RETURN = 0x28, 0x15, 0x06
_TYPE_OFFSET = 4
_EVERYTHING = 0xFFFFFFFF


def is_loaded(table: str, family: int = _IPV4) -> bool:
    """There is such a table in this network namespace; also true where the kernel does not say. Raises OSError."""
    name = table.encode() + b"\0"
    attribute = struct.pack("=HH", len(name) + 4, 1) + name + b"\0" * (-len(name) % 4)
    body = struct.pack(">BBH", family, 0, 0) + attribute
    with _Closing(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, _NETLINK_NETFILTER)) as one:
        one.send(_HEADER.pack(_HEADER.size + len(body), _SUBSYSTEM << 8 | _GETTABLE, _REQUEST, 1, 0) + body)
        answer = one.recv(1 << 13)
    (kind,) = struct.unpack_from("=H", answer, _TYPE_OFFSET)
    return kind != _ERROR or struct.unpack_from("=i", answer, _HEADER.size) != (-errno.ENOENT,)


class _Closing:
    def __init__(self, one: socket) -> None:
        self._socket = one

    def __enter__(self) -> socket:
        return self._socket

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def changes() -> socket:
    """A non-blocking socket that becomes readable when somebody changes nftables of this network namespace.

    It is so after a ``flush ruleset``, a new policy of a chain, a reload of a firewall; what it says is to be read and thrown away.
    Rules that are added, and elements of maps that come and go with containers, wake nobody: the kernel filters them. Raises OSError.
    """
    from array import array

    made = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, _NETLINK_NETFILTER)
    try:
        steps = _filter(_NEWTABLE, _DELTABLE, _NEWCHAIN, _DELCHAIN, _DELRULE, _DELSET)
        program = array("B", b"".join(_FILTER_STEP.pack(*step) for step in steps))
        made.setsockopt(SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(steps), program.buffer_info()[0]))
        made.bind((0, 0))
        made.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _GROUP_NFTABLES)
    except BaseException:
        made.close()
        raise
    return made


def drain(one: socket) -> None:
    """Throw away what a socket of :func:`changes` has to say."""
    while True:
        try:
            one.recv(1)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # there was more to say than it keeps
                raise


def _filter(*kinds: int) -> list[tuple[int, int, int, int]]:
    """Let a message through whose first header has one of some types of nftables."""
    steps = [(_LOAD_HALF, 0, 0, _TYPE_OFFSET)]
    for number, kind in enumerate(kinds):
        raw = struct.pack("=H", _SUBSYSTEM << 8 | kind)
        # The filter's machine loads in network order what the header holds in the host's.
        steps.append((_JUMP_EQUAL, len(kinds) - number, 0, int.from_bytes(raw, "big")))
    return [*steps, (_RETURN, 0, 0, 0), (_RETURN, 0, 0, _EVERYTHING)]
