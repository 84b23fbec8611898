"""What the main pane shows of a swarm's object: its log, its tasks, its document."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from textual.message import Message

from engine.interface import Engine
from engine.model.services import Service
from engine.model.swarm import Task
from tui.config import Settings
from tui.feed.swarm import TaskLogFeed
from tui.late import Late
from tui.presenters.log_document import stamp
from tui.presenters.swarm import config_lines, task_table
from tui.presenters.text import safe
from tui.screens.log_pages import turn_to
from tui.swarm_snapshot import SwarmNoun, SwarmSnapshot, SwarmThing, key_of
from tui.widgets.log_view import Edge
from tui.widgets.main_pane import MainPane
from tui.words import tr

TABS: Mapping[SwarmNoun, tuple[str, ...]] = {
    SwarmNoun.SERVICES: ("logs", "tasks", "config"),
    SwarmNoun.NODES: ("tasks", "config"),
    SwarmNoun.TASKS: ("logs", "config"),
    SwarmNoun.STACKS: ("tasks", "config"),
    SwarmNoun.CONFIGS: ("config",),
    SwarmNoun.SECRETS: ("config",),
}
SETTLE = 0.1
"""Seconds that the cursor has to rest before a log is asked for, which the manager gathers from the nodes."""


class SwarmContent:
    """Fills the main pane.

    Attributes:
        reveal: values that look like secrets are shown.
        paging: held while another part of the log is loaded.
    """

    def __init__(
        self, pane: MainPane, engine: Engine, *, post: Callable[[Message], object], settings: Settings, now: Callable[[], float]
    ) -> None:
        self.pane = pane
        self.reveal = False
        self.log: TaskLogFeed | None = None
        self._engine, self._post, self._settings, self._now = engine, post, settings, now
        self._tabs = {noun: tabs[0] for noun, tabs in TABS.items()}
        self._noun = SwarmNoun.SERVICES
        self._thing: SwarmThing | None = None
        self._snapshot = SwarmSnapshot()
        self._shown: tuple[object, ...] = ()
        self.paging = asyncio.Lock()

    @property
    def tab(self) -> str:
        """The tab that is shown."""
        return self._tabs[self._noun]

    def show(self, noun: SwarmNoun, thing: SwarmThing | None, snapshot: SwarmSnapshot) -> None:
        """Show the chosen tab of an object. A log is opened only when object or tab changed."""
        self._noun, self._thing, self._snapshot = noun, thing, snapshot
        wish = (noun, key_of(thing) if thing else "", self.tab)
        moved, self._shown = wish != self._shown, wish
        if moved:
            self.pane.view.term = ""
            self.pane.show_tabs(TABS[noun], self.tab)
        if self.tab != "logs" or thing is None:
            self._show_text(top=moved)
        if moved:
            self.pane.screen.run_worker(Late(self._open_log, thing), group="content", exclusive=True, exit_on_error=False)

    def choose(self, tab: str) -> None:
        """Show another tab of the same object."""
        if tab in TABS[self._noun]:
            self._tabs[self._noun] = tab
            self.show(self._noun, self._thing, self._snapshot)

    def step(self, step: int) -> None:
        """Show the next or the previous tab."""
        tabs = TABS[self._noun]
        self.choose(tabs[(tabs.index(self.tab) + step) % len(tabs)])

    def again(self) -> None:
        """Draw the text once more."""
        self._show_text(top=False)

    def log_changed(self) -> None:
        """The log has other lines."""
        view, log = self.pane.log_view, self.log
        if log is None or self.pane.view is not view:
            return
        view.document.names = log.names
        view.update_log(log.window.entries, log.window.version)
        if not view.row_count:
            reason = safe(log.error.split("\n")[0]) if log.error else ""
            view.show_placeholder(
                *((tr("The log can not be read:"), reason) if reason else (tr("No output so far."),) if log.ready else (tr("reading…"),))
            )
        self.status()

    def status(self) -> None:
        """Write into the pane's lower border where one is."""
        view, log = self.pane.log_view, self.log
        text = ""
        if self.pane.view is view and log is not None and view.row_count:
            index, _ = view.locate(min(view.scroll_offset.y, view.row_count - 1))
            when = stamp(view.document.lines[index].anchor.time).strip()[:-4]
            text = (tr("end of the log") if log.ended else tr("following")) if view.following else tr("{when} · End follows", when=when)
        self.pane.show_status(text)

    async def page(self, edge: Edge) -> None:
        """Load another part of the log."""
        await turn_to(self, edge)

    async def close(self) -> None:
        """Give up what is open."""
        log, self.log = self.log, None
        if log is not None:
            await log.close()

    async def _open_log(self, thing: SwarmThing | None) -> None:
        await self.close()
        view = self.pane.log_view
        view.document.names = ()
        view.expect()
        view.update_log((), 0)
        if self.tab != "logs" or not isinstance(thing, Service | Task):
            return
        view.show_placeholder(tr("reading…"))
        await asyncio.sleep(SETTLE)
        self.log = TaskLogFeed(
            self._engine, thing.id, self._post, tail=self._settings.log_lines, name_of=self._task_name, apart=isinstance(thing, Service)
        )
        await self.log.last()

    def _task_name(self, task: str) -> str:
        return self._snapshot.task_names.get(task, task[:12])

    def _show_text(self, *, top: bool) -> None:
        thing, view = self._thing, self.pane.text_view
        view.wrapped = self.tab != "tasks"
        if thing is None:
            view.show([], top=True)
        elif self.tab == "tasks":
            view.show(task_table(thing, self._snapshot, self._now()), top=top)
        else:
            view.show(config_lines(thing, self._snapshot, now=self._now(), reveal=self.reveal), top=top)
        self.pane.show_status("")
