"""The main screen: lists at the left, the main pane at the right, keys at the bottom.

It only glues: messages of the feed go to :class:`Lists` and :class:`Content`, keys go through the action registry to the
commands with a :class:`~tui.screens.desk.Desk` in hand, the focus goes to :class:`Stage`.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Callable
from functools import partial

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content as Markup
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from engine.interface import Engine, Hosts, members_of
from tui import messages
from tui.actions import show_key
from tui.config import Settings
from tui.feed.fleet import FleetFeed
from tui.feed.journal import Journal
from tui.feed.operations import Operations
from tui.feed.pulls import Pulls
from tui.feed.sampler import Sampler
from tui.feed.watch import Feed, Watching
from tui.late import Late
from tui.memory import Memory
from tui.presenters.hosts import banner_text, footer_text
from tui.presenters.layout import layout_from
from tui.presenters.spoken import list_words, pane_words
from tui.screens.content import Content
from tui.screens.desk import Desk
from tui.screens.dispatch import start, use_keys
from tui.screens.keys import Keys
from tui.screens.lists import Lists, is_container, remembered_columns
from tui.screens.retake import show_logs_as
from tui.screens.row_maker import RowMaker
from tui.screens.stage import Boxes, Stage
from tui.screens.terminal_tab import TerminalTab
from tui.screens.typing_line import TypingLine
from tui.snapshot import Noun, label_of
from tui.widgets.edges import EdgeDragged
from tui.widgets.keybar import KeyBar
from tui.widgets.line_view import LineView
from tui.widgets.list_pane import ListPane
from tui.widgets.log_view import LogView
from tui.widgets.main_pane import MainPane
from tui.widgets.prompt_line import PromptLine
from tui.widgets.pull_strip import PullStrip
from tui.words import mark, tr

_TITLES = {
    Noun.CONTAINERS: mark("Containers"),
    Noun.IMAGES: mark("Images"),
    Noun.VOLUMES: mark("Volumes"),
    Noun.NETWORKS: mark("Networks"),
}

PATIENCE = 0.1
"""Seconds that the first picture waits for the lists, so that it is drawn once and not first without them."""

STEPS = 30
"""Rounds of the event loop in which a command opens its box, if it has one."""

SOON = 0.3
"""Seconds until what the keys do is loaded, which the first picture does not need."""


class MainScreen(Screen[None]):
    """Everything at once, as in lazydocker."""

    AUTO_FOCUS = ""

    def __init__(self, engine: Engine, settings: Settings, now: Callable[[], float], *, hosts: Hosts | None = None, host: str = "") -> None:
        super().__init__()
        memory = Memory(settings.remember)
        journal = Journal()
        self.pulls = Pulls(engine, self.post_message, journal)
        self.sampler = Sampler(engine, self.post_message)
        members = members_of(engine)
        rows = RowMaker(self.sampler.latest, now, remembered_columns(memory, settings.columns), hosts=bool(members))
        self.feed: Watching = (
            FleetFeed(members, self.post_message, sizes=rows.sizes_wanted)
            if members
            else Feed(engine, self.post_message, sizes=rows.sizes_wanted)
        )
        panes = {noun: ListPane(number, _TITLES[noun], rows.titles(noun), id=noun.value) for number, noun in enumerate(Noun, 1)}
        self.lists = Lists(panes, self.sampler, rows, memory, sort=settings.sort, hide_stopped=settings.hide_stopped)
        self._main = MainPane(id="main")
        show_logs_as(self._main.log_view, settings)
        self.content = Content(self._main, engine, self.sampler, post=self.post_message, settings=settings, now=now)
        self._strip = PullStrip(id="strip")
        self._side = Vertical(*(panes[noun] for noun in layout_from(memory.get("layout")).order), id="side")
        self._column = Vertical(self._main, self._strip, id="column")
        self._body = Container(self._side, self._column, id="body")
        boxes = Boxes(self._side, self._column, self._body)
        self.stage = Stage(panes, self._main, self._strip, boxes=boxes, settings=settings, memory=memory)
        self.terminal_tab = TerminalTab(self.content, self.stage)
        rows.terminal = self.terminal_tab.mark
        self._hints = KeyBar(id="keys")
        self._line = PromptLine(id="line")
        self._said = Static("", id="said", markup=False)
        self.keys = Keys(stage=self.stage, lists=self.lists, content=self.content, pulls=self.pulls)
        self._typing = TypingLine(self._line, self._hints, lists=self.lists, content=self.content, stage=self.stage)
        self.desk = Desk(
            self,
            engine=engine,
            feed=self.feed,
            operations=Operations(self.feed, self.post_message, journal),
            pulls=self.pulls,
            lists=self.lists,
            content=self.content,
            stage=self.stage,
            keys=self.keys,
            typing=self._typing,
            sampler=self.sampler,
            memory=memory,
            settings=settings,
            now=now,
            hosts=hosts,
            host=host,
        )

    def begin(self) -> None:
        """Read the lists, already while the screen is being made."""
        self.run_worker(Late(self.feed.run), group="feed", exit_on_error=False)

    def compose(self) -> ComposeResult:
        yield Static("", id="banner", markup=False)
        yield self._body
        yield self._said
        with Horizontal(id="bottom"):
            yield self._hints
            yield self._line
        yield Static(tr("Not enough room: make the terminal larger."), id="small", markup=False)

    async def on_mount(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.feed.answered.wait(), PATIENCE)
        use_keys(self.desk, self.desk.settings)
        self.desk.recall_theme()
        self.stage.focus_list(self.stage.noun)
        self.lists.show(self.feed.snapshot)
        self.stage.arrange()
        _focus_moved(self)
        self.set_timer(SOON, _load_commands)

    async def on_unmount(self) -> None:
        await self.content.close()
        await self.content.terminals.close()
        await self.sampler.close()
        await self.pulls.close()

    # --- what flows in -------------------------------------------------------------------------------------------

    def on_snapshot_changed(self, message: messages.SnapshotChanged) -> None:
        snapshot = message.snapshot
        self.query_one("#banner", Static).update(Markup(banner_text(snapshot, self.size.width)))
        self.set_class(bool(snapshot.trouble), "trouble")
        self.lists.show(snapshot)
        self.stage.arrange()
        self.sampler.forget(one.id for one in snapshot.containers)
        if snapshot.loaded:
            self.content.terminals.forget({one.id for one in snapshot.containers})
        self.watch_samples()
        _focus_moved(self)

    def on_stats_changed(self) -> None:
        self.lists.refresh_numbers()
        self.content.stats_changed()

    def on_pulls_changed(self, message: messages.PullsChanged) -> None:
        self.stage.show_pulls(message.pulls)
        self.show_keys()

    def on_log_changed(self) -> None:
        self.content.log_changed()

    def on_terminal_changed(self, message: messages.TerminalChanged) -> None:
        if message.state:
            self.lists.refresh(Noun.CONTAINERS)
            _focus_moved(self)
        self.terminal_tab.changed(message.container, self.lists.selected(Noun.CONTAINERS))

    def on_operation_succeeded(self, message: messages.OperationSucceeded) -> None:
        self.desk.tell(message.title, message.text)

    def on_operation_failed(self, message: messages.OperationFailed) -> None:
        self.desk.tell_error(message.title, message.error)

    def on_list_pane_highlighted(self, message: ListPane.Highlighted) -> None:
        if message.pane.id == self.stage.noun.value:
            self.show_content()
            self.show_keys()

    def on_list_pane_title_clicked(self, message: ListPane.TitleClicked) -> None:
        if message.sort:
            self.lists.sort_by(Noun(str(message.pane.id)), message.sort)

    def on_list_pane_visible_changed(self, message: ListPane.VisibleChanged) -> None:
        self.stage.arrange()
        self.lists.fit(Noun(str(message.pane.id)))
        if message.pane.id == Noun.CONTAINERS.value:
            self.watch_samples()

    def on_edge_dragged(self, message: EdgeDragged) -> None:
        self.stage.drag(message.widget, message.edge, message.by)

    def on_log_view_wanted(self, message: LogView.Wanted) -> None:
        self.run_worker(Late(self.content.page, message.edge), group="page", exit_on_error=False)

    def on_main_pane_tab_clicked(self, message: MainPane.TabClicked) -> None:
        self.content.choose(message.tab)
        self.stage.focus_main()

    async def on_action_chosen(self, message: messages.ActionChosen) -> None:
        if self.keys.is_active(message.action):
            await self.action_do(message.action)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A bug in a worker must be seen, and must not end the program."""
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            text = f"{type(error).__name__}: {error}\n" + tr("The rest goes on; please report this.")
            self.desk.tell(tr("internal error"), text, bad=True)

    def on_prompt_line_changed(self, message: PromptLine.Changed) -> None:
        self._typing.changed(message.text)

    def on_prompt_line_closed(self, message: PromptLine.Closed) -> None:
        work = self._typing.closed(message.text, kept=message.kept, seek=partial(_seek, self.desk))
        if work is not None:
            self.run_worker(work, group="commands", exit_on_error=False)

    def on_resize(self) -> None:
        self.stage.arrange()
        self.set_class(not self.stage.fits, "small")
        self.lists.refresh(Noun.CONTAINERS)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        widget = event.widget
        if isinstance(widget, ListPane):
            self.stage.noticed(noun=Noun(str(widget.id)))
        elif widget in (self._main.log_view, self._main.text_view, self._main.terminal_view):
            self.stage.noticed(noun=None)
        _focus_moved(self)

    # --- keys ----------------------------------------------------------------------------------------------------

    async def on_key(self, event: events.Key) -> None:
        """Do what the key means here.

        Textual's own bindings know one keymap for all places: a key that one list gives away would be lost for the others.
        """
        if not isinstance(self.focused, ListPane | LineView):
            bound = self.active_bindings.get(event.key)
            if bound is not None and bound.node not in (self, self.app):
                return  # what is typed in has its own keys
        action, why = self.keys.meaning(event.key)
        if action is None:
            return
        event.stop()
        if why:
            self.desk.tell(tr(action.label), why)
        else:
            event.prevent_default()
            await self.action_do(action.id)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.keys.is_active(str(parameters[0])) if action == "do" else True

    async def action_do(self, action: str) -> None:
        """Run an action of the registry."""
        outcome = start(self.desk, action)
        if inspect.isawaitable(outcome):
            worker = self.run_worker(outcome, group="commands", exit_on_error=False)
            await _modal_ready(self, worker)
        self.show_keys()

    # --- keeping the parts in step -------------------------------------------------------------------------------

    def show_content(self) -> None:
        """Show the selected object in the main pane."""
        if not _seen(self):
            return
        noun = self.stage.noun
        self.content.show(noun, self.lists.selected(noun), self.lists.snapshot, self.lists.group(noun))

    def watch_samples(self) -> None:
        """Sample what is on the screen, and the container whose numbers are shown."""
        wanted = self.lists.sampled() if _seen(self) else set()
        chosen = is_container(self.lists.selected(Noun.CONTAINERS))
        if self.content.tab == "stats" and chosen is not None and chosen.state.running:
            wanted.add(chosen.id)
        self.sampler.watch(wanted)

    def show_keys(self) -> None:
        """Show in the footer what the keys do now."""
        info = self.lists.snapshot.info
        named = footer_text(self.desk.host, info.engine if info else "", info.version if info else "")
        right = f"{tr('read only · ') if self.desk.readonly else ''}{named}" if info else named
        # Not among the hints, of which a narrow terminal leaves out the last: nothing else tells that there is a swarm.
        key = next((show_key(action.keys[0]) for action in self.keys.active() if action.id == "global.swarm" and action.keys), "")
        self._hints.show(self.keys.offered(), tr("{right} · {key} swarm", right=right, key=key) if key else right)
        if self.desk.settings.screen_reader:
            self._said.update(_words(self))
            self.app.cursor_position = self._said.region.offset  # the reader reads the line that the cursor is on


