"""The swarm's screen: services, nodes, tasks, stacks, configs and secrets at the left, the chosen one at the right.

A screen of its own over the main one: a swarm has six more lists, and an engine that is in none shall not carry them. It is laid
out by the same rules, lives as long as it is looked at, and nothing of it is loaded before.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import Callable, Sequence
from functools import partial

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content as Markup
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from tui import messages
from tui.actions import CHANGING, Action, Scope, in_scopes, with_keys
from tui.config import Settings
from tui.feed.swarm import SwarmFeed
from tui.late import Late
from tui.presenters.details import one_line
from tui.presenters.swarm import COLUMNS
from tui.presenters.text import safe
from tui.presets import keymap
from tui.screens.commands.swarm import SWARM_HANDLERS, offered
from tui.screens.commands.swarm_logs import LOG_HANDLERS, applies, seek
from tui.screens.desk import Desk, acting
from tui.screens.menu import Entry, MenuModal
from tui.screens.modal import Modal
from tui.screens.stage import Boxes
from tui.screens.swarm_content import SwarmContent
from tui.screens.swarm_desk import SwarmDesk
from tui.screens.swarm_lists import SwarmLists
from tui.screens.swarm_stage import SwarmStage
from tui.screens.typing_line import TypingLine
from tui.swarm_snapshot import SwarmNoun
from tui.widgets.keybar import KeyBar
from tui.widgets.line_view import LineView
from tui.widgets.list_pane import ListPane
from tui.widgets.log_view import LogView
from tui.widgets.main_pane import MainPane
from tui.widgets.prompt_line import PromptLine
from tui.words import tr, trn

STEPS = 30
"""Rounds of the event loop in which a command opens its box, if it has one."""


class SwarmScreen(Screen[None]):
    """Lists, main pane and keys of a swarm. ``now`` tells the time."""

    AUTO_FOCUS = ""

    def __init__(self, desk: Desk, settings: Settings, *, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._settings = settings
        self._actions = tuple(
            action
            for action in with_keys(keymap(settings.preset, settings.keys))
            if (action.scope is Scope.SWARM or action.id in LOG_HANDLERS) and not (settings.readonly and action.id in CHANGING)
        )
        panes = {noun: ListPane(number, noun.value.capitalize(), COLUMNS[noun], id=noun.value) for number, noun in enumerate(SwarmNoun, 1)}
        self.feed = SwarmFeed(desk.engine, self.post_message)
        self.lists = SwarmLists(panes, now)
        self._main = MainPane(id="main")
        self.content = SwarmContent(self._main, desk.engine, post=self.post_message, settings=settings, now=now)
        self._side = Vertical(*panes.values(), id="side")
        self._column = Vertical(self._main, id="column")
        self._body = Container(self._side, self._column, id="body")
        self.stage = SwarmStage(panes, self._main, boxes=Boxes(self._side, self._column, self._body), ratio=settings.side_ratio)
        self._hints, self._line = KeyBar(id="keys"), PromptLine(id="line")
        self._typing = TypingLine(self._line, self._hints, lists=self.lists, content=self.content, stage=self.stage)
        self.desk = SwarmDesk(
            desk, feed=self.feed, lists=self.lists, content=self.content, stage=self.stage, typing=self._typing, settings=settings
        )

    def compose(self) -> ComposeResult:
        yield Static("", id="banner", markup=False)
        yield self._body
        with Horizontal(id="bottom"):
            yield self._hints
            yield self._line
        yield Static(tr("Not enough room: make the terminal larger."), id="small", markup=False)

    def on_mount(self) -> None:
        self.run_worker(Late(self.feed.run), group="feed", exit_on_error=False)
        self.stage.focus_list(SwarmNoun.SERVICES)
        self.lists.show(self.feed.snapshot)
        self._refresh()

    async def on_unmount(self) -> None:
        await self.content.close()

    # --- what flows in -------------------------------------------------------------------------------------------

    def on_swarm_changed(self, message: messages.SwarmChanged) -> None:
        snapshot = message.snapshot
        self.query_one("#banner", Static).update(
            Markup(tr(" no answer about the swarm: {one_line}", one_line=one_line(snapshot.trouble, 300)))
        )
        self.set_class(bool(snapshot.trouble), "trouble")
        self.lists.show(snapshot)
        self.stage.arrange()
        self._refresh()

    def on_log_changed(self) -> None:
        self.content.log_changed()

    def on_list_pane_highlighted(self, message: ListPane.Highlighted) -> None:
        if message.pane.id == self.stage.noun.value:
            self._refresh()

    def on_log_view_wanted(self, message: LogView.Wanted) -> None:
        self.run_worker(Late(self.content.page, message.edge), group="page", exit_on_error=False)

    def on_main_pane_tab_clicked(self, message: MainPane.TabClicked) -> None:
        self.content.choose(message.tab)
        self.stage.focus_main()

    async def on_action_chosen(self, message: messages.ActionChosen) -> None:
        await self.action_do(message.action)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A bug in a worker must be seen, and must not end the program."""
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            text = f"{type(error).__name__}: {error}\n" + tr("The rest goes on; please report this.")
            self.desk.desk.tell(tr("internal error"), text, bad=True)

    def on_prompt_line_changed(self, message: PromptLine.Changed) -> None:
        self._typing.changed(message.text)

    def on_prompt_line_closed(self, message: PromptLine.Closed) -> None:
        work = self._typing.closed(message.text, kept=message.kept, seek=partial(seek, self.desk))
        if work is not None:
            self.run_worker(work, group="commands", exit_on_error=False)

    def on_resize(self) -> None:
        self.stage.arrange()
        self.set_class(not self.stage.fits, "small")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        widget = event.widget
        if isinstance(widget, ListPane):
            self.stage.noticed(noun=SwarmNoun(str(widget.id)))
        elif widget in (self._main.log_view, self._main.text_view):
            self.stage.noticed(noun=None)
        self._refresh()

    # --- keys ----------------------------------------------------------------------------------------------------

    async def on_key(self, event: events.Key) -> None:
        """Do what the key means here; what is typed in has its own keys."""
        if not isinstance(self.focused, ListPane | LineView):
            return
        action = next((one.id for one in self._active() if event.key in one.keys), "")
        if action:
            event.stop()
            event.prevent_default()
            await self.action_do(action)

    async def action_do(self, action: str) -> None:
        """Run an action of the registry."""
        acting.set(action)
        worker = self.run_worker(Late(self._run, action), group="commands", exit_on_error=False)
        await self._settled(worker)
        self._show_keys()

    async def _run(self, action: str) -> None:
        match action:
            case "swarm.leave":
                self.dismiss()
            case "swarm.clear":
                self._clear()
            case "swarm.filter":
                self._typing.open("filter")
            case "swarm.menu":
                await self._menu()
            case _:
                chosen = next(one for one in self._actions if one.id == action)
                if await self.desk.permitted(chosen):
                    outcome = (LOG_HANDLERS.get(action) or SWARM_HANDLERS[action])(self.desk)
                    if inspect.isawaitable(outcome):
                        await outcome

    async def _settled(self, worker: Worker[None]) -> None:
        """Let the command end, or its box appear, before the next key is looked at."""
        for _ in range(STEPS):
            await asyncio.sleep(0)
            if worker.is_finished or isinstance(self.app.screen, Modal):
                break
        if isinstance(screen := self.app.screen, Modal):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(screen.ready.wait(), 1)

    def _clear(self) -> None:
        pane = self.lists.panes[self.stage.noun]
        if self.stage.main_focused:
            self.stage.focus_list(self.stage.noun)
        elif pane.filter:
            pane.filter = ""
            self.lists.refresh(self.stage.noun)
            self._refresh()
        else:
            self.dismiss()

    async def _menu(self) -> None:
        entries = [Entry(value=one.id, label=tr(one.about), keys=one.keys) for one in self._offered() if one.id != "swarm.menu"]
        thing = self.desk.selected
        chosen = await self.desk.ask(MenuModal(tr("Swarm") + (f": {self.desk.name(thing)}" if thing else ""), entries))
        if chosen:
            await self.run_action(f"do('{chosen}')")

    # --- keeping the parts in step -------------------------------------------------------------------------------

    def _active(self) -> Sequence[Action]:
        """What the keys do: in the main pane those of logs come before those of the lists."""
        return in_scopes(
            [one for one in self._actions if one.id not in LOG_HANDLERS or applies(one.id, self.desk)], (Scope.LOGS, Scope.SWARM)
        )

    def _offered(self) -> Sequence[Action]:
        return [one for one in self._active() if offered(one.id, self.stage.noun, self.desk.selected)]

    def _refresh(self) -> None:
        self.content.show(self.stage.noun, self.desk.selected, self.lists.snapshot)
        self._show_keys()

    def _show_keys(self) -> None:
        snapshot = self.lists.snapshot
        managers = sum(one.role == "manager" for one in snapshot.nodes)
        own = snapshot.node_names.get(snapshot.own, "")
        nodes = trn("{count} node", "{count} nodes", len(snapshot.nodes))
        counts = f"{nodes}, {trn('{count} manager', '{count} managers', managers)}"
        right = f"{tr('read only · ') if self._settings.readonly else ''}{safe(own)}: {counts}"
        self._hints.show(sorted((one for one in self._offered() if one.rank), key=lambda one: one.rank), right if snapshot.loaded else "")
