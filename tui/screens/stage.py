"""Focus and sizes of the main screen's parts: which pane, which screen mode, how much room for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from textual.widget import Widget

from tui.presenters.geometry import Geometry, Zoom, arrange
from tui.presenters.pulls import wanted_height
from tui.snapshot import Noun, PullState
from tui.widgets.list_pane import ListPane
from tui.widgets.main_pane import MainPane
from tui.widgets.pull_strip import PullStrip


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
    """

    def __init__(self, panes: Mapping[Noun, ListPane], main: MainPane, strip: PullStrip, *, boxes: Boxes, ratio: int) -> None:
        self.noun = Noun.CONTAINERS
        self.zoom = Zoom.NORMAL
        self.fits = True
        self._panes, self._main, self._strip = panes, main, strip
        self._side, self._column, self._body = boxes.side, boxes.column, boxes.body
        self._ratio = ratio
        self._pulls: tuple[PullState, ...] = ()
        self._applied: Geometry | None = None
        self.main_focused = False

    def focus_list(self, noun: Noun) -> None:
        """Put the focus into a list."""
        self.noun, self.main_focused = noun, False
        self.arrange()
        self._panes[noun].focus(scroll_visible=False)

    def focus_main(self) -> None:
        """Put the focus into the main pane."""
        self.main_focused = True
        self.arrange()
        self._main.view.focus(scroll_visible=False)

    def step_list(self, step: int) -> None:
        """Focus the next or the previous list."""
        nouns = list(Noun)
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

    def arrange(self) -> None:
        """Lay out for the present size."""
        size = self._body.screen.size
        strip = wanted_height(self._pulls) + 2 if self._pulls else 0
        geometry = arrange(
            size.width,
            size.height,
            count=len(self._panes),
            focused=list(Noun).index(self.noun),
            main_focused=self.main_focused,
            zoom=self.zoom,
            strip=strip,
            ratio=self._ratio,
            extra=int(self._body.screen.has_class("trouble")),
        )
        for noun, pane in self._panes.items():
            pane.parent_of_main = self.main_focused and noun is self.noun
        if geometry != self._applied:
            self._applied = geometry
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
        for pane, height in zip(self._panes.values(), geometry.panes, strict=True):
            pane.display = height > 0
            pane.styles.height = height
            pane.set_class(height == 1, "line")
            pane.set_class(height == 3, "low")
            pane.heading = self.zoom is not Zoom.NORMAL and height > 6
