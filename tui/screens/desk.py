"""What commands work with: the collaborators, and the few things that only a screen can do for them.

Commands (:mod:`tui.screens.commands`) are written against this class and know neither the screen nor the app.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from textual.screen import Screen

from engine.errors import LongshoreError
from engine.interface import Engine, Session
from tui.actions import Action, Scope
from tui.feed.operations import Operations
from tui.feed.pulls import Pulls
from tui.feed.watch import Feed
from tui.presenters.text import safe
from tui.screens.content import Content
from tui.screens.keys import Keys
from tui.screens.lists import Lists
from tui.screens.modal import Modal
from tui.screens.stage import Stage
from tui.screens.typing_line import TypingLine
from tui.snapshot import Noun, label_of

T = TypeVar("T")


class Desk:
    """Collaborators, questions, toasts, and the terminal."""

    def __init__(
        self,
        screen: Screen[None],
        *,
        engine: Engine,
        feed: Feed,
        operations: Operations,
        pulls: Pulls,
        lists: Lists,
        content: Content,
        stage: Stage,
        keys: Keys,
        typing: TypingLine,
    ) -> None:
        self.engine, self.feed, self.operations, self.pulls = engine, feed, operations, pulls
        self.lists, self.content, self.stage = lists, content, stage
        self.keys, self.typing = keys, typing
        self._screen = screen

    @property
    def noun(self) -> Noun:
        """The list that has the focus, or that the main pane belongs to."""
        return self.stage.noun

    async def ask(self, modal: Modal[T]) -> T | None:
        """Show a modal and wait for its answer."""
        return await self._screen.app.push_screen_wait(modal)

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
        self._screen.app.copy_to_clipboard(safe(text))
        self.tell("copied", text)

    def open_link(self, link: str) -> None:
        """Open a link in the person's browser."""
        self._screen.app.open_url(link)
        self.tell("browser", link)

    def open_palette(self) -> None:
        """Open the command palette."""
        self._screen.app.action_command_palette()

    def switch_theme(self) -> None:
        """Dark to light and back."""
        app = self._screen.app
        app.theme = "longshore-light" if app.current_theme.dark else "longshore-dark"

    def leave(self) -> None:
        """Quit."""
        self._screen.app.exit()

    async def menu_of_actions(self) -> None:
        """The menu of what can be done here: the list's own actions first, those that work everywhere last."""
        from tui.screens.menu import Entry, MenuModal  # late: not needed for the first picture

        groups: dict[Scope, list[Action]] = {}
        for action in self.keys.offered():
            groups.setdefault(action.scope, []).append(action)
        entries: list[Entry] = []
        for scope in (Scope[self.noun.name], Scope.LOGS, Scope.MAIN, Scope.LISTS, Scope.GLOBAL):
            if scope in groups and entries:
                entries.append(Entry(value="", label=""))
            own = (action for action in groups.get(scope, ()) if action.id != "global.menu")
            entries += [Entry(value=action.id, label=action.about, keys=action.keys) for action in own]
        chosen = self.lists.selected(self.noun)
        title = Scope[self.noun.name].value + (f": {label_of(chosen)}" if chosen else "")
        action_id = await self.ask(MenuModal(title, entries))
        if action_id:
            await self._screen.run_action(f"do('{action_id}')")

    async def terminal(self, open_session: Callable[[int, int], Awaitable[Session]], *, title: str, tty: bool, detach: bool) -> None:
        """Give the terminal to a session."""
        from tui.screens.terminal import hand_over  # late: termios and friends are for this only

        try:
            await hand_over(self._screen.app, open_session, title=safe(title), tty=tty, detach=detach)
        except LongshoreError as error:
            self.tell_error(title, error)
        self._screen.refresh(layout=True)
