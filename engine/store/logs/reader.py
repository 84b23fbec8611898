"""Reading a log: where it begins and ends is found with the index, then it is read straight on, and followed if wanted.

A piece that is followed by the rest of its line is joined with it, so that what one ``printf`` after another wrote is one
line, as docker has it; lines over 16 KiB stay in pieces, as docker's do.
"""

from __future__ import annotations

import os
import re
import time
from _thread import allocate_lock
from collections.abc import Callable, Sequence

from engine.errors import EngineFault
from engine.model.streams import LogBatch, LogLine, LogQuery, StreamName
from engine.store import faults
from engine.store.bell import wait_readable
from engine.store.cancel import Cancel
from engine.store.inotify import IN_CREATE, IN_MODIFY, Inotify
from engine.store.logs import record, seek

_BLOCK = 1 << 18
_PIECE = 16384
_CHECK_SECONDS = 1.0  # how often a follower looks whether the writer was killed; an orderly end rings the bell

_HEADS = {name: re.compile(rb"^.{30} %s F " % name.value.encode(), re.MULTILINE) for name in StreamName}
"""What stands before the text of a whole line."""

_new = object.__new__
_put_time = LogLine.__dict__["time"].__set__  # Value's checked constructor would take most of the time of a long log
_put_stream = LogLine.__dict__["stream"].__set__
_put_data = LogLine.__dict__["data"].__set__


class LogReader:
    """The log in ``directory``, which does not have to exist yet."""

    def __init__(self, directory: str, bell_path: str = "") -> None:
        self._directory = directory
        self._bell = bell_path

    def read(self, query: LogQuery, alive: Callable[[], bool] = lambda: False) -> LogSource:
        """Lines in batches, oldest first. With ``query.follow`` until ``alive`` says no.

        ``alive`` is asked before the log is read for the last time, so that nothing is missed.
        """
        return LogSource(self._directory, query, alive, self._bell)


