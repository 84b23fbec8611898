"""The bottom line while something is typed: a filter or a search, with live effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
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

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._label: Label | None = None
        self._field: Input | None = None
        self._text = ""

    def open(self, label: str, text: str) -> None:
        """Ask for a text. Label and input come with the first question: the first picture does not need them."""
        if self._label is None or self._field is None:
            self._label, self._field = Label("", markup=False), Input(select_on_focus=False)
            self.mount(self._label, self._field)
        field = self._field
        self._label.update(label)
        self._text = text
        self.display = True
        with field.prevent(Input.Changed):
            field.value = text
        field.cursor_position = len(text)
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display and event.value != self._text:
            self._text = event.value
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
        if self.display and self._field is not None:
            self.display = False
            if self.screen.focused is self._field:
                self.screen.set_focus(None)  # at once: the next key is not for this line, and the answer comes some messages later
            self.post_message(self.Closed(self._field.value, kept))
