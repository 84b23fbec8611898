"""What was done in this session: each operation with its command line, its outcome and how long it took. Bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from tui.snapshot import Done

KEPT = 1000


class Journal:
    """The newest :data:`KEPT` operations, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Done] = deque(maxlen=KEPT)

    @property
    def entries(self) -> Sequence[Done]:
        """What was done, oldest first."""
        return tuple(self._entries)

    def begin(self, at: float, command: str, *, own: bool = False) -> Done:
        """Write down that something begins."""
        entry = Done(at=at, command=command, own=own)
        self._entries.append(entry)
        return entry

    def end(self, entry: Done, *, now: float, problem: str = "") -> None:
        """Write down how it ended."""
        for index in range(len(self._entries) - 1, -1, -1):
            if self._entries[index] is entry:
                self._entries[index] = entry.replace(took=max(0.0, now - entry.at), problem=problem)
                return
