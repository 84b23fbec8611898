"""Marked rows of a list: single ones, and a range that grows with the cursor. Knows keys only."""

from __future__ import annotations

from collections.abc import Collection, Sequence


class Marks:
    """The marked keys.

    Attributes:
        keys: what is marked.
        ranging: moving the cursor marks, until somebody ends it.
    """

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.ranging = False
        self._anchor = ""
        self._before: frozenset[str] = frozenset()

    def toggle(self, key: str) -> None:
        """Mark a row, or take its mark away."""
        self.end_range()
        self.keys ^= {key}

    def toggle_all(self, keys: Sequence[str]) -> None:
        """Mark all of these; where all are marked already, none."""
        self.end_range()
        self.keys = self.keys.difference(keys) if self.keys.issuperset(keys) else self.keys.union(keys)

    def begin_range(self, key: str, *, lasting: bool) -> None:
        """Let the cursor mark from this row on; one that is not ``lasting`` ends with the next plain move."""
        if not self._anchor:
            self._anchor, self._before = key, frozenset(self.keys)
            self.keys.add(key)
        self.ranging = self.ranging or lasting

    def end_range(self) -> None:
        """Keep what is marked; moving the cursor marks no more."""
        self._anchor, self.ranging = "", False

    def moved(self, keys: Sequence[str], index: int, *, extend: bool) -> None:
        """The cursor is at another row of the list."""
        if not self._anchor:
            return
        if not (extend or self.ranging) or self._anchor not in keys:
            self.end_range()
            return
        start = keys.index(self._anchor)
        low, high = min(start, index), max(start, index)
        self.keys = set(self._before).union(keys[low : high + 1])

    def keep(self, present: Collection[str]) -> bool:
        """Forget the marks of what is gone; whether there were any."""
        gone = [key for key in self.keys if key not in present]
        self.keys.difference_update(gone)
        return bool(gone)

    def clear(self) -> bool:
        """Forget all marks; whether there were any."""
        had = bool(self.keys)
        self.keys = set()
        self.end_range()
        return had
