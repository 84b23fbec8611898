"""Log entries as lines and rows: pieces joined, heights known, text parsed only when it is looked at.

A log entry is a piece of a line; the line ends with the entry that has a newline. The document keeps a running index of
the first screen row of each line, so that finding a row is a bisection however long the window is. Plain ASCII, which is
nearly all of it, is measured without being decoded.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Sequence

from engine.model.streams import LogLine
from tui.presenters.ansi import MAX_BYTES, MAX_CHARS, Styled, ink, is_simple, parse_bytes
from tui.presenters.lines import width_of, wrap


class Line:
    """One line of the log: ``anchor`` is its first entry, by identity."""

    __slots__ = ("anchor", "cells", "complete", "data", "missing")

    def __init__(self, anchor: LogLine) -> None:
        self.anchor = anchor
        self.data = b""
        self.missing = 0
        self.complete = False
        self.cells = -1

    def add(self, data: bytes) -> None:
        """Append a piece; what is over the limit is counted only."""
        self.complete = data.endswith(b"\n")
        room = MAX_BYTES - len(self.data)
        self.data += data[:room]
        self.missing += max(0, len(data) - room)
        self.cells = -1


def stamp(nanoseconds: int) -> str:
    """The local time of a log line, to the millisecond."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) + f".{rest // 1_000_000:03d} "


class LogDocument:
    """Lines laid out for a width.

    Attributes:
        lines: oldest first.
        width: cells for a row, 0 for rows as long as their lines.
        times: the time stands before each line.
    """

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.width = 0
        self.times = False
        self._starts: list[int] = [0]
        self._open: dict[str, Line] = {}

    @property
    def rows(self) -> int:
        """How many screen rows all lines take."""
        return self._starts[-1]

    def reset(self, entries: Sequence[LogLine]) -> None:
        """Hold exactly these entries."""
        self.lines = []
        self._starts = [0]
        self._open = {}
        self.extend(entries)

    def extend(self, entries: Sequence[LogLine]) -> None:
        """Add entries at the end."""
        first = len(self.lines)
        for entry in entries:
            stream = entry.stream
            line = self._open.get(stream)
            if line is None:
                line = Line(entry)
                self.lines.append(line)
            else:
                first = min(first, self._index(line))
            line.add(entry.data)
            if line.complete:
                self._open.pop(stream, None)
            else:
                self._open[stream] = line
        self._measure(first)

    def layout(self, *, width: int, times: bool) -> None:
        """Lay out again for another width."""
        if (width, times) != (self.width, self.times):
            self.width, self.times = width, times
            self._measure(0)

    def locate(self, row: int) -> tuple[int, int]:
        """The line that a row belongs to, and the row within it."""
        index = min(bisect_right(self._starts, row) - 1, len(self.lines) - 1)
        return index, row - self._starts[index]

    def row_of(self, index: int) -> int:
        """The first row of a line."""
        return self._starts[min(index, len(self._starts) - 1)]

    def find_anchor(self, anchor: LogLine) -> int:
        """The index of the line that begins with this very entry, -1 when it is not here."""
        return next((index for index, line in enumerate(self.lines) if line.anchor is anchor), -1)

    def styled(self, index: int) -> Styled:
        """A line as it is shown."""
        line = self.lines[index]
        parsed = parse_bytes(line.data, missing=line.missing)
        return ((stamp(line.anchor.time), ink("bright_black")), *parsed) if self.times else parsed

    def _index(self, line: Line) -> int:
        for index in range(len(self.lines) - 1, -1, -1):
            if self.lines[index] is line:
                return index
        return 0

    def _measure(self, first: int) -> None:
        starts = self._starts
        del starts[first + 1 :]
        row = starts[first]
        for index in range(first, len(self.lines)):
            row += self._height(index)
            starts.append(row)

    def _height(self, index: int) -> int:
        if not self.width:
            return 1
        line = self.lines[index]
        if line.cells < 0:
            data = line.data.rstrip(b"\r\n")
            line.cells = len(data) if is_simple(data) and not line.missing else MAX_CHARS * 4
        if line.cells <= MAX_CHARS:
            return max(1, -(-(line.cells + (len("2026-01-01 00:00:00.000 ") if self.times else 0)) // self.width))
        styled = self.styled(index)
        cells = width_of(styled)
        return 1 if cells <= self.width else len(wrap(styled, self.width))
