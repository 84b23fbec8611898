"""What the main pane shows: the chosen tab of the selected object, loaded when it is looked at and not before.

One worker loads at a time; a newer wish replaces an older one. The chosen tab belongs to the list and is kept while the
cursor moves. Only the tab on the screen costs anything: the log is followed while Logs is shown, processes are read
while Top is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from textual.message import Message
from textual.timer import Timer

from engine.errors import LongshoreError
from engine.interface import Engine
from engine.model.containers import Container
from engine.model.images import Image
from engine.model.networks import Network
from engine.model.volumes import Volume
from tui.config import Settings
from tui.feed.logs import LogFeed
from tui.feed.sampler import Sampler
from tui.presenters import details
from tui.presenters.ansi import Styled, ink
from tui.presenters.log_document import stamp
from tui.presenters.stats import stats_lines
from tui.presenters.text import safe
from tui.snapshot import Noun, Snapshot, Thing, key_of
from tui.widgets.log_view import Edge
from tui.widgets.main_pane import MainPane

TABS: Mapping[Noun, tuple[str, ...]] = {
    Noun.CONTAINERS: ("logs", "stats", "env", "config", "top"),
    Noun.IMAGES: ("config",),
    Noun.VOLUMES: ("config",),
    Noun.NETWORKS: ("config",),
}
SETTLE = 0.06
"""Seconds that the cursor has to rest before something is loaded."""
TOP_EVERY = 2.0
_WELCOME = (
    "  Longshore runs containers on this machine:",
    "  no Docker and no daemon are needed.",
    "",
    "  2 p   pull an image, for example busybox or nginx",
    "  R     run a container from it",
    "  x     see everything that can be done where you are",
    "  q     leave; containers go on running",
)


class Content:
    """Fills the main pane."""

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
        self.log: LogFeed | None = None
        self._engine = engine
        self._sampler = sampler
        self._post = post
        self._settings = settings
        self._now = now
        self._tabs = {noun: tabs[0] for noun, tabs in TABS.items()}
        self._noun = Noun.CONTAINERS
        self._thing: Thing | None = None
        self._snapshot = Snapshot()
        self._shown: tuple[object, ...] = ()
        self._settling: Timer | None = None
        self._top: Timer | None = None
        self._paging = asyncio.Lock()
        self._loading = False

    @property
    def tab(self) -> str:
        """The tab that is shown."""
        return self._tabs[self._noun]

    @property
    def settled(self) -> bool:
        """What is shown is what was asked for: nothing is on its way."""
        return not self._loading and (self.log is None or self.log.ready)

    def show(self, noun: Noun, thing: Thing | None, snapshot: Snapshot) -> None:
        """Show the chosen tab of an object; loads only when object, state or tab changed."""
        self._snapshot = snapshot
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
        self.pane.show_tabs(TABS[noun], self.tab)
        self._later(0.0 if first else SETTLE, fresh=moved)

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
        view.update_log(log.window.entries, log.window.version)
        if not view.row_count:
            view.show_placeholder(*self._log_empty(log))
        self.status()

    def status(self) -> None:
        """Write into the pane's lower border where one is."""
        view, log = self.pane.view, self.log
        found = view.found() if view.term else []
        if view.term:
            at = found.index(view.current) + 1 if view.current in found else 0
            text = f"“{safe(view.term)}” {f'{at} of ' if at else ''}{len(found)}"
        elif view is not self.pane.log_view or log is None:
            text = ""
        elif self.pane.log_view.following:
            text = "end of the log" if log.ended else "following"
        elif view.row_count:
            index, _ = view.locate(min(view.scroll_offset.y, view.row_count - 1))
            text = f"{stamp(self.pane.log_view.document.lines[index].anchor.time).strip()[:-4]} · End follows"
        else:
            text = ""
        self.pane.show_status(text)

    async def page(self, edge: Edge) -> None:
        """Load another part of the log."""
        if self._paging.locked() and edge in (Edge.OLDER, Edge.NEWER):
            return
        async with self._paging:
            log, view = self.log, self.pane.log_view
            if log is None:
                return
            match edge:
                case Edge.OLDER:
                    await log.older()
                case Edge.NEWER:
                    await log.newer()
                case Edge.FIRST:
                    await log.first()
                case Edge.LAST:
                    await log.last()
                case Edge.PAUSE:
                    await log.pause()
            if log is not self.log:
                return
            self.log_changed()
            if edge is Edge.FIRST:
                view.scroll_to(y=0, animate=False)
            if log.following and edge is Edge.NEWER:
                view.reached_end()
            self.status()

    async def seek(self, step: int) -> bool:
        """Go to the next match in a direction, beyond what is loaded if need be: whether there is one."""
        view = self.pane.view
        start = view.current + step if view.current >= 0 else self._first_seen(step)
        found = view.search_from(start, step)
        while found < 0 and view is self.pane.log_view and (log := self.log) is not None:
            window = log.window
            if window.at_start if step < 0 else window.at_end:
                break
            self.pane.log_view.following = False
            edge = window.entries[0] if step < 0 else window.entries[-1]
            count = await (log.older(5000) if step < 0 else log.newer(5000))
            if not count or log is not self.log:
                break
            self.pane.show_status(f"searching “{safe(view.term)}” {stamp(edge.time).strip()[:-4]}…")
            self.log_changed()
            place = self.pane.log_view.document.find_anchor(edge)
            found = view.search_from((place if place >= 0 else view.line_count) - 1 if step < 0 else place + 1, step)
            await asyncio.sleep(0)
        if found >= 0:
            if view is self.pane.log_view and self.pane.log_view.following:
                self.pane.log_view.following = False
                await self.page(Edge.PAUSE)
            view.show_line(found)
        self.status()
        return found >= 0

    def near(self, step: int) -> int:
        """The nearest loaded line with a match, seen from what is on the screen; -1 for none."""
        view = self.pane.view
        start = self._first_seen(step)
        found = view.search_from(start, step)
        return found if found >= 0 else view.search_from(start, -step)

    async def close(self) -> None:
        """Give up what is open."""
        log, self.log = self.log, None
        if log is not None:
            await log.close()

    def _first_seen(self, step: int) -> int:
        view = self.pane.view
        if not view.row_count:
            return -1
        row = view.scroll_offset.y + (view.size.height - 1 if step < 0 else 0)
        return view.locate(min(row, view.row_count - 1))[0]

    def _wish(self) -> tuple[object, ...]:
        thing = self._thing
        state: object = None
        if isinstance(thing, Container):
            state = (thing.state.status, thing.state.started_at)
        elif isinstance(thing, Network | Volume):
            state = tuple(one.id for one in self._snapshot.containers if one.state.running)
        return (self._noun, key_of(thing) if thing else self._snapshot.loaded, self.tab, self.reveal, state)

    def _later(self, delay: float, *, fresh: bool) -> None:
        self._loading = True
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.pane.set_timer(delay, lambda: self._start(fresh)) if delay else None
        if not delay:
            self._start(fresh)

    def _start(self, fresh: bool) -> None:
        self.pane.screen.run_worker(self._load(fresh), group="content", exclusive=True, exit_on_error=False)

    async def _load(self, fresh: bool) -> None:
        await self._load_tab(fresh)
        self._loading = False

    async def _load_tab(self, fresh: bool) -> None:
        if self._top is not None:
            self._top.stop()
            self._top = None
        thing, tab = self._thing, self.tab
        if tab != "logs" or not isinstance(thing, Container):
            await self.close()
        if isinstance(thing, Container) and tab == "logs":
            await self._open_log(thing, fresh)
            return
        self.pane.show_status("")
        view = self.pane.text_view
        view.wrapped = tab not in ("stats", "top")
        if thing is None:
            welcome = self._snapshot.loaded and not self._snapshot.containers and not self._snapshot.images
            view.show([((line, ink()),) for line in _WELCOME] if welcome else [], top=True)
            self.pane.log_view.show_placeholder(*(_WELCOME if welcome else ()))
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

    async def _open_log(self, container: Container, fresh: bool) -> None:
        view = self.pane.log_view
        if not fresh and self.log is not None and (not self.log.ended or not container.state.running):
            return  # it stopped: what is shown stays, the end of the stream came by itself
        await self.close()
        view.expect()
        view.show_placeholder("reading…")
        self.log = LogFeed(self._engine, container.id, self._post, tail=self._settings.log_lines)
        await self.log.last()

    def _log_empty(self, log: LogFeed) -> Sequence[str]:
        if log.error:
            return ("The log can not be read:", safe(log.error.split("\n")[0]))
        if not log.ready:
            return ("reading…",)
        running = isinstance(self._thing, Container) and self._thing.state.running
        return (
            ("No output so far.", "New lines appear here as they are written.") if running else ("It wrote nothing.", "S starts it again.")
        )

    def _show_stats(self) -> None:
        thing, view = self._thing, self.pane.text_view
        if not isinstance(thing, Container):
            return
        history = self._sampler.history(thing.id)
        if not thing.state.running:
            view.show(details.note(f"{thing.name} does not run: no numbers. S starts it."))
        elif not history:
            view.show(details.note("waiting for the first sample…"))
        else:
            size = view.content_size
            view.show(stats_lines(thing, history, width=max(20, size.width - 1), height=size.height, now=self._now()))

    async def _lines(self, thing: Thing, tab: str) -> list[Styled]:
        now = self._now()
        if isinstance(thing, Container):
            if tab == "top":
                if not thing.state.running:
                    return details.note(f"{thing.name} does not run: no processes. S starts it.")
                return details.top_table(await self._engine.containers.top(thing.id))
            found = await self._engine.containers.inspect(thing.id)
            if tab == "env":
                return details.container_env(found, reveal=self.reveal)
            return details.container_config(found, now=now, reveal=self.reveal)
        if isinstance(thing, Image):
            image, history = await asyncio.gather(self._engine.images.inspect(thing.id), self._engine.images.history(thing.id))
            return details.image_config(image, history, now=now, reveal=self.reveal)
        if isinstance(thing, Volume):
            users = [
                one.name
                for one in self._snapshot.containers
                if any(mount.kind == "volume" and mount.source == thing.name for mount in one.mounts)
            ]
            return details.volume_config(await self._engine.volumes.inspect(thing.name), users, now=now)
        return details.network_config(await self._engine.networks.inspect(thing.id), now=now)
