"""A side pane: rows in columns, one of them selected, in a rounded frame whose title tells number, name and filter.

A Textual line-API widget, so that a list of thousands costs what its visible rows cost. The pane knows rows and columns
only. The selection follows the row's key when the list changes or is sorted anew. While rows are marked, two cells at the
left tell which; without marks they cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

from tui.messages import ActionChosen
from tui.presenters.table import Column, Row, Widths, column_at, render, widths
from tui.presenters.text import clip, pad
from tui.widgets.edges import Edges
from tui.widgets.marks import Marks
from tui.words import tr

GUTTER = 2
"""Cells for the signs of marked rows."""


class ListPane(Edges, ScrollView, can_focus=True, inherit_bindings=False):
    """A list with a cursor.

    Attributes:
        wanted_height: rows in which all of the list is seen, whatever its filter shows, with the frame.
    """

    DRAGGED = ("right", "bottom", "top")

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "list-pane--cursor",
        "list-pane--parent",
        "list-pane--quiet",
        "list-pane--head",
        "list-pane--title",
        "list-pane--marked",
    }
    DEFAULT_CSS = """
    ListPane {
        border: round $frame;
        border-title-color: $foreground;
        border-subtitle-color: $quiet;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size: 1 1;
        &:focus {
            border: round $frame-focus;
            border-title-color: $frame-focus;
            border-title-style: bold;
            border-subtitle-color: $frame-focus;
        }
        &.low { scrollbar-size: 0 0; }
        &.line { border: none; scrollbar-size: 0 0; color: $foreground; }
        &.stale { opacity: 60%; }
        & .list-pane--cursor { background: $selection; color: $selection-text; text-style: bold; }
        & .list-pane--parent { background: $selection-dim; }
        & .list-pane--quiet { color: $quiet; }
        & .list-pane--head { color: $quiet; text-style: bold; }
        & .list-pane--title { color: $frame; }
        & .list-pane--marked { color: $warning; text-style: bold; }
        &:nocolor .list-pane--cursor { text-style: reverse bold; }
        &:nocolor .list-pane--parent { text-style: underline; }
        &:nocolor:focus { border: double $frame-focus; }
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
    class TitleClicked(Message):
        """The title of a column was clicked; ``sort`` is what to sort by, ``""`` for nothing."""

        pane: ListPane
        sort: str

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
        self.loose = False
        self.marks = Marks()
        self.wanted_height = 3
        self._columns = tuple(columns)
        self._rows: tuple[Row, ...] = ()
        self._content: tuple[tuple[Row, ...], int, str, tuple[str, ...], str] | None = None
        self._keys: list[str] = []
        self._places: dict[str, int] = {}
        self._widths = Widths(self._columns)
        self._sizes: list[int] = []
        self._natural: list[int] = [0] * len(self._columns)
        self._fitted = 0
        self._base: Style | None = None
        self._cursor = 0
        self._empty: tuple[str, ...] = ()
        self._total = 0
        self._headings = 0
        self._note = ""
        self._titled: tuple[str, str] | None = None

    def use_columns(self, columns: Sequence[Column]) -> None:
        """Show other columns; the rows that follow have their cells."""
        if tuple(columns) != self._columns:
            self._columns, self._content, self._sizes = tuple(columns), None, []

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
        last, sizes = self._rows, self._sizes
        self._rows, self._total, self._note, self._empty, _ = content
        self.wanted_height = 2 + (max(len(self._rows), total) or len(self._empty))
        self._headings = sum(row.heading for row in self._rows)
        self._widths = Widths(self._columns, self._rows)
        self._natural = self._widths.natural
        shown, keys = self._keys, [row.key for row in self._rows]
        self._keys, self._places = keys, {key: index for index, key in enumerate(keys)}
        self._cursor = self._places.get(before, max(0, min(place, len(keys) - 1)))
        self._fit()
        self._titles()
        self.virtual_size = Size(0, len(self._rows) + self._head)
        same = bool(keys) and self._cursor == place and self._sizes == sizes and shown == keys
        if same and not self.has_class("line"):
            self._refresh_rows(last)
        else:
            self.refresh()
        if self.selected != before:
            self.post_message(self.Highlighted(self, self.selected))
            self._reveal()
        self.post_message(self.VisibleChanged(self))

    def update_rows(self, rows: Mapping[str, Row]) -> None:
        """Show other contents of rows, found by their keys: what it costs is by the rows that changed."""
        found = ((self._places.get(key, -1), row) for key, row in rows.items())
        changed = {index: row for index, row in found if index >= 0 and self._rows[index] != row}
        if self._content is None or not changed:
            return
        last, sizes, now = self._rows, self._sizes, [*self._rows]
        for index, row in changed.items():
            self._widths.change(last[index], row)
            now[index] = row
        self._rows = tuple(now)
        self._content = (self._rows, *self._content[1:])
        self._natural = self._widths.natural
        self._fit()
        if self._sizes == sizes and not self.has_class("line"):
            self._refresh_rows(last)
        else:
            self.refresh()

    def _refresh_rows(self, last: Sequence[Row]) -> None:
        """Draw those rows on the screen anew that are not what they were: each second it is a few numbers."""
        top = int(self.scroll_offset.y)
        for index in range(top, min(top + max(0, self._view_height), len(last))):
            if self._rows[index] != last[index]:
                self.refresh_line(index + self._head)

    def move(self, step: int, *, extend: bool = False) -> None:
        """Move the cursor by rows; ``extend`` marks those that it passes."""
        self.move_to(self._cursor + step, extend=extend)

    def move_to(self, index: int, *, extend: bool = False) -> None:
        """Move the cursor to a row."""
        index = max(0, min(index, len(self._rows) - 1))
        if extend and self._rows:
            self.marks.begin_range(self.selected, lasting=False)
        if self._rows and index != self._cursor:
            self._cursor = index
            self.marks.moved(self._keys, index, extend=extend)
            if self._headings:
                self.marks.keys.difference_update(row.key for row in self._rows if row.heading)
            self._reveal()
            self.show_marks()
            self.post_message(self.Highlighted(self, self.selected))

    def select(self, key: str) -> bool:
        """Move the cursor to the row with that key; whether there is one."""
        if key in self._places:
            self.move_to(self._places[key])
        return key in self._places

    def show_marks(self) -> None:
        """Draw anew: other rows are marked."""
        self._fit()
        self._titles()
        self.refresh()

    def watch_heading(self) -> None:
        self._fit()
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
        if self._head and event.y == self.styles.gutter.top:
            at = event.x - self.styles.gutter.left - (GUTTER if self.marks.keys else 0)
            self.post_message(self.TitleClicked(self, column_at(self._columns, self._sizes, at)))
        elif 0 <= row < len(self._rows):
            self.move_to(row)
            action = "global.menu" if event.button == 3 else "lists.mark" if event.ctrl else "lists.enter" if event.chain == 2 else ""
            if action:
                self.post_message(ActionChosen(action))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.move(1)
        event.stop()
        event.prevent_default()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.move(-1)
        event.stop()
        event.prevent_default()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.base_style
        if self.has_class("line"):
            dim = base + self.get_component_rich_style("list-pane--title", partial=True)
            return _title_line(f" [{self.number}] {self._title()} ", f" {self._counter()} ", width, base=base, dim=dim)
        if not self._rows:
            quiet = base + self.get_component_rich_style("list-pane--quiet", partial=True)
            return _centred(self._empty, y, (width, self.size.height), base=base, quiet=quiet)
        if self._fitted != width:
            self._fit()
        if y == 0 and self._head:
            style = base + self.get_component_rich_style("list-pane--head", partial=True)
            return _heading_line(self._columns, self._sizes, GUTTER if self.marks.keys else 0, width, style)
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
        if self.marks.keys:
            marked = self._rows[index].key in self.marks.keys
            sign = style + self.get_component_rich_style("list-pane--marked", partial=True) if keep else style
            segments.insert(0, Segment("● " if marked else "  ", sign))
        return Strip(segments).crop_extend(0, width, style)

    def _fit(self) -> None:
        self._fitted = max(1, self.scrollable_content_region.width)
        room = max(1, self._fitted - (GUTTER if self.marks.keys else 0))
        natural = self._natural
        if self._head:
            natural = [max(size, len(tr(column.title))) if size else 0 for column, size in zip(self._columns, natural, strict=True)]
        self._sizes = widths(self._columns, natural, room)

    def _reveal(self) -> None:
        if self._view_height > 0 and self._rows:
            region = Region(0, self._cursor, 1, 1 + self._head)
            self.scroll_to_region(region, animate=False, force=True)

    def _title(self) -> str:
        marked = f" ● {len(self.marks.keys)}{tr(' range') if self.marks.ranging else ''}" if self.marks.keys else ""
        return f"{tr(self.label)}{' /' + '~' * self.loose + self.filter if self.filter else ''}{marked}"

    def _counter(self) -> str:
        count = len(self._rows) - self._headings
        at = self._cursor + 1 - sum(row.heading for row in self._rows[: self._cursor + 1]) if self._headings else self._cursor + 1
        on_heading = bool(self._headings) and self._rows[self._cursor].heading
        place = str(count) if on_heading or not count else tr("{at} of {count}", at=at, count=count)
        return f"{place} ({self._total})" if count != self._total and not self._headings else place

    def _titles(self) -> None:
        if self.has_class("line"):
            return
        room = max(4, self.size.width - 4) if self.size.width else 80  # before there is a size nothing is to be shortened
        title = clip(f"[{self.number}] {self._title()}" if self.number else self._title(), room)
        place, last = self._counter(), self._note.rpartition(" · ")[2]
        number = f"{len(self._rows)} ({self._total})" if place.endswith(")") else place
        # What hides rows stands last and is told before anything else: rows that are missing want a reason.
        notes = (f"{self._note} · {place}", f"{last} · {place}", f"{last} · {number}", place)
        subtitle = next((note for note in notes[0 if self._note else 3 :] if len(note) <= room), place) if self._total else ""
        if (title, subtitle) != self._titled:  # a title that is set again has the whole pane drawn again
            self._titled = (title, subtitle)
            self.border_title, self.border_subtitle = Content(title), Content(subtitle)


def _heading_line(columns: Sequence[Column], sizes: Sequence[int], indent: int, width: int, style: Style) -> Strip:
    """The titles of the columns."""
    parts = [pad(tr(column.title), size, right=column.right) for column, size in zip(columns, sizes, strict=True) if size]
    return Strip([Segment(" " * indent + " ".join(parts), style)]).crop_extend(0, width, style)


def _title_line(text: str, count: str, width: int, *, base: Style, dim: Style) -> Strip:
    """The whole pane as one line, where there is no room for more."""
    text = clip(text, width - 3)
    room = width - cell_len(text) - 3
    count = count if len(count) <= room else ""
    fill = "─" * max(0, room - len(count))
    pieces = (("╶─", dim), (text, base), (fill, dim), (count, dim), ("╴", dim))
    return Strip([Segment(piece, style) for piece, style in pieces]).crop_extend(0, width, base)


def _centred(lines: Sequence[str], y: int, size: tuple[int, int], *, base: Style, quiet: Style) -> Strip:
    """A row of what an empty list says in its middle."""
    width, height = size
    index = y - max(0, (max(1, height) - len(lines)) // 2)
    if not 0 <= index < len(lines):
        return Strip.blank(width, base)
    text = clip(lines[index], width)
    left = max(0, (width - len(text)) // 2)
    return Strip([Segment(" " * left, base), Segment(text, quiet)]).crop_extend(0, width, base)
