"""The log on the screen: follows the end, lets go of it when somebody scrolls, and asks for more at either edge.

The view draws a :class:`LogDocument`; where its lines come from is the owner's business. It posts :class:`Wanted` when
the reader comes near an edge of what is loaded. After lines were added above, the line at the top stays at the top.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from textual.message import Message
from textual.reactive import reactive

from engine.model.streams import LogLine
from tui.presenters.ansi import Styled, is_simple
from tui.presenters.log_document import LogDocument
from tui.widgets.line_view import LineView


class Edge(StrEnum):
    """Which part of the log is wanted."""

    OLDER = "older"
    NEWER = "newer"
    FIRST = "first"
    LAST = "last"
    PAUSE = "pause"


class LogView(LineView):
    """A log. ``following`` says whether the view sticks to the end."""

    NEAR: ClassVar[int] = 200

    following: reactive[bool] = reactive(True)
    """The view shows the end and moves with it."""
    times: reactive[str] = reactive("")
    """What time stands before each line, one of :data:`tui.presenters.log_document.TIMES`."""
    folded: reactive[bool] = reactive(False)
    """Lines that are a JSON object are shown as level, message and fields."""
    tinted: reactive[bool] = reactive(True)
    """What a process wrote to stderr without colours is red."""

    @dataclass
    class Wanted(Message):
        """Another part of the log should be loaded."""

        view: LogView
        edge: Edge

        @property
        def control(self) -> LogView:
            return self.view

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.document = LogDocument()
        self._version = -1
        self._count = 0
        self._moving = False

    @property
    def line_count(self) -> int:
        return len(self.document.lines)

    @property
    def row_count(self) -> int:
        return self.document.rows

    def styled(self, index: int) -> Styled:
        return self.document.styled(index)

    def matching(self) -> Callable[[int], bool]:
        parsed, lines, term = super().matching(), self.document.lines, self.term
        if self.times or self.folded or self.document.names:
            return parsed

        def matches(index: int) -> bool:
            data = lines[index].data
            if is_simple(data.rstrip(b"\r\n")):
                return term in data.decode("ascii").lower()
            return parsed(index)

        return matches

    def locate(self, row: int) -> tuple[int, int]:
        return self.document.locate(row)

    def row_of(self, index: int) -> int:
        return self.document.row_of(index)

    def watch_times(self) -> None:
        self.relayout()

    def watch_folded(self) -> None:
        self.relayout()

    def watch_tinted(self) -> None:
        self.relayout()

    def relayout(self) -> None:
        width, times, folded, tinted = self.wrap_width, self.times, self.folded, self.tinted
        self._keep_place(lambda: self.document.layout(width=width, times=times, folded=folded, tinted=tinted))

    def update_log(self, entries: Sequence[LogLine], version: int) -> None:
        """Show what the window holds. A new ``version`` means that more than the end changed."""
        if version == self._version and self._count <= len(entries):
            fresh = entries[self._count :]
            if fresh:
                self.document.extend(fresh)
                self._count = len(entries)
                self._settle()
            return
        self._version, self._count = version, len(entries)
        self._keep_place(lambda: self.document.reset(entries))

    def expect(self) -> None:
        """Another log comes: what is shown stays until its first lines are there."""
        self._version = -1
        self.following = True

    def _keep_place(self, change: Callable[[], object]) -> None:
        """Run ``change`` and keep the line at the top where it is."""
        lines = self.document.lines
        anchor = part = None
        if lines and not self.following and self.document.rows:
            index, part = self.document.locate(min(self.scroll_offset.y, self.document.rows - 1))
            anchor = lines[index].anchor
        change()
        place = self.document.find_anchor(anchor) if anchor is not None else -1
        self._widest = 0 if not self.document.lines else self._widest
        self.resized()
        if place >= 0:
            self._move_to(self.document.row_of(place) + (part or 0))
        else:
            self._settle()

    def _settle(self) -> None:
        self.resized()
        if self.following:
            self._move_to(self.max_scroll_y)

    def _move_to(self, row: int) -> None:
        self._moving = True
        try:
            self.scroll_to(y=row, animate=False, force=True)
        finally:
            self._moving = False

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._moving or round(old_value) == round(new_value):
            return
        if new_value < old_value and self.following and new_value < self.max_scroll_y:
            self.following = False
            self.post_message(self.Wanted(self, Edge.PAUSE))
        if new_value < self.NEAR and new_value < old_value:
            self.post_message(self.Wanted(self, Edge.OLDER))
        elif new_value > old_value and new_value >= self.max_scroll_y - self.size.height and not self.following:
            self.post_message(self.Wanted(self, Edge.NEWER))

    def reached_end(self) -> None:
        """The owner says that nothing comes after the last line: stick to it when it is on the screen."""
        if self.scroll_offset.y >= self.max_scroll_y:
            self.following = True

    def go(self, rows: int) -> None:
        if rows < 0 and self.scroll_offset.y == 0 and (not self.following or self.max_scroll_y == 0):
            self.post_message(self.Wanted(self, Edge.OLDER))
        super().go(rows)

    def go_top(self) -> None:
        self.following = False
        self.post_message(self.Wanted(self, Edge.FIRST))

    def go_bottom(self) -> None:
        self.following = True
        self.post_message(self.Wanted(self, Edge.LAST))
