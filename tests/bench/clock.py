"""Timing: medians over repeated runs, and the table that is printed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Table:
    """Rows of one item: who, and the value; lower is better."""

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
