"""Keys take effect one after the other, in the order in which they were pressed.

Textual hands a key to the widget that has the focus at that moment, and looks for bindings only when the key has bubbled up to the
app. Of keys that arrive in one burst, from somebody fast, over a slow line or while something is drawn, the later ones are
then handled before the earlier have had their effect: text lands in the field that ``tab`` was about to leave, ``ctrl+u`` deletes
what was typed after it, and an answer is taken by the list below the question. So the app lets the next key in when
the one before it is through. That is so when it has come back to the app, or when a marker that was sent behind it has: the
marker bubbles along the same way, also where a widget kept the key. A screen that was left took both with it, and is not
waited for; a widget that went away otherwise is for :data:`PATIENCE`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from textual import events
from textual.app import App
from textual.message import Message
from textual.message_pump import MessagePump
from textual.widget import Widget

PATIENCE = 0.1
"""Seconds that a key waits for one before it that nobody answers for."""


@dataclass
class _Through(Message):
    """Whoever had the key has handled it."""

    turn: int


class OrderedKeysApp(App[Any]):
    """An app whose keys wait for each other."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[events.Key] = deque()
        self._turn = 0
        self._under_way = False
        self._holder: MessagePump = self

    @property
    def keys_pending(self) -> bool:
        """A key has not had its effect yet."""
        return bool(self._waiting) or (self._under_way and not self._gone())

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key):
            await super().on_event(event)
        elif event.is_forwarded:
            await super().on_event(event)
            # What its action has sent, such as a line that was submitted, is still on the same way: another marker goes behind that.
            self._turn += 1
            if self._gone() or not self._holder.post_message(_Through(self._turn)):
                self._next_later(self._turn)
        else:
            self._waiting.append(event)
            if self._under_way and not self._gone():
                turn = self._turn
                self.set_timer(PATIENCE, lambda: self._next_later(turn))
            else:
                await self._next()

    async def _next(self) -> None:
        if not self._waiting:
            return
        self._turn += 1
        self._under_way = True
        target = self._holder = self.focused or (self.screen if self.screen_stack else self)
        await super().on_event(self._waiting.popleft())
        if not target.post_message(_Through(self._turn)):
            self._next_later(self._turn)

    def _gone(self) -> bool:
        """Whoever has the key is on a screen that was left: neither key nor marker come back from there."""
        holder = self._holder
        return isinstance(holder, Widget) and (not holder.is_attached or holder.screen not in self.screen_stack)

    def on__through(self, message: _Through) -> None:
        self._next_later(message.turn)

    def _next_later(self, turn: int) -> None:
        """Go on behind what the key has set off: moving the focus is a call in the app's own queue."""
        if self._under_way and turn == self._turn:
            self._turn += 1
            self.call_later(self._go_on, self._turn)

    async def _go_on(self, turn: int) -> None:
        if turn == self._turn:
            self._under_way = False
            await self._next()
