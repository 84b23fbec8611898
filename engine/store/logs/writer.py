"""The writer of a log. One a container, in its supervisor, where memory and time count.

Nothing is held back: what a chunk does not end is written as a piece, so that a prompt is in the log before its answer and a
killed supervisor takes nothing with it. A chunk costs one ``bytes.replace`` and one write.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from engine.store import atomic
from engine.store.logs import record

_AROUND = len("1970-01-01T00:00:00.000000000Z  F ")
_LONGEST_LINE = 1 << 16
"""Bytes without a line's end after which a full file is closed all the same."""


class LogWriter:
    """Appends to the log in ``directory``, which is made when it is missing.

    Args:
        max_size: bytes after which a file is closed and the next begun, at the end of the line that fills it; 0 is unlimited.
        max_files: how many files are kept, the one being written included.

    Raises:
        OSError: the log can not be opened.
    """

    def __init__(self, directory: str, max_size: int = 0, max_files: int = 1) -> None:
        self.directory = directory
        self.lost = 0
        self._max_size = max_size
        self._max_files = max(1, max_files)
        self._second = -1
        self._second_text = b""
        self._newest = self._offset = self._lines = self._next_entry = 0
        self._handle = self._index = -1
        os.makedirs(directory, mode=0o700, exist_ok=True)
        known = record.numbers(directory)
        self._number = known[-1] if known else 1
        self._open()

    def write(self, stream: str, chunk: bytes, time_ns: int) -> bool:
        """Append what the container wrote to ``stdout`` or ``stderr``.

        Times never run backwards within a log: a clock that was put back counts on from the newest record.
        A chunk that the disk has no room for is dropped, for the container must go on; how much is missing is
        written into the log as soon as there is room.

        Returns:
            ``False``: the chunk was dropped.
        """
        if not chunk:
            return True
        self._newest = time_ns = max(time_ns, self._newest)
        if not self._max_size:
            return self._write(stream, chunk, time_ns)
        written = True
        for piece in self._pieces(chunk, len(stream) + _AROUND):
            written = self._write(stream, piece, time_ns) and written
            # Not in the middle of a line, of which the first half would go with its file, unless it has no end.
            if self._offset >= self._max_size + (0 if piece.endswith(b"\n") else _LONGEST_LINE):
                self._rotate()
        return written

    def _pieces(self, chunk: bytes, around: int) -> Iterator[bytes]:
        """The chunk, cut after the line that fills a file. A record is ``around`` bytes longer than its line."""
        size, start, end = self._offset, 0, 0
        if size + len(chunk) + (chunk.count(b"\n") + 1) * around < self._max_size:  # the usual chunk fits
            yield chunk
            return
        while newline := chunk.find(b"\n", end) + 1:
            size += newline - end + around
            end = newline
            if size >= self._max_size:
                yield chunk[start:end]
                size, start = 0, end
        if start < len(chunk):
            yield chunk[start:]

    def _write(self, stream: str, chunk: bytes, time_ns: int) -> bool:
        """One piece, into one file."""
        stamp = self._stamp(time_ns)
        full = b"%s %s F " % (stamp, stream.encode())
        if chunk.endswith(b"\n"):
            lines = chunk.count(b"\n")
            data = full + (chunk if lines == 1 else chunk[:-1].replace(b"\n", b"\n" + full) + b"\n")
        else:
            head, newline, rest = chunk.rpartition(b"\n")
            lines = head.count(b"\n") + 1 if newline else 0
            data = full + head.replace(b"\n", b"\n" + full) + b"\n" if newline else b""
            data += b"%s %s P %s\n" % (stamp, stream.encode(), rest)
        if self.lost and self._append(self._apology(stamp), 1, time_ns):
            self.lost = 0
        if not self._append(data, lines, time_ns):
            self.lost += len(chunk)
            return False
        return True

    def flush(self) -> None:
        """Everything that was written is in the files when this returns, which it always is: nothing is held back."""

    def close(self) -> None:
        """Give the descriptors back. Idempotent."""
        for handle in (self._handle, self._index):
            if handle >= 0:
                os.close(handle)
        self._handle = self._index = -1

    def _stamp(self, time_ns: int) -> bytes:
        second, rest = divmod(time_ns, 1_000_000_000)
        if second != self._second:
            self._second = second
            self._second_text = record.stamp(time_ns)[:20]
        return b"%s%09dZ" % (self._second_text, rest)

    def _apology(self, stamp: bytes) -> bytes:
        return b"%s stderr F longshore: %d bytes of output are missing here: the log could not be written\n" % (stamp, self.lost)

    def _append(self, data: bytes, lines: int, time_ns: int) -> bool:
        """Write whole records or nothing."""
        try:
            if self._offset >= self._next_entry:
                os.write(self._index, record.ENTRY.pack(time_ns, self._offset, self._lines))
                self._next_entry = self._offset + record.INDEX_EVERY
            atomic.write_all(self._handle, data)
        except OSError:
            try:
                os.ftruncate(self._handle, self._offset)
            except OSError:
                pass  # then the reader meets a torn record, and skips it
            return False
        self._offset += len(data)
        self._lines += lines
        return True

    def _rotate(self) -> None:
        number = self._number + 1
        old_handle, old_index, old_number = self._handle, self._index, self._number
        try:
            self._number = number
            self._open()
        except OSError:
            self._handle, self._index, self._number = old_handle, old_index, old_number
            self._offset = os.fstat(old_handle).st_size
            return  # no room for a new file: go on with the old
        os.close(old_handle)
        os.close(old_index)
        for old in record.numbers(self.directory)[: -self._max_files]:
            atomic.discard(record.path_of(self.directory, old))
            atomic.discard(record.path_of(self.directory, old, "idx"))

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        index = os.open(record.path_of(self.directory, self._number, "idx"), flags, 0o600)
        try:
            handle = os.open(record.path_of(self.directory, self._number), flags, 0o600)
        except OSError:
            os.close(index)
            raise
        self._handle, self._index = handle, index
        self._offset = os.fstat(handle).st_size
        self._lines = 0
        self._next_entry = 0
        if self._offset:
            self._resume()

    def _resume(self) -> None:
        """Go on with a file that an earlier writer left: end its torn record, and count its lines from the last entry on."""
        if os.pread(self._handle, 1, self._offset - 1) != b"\n":
            os.write(self._handle, b"\n")
            self._offset += 1
        size = os.fstat(self._index).st_size
        size -= size % record.ENTRY.size
        os.ftruncate(self._index, size)
        start = 0
        if size:
            _, start, self._lines = record.ENTRY.unpack(os.pread(self._index, record.ENTRY.size, size - record.ENTRY.size))
        self._next_entry = start + record.INDEX_EVERY
        tail = b""
        while start < self._offset and (block := os.pread(self._handle, record.INDEX_EVERY * 4, start)):
            start += len(block)
            *lines, tail = (tail + block).split(b"\n")
            for line in lines:
                if record.well_formed(line):
                    self._lines += line[record.TAG] == ord("F")
                    self._newest = max(self._newest, record.time_of(line))
