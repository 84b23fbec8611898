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

A spare's clerk is there before the supervisor has anything to do. It takes the client in, says so without being asked, and may go
ahead with what it knows will be asked next (see :mod:`engine.supervisor.reception`).

The line is a socket of the C module: what the class in :mod:`socket` adds is Python, and memory of each supervisor's own.

A clerk dies with its supervisor. One that dies by itself fails the errand at hand, and is replaced for the next.
"""

from __future__ import annotations

import _socket as bare
import array
import errno
import os
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from engine.errors import EngineFault, LongshoreError
from engine.linux import open_files, syscalls
from engine.spawner import wire
from engine.store import codec

_LIMIT: Final = 1 << 20
"""The longest message: an exec's arguments and environment are in one."""

_SO_SNDBUFFORCE: Final = 32

_FDS: Final = 200
"""Descriptors in one message; the kernel takes 253."""

_FIRST: Final = 3


class _Crowded(OSError):
    """There was no room for the descriptors of an answer; ``pid`` is the process that it was about, or 0."""

    def __init__(self, pid: int) -> None:
        super().__init__(errno.EMFILE, os.strerror(errno.EMFILE))
        self.pid = pid


Errand = Callable[[dict[str, Any]], tuple[dict[str, Any], Sequence[int]]]


class Desk(Protocol):
    """What a clerk works at."""

    def run(self, fields: dict[str, Any]) -> tuple[dict[str, Any], Sequence[int]]:
        """Run an errand: its answer, and descriptors that go with it. Raises LongshoreError."""

    def end(self) -> None:
        """The clerk leaves."""


Intake = Callable[[bare.socket], Desk | None]


class ClerkDied(EngineFault):
    """The clerk ended before it answered: what it was sent for is done, half done, or not begun."""


class Clerk:
    """Runs errands in a child. ``hire()`` is called in it, once, and gives the desk that it works at."""

    __slots__ = ("_ahead", "_hire", "_socket", "pid")

    def __init__(self, hire: Callable[[], Desk]) -> None:
        self._hire = hire
        self._socket: bare.socket | None = None
        self._ahead = ""
        self.pid = 0

    @property
    def ahead(self) -> bool:
        """The clerk goes ahead with an errand that was not asked for yet."""
        return bool(self._ahead)

    def ready(self, intake: Intake | None = None) -> None:
        """Have a clerk waiting.

        With ``intake``, which is given the clerk's end of the line, the clerk begins with that: it has to say something that
        :meth:`hear` waits for, and gives the desk to go on at, or ``None`` when nobody is to be served.

        Raises:
            EngineFault: the kernel has no room for another process.
        """
        if self._socket is not None:
            return
        parent = os.getpid()
        ours, theirs = bare.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            pid = os.fork()
        except OSError as error:
            ours.close()
            theirs.close()
            raise EngineFault(f"cannot fork a helper process: {error.strerror}") from error
        if pid == 0:
            _work(ours, theirs, parent, intake or self._begin)
        theirs.close()
        try:
            ours.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _LIMIT)
        except OSError:
            pass  # without the privilege, messages over 200 KiB are refused
        self._socket, self.pid = ours, pid

    def _begin(self, line: bare.socket) -> Desk:
        os.closerange(_FIRST, line.fileno())  # a pipe's other end kept open here would never be seen to close
        syscalls.close_range(line.fileno() + 1)
        return self._hire()

    def hear(self) -> tuple[dict[str, Any], list[int]] | None:
        """Wait for what the clerk says by itself, which takes a client in; ``None`` when it left. Descriptors are the caller's.

        ``ahead`` in it names the errand that the clerk goes on with at once, and that will be asked of it next.
        """
        assert self._socket is not None
        try:
            said, descriptors = _receive(self._socket)
        except OSError:
            said, descriptors = None, []
        if said is None:
            self.rest()
            return None
        self._ahead = str(said.get("ahead", ""))
        return said, descriptors

    def call(self, op: str, **fields: Any) -> tuple[dict[str, Any], list[int]]:
        """Have an errand run; its answer and descriptors, which are the caller's now.

        Raises:
            LongshoreError: what the errand raised.
            ClerkDied: nobody knows how far it came.
        """
        self.ready()
        assert self._socket is not None
        ahead, self._ahead = self._ahead, ""
        try:
            if ahead and ahead != op:
                for descriptor in _receive(self._socket)[1]:
                    os.close(descriptor)
            if ahead != op:
                self._socket.sendmsg([codec.dumps({"op": op, **fields}).encode()])
            answer, descriptors = _receive(self._socket)
        except _Crowded as error:
            _kill(error.pid)
            answer, descriptors = None, []
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
            self._ahead = ""
            try:
                os.waitpid(self.pid, 0)
            except ChildProcessError:
                pass
            self.pid = 0


