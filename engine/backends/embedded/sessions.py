"""Live connections to a container's supervisor: attach, exec and wait, as blocking objects that another thread may close."""

from __future__ import annotations

from _socket import MSG_NOSIGNAL, SHUT_RDWR, socket
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from engine.errors import Cancelled, NotFound
from engine.model.containers import ContainerExit, ContainerStatus
from engine.model.streams import LogLine, Output, StreamName
from engine.spawner import wire
from engine.store import events
from engine.store.bell import Bell, wait_readable
from engine.store.cancel import Cancel
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database
from engine.store.roots import Roots
from engine.supervisor import client

_STREAMS: Final = {wire.STDOUT: StreamName.STDOUT, wire.STDERR: StreamName.STDERR}
_CHUNK: Final = 1 << 16


class BlockingSession:
    """The synchronous half of :class:`engine.interface.sessions.Session`. One thread may read while another writes.

    ``lost()`` gives the exit code when the supervisor ends without telling one. ``replay`` are log lines that come before
    the live output. A ``detached`` session has no output, and an exit code like any other.
    ``pid`` is the process that was started, if one was.
    """

    def __init__(
        self,
        sock: socket,
        lost: Callable[[], int],
        replay: Callable[[], Sequence[LogLine] | None] | None = None,
        *,
        detached: bool = False,
        pid: int = 0,
    ) -> None:
        self.pid = pid
        self._sock = sock
        self._lost = lost
        self._replay = replay
        self._detached = detached
        self._frames = wire.FrameBuffer()
        self._ready: deque[Output] = deque()
        self._exit: int | None = None
        self._ended = False
        self._closed = False
        self._reading = allocate_lock()
        self._writing = allocate_lock()

    def read(self) -> Output | None:
        """The next piece of output; ``None`` at the end, and after :meth:`close`."""
        if self._detached:
            return None
        with self._reading:
            while not self._ready and self._fill():
                pass
            return self._ready.popleft() if self._ready else None

    def write(self, data: bytes) -> None:
        """Send input. Dropped when nobody takes it any more."""
        view = memoryview(data)
        while view:
            self._send(wire.frame(wire.STDIN, bytes(view[:_CHUNK])))
            view = view[_CHUNK:]

    def close_input(self) -> None:
        """End of input."""
        self._send(wire.frame(wire.STDIN_END))

    def resize(self, *, width: int, height: int) -> None:
        """The terminal's size in cells."""
        self._send(wire.message(wire.RESIZE, {"width": width, "height": height}))

    def exit_code(self) -> int:
        """Wait for the end. Output that arrives meanwhile stays to be read.

        Raises:
            Cancelled: the session was closed before.
        """
        while self._exit is None:
            with self._reading:
                if self._exit is None and not self._fill() and self._exit is None:
                    if self._closed:
                        raise Cancelled("the session was closed")
                    self._exit = self._lost()
        return self._exit

    def close(self) -> None:
        """Leave; a blocked :meth:`read` returns. Idempotent, callable from any thread."""
        if self._closed:
            return
        self._closed = True
        try:
            self._sock.shutdown(SHUT_RDWR)
        except OSError:
            pass
        with self._reading, self._writing:
            self._sock.close()

    def _fill(self) -> bool:
        """Get more; ``False`` when there will never be more."""
        if self._replay is not None:
            lines = self._replay()
            if lines is not None:
                self._ready.extend(Output(stream=line.stream, data=line.data) for line in lines)
                return True
            self._replay = None
        if self._ended or self._closed:
            return False
        try:
            data = self._sock.recv(1 << 18)
        except OSError:
            data = b""
        if not data:
            self._ended = True
            return False
        for kind, payload in self._frames.feed(data):
            if kind in _STREAMS:
                self._ready.append(Output(stream=_STREAMS[kind], data=payload))
            elif kind == wire.EXIT:
                self._exit = int(wire.fields_of(payload).get("exit_code", 0))
                self._ended = True
        return True

    def _send(self, frame: bytes) -> None:
        with self._writing:
            if self._closed:
                return
            try:
                self._sock.sendall(frame, MSG_NOSIGNAL)
            except OSError:
                pass


class Wait:
    """Waits for a container's end, a :class:`~engine.model.blocking.Source` of one :class:`ContainerExit`.

    The supervisor tells, where there is one. Otherwise the events in the database do, which the bell says to look at;
    closing an inotify descriptor costs 20 ms, so that it is opened only then.
    """

    def __init__(self, roots: Roots, database: Database, record: ContainerRecord, condition: str) -> None:
        self._roots = roots
        self._db = database
        self._id = record.id
        self._condition = condition
        self._since = events.last(database)
        self._code = record.state.exit_code
        self._died = False
        self._bell: Bell | None = None
        self._told: socket | None = None
        self._cancel = Cancel()
        self._lock = allocate_lock()
        self._closed = False

    def next(self) -> ContainerExit | None:
        """The exit, once; ``None`` after it, and after :meth:`close`."""
        with self._lock:
            while not self._closed:
                if self._told is None:
                    self._told = client.subscribe(self._roots, self._id)
                if self._met():
                    self._closed = True
                    return ContainerExit(exit_code=self._code)
                self._pause()
            return None

    def close(self) -> None:
        """Stop waiting. Idempotent, callable from any thread."""
        self._closed = True
        self._cancel.set()
        with self._lock:
            self._hang_up()
            if self._bell is not None:
                self._bell.close()
                self._bell = None
            self._cancel.close()

    def _met(self) -> bool:
        """Whether the condition is met; the exit code is known then."""
        self._follow_events()
        try:
            state = Containers(self._db).get(self._id).state
        except NotFound:
            self._follow_events()  # it may have died, and gone, since they were read
            return True
        if self._condition == "removed":
            return False
        if self._died or self._condition == "next-exit":
            return self._died
        if state.running or state.status is ContainerStatus.RESTARTING:
            return False
        self._code = state.exit_code
        return True

    def _follow_events(self) -> None:
        """The first death since the wait began; for ``removed``, the last."""
        for sequence, event in events.since(self._db, self._since):
            self._since = sequence
            if event.id == self._id and event.kind == "container" and event.action == "die":
                if not self._died or self._condition == "removed":
                    self._code = int(event.attributes.get("exitCode", "0"))
                self._died = True

    def _pause(self) -> None:
        """Until the supervisor tells of an exit or ends, the bell rings, or somebody cancels."""
        if self._told is None:
            if self._bell is None:
                self._bell = Bell(self._roots)
                return  # look once more: what happened before it hung rang for nobody
            from engine.supervisor import recovery

            recovery.settle(self._roots, self._db, self._id)  # rings the bell if there was something to tell
        told = self._told.fileno() if self._told is not None else -1
        bell = self._bell.fileno() if self._bell is not None else -1
        ready = wait_readable((bell, self._cancel.fd, told), None)
        if self._bell is not None and bell in ready:
            self._bell.wait(0)
        if told in ready:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._told is not None:
            self._told.close()
            self._told = None


class Listening:
    """Says that a wait has begun: from here on no exit is missed."""


class AnnouncedWait:
    """A :class:`~engine.model.blocking.Source` of :class:`Listening`, and then what a :class:`Wait` gives."""

    def __init__(self, wait: Wait) -> None:
        self._wait = wait
        self._told = False

    def next(self) -> Listening | ContainerExit | None:
        """The next item."""
        if self._told:
            return self._wait.next()
        self._told = True
        return Listening()

    def close(self) -> None:
        """Stop waiting."""
        self._wait.close()
