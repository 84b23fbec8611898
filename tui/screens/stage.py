"""Focus and sizes of the main screen's parts: which pane, which screen mode, how much room for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from textual.widget import Widget

from tui.config import Settings
from tui.memory import Memory
from tui.presenters.geometry import TALL, Geometry, Zoom, arrange
from tui.presenters.layout import LEAST_HEIGHT, Layout, layout_from, weights
from tui.presenters.pulls import wanted_height
from tui.snapshot import Noun, PullState
from tui.widgets.list_pane import ListPane
from tui.widgets.main_pane import MainPane
from tui.widgets.pull_strip import PullStrip

SAID = 2
"""Rows of what is said to screen readers."""


class Boxes(NamedTuple):
    """The containers that are given their sizes: lists, main column, both together."""

    side: Widget
    column: Widget
    body: Widget


class Stage:
    """Moves the focus and lays the parts out.

    Attributes:
        noun: the list that has the focus, or had it before the main pane.
        zoom: the screen mode.
        layout: which lists are shown, in which order and how large.
    """

    def __init__(
        self, panes: Mapping[Noun, ListPane], main: MainPane, strip: PullStrip, *, boxes: Boxes, settings: Settings, memory: Memory
    ) -> None:
        self.layout = layout_from(memory.get("layout"))
        self.noun = self.layout.shown[0] if Noun.CONTAINERS in self.layout.hidden else Noun.CONTAINERS
        self.zoom = Zoom.FULL if settings.screen_reader else Zoom[settings.screen_mode.upper()]
        self.fits = True
        self._panes, self._main, self._strip = panes, main, strip
        self._side, self._column, self._body = boxes.side, boxes.column, boxes.body
        self._memory = memory
        self._ratio, self._expand = settings.side_ratio, settings.expand_focused
        self._pulls: tuple[PullState, ...] = ()
        self._applied: Geometry | None = None
        self._laid: Layout | None = None
        self.main_focused = False

    def use(self, settings: Settings) -> None:
        """Lay out as the settings say."""
        if settings.side_ratio != self._ratio:
            self.layout = self.layout.replace(width=0)
        self._ratio, self._expand = settings.side_ratio, settings.expand_focused
        self.arrange()

    def relayout(self, layout: Layout) -> bool:
        """Arrange the lists otherwise, and remember it: whether that is another layout."""
        if layout == self.layout:
            return False
        if layout.order != self.layout.order:
            self._side.sort_children(key=lambda pane: layout.order.index(Noun(str(pane.id))))
        self.layout = layout
        self._memory.put("layout", layout.to_text())
        if self.noun in layout.hidden:
            self.focus_list(layout.shown[0])
        self.arrange()
        return True

    @property
    def heights(self) -> dict[Noun, int]:
        """Rows of the lists that are shown as such, not as a single line: as arranged, though it may not be drawn yet."""
        rows = self._applied.panes if self._applied is not None else ()
        return {noun: height for noun, height in zip(self.layout.shown, rows, strict=False) if height >= LEAST_HEIGHT}

    def widen(self, by: int) -> bool:
        """Make the lists wider by some cells; not where they lie above the main pane, nor zoomed."""
        if self.zoom is not Zoom.NORMAL or self._applied is None or self._applied.portrait:
            return False
        return self.relayout(self.layout.widen(by, self._applied.side_width, self._body.screen.size.width))

    @property
    def tall(self) -> bool:
        """There is room for lists of different heights: in a low terminal the focused one has all that is left."""
        return self.zoom is Zoom.NORMAL and self._applied is not None and self._applied.side_height >= TALL

    def heighten(self, noun: Noun, by: int) -> bool:
        """Make a list higher by some rows, where there is room."""
        return self.tall and self.relayout(self.layout.resize(noun, by, self.heights))

    def drag(self, widget: Widget, edge: str, by: int) -> None:
        """A border of a list or of the main pane was dragged by some cells."""
        if edge in ("left", "right"):
            self.widen(by)
            return
        noun = Noun(str(widget.id))
        shown = self.layout.shown
        at = shown.index(noun) - (edge == "top")
        if 0 <= at < len(shown) - 1:
            self.heighten(shown[at], by)

    def focus_list(self, noun: Noun) -> None:
        """Put the focus into a list; one that is hidden is shown again."""
        self.noun, self.main_focused = noun, False
        if noun in self.layout.hidden:
            self.relayout(self.layout.toggle(noun))
        self.arrange()
        self._panes[noun].focus(scroll_visible=False)

    def focus_main(self) -> None:
        """Put the focus into the main pane."""
        self.main_focused = True
        self.arrange()
        self._main.view.focus(scroll_visible=False)

    def step_list(self, step: int) -> None:
        """Focus the next or the previous list."""
        nouns = self.layout.shown
        self.focus_list(nouns[(nouns.index(self.noun) + step) % len(nouns)])

    def step_zoom(self, step: int) -> None:
        """Another screen mode; the directions swap in the main pane, as in lazydocker."""
        step = -step if self.main_focused else step
        self.zoom = Zoom((self.zoom + step) % len(Zoom))
        self.arrange()

    def noticed(self, *, noun: Noun | None) -> bool:
        """The focus moved by itself (mouse): to a list, or to the main pane (``None``). Whether that is news."""
        before = (self.noun, self.main_focused)
        self.noun, self.main_focused = (self.noun, True) if noun is None else (noun, False)
        if (self.noun, self.main_focused) == before:
            return False
        self.arrange()
        return True

    def show_pulls(self, pulls: tuple[PullState, ...]) -> None:
        """Make room for pulls."""
        self._pulls = pulls
        self.arrange()
        self._strip.show(pulls)

    @property
    def _wanted(self) -> list[int]:
        """Rows that the shown lists would like to have, where nobody said how high they are to be."""
        mine = self._expand or self.layout.heights
        return [] if mine else [self._panes[noun].wanted_height for noun in self.layout.shown]

    def arrange(self) -> None:
        """Lay out for the present size."""
        size = self._body.screen.size
        strip = wanted_height(self._pulls) + 2 if self._pulls else 0
        geometry = arrange(
            size.width,
            size.height,
            count=len(self.layout.shown),
            focused=self.layout.shown.index(self.noun),
            weights=weights(self.layout, self.noun, expand=self._expand),
            wanted=self._wanted,
            side_width=self.layout.width,
            main_focused=self.main_focused,
            zoom=self.zoom,
            strip=strip,
            ratio=self._ratio,
            extra=int(self._body.screen.has_class("trouble")) + SAID * self._body.app.has_class("reader"),
        )
        for noun, pane in self._panes.items():
            pane.parent_of_main = self.main_focused and noun is self.noun
        if (geometry, self.layout) != (self._applied, self._laid):
            self._applied, self._laid = geometry, self.layout
            self._apply(geometry)

    def _apply(self, geometry: Geometry) -> None:
        self.fits = geometry.fits
        self._body.set_class(geometry.portrait, "portrait")
        self._side.styles.width, self._side.styles.height = geometry.side_width, geometry.side_height
        self._side.display = geometry.side_width > 0
        self._column.display = geometry.main_width > 0
        self._column.styles.width = geometry.main_width
        self._column.styles.height = geometry.main_height + geometry.strip
        self._strip.display = geometry.strip > 0
        self._strip.styles.height = geometry.strip
        heights = dict(zip(self.layout.shown, geometry.panes, strict=True))
        for noun, pane in self._panes.items():
            height = heights.get(noun, 0)
            pane.display = height > 0
            pane.styles.height = height
            pane.set_class(height == 1, "line")
            pane.set_class(height == 3, "low")
            pane.heading = self.zoom is not Zoom.NORMAL and height > 6