def _work(ours: bare.socket, line: bare.socket, parent: int, begin: Intake) -> None:
    """The clerk's whole life; never returns."""
    status = 1
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        ours.close()
        open_files.allow_as_given()
        desk = begin(line)
        while desk is not None and os.getppid() == parent:
            request, _ = _receive(line)
            if request is None:
                desk.end()
                break
            reply(line, desk.run, request)
        status = 0
    except (BrokenPipeError, ConnectionResetError):
        pass  # the supervisor was killed, and we are about to be
    except BaseException:
        import sys

        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(status)


def reply(line: bare.socket, errand: Errand, request: dict[str, Any]) -> LongshoreError | None:
    """Run an errand and send what it gives, or why it failed, which comes back; its descriptors are closed here."""
    descriptors: Sequence[int] = ()
    failure = None
    try:
        answer, descriptors = errand(request)
    except LongshoreError as error:
        failure = error
        answer = {"error": {"kind": type(error).__name__, "message": error.message, "hint": error.hint}}
    send(line, answer, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    open_files.allow_as_given()
    return failure


def send(sock: bare.socket, fields: dict[str, Any], descriptors: Sequence[int]) -> None:
    """Send a message with descriptors, which stay open here. Raises OSError."""
    data = codec.dumps({**fields, "fds": len(descriptors)}).encode()
    for start in range(0, max(1, len(descriptors)), _FDS):
        part = array.array("i", descriptors[start : start + _FDS])
        sock.sendmsg([data if start == 0 else b"+"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, part)] if part else [])


def _receive(sock: bare.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """A message with all its descriptors; ``None`` at the end. Raises OSError, one for which there is no room too."""
    data, descriptors, cut = _receive_part(sock)
    if not data:
        return None, []
    fields = wire.fields_of(data)
    if int(fields.get("fds", 0)) > _FDS:
        open_files.allow_many()
    while len(descriptors) < int(fields.get("fds", 0)) and not cut:
        more, further, cut = _receive_part(sock)
        descriptors += further
        cut = cut or not more
    if cut:
        for descriptor in descriptors:
            os.close(descriptor)
        raise _Crowded(int(fields.get("pid", 0)))
    return fields, descriptors


def _kill(pid: int) -> None:
    """End a process that was made for us, but whose descriptors did not arrive. It is our child and not reaped: the pid is its own."""
    if pid:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def _receive_part(sock: bare.socket) -> tuple[bytes, list[int], bool]:
    """Data, descriptors, and whether the kernel dropped some of them, as it does where the limit of open files is reached."""
    room = socket.CMSG_SPACE(_FDS * 4)
    try:
        data, ancillary, flags, _ = sock.recvmsg(_LIMIT, room, socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        # The other side died with something unread. That is told once, before what it had still said.
        data, ancillary, flags, _ = sock.recvmsg(_LIMIT, room, socket.MSG_CMSG_CLOEXEC)
    found = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(content[: len(content) - len(content) % found.itemsize])
    return data, list(found), bool(flags & socket.MSG_CTRUNC)
