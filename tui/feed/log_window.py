"""A bounded window on a log of any length, as pure data.

The window holds consecutive entries. It grows at either end and is cut at the other one, so that its memory is bounded.
Paging asks the engine by time, whose bounds are inclusive and whose entries often share one time (a chunk of output is
stamped once). The window therefore knows how many entries of its outermost times it already has, and how many of them
it cut off itself (``above`` and ``below``; ``None`` when that can not be known).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.model.streams import LogLine

MAX_ENTRIES = 6000
MAX_BYTES = 8 * 1024 * 1024
SPARE = 1000
"""Entries that are cut beyond that where a log grows: whoever shows it lays it out anew after each cut."""


class LogWindow:
    """Entries of a log with no gap between them.

    Attributes:
        entries: oldest first.
        at_start, at_end: the log has nothing before, nothing after.
        version: changes whenever entries other than at the end changed.
    """

    def __init__(self) -> None:
        self.entries: list[LogLine] = []
        self.at_start = False
        self.at_end = False
        self.version = 0
        self.above: int | None = None
        self.below: int | None = None
        self._bytes = 0

    def replace(self, entries: Sequence[LogLine], *, at_start: bool, at_end: bool) -> None:
        """Look elsewhere."""
        self.entries = list(entries)
        self._bytes = sum(len(entry.data) for entry in self.entries)
        self.at_start, self.at_end = at_start, at_end
        self.above = 0 if at_start else None
        self.below = 0 if at_end else None
        self.version += 1

    def append(self, entries: Sequence[LogLine], *, at_end: bool) -> None:
        """Add what comes after; the oldest are cut where it gets too much."""
        if entries and self.entries and self.below is not None:
            self.below = self.below - len(entries) if entries[-1].time == self.entries[-1].time else None
        self.at_end = at_end
        if at_end:
            self.below = 0
        self.entries.extend(entries)
        self._bytes += sum(len(entry.data) for entry in entries)
        self._cut_top(self._overflow(self.entries, spare=SPARE))

    def prepend(self, entries: Sequence[LogLine], *, at_start: bool) -> None:
        """Add what comes before; the newest are cut where it gets too much."""
        if entries and self.entries and self.above is not None:
            self.above = self.above - len(entries) if entries[0].time == self.entries[0].time else None
        self.at_start = at_start
        if at_start:
            self.above = 0
        self.entries[:0] = entries
        self._bytes += sum(len(entry.data) for entry in entries)
        self.version += 1
        self._cut_bottom(self._overflow(reversed(self.entries)))

    def seen_before(self) -> int | None:
        """How many entries of the first entry's time are not before the window: in it, or cut off below."""
        first = self.entries[0].time
        inside = _run(self.entries, first)
        if inside < len(self.entries):
            return inside
        return None if self.below is None else inside + self.below

    def seen_after(self) -> int | None:
        """How many entries of the last entry's time are not after the window: in it, or cut off above."""
        last = self.entries[-1].time
        inside = _run(self.entries[::-1], last)
        if inside < len(self.entries):
            return inside
        return None if self.above is None else inside + self.above

    def _overflow(self, entries: Iterable[LogLine], *, spare: int = 0) -> int:
        """How many of these, from the first, have to go; their bytes are taken off already."""
        over = len(self.entries) - MAX_ENTRIES
        if over <= 0 and self._bytes <= MAX_BYTES:
            return 0
        over += spare
        count = 0
        for entry in entries:
            if (count >= over and self._bytes <= MAX_BYTES) or count == len(self.entries) - 1:
                break
            self._bytes -= len(entry.data)
            count += 1
        return count

    def _cut_top(self, count: int) -> None:
        if not count:
            return
        removed, self.entries = self.entries[:count], self.entries[count:]
        first = self.entries[0].time
        before = _run(removed[::-1], first)
        if before == len(removed) and self.above is not None:
            self.above += before
        else:
            self.above = before if before < len(removed) else None
        self.at_start = False
        self.version += 1

    def _cut_bottom(self, count: int) -> None:
        if not count:
            return
        removed, self.entries = self.entries[-count:], self.entries[:-count]
        last = self.entries[-1].time
        after = _run(removed, last)
        if after == len(removed) and self.below is not None:
            self.below += after
        else:
            self.below = after if after < len(removed) else None
        self.at_end = False


def _run(entries: Sequence[LogLine], time: int) -> int:
    """How many entries at the beginning have that time."""
    count = 0
    for entry in entries:
        if entry.time != time:
            break
        count += 1
    return count
