"""The main screen: lists at the left, the main pane at the right, keys at the bottom.

It only glues: messages of the feed go to :class:`Lists` and :class:`Content`, keys go through the action registry to the
commands with a :class:`~tui.screens.desk.Desk` in hand, the focus goes to :class:`Stage`.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content as Markup
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from engine.interface import Engine
from tui import messages
from tui.actions import ACTIONS, with_keys
from tui.config import Settings
from tui.feed.operations import Operations
from tui.feed.pulls import Pulls
from tui.feed.sampler import Sampler
from tui.feed.watch import Feed
from tui.presenters import containers as container_rows
from tui.presenters import objects
from tui.presenters.details import one_line
from tui.presenters.text import safe
from tui.screens.commands import HANDLERS
from tui.screens.content import Content
from tui.screens.desk import Desk
from tui.screens.keys import Keys
from tui.screens.lists import Lists, is_container
from tui.screens.modal import Modal
from tui.screens.stage import Boxes, Stage
from tui.screens.typing_line import TypingLine
from tui.snapshot import Noun
from tui.widgets.keybar import KeyBar
from tui.widgets.list_pane import ListPane
from tui.widgets.log_view import LogView
from tui.widgets.main_pane import MainPane
from tui.widgets.prompt_line import PromptLine
from tui.widgets.pull_strip import PullStrip

_TITLES = {Noun.CONTAINERS: "Containers", Noun.IMAGES: "Images", Noun.VOLUMES: "Volumes", Noun.NETWORKS: "Networks"}
_COLUMNS = {
    Noun.CONTAINERS: container_rows.COLUMNS,
    Noun.IMAGES: objects.IMAGE_COLUMNS,
    Noun.VOLUMES: objects.PLAIN_COLUMNS,
    Noun.NETWORKS: objects.PLAIN_COLUMNS,
}


class MainScreen(Screen[None]):
    """Everything at once, as in lazydocker."""

    CSS_PATH = "main.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(action.keys), f"do('{action.id}')", action.label, id=action.id, show=False, tooltip=action.about)
        for action in ACTIONS
    ]

    def __init__(self, engine: Engine, settings: Settings, now: Callable[[], float]) -> None:
        super().__init__()
        self.feed = Feed(engine, self.post_message)
        self.pulls = Pulls(engine, self.post_message)
        self.sampler = Sampler(engine, self.post_message)
        panes = {noun: ListPane(number, _TITLES[noun], _COLUMNS[noun], id=noun.value) for number, noun in enumerate(Noun, 1)}
        self.lists = Lists(panes, self.sampler, sort=settings.sort, hide_stopped=settings.hide_stopped, now=now)
        self._main = MainPane(id="main")
        self._main.log_view.times = settings.log_timestamps
        self._main.log_view.wrapped = settings.log_wrap
        self.content = Content(self._main, engine, self.sampler, post=self.post_message, settings=settings, now=now)
        self._strip = PullStrip(id="strip")
        self._side = Vertical(*panes.values(), id="side")
        self._column = Vertical(self._main, self._strip, id="column")
        self._body = Container(self._side, self._column, id="body")
        boxes = Boxes(self._side, self._column, self._body)
        self.stage = Stage(panes, self._main, self._strip, boxes=boxes, ratio=settings.side_ratio)
        self._hints = KeyBar(id="keys")
        self._line = PromptLine(id="line")
        self.keys = Keys(with_keys(settings.keys), stage=self.stage, lists=self.lists, content=self.content, pulls=self.pulls)
        self._typing = TypingLine(self._line, self._hints, lists=self.lists, content=self.content, stage=self.stage)
        self.desk = Desk(
            self,
            engine=engine,
            feed=self.feed,
            operations=Operations(self.feed, self.post_message),
            pulls=self.pulls,
            lists=self.lists,
            content=self.content,
            stage=self.stage,
            keys=self.keys,
            typing=self._typing,
        )

    def compose(self) -> ComposeResult:
        yield Static("", id="banner", markup=False)
        yield self._body
        with Horizontal(id="bottom"):
            yield self._hints
            yield self._line
        yield Static("Not enough room: make the terminal larger.", id="small", markup=False)

    def on_mount(self) -> None:
        self.stage.focus_list(Noun.CONTAINERS)
        self.lists.show(self.feed.snapshot)
        self._refresh_focus()
        self.run_worker(self.feed.run(), group="feed", exit_on_error=False)

    async def on_unmount(self) -> None:
        await self.content.close()
        await self.sampler.close()
        await self.pulls.close()

    # --- what flows in -------------------------------------------------------------------------------------------

    def on_snapshot_changed(self, message: messages.SnapshotChanged) -> None:
        snapshot = message.snapshot
        self.query_one("#banner", Static).update(Markup(f" engine unreachable: {one_line(snapshot.trouble, 300)} · trying again, ^r now"))
        self.set_class(bool(snapshot.trouble), "trouble")
        self.stage.arrange()
        self.lists.show(snapshot)
        self.sampler.forget(one.id for one in snapshot.containers)
        self.watch_samples()
        self.show_content()
        self.show_keys()

    def on_stats_changed(self) -> None:
        self.lists.refresh(Noun.CONTAINERS)
        self.content.stats_changed()

    def on_pulls_changed(self, message: messages.PullsChanged) -> None:
        self.stage.show_pulls(message.pulls)
        self.show_keys()

    def on_log_changed(self) -> None:
        self.content.log_changed()

    def on_operation_succeeded(self, message: messages.OperationSucceeded) -> None:
        self.desk.tell(message.title, message.text)

    def on_operation_failed(self, message: messages.OperationFailed) -> None:
        self.desk.tell_error(message.title, message.error)

    def on_list_pane_highlighted(self, message: ListPane.Highlighted) -> None:
        if message.pane.id == self.stage.noun.value:
            self.show_content()
            self.show_keys()

    def on_list_pane_visible_changed(self, message: ListPane.VisibleChanged) -> None:
        self.lists.fit(Noun(str(message.pane.id)))
        if message.pane.id == Noun.CONTAINERS.value:
            self.watch_samples()

    def on_log_view_wanted(self, message: LogView.Wanted) -> None:
        self.run_worker(self.content.page(message.edge), group="page", exit_on_error=False)

    def on_main_pane_tab_clicked(self, message: MainPane.TabClicked) -> None:
        self.content.choose(message.tab)
        self.stage.focus_main()

    async def on_key_bar_chosen(self, message: KeyBar.Chosen) -> None:
        await self.action_do(message.action)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A bug in a worker must be seen, and must not end the program."""
        if event.state is WorkerState.ERROR:
            error = event.worker.error
            self.desk.tell("internal error", f"{type(error).__name__}: {error}\nThe rest goes on; please report this.", bad=True)

    def on_prompt_line_changed(self, message: PromptLine.Changed) -> None:
        self._typing.changed(message.text)

    def on_prompt_line_closed(self, message: PromptLine.Closed) -> None:
        work = self._typing.closed(message.text, kept=message.kept, seek=self._seek)
        if work is not None:
            self.run_worker(work, group="commands", exit_on_error=False)

    async def _seek(self, step: int) -> None:
        if not await self.content.seek(step):
            self.desk.tell("search", "no match")

    def on_resize(self) -> None:
        self.stage.arrange()
        self.set_class(not self.stage.fits, "small")
        self.lists.refresh(Noun.CONTAINERS)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        widget = event.widget
        if isinstance(widget, ListPane):
            self.stage.noticed(noun=Noun(str(widget.id)))
        elif widget in (self._main.log_view, self._main.text_view):
            self.stage.noticed(noun=None)
        self._refresh_focus()

    # --- keys ----------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.keys.is_active(str(parameters[0])) if action == "do" else True

    async def action_do(self, action: str) -> None:
        """Run an action of the registry."""
        outcome = HANDLERS[action](self.desk)
        if inspect.isawaitable(outcome):
            self.run_worker(outcome, group="commands", exit_on_error=False)
            await self._modal_ready()
        self.show_keys()

    async def _modal_ready(self) -> None:
        """Let a box that the command opens appear before the next key is looked at."""
        for _ in range(2):
            await asyncio.sleep(0)
        screen = self.app.screen
        if isinstance(screen, Modal):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(screen.ready.wait(), 1)

    # --- keeping the parts in step -------------------------------------------------------------------------------

    def show_content(self) -> None:
        """Show the selected object in the main pane."""
        self.content.show(self.stage.noun, self.lists.selected(self.stage.noun), self.lists.snapshot)

    def watch_samples(self) -> None:
        """Sample what is on the screen, and the container whose numbers are shown."""
        wanted = self.lists.sampled()
        chosen = is_container(self.lists.selected(Noun.CONTAINERS))
        if self.content.tab == "stats" and chosen is not None and chosen.state.running:
            wanted.add(chosen.id)
        self.sampler.watch(wanted)

    def show_keys(self) -> None:
        """Show in the footer what the keys do now."""
        info = self.lists.snapshot.info
        right = f"{safe(info.engine)} {safe(info.version)}" if info else ""
        self._hints.show(self.keys.offered(), right)

    def _refresh_focus(self) -> None:
        self.show_content()
        self.show_keys()
