"""Lines to read in a box: results of a batch, layers, a diff, usage, the command log. What is shown can be copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from tui.presenters.ansi import Styled, text_of
from tui.presenters.lines import width_of
from tui.presenters.text import clip, safe
from tui.screens.modal import Modal
from tui.widgets.line_view import TextView
from tui.words import tr


class ReaderModal(Modal[None]):
    """Shows lines until it is closed.

    Attributes:
        view: what shows them.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "close", "close", id="reader.close"),
        Binding("down,j", "go(1)", "down", id="reader.down"),
        Binding("up,k", "go(-1)", "up", id="reader.up"),
        Binding("pagedown,space,ctrl+d,J", "page(1)", "page down", id="reader.page_down"),
        Binding("pageup,ctrl+u,K", "page(-1)", "page up", id="reader.page_up"),
        Binding("home,g", "top", "top", id="reader.top"),
        Binding("end,G", "bottom", "end", id="reader.end"),
        Binding("w", "wrap", "wrap", id="reader.wrap"),
        Binding("y", "copy", "copy", id="reader.copy"),
    ]

    def __init__(self, title: str, lines: Sequence[Styled], *, copied: str = "", wrapped: bool = True, bottom: bool = False) -> None:
        """Show ``lines``; ``copied`` is what ``y`` copies, ``""`` for all that is shown; ``bottom`` begins at the end."""
        super().__init__()
        self.view = TextView(id="reader")
        self.view.wrapped = wrapped
        self._title = title
        self._lines = tuple(lines)
        self._copied = copied
        self._bottom = bottom

    def compose(self) -> ComposeResult:
        room = self.app.size
        width = min(room.width - 4, max(44, 6 + max((width_of(line) for line in self._lines), default=0)))
        with Vertical(classes="box reader") as box:
            box.styles.width = width
            rows = sum(max(1, -(-width_of(line) // (width - 6))) for line in self._lines) if self.view.wrapped else len(self._lines)
            self.view.styles.height = max(1, min(room.height - 4, rows))
            box.border_title = Content(clip(safe(self._title), width - 4))
            box.border_subtitle = Content(tr("esc: close  y: copy"))
            yield self.view

    def on_mount(self) -> None:
        self.view.show(self._lines)
        self.view.focus()
        if self._bottom:
            self.view.call_after_refresh(self.view.go_bottom)

    def action_go(self, rows: int) -> None:
        """Scroll by rows."""
        self.view.go(rows)

    def action_page(self, pages: int) -> None:
        """Scroll by pages."""
        self.view.go_page(pages)

    def action_top(self) -> None:
        """Go to the first line."""
        self.view.go_top()

    def action_bottom(self) -> None:
        """Go to the last line."""
        self.view.go_bottom()

    def action_wrap(self) -> None:
        """Fold long lines, or cut them."""
        self.view.wrapped = not self.view.wrapped

    def action_copy(self) -> None:
        """Copy the text."""
        self.app.copy_to_clipboard(self._copied or "\n".join(text_of(line) for line in self._lines))
        self.notify(tr("copied"), timeout=2, markup=False)

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)

    def give_up(self) -> None:
        self.dismiss(None)
