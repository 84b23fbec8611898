"""Graphs of a person's own, from ``[[tui.graphs]]`` of the settings.

::

    [[tui.graphs]]
    path = "network_rx"        # a number of the engine's samples
    title = "Received"
    colour = "magenta"
    per_second = true          # how much it grows, not how much it is
    unit = "bytes"             # percent, or none
    max = 1000000              # upper edge; without it the edge follows what is shown
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.model.stats import Stats
from engine.model.value import Value
from tui.shapes import Flag, Number, Shape, Text

_NO_NUMBERS = ("container_id", "name", "read_at", "interfaces")
PATHS = (
    *(name for name, _ in Stats(container_id="").fields() if name not in _NO_NUMBERS),
    *("network_rx", "network_tx", "memory_percent"),
)
"""What a graph can show: the numbers of a sample (:class:`engine.model.stats.Stats`)."""
COLOURS = ("red", "green", "yellow", "blue", "magenta", "cyan", "white")
UNITS = ("", "bytes", "percent")


class Graph(Value):
    """One graph; the fields are those of the settings."""

    path: str
    title: str = ""
    colour: str = "cyan"
    per_second: bool = False
    unit: str = ""
    max: float = 0.0


FIELDS: Mapping[str, Shape] = {
    "path": Text(about="a number of the engine's samples", choices=PATHS),
    "title": Text(about="stands above it"),
    "colour": Text(choices=COLOURS),
    "per_second": Flag(about="how much it grows in a second, for numbers that count up"),
    "unit": Text(about="how its numbers are written", choices=UNITS),
    "max": Number(about="upper edge; 0: it follows what is shown", least=0, broken=True),
}
