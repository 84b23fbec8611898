"""A streaming tar reader for hostile archives: ustar, GNU, star, v7 and PAX, with every sparse dialect.

Why not :mod:`tarfile`: it keeps every member, decodes names to text, costs 20 µs an entry more than this, and its extraction
can not be made safe. This reader never touches the file system. It takes the archive as an iterator of byte chunks (so that
decompression may run in another thread), holds one chunk and one header at a time, and refuses what it can not read
exactly: a layer that was read wrong must not get a chain id.

Formats: POSIX.1-2017 ``pax`` (ustar and extended headers), GNU tar manual "Basic Tar Format" and "Sparse Formats".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from zlib import adler32

from engine.errors import CorruptData
from engine.image.pax import decimal, parse_records, seconds, xattrs

BLOCK = 512
MAX_EXTENDED = 1 << 20
"""Bytes that the extended headers (PAX, long names) of one entry may take."""
MAX_SPARSE = 1 << 16
"""Data regions that one sparse file may have."""
MAX_FILE = 1 << 42
"""Apparent size that one file may have; 4 TiB is above what ext4's default extents need and below what overflows."""
MAX_TRAILING = 1 << 26
"""Bytes that may follow the end of the archive (they belong to the diff ID, and mean nothing)."""

REGULAR, HARD_LINK, SYMLINK, CHAR, BLOCK_DEVICE, DIRECTORY, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"
_SKIPPED = frozenset((b"V", b"M", b"N"))
_EXTENDED = frozenset((b"x", b"X", b"g", b"L", b"K"))
_ZERO = bytes(BLOCK)
_WORTHWHILE = 64 << 10
"""Bytes from which on jumping over them is cheaper than reading them."""
_NS = 1_000_000_000
_MAX_SECONDS = (1 << 63) // _NS - 1


class Entry:
    """One member of an archive.

    Attributes:
        name: as stored, bytes without NUL.
        kind: one of the module's type constants.
        size: apparent size of a regular file in bytes.
        mtime: nanoseconds since the epoch, clamped to what ``utimensat`` takes.
        link: target of a hard or symbolic link.
        xattrs: ``(name, value)`` pairs as stored.
        sparse: ``(offset, length)`` of the stored regions, or ``None`` when the file is stored whole.
    """

    __slots__ = ("gid", "kind", "link", "major", "minor", "mode", "mtime", "name", "size", "sparse", "uid", "xattrs")

    def __init__(self) -> None:
        self.name = b""
        self.kind = REGULAR
        self.mode = 0
        self.uid = 0
        self.gid = 0
        self.size = 0
        self.mtime = 0
        self.link = b""
        self.major = 0
        self.minor = 0
        self.xattrs: list[tuple[bytes, bytes]] = []
        self.sparse: list[tuple[int, int]] | None = None