class LogSource:
    """A :class:`~engine.model.blocking.Source` of batches."""

    def __init__(self, directory: str, query: LogQuery, alive: Callable[[], bool], bell_path: str) -> None:
        self._directory = directory
        self._query = query
        self._alive = alive
        self._bell = bell_path
        self._number, self._offset = seek.start(directory, query)
        self._handle = -1
        self._parser = _Parser(query)
        self._done = False
        self._lock = allocate_lock()
        self._cancel: Cancel | None = None
        self._inotify: Inotify | None = None
        if query.follow:
            self._cancel = Cancel()
            try:
                self._inotify = _watch(directory, bell_path)
            except BaseException:
                self._cancel.close()
                raise

    def next(self) -> Sequence[LogLine] | None:
        """The next batch, ``None`` at the end."""
        with self._lock:
            try:
                batch = self._next()
            except OSError as error:
                self._release()
                raise faults.from_os(error, f"read log {self._directory}") from error
            if batch is None:
                self._release()
            return batch

    def close(self) -> None:
        """Cancel."""
        self._done = True
        if self._cancel is not None:
            self._cancel.set()
        with self._lock:
            self._release()

    def _next(self) -> Sequence[LogLine] | None:
        while not self._done:
            alive = self._query.follow and not self._expired() and self._alive()
            successor = self._successor()
            block = self._block()
            if block:
                batch = self._parser.batch(block)
                if self._parser.finished:
                    self._done = True
                if batch:
                    return batch
            elif successor:
                self._move(successor)
            elif not alive:
                self._done = True
                return self._parser.flush() or None
            else:
                self._wait()
        return None

    def _expired(self) -> bool:
        return self._query.until is not None and time.time_ns() > self._query.until

    def _successor(self) -> int:
        """The next file's number, 0 when there is none. Asked before the last read of this one."""
        if self._number and os.path.exists(record.path_of(self._directory, self._number + 1)):
            return self._number + 1
        return next((number for number in record.numbers(self._directory) if number > self._number), 0)

    def _move(self, number: int) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        self._number, self._offset = number, 0

    def _block(self) -> bytes:
        """Whole records from here on; empty when there are no more yet."""
        if not self._number:
            return b""
        if self._handle < 0:
            try:
                self._handle = os.open(record.path_of(self._directory, self._number), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                return b""  # rotated away before it was read
        wanted = _BLOCK
        while True:
            data = os.pread(self._handle, wanted, self._offset)
            end = data.rfind(b"\n") + 1
            if end or len(data) < wanted:
                self._offset += end
                return data[:end]
            wanted *= 4

    def _wait(self) -> None:
        assert self._cancel is not None and self._inotify is not None
        timeout = _CHECK_SECONDS
        if self._query.until is not None:
            timeout = min(timeout, max(0.0, (self._query.until - time.time_ns()) / 1e9))
        wait_readable((self._inotify.fd, self._cancel.fd), timeout)
        self._inotify.drain()

    def _release(self) -> None:
        self._done = True
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        if self._inotify is not None:
            self._inotify.close()
        if self._cancel is not None:
            self._cancel.close()


class _Parser:
    """Records to lines."""

    def __init__(self, query: LogQuery) -> None:
        self._query = query
        self._wanted = {}
        if query.stdout:
            self._wanted[b"stdout"] = StreamName.STDOUT
        if query.stderr:
            self._wanted[b"stderr"] = StreamName.STDERR
        self._until = record.stamp(query.until) if query.until is not None else b""
        self._pieces: dict[StreamName, tuple[int, bytes]] = {}
        self._seconds: tuple[bytes, int] = (b"", 0)
        self.finished = False

    def batch(self, block: bytes) -> Sequence[LogLine]:
        """As :meth:`feed`; a block of whole lines of one stream, by far the most frequent, is not taken apart unless asked for."""
        stream = self._wanted.get(block[record.STREAM])
        if stream is None or self._until or self._pieces:
            return self.feed(block)
        text, count = _HEADS[stream].subn(b"", block)
        if count != block.count(b"\n"):
            return self.feed(block)
        return LogBatch(
            lambda: _Parser(self._query).feed(block), (stream, text), end=lambda lines: _Parser(self._query).feed(_end_of(block, lines))
        )

    def feed(self, block: bytes) -> list[LogLine]:
        """The lines of a block of whole records. ``finished`` is set when the query's end was met."""
        found: list[LogLine] = []
        wanted, until, pieces = self._wanted, self._until, self._pieces
        known, seconds = self._seconds
        for line in block.split(b"\n"):
            if len(line) < record.TEXT:
                continue
            stream = wanted.get(line[31:37])
            if stream is None:
                continue
            if until and line[:30] > until:
                self.finished = True
                found.extend(self.flush())
                break
            try:
                if line[:19] != known:
                    known, seconds = line[:19], record.seconds_of(line)
                when = seconds * 1_000_000_000 + int(line[20:29])
            except ValueError:
                continue  # torn
            if line[38] == 70:  # F
                data = line[40:] + b"\n"
                if pieces and stream in pieces:
                    data = pieces.pop(stream)[1] + data
                if len(data) > _PIECE + 1:
                    data = _cut(found, when, stream, data)
                found.append(_line(when, stream, data))
            else:
                data = line[40:]
                if stream in pieces:
                    data = pieces.pop(stream)[1] + data
                if len(data) >= _PIECE:
                    data = _cut(found, when, stream, data)
                if data:
                    pieces[stream] = (when, data)
        self._seconds = (known, seconds)
        return found

    def flush(self) -> list[LogLine]:
        """Pieces whose line never ended."""
        left = sorted((when, stream, data) for stream, (when, data) in self._pieces.items())
        self._pieces.clear()
        return [_line(when, stream, data) for when, stream, data in left]


def _end_of(block: bytes, lines: int) -> bytes:
    """The last ``lines`` whole lines of a block, or all."""
    at = len(block)
    for _ in range(lines + 1):
        at = block.rfind(b"\n", 0, at)
        if at < 0:
            return block
    return block[at + 1 :]


def _cut(found: list[LogLine], when: int, stream: StreamName, data: bytes) -> bytes:
    """Take whole pieces off the front of a long line; what remains, at most a piece and the newline, comes back."""
    end = len(data) - data.endswith(b"\n")
    start = 0
    while end - start > _PIECE or (end - start == _PIECE and end == len(data)):
        found.append(_line(when, stream, data[start : start + _PIECE]))
        start += _PIECE
    return data[start:]


def _line(when: int, stream: StreamName, data: bytes) -> LogLine:
    made = _new(LogLine)
    _put_time(made, when)
    _put_stream(made, stream)
    _put_data(made, data)
    return made


def _watch(directory: str, bell_path: str) -> Inotify:
    watcher: Inotify | None = None
    try:
        watcher = Inotify()
        os.makedirs(directory, mode=0o700, exist_ok=True)
        watcher.watch(directory, IN_MODIFY | IN_CREATE)
        if bell_path and os.path.exists(bell_path):
            watcher.watch(bell_path, IN_MODIFY)
    except OSError as error:
        if watcher is not None:
            watcher.close()
        raise EngineFault(f"follow log {directory}: {error.strerror}") from error
    return watcher
