"""The main pane: a frame whose upper border is the tabs, around a log or a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.style import Style

from tui.presenters.text import clip
from tui.widgets.line_view import LineView, TextView
from tui.widgets.log_view import LogView

TAB_TITLES = {"logs": "Logs", "stats": "Stats", "env": "Env", "config": "Config", "top": "Top"}
GAP = " - "
TITLE_AT = 3
"""The column of the border in which Textual begins a title."""


class MainPane(Vertical):
    """Tabs and what they show."""

    DEFAULT_CSS = """
    MainPane {
        border: round $frame;
        border-title-color: $foreground;
        border-subtitle-color: $quiet;
        border-subtitle-align: right;
        padding: 0 0 0 1;
        &:focus-within { border: round $success; border-subtitle-color: $success; }
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
        self._tabs: Sequence[str] = ()
        self._tab = ""
        self._subtitle = ""

    @property
    def view(self) -> LineView:
        """What is shown."""
        return self.text_view if self.log_view.has_class("hidden") else self.log_view

    @property
    def focused(self) -> bool:
        """The keys go to this pane."""
        return self.view.has_focus

    def compose(self) -> ComposeResult:
        yield self.log_view
        yield self.text_view

    def show_tabs(self, tabs: Sequence[str], tab: str) -> None:
        """Show these tabs, one of them chosen, and the view that belongs to it."""
        self._tabs, self._tab = tuple(tabs), tab
        is_log = tab == "logs"
        had_focus = self.focused
        self.log_view.set_class(not is_log, "hidden")
        self.text_view.set_class(is_log, "hidden")
        if had_focus and not self.focused:
            self.view.focus(scroll_visible=False)
        self.draw_tabs()

    def draw_tabs(self) -> None:
        """Write the tabs into the border: the chosen one green, bold while the pane has the focus."""
        chosen = Style.parse(f"{self.app.theme_variables['success']}{' bold' if self.focused else ''}")
        parts = [Content.styled(TAB_TITLES[tab], chosen) if tab == self._tab else Content(TAB_TITLES[tab]) for tab in self._tabs]
        self.border_title = Content(GAP).join(parts)

    def on_click(self, event: events.Click) -> None:
        at = event.x - TITLE_AT
        if event.y != 0 or event.widget is not self:
            return
        for tab in self._tabs:
            if 0 <= at < len(TAB_TITLES[tab]):
                self.post_message(self.TabClicked(tab))
                return
            at -= len(TAB_TITLES[tab]) + len(GAP)

    def show_status(self, text: str) -> None:
        """Write into the lower border."""
        if text != self._subtitle:
            self._subtitle = text
            self.border_subtitle = Content(clip(text, max(8, self.size.width - 6)))

    def on_descendant_focus(self, _: events.DescendantFocus) -> None:
        self.draw_tabs()

    def on_descendant_blur(self, _: events.DescendantBlur) -> None:
        self.call_next(self.draw_tabs)
