"""The base of all modals: answers with data, and says when it can take keys.

Whoever types faster than a box can be drawn must not hit what lies below it, so the main screen waits for
:attr:`Modal.ready` before it lets the next key in.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar, TypeVar

from rich.console import RenderableType
from textual import events
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen

T = TypeVar("T")


class Modal(ModalScreen[T]):
    """A box over the main screen.

    Attributes:
        ready: set when the box is there and has the focus.
    """

    CSS_PATH = "modals.tcss"
    yes_or_no: ClassVar[bool] = False
    """It asks for a yes, which the settings may give beforehand."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = asyncio.Event()

    def render(self) -> RenderableType:
        """What lies below, tinted.

        Textual finds the screen below in a context variable that each rendering empties, so that a second one in the
        same context (a measurement before the drawing) would see nothing and leave the background black.
        """
        stack = self.app.screen_stack
        below = stack.index(self) - 1 if self in stack else -1
        return BackgroundScreen(stack[below], self.styles.background) if below >= 0 else super().render()

    def on_screen_resume(self) -> None:
        self.call_next(self.ready.set)

    def give_up(self) -> None:
        """Answer as if nobody had asked; a click beside the box does this."""
        raise NotImplementedError

    def on_click(self, event: events.Click) -> None:
        if event.widget is self:
            self.give_up()
