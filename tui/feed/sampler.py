"""Live numbers of the containers on the screen, and of no others.

One stats stream for each watched container; streams of rows that left the screen are closed. The last three minutes are
kept for the graphs. Samples of all containers are told to the screen together, at most a few times a second.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from textual.message import Message

from engine.errors import LongshoreError
from engine.interface import Engine
from engine.model.stats import Stats
from tui.messages import StatsChanged

HISTORY = 180
SOON = 0.15
EVERY = 1.0
"""Seconds from the first of several samples, and from the last time, until the screen is told."""


class Sampler:
    """The newest sample and the history of watched containers."""

    def __init__(self, engine: Engine, post: Callable[[Message], object]) -> None:
        self._engine = engine
        self._post = post
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._latest: dict[str, Stats] = {}
        self._history: dict[str, deque[Stats]] = {}
        self._telling: asyncio.TimerHandle | None = None
        self._told_at = -EVERY

    def latest(self, container: str) -> Stats | None:
        """The newest sample of a container that is watched."""
        return self._latest.get(container)

    def history(self, container: str) -> tuple[Stats, ...]:
        """Samples, oldest first, at most :data:`HISTORY`."""
        return tuple(self._history.get(container, ()))

    def watch(self, containers: Iterable[str]) -> None:
        """Sample exactly these (running) containers from now on."""
        wanted = set(containers)
        for container in [key for key in self._streams if key not in wanted or self._streams[key].done()]:
            self._streams.pop(container).cancel()
            if self._latest.pop(container, None) is not None and wanted:
                self._tell()  # sums that it was part of are others now
        for container in wanted - self._streams.keys():
            self._streams[container] = asyncio.create_task(self._stream(container))

    def forget(self, alive: Iterable[str]) -> None:
        """Drop the histories of containers that are gone."""
        keep = set(alive)
        for container in [key for key in self._history if key not in keep]:
            del self._history[container]

    async def close(self) -> None:
        """Close every stream."""
        tasks = list(self._streams.values())
        self.watch(())
        if self._telling is not None:
            self._telling.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _stream(self, container: str) -> None:
        stream = self._engine.containers.stats(container)
        try:
            async for sample in stream:
                if not sample.read_at:
                    continue
                self._latest[container] = sample
                self._history.setdefault(container, deque(maxlen=HISTORY)).append(sample)
                self._tell()
        except LongshoreError:
            return  # it stopped or went away: the next snapshot says so
        finally:
            await stream.aclose()

    def _tell(self) -> None:
        if self._telling is None:
            loop = asyncio.get_running_loop()
            self._telling = loop.call_at(max(loop.time() + SOON, self._told_at + EVERY), self._told)

    def _told(self) -> None:
        self._telling = None
        self._told_at = asyncio.get_running_loop().time()
        self._post(StatsChanged())
