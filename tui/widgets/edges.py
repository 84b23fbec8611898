"""Borders that the mouse can drag: the right and left ones share the width, the upper and lower ones the height."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.geometry import Offset
from textual.message import Message
from textual.widget import Widget


@dataclass
class EdgeDragged(Message):
    """A border was dragged by some cells; ``edge`` is ``left``, ``right``, ``top`` or ``bottom``."""

    widget: Widget
    edge: str
    by: int

    @property
    def control(self) -> Widget:
        return self.widget


class Edges(Widget):
    """Mixed into a widget with a frame: says how far its borders are dragged."""

    DRAGGED: tuple[str, ...] = ()
    """Which borders can be dragged."""

    _grip: tuple[str, Offset] | None = None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        edge = self._edge_at(event)
        if edge:
            self._grip = (edge, event.screen_offset)
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._grip is None:
            return
        edge, before = self._grip
        moved = event.screen_offset - before
        by = moved.x if edge in ("left", "right") else moved.y
        if by:
            self._grip = (edge, event.screen_offset)
            self.post_message(EdgeDragged(self, edge, by))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._grip is not None:
            self._grip = None
            self.release_mouse()

    def _edge_at(self, event: events.MouseDown) -> str:
        """The border below the pointer, ``""`` inside."""
        if event.button != 1 or not self.styles.gutter.top or self.screen.get_widget_at(*event.screen_offset)[0] is not self:
            return ""
        x, y = event.screen_offset - self.region.offset
        width, height = self.region.size
        places = {"left": x == 0, "right": x == width - 1, "bottom": y == height - 1, "top": y == 0}
        return next((edge for edge in self.DRAGGED if places[edge]), "")
