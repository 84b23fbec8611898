"""The base of all modals: answers with data, and says when it can take keys.

Whoever types faster than a box can be drawn must not hit what lies below it, so the main screen waits for
:attr:`Modal.ready` before it lets the next key in.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

from textual import events
from textual.screen import ModalScreen

T = TypeVar("T")


class Modal(ModalScreen[T]):
    """A box over the main screen.

    Attributes:
        ready: set when the box is there and has the focus.
    """

    CSS_PATH = "modals.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.ready = asyncio.Event()

    def on_screen_resume(self) -> None:
        self.call_next(self.ready.set)

    def give_up(self) -> None:
        """Answer as if nobody had asked; a click beside the box does this."""
        raise NotImplementedError

    def on_click(self, event: events.Click) -> None:
        if event.widget is self:
            self.give_up()
