"""The form that runs a container from an image. It answers with a request; what is wrong is said in the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label, Static

from engine.errors import InvalidArgument
from engine.model.value import EMPTY
from tui.feed.run_request import RunForm, RunRequest, request
from tui.presenters.text import safe
from tui.screens.modal import Modal
from tui.widgets.tick_box import TickBox
from tui.words import mark, tr

_FIELDS = (
    ("name", mark("Name"), mark("made up when empty")),
    ("command", mark("Command"), mark("the image's when empty")),
    ("ports", mark("Ports"), "8080:80 127.0.0.1:5353:53/udp"),
    ("env", mark("Environment"), "NAME=value 'OTHER=with spaces'"),
    ("volumes", mark("Volumes"), "data:/var/lib/data /srv/www:/www:ro"),
    ("network", mark("Network"), mark("bridge when empty")),
    ("restart", mark("Restart"), "no, always, unless-stopped, on-failure:3"),
    ("log", mark("Log driver"), mark("the engine's own when empty")),
)


class RunModal(Modal[RunRequest | None]):
    """Answers with what to run, None when it was given up. ``known`` are completions by field name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "close", id="run.close"),
        Binding("ctrl+s", "submit", "run", id="run.submit"),
        Binding("ctrl+n", "empty", "empty", id="run.empty"),
        Binding("down", "app.focus_next", "next field", id="run.next"),
        Binding("up", "app.focus_previous", "field before", id="run.previous"),
    ]

    def __init__(self, image: str, *, form: RunForm | None = None, known: Mapping[str, tuple[str, ...]] = EMPTY) -> None:
        super().__init__()
        self._image = image
        self._form = form or RunForm(image=image)
        self._known = known

    def compose(self) -> ComposeResult:
        with Vertical(classes="box", id="run-form") as box:
            box.border_title = Content(tr("Run {image}", image=safe(self._image)))
            typed = self._form != RunForm(image=self._image)
            box.border_subtitle = Content(
                tr("enter: run  tab: next field  ^n: empty  esc: cancel") if typed else tr("enter: run  tab: next field  esc: cancel")
            )
            for name, label, example in _FIELDS:
                with Horizontal():
                    yield Label(tr(label))
                    found = self._known.get(name)
                    suggester = SuggestFromList(found, case_sensitive=False) if found else None
                    yield Input(str(getattr(self._form, name)), placeholder=tr(example), suggester=suggester, id=f"run-{name}")
            with Horizontal():
                yield Label(tr("Terminal"))
                yield TickBox(tr("with a terminal and open input"), self._form.tty, id="run-tty")
            with Horizontal():
                yield Label(tr("Create"))
                yield TickBox(tr("only create it; S starts it"), self._form.create_only, id="run-create_only")
            with Horizontal():
                yield Label(tr("Clean up"))
                yield TickBox(tr("remove it when it exits"), self._form.remove, id="run-remove")
            yield Static("", id="problem", markup=False)

    def form(self) -> RunForm:
        """What the fields hold."""
        texts = {name: self.query_one(f"#run-{name}", Input).value for name, _, _ in _FIELDS}
        return RunForm(
            image=self._image,
            tty=self.query_one("#run-tty", TickBox).value,
            remove=self.query_one("#run-remove", TickBox).value,
            create_only=self.query_one("#run-create_only", TickBox).value,
            **texts,
        )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_submit()

    def action_submit(self) -> None:
        """Answer with the request, or say what is wrong and go there."""
        try:
            self.dismiss(request(self.form()))
        except InvalidArgument as error:
            self.query_one("#problem", Static).update(Content(safe(error.message)))
            field = error.message.partition(":")[0]
            self.query_one(f"#run-{field}", Input).focus()

    def action_empty(self) -> None:
        """Forget what is in the fields, also what was filled in from the last time."""
        for field in self.query(Input):
            field.value = ""
        for box in self.query(TickBox):
            box.value = False
        self.query_one("#run-name", Input).focus()

    def action_close(self) -> None:
        """Run nothing."""
        self.dismiss(None)

    def give_up(self) -> None:
        self.dismiss(None)
