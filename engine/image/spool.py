"""A byte stream from outside, kept in an unnamed file of the state root until it has been understood.

The members of an archive come in any order, so that it must be possible to go back. The file has no name: it is gone with its
descriptor, however the process ends.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from engine.errors import Cancelled, CorruptData
from engine.image import compression
from engine.store import atomic, faults
from engine.store.roots import Roots

PIECE = 1 << 20
_XZ_MEMORY = 256 << 20


class Spool:
    """An unnamed file. :meth:`write` to its end, then read anywhere; :meth:`close` frees it.

    Closing from another thread is how whoever uses it is stopped: the next thing it does with it raises Cancelled.
    """

    def __init__(self, roots: Roots, handle: int = -1) -> None:
        """``handle`` is a file that holds everything already: it is read where it is, and stays the caller's.

        Somebody may write to that meanwhile: what was understood from its bytes is verified when they are read again.

        Raises:
            DiskFull, Forbidden, EngineFault: it can not be made.
        """
        self._directory = roots.ensure().ingest
        self._lock = threading.Lock()
        self.size = 0
        if handle >= 0:
            self._handle = os.dup(handle)
            self.size = os.fstat(handle).st_size
            return
        try:
            self._handle = os.open(self._directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError:
            self._handle = self._named()

    def _named(self) -> int:
        """Where the file system has no unnamed files."""
        path = f"{self._directory}/.spool-{os.urandom(8).hex()}"
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
            os.unlink(path)
        except OSError as error:
            raise faults.from_os(error, f"write {path}") from error
        return handle

    def write(self, chunk: bytes) -> None:
        """Append. Raises DiskFull, EngineFault."""
        try:
            with self._lock:
                atomic.write_all(self._open(), chunk)
        except OSError as error:
            raise faults.from_os(error, f"write a temporary file in {self._directory}") from error
        self.size += len(chunk)

    def read(self, offset: int, count: int) -> bytes:
        """Up to ``count`` bytes from ``offset`` on."""
        with self._lock:
            return os.pread(self._open(), count, offset)

    def chunks(self, offset: int = 0, size: int = -1) -> Iterator[bytes]:
        """``size`` bytes (-1: to the end) from ``offset`` on, in pieces of 1 MiB."""
        left = self.size - offset if size < 0 else min(size, self.size - offset)
        while left > 0 and (piece := self.read(offset, min(left, PIECE))):
            offset += len(piece)
            left -= len(piece)
            yield piece

    def plain(self) -> Iterator[bytes]:
        """The whole stream, decompressed if its first bytes say that it is compressed.

        Raises:
            CorruptData: it is malformed.
        """
        return inflated(self.chunks())

    def close(self) -> None:
        """Free the file. Idempotent."""
        with self._lock:
            handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def _open(self) -> int:
        """The descriptor, which another thread must not close meanwhile: its number could be somebody else's then."""
        if self._handle < 0:
            raise Cancelled("the archive is not wanted any more")
        return self._handle


class _Reader:
    """``read(n)`` over an iterator of chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = chunk
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def peek(self, size: int) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, None)) is not None:
            self._rest += chunk
        return self._rest[:size]


def inflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """``chunks`` without their compression: gzip, zstd, bzip2, xz or none, by the magic number.

    Raises:
        CorruptData: the stream is malformed or cut short.
    """
    reader = _Reader(chunks)
    head = reader.peek(compression.MAGIC_LENGTH)
    if head[:3] == b"BZh":
        import bz2

        return _members(reader.read, bz2.BZ2Decompressor, OSError)
    if head == b"\xfd7zXZ\0":
        import lzma

        return _members(reader.read, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY), lzma.LZMAError)
    return compression.decoded(compression.sniff(head), reader.read)


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


def _members(read: Callable[[int], bytes], make: Callable[[], Any], malformed: type[Exception]) -> Iterator[bytes]:
    """Decompress one member after the other, never more than a piece at once."""
    data = read(PIECE)
    try:
        while data:
            member: _Decompressor = make()
            while not member.eof:
                if piece := member.decompress(data, PIECE):
                    yield piece
                data = read(PIECE) if member.needs_input and not member.eof else b""
                if member.needs_input and not data and not member.eof:
                    raise CorruptData("the compressed stream is cut short")
            data = member.unused_data or read(PIECE)
    except malformed as error:
        raise CorruptData(f"the compressed stream is malformed: {error}") from error
