"""Doing things: one awaited engine call with a mark in the row, and the outcome as a message.

Nothing here changes a list: what an operation did comes back as an event, as anyone else's change does. Every operation
is written into the journal with the command line that does the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from textual.message import Message

from engine.errors import LongshoreError, NotModified
from tui.feed.journal import Journal
from tui.feed.watch import Watching
from tui.messages import OperationFailed, OperationSucceeded
from tui.snapshot import Noun
from tui.words import tr

TOGETHER = 8
"""Operations of one batch that run at the same time."""


class Step(NamedTuple):
    """One operation of a batch: on which object, what to type for it, and what to do."""

    key: str
    label: str
    command: str
    work: Callable[[], Awaitable[object]]


class Outcome(NamedTuple):
    """What became of a step. ``note`` is the engine's remark when it went well, such as that there was nothing to do."""

    step: Step
    error: LongshoreError | None
    note: str = ""


class Operations:
    """Runs operations on the engine and tells what became of them."""

    def __init__(self, feed: Watching, post: Callable[[Message], object], journal: Journal | None = None) -> None:
        self.journal = journal or Journal()
        self._feed = feed
        self._post = post

    async def perform(
        self, noun: Noun, key: str, word: str, title: str, work: Awaitable[object], *, told: str = "", command: str = ""
    ) -> bool:
        """Await ``work`` with ``word`` shown on the object.

        Args:
            key: the object's key in the lists, ``""`` where none is touched.
            title: what is tried on what, the title of an error (``stop web``).
            told: what to say when it went well, ``""`` for nothing.
            command: the command line for the journal, ``""`` for the title.

        Returns:
            Whether it went well.
        """
        if key:
            self._feed.mark([key], word)
        try:
            note = await self._journaled(command or title, work)
        except LongshoreError as error:
            self._post(OperationFailed(title, error))
            return False
        finally:
            self._feed.settle(key, noun)
        if note or told:
            self._post(OperationSucceeded(title, note or told))
        return True

    async def each(self, noun: Noun, word: str, steps: Sequence[Step]) -> list[Outcome]:
        """Run a batch, :data:`TOGETHER` at a time, with ``word`` shown on every object until its own step is over."""
        gate = asyncio.Semaphore(TOGETHER)
        self._feed.mark([step.key for step in steps], word)

        async def run(step: Step) -> Outcome:
            try:
                async with gate:
                    return Outcome(step, None, await self._journaled(step.command, step.work()))
            except LongshoreError as error:
                return Outcome(step, error)
            finally:
                self._feed.settle(step.key, noun)

        return list(await asyncio.gather(*(run(step) for step in steps)))

    async def _journaled(self, command: str, work: Awaitable[object]) -> str:
        """Await it; the engine's word that it was so already is an answer, not a failure."""
        entry = self.journal.begin(time.time(), command)
        problem = tr("given up")
        try:
            await work
            problem = ""
        except NotModified as same:
            problem = ""
            return same.message
        except LongshoreError as error:
            problem = error.message
            raise
        finally:
            self.journal.end(entry, now=time.time(), problem=problem)
        return ""
