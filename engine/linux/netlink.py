"""Netlink messages and the socket that carries them.

One request is one ``send`` and the answers up to its acknowledgement; dumps end with ``NLMSG_DONE``. The kernel answers a
request before ``send`` returns, so everything here is synchronous and never waits. Attributes are built as bytes by
:func:`attribute` and taken apart by :func:`attributes`; nothing knows a family. (netlink(7), RFC 3549,
Documentation/userspace-api/netlink/intro.rst)

Errors are :class:`NetlinkError`, an ``OSError`` with the kernel's extended message where it sent one.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Iterator
from typing import Self

NETLINK_ROUTE = 0
NETLINK_NETFILTER = 12

NLMSG_ERROR = 2
NLMSG_DONE = 3
NLM_F_REQUEST = 0x1
NLM_F_MULTI = 0x2
NLM_F_ACK = 0x4
NLM_F_DUMP = 0x300
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800
NLM_F_DUMP_INTR = 0x10

NLA_F_NESTED = 0x8000
_NLA_TYPE_MASK = 0x3FFF

_SOL_NETLINK = 270
_NETLINK_CAP_ACK = 10
_NETLINK_EXT_ACK = 11
_NETLINK_GET_STRICT_CHK = 12
_NLM_F_ACK_TLVS = 0x200
_NLMSGERR_ATTR_MSG = 1

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_RECEIVE = 1 << 17
_CLONE_NEWNET = 0x40000000

Message = tuple[int, bytes]
"""Type and payload, without the netlink header."""


class NetlinkError(OSError):
    """The kernel refused a request; ``strerror`` carries its own explanation where it gave one."""


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute (``struct nlattr``), padded to four bytes."""
    return _ATTRIBUTE.pack(len(value) + 4, kind) + value + b"\0" * (-len(value) % 4)


def nest(kind: int, *parts: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | NLA_F_NESTED, b"".join(parts))


def text(kind: int, value: str) -> bytes:
    """A zero-terminated string attribute."""
    return attribute(kind, value.encode() + b"\0")


def u32(kind: int, value: int) -> bytes:
    """A host order 32 bit attribute (rtnetlink's order)."""
    return attribute(kind, struct.pack("=I", value))


def be32(kind: int, value: int) -> bytes:
    """A network order 32 bit attribute (nfnetlink's order)."""
    return attribute(kind, struct.pack(">I", value))


