"""A connected client of a supervisor: frames in, frames out, never blocking.

What a client does not read is queued. :attr:`Peer.full` tells producers to pause (the container's output is then left
in its pipe, as a slow reader at the end of a shell pipe would leave it), :attr:`Peer.on_drained` when to go on.
"""

from __future__ import annotations

import _socket as bare
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from engine.errors import CorruptData, LongshoreError
from engine.spawner import wire
from engine.supervisor.loop import READ, WRITE, Loop

QUEUE_LIMIT: Final = 1 << 20
"""Bytes queued for a client above which its producers pause (docker's pipe between container and client has as much)."""


def _nothing() -> None:
    """The default of every hook."""


def _unheard(_peer: Peer, _kind: int, _payload: bytes) -> None:
    """What a connection says that is closed already."""


class Peer:
    """One connection. ``on_frame(kind, payload)``, ``on_closed()`` and ``on_drained()`` are its hooks."""

    def __init__(self, loop: Loop, sock: bare.socket, on_frame: Callable[[Peer, int, bytes], None]) -> None:
        self._loop = loop
        self._sock = sock
        self._frames = wire.FrameBuffer()
        self._queue: deque[memoryview] = deque()
        self._queued = 0
        self._reading = True
        self._ending = False
        self.closed = False
        self.on_frame = on_frame
        self.on_closed: Callable[[], None] = _nothing
        self.on_drained: Callable[[], None] = _nothing
        sock.setblocking(False)
        loop.watch(sock.fileno(), READ, self._ready)

    @property
    def full(self) -> bool:
        """More is queued than a producer should add to."""
        return self._queued > QUEUE_LIMIT

    def reply(self, **fields: Any) -> None:
        """Send REPLY."""
        self.send(wire.message(wire.REPLY, fields))

    def refuse(self, error: LongshoreError) -> None:
        """Send ERROR, and close after it."""
        self.send(wire.error_frame(error))
        self.end()

    def send(self, data: bytes) -> None:
        """Send a frame, or queue what the socket does not take. Does nothing on a closed connection."""
        if self.closed or self._ending:
            return
        if not self._queue:
            sent = self._try(data)
            if self.closed or sent == len(data):
                return
            self._queue.append(memoryview(data)[sent:])
            self._queued += len(data) - sent
            self._interest()
        else:
            self._queue.append(memoryview(data))
            self._queued += len(data)

    def end(self) -> None:
        """Close once everything queued has been sent."""
        self._ending = True
        if not self._queue:
            self.close()

    def pause(self, paused: bool) -> None:
        """Stop or resume taking frames: the client's sending then blocks."""
        if not self.closed and self._reading == paused:
            self._reading = not paused
            self._interest()

    def close(self) -> None:
        """Close now. Idempotent."""
        if self.closed:
            return
        self.closed = True
        self._loop.forget(self._sock.fileno())
        self._sock.close()
        self._queue.clear()
        self._queued = 0
        # The hooks lead back here, and a supervisor collects no cycles.
        closed, drained = self.on_closed, self.on_drained
        self.on_closed = self.on_drained = _nothing
        self.on_frame = _unheard
        closed()
        drained()

    def _interest(self) -> None:
        events = (READ if self._reading else 0) | (WRITE if self._queue else 0)
        self._loop.watch(self._sock.fileno(), events, self._ready)

    def _ready(self, mask: int) -> None:
        if mask & WRITE and self._queue:
            self._flush()
        if self.closed or not mask & ~WRITE:
            return
        try:
            data = self._sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            frames = self._frames.feed(data)
        except CorruptData:
            self.close()
            return
        for kind, payload in frames:
            try:
                self.on_frame(self, kind, payload)
            except (CorruptData, ValueError, TypeError):  # a frame that says nothing we know, of a client of another version
                self.close()
                return

    def _flush(self) -> None:
        while self._queue:
            part = self._queue[0]
            sent = self._try(part)
            if self.closed:
                return
            self._queued -= sent
            if sent < len(part):
                self._queue[0] = part[sent:]
                break
            self._queue.popleft()
        if not self._queue:
            if self._ending:
                self.close()
                return
            self._interest()
        if not self.full:
            self.on_drained()

    def _try(self, data: bytes | memoryview) -> int:
        try:
            return self._sock.send(data, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return 0
        except OSError:
            self.close()
            return 0
