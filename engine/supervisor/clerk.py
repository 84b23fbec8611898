"""The supervisor's clerk: a child that does the heavy work and goes away with the memory it took.

A supervisor lives as long as its container, which may be months, so it should own little. Opening the database, reading the
configuration, netlink, bringing a process up: all that touches a thousand pages, which stay private for good. So the
supervisor has it done by a forked child, over a socket, and lets the child go when there was nothing to do for a moment. The
next errand forks another. What a clerk makes becomes the supervisor's: processes are cloned as the supervisor's own
children, descriptors come over the socket.

::

    supervisor                                   clerk
      {op, …}                               ->
                                            <-   {…} + descriptors | {error}
      closes the socket                     ->   leaves

A clerk dies with its supervisor. One that dies by itself fails the errand at hand, and is replaced for the next.
"""

from __future__ import annotations

import array
import os
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from engine.errors import EngineFault, LongshoreError
from engine.linux import syscalls
from engine.spawner import wire
from engine.store import codec

_LIMIT: Final = 1 << 20
"""The longest message: an exec's arguments and environment are in one."""

_SO_SNDBUFFORCE: Final = 32

_FDS: Final = 200
"""Descriptors in one message; the kernel takes 253."""

Errand = Callable[[dict[str, Any]], tuple[dict[str, Any], Sequence[int]]]


class ClerkDied(EngineFault):
    """The clerk ended before it answered: what it was sent for is done, half done, or not begun."""


class Clerk:
    """Runs errands in a child. ``hire()`` is called in it, once, and gives the function that runs them."""

    def __init__(self, hire: Callable[[], Errand]) -> None:
        self._hire = hire
        self._socket: socket.socket | None = None
        self.pid = 0

    def ready(self) -> None:
        """Have a clerk waiting.

        Raises:
            EngineFault: the kernel has no room for another process.
        """
        if self._socket is not None:
            return
        parent = os.getpid()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            pid = os.fork()
        except OSError as error:
            ours.close()
            theirs.close()
            raise EngineFault(f"cannot fork a helper process: {error.strerror}") from error
        if pid == 0:
            _work(theirs, parent, self._hire)
        theirs.close()
        try:
            ours.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _LIMIT)
        except OSError:
            pass  # without the privilege, messages over 200 KiB are refused
        self._socket, self.pid = ours, pid

    def call(self, op: str, **fields: Any) -> tuple[dict[str, Any], list[int]]:
        """Have an errand run; its answer and descriptors, which are the caller's now.

        Raises:
            LongshoreError: what the errand raised.
            ClerkDied: nobody knows how far it came.
        """
        self.ready()
        assert self._socket is not None
        try:
            self._socket.sendmsg([codec.dumps({"op": op, **fields}).encode()])
            answer, descriptors = _receive(self._socket)
        except OSError:
            answer, descriptors = None, []
        if answer is None:
            self.rest()
            raise ClerkDied(f"the helper process died during {op}")
        if "error" in answer:
            raise wire.error_of(codec.dumps(answer["error"]).encode())
        return answer, descriptors

    def rest(self) -> None:
        """Let the clerk go."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            try:
                os.waitpid(self.pid, 0)
            except ChildProcessError:
                pass
            self.pid = 0


def _work(sock: socket.socket, parent: int, hire: Callable[[], Errand]) -> None:
    """The clerk's whole life; never returns."""
    status = 1
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.dup2(sock.fileno(), 3, inheritable=False)
        syscalls.close_range(4)  # a pipe's other end kept open here would never be seen to close
        line = socket.socket(fileno=3)
        errand = hire()
        while os.getppid() == parent:
            request, _ = _receive(line)
            if request is None:
                status = 0
                break
            _answer(line, errand, request)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the supervisor was killed, and we are about to be
    except BaseException:
        import sys

        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(status)


def _answer(line: socket.socket, errand: Errand, request: dict[str, Any]) -> None:
    descriptors: Sequence[int] = ()
    try:
        answer, descriptors = errand(request)
    except LongshoreError as error:
        answer = {"error": {"kind": type(error).__name__, "message": error.message, "hint": error.hint}}
    _send(line, {**answer, "fds": len(descriptors)}, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)


def _send(sock: socket.socket, fields: dict[str, Any], descriptors: Sequence[int]) -> None:
    data = codec.dumps(fields).encode()
    for start in range(0, max(1, len(descriptors)), _FDS):
        part = array.array("i", descriptors[start : start + _FDS])
        sock.sendmsg([data if start == 0 else b"+"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, part)] if part else [])


def _receive(sock: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """A message with all its descriptors; ``None`` at the end. Raises OSError."""
    data, descriptors = _receive_part(sock)
    if not data:
        return None, []
    fields = wire.fields_of(data)
    while len(descriptors) < int(fields.get("fds", 0)):
        more, further = _receive_part(sock)
        if not more:
            break
        descriptors += further
    return fields, descriptors


def _receive_part(sock: socket.socket) -> tuple[bytes, list[int]]:
    room = socket.CMSG_SPACE(_FDS * 4)
    try:
        data, ancillary, _flags, _ = sock.recvmsg(_LIMIT, room, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        # The other side died with something unread. That is told once, before what it had still said.
        data, ancillary, _flags, _ = sock.recvmsg(_LIMIT, room, socket.MSG_CMSG_CLOEXEC)
    found = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(content[: len(content) - len(content) % found.itemsize])
    return data, list(found)
