"""The main screen: lists at the left, the main pane at the right, keys at the bottom.

It glues: messages of the feed go to :class:`Lists` and :class:`Content`, keys go through the action registry to the
commands, the focus goes to :class:`Stage`. It implements :class:`~tui.screens.desk.Desk` for the commands.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable
from typing import ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content as Markup
from textual.screen import Screen
from textual.widgets import Static

from engine.errors import LongshoreError
from engine.interface import Engine, Session
from tui import messages
from tui.actions import ACTIONS, Action, Scope, in_scopes, with_keys
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
from tui.screens.lists import Lists
from tui.screens.modal import Modal
from tui.screens.offers import offered
from tui.screens.stage import Boxes, Stage
from tui.snapshot import Noun, label_of
from tui.widgets.keybar import KeyBar
from tui.widgets.list_pane import ListPane
from tui.widgets.log_view import LogView
from tui.widgets.main_pane import MainPane
from tui.widgets.prompt_line import PromptLine
from tui.widgets.pull_strip import PullStrip

T = TypeVar("T")

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
        self.engine = engine
        self.settings = settings
        self.feed = Feed(engine, self.post_message)
        self.operations = Operations(self.feed, self.post_message)
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
        self._keys = KeyBar(id="keys")
        self._line = PromptLine(id="line")
        self._purpose = ""
        self._actions = with_keys(settings.keys)

    @property
    def noun(self) -> Noun:
        return self.stage.noun

    def compose(self) -> ComposeResult:
        yield Static("", id="banner", markup=False)
        yield self._body
        with Horizontal(id="bottom"):
            yield self._keys
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
        self.tell(message.title, message.text)

    def on_operation_failed(self, message: messages.OperationFailed) -> None:
        error: LongshoreError = message.error
        self.tell(message.title, "\n".join(part for part in (error.message, error.hint) if part), bad=True)

    def on_list_pane_highlighted(self, message: ListPane.Highlighted) -> None:
        if message.pane.id == self.noun.value:
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

    def on_prompt_line_changed(self, message: PromptLine.Changed) -> None:
        if self._purpose == "filter":
            self.lists.panes[self.noun].filter = message.text.strip()
            self.lists.refresh(self.noun)
        else:
            self._main.view.term = message.text.lower()
            self._search(-1 if self._main.view is self._main.log_view else 1, far=False)

    def on_prompt_line_closed(self, message: PromptLine.Closed) -> None:
        self._keys.display = True
        if self._purpose == "filter":
            if not message.kept:
                self.lists.panes[self.noun].filter = ""
                self.lists.refresh(self.noun)
            self.stage.focus_list(self.noun)
            return
        view = self._main.view
        view.term = message.text.lower() if message.kept else ""
        self.stage.focus_main()
        if view.term and not view.found():
            self._search(-1 if view is self._main.log_view else 1, far=True)
        self.content.status()

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

    def active_actions(self) -> list[Action]:
        own = Scope[self.noun.name]
        scopes = [Scope.LOGS, Scope.MAIN, own, Scope.GLOBAL] if self.stage.main_focused else [Scope.LISTS, own, Scope.GLOBAL]
        return in_scopes((action for action in self._actions if self._makes_sense(action.id)), scopes)

    def _makes_sense(self, action: str) -> bool:
        view = self._main.view
        if action in ("logs.next", "logs.previous", "logs.clear"):
            return bool(view.term)
        if action == "logs.timestamps":
            return view is self._main.log_view
        if action == "logs.reveal":
            return self.content.tab in ("env", "config")
        if action == "images.cancel":
            return bool(self.pulls.running)
        return True

    def offered_actions(self) -> list[Action]:
        chosen = self.lists.selected(self.noun)
        return [action for action in self.active_actions() if offered(action.id, chosen)]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action != "do":
            return True
        return any(active.id == parameters[0] for active in self.active_actions())

    async def action_do(self, action: str) -> None:
        """Run an action of the registry."""
        outcome = HANDLERS[action](self)
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

    # --- what commands may use: the Desk -------------------------------------------------------------------------

    async def ask(self, modal: Modal[T]) -> T | None:
        return await self.app.push_screen_wait(modal)

    def tell(self, title: str, text: str, *, bad: bool = False) -> None:
        lines = "\n".join(safe(line) for line in text.split("\n"))
        self.notify(lines, title=safe(title), severity="error" if bad else "information", timeout=10 if bad else 4, markup=False)

    def copy(self, text: str) -> None:
        self.app.copy_to_clipboard(safe(text))
        self.tell("copied", text)

    def open_link(self, link: str) -> None:
        self.app.open_url(link)
        self.tell("browser", link)

    def palette(self) -> None:
        self.app.action_command_palette()

    def switch_theme(self) -> None:
        self.app.theme = "longshore-light" if self.app.current_theme.dark else "longshore-dark"

    def leave(self) -> None:
        self.app.exit()

    async def menu_of_actions(self) -> None:
        from tui.screens.menu import Entry, MenuModal  # late: not needed for the first picture

        entries: list[Entry] = []
        groups: dict[Scope, list[Action]] = {}
        for action in self.offered_actions():
            groups.setdefault(action.scope, []).append(action)
        order = [scope for scope in (Scope[self.noun.name], Scope.LOGS, Scope.MAIN, Scope.LISTS, Scope.GLOBAL) if scope in groups]
        for scope in order:
            if entries:
                entries.append(Entry(value="", label=""))
            entries += [
                Entry(value=action.id, label=action.about, keys=action.keys) for action in groups[scope] if action.id != "global.menu"
            ]
        chosen = await self.ask(MenuModal(self._menu_title(), entries))
        if chosen:
            await self.action_do(chosen)

    def prompt(self, purpose: str) -> None:
        self._purpose = purpose
        self._keys.display = False
        text = self.lists.panes[self.noun].filter if purpose == "filter" else self._main.view.term
        self._line.open(f"{purpose}:", text)

    async def terminal(self, open_session: Callable[[int, int], Awaitable[Session]], *, title: str, tty: bool, detach: bool) -> None:
        from tui.screens.terminal import hand_over  # late: termios and friends are for this only

        try:
            await hand_over(self.app, open_session, title=safe(title), tty=tty, detach=detach)
        except LongshoreError as error:
            self.tell(title, "\n".join(part for part in (error.message, error.hint) if part), bad=True)
        self.refresh(layout=True)

    def _menu_title(self) -> str:
        chosen = self.lists.selected(self.noun)
        return f"{_TITLES[self.noun]}: {label_of(chosen)}" if chosen else _TITLES[self.noun]

    # --- keeping the parts in step -------------------------------------------------------------------------------

    def show_content(self) -> None:
        """Show the selected object in the main pane."""
        self.content.show(self.noun, self.lists.selected(self.noun), self.lists.snapshot)

    def watch_samples(self) -> None:
        """Sample what is on the screen, and the container whose numbers are shown."""
        wanted = self.lists.sampled()
        chosen = self.lists.selected(Noun.CONTAINERS)
        if self.content.tab == "stats" and chosen in self.lists.snapshot.containers and chosen is not None and chosen.state.running:  # type: ignore[union-attr]  # containers only
            wanted.add(chosen.id)  # type: ignore[union-attr]  # containers only
        self.sampler.watch(wanted)

    def show_keys(self) -> None:
        """Show in the footer what the keys do now."""
        info = self.lists.snapshot.info
        right = f"{safe(info.engine)} {safe(info.version)}" if info else ""
        self._keys.show(self.offered_actions(), right)

    def _refresh_focus(self) -> None:
        self.show_content()
        self.show_keys()

    def _search(self, step: int, *, far: bool) -> None:
        view = self._main.view
        if not view.term:
            self.content.status()
        elif far:
            self.run_worker(self._seek(step), group="commands", exit_on_error=False)
        else:
            found = self.content.near(step)
            if found >= 0:
                view.show_line(found)
            self.content.status()

    async def _seek(self, step: int) -> None:
        if not await self.content.seek(step):
            self.tell("search", "no match")