def each(data: bytes, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """The attributes of ``data`` from ``offset`` on, in order; a damaged tail ends the walk."""
    end = len(data)
    while offset + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4 or offset + length > end:
            return
        yield kind & _NLA_TYPE_MASK, data[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def attributes(data: bytes, offset: int = 0) -> dict[int, bytes]:
    """:func:`each` as a dictionary; the last of several equal types wins."""
    return dict(each(data, offset))


class Netlink:
    """A netlink socket of the network namespace that the calling thread is in."""

    def __init__(self, protocol: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._sequence = 0
        try:
            for option in (_NETLINK_CAP_ACK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK):
                try:
                    self._socket.setsockopt(_SOL_NETLINK, option, 1)
                except OSError:  # an older kernel: less to read in errors, nothing else
                    pass
            self._socket.bind((0, 0))
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the socket up. Idempotent."""
        self._socket.close()

    def request(self, kind: int, payload: bytes, flags: int = 0) -> list[Message]:
        """Send one message and read until it is acknowledged; what came before the acknowledgement is returned.

        Raises:
            NetlinkError: the kernel refused it.
        """
        self._sequence += 1
        sequence = self._sequence
        self._socket.send(message(kind, flags | NLM_F_REQUEST | NLM_F_ACK, sequence, payload))
        return self._receive({sequence})

    def dump(self, kind: int, payload: bytes) -> list[Message]:
        """Every object of a kind. An inconsistent dump (somebody changed the table meanwhile) is taken again."""
        for _ in range(8):
            self._sequence += 1
            self._socket.send(message(kind, NLM_F_REQUEST | NLM_F_DUMP, self._sequence, payload))
            try:
                return self._receive({self._sequence}, dump=True)
            except InterruptedError:
                continue
        raise NetlinkError(errno.EINTR, "the kernel's tables change too fast to be listed")

    def transaction(self, messages: list[tuple[int, int, bytes]], begin: bytes, end: bytes) -> None:
        """Send messages as one nfnetlink batch: all of them happen, or none.

        Args:
            messages: (type, flags, payload) each.
            begin, end: payloads of the ``NFNL_MSG_BATCH_BEGIN`` and ``END`` messages.

        Raises:
            NetlinkError: with the first message that was refused.
        """
        self._sequence += 1
        data = bytearray(message(_BATCH_BEGIN, NLM_F_REQUEST, self._sequence, begin))
        sequences = set()
        for number, (kind, flags, payload) in enumerate(messages, 1):
            self._sequence += 1
            sequences.add(self._sequence)
            # Only the last one is acknowledged: a long batch must not overflow the receive buffer with answers.
            acknowledge = NLM_F_ACK if number == len(messages) else 0
            data += message(kind, flags | NLM_F_REQUEST | acknowledge, self._sequence, payload)
        self._sequence += 1
        data += message(_BATCH_END, NLM_F_REQUEST, self._sequence, end)
        self._widen(len(data))
        self._socket.send(data)
        self._receive(sequences)

    def _widen(self, size: int) -> None:
        if size > self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 2:
            so_sndbufforce = 32
            self._socket.setsockopt(socket.SOL_SOCKET, so_sndbufforce, size * 2)

    def _receive(self, waiting: set[int], *, dump: bool = False) -> list[Message]:
        """Read until an acknowledgement, an error or the end of the dump that belongs to ``waiting`` sequence numbers."""
        answers: list[Message] = []
        interrupted = False
        while True:
            for kind, flags, sequence, payload in split(self._socket.recv(_RECEIVE)):
                if sequence not in waiting:  # what an earlier, failed batch left behind
                    continue
                interrupted |= bool(flags & NLM_F_DUMP_INTR)
                if kind == NLMSG_ERROR:
                    if fault := _fault(payload, flags):
                        raise fault
                    if not dump:
                        return answers
                elif kind == NLMSG_DONE:
                    if interrupted:
                        raise InterruptedError
                    return answers
                else:
                    answers.append((kind, payload))


_BATCH_BEGIN = 0x10
_BATCH_END = 0x11


def message(kind: int, flags: int, sequence: int, payload: bytes) -> bytes:
    """A message with its header (``struct nlmsghdr``), padded."""
    return _HEADER.pack(len(payload) + 16, kind, flags, sequence, 0) + payload + b"\0" * (-len(payload) % 4)


def split(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """(type, flags, sequence, payload) of every message in a datagram."""
    offset = 0
    while offset + 16 <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, offset)
        if length < 16:
            return
        yield kind, flags, sequence, data[offset + 16 : offset + length]
        offset += (length + 3) & ~3


def _fault(payload: bytes, flags: int) -> NetlinkError | None:
    code = -int(struct.unpack_from("=i", payload)[0])
    if not code:
        return None
    reason = os.strerror(code)
    if flags & _NLM_F_ACK_TLVS:
        # With NETLINK_CAP_ACK only the header of the request comes back, then the attributes.
        said = attributes(payload, 20).get(_NLMSGERR_ATTR_MSG, b"").rstrip(b"\0").decode(errors="replace")
        reason = f"{reason}: {said}" if said else reason
    return NetlinkError(code, reason)


_libc = ctypes.CDLL(None, use_errno=True)
_libc.setns.argtypes = (ctypes.c_int, ctypes.c_int)
_libc.setns.restype = ctypes.c_int


class inside:  # noqa: N801 - a context manager, used as a verb
    """The calling thread is in another network namespace, given as a descriptor, until the block ends.

    Sockets opened in the block stay in that namespace, and ``/proc/sys/net`` shows it. Only the calling thread moves; it
    is brought back even when the block fails.
    """

    def __init__(self, namespace: int) -> None:
        self._there = namespace
        self._here = -1

    def __enter__(self) -> None:
        self._here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(self._there)
        except BaseException:
            os.close(self._here)
            raise

    def __exit__(self, *_: object) -> None:
        try:
            _enter(self._here)
        finally:
            os.close(self._here)


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, _CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, f"setns(net): {os.strerror(code)}")
