"""The bottom line while something is typed: a filter or a search, with live effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label


class PromptLine(Horizontal):
    """A label and an input in one row."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "cancel", id="prompt.cancel")]
    DEFAULT_CSS = """
    PromptLine {
        height: 1;
        display: none;
        & > Label { color: $success; text-style: bold; padding: 0 1; width: auto; }
        & > Input { border: none; height: 1; padding: 0; width: 1fr; background: $background; color: $success; }
        & > Input:focus { border: none; background-tint: $background 0%; }
    }
    """

    @dataclass
    class Changed(Message):
        """Another text stands in the line."""

        text: str

    @dataclass
    class Closed(Message):
        """Typing ended. ``kept`` is false when it was cancelled."""

        text: str
        kept: bool

    def compose(self) -> ComposeResult:
        yield Label("", markup=False)
        yield Input(select_on_focus=False)

    def open(self, label: str, text: str) -> None:
        """Ask for a text."""
        self.query_one(Label).update(label)
        self.display = True
        field = self.query_one(Input)
        with field.prevent(Input.Changed):
            field.value = text
        field.cursor_position = len(text)
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display:
            self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close(kept=True)

    def action_cancel(self) -> None:
        """Give up."""
        self._close(kept=False)

    def on_descendant_blur(self, _: events.DescendantBlur) -> None:
        if self.display:
            self._close(kept=True)

    def _close(self, *, kept: bool) -> None:
        if self.display:
            self.display = False
            self.post_message(self.Closed(self.query_one(Input).value, kept))
