"""A side pane: rows in columns, one of them selected, in a rounded frame whose title tells number, name and filter.

A Textual line-API widget, so that a list of thousands costs what its visible rows cost. The pane knows rows and columns
only. The selection follows the row's key when the list changes or is sorted anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.presenters.table import Column, Row, render, widths
from tui.presenters.text import clip, pad


class ListPane(ScrollView, can_focus=True):
    """A list with a cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "list-pane--cursor",
        "list-pane--parent",
        "list-pane--quiet",
        "list-pane--head",
        "list-pane--title",
    }
    DEFAULT_CSS = """
    ListPane {
        border: round $frame;
        border-title-color: $foreground;
        border-subtitle-color: $quiet;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size: 1 1;
        &:focus { border: round $success; border-title-color: $success; border-title-style: bold; border-subtitle-color: $success; }
        &.low { scrollbar-size: 0 0; }
        &.line { border: none; scrollbar-size: 0 0; color: $foreground; }
        &.stale { opacity: 60%; }
        & .list-pane--cursor { background: $selection; color: $selection-text; text-style: bold; }
        & .list-pane--parent { background: $selection-dim; }
        & .list-pane--quiet { color: $quiet; }
        & .list-pane--head { color: $quiet; text-style: bold; }
        & .list-pane--title { color: $frame; }
    }
    """

    parent_of_main: reactive[bool] = reactive(False)
    """The main pane has the focus and belongs to this list: its cursor stays visible."""
    heading: reactive[bool] = reactive(False)
    """Column titles stand above the rows."""

    @dataclass
    class Highlighted(Message):
        """Another row is selected, or none any more."""

        pane: ListPane
        key: str

        @property
        def control(self) -> ListPane:
            return self.pane

    @dataclass
    class VisibleChanged(Message):
        """Other rows are on the screen."""

        pane: ListPane

        @property
        def control(self) -> ListPane:
            return self.pane

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, ListPane.VisibleChanged) and message.pane is self.pane

    def __init__(self, number: int, label: str, columns: Sequence[Column], *, id: str) -> None:
        super().__init__(id=id)
        self.number = number
        self.label = label
        self.filter = ""
        self._columns = tuple(columns)
        self._rows: tuple[Row, ...] = ()
        self._content: tuple[tuple[Row, ...], int, str, tuple[str, ...], str] | None = None
        self._sizes: list[int] = []
        self._fitted = 0
        self._base: Style | None = None
        self._cursor = 0
        self._empty: tuple[str, ...] = ()
        self._total = 0
        self._note = ""

    @property
    def rows(self) -> tuple[Row, ...]:
        """What the list shows."""
        return self._rows

    @property
    def selected(self) -> str:
        """The key of the selected row, ``""`` in an empty list."""
        return self._rows[self._cursor].key if self._rows else ""

    @property
    def visible_keys(self) -> list[str]:
        """Keys of the rows on the screen."""
        top = int(self.scroll_offset.y)
        return [row.key for row in self._rows[top : top + max(0, self._view_height)]]

    @property
    def base_style(self) -> Style:
        """The widget's own style, which is dear to compute for each row."""
        if self._base is None:
            self._base = self.rich_style
        return self._base

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._base = None

    @property
    def _head(self) -> int:
        return int(self.heading and bool(self._rows))

    @property
    def _view_height(self) -> int:
        return self.scrollable_content_region.height - self._head

    def show(self, rows: Sequence[Row], *, total: int, note: str, empty: Sequence[str]) -> None:
        """Show other rows.

        Args:
            total: how many there are without the filter.
            note: what stands before the counter, such as the sort key.
            empty: lines to show when there is no row.
        """
        before, place = self.selected, self._cursor
        content = (tuple(rows), total, note, tuple(empty), self.filter)
        if content == self._content:
            return
        self._content = content
        self._rows, self._total, self._note, self._empty, _ = content
        keys = [row.key for row in self._rows]
        self._cursor = keys.index(before) if before in keys else max(0, min(place, len(keys) - 1))
        self._fit()
        self._titles()
        self.virtual_size = Size(0, len(self._rows) + self._head)
        self.refresh()
        if self.selected != before:
            self.post_message(self.Highlighted(self, self.selected))
            self._reveal()
        self.post_message(self.VisibleChanged(self))

    def move(self, step: int) -> None:
        """Move the cursor by rows."""
        self.move_to(self._cursor + step)

    def move_to(self, index: int) -> None:
        """Move the cursor to a row."""
        index = max(0, min(index, len(self._rows) - 1))
        if self._rows and index != self._cursor:
            self._cursor = index
            self._reveal()
            self._titles()
            self.refresh()
            self.post_message(self.Highlighted(self, self.selected))

    def select(self, key: str) -> bool:
        """Move the cursor to the row with that key; whether there is one."""
        for index, row in enumerate(self._rows):
            if row.key == key:
                self.move_to(index)
                return True
        return False

    def watch_parent_of_main(self) -> None:
        self.refresh()

    def watch_heading(self) -> None:
        self.virtual_size = Size(0, len(self._rows) + self._head)
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.VisibleChanged(self))

    def on_resize(self) -> None:
        self._fit()
        self._titles()
        self._reveal()
        self.refresh()
        self.post_message(self.VisibleChanged(self))

    def on_focus(self) -> None:
        self._reveal()
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        row = event.y - self.styles.gutter.top + int(self.scroll_offset.y) - self._head
        if 0 <= row < len(self._rows):
            self.move_to(row)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.move(1)
        event.stop()
        event.prevent_default()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.move(-1)
        event.stop()
        event.prevent_default()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.base_style
        if self.has_class("line"):
            return self._title_line(width, base)
        if not self._rows:
            return self._empty_line(y, width, base)
        if self._fitted != width:
            self._fit()
        if y == 0 and self._head:
            return self._heading_line(width, base)
        index = int(self.scroll_offset.y) + y - self._head
        if not 0 <= index < len(self._rows):
            return Strip.blank(width, base)
        line = render(self._columns, self._rows[index], self._sizes)
        style, keep = base, True
        if index == self._cursor and self.has_focus:
            style, keep = base + self.get_component_rich_style("list-pane--cursor", partial=True), False
        elif index == self._cursor and self.parent_of_main:
            style = base + self.get_component_rich_style("list-pane--parent", partial=True)
        segments = [Segment(text, style + own if keep else style) for text, own in line]
        return Strip(segments).crop_extend(0, width, style)

    def _title_line(self, width: int, base: Style) -> Strip:
        """The whole pane as one line, where there is no room for more."""
        dim = base + self.get_component_rich_style("list-pane--title", partial=True)
        text = clip(f" [{self.number}] {self._title()} ", width - 3)
        room = width - cell_len(text) - 3
        count = f" {self._counter()} "
        if len(count) > room:
            count = ""
        fill = "─" * max(0, room - len(count))
        pieces = (("╶─", dim), (text, base), (fill, dim), (count, dim), ("╴", dim))
        return Strip([Segment(piece, style) for piece, style in pieces]).crop_extend(0, width, base)

    def _empty_line(self, y: int, width: int, base: Style) -> Strip:
        height = max(1, self.size.height)
        top = max(0, (height - len(self._empty)) // 2)
        index = y - top
        if not 0 <= index < len(self._empty):
            return Strip.blank(width, base)
        text = clip(self._empty[index], width)
        left = max(0, (width - len(text)) // 2)
        style = base + self.get_component_rich_style("list-pane--quiet", partial=True)
        return Strip([Segment(" " * left, base), Segment(text, style)]).crop_extend(0, width, base)

    def _heading_line(self, width: int, base: Style) -> Strip:
        parts = [pad(column.title, size, right=column.right) for column, size in zip(self._columns, self._sizes, strict=True) if size]
        style = base + self.get_component_rich_style("list-pane--head", partial=True)
        return Strip([Segment(" ".join(parts), style)]).crop_extend(0, width, style)

    def _fit(self) -> None:
        self._fitted = max(1, self.size.width)
        self._sizes = widths(self._columns, self._rows, self._fitted)

    def _reveal(self) -> None:
        if self._view_height > 0 and self._rows:
            region = Region(0, self._cursor, 1, 1 + self._head)
            self.scroll_to_region(region, animate=False, force=True)

    def _title(self) -> str:
        return f"{self.label} /{self.filter}" if self.filter else self.label

    def _counter(self) -> str:
        place = f"{self._cursor + 1} of {len(self._rows)}" if self._rows else "0"
        return f"{place} ({self._total})" if len(self._rows) != self._total else place

    def _titles(self) -> None:
        if self.has_class("line"):
            return
        room = max(4, self.size.width - 4)
        self.border_title = Content(clip(f"[{self.number}] {self._title()}", room))
        note = f"{self._note} · " if self._note and len(self._note) + len(self._counter()) + 3 <= room else ""
        self.border_subtitle = Content(f"{note}{self._counter()}") if self._total else Content("")
