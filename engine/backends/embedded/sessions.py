"""Live connections to a container's supervisor: attach, exec and wait, as blocking objects that another thread may close."""

from __future__ import annotations

import os
import socket
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable
from typing import Final

from engine.errors import Cancelled, NotFound
from engine.model.containers import ContainerExit, ContainerStatus
from engine.model.streams import LogLine, Output, StreamName
from engine.spawner import wire
from engine.store import events
from engine.store.bell import Bell, wait_readable
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database
from engine.store.roots import Roots
from engine.supervisor import client

_STREAMS: Final = {wire.STDOUT: StreamName.STDOUT, wire.STDERR: StreamName.STDERR}
_CHUNK: Final = 1 << 16


class BlockingSession:
    """The synchronous half of :class:`engine.interface.sessions.Session`. One thread may read while another writes.

    ``lost()`` gives the exit code when the supervisor ends without telling one. ``replay`` are log lines that come before
    the live output.
    """

    def __init__(self, sock: socket.socket, lost: Callable[[], int], replay: Callable[[], list[LogLine] | None] | None = None) -> None:
        self._sock = sock
        self._lost = lost
        self._replay = replay
        self._frames = wire.FrameBuffer()
        self._ready: deque[Output] = deque()
        self._exit: int | None = None
        self._ended = False
        self._closed = False
        self._reading = allocate_lock()
        self._writing = allocate_lock()

    def read(self) -> Output | None:
        """The next piece of output; ``None`` at the end, and after :meth:`close`."""
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
            self._sock.shutdown(socket.SHUT_RDWR)
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
                self._sock.sendall(frame, socket.MSG_NOSIGNAL)
            except OSError:
                pass


class Wait:
    """Waits for a container's end, a :class:`~engine.model.blocking.Source` of one :class:`ContainerExit`.

    What happened is read from the database, which the bell says to look at; a connection to the supervisor tells
    of a death that nobody recorded.
    """

    def __init__(self, roots: Roots, database: Database, record: ContainerRecord, condition: str) -> None:
        self._roots = roots
        self._db = database
        self._id = record.id
        self._condition = condition
        self._since = events.last(database)
        self._code = record.state.exit_code
        self._bell = Bell(roots)
        self._cancel = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._lock = allocate_lock()
        self._watch: socket.socket | None = None
        self._closed = False

    def next(self) -> ContainerExit | None:
        """The exit, once; ``None`` after it, and after :meth:`close`."""
        with self._lock:
            while not self._closed:
                found = self._look()
                if found is not None:
                    self._closed = True
                    return found
                self._pause()
            return None

    def close(self) -> None:
        """Stop waiting. Idempotent, callable from any thread."""
        self._closed = True
        if self._cancel >= 0:
            os.eventfd_write(self._cancel, 1)
        with self._lock:
            if self._cancel >= 0:
                self._bell.close()
                self._drop_watch()
                os.close(self._cancel)
                self._cancel = -1

    def _look(self) -> ContainerExit | None:
        """The exit, if the condition is met."""
        died = self._follow_events()
        try:
            record = Containers(self._db).get(self._id)
        except NotFound:
            return ContainerExit(exit_code=self._code)
        if self._condition == "removed":
            return None
        if self._condition == "next-exit":
            return ContainerExit(exit_code=self._code) if died else None
        if died or not (record.state.running or record.state.status is ContainerStatus.RESTARTING):
            return ContainerExit(exit_code=self._code if died else record.state.exit_code)
        return None

    def _follow_events(self) -> bool:
        """Whether it has died since the wait began."""
        died = False
        for sequence, event in events.since(self._db, self._since):
            self._since = sequence
            if event.id == self._id and event.kind == "container" and event.action == "die" and not died:
                died = True
                self._code = int(event.attributes.get("exitCode", "0"))
        return died

    def _pause(self) -> None:
        """Until the bell rings, the supervisor ends, or somebody cancels."""
        if self._watch is None:
            self._watch = client.watch(self._roots, self._id)
            if self._watch is None:
                from engine.supervisor import recovery

                recovery.settle(self._roots, self._db, self._id)  # rings the bell if there was something to tell
        watched = self._watch.fileno() if self._watch is not None else -1
        ready = wait_readable((self._bell.fileno(), self._cancel, watched), None)
        if self._bell.fileno() in ready:
            self._bell.wait(0)
        if watched in ready:
            self._drop_watch()

    def _drop_watch(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None
