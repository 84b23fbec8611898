"""A scrolling view of styled lines: wrapping, search and selection for every text in the main pane.

A Textual line-API widget: only rows on the screen are ever rendered. What the lines are is left to subclasses, which
give a row's text on demand; :class:`TextView` holds them in a list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from tui.presenters.ansi import PLAIN, Styled, ink, text_of
from tui.presenters.lines import found_by, matches, restyle, width_of, wrap


class LineView(ScrollView, can_focus=True, inherit_bindings=False):
    """Base of the text views. Subclasses say how many rows there are and what stands in one."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"line-view--match", "line-view--current", "line-view--picked"}
    DEFAULT_CSS = """
    LineView {
        overflow-x: auto;
        overflow-y: auto;
        scrollbar-size: 1 1;
        & .line-view--match { background: $match; color: $background; }
        & .line-view--picked { background: $selection; color: $selection-text; }
        & .line-view--current { background: $accent; color: $background; text-style: bold; }
        &:nocolor .line-view--match { text-style: underline; }
        &:nocolor .line-view--picked { text-style: reverse; }
        &:nocolor .line-view--current { text-style: reverse bold; }
    }
    """
    wrapped: reactive[bool] = reactive(True)
    """Long lines are folded instead of cut."""
    term: reactive[str] = reactive("")
    """What is searched for, in lower case; matches are marked."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.current = -1
        self.picked: tuple[int, int] | None = None
        self.lit: re.Pattern[str] | None = None
        self.placeholder: Sequence[str] = ()
        self._widest = 0
        self._base: Style | None = None

    def show_placeholder(self, *lines: str) -> None:
        """What stands here while there are no lines."""
        if tuple(lines) != tuple(self.placeholder):
            self.placeholder = lines
            self.refresh()

    @property
    def line_count(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    @property
    def row_count(self) -> int:
        """How many rows the lines take."""
        raise NotImplementedError

    def styled(self, index: int) -> Styled:
        """The text of a line."""
        raise NotImplementedError

    def locate(self, row: int) -> tuple[int, int]:
        """The line that a row belongs to and the row within it."""
        raise NotImplementedError

    def row_of(self, index: int) -> int:
        """The first row of a line."""
        raise NotImplementedError

    def relayout(self) -> None:
        """Lay out again after width, wrapping or content changed."""
        raise NotImplementedError

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
    def wrap_width(self) -> int:
        """Cells for a row, 0 where lines are not folded."""
        return max(1, self.scrollable_content_region.width) if self.wrapped else 0

    @property
    def allow_select(self) -> bool:
        return True

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        text = "\n".join("".join(text_of(self._row(row))) for row in range(self.row_count))
        return selection.extract(text), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def watch_wrapped(self) -> None:
        self.relayout()

    def watch_term(self) -> None:
        self.current = -1
        self.refresh()

    def on_resize(self) -> None:
        self.relayout()

    def resized(self) -> None:
        """Tell Textual the new extent."""
        width = 0 if self.wrapped else self._widest
        self.virtual_size = Size(width, self.row_count)
        self.refresh()
        self.call_after_refresh(self._sync_scrollbar)

    def _sync_scrollbar(self) -> None:
        """A scrollbar that has just appeared does not know yet where the view is."""
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = self.scroll_y

    def _row(self, row: int) -> Styled:
        index, part = self.locate(row)
        line = self.styled(index)
        if self.term:
            spans = matches(line, self.term)
            kind = "line-view--current" if index == self.current else "line-view--match"
            line = restyle(line, spans, self.get_component_rich_style(kind, partial=True))
        elif self.lit is not None:
            line = restyle(line, found_by(line, self.lit), self.get_component_rich_style("line-view--match", partial=True))
        if not self.wrapped:
            return line
        folded = wrap(line, self.wrap_width)
        return folded[part] if part < len(folded) else ()

    def render_line(self, y: int) -> Strip:
        scroll_x, scroll_y = self.scroll_offset
        row = scroll_y + y
        width = self.size.width
        base = self.base_style
        if not self.row_count:
            text = self.placeholder[y - 1] if 0 < y <= len(self.placeholder) else ""
            return Strip([Segment(f" {text}", base + ink("bright_black"))]).crop_extend(0, width, base)
        if not 0 <= row < self.row_count:
            return Strip.blank(width, base)
        line = self._row(row)
        if self.picked is not None and self.picked[0] <= self.locate(row)[0] <= self.picked[1]:
            base += self.get_component_rich_style("line-view--picked", partial=True)
            line = tuple((text, PLAIN) for text, _ in line)
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(row)) is not None:
            start, end = span
            text = text_of(line)
            line = restyle(
                line, [(start, len(text) if end == -1 else end)], self.screen.get_component_rich_style("screen--selection", partial=True)
            )
        if not self.wrapped and (cells := width_of(line)) > self._widest:
            self._widest = cells
            self.call_next(self.resized)
        strip = Strip([Segment(text, base + style) for text, style in line])
        return strip.crop_extend(scroll_x, scroll_x + width, base).apply_offsets(scroll_x, row)

    def matching(self) -> Callable[[int], bool]:
        """What tells whether a line contains what is searched for now; thousands are asked about at once."""
        term, styled = self.term, self.styled
        return lambda index: bool(matches(styled(index), term))

    def search_from(self, index: int, step: int) -> int:
        """The nearest line with a match, from ``index`` on in direction ``step``; -1 for none."""
        count = self.line_count
        if not 0 <= index < count:
            return -1
        return next(filter(self.matching(), range(index, count if step > 0 else -1, step)), -1)

    def found(self) -> list[int]:
        """All lines with a match."""
        return list(filter(self.matching(), range(self.line_count))) if self.term else []

    def show_line(self, index: int) -> None:
        """Make a line the current match and bring it to the middle."""
        self.current = index
        self.scroll_to(y=max(0, self.row_of(index) - self.size.height // 2), animate=False, force=True)
        self.refresh()

    def go(self, rows: int) -> None:
        """Scroll by rows."""
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False)

    def go_page(self, pages: int) -> None:
        """Scroll by pages."""
        self.go(pages * max(1, self.size.height - 1))

    def go_sideways(self, cells: int) -> None:
        """Scroll left or right, where lines are not folded."""
        self.scroll_to(x=self.scroll_offset.x + cells, animate=False)

    def go_top(self) -> None:
        """Scroll to the first line."""
        self.scroll_to(y=0, animate=False)

    def go_bottom(self) -> None:
        """Scroll to the last line."""
        self.scroll_to(y=self.max_scroll_y, animate=False)


def first_seen(view: LineView, step: int) -> int:
    """The first line of a view that is on the screen, seen in a direction; -1 where there is none."""
    if not view.row_count:
        return -1
    row = view.scroll_offset.y + (view.size.height - 1 if step < 0 else 0)
    return view.locate(min(row, view.row_count - 1))[0]


class TextView(LineView):
    """Styled lines from a list."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Styled] = ()
        self._rows: list[tuple[int, int]] = []
        self._firsts: list[int] = []

    @property
    def line_count(self) -> int:
        return len(self._lines)

    @property
    def row_count(self) -> int:
        return len(self._rows)

    @property
    def text(self) -> str:
        """What is shown, without styles."""
        return "\n".join(text_of(line) for line in self._lines)

    def styled(self, index: int) -> Styled:
        return self._lines[index]

    def locate(self, row: int) -> tuple[int, int]:
        return self._rows[row]

    def row_of(self, index: int) -> int:
        return self._firsts[index]

    def show(self, lines: Sequence[Styled], *, top: bool = False) -> None:
        """Show other lines, from the top or where the view is."""
        self._lines = lines
        self._widest = 0
        self.relayout()
        if top:
            self.scroll_to(x=0, y=0, animate=False)

    def relayout(self) -> None:
        width = self.wrap_width
        self._rows = []
        self._firsts = []
        for index, line in enumerate(self._lines):
            self._firsts.append(len(self._rows))
            count = len(wrap(line, width)) if width and width_of(line) > width else 1
            self._rows.extend((index, part) for part in range(count))
        self.resized()
