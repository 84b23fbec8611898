"""The hosts in a box: each with its state, which is asked for when the box opens. Enter goes there."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from engine.errors import LongshoreError
from engine.interface import Hosts
from engine.model.hosts import Host, HostState
from engine.model.value import Value
from tui.late import Late
from tui.presenters.hosts import host_rows
from tui.screens.list_modal import ListModal
from tui.words import tr

MARGIN = 4


class HostWish(Value):
    """What somebody wants: ``verb`` is ``go``, ``all``, ``add``, ``remove`` or ``use``."""

    verb: str
    host: Host | None = None


class HostsModal(ListModal[HostWish | None]):
    """Answers with a :class:`HostWish`, ``None`` when nothing is wanted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,f7", "close", "close", id="hosts.close"),
        Binding("space", "wish('go')", "go", id="hosts.go"),
        Binding("a", "wish('all')", "all hosts in one list", id="hosts.all"),
        Binding("n", "wish('add')", "add", id="hosts.add"),
        Binding("d", "wish('remove')", "remove", id="hosts.remove"),
        Binding("u", "wish('use')", "use by default", id="hosts.use"),
        Binding("r", "ask_again", "ask again", id="hosts.again"),
        Binding("j", "move(1)", "down", id="hosts.down"),
        Binding("k", "move(-1)", "up", id="hosts.up"),
    ]

    def __init__(self, hosts: Hosts, here: str, *, timeout: float = 10.0) -> None:
        super().__init__()
        self._hosts = hosts
        self._here = here
        self._timeout = timeout
        self._listed = tuple(hosts.list())
        self._states: dict[str, HostState] = {}

    def compose(self) -> ComposeResult:
        with Vertical(classes="box menu") as box:
            box.styles.width = self.app.size.width - MARGIN
            box.border_title = Content(tr("Hosts"))
            box.border_subtitle = Content(tr("enter: go  a: all  n: add  d: remove  u: default  r: ask  esc: close"))
            yield OptionList(*self._options(), markup=False)

    def on_mount(self) -> None:
        names = [host.name for host in self._listed]
        if self._here in names:
            self.query_one(OptionList).highlighted = names.index(self._here)
        self._ask()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(HostWish(verb="go", host=self._listed[event.option_index]))

    def action_wish(self, verb: str) -> None:
        """Answer with the host under the cursor."""
        place = self.query_one(OptionList).highlighted
        host = self._listed[place] if place is not None else None
        if host is not None or verb in ("all", "add"):
            self.dismiss(HostWish(verb=verb, host=host))

    def action_ask_again(self) -> None:
        """Forget the answers and ask anew."""
        self._states = {}
        self._draw()
        self._ask()

    def action_close(self) -> None:
        """Want nothing."""
        self.dismiss(None)

    def give_up(self) -> None:
        self.dismiss(None)

    def _ask(self) -> None:
        self.run_worker(Late(self._collect), group="hosts", exclusive=True, exit_on_error=False)

    async def _collect(self) -> None:
        answers = self._hosts.states(timeout=self._timeout)
        try:
            async for state in answers:
                self._states[state.host.name] = state
                self._draw()
        except LongshoreError as error:
            self.notify(error.message, title=tr("hosts"), severity="error", markup=False)
        finally:
            await answers.aclose()

    def _draw(self) -> None:
        options = self.query_one(OptionList)
        for place, option in enumerate(self._options()):
            options.replace_option_prompt_at_index(place, option.prompt)

    def _options(self) -> list[Option]:
        rows = host_rows(self._listed, self._states, here=self._here, width=self.app.size.width - MARGIN - 4)
        return [Option(Text.assemble(*row, no_wrap=True, overflow="ellipsis")) for row in rows]