class TarReader:
    """Reads entries one after another; the content of an entry is gone when the next is asked for.

    Raises (from every method):
        CorruptData: the bytes are no well-formed archive, or go over a bound of this module.
    """

    def __init__(self, chunks: Iterator[bytes], jump: Callable[[int], None] | None = None) -> None:
        """``jump(n)`` makes ``chunks`` go on ``n`` bytes further, or raises CorruptData where there are not so many.

        It is for who reads headers only. Without it what is not wanted is read all the same.
        """
        self._chunks = chunks
        self._jump = jump
        self._chunk = b""
        self._view = memoryview(b"")
        self._at = 0
        self._end = 0
        self._stored = 0  # bytes of the current entry's data not yet consumed
        self._padding = 0
        self._octal: dict[bytes, int] = {}

    # -- entries

    def next(self) -> Entry | None:
        """The next entry, or ``None`` at the end of the archive (then call :meth:`drain`)."""
        records: list[tuple[bytes, bytes]] = []
        long_name = long_link = b""
        budget = MAX_EXTENDED
        extended = False
        while True:
            self._skip(self._stored + self._padding)
            self._stored = self._padding = 0
            header = self._block(extended)
            if header is None:
                return None
            entry = self._parse(header)
            kind = entry.kind
            if kind in _EXTENDED:
                extended = True
                budget -= entry.size + BLOCK
                if budget < 0:
                    raise CorruptData(f"tar: extended headers take more than {MAX_EXTENDED} bytes")
                data = self._take(entry.size)
                self._stored = 0
                if kind == b"L":
                    long_name = data.split(b"\0", 1)[0]
                elif kind == b"K":
                    long_link = data.split(b"\0", 1)[0]
                elif kind != b"g":
                    records += parse_records(data)
                continue
            if kind in _SKIPPED:
                continue
            if records:
                self._override(entry, records)
            if long_name:
                entry.name = long_name
            if long_link:
                entry.link = long_link
            return self._finish(entry, header)

    @property
    def unread(self) -> int:
        """Bytes of the chunk in hand that nobody has asked for: where in the archive this is, for whoever counts its chunks."""
        return self._end - self._at

    def copy(self, entry: Entry, fd: int) -> None:
        """Write the content of ``entry``, the one :meth:`next` gave last, to ``fd``; holes stay holes.

        Raises:
            OSError: writing failed.
        """
        if entry.sparse is None:
            self._write(fd, self._stored)
            return
        os.ftruncate(fd, entry.size)
        for offset, length in entry.sparse:
            os.lseek(fd, offset, os.SEEK_SET)
            self._write(fd, length)

    def content(self) -> Iterator[bytes]:
        """The content of the entry that :meth:`next` gave last, in pieces; of a sparse one what is stored."""
        while self._stored:
            if self._at == self._end and not self._refill():
                raise CorruptData("tar: the archive is cut short")
            piece = self._chunk[self._at : self._at + self._stored]
            self._at += len(piece)
            self._stored -= len(piece)
            yield piece

    def drain(self) -> None:
        """Consume what follows the end of the archive, so that the whole stream gets digested."""
        left = MAX_TRAILING - (self._end - self._at)
        self._at = self._end
        for chunk in self._chunks:
            left -= len(chunk)
            if left < 0:
                raise CorruptData(f"tar: more than {MAX_TRAILING} bytes follow the end of the archive")

    # -- headers

    def _block(self, extended: bool) -> bytes | None:
        """The next header block; ``None`` at two zero blocks, at one before the end, or at the end between two entries."""
        header = self._take_or_end(BLOCK)
        if header is not None and header != _ZERO:
            return header
        if extended:
            raise CorruptData("tar: the archive ends after an extended header")
        if header is not None:
            second = self._take_or_end(BLOCK)
            if second is not None and second != _ZERO:
                raise CorruptData("tar: a lone zero block in the middle")
        return None

    def _parse(self, header: bytes) -> Entry:
        # Two halves, because adler32's first sum is modulo 65521 and 256 bytes can not reach that.
        total = (adler32(header[:256]) & 0xFFFF) + (adler32(header[256:]) & 0xFFFF) - 2
        stored = header[148:156]
        if total - sum(stored) + 256 != self._number(stored):
            self._check_signed(header)
        kind = header[156:157]
        name = header[:100].split(b"\0", 1)[0]
        magic = header[257:263]
        if magic == b"ustar\0" and header[345]:
            prefix = header[345:476] if header[508:512] == b"tar\0" else header[345:500]
            name = prefix.split(b"\0", 1)[0] + b"/" + name
        if kind in (b"0", b"\0", b"7"):
            kind = DIRECTORY if kind == b"\0" and name.endswith(b"/") else REGULAR
        link = header[157:257].split(b"\0", 1)[0] if header[157] else b""
        number, known = self._number, self._octal.get  # owners and modes repeat: a dictionary is faster than parsing
        size = number(header[124:136])
        if not 0 <= size <= MAX_FILE:
            raise CorruptData(f"tar: impossible size {size} of {_shown(name)}")
        entry = Entry()
        entry.name = name
        entry.kind = kind
        field = header[100:108]
        value = known(field)
        entry.mode = (number(field) if value is None else value) & 0o7777
        field = header[108:116]
        value = known(field)
        entry.uid = number(field) if value is None else value
        field = header[116:124]
        value = known(field)
        entry.gid = number(field) if value is None else value
        entry.size = size
        entry.mtime = _clamp(number(header[136:148]) * _NS)
        entry.link = link
        if kind in (CHAR, BLOCK_DEVICE):
            entry.major = number(header[329:337])
            entry.minor = number(header[337:345])
        self._stored = size
        self._padding = -size % BLOCK
        return entry

    def _check_signed(self, header: bytes) -> None:
        """Some old writers summed signed bytes.

        Raises:
            CorruptData: neither sum matches.
        """
        stored = header[148:156]
        signed = sum(byte - 256 if byte > 127 else byte for byte in header[:148] + header[156:]) + 256
        if signed != self._number(stored):
            raise CorruptData("tar: a header's checksum does not match")

    def _override(self, entry: Entry, records: list[tuple[bytes, bytes]]) -> None:
        """Apply PAX records; an empty value means the header's own."""
        sparse: list[bytes] = []
        last: dict[bytes, bytes] = {}
        for key, value in records:
            if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes"):
                sparse.append(value)
            last[key] = value
        get = last.get
        entry.name = get(b"path") or entry.name
        entry.link = get(b"linkpath") or entry.link
        if value := get(b"uid", b""):
            entry.uid = decimal(value)
        if value := get(b"gid", b""):
            entry.gid = decimal(value)
        if value := get(b"mtime", b""):
            entry.mtime = _clamp(seconds(value))
        if value := get(b"size", b""):
            self._stored = entry.size = decimal(value)
            if entry.size > MAX_FILE:
                raise CorruptData(f"tar: impossible size {entry.size} of {_shown(entry.name)}")
            self._padding = -entry.size % BLOCK
        entry.xattrs = xattrs(last)
        if any(key.startswith(b"GNU.sparse.") for key in last):
            self._pax_sparse(entry, last, sparse)

    def _finish(self, entry: Entry, header: bytes) -> Entry:
        if entry.kind == b"S":
            entry.kind = REGULAR
            self._old_gnu_sparse(entry, header)
        elif entry.kind == b"D":
            entry.kind = DIRECTORY
        if entry.kind != REGULAR:
            entry.sparse = None
        if b"\0" in entry.name or b"\0" in entry.link:
            raise CorruptData(f"tar: a NUL byte in the name {_shown(entry.name)}")
        if not (0 <= entry.uid < 0xFFFFFFFF and 0 <= entry.gid < 0xFFFFFFFF):
            raise CorruptData(f"tar: owner {entry.uid}:{entry.gid} of {_shown(entry.name)} is out of range")
        if entry.sparse is not None:
            self._check_sparse(entry, entry.sparse)
        return entry

    # -- sparse files

    def _old_gnu_sparse(self, entry: Entry, header: bytes) -> None:
        regions: list[tuple[int, int]] = []
        self._gnu_regions(header[386:482], regions)
        more = header[482]
        entry.size = self._number(header[483:495])
        while more:
            block = self._take(BLOCK)
            self._stored += BLOCK  # extension blocks are not part of the size field
            self._gnu_regions(block[:504], regions)
            more = block[504]
        entry.sparse = regions

    def _gnu_regions(self, table: bytes, regions: list[tuple[int, int]]) -> None:
        for at in range(0, len(table) - 23, 24):
            if table[at] == 0:
                return
            regions.append((self._number(table[at : at + 12]), self._number(table[at + 12 : at + 24])))
            if len(regions) > MAX_SPARSE:
                raise CorruptData(f"tar: more than {MAX_SPARSE} regions in a sparse file")

    def _pax_sparse(self, entry: Entry, records: dict[bytes, bytes], pairs: list[bytes]) -> None:
        entry.name = records.get(b"GNU.sparse.name") or entry.name
        if records.get(b"GNU.sparse.major") == b"1" and records.get(b"GNU.sparse.minor") == b"0":
            entry.size = decimal(records.get(b"GNU.sparse.realsize", b""))
            numbers = self._sparse_1_0()
        elif b"GNU.sparse.size" in records:
            entry.size = decimal(records[b"GNU.sparse.size"])
            table = records.get(b"GNU.sparse.map", b"")
            numbers = [decimal(item) for item in (table.split(b",") if table else pairs)]
        else:
            raise CorruptData(f"tar: unknown sparse format of {_shown(entry.name)}")
        if len(numbers) % 2 or len(numbers) > 2 * MAX_SPARSE:
            raise CorruptData(f"tar: malformed sparse map of {_shown(entry.name)}")
        entry.sparse = list(zip(numbers[::2], numbers[1::2], strict=True))

    def _sparse_1_0(self) -> list[int]:
        """The map in front of the data: a count and as many pairs of decimal lines, padded to a block."""
        text = b""
        wanted = 1
        lines: list[bytes] = []
        while len(lines) < wanted:
            if self._stored < BLOCK:
                raise CorruptData("tar: a sparse map goes over the end of its file")
            text += self._take(BLOCK)
            *full, text = text.split(b"\n")
            lines += full
            if lines and wanted == 1:
                wanted = 1 + 2 * decimal(lines[0])
                if wanted > 2 * MAX_SPARSE:
                    raise CorruptData(f"tar: more than {MAX_SPARSE} regions in a sparse file")
            if len(text) > 32 and text.strip(b"\0"):
                raise CorruptData("tar: malformed sparse map")
        return [decimal(line) for line in lines[1:wanted]]

    def _check_sparse(self, entry: Entry, regions: list[tuple[int, int]]) -> None:
        end = stored = 0
        for offset, length in regions:
            if offset < end or length < 0:
                raise CorruptData(f"tar: overlapping sparse regions of {_shown(entry.name)}")
            end = offset + length
            stored += length
        if not end <= entry.size <= MAX_FILE or stored != self._stored:
            raise CorruptData(f"tar: the sparse map of {_shown(entry.name)} does not match its size")

    # -- bytes

    def _number(self, field: bytes) -> int:
        """Octal text, or GNU's base-256 with the top bit set."""
        if field[0] & 0x80:
            value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
            return value - (1 << (8 * len(field) - 1)) if field[0] & 0x40 else value
        text = field.strip(b" \0").split(b"\0", 1)[0]
        try:
            value = int(text, 8) if text else 0
        except ValueError:
            value = -1
        if value < 0 or (text and not text.isdigit()):  # int() would take a sign, 0o and underscores
            raise CorruptData("tar: a number in a header is not octal")
        if len(field) == 8:
            if len(self._octal) > 4096:
                self._octal.clear()
            self._octal[field] = value
        return value

    def _refill(self) -> bool:
        chunk = next(self._chunks, b"")
        self._chunk = chunk
        self._view = memoryview(chunk)
        self._at = 0
        self._end = len(chunk)
        return bool(chunk)

    def _take_or_end(self, count: int) -> bytes | None:
        if self._at == self._end and not self._refill():
            return None
        return self._take(count, owned=False)

    def _take(self, count: int, *, owned: bool = True) -> bytes:
        """Exactly ``count`` bytes; of the current entry's data when ``owned``."""
        if owned:
            self._stored -= count
        at = self._at
        if count <= self._end - at:
            self._at = at + count
            return self._chunk[at : at + count]
        parts: list[bytes] = []
        while count:
            if self._at == self._end and not self._refill():
                raise CorruptData("tar: the archive is cut short")
            part = self._chunk[self._at : self._at + count]
            self._at += len(part)
            count -= len(part)
            parts.append(part)
        return b"".join(parts)

    def _skip(self, count: int) -> None:
        while count > self._end - self._at:
            count -= self._end - self._at
            if self._jump is not None and count > _WORTHWHILE:
                self._jump(count)
                self._at = self._end
                return
            if not self._refill():
                raise CorruptData("tar: the archive is cut short")
        self._at += count

    def _write(self, fd: int, count: int) -> None:
        self._stored -= count
        while count:
            at = self._at
            if at == self._end:
                if not self._refill():
                    raise CorruptData("tar: the archive is cut short")
                at = 0
            ready = min(count, self._end - at)
            done = os.write(fd, self._view[at : at + ready])
            self._at = at + done
            count -= done


def _clamp(ns: int) -> int:
    """Times outside of what the kernel's 64-bit nanoseconds hold become the epoch, as docker does."""
    return ns if 0 <= ns <= _MAX_SECONDS * _NS else 0


def _shown(name: bytes) -> str:
    return repr(name[:128])[1:]
