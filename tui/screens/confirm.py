"""A question that is answered with y or n. It names the object and the consequence, and never acts itself."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from tui.presenters.text import safe
from tui.screens.modal import Modal
from tui.words import tr


class ConfirmModal(Modal[bool]):
    """``y`` or enter is yes, ``n`` or esc is no."""

    yes_or_no = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "yes", id="confirm.yes"),
        Binding("n,escape,q", "answer(False)", "no", id="confirm.no"),
    ]

    def __init__(self, question: str, consequence: str, *, danger: bool = True) -> None:
        super().__init__()
        self._question = question
        self._consequence = consequence
        self._danger = danger

    def compose(self) -> ComposeResult:
        with Vertical(classes="box danger" if self._danger else "box") as box:
            box.border_title = Content(tr("Confirm"))
            box.border_subtitle = Content.from_markup(
                tr("[@click=screen.answer(True)]y/enter: yes[/]  [@click=screen.answer(False)]n/esc: no[/]")
            )
            yield Static(Content("\n".join(safe(line) for line in self._question.split("\n"))), classes="question")
            if self._consequence:
                yield Static(Content("\n".join(safe(line) for line in self._consequence.split("\n"))), classes="consequence")

    def action_answer(self, yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(yes)

    def give_up(self) -> None:
        self.dismiss(False)
