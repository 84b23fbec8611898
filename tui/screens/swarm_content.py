"""What the main pane shows of a swarm's object: its log, its tasks, its document."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from textual.message import Message

from engine.interface import Engine
from engine.model.services import Service
from engine.model.swarm import Task
from tui.config import Settings
from tui.feed.swarm import TaskLogFeed
from tui.late import Late
from tui.presenters.log_document import stamp
from tui.presenters.swarm import config_lines, task_table
from tui.screens.log_pages import turn_to
from tui.screens.log_words import empty_log, what_logs
from tui.screens.seeking import Seeker
from tui.swarm_snapshot import SwarmNoun, SwarmSnapshot, SwarmThing, key_of, tasks_of
from tui.widgets.log_view import Edge
from tui.widgets.main_pane import MainPane
from tui.words import tr

if TYPE_CHECKING:
    from tui.feed.mixed_log import MixedLog
    from tui.presenters.log_filter import LogFilter

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
        log: what is shown; one of which only some lines are shown is read as the log of several containers is.
        only: the filter of the log, None where all lines are shown.
        paging: held while another part of the log is loaded.
        seeker: goes to what is searched for.
    """

    def __init__(
        self, pane: MainPane, engine: Engine, *, post: Callable[[Message], object], settings: Settings, now: Callable[[], float]
    ) -> None:
        self.pane = pane
        self.reveal = False
        self.log: TaskLogFeed | MixedLog | None = None
        self.only: LogFilter | None = None
        self.seeker = Seeker(self)
        self._tasks: TaskLogFeed | None = None
        self._engine, self._post, self._settings, self._now = engine, post, settings, now
        self._tabs = {noun: tabs[0] for noun, tabs in TABS.items()}
        self._noun = SwarmNoun.SERVICES
        self._thing: SwarmThing | None = None
        self._snapshot = SwarmSnapshot()
        self._shown: tuple[object, ...] = ()
        self._running: frozenset[str] = frozenset()
        self.paging = asyncio.Lock()

    @property
    def tab(self) -> str:
        """The tab that is shown."""
        return self._tabs[self._noun]

    def show(self, noun: SwarmNoun, thing: SwarmThing | None, snapshot: SwarmSnapshot) -> None:
        """Show the chosen tab of an object. A log is opened only when object or tab changed."""
        self._noun, self._thing, self._snapshot = noun, thing, snapshot
        only = self.only.text if self.only and self.tab == "logs" else ""
        wish = (noun, key_of(thing) if thing else "", self.tab, only)
        moved, elsewhere, self._shown = wish != self._shown, wish[:3] != self._shown[:3], wish
        if elsewhere:
            self.pane.view.term = ""
        if moved:
            self.pane.show_tabs(TABS[noun], self.tab)
        if self.tab != "logs" or thing is None:
            self._show_text(top=moved)
        running, before = self._writers(), self._running
        self._running = running
        # A manager that is asked before a task has its container may tell nothing of it, ever.
        silent = self.log is not None and not self.log.window.entries and bool(running - before)
        if moved or silent:
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
        if self._tasks is not None and view.document.names != self._tasks.names:
            view.document.names = self._tasks.names
            log.window.version += 1  # names stand before all lines, which are laid out anew
        view.update_log(log.window.entries, log.window.version)
        if not view.row_count:
            view.show_placeholder(*empty_log(log, self.only, running=True))
        self.status()

    def status(self) -> None:
        """Write into the pane's lower border where one is."""
        view, log = self.pane.log_view, self.log
        text = self.seeker.found()
        if not text and self.pane.view is view and log is not None and view.row_count:
            index, _ = view.locate(min(view.scroll_offset.y, view.row_count - 1))
            when = stamp(view.document.lines[index].anchor.time).strip()[:-4]
            text = (tr("end of the log") if log.ended else tr("following")) if view.following else tr("{when} · End follows", when=when)
            text = what_logs(self.only, "", log) + text
        self.pane.show_status(text)

    def keep_only(self, text: str) -> None:
        """Show only the lines of the log that a filter keeps, all of them where it is empty."""
        from tui.presenters.log_filter import LogFilter  # late: as with all logs

        only = LogFilter(text) if text.strip("! ") else None
        if (only.text if only else "") != (self.only.text if self.only else ""):
            self.only = only
            self.show(self._noun, self._thing, self._snapshot)

    async def page(self, edge: Edge) -> None:
        """Load another part of the log."""
        await turn_to(self, edge)

    async def close(self) -> None:
        """Give up what is open."""
        log, self.log = self.log, None
        if log is not None:
            await log.close()

    def _writers(self) -> frozenset[str]:
        """Ids of the tasks that run and whose log is to be shown."""
        if self.tab != "logs" or self._thing is None:
            return frozenset()
        found = [self._thing] if isinstance(self._thing, Task) else tasks_of(self._snapshot, self._thing)
        return frozenset(task.id for task in found if task.state == "running")

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
        tail, only = self._settings.log_lines, self.only
        self._tasks = tasks = TaskLogFeed(
            self._engine, thing.id, self._post, tail=tail, name_of=self._task_name, apart=isinstance(thing, Service)
        )
        view.lit = only.pattern if only and not only.negated else None
        if only:
            from tui.feed.mixed_log import MixedLog  # late: few want it

            self.log = MixedLog(self._engine, (thing.id,), self._post, tail=tail, keep=only, lines=lambda _, query: tasks.lines(query))
        else:
            self.log = tasks
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
