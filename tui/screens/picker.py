"""A cursor on whole lines of the main pane: one line or a range is picked to be copied, or to be seen in its context."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tui.presenters.ansi import text_of
from tui.widgets.line_view import LineView
from tui.widgets.log_view import LogView


class Picker:
    """Moves the cursor over the lines of a view.

    Attributes:
        active: there is a cursor; the keys move it.
    """

    def __init__(self) -> None:
        self.active = False
        self._view: LineView | None = None
        self._at = 0
        self._anchor = -1
        self._missed: list[Any] | None = None

    def begin(self, view: LineView) -> bool:
        """Put the cursor on the current match, else on the last line on the screen; whether there is any."""
        if not view.row_count:
            return False
        last = min(view.scroll_offset.y + view.size.height, view.row_count) - 1
        self._view, self.active, self._anchor = view, True, -1
        self._at = view.current if 0 <= view.current < view.line_count else view.locate(max(0, last))[0]
        self._show()
        return True

    def end(self) -> None:
        """Take the cursor away."""
        if self._view is not None:
            self._view.picked = None
            self._view.refresh()
        self.active, self._view, self._missed = False, None, None

    def move(self, lines: int) -> None:
        """Move by lines; at the first line further ones are asked for."""
        self._at += lines
        if self._at < 0 and self._view is not None:
            self._view.go(-1)
        self._show()

    def across(self, change: Callable[[], None]) -> None:
        """Run ``change`` and stay on the same lines, whatever was added above them; while there are none, wait for them."""
        view = self._view
        if not isinstance(view, LogView) or not self.active:
            change()
            return
        lines = view.document.lines
        entries = self._missed or [lines[index].anchor if 0 <= index < len(lines) else None for index in (self._at, self._anchor)]
        change()
        self._missed = None if view.line_count else entries
        if self._missed:
            view.picked = None
            return
        self._at, self._anchor = (view.document.find_anchor(entry) if entry is not None else -1 for entry in entries)
        self._show(reveal=False)

    def move_page(self, pages: int) -> None:
        """Move by about a page."""
        if self._view is not None:
            self.move(pages * max(1, self._view.size.height - 2))

    def anchor(self) -> None:
        """Begin a range here, or give it up."""
        self._anchor = self._at if self._anchor < 0 else -1
        self._show()

    @property
    def at(self) -> int:
        """The line with the cursor."""
        return self._at

    @property
    def count(self) -> int:
        """How many lines are picked."""
        low, high = self._range()
        return high - low + 1

    @property
    def text(self) -> str:
        """The picked lines, as they are shown."""
        low, high = self._range()
        view = self._view
        return "\n".join(text_of(view.styled(index)) for index in range(low, high + 1)) if view is not None else ""

    def _range(self) -> tuple[int, int]:
        other = self._at if self._anchor < 0 else self._anchor
        return min(self._at, other), max(self._at, other)

    def _show(self, *, reveal: bool = True) -> None:
        view = self._view
        if view is None or not view.line_count:
            self.end()
            return
        self._at = max(0, min(self._at, view.line_count - 1))
        self._anchor = min(self._anchor, view.line_count - 1)
        view.picked = self._range()
        view.refresh()
        if not reveal:
            return
        first = view.row_of(self._at)
        last = (view.row_of(self._at + 1) if self._at + 1 < view.line_count else view.row_count) - 1
        top = view.scroll_offset.y
        if first < top:
            view.scroll_to(y=first, animate=False, force=True, immediate=True)
        elif last >= top + view.size.height:
            view.scroll_to(y=last - view.size.height + 1, animate=False, force=True, immediate=True)
