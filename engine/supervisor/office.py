"""Where a supervisor's clerk is sent from: repeats what may be repeated, and lets the clerk go when there is nothing to do."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from engine.errors import LongshoreError
from engine.supervisor.clerk import Clerk, ClerkDied
from engine.supervisor.loop import Loop, Timer

_LINGER: Final = 0.5
"""Seconds that the clerk is kept after its last errand: a short-lived container then needs one only."""

_ONCE: Final = frozenset(("start", "exec", "tell", "connect", "disconnect", "probed", "starved"))
"""Errands that must not be repeated: a process, an event or a network would be there twice, or once too little."""


class Office:
    """The errands of one container."""

    __slots__ = ("_clerk", "_id", "_loop", "_timer", "on_left")

    def __init__(self, loop: Loop, clerk: Clerk, container_id: str) -> None:
        self._loop = loop
        self._clerk = clerk
        self._id = container_id
        self._timer: Timer | None = None
        self.on_left: Callable[[], None] = lambda: None
        """Called when the clerk has left."""

    @property
    def clerk_pid(self) -> int:
        """The clerk's process, 0 without one."""
        return self._clerk.pid

    def send(self, op: str, **fields: Any) -> tuple[dict[str, Any], list[int]]:
        """Send the clerk on an errand, and another one after it if it dies and the errand may be run twice. Raises what it raises."""
        try:
            try:
                return self._clerk.call(op, id=self._id, **fields)
            except ClerkDied:
                if op in _ONCE:
                    raise
                return self._clerk.call(op, id=self._id, **fields)
        finally:
            self.linger()

    def linger(self) -> None:
        """Let the clerk go in a moment, unless it is sent on an errand before."""
        self._loop.cancel(self._timer)
        self._timer = self._loop.later(_LINGER, self.close)

    def tell(self, action: str, **further: str) -> None:
        """Write an event. One that can not be written is no reason to fail what it tells of."""
        try:
            self.send("tell", action=action, further=further)
        except LongshoreError as error:
            self.complain(error.message)

    def complain(self, text: str) -> None:
        """Say something in the engine's log, which nobody but its owner reads."""
        os.write(2, f"container {self._id[:12]}: {text}\n".encode(errors="replace"))

    def close(self) -> None:
        """Let the clerk go; the next errand brings another."""
        self._loop.cancel(self._timer)
        self._timer = None
        self._clerk.rest()
        self.on_left()
