"""Lists of a swarm, folded into immutable snapshots.

Managers tell of services, nodes, configs and secrets that change, and never of tasks, whose states are what one looks for. So the
lists are read again every :data:`EVERY` seconds, while the swarm is on the screen and not longer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TypeVar

from textual.message import Message

from engine.errors import LongshoreError
from engine.interface import Engine
from engine.model.services import Service
from engine.model.streams import LogLine, LogQuery
from engine.model.swarm import Node, SwarmFile, Task
from tui.feed.logs import LogFeed
from tui.messages import SwarmChanged
from tui.snapshot import MixedLine
from tui.swarm_snapshot import SwarmSnapshot

EVERY = 2.0
"""Seconds between two readings; more where a reading takes long, so that no more than a tenth of the time goes into it."""
T = TypeVar("T", Service, Node, Task, SwarmFile)


class SwarmFeed:
    """Keeps :attr:`snapshot` up to date and posts it whenever it changed."""

    def __init__(self, engine: Engine, post: Callable[[Message], object]) -> None:
        self.snapshot = SwarmSnapshot()
        self._engine = engine
        self._post = post
        self._nudge = asyncio.Event()
        self._settling: set[str] = set()

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            self._nudge.clear()
            begun = time.monotonic()
            try:
                await self._read()
            except LongshoreError as error:
                self._publish(trouble=error.message, pending={})
            try:
                await asyncio.wait_for(self._nudge.wait(), max(EVERY, 10 * (time.monotonic() - begun)))
            except TimeoutError:
                pass

    def reload(self) -> None:
        """Read again at once."""
        self._nudge.set()

    def mark(self, key: str, word: str) -> None:
        """Show ``word`` as what is being done to an object."""
        self._publish(pending={**self.snapshot.pending, key: word})

    def settle(self, key: str) -> None:
        """Take the mark away together with the next lists, which tell what became of the object."""
        self._settling.add(key)
        self.reload()

    async def _read(self) -> None:
        settled, self._settling = self._settling, set()
        swarm = self._engine.swarm
        own = self.snapshot.own or (await self._engine.system.info()).swarm_node
        services, nodes, tasks, configs, secrets = await asyncio.gather(
            swarm.services.list(), swarm.nodes.list(), swarm.tasks.list(), swarm.configs.list(), swarm.secrets.list()
        )
        self._publish(
            services=_known(self.snapshot.services, services),
            nodes=_known(self.snapshot.nodes, nodes),
            tasks=_known(self.snapshot.tasks, tasks),
            configs=_known(self.snapshot.configs, configs),
            secrets=_known(self.snapshot.secrets, secrets),
            own=own,
            pending={key: word for key, word in self.snapshot.pending.items() if key not in settled},
            loaded=True,
            trouble="",
        )

    def _publish(self, **changes: object) -> None:
        changed = self.snapshot.replace(**changes)
        if changed != self.snapshot:
            self.snapshot = changed
            self._post(SwarmChanged(changed))


def _known(before: tuple[T, ...], now: Sequence[T]) -> tuple[T, ...]:
    """What was read now, with the very objects of before where they are the same: what is identical is compared for nothing."""
    kept = {one.id: one for one in before}
    return tuple(old if (old := kept.get(one.id)) is not None and old.raw == one.raw else one for one in now)


class TaskLogFeed(LogFeed):
    """The log of a service or of one task; each line tells which task wrote it.

    Attributes:
        names: of the tasks that have written so far, in the order in which they came.
    """

    def __init__(
        self,
        engine: Engine,
        target: str,
        post: Callable[[Message], object],
        *,
        tail: int,
        name_of: Callable[[str], str],
        apart: bool = True,
    ) -> None:
        """Read the log of ``target``; with ``apart`` lines are told apart by their tasks, whose names ``name_of`` knows."""
        super().__init__(engine, target, post, tail=tail)
        self.names: tuple[str, ...] = ()
        self._name_of = name_of
        self._apart = apart
        self._sources: dict[str, int] = {}

    async def lines(self, query: LogQuery) -> AsyncGenerator[Sequence[LogLine], None]:
        """The lines that are asked for, each with the number of its task."""
        if not query.follow and query.until is None:
            query = query.replace(until=time.time_ns())  # what is bounded comes in order
        stream = self._engine.swarm.services.logs(self._container, query)
        try:
            async for batch in stream:
                yield [MixedLine(time=line.time, stream=line.stream, data=line.data, source=self._source(line.task_id)) for line in batch]
        finally:
            await stream.aclose()

    def _source(self, task: str) -> int:
        if not self._apart:
            return 0
        if task not in self._sources:
            self._sources[task] = len(self._sources)
            self.names = (*self.names, self._name_of(task))
        return self._sources[task]
