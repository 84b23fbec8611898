"""The strip below the main pane that shows pulls while a person does other things."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.content import Content
from textual.strip import Strip
from textual.widget import Widget

from tui.presenters.ansi import Styled
from tui.presenters.pulls import pull_lines, title
from tui.presenters.text import clip
from tui.snapshot import PullState
from tui.words import tr


class PullStrip(Widget):
    """Progress of pulls, a line for each layer."""

    DEFAULT_CSS = """
    PullStrip {
        border: round $primary;
        border-title-color: $primary;
        border-subtitle-color: $quiet;
        &.ended { border: round $frame; border-title-color: $foreground; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._states: Sequence[PullState] = ()
        self._lines: list[Styled] = []

    def show(self, states: Sequence[PullState]) -> None:
        """Show these pulls."""
        self._states = states
        running = [state for state in states if not state.outcome]
        self.set_class(not running, "ended")
        if running:
            self.border_title = Content(
                clip(title(running[-1]) if len(running) == 1 else tr("{count} at work", count=len(running)), max(4, self.size.width - 4))
            )
            self.border_subtitle = Content(tr("c in Images cancels"))
        else:
            self.border_title = Content(tr("Done"))
            self.border_subtitle = Content(tr("esc closes"))
        self._layout()

    def on_resize(self) -> None:
        self._layout()

    def _layout(self) -> None:
        self._lines = pull_lines(self._states, width=self.content_size.width, height=max(1, self.content_size.height))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, base)
        return Strip([Segment(text, base + style) for text, style in self._lines[y]]).crop_extend(0, width, base)
