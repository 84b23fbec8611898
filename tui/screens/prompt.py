"""One line of text asked for in a box."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.suggester import Suggester, SuggestFromList
from textual.widgets import Input, Static

from tui.presenters.text import safe
from tui.screens.modal import Modal
from tui.words import tr


class PromptModal(Modal[str]):
    """Answers with the text, ``""`` when it was given up."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "close", id="prompt_box.close")]

    def __init__(
        self,
        title: str,
        *,
        text: str = "",
        example: str = "",
        about: str = "",
        known: tuple[str, ...] = (),
        suggester: Suggester | None = None,
    ) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._example = example
        self._about = about
        self._suggester = suggester or (SuggestFromList(known, case_sensitive=False) if known else None)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box prompt") as box:
            box.border_title = Content(safe(self._title))
            box.border_subtitle = Content(tr("enter: go  esc: cancel"))
            yield Input(self._text, placeholder=self._example, suggester=self._suggester, select_on_focus=False)
            if self._about:
                yield Static(Content(self._about), classes="consequence")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value.strip())

    def action_close(self) -> None:
        """Answer with nothing."""
        self.dismiss("")

    def give_up(self) -> None:
        self.dismiss("")
