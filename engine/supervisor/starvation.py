"""Processes that are killed for want of memory while their container goes on: docker's ``oom`` events.

The kernel tells before it kills, and when it kills several it tells several times. So the killed are counted a moment later,
and one event tells of all. Those of the last moment are told with the container's end.
"""

from __future__ import annotations

import os
from typing import Final

from engine.errors import LongshoreError
from engine.supervisor.child import Child
from engine.supervisor.loop import Loop, Timer
from engine.supervisor.office import Office

_MOMENT: Final = 0.1


class Starvation:
    """Watches one run. ``kills`` is how many are told of already."""

    def __init__(self, loop: Loop, office: Office, child: Child, mask: int) -> None:
        self._loop = loop
        self._office = office
        self._child = child
        self._mask = mask
        self._timer: Timer | None = None
        self.kills = 0
        self._watch()

    def end(self) -> None:
        """The container has ended. Idempotent."""
        self._loop.cancel(self._timer)

    def _watch(self) -> None:
        if self._child.oom >= 0:
            self._loop.watch(self._child.oom, self._mask, lambda _mask: self._rang())

    def _rang(self) -> None:
        self._loop.forget(self._child.oom)
        self._timer = self._loop.later(_MOMENT, self._count)

    def _count(self) -> None:
        if self._said() != self.kills:
            try:
                self.kills = int(self._office.send("starved", oom_kills=self.kills)[0]["oom_kills"])
            except LongshoreError as error:
                self._office.complain(error.message)
        self._watch()

    def _said(self) -> int:
        """How many the descriptor says were killed, -1 where it only rings. Reading makes it quiet."""
        try:
            os.lseek(self._child.oom, 0, os.SEEK_SET)
            words = os.read(self._child.oom, 4096).split()
        except OSError:
            return -1
        return int(words[words.index(b"oom_kill") + 1]) if b"oom_kill" in words else -1
