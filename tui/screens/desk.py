"""What commands work with: the collaborators, and the few things that only a screen can do for them.

Commands (:mod:`tui.screens.commands`) are written against this class and know neither the screen nor the app.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar, cast

from textual.screen import Screen

from engine.errors import LongshoreError
from engine.interface import Engine, Hosts, Session
from tui.actions import ACTIONS, Action, Scope
from tui.config import Settings
from tui.custom import CustomCommand
from tui.feed.operations import Operations
from tui.feed.pulls import Pulls
from tui.feed.sampler import Sampler
from tui.feed.watch import Watching
from tui.late import Late
from tui.memory import Memory
from tui.messages import HostChosen, SettingsWanted
from tui.presenters.text import safe
from tui.screens.content import Content
from tui.screens.keys import Keys
from tui.screens.lists import Lists
from tui.screens.stage import Stage
from tui.screens.typing_line import TypingLine
from tui.snapshot import Noun, label_of
from tui.themes import counterpart

if TYPE_CHECKING:
    from tui.screens.modal import Modal

T = TypeVar("T")


acting: ContextVar[str] = ContextVar("acting", default="")
"""Id of the action that the present task works for, ``""`` once its question has been asked."""


class Desk:
    """Collaborators, questions, toasts, and the terminal.

    Attributes:
        settings: a person's; others when the file changes.
        memory: what is remembered from one time to the next.
        hosts: the hosts that are known, None where only this engine is; ``host`` is the name of the one that is shown.
    """

    def __init__(
        self,
        screen: Screen[None],
        *,
        engine: Engine,
        feed: Watching,
        operations: Operations,
        pulls: Pulls,
        lists: Lists,
        content: Content,
        stage: Stage,
        keys: Keys,
        typing: TypingLine[Noun],
        sampler: Sampler,
        memory: Memory,
        settings: Settings,
        now: Callable[[], float],
        hosts: Hosts | None = None,
        host: str = "",
    ) -> None:
        self.engine, self.feed, self.operations, self.pulls = engine, feed, operations, pulls
        self.lists, self.content, self.stage = lists, content, stage
        self.keys, self.typing = keys, typing
        self.sampler, self.now = sampler, now
        self.settings = settings
        self.memory = memory
        self.hosts, self.host = hosts, host
        self._screen = screen

    @property
    def readonly(self) -> bool:
        """Nothing may be changed."""
        return self.settings.readonly

    @property
    def commands(self) -> Sequence[CustomCommand]:
        """A person's own commands."""
        return self.settings.commands

    @property
    def noun(self) -> Noun:
        """The list that has the focus, or that the main pane belongs to."""
        return self.stage.noun

    async def ask(self, modal: Modal[T]) -> T | None:
        """Show a modal and wait for its answer. A yes that the settings do not want to be asked for is given at once."""
        if modal.yes_or_no and self.settings.confirm.get(acting.get()):
            return cast("T", True)
        return await self._screen.app.push_screen_wait(modal)

    async def put(self, modal: Modal[T]) -> T | None:
        """Show a modal and wait for its answer, whatever the settings say."""
        return await self._screen.app.push_screen_wait(modal)

    async def permitted(self, action: str) -> bool:
        """What the settings want to be asked before an action was asked, and answered with yes."""
        policy = self.settings.confirm.get(action, "")
        if policy not in ("ask", "name"):
            return True
        from tui.screens.confirm import ConfirmModal  # late: not needed for the first picture
        from tui.screens.prompt import PromptModal

        things = self.lists.chosen(self.noun)
        words = next(one.about for one in ACTIONS if one.id == action)
        name = label_of(things[0]) if len(things) == 1 else str(len(things)) if things else ""
        if policy == "ask" or not name:
            answer = await self._screen.app.push_screen_wait(ConfirmModal(words, name))
            return bool(answer)
        typed = await self._screen.app.push_screen_wait(PromptModal(words, about=f"type {name} to go on"))
        if typed and typed != name:
            self.tell(words, f"{typed} is not {name}: nothing was done", bad=True)
        return typed == name

    def tell(self, title: str, text: str, *, bad: bool = False) -> None:
        """A toast."""
        lines = "\n".join(safe(line) for line in text.split("\n"))
        severity = "error" if bad else "information"
        self._screen.notify(lines, title=safe(title), severity=severity, timeout=10 if bad else 4, markup=False)  # type: ignore[arg-type]  # a literal by construction

    def tell_error(self, title: str, error: LongshoreError) -> None:
        """What went wrong with which object, and what can be done."""
        self.tell(title, "\n".join(part for part in (error.message, error.hint) if part), bad=True)

    def copy(self, text: str) -> None:
        """Put a text on the clipboard."""
        from tui.screens import clipboard  # late: for this only

        clean = "\n".join(safe(line) for line in text.split("\n"))
        self._screen.app.copy_to_clipboard(clean)
        self._screen.run_worker(Late(clipboard.copy, clean), group="clipboard", exit_on_error=False)
        self.tell("copied", text)

    async def page_text(self, text: str) -> None:
        """Give the terminal to the person's pager with a text in it."""
        from tui.screens.pager import read_in_pager  # late: for this only

        if not self._has_terminal("pager"):
            return
        problem = await read_in_pager(self._screen.app, text)
        self._screen.refresh(layout=True)
        if problem:
            self.tell("pager", problem, bad=True)

    async def shell(self, lines: Sequence[str]) -> list[int]:
        """Give the terminal to command lines of this machine: their exit codes."""
        from tui.screens.pager import run_in_terminal  # late: for this only

        if not self._has_terminal("command line"):
            return []
        codes = await run_in_terminal(self._screen.app, lines)
        self._screen.refresh(layout=True)
        return codes

    def take_selection(self) -> str:
        """What was selected with the mouse, ``""`` for nothing; it is selected no more."""
        text = self._screen.get_selected_text() or ""
        self._screen.clear_selection()
        return text

    def open_link(self, link: str) -> None:
        """Open a link in the person's browser."""
        self._screen.app.open_url(link)
        self.tell("browser", link)

    async def open_swarm(self) -> None:
        """Show the swarm that the engine is in, until the person comes back."""
        from tui.screens.swarm import SwarmScreen  # late: most engines are in none

        await self._screen.app.push_screen_wait(SwarmScreen(self, self.settings))

    def open_palette(self) -> None:
        """Open the command palette."""
        self._screen.app.action_command_palette()

    def switch_theme(self) -> None:
        """Dark to light and back, within the family of the present theme where it has both."""
        app = self._screen.app
        self.set_theme(counterpart(app.theme, dark=app.current_theme.dark))

    def set_theme(self, name: str) -> None:
        """Draw in a theme, and remember it until the settings name another one."""
        self._screen.app.theme = name
        self.memory.put("theme", name)
        self.memory.put("theme.instead_of", self.settings.theme)

    def recall_theme(self) -> None:
        """Draw in the theme that was chosen last time, if one was and the settings still say what they said then."""
        same = self.memory.get("theme.instead_of", self.settings.theme) == self.settings.theme
        if same and (name := self.memory.get("theme")) in self._screen.app.available_themes:
            self._screen.app.theme = name

    @property
    def themes(self) -> list[str]:
        """Names of the themes that there are, the present one first."""
        app = self._screen.app
        return sorted(app.available_themes, key=lambda name: (name != app.theme, not name.startswith("longshore"), name))

    def reread_settings(self) -> None:
        """Read the settings' file again."""
        self._screen.post_message(SettingsWanted())

    def go_to_host(self, name: str) -> None:
        """Show another host."""
        self._screen.post_message(HostChosen(name))

    def leave(self) -> None:
        """Quit."""
        self._screen.app.exit()

    def suspend(self) -> None:
        """Stop the process; the shell's ``fg`` lets it go on."""
        if self._has_terminal("suspend"):
            self._screen.app.action_suspend_process()

    async def menu_of_actions(self) -> None:
        """The menu of what can be done here: the list's own actions first, those that work everywhere last."""
        from tui.screens.menu import Entry, MenuModal  # late: not needed for the first picture

        groups: dict[Scope, list[Action]] = {}
        for action in self.keys.offered():
            groups.setdefault(action.scope, []).append(action)
        entries: list[Entry] = []
        for scope in (Scope.PICK, Scope[self.noun.name], Scope.LOGS, Scope.MAIN, Scope.LISTS, Scope.GLOBAL):
            if scope in groups and entries:
                entries.append(Entry(value="", label=""))
            own = (action for action in groups.get(scope, ()) if action.id != "global.menu")
            entries += [Entry(value=action.id, label=action.about, keys=action.keys) for action in own]
        chosen = self.lists.chosen(self.noun)
        named = f": {label_of(chosen[0])}" if len(chosen) == 1 else f": {len(chosen)} marked" if chosen else ""
        title = Scope[self.noun.name].value + named
        action_id = await self.ask(MenuModal(title, entries))
        if action_id:
            await self._screen.run_action(f"do('{action_id}')")

    async def terminal(self, open_session: Callable[[int, int], Awaitable[Session]], *, title: str, tty: bool, detach: bool) -> None:
        """Give the terminal to a session."""
        from tui.screens.terminal import hand_over  # late: termios and friends are for this only

        if not self._has_terminal(title):
            return
        try:
            await hand_over(self._screen.app, open_session, title=safe(title), tty=tty, detach=detach)
        except LongshoreError as error:
            self.tell_error(title, error)
        self._screen.refresh(layout=True)

    def _has_terminal(self, title: str) -> bool:
        """There is a terminal to give away; in a browser there is none, and that is said."""
        if self._screen.app.is_web:
            self.tell(title, "this needs a terminal of its own, which a browser has not\nopen longshore in a terminal for it", bad=True)
            return False
        return True