def _focus_moved(main: MainScreen) -> None:
    main.show_content()
    main.show_keys()
    _measure(main)


def _measure(main: MainScreen) -> None:
    """Volumes are measured while their list is looked at."""
    if main.stage.noun is Noun.VOLUMES and _seen(main):
        main.run_worker(Late(main.feed.measure_volumes), group="sizes", exit_on_error=False)


def _words(main: MainScreen) -> str:
    """What has the focus, for screen readers."""
    noun = main.stage.noun
    pane, thing = main.lists.panes[noun], main.lists.selected(noun)
    if main.stage.main_focused:
        return pane_words(main.content.tab, label_of(thing) if thing else "", main.content.pane.status)
    return list_words(tr(pane.label), main.lists.titles(noun), pane.rows, pane.selected, len(pane.marks.keys))


async def _modal_ready(main: MainScreen, worker: Worker[None]) -> None:
    """Let a box that the command opens appear before the next key is looked at."""
    from tui.screens.modal import Modal

    for _ in range(STEPS):
        await asyncio.sleep(0)
        if worker.is_finished or isinstance(main.app.screen, Modal):
            break
    screen = main.app.screen
    if isinstance(screen, Modal):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(screen.ready.wait(), 1)


async def _seek(desk: Desk, step: int) -> None:
    if not await desk.content.seeker.seek(step):
        desk.tell(tr("search"), tr("no match"))


def _seen(screen: Screen[None]) -> bool:
    """The screen's host is the one that is looked at."""
    return screen in screen.app.screen_stack


def _load_commands() -> None:
    import tui.screens.commands  # noqa: F401  # for the first key that is pressed
