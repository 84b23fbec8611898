"""Taking what is due from many sources in one visit to a thread.

A source that waits in a thread of its own wakes that thread, and through it the event loop, for every item. Fifty containers
whose statistics are followed would do so fifty times a second, which costs more than the statistics. Here the loop waits, once
for all that are due together, and one thread takes from all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple

from engine.model.blocking import Paced

TOGETHER = 0.01
"""Seconds that a source may be taken from too early, to be taken from with others."""


class _Turn(NamedTuple):
    due: float
    source: Paced[Any]
    outcome: asyncio.Future[Any]


class Rounds:
    """What waits for its time under one event loop. ``executor`` gives the pool that the visits are made in."""

    def __init__(self, executor: Callable[[], Executor]) -> None:
        self._executor = executor
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[_Turn] = []
        self._timer: asyncio.TimerHandle | None = None

    async def next(self, source: Paced[Any]) -> Any:
        """The source's next item, when it is due; what taking it raises."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # an engine may outlive a loop; whoever waited there has gone with it
            self._loop, self._waiting, self._timer = loop, [], None
        turn = _Turn(source.due, source, loop.create_future())
        self._waiting.append(turn)
        self._arm(loop)
        return await turn.outcome

    def close(self) -> None:
        """Wake nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self._waiting = [turn for turn in self._waiting if not turn.outcome.done()]
        if not self._waiting:
            return
        due = min(turn.due for turn in self._waiting)
        if self._timer is None or due < self._timer.when():
            self.close()
            self._timer = loop.call_at(due, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        until = loop.time() + TOGETHER
        turns = [turn for turn in self._waiting if turn.due <= until and not turn.outcome.done()]
        self._waiting = [turn for turn in self._waiting if turn.due > until]
        self._arm(loop)
        if turns:
            taken = self._executor().submit(_take, [turn.source for turn in turns])
            taken.add_done_callback(lambda done: _tell(loop, turns, done))


def _tell(loop: asyncio.AbstractEventLoop, turns: Sequence[_Turn], taken: Future[list[Any]]) -> None:
    if not taken.cancelled() and not loop.is_closed():
        loop.call_soon_threadsafe(_hand_out, turns, taken.result())


def _take(sources: Sequence[Paced[Any]]) -> list[Any]:
    """An item or an exception of each."""
    found: list[Any] = []
    for source in sources:
        try:
            found.append(source.take())
        except Exception as error:
            found.append(error)
    return found


def _hand_out(turns: Sequence[_Turn], found: Sequence[Any]) -> None:
    for turn, item in zip(turns, found, strict=True):
        if turn.outcome.done():
            continue  # whoever waited gave up
        if isinstance(item, Exception):
            turn.outcome.set_exception(item)
        else:
            turn.outcome.set_result(item)
