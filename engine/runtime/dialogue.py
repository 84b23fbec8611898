"""What a supervisor and the process it is bringing into a container say to each other.

::

    supervisor                              init
    fork ────────────────────────────────▶  own signals, session, stdio, cgroup, namespaces
    wire: name files      ◀── NAMESPACES ──
    ── WIRED ───────────▶                   root file system, /proc, /dev, …; then, with WIRED, bind mounts,
    wire: network                           masks, pivot_root, user
                          ◀── READY [fds] ─
    (created)                               waits
    ── START ───────────▶                   privileges down, seccomp, execve
                          ◀── end of file ─ the socket closed on exec: the program runs
                          ◀── ERROR ─────── at any point instead; init has ended

One SEQPACKET socket pair: a message is a packet, and its end is the other side's death. For exec the same without WIRED.

A process that was forked before its container was known (:class:`engine.runtime.process.Reserve`) has its signals and session,
and waits for the rest::

    ── PLAN [stdio] ────▶                   stdio, cgroup, namespaces, and so on as above

A container that somebody else starts later (OCI's ``create`` and ``start``, see :mod:`engine.runtime.gate`) says more::

    oci create                              init
                          ◀── MOUNTED ───── everything but pivot_root
    prestart, createRuntime hooks
    ── HOOKED ──────────▶                   createContainer hooks, pivot_root, user
                          ◀── READY [fds] ─ privileges down
                          ◀── FOUND ─────── the program is there
    state.json is written
    ── START ───────────▶
    exits                 ◀── end of file ─ waits at the exec fifo; dies with nobody

With a user namespace there is a process before: the others must be made by who is root in it, and so must be the pid namespace, in
which only a child lives. It is gone before anything else happens::

    oci create                              helper                              init
    fork ────────────────────────────────▶  cgroup, namespaces with a path, user
                          ◀── USER ────────
    uid_map, gid_map
    ── MAPPED ──────────▶                   root of its namespace; pid, time
                                            clone(CLONE_PARENT) ──────────────▶ goes on as above
                          ◀── CHILD [pid] ─ exits
"""

from __future__ import annotations

import os
import select
import socket
import struct

from engine import errors

PLAN = b"P"
NAMESPACES = b"N"
WIRED = b"W"
READY = b"R"
START = b"S"
MOUNTED = b"M"
HOOKED = b"H"
FOUND = b"F"
USER = b"U"
MAPPED = b"m"
CHILD = b"C"
ERROR = b"E"

LIMIT = 1 << 16
"""The longest message, in bytes, its kind included. A longer one is cut."""

_INT = struct.calcsize("i")
_MAX_FDS = 3


def pair() -> tuple[Line, Line]:
    """Both ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return Line(ours), Line(theirs)


class Line:
    """One end."""

    __slots__ = ("_socket",)

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def move(self, fd: int) -> None:
        """Change its descriptor's number to ``fd``."""
        self._socket = _renumber(self._socket, fd)

    def say(self, kind: bytes, payload: bytes = b"", fds: tuple[int, ...] = ()) -> None:
        """Send one message with descriptors. Raises OSError when nobody listens."""
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"{len(fds)}i", *fds))] if fds else []
        self._socket.sendmsg([kind + payload[: LIMIT - 1]], ancillary, socket.MSG_NOSIGNAL)

    def open(self) -> bool:
        """The other side still lives."""
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True

    def last_words(self) -> bytes | None:
        """The payload of the ERROR with which the other side has ended, after all that it said before; else ``None``."""
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        while poll.poll(0):
            try:
                kind, payload, fds = self.hear()
            except OSError:
                return None
            for fd in fds:
                os.close(fd)
            if kind in (ERROR, b""):
                return payload if kind else None
        return None

    def hear(self) -> tuple[bytes, bytes, tuple[int, ...]]:
        """The next message: kind (``b""`` at the end), payload and descriptors."""
        space = socket.CMSG_SPACE(_MAX_FDS * _INT)
        try:
            data, ancillary, _, _ = self._socket.recvmsg(LIMIT, space, socket.MSG_CMSG_CLOEXEC)
        except ConnectionResetError:
            # The other side left something unread when it died. That is told once, before its own last words.
            data, ancillary, _, _ = self._socket.recvmsg(LIMIT, space, socket.MSG_CMSG_CLOEXEC)
        fds: list[int] = []
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds += struct.unpack(f"{len(content) // _INT}i", content)
        return data[:1], data[1:], tuple(fds)


def _renumber(end: socket.socket, fd: int) -> socket.socket:
    if end.fileno() == fd:
        return end
    os.dup2(end.fileno(), fd, inheritable=False)
    end.close()
    return socket.socket(fileno=fd)


def pack_error(error: errors.LongshoreError) -> bytes:
    """An error as the payload of ERROR."""
    return f"{type(error).__name__}\0{error.message}\0{error.hint}".encode("utf-8", "surrogateescape")


def unpack_error(payload: bytes) -> errors.LongshoreError:
    """The error in the payload of ERROR."""
    name, _, rest = payload.decode("utf-8", "replace").partition("\0")
    message, _, hint = rest.partition("\0")
    return errors.by_name(name)(message, hint=hint)
