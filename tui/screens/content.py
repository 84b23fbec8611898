"""What the main pane shows: the chosen tab of the selected object, loaded when it is looked at and not before.

One worker loads at a time; a newer wish replaces an older one. The chosen tab belongs to the list and is kept while the
cursor moves. Only the tab on the screen costs anything: the log is followed while Logs is shown, processes are read
while Top is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from textual.message import Message
from textual.timer import Timer

from engine.errors import LongshoreError
from engine.interface import Engine
from engine.model.containers import Container
from engine.model.images import Image, ImageContents
from engine.model.networks import Network
from engine.model.volumes import Volume
from tui.config import Settings
from tui.feed.logs import LogFeed
from tui.feed.sampler import Sampler
from tui.feed.terminals import Terminals
from tui.late import Late
from tui.presenters import details
from tui.presenters.ansi import Styled, ink
from tui.presenters.log_document import stamp
from tui.presenters.stats import stats_lines
from tui.screens.log_pages import turn_to
from tui.screens.log_words import empty_log, what_logs
from tui.screens.picker import Picker
from tui.screens.seeking import Seeker
from tui.snapshot import MixedLine, Noun, Snapshot, Thing, key_of, users_of
from tui.widgets.log_view import Edge
from tui.widgets.main_pane import MainPane
from tui.words import mark, tr, trn

if TYPE_CHECKING:
    from tui.feed.mixed_log import MixedLog
    from tui.presenters.log_filter import LogFilter
    from tui.presenters.projects import Group

TABS: Mapping[Noun, tuple[str, ...]] = {
    Noun.CONTAINERS: ("logs", "stats", "env", "config", "top", "diff"),
    Noun.IMAGES: ("config", "layers"),
    Noun.VOLUMES: ("config",),
    Noun.NETWORKS: ("config",),
}
SETTLE = 0.06
"""Seconds that the cursor has to rest before something is loaded."""
READ = 20
"""Images of which it is kept what their layers hold."""
TOP_EVERY = 2.0
_WELCOME = (
    mark("  Longshore runs containers on this machine:"),
    mark("  no Docker and no daemon are needed."),
    "",
    mark("  2 p   pull an image, such as busybox or nginx"),
    mark("  R     run a container from it"),
    mark("  x     see what can be done where you are"),
    mark("  q     leave; containers go on running"),
)


def tabs_of(noun: Noun, thing: Thing | None, terminals: Terminals) -> tuple[str, ...]:
    """The tabs of an object: a container that has a terminal has one more."""
    own = isinstance(thing, Container) and terminals.get(thing.id) is not None
    return (*TABS[noun], "shell") if own else TABS[noun]


class Content:
    """Fills the main pane.

    Attributes:
        reveal: values that look like secrets are shown.
        only: the filter of the log, None where all lines are shown.
        mix: ids of the containers whose logs are shown as one, empty for that of the selected one.
        picker: the cursor on lines.
        terminals: of containers; the tab is there for a container that has one.
        settings: a person's; others when the file changes.
        paging: held while another part of the log is loaded.
        seeker: goes to what is searched for.
    """

    def __init__(
        self,
        pane: MainPane,
        engine: Engine,
        sampler: Sampler,
        *,
        post: Callable[[Message], object],
        settings: Settings,
        now: Callable[[], float],
    ) -> None:
        self.pane = pane
        self.reveal = False
        self.log: LogFeed | MixedLog | None = None
        self.only: LogFilter | None = None
        self.mix: tuple[str, ...] = ()
        self.solo = ""
        self.picker = Picker()
        self.terminals = Terminals(post)
        self.contents: dict[str, ImageContents] = {}
        self._engine = engine
        self._sampler = sampler
        self._post = post
        self.settings = settings
        self._now = now
        self._tabs = {noun: tabs[0] for noun, tabs in TABS.items()}
        self._noun = Noun.CONTAINERS
        self._thing: Thing | None = None
        self._group: Group | None = None
        self._snapshot = Snapshot()
        self._shown: tuple[object, ...] = ()
        self._settling: Timer | None = None
        self._top: Timer | None = None
        self.paging = asyncio.Lock()
        self.seeker = Seeker(self)
        self._loading = False
        self._opened: str | None = None

    @property
    def tab(self) -> str:
        """The tab that is shown: the chosen one, the first for an object that does not have it."""
        chosen = self._tabs[self._noun]
        tabs = tabs_of(self._noun, self._thing, self.terminals)
        return chosen if chosen in tabs else tabs[0]

    @property
    def settled(self) -> bool:
        """What is shown is what was asked for: nothing is on its way."""
        return not self._loading and not self.paging.locked() and (self.log is None or self.log.ready)

    def show(self, noun: Noun, thing: Thing | None, snapshot: Snapshot, group: Group | None = None) -> None:
        """Show the chosen tab of an object or a group of containers; loads only when object, state or tab changed."""
        self._snapshot = snapshot
        self._group = group
        self._thing = thing
        self._noun = noun
        wish = self._wish()
        if wish == self._shown:
            return
        moved = wish[:3] != self._shown[:3]
        first = not self._shown
        self._shown = wish
        if moved:
            self.pane.view.term = ""
            self.picker.end()
        self.pane.show_tabs(tabs_of(self._noun, self._thing, self.terminals), self.tab)
        if self.tab == "shell" and isinstance(thing, Container):
            self.pane.terminal_view.attach(self.terminals.get(thing.id))
        if moved:
            self.status()
        self._later(0.0 if first else SETTLE, fresh=moved)

    def choose(self, tab: str) -> None:
        """Show another tab of the same object."""
        if tab in tabs_of(self._noun, self._thing, self.terminals):
            self._tabs[self._noun] = tab
            self.show(self._noun, self._thing, self._snapshot, self._group)

    def step(self, step: int) -> None:
        """Show the next or the previous tab."""
        tabs = tabs_of(self._noun, self._thing, self.terminals)
        self.choose(tabs[(tabs.index(self.tab) + step) % len(tabs)])

    def again(self) -> None:
        """Load what is shown once more."""
        self._later(0.0, fresh=False)

    def stats_changed(self) -> None:
        """New samples are there."""
        if self.tab == "stats" and self._noun is Noun.CONTAINERS:
            self._show_stats()

    def log_changed(self) -> None:
        """The log's window changed."""
        log, view = self.log, self.pane.log_view
        if log is None or self.pane.view is not view:
            return
        self.picker.across(lambda: view.update_log(log.window.entries, log.window.version))
        if not view.row_count:
            running = isinstance(self._thing, Container) and self._thing.state.running
            view.show_placeholder(*empty_log(log, self.only, running=running))
        self.status()

    def status(self) -> None:
        """Write into the pane's lower border where one is."""
        view, log = self.pane.view, self.log
        if self.picker.active:
            lines = trn("{count} line", "{count} lines", self.picker.count)
            if self.only:
                text = tr("{lines} · y copies, v range, enter shows it in its place, esc", lines=lines)
            else:
                text = tr("{lines} · y copies, v range, esc", lines=lines)
        elif view.term:
            text = self.seeker.found()
        elif self.tab == "shell":
            text = self.pane.terminal_view.status
        elif view is not self.pane.log_view or log is None:
            text = ""
        elif self.pane.log_view.following:
            text = what_logs(self.only, self._logs_shown, log) + (tr("end of the log") if log.ended else tr("following"))
        elif view.row_count:
            index, _ = view.locate(min(view.scroll_offset.y, view.row_count - 1))
            when = stamp(self.pane.log_view.document.lines[index].anchor.time).strip()[:-4]
            text = tr("{logs}{when} · End follows", logs=what_logs(self.only, self._logs_shown, log), when=when)
        else:
            text = ""
        self.pane.show_status(text)

    def keep_only(self, text: str) -> None:
        """Show only the lines of the log that a filter keeps, all of them where it is empty."""
        from tui.presenters.log_filter import LogFilter  # late: as all that the first picture does not need

        only = LogFilter(text) if text.strip("! ") else None
        if (only.text if only else "") != (self.only.text if self.only else ""):
            self.only = only
            self.picker.end()
            self.show(self._noun, self._thing, self._snapshot, self._group)

    def mix_logs(self, containers: Sequence[str]) -> None:
        """Show the logs of these containers as one, ordered by time.

        Of one of those that are joined now: that one alone, the others muted. Of one otherwise, or none: that of the selected one.
        """
        if len(containers) == 1 and containers[0] in self.joined:
            self.solo = containers[0]
        else:
            self.mix, self.solo = tuple(containers) if len(containers) > 1 else (), ""
        self._tabs[Noun.CONTAINERS] = "logs"
        self.show(self._noun, self._thing, self._snapshot, self._group)

    def look_inside(self, image: str, found: ImageContents) -> None:
        """Show what an image's layers hold, from now on."""
        while len(self.contents) >= READ:
            del self.contents[next(iter(self.contents))]
        self.contents[image] = found
        self.again()

    def next_solo(self) -> None:
        """Of the joined logs show the first alone, then the next one, and after the last all of them again."""
        order = ("", *self.joined)
        self.solo = order[(order.index(self.solo) + 1) % len(order)] if self.solo in order else ""
        self.show(self._noun, self._thing, self._snapshot, self._group)

    async def go_to(self, time: int) -> None:
        """Show what was written from a moment on (nanoseconds since the epoch)."""
        async with self.paging:
            log, view = self.log, self.pane.log_view
            if log is None:
                return
            view.following = False
            await log.at(time)
            if log is not self.log:
                return
            entries = log.window.entries
            view.following = not entries or entries[0].time < time  # nothing was written since: the end is shown
            self.log_changed()
            if not view.following:
                view.scroll_to(y=0, animate=False)
            self.status()

    async def in_context(self, index: int) -> None:
        """Show a line that a filter found in its place in the whole log."""
        view = self.pane.log_view
        if not view.line_count:
            return  # they are being read once more
        wanted = view.document.lines[index].anchor
        self.only, self._opened = None, ""
        self.picker.end()
        self._shown = self._wish()
        await self.close()
        self.log = log = self._new_log(self._thing if isinstance(self._thing, Container) else None)
        view.following = False
        await log.at(wanted.time)
        await log.older(200)
        if log is not self.log:
            return
        self.log_changed()
        source = wanted.source if isinstance(wanted, MixedLine) else 0
        for place, line in enumerate(view.document.lines):
            one = line.anchor
            if (one.time, one.data, one.source if isinstance(one, MixedLine) else 0) == (wanted.time, wanted.data, source):
                view.current = place
                self.picker.begin(view)
                view.show_line(place)
                break
        self.status()

    async def page(self, edge: Edge) -> None:
        """Load another part of the log."""
        await turn_to(self, edge)

    async def close(self, *, rest: bool = False) -> None:
        """Give up what is open; with ``rest`` everything, until something is shown again, because another host is looked at."""
        if rest:
            self._shown = ()
            for timer in (self._top, self._settling):
                if timer is not None:
                    timer.stop()
            for worker in self.pane.screen.workers:
                if worker.group == "content" and worker.node is self.pane.screen and worker.is_running:
                    worker.cancel()  # one that has not begun yet sees that nothing is to be shown
        log, self.log = self.log, None
        if log is not None:
            await log.close()

    def _wish(self) -> tuple[object, ...]:
        thing = self._thing
        state: object = None
        if self._joined:
            joined = frozenset(self._joined)
            members = [one for one in self._snapshot.containers if one.id in joined and one.state.running]
            state = tuple(sorted((one.id, one.state.started_at) for one in members))
        elif isinstance(thing, Container):
            state = (thing.state.status, thing.state.started_at)
        elif isinstance(thing, Network | Volume):
            running = tuple(one.id for one in self._snapshot.containers if one.state.running)
            state = (running, thing.size if isinstance(thing, Volume) else 0)
        key: object = self._joined or (key_of(thing) if thing else self._group or self._snapshot.loaded)
        only = self.only.text if self.only and self.tab == "logs" else ""
        terminal = self.terminals.get(thing.id) if isinstance(thing, Container) else None
        return (self._noun, key, self.tab, self.reveal, only, state, terminal)

    @property
    def _logs_shown(self) -> str:
        """How many logs are joined, and which is alone of them, for people."""
        if not self._joined:
            return ""
        count = trn("{count} log", "{count} logs", len(self.joined))
        if self.solo not in self.joined:
            return count
        alone = next((one.name for one in self._snapshot.containers if one.id == self.solo), self.solo[:12])
        return tr("{name} of {logs}", name=alone, logs=count)

    @property
    def joined(self) -> tuple[str, ...]:
        """Ids of the containers whose logs were joined, also those that are muted."""
        return self.mix or (tuple(sorted(one.id for one in self._group.members)) if self._group else ())

    @property
    def _joined(self) -> tuple[str, ...]:
        """Ids of the containers whose logs are shown as one, or none."""
        if self._noun is not Noun.CONTAINERS or self.tab != "logs":
            return ()
        return (self.solo,) if self.solo in self.joined else self.joined

    def _later(self, delay: float, *, fresh: bool) -> None:
        self._loading = True
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.pane.set_timer(delay, lambda: self._start(fresh)) if delay else None
        if not delay:
            self._start(fresh)

    def _start(self, fresh: bool) -> None:
        self.pane.screen.run_worker(Late(self._load, fresh), group="content", exclusive=True, exit_on_error=False)

    async def _load(self, fresh: bool) -> None:
        if self._shown:
            await self._load_tab(fresh)
        self._loading = False

    async def _load_tab(self, fresh: bool) -> None:
        if self._top is not None:
            self._top.stop()
            self._top = None
        thing, tab = self._thing, self.tab
        if tab != "logs" or not (isinstance(thing, Container) or self._joined):
            await self.close()
        if tab == "shell":
            return
        if tab == "logs" and (isinstance(thing, Container) or self._joined):
            await self._open_log(thing if isinstance(thing, Container) else None, fresh)
            return
        self.pane.show_status("")
        view = self.pane.text_view
        view.wrapped = tab not in ("stats", "top")
        if self._group is not None:
            from tui.presenters.projects import project_lines

            lines = (
                project_lines(self._group) if tab == "config" else details.note(tr("Choose a container of this group, or Logs or Config."))
            )
            view.show(lines, top=fresh)
        elif thing is None:
            welcome = self._snapshot.loaded and not self._snapshot.containers and not self._snapshot.images
            view.show([((tr(line), ink()),) for line in _WELCOME] if welcome else [], top=True)
            self.pane.log_view.show_placeholder(*(map(tr, _WELCOME) if welcome else ()))
            self.pane.log_view.expect()
            self.pane.log_view.update_log((), 0)
        elif tab == "stats":
            self._show_stats()
        else:
            try:
                lines = await self._lines(thing, tab)
            except LongshoreError as error:
                lines = details.note(error.message)
            view.show(lines, top=fresh)
            if tab == "top" and isinstance(thing, Container) and thing.state.running:
                self._top = self.pane.set_timer(TOP_EVERY, self.again)

    async def _open_log(self, container: Container | None, fresh: bool) -> None:
        view, only = self.pane.log_view, self.only.text if self.only else ""
        if not fresh and self._joined and self._opened == only and self.log is not None and not view.following:
            return  # somebody reads: End brings what a container that came back writes
        same = not fresh and self.log is not None and self._opened == only and not self._joined
        if same and self.log is not None and (not self.log.ended or not (container and container.state.running)):
            return  # it stopped: what is shown stays, the end of the stream came by itself
        await self.close()
        view.expect()
        view.show_placeholder(tr("reading…"))
        self._opened = None  # a newer wish may come while this one is read: then nothing is open
        self.log = self._new_log(container)
        await self.log.last()
        self._opened = only

    def _new_log(self, container: Container | None) -> LogFeed | MixedLog:
        """A log for what is wished: of one container or several, filtered or not."""
        view = self.pane.log_view
        names = {one.id: one.name for one in self._snapshot.containers}
        view.document.names = tuple(names.get(one, one[:12]) for one in self._joined)
        view.lit = self.only.pattern if self.only and not self.only.negated else None
        tail, post = self.settings.log_lines, self._post
        if self._joined or self.only or container is None:
            wanted = (container.id,) if container is not None and not self._joined else self._joined
            from tui.feed.mixed_log import MixedLog

            return MixedLog(self._engine, wanted, post, tail=tail, keep=self.only)
        return LogFeed(self._engine, container.id, post, tail=tail)

    def _show_stats(self) -> None:
        thing, view = self._thing, self.pane.text_view
        if not isinstance(thing, Container):
            return
        history = self._sampler.history(thing.id)
        if not thing.state.running:
            view.show(details.note(tr("{name} does not run: no numbers. S starts it.", name=thing.name)))
        elif not history:
            view.show(details.note(tr("waiting for the first sample…")))
        else:
            size = view.content_size
            width, own, plain = max(20, size.width - 1), self.settings.graphs, self.settings.screen_reader
            view.show(stats_lines(thing, history, width=width, height=size.height, now=self._now(), graphs=own, plain=plain))

    async def _lines(self, thing: Thing, tab: str) -> list[Styled]:
        now = self._now()
        if isinstance(thing, Container):
            if tab == "top":
                if not thing.state.running:
                    return details.note(tr("{name} does not run: no processes. S starts it.", name=thing.name))
                return details.top_table(await self._engine.containers.top(thing.id))
            if tab == "diff":
                from tui.presenters.files import diff_lines

                return diff_lines(await self._engine.containers.changes(thing.id))
            found = await self._engine.containers.inspect(thing.id)
            if tab == "env":
                return details.container_env(found, reveal=self.reveal)
            return details.container_config(found, now=now, reveal=self.reveal)
        if isinstance(thing, Image) and tab == "layers":
            from tui.presenters.files import layer_lines

            return layer_lines(await self._engine.images.history(thing.id), self.contents.get(thing.id))
        if isinstance(thing, Image):
            image, history = await asyncio.gather(self._engine.images.inspect(thing.id), self._engine.images.history(thing.id))
            return details.image_config(image, history, now=now, reveal=self.reveal)
        if isinstance(thing, Volume):
            users = users_of(self._snapshot, thing)
            volume = await self._engine.volumes.inspect(thing.name)
            return details.volume_config(volume if volume.size >= 0 else volume.replace(size=thing.size), users, now=now)
        return details.network_config(await self._engine.networks.inspect(thing.id), now=now)
