"""Timing: medians over repeated runs, of one engine or of several in turns, and the table that is printed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass
class Table:
    """Rows of one item: who, and the value; lower is better, unless the title says that more is."""

    title: str
    unit: str
    values: dict[str, float] = field(default_factory=dict)

    def show(self) -> None:
        """Print the row with our ratio to each peer."""
        ours = self.values.get("longshore")
        parts = []
        for name, value in self.values.items():
            ratio = f" (ours is {ours / value:.2f}×)" if ours is not None and name != "longshore" and value else ""
            parts.append(f"{name} {_number(value)} {self.unit}{ratio}")
        print(f"{self.title:<44} " + "   ".join(parts), flush=True)


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def median(action: Callable[[], object], *, times: int = 5, before: Callable[[], object] | None = None) -> float:
    """Seconds of the median run; ``before`` is not counted."""
    taken = []
    for _ in range(times):
        if before is not None:
            before()
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def alternate(
    actions: Mapping[str, Callable[[], object]], *, times: int, before: Callable[[str], object] | None = None
) -> dict[str, float]:
    """Milliseconds of each action's median run, one after the other in turns: what else the machine does meets them alike.

    ``before``, which gets the action's name, is not counted; the first turn neither.
    """
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(times + 1):
        for name, action in actions.items():
            if before is not None:
                before(name)
            start = time.perf_counter()
            action()
            if turn:
                taken[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(each) for name, each in taken.items()}
