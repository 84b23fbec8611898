"""Focus and sizes of the parts of the swarm's screen, by the rules of the main one. Its lists stay as they are."""

from __future__ import annotations

from collections.abc import Mapping

from tui.presenters.geometry import Geometry, Zoom, arrange
from tui.screens.stage import Boxes
from tui.swarm_snapshot import SwarmNoun
from tui.widgets.list_pane import ListPane
from tui.widgets.main_pane import MainPane


class SwarmStage:
    """Moves the focus and lays the parts out.

    Attributes:
        noun: the list that has the focus, or had it before the main pane.
        zoom: the screen mode.
        fits: there is room to draw at all.
    """

    def __init__(self, panes: Mapping[SwarmNoun, ListPane], main: MainPane, *, boxes: Boxes, ratio: int) -> None:
        self.noun = SwarmNoun.SERVICES
        self.zoom = Zoom.NORMAL
        self.fits = True
        self.main_focused = False
        self._panes, self._main, self._boxes, self._ratio = panes, main, boxes, ratio
        self._applied: Geometry | None = None

    def focus_list(self, noun: SwarmNoun) -> None:
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
        nouns = list(SwarmNoun)
        self.focus_list(nouns[(nouns.index(self.noun) + step) % len(nouns)])

    def step_zoom(self, step: int) -> None:
        """Another screen mode; the directions swap in the main pane."""
        self.zoom = Zoom((self.zoom + (-step if self.main_focused else step)) % len(Zoom))
        self.arrange()

    def noticed(self, *, noun: SwarmNoun | None) -> None:
        """The focus moved by itself (mouse): to a list, or to the main pane (``None``)."""
        before = (self.noun, self.main_focused)
        self.noun, self.main_focused = (self.noun, True) if noun is None else (noun, False)
        if (self.noun, self.main_focused) != before:
            self.arrange()

    def arrange(self) -> None:
        """Lay out for the present size."""
        screen = self._boxes.body.screen
        geometry = arrange(
            screen.size.width,
            screen.size.height,
            count=len(self._panes),
            focused=list(self._panes).index(self.noun),
            wanted=[pane.wanted_height for pane in self._panes.values()],
            main_focused=self.main_focused,
            zoom=self.zoom,
            ratio=self._ratio,
            extra=int(screen.has_class("trouble")),
        )
        for noun, pane in self._panes.items():
            pane.parent_of_main = self.main_focused and noun is self.noun
        if geometry != self._applied:
            self._applied = geometry
            self._apply(geometry)

    def _apply(self, geometry: Geometry) -> None:
        side, column, body = self._boxes
        self.fits = geometry.fits
        body.set_class(geometry.portrait, "portrait")
        side.styles.width, side.styles.height = geometry.side_width, geometry.side_height
        side.display = geometry.side_width > 0
        column.display = geometry.main_width > 0
        column.styles.width, column.styles.height = geometry.main_width, geometry.main_height
        for pane, height in zip(self._panes.values(), geometry.panes, strict=True):
            pane.display = height > 0
            pane.styles.height = height
            pane.set_class(height == 1, "line")
            pane.set_class(height == 3, "low")
            pane.heading = self.zoom is not Zoom.NORMAL and height > 6
