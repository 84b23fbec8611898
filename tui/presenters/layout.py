"""Which lists are shown, in which order and how large: a value that a person changes with keys or mouse and that is remembered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from engine.model.value import EMPTY, Value
from tui.snapshot import Noun

LEAST_WIDTH = 14
LEAST_MAIN = 20
LEAST_HEIGHT = 3


class Layout(Value):
    """How the lists are arranged.

    Attributes:
        order: all lists, from the top.
        hidden: lists that are not shown; at least one always is.
        heights: rows that lists were given, in proportion to one another; empty where all are equal.
        width: of the lists, in thousandths of the terminal's; 0 is the settings' ratio.
    """

    order: tuple[Noun, ...] = tuple(Noun)
    hidden: frozenset[Noun] = frozenset()
    heights: Mapping[str, int] = EMPTY
    width: int = 0

    @property
    def shown(self) -> list[Noun]:
        """The lists on the screen, from the top."""
        return [noun for noun in self.order if noun not in self.hidden]

    def toggle(self, noun: Noun) -> Layout:
        """Hide a list, or show it again; the last one stays."""
        hidden = self.hidden ^ {noun}
        return self.replace(hidden=hidden) if len(hidden) < len(self.order) else self

    def move(self, noun: Noun, step: int) -> Layout:
        """Put a list above or below its neighbour among those shown."""
        shown = self.shown
        at = shown.index(noun) + step
        if not 0 <= at < len(shown):
            return self
        other = shown[at]
        swap = {noun: other, other: noun}
        return self.replace(order=tuple(swap.get(each, each) for each in self.order))

    def resize(self, noun: Noun, by: int, present: Mapping[Noun, int]) -> Layout:
        """Give a list rows of the one below it, of the one above where it is the last; ``present`` are the heights on the screen."""
        shown = [each for each in self.shown if each in present]
        if len(shown) < 2 or noun not in shown:
            return self
        at = shown.index(noun)
        other = shown[at + 1] if at + 1 < len(shown) else shown[at - 1]
        by = max(LEAST_HEIGHT - present[noun], min(by, present[other] - LEAST_HEIGHT))
        return self.replace(heights={**present, noun: present[noun] + by, other: present[other] - by}) if by else self

    def widen(self, by: int, side: int, total: int) -> Layout:
        """Make the lists, which are ``side`` of ``total`` cells wide, wider by some cells."""
        cells = max(LEAST_WIDTH, min(side + by, total - LEAST_MAIN))
        return self.replace(width=round(cells * 1000 / total)) if total >= LEAST_WIDTH + LEAST_MAIN else self

    def to_text(self) -> str:
        """The layout for the file of what is remembered, ``""`` for the usual one."""
        if self == Layout():
            return ""
        return json.dumps({"order": self.order, "hidden": sorted(self.hidden), "heights": dict(self.heights), "width": self.width})


def layout_from(text: str) -> Layout:
    """A layout that was remembered; what can not be understood, or is of another release, counts as usual."""
    try:
        found = json.loads(text) if text else {}
        order = [Noun(name) for name in found.get("order", ())]
        order = list(dict.fromkeys([*order, *Noun]))
        hidden = frozenset(Noun(name) for name in found.get("hidden", ()))
        heights = {str(Noun(name)): int(rows) for name, rows in found.get("heights", {}).items()}
        width = int(found.get("width", 0))
    except (ValueError, TypeError, AttributeError):
        return Layout()
    fine = len(hidden) < len(order) and all(LEAST_HEIGHT <= rows < 10_000 for rows in heights.values()) and 0 <= width < 1000
    return Layout(order=tuple(order), hidden=hidden, heights=heights, width=width) if fine else Layout()


def weights(layout: Layout, focused: Noun, *, expand: bool) -> Sequence[int]:
    """The height of each shown list in proportion to the others; with ``expand`` the focused one counts twice."""
    shown = layout.shown
    usual = sum(layout.heights.values()) // len(layout.heights) if layout.heights else 1
    return [layout.heights.get(noun, usual) * (2 if expand and noun is focused else 1) for noun in shown]
