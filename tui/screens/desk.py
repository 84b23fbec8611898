"""What a command may use: the narrow view of the main screen that :mod:`tui.screens.commands` is written against."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from engine.interface import Engine, Session
from tui.actions import Action
from tui.feed.operations import Operations
from tui.feed.pulls import Pulls
from tui.feed.watch import Feed
from tui.screens.content import Content
from tui.screens.lists import Lists
from tui.screens.modal import Modal
from tui.screens.stage import Stage
from tui.snapshot import Noun

T = TypeVar("T")


class Desk(Protocol):
    """Collaborators and a few things that only a screen can do."""

    engine: Engine
    feed: Feed
    operations: Operations
    pulls: Pulls
    lists: Lists
    content: Content
    stage: Stage

    @property
    def noun(self) -> Noun:
        """The list that has the focus, or that the main pane belongs to."""

    def active_actions(self) -> list[Action]:
        """What the keys do here and now."""

    def offered_actions(self) -> list[Action]:
        """Those of them that make sense for the selected object."""

    async def ask(self, modal: Modal[T]) -> T | None:
        """Show a modal and wait for its answer."""

    def tell(self, title: str, text: str, *, bad: bool = False) -> None:
        """A toast."""

    async def menu_of_actions(self) -> None:
        """The menu of what can be done here."""

    def copy(self, text: str) -> None:
        """Put a text on the clipboard."""

    def open_link(self, link: str) -> None:
        """Open a link in the person's browser."""

    def palette(self) -> None:
        """Open the command palette."""

    def switch_theme(self) -> None:
        """Dark to light and back."""

    def leave(self) -> None:
        """Quit."""

    def prompt(self, purpose: str) -> None:
        """Type in the bottom line: ``filter`` or ``search``."""

    async def terminal(self, open_session: Callable[[int, int], Awaitable[Session]], *, title: str, tty: bool, detach: bool) -> None:
        """Give the terminal to a session."""
