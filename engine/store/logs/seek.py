"""Where in a log a query begins.

Time bounds are found by bisecting the index, then reading at most 64 KiB. The last N lines are found by reading backwards
from the end, or from where ``until`` falls: what lies before is never touched, however long the log is.
"""

from __future__ import annotations

import os

from engine.model.streams import LogQuery
from engine.store.logs import record

Position = tuple[int, int]
"""A file's number and an offset in it. ``(0, 0)`` is before everything."""

_BLOCK = 1 << 16


def start(directory: str, query: LogQuery) -> Position:
    """Where the lines that ``query`` asks for begin. Raises OSError."""
    numbers = record.numbers(directory)
    if not numbers:
        return 0, 0
    first: Position = (numbers[0], 0)
    if query.since is not None:
        first = _find(directory, numbers, record.stamp(query.since), beyond=False)
    if query.tail is None:
        return first
    if query.until is not None:
        last = _find(directory, numbers, record.stamp(query.until), beyond=True)
    else:
        last = (numbers[-1], _size(record.path_of(directory, numbers[-1])))
    wanted = frozenset(name for name, on in ((b"stdout", query.stdout), (b"stderr", query.stderr)) if on)
    counter = _Counter(query.tail, wanted)
    return max(first, _back(directory, numbers, first, last, counter)) if query.tail > 0 else last


def _find(directory: str, numbers: list[int], stamp: bytes, *, beyond: bool) -> Position:
    """The first record whose time is not before ``stamp``, or, with ``beyond``, is after it."""

    def early(text: bytes) -> bool:
        return text <= stamp if beyond else text < stamp

    place = 0
    for index, number in enumerate(numbers):
        head = _read(record.path_of(directory, number), 0, record.TIME_WIDTH)
        if len(head) == record.TIME_WIDTH and early(head):
            place = index
    path = record.path_of(directory, numbers[place])
    offset = _entry_before(path[:-3] + "idx", stamp, _size(path))
    while block := _read(path, offset, _BLOCK * 2):
        end = block.rfind(b"\n") + 1
        if not end:
            longer = _line_end(path, offset)
            if longer < 0:
                break
            if not early(block[: record.TIME_WIDTH]):
                return numbers[place], offset
            offset = longer
            continue
        for line in block[: end - 1].split(b"\n"):
            if not early(line[: record.TIME_WIDTH]):
                return numbers[place], offset
            offset += len(line) + 1
    return numbers[place], offset


def _entry_before(index_path: str, stamp: bytes, size: int) -> int:
    """The offset of the last index entry before ``stamp``; an index that is missing or behind only costs time."""
    data = _read(index_path, 0, 1 << 30)
    low, high = 0, len(data) // record.ENTRY.size
    while low < high:
        middle = (low + high) // 2
        when, offset, _ = record.ENTRY.unpack_from(data, middle * record.ENTRY.size)
        if offset <= size and record.stamp(when) < stamp:
            low = middle + 1
        else:
            high = middle
    if not low:
        return 0
    offset = record.ENTRY.unpack_from(data, (low - 1) * record.ENTRY.size)[1]
    return int(offset)


def _back(directory: str, numbers: list[int], first: Position, last: Position, counter: _Counter) -> Position:
    """Where the lines that ``counter`` wants begin, between ``first`` and ``last``."""
    for number in reversed([number for number in numbers if first[0] <= number <= last[0]]):
        path = record.path_of(directory, number)
        end = last[1] if number == last[0] else _size(path)
        floor = first[1] if number == first[0] else 0
        found = counter.scan(path, floor, end)
        if found >= 0:
            return number, found
    return first


class _Counter:
    """Counts lines backwards, over blocks and files. A piece that no ``F`` follows counts as a line."""

    def __init__(self, tail: int, wanted: frozenset[bytes]) -> None:
        self._left = tail
        self._wanted = wanted
        self._open: set[bytes] = set()  # streams whose later records have been seen

    def scan(self, path: str, floor: int, end: int) -> int:
        """The offset where the wanted lines begin, -1 when there are not enough of them in ``floor..end``."""
        rest = b""
        while end > floor:
            begin = max(floor, end - _BLOCK)
            block = _read(path, begin, end - begin) + rest
            head, newline, body = block.partition(b"\n")
            if begin == floor:
                body, cut = block, begin
            elif not newline:
                rest, end = block, begin
                continue
            else:
                cut = begin + len(head) + 1
            found = self._count(body, cut)
            if found >= 0:
                return found
            rest = block[: cut - begin] if begin != floor else b""
            end = begin
        return -1

    def _count(self, body: bytes, base: int) -> int:
        body = body[: body.rfind(b"\n") + 1]  # the writer may be in the middle of the newest record
        offset = base + len(body)
        for line in reversed(body.split(b"\n")[:-1]):
            stop = offset
            offset -= len(line) + 1
            stream = line[record.STREAM]
            if len(line) < record.TEXT or stream not in self._wanted:
                continue
            if line[record.TAG] == ord("F") or stream not in self._open:
                if not self._left:
                    return stop
                self._left -= 1
                self._open.add(stream)
        return -1


def _read(path: str, offset: int, size: int) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return b""
    try:
        return os.pread(handle, min(size, max(0, os.fstat(handle).st_size - offset)), offset)
    finally:
        os.close(handle)


def _line_end(path: str, offset: int) -> int:
    """The offset behind the newline that ends the record at ``offset``, -1 when there is none yet."""
    while block := _read(path, offset, _BLOCK * 16):
        found = block.find(b"\n")
        if found >= 0:
            return offset + found + 1
        offset += len(block)
    return -1


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
