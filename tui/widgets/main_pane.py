"""The main pane: a frame whose upper border is the tabs, around a log or a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.style import Style

from tui.presenters.text import clip
from tui.widgets.edges import Edges
from tui.widgets.line_view import LineView, TextView
from tui.widgets.log_view import LogView
from tui.widgets.terminal_view import TerminalView
from tui.words import in_use, mark, tr

TAB_TITLES = {
    "logs": mark("Logs"),
    "stats": mark("Stats"),
    "env": mark("Env"),
    "config": mark("Config"),
    "top": mark("Top"),
    "diff": mark("Diff"),
    "layers": mark("Layers"),
    "tasks": mark("Tasks"),
    "shell": mark("Terminal"),
}
GAP = " - "
TITLE_AT = 3
"""The column of the border in which Textual begins a title."""


class MainPane(Edges, Vertical):
    """Tabs and what they show."""

    DRAGGED = ("left",)

    DEFAULT_CSS = """
    MainPane {
        border: round $frame;
        border-title-color: $foreground;
        border-subtitle-color: $quiet;
        border-subtitle-align: right;
        padding: 0 0 0 1;
        &:focus-within { border: round $frame-focus; border-subtitle-color: $frame-focus; }
        &:nocolor:focus-within { border: double $frame-focus; }
        & > LineView { height: 1fr; }
        & > .hidden { display: none; }
    }
    """

    @dataclass
    class TabClicked(Message):
        """A tab was clicked."""

        tab: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.log_view = LogView(id="log")
        self.text_view = TextView(id="text")
        self.terminal_view = TerminalView(id="terminal")
        self.terminal_view.add_class("hidden")
        self._tabs: Sequence[str] = ()
        self._tab = ""
        self._subtitle = ""
        self._drawn: tuple[Sequence[str], str, str, str] | None = None

    @property
    def view(self) -> LineView:
        """What is shown."""
        return self.terminal_view if self._tab == "shell" else self.log_view if self._tab in ("", "logs") else self.text_view

    @property
    def focused(self) -> bool:
        """The keys go to this pane."""
        return self.view.has_focus

    def compose(self) -> ComposeResult:
        yield self.log_view
        yield self.text_view
        yield self.terminal_view

    def show_tabs(self, tabs: Sequence[str], tab: str) -> None:
        """Show these tabs, one of them chosen, and the view that belongs to it."""
        had_focus = self.focused
        self._tabs, self._tab = tuple(tabs), tab
        for view in (self.log_view, self.text_view, self.terminal_view):
            view.set_class(view is not self.view, "hidden")
        if had_focus and not self.focused:
            self.view.focus(scroll_visible=False)
        self.draw_tabs()

    def draw_tabs(self) -> None:
        """Write the tabs into the border: the chosen one green, bold while the pane has the focus."""
        style = f"{self.app.theme_variables['frame-focus']}{' bold' if self.focused else ''}"
        first = self._first_tab()
        if self._drawn == (drawn := (self._tabs[first:], self._tab, style, in_use())):
            return  # a title that is set again has the whole pane drawn again
        self._drawn = drawn
        chosen = Style.parse(style)
        titles = [tr(TAB_TITLES[tab]) for tab in self._tabs[first:]]
        parts = [
            Content.styled(title, chosen) if tab == self._tab else Content(title)
            for tab, title in zip(self._tabs[first:], titles, strict=True)
        ]
        self.border_title = Content(GAP).join([Content("…"), *parts] if first else parts)

    def _first_tab(self) -> int:
        """The first tab that is named: those before it make room for the chosen one, where the border is too short for all."""
        room = self.outer_size.width - 2 * TITLE_AT
        ends = self._tabs[: self._tabs.index(self._tab) + 1] if self._tab in self._tabs else ()
        lengths = [cell_len(tr(TAB_TITLES[tab])) for tab in ends]

        def taken(first: int) -> int:
            return sum(lengths[first:]) + len(GAP) * (len(lengths) - first - 1) + (1 + len(GAP) if first else 0)

        return next((first for first in range(len(ends)) if taken(first) <= room), max(0, len(ends) - 1)) if self.size.width else 0

    def on_resize(self, _: events.Resize) -> None:
        self.draw_tabs()

    def on_click(self, event: events.Click) -> None:
        first = self._first_tab()
        at = event.x - TITLE_AT - (1 + len(GAP) if first else 0)
        if event.y != 0 or event.widget is not self:
            return
        for tab in self._tabs[first:]:
            if 0 <= at < len(tr(TAB_TITLES[tab])):
                self.post_message(self.TabClicked(tab))
                return
            at -= len(tr(TAB_TITLES[tab])) + len(GAP)

    @property
    def status(self) -> str:
        """What stands in the lower border."""
        return self._subtitle

    def show_status(self, text: str) -> None:
        """Write into the lower border."""
        if text != self._subtitle:
            self._subtitle = text
            self.border_subtitle = Content(clip(text, max(8, self.size.width - 6)))

    def on_descendant_focus(self, _: events.DescendantFocus) -> None:
        self.draw_tabs()

    def on_descendant_blur(self, _: events.DescendantBlur) -> None:
        self.call_next(self.draw_tabs)
