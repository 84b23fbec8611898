"""A form of some fields. It answers with what its check makes of them; what is wrong is said in the form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.suggester import Suggester, SuggestFromList
from textual.widgets import Input, Label, Static

from engine.errors import InvalidArgument
from engine.model.value import Value
from tui.presenters.text import safe
from tui.screens.host_path import HostPathSuggester
from tui.screens.modal import Modal

T = TypeVar("T")


class Field(Value):
    """One line of a form.

    Attributes:
        name: what the check finds the text under; a wrong field is named at the beginning of the error.
        example: shown while it is empty.
        known: completions.
        path: completed as a path of this machine.
        secret: what is typed is not shown.
    """

    name: str
    label: str
    text: str = ""
    example: str = ""
    known: tuple[str, ...] = ()
    path: bool = False
    secret: bool = False


def _suggester(field: Field) -> Suggester | None:
    if field.path:
        return HostPathSuggester()
    return SuggestFromList(field.known, case_sensitive=False) if field.known else None


class FormModal(Modal[T | None]):
    """Answers with what ``check`` makes of the texts by field name, None when it was given up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close", id="form.close"),
        Binding("ctrl+s", "submit", "go", id="form.submit"),
        Binding("down", "app.focus_next", "next field", id="form.next"),
        Binding("up", "app.focus_previous", "field before", id="form.previous"),
    ]

    def __init__(self, title: str, fields: Sequence[Field], check: Callable[[Mapping[str, str]], T], *, about: str = "") -> None:
        super().__init__()
        self._title = title
        self._fields = tuple(fields)
        self._check = check
        self._about = about

    def compose(self) -> ComposeResult:
        with Vertical(classes="box form") as box:
            box.border_title = Content(safe(self._title))
            box.border_subtitle = Content("enter: go  tab: next field  esc: cancel")
            for field in self._fields:
                with Horizontal():
                    yield Label(field.label)
                    yield Input(
                        field.text,
                        placeholder=field.example,
                        suggester=_suggester(field),
                        password=field.secret,
                        id=f"field-{field.name}",
                        select_on_focus=False,
                    )
            if self._about:
                yield Static(Content(self._about), classes="consequence")
            yield Static("", id="problem", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_submit()

    def action_submit(self) -> None:
        """Answer, or say what is wrong and go there."""
        texts = {field.name: self.query_one(f"#field-{field.name}", Input).value.strip() for field in self._fields}
        try:
            self.dismiss(self._check(texts))
        except InvalidArgument as error:
            self.query_one("#problem", Static).update(Content(safe(error.message)))
            name = error.message.partition(":")[0]
            if name in texts:
                self.query_one(f"#field-{name}", Input).focus()

    def action_close(self) -> None:
        """Answer with nothing."""
        self.dismiss(None)

    def give_up(self) -> None:
        self.dismiss(None)
