"""Log entries as lines and rows: pieces joined, heights known, text parsed only when it is looked at.

A log entry is a piece of a line; the line ends with the entry that has a newline. The document keeps a running index of
the first screen row of each line, so that finding a row is a bisection however long the window is. Plain ASCII, which is
nearly all of it, is measured without being decoded.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Sequence

from rich.style import Style

from engine.model.streams import LogLine
from tui.presenters.ansi import MAX_BYTES, MAX_CHARS, PLAIN, Styled, ink, is_simple, parse_bytes
from tui.presenters.lines import width_of, wrap
from tui.presenters.text import clip, pad, safe
from tui.snapshot import MixedLine

TIMES = ("", "local", "utc", "delta")
"""What can stand before a line: nothing, the local time, UTC, the time since the line before."""
_STAMP = len("2026-01-01 00:00:00.000 ")
_DELTA = len("+999.999s ")
_NAME = 20
_TINTS = ("cyan", "magenta", "green", "yellow", "blue", "bright_magenta", "bright_cyan", "bright_yellow")
_STDERR = ink("red")


class Line:
    """One line of the log: ``anchor`` is its first entry, by identity; ``pieces`` counts its entries."""

    __slots__ = ("anchor", "cells", "complete", "data", "missing", "pieces")

    def __init__(self, anchor: LogLine) -> None:
        self.anchor = anchor
        self.data = b""
        self.missing = 0
        self.complete = False
        self.cells = -1
        self.pieces = 1

    def add(self, data: bytes) -> None:
        """Append a piece; what is over the limit is counted only."""
        self.complete = data.endswith(b"\n")
        room = MAX_BYTES - len(self.data)
        self.data += data[:room]
        self.missing += max(0, len(data) - room)
        self.cells = -1


def stamp(nanoseconds: int, *, utc: bool = False) -> str:
    """The time of a log line, to the millisecond, here or in UTC."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    when = time.gmtime(seconds) if utc else time.localtime(seconds)
    return time.strftime("%Y-%m-%d %H:%M:%S", when) + f".{rest // 1_000_000:03d}{'Z' if utc else ' '}"


def delta(nanoseconds: int) -> str:
    """The time since the line before, in ten cells: ``  +0.012s``; whole seconds from 1000 on."""
    seconds = max(0, nanoseconds) / 1e9
    return f"{f'+{seconds:.3f}s' if seconds < 1000 else f'+{seconds:.0f}s':>9} "


class LogDocument:
    """Lines laid out for a width.

    Attributes:
        lines: oldest first.
        width: cells for a row, 0 for rows as long as their lines.
        times: what time stands before each line, one of :data:`TIMES`.
        names: of the logs that are shown together, by their number; empty for a single log.
        tinted: lines of stderr that have no colours of their own are red.
        folded: lines that are a JSON object are shown as level, message and fields.
    """

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.width = 0
        self.times = ""
        self.names: tuple[str, ...] = ()
        self.tinted = True
        self.folded = False
        self._starts: list[int] = [0]
        self._open: dict[tuple[int, str], Line] = {}
        self._margin = 0
        self._held = 0
        self._last: LogLine | None = None

    @property
    def rows(self) -> int:
        """How many screen rows all lines take."""
        return self._starts[-1]

    def reset(self, entries: Sequence[LogLine]) -> None:
        """Hold exactly these entries. Where they only lost some at the beginning, what is laid out stays so."""
        kept, dropped = self._common(entries)
        if not kept:
            self.lines = []
            self._starts = [0]
            self._open = {}
            self._held = 0
        elif dropped:
            gone = set(map(id, self.lines[:dropped]))
            self._open = {stream: line for stream, line in self._open.items() if id(line) not in gone}
            above = self._starts[dropped]
            self._starts = [start - above for start in self._starts[dropped:]]
            del self.lines[:dropped]
            self._held = kept
        self.extend(entries[kept:])

    def _common(self, entries: Sequence[LogLine]) -> tuple[int, int]:
        """How many of these entries, from the first, are held already, and how many lines are above them."""
        first = self.find_anchor(entries[0]) if entries else -1
        if first < 0:
            return 0, 0
        kept = self._held - sum(line.pieces for line in self.lines[:first])
        # Pieces of two streams may alternate: only where the last one is in its place none has gone from between them.
        return (kept, first) if 0 < kept <= len(entries) and entries[kept - 1] is self._last else (0, 0)

    def extend(self, entries: Sequence[LogLine]) -> None:
        """Add entries at the end."""
        first = len(self.lines)
        for entry in entries:
            data = entry.data
            if not self._open and len(data) <= MAX_BYTES and data.endswith(b"\n"):  # nearly every line of a flood
                whole = Line(entry)
                whole.data, whole.complete = data, True
                self.lines.append(whole)
                continue
            stream = (entry.source if isinstance(entry, MixedLine) else 0, entry.stream)
            line = self._open.get(stream)
            if line is None:
                line = Line(entry)
                self.lines.append(line)
            else:
                first = min(first, self._index(line))
                line.pieces += 1
            line.add(entry.data)
            if line.complete:
                self._open.pop(stream, None)
            else:
                self._open[stream] = line
        self._held += len(entries)
        if entries:
            self._last = entries[-1]
        self._measure(first)

    def layout(self, *, width: int, times: str, folded: bool = False, tinted: bool = True) -> None:
        """Lay out again for another width or another look."""
        self.tinted = tinted
        if (width, times, folded) != (self.width, self.times, self.folded):
            self.width, self.times, self.folded = width, times, folded
            self._measure(0)

    @property
    def margin(self) -> int:
        """Cells before each line."""
        names = min(_NAME, max((len(safe(name)) for name in self.names), default=0))
        return (names + 3 if names else 0) + {"": 0, "delta": _DELTA}.get(self.times, _STAMP)

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
        parsed: Styled = ()
        if self.folded and not line.missing:
            from tui.presenters.json_line import folded  # late: most logs are shown as they are

            parsed = folded(line.data)
        parsed = parsed or parse_bytes(line.data, missing=line.missing)
        if self.tinted and line.anchor.stream == "stderr" and all(style == PLAIN for _, style in parsed):
            parsed = tuple((text, _STDERR) for text, _ in parsed)
        return (*self._before(index), *parsed) if self.times or self.names else parsed

    def _before(self, index: int) -> Styled:
        """Time and name before a line."""
        anchor = self.lines[index].anchor
        pieces: list[tuple[str, Style]] = []
        if self.times == "delta":
            since = anchor.time - self.lines[index - 1].anchor.time if index else 0
            pieces.append((delta(since), ink("bright_black")))
        elif self.times:
            pieces.append((stamp(anchor.time, utc=self.times == "utc"), ink("bright_black")))
        if self.names:
            source = anchor.source if isinstance(anchor, MixedLine) else 0
            room = min(_NAME, max(len(safe(name)) for name in self.names))
            tint = ink(_TINTS[source % len(_TINTS)])
            pieces += [(pad(clip(safe(self.names[source]), room), room), tint), (" │ ", ink("bright_black"))]
        return tuple(pieces)

    def _index(self, line: Line) -> int:
        for index in range(len(self.lines) - 1, -1, -1):
            if self.lines[index] is line:
                return index
        return 0

    def _measure(self, first: int) -> None:
        self._margin = self.margin
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
        if line.cells <= MAX_CHARS and not (self.folded and line.data.lstrip().startswith(b"{")):
            return max(1, -(-(line.cells + self._margin) // self.width))
        styled = self.styled(index)
        cells = width_of(styled)
        return 1 if cells <= self.width else len(wrap(styled, self.width))
