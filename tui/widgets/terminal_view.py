"""A container's terminal in the main pane: its history and its screen as lines, the keys to its process.

While a session goes on the widget takes every key but those of its own actions (ctrl-] leaves it), ctrl-c and ctrl-q too;
what has ended is a text like any other, with search and selection. The last rows are the screen; the history is above them
and is reached with the wheel or shift and PgUp, and left by typing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.strip import Strip

from tui.feed.terminals import Terminal
from tui.presenters.ansi import Styled, ink
from tui.presenters.lines import restyle
from tui.widgets.line_view import LineView
from tui.words import tr

_CURSOR = Style(reverse=True)


class TerminalView(LineView):
    """Shows a terminal, and is its keyboard.

    Attributes:
        reserved: keys that are not sent to the process.
    """

    DEFAULT_CSS = """
    TerminalView {
        scrollbar-size: 0 0;
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = set()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.terminal: Terminal | None = None
        self.reserved: Collection[str] = ()
        self.following = True
        self.set_reactive(LineView.wrapped, False)
        self._drawn: tuple[int, int] = (0, 0)

    @property
    def captures(self) -> bool:
        """The keys go to a process, or will once it is there."""
        return self.terminal is not None and self.terminal.alive

    @property
    def status(self) -> str:
        """What the lower border says."""
        if self.terminal is None:
            return ""
        place = f" · {self.terminal.place}" if self.terminal.place else ""
        if not self.terminal.alive:
            return f"{self.terminal.note}{place}"
        back = max(0, self.row_count - self.size.height - round(self.scroll_y))
        return f"{self.terminal.title}{place}{tr(' · {back} rows back, End follows', back=back) if back else ''}"

    def attach(self, terminal: Terminal | None) -> None:
        """Show a terminal from now on."""
        if terminal is not self.terminal:
            self.terminal = terminal
            self.term = ""
            self.following = True
        self.fit()
        self.changed()

    def fit(self) -> None:
        """Tell the terminal what room there is."""
        if self.terminal is not None and self.is_on_screen and self.size.width > 1 and self.size.height:
            self.terminal.resize(self.size.width, self.size.height)

    def changed(self) -> None:
        """There is something new on the screen."""
        rows = self.row_count
        if (rows, self.size.width) != self._drawn:
            self._drawn = (rows, self.size.width)
            self.virtual_size = Size(self.size.width, rows)
            self.call_after_refresh(self._keep_end)  # how far there is to scroll is known only once it is laid out
        self._keep_end()
        self.refresh()

    def _keep_end(self) -> None:
        if self.following:
            self.scroll_to(y=max(0, self.row_count - self.size.height), animate=False, immediate=True)

    # --- lines ---------------------------------------------------------------------------------------------------------

    @property
    def row_count(self) -> int:
        emulator = self.terminal.emulator if self.terminal else None
        return 0 if emulator is None else self._above + emulator.height

    @property
    def line_count(self) -> int:
        return self.row_count

    @property
    def _above(self) -> int:
        """Rows of history that can be scrolled to."""
        emulator = self.terminal.emulator if self.terminal else None
        return 0 if emulator is None or emulator.alternate else len(emulator.history)

    def styled(self, index: int) -> Styled:
        emulator = self.terminal.emulator if self.terminal else None
        if emulator is None:
            return ()
        above = self._above
        if 0 <= index < above:
            return emulator.history[index]
        y = index - above
        row = emulator.row(y)
        if self.has_focus and self.captures and (cursor := emulator.cursor) is not None and cursor[1] == y:
            return _with_cursor(row, cursor[0])
        return row

    def locate(self, row: int) -> tuple[int, int]:
        return row, 0

    def row_of(self, index: int) -> int:
        return index

    def relayout(self) -> None:
        self.fit()
        self.changed()

    def resized(self) -> None:
        """The extent is that of the terminal, however wide a line is."""

    def render_line(self, y: int) -> Strip:
        if not self.row_count:
            return Strip([Segment(tr("opening…") if not y and self.terminal else "", ink("bright_black"))]).crop_extend(
                0, self.size.width, None
            )
        return super().render_line(y)

    # --- scrolling -----------------------------------------------------------------------------------------------------

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.following = new_value >= self.max_scroll_y

    # --- keyboard ------------------------------------------------------------------------------------------------------

    async def on_key(self, event: events.Key) -> None:
        if self.captures and self.terminal is not None and event.key not in self.reserved:
            event.stop()
            event.prevent_default()
            self._to_end()
            self.terminal.press(event.key, event.character)

    async def on_paste(self, event: events.Paste) -> None:
        if self.captures and self.terminal is not None:
            event.stop()
            self._to_end()
            if not self.terminal.paste(event.text):
                self.app.bell()

    def _to_end(self) -> None:
        if not self.following:
            self.following = True
            self.changed()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_show(self) -> None:
        self.relayout()


def _with_cursor(row: Styled, column: int) -> Styled:
    """The row with the cell of the cursor turned round; cells beyond the text are made."""
    from rich.cells import cell_len

    text = "".join(piece for piece, _ in row)
    at, cells = 0, 0
    while at < len(text) and cells + cell_len(text[at]) <= column:
        cells += cell_len(text[at])
        at += 1
    while at < len(text) and at and cell_len(text[at]) == 0:
        at += 1
    if at >= len(text):
        row = (*row, (" " * (column - cells + 1), Style.null()))
        at = len(text) + column - cells
    return restyle(row, [(at, at + 1)], _CURSOR)
