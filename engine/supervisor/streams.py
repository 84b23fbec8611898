"""The bytes of a process: output to the log and to whoever is attached, input from them.

A writer that emits a million tiny lines would wake the supervisor for each of them. So when output keeps coming, the
supervisor naps for a millisecond between two reads and finds the pipe full: a thousand wake-ups a second at most, one
time stamp and one log write a chunk. A first chunk after a pause is passed on at once.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from engine.spawner import wire
from engine.supervisor.loop import READ, WRITE, Loop
from engine.supervisor.peers import Peer
from engine.supervisor.stdio import PIPE_SIZE

_SMALL: Final = 1 << 16
_LARGE: Final = 1 << 18
_BURST: Final = 0.002
_NAP: Final = 0.001

INPUT_LIMIT: Final = 1 << 18
"""Bytes queued for a process above which clients that send more are made to wait."""

Sink = Callable[[int, bytes], None]


class Output:
    """Reads one descriptor of a process until its end.

    ``kind`` is the frame kind (STDOUT or STDERR) that chunks are sent as; ``sink(kind, chunk)`` gets them first.
    """

    __slots__ = ("_audience", "_fd", "_kind", "_last", "_loop", "_sink", "_size")

    def __init__(self, loop: Loop, fd: int, kind: int, *, audience: Audience, sink: Sink) -> None:
        self._loop = loop
        self._fd = fd
        self._kind = kind
        self._audience = audience
        self._sink = sink
        self._size = _SMALL
        self._last = 0.0
        os.set_blocking(fd, False)
        audience.outputs.append(self)
        loop.watch(fd, READ, self._ready)

    def resume(self) -> None:
        """Read on after a pause, when everybody has room."""
        if self._fd >= 0 and not self._audience.full:
            self._loop.watch(self._fd, READ, self._ready)

    def finish(self) -> None:
        """Take what was left, without waiting for the other end to close, and close.

        Somebody else may go on writing, as what an exec has left in the background does: more than the pipe held is not its output.
        """
        left = PIPE_SIZE
        while left > 0 and self._fd >= 0 and (count := self._read()):
            left -= count
        self._end()

    def _ready(self, _mask: int) -> None:
        if self._audience.full:
            self._loop.forget(self._fd)
            return
        now = time.monotonic()
        if now - self._last < _BURST:
            time.sleep(_NAP)
        self._last = time.monotonic()
        self._read()

    def _read(self) -> int:
        """Pass a chunk on: its bytes, 0 when there is none now or ever."""
        try:
            chunk = os.read(self._fd, self._size)
        except BlockingIOError:
            return 0
        except OSError:  # EIO: the last user of the terminal has gone
            chunk = b""
        if not chunk:
            self._end()
            return 0
        self._size = _LARGE if len(chunk) >= _SMALL else _SMALL
        self._sink(self._kind, chunk)
        self._audience.send(self._kind, chunk)
        return len(chunk)

    def _end(self) -> None:
        if self._fd >= 0:
            self._loop.forget(self._fd)
            os.close(self._fd)
            self._fd = -1
            self._audience.outputs.remove(self)


class Audience:
    """The clients that hear a process."""

    __slots__ = ("outputs", "peers")

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self.outputs: list[Output] = []

    @property
    def full(self) -> bool:
        """Somebody's queue is full: reading has to wait."""
        return any(peer.full for peer in self.peers)

    def add(self, peer: Peer) -> None:
        """Send further output to ``peer`` until it closes."""
        self.peers.append(peer)
        peer.on_drained = self.resume

    def resume(self) -> None:
        """Somebody read something, or left."""
        self.peers = [peer for peer in self.peers if not peer.closed]
        for output in tuple(self.outputs):
            output.resume()

    def send(self, kind: int, chunk: bytes) -> None:
        """Pass a chunk to everybody."""
        if self.peers:
            data = wire.frame(kind, chunk)
            for peer in tuple(self.peers):
                peer.send(data)

    def dismiss(self, exit_code: int) -> None:
        """Tell everybody the exit code and close their connections when they have read all."""
        peers, self.peers = self.peers, []
        for peer in peers:
            peer.on_drained = _nothing
            peer.send(wire.message(wire.EXIT, {"exit_code": exit_code}))
            peer.end()


class Input:
    """Writes what clients send to one descriptor of a process. Input for a process that is gone is dropped."""

    def __init__(self, loop: Loop, fd: int) -> None:
        self._loop = loop
        self._fd = fd
        self._queue: deque[memoryview] = deque()
        self._queued = 0
        self._ending = False
        self._waiting: list[Peer] = []
        os.set_blocking(fd, False)

    def write(self, data: bytes, sender: Peer) -> None:
        """Pass ``data`` on; ``sender`` is made to wait while too much is queued."""
        if self._fd < 0 or self._ending or not data:
            return
        self._queue.append(memoryview(data))
        self._queued += len(data)
        self._flush()
        if self._queued > INPUT_LIMIT and sender not in self._waiting:
            self._waiting.append(sender)
            sender.pause(True)

    def end(self) -> None:
        """Close the descriptor after what is queued."""
        self._ending = True
        if not self._queue:
            self.close()

    def close(self) -> None:
        """Drop what is queued and close. Idempotent."""
        if self._fd >= 0:
            self._loop.forget(self._fd)
            os.close(self._fd)
            self._fd = -1
        self._queue.clear()
        self._queued = 0
        self._release()

    def _flush(self) -> None:
        while self._queue:
            part = self._queue[0]
            try:
                written = os.write(self._fd, part)
            except BlockingIOError:
                self._loop.watch(self._fd, WRITE, lambda _mask: self._flush())
                break
            except OSError:  # EPIPE, EIO: nobody reads any more
                self.close()
                return
            self._queued -= written
            if written < len(part):
                self._queue[0] = part[written:]
            else:
                self._queue.popleft()
        else:
            self._loop.forget(self._fd)
            if self._ending:
                self.close()
                return
        if self._queued <= INPUT_LIMIT:
            self._release()

    def _release(self) -> None:
        waiting, self._waiting = self._waiting, []
        for peer in waiting:
            peer.pause(False)


def _nothing() -> None:
    """Nobody has to be told any more."""
