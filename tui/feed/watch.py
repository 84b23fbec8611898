"""Lists plus events, folded into immutable snapshots.

The feed lists everything, then follows the engine's events. An event marks a kind of object as stale; stale kinds are
listed again, events that come together at once. After an error or the end of the event stream it starts over, because
events alone can not be trusted after a gap. Nothing here polls: an idle engine costs nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from textual.message import Message

from engine.errors import LongshoreError, Unavailable
from engine.interface import Engine
from engine.model.events import EventQuery
from tui.messages import SnapshotChanged
from tui.snapshot import Noun, Snapshot, key_of, things

COALESCE = 0.03
"""Seconds in which further events are waited for before a list is read again."""
BACKOFF = (0.5, 1.0, 2.0, 4.0, 8.0)
_SINCE_SLACK = 5_000_000_000
_KINDS = {"container": Noun.CONTAINERS, "image": Noun.IMAGES, "volume": Noun.VOLUMES, "network": Noun.NETWORKS}
_QUIET = ("exec_", "top", "attach", "detach", "resize", "export", "archive", "mount", "unmount", "copy")


class Feed:
    """Keeps :attr:`snapshot` up to date and posts it whenever it changed."""

    def __init__(self, engine: Engine, post: Callable[[Message], object]) -> None:
        self.snapshot = Snapshot()
        self._engine = engine
        self._post = post
        self._stale: set[Noun] = set()
        self._settling: set[str] = set()
        self._bell = asyncio.Event()
        self._nudge = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled."""
        attempt = 0
        while True:
            since = time.time_ns() - _SINCE_SLACK
            try:
                await self._read_lists(list(Noun))
                attempt = 0
                await self._follow(since)
                raise Unavailable("the engine closed its stream of events")
            except LongshoreError as error:
                if attempt or not isinstance(error, Unavailable) or not self.snapshot.loaded:
                    self._publish(trouble=error.message, pending={})
                await self._pause(BACKOFF[min(attempt, len(BACKOFF) - 1)])
                attempt += 1

    def reload(self, nouns: Iterable[Noun] = tuple(Noun)) -> None:
        """List again soon; at once when the feed waits to try the engine again."""
        self._stale.update(nouns)
        self._bell.set()
        self._nudge.set()

    def mark(self, key: str, word: str) -> None:
        """Show ``word`` as what is being done to an object."""
        self._publish(pending={**self.snapshot.pending, key: word})

    def settle(self, key: str, noun: Noun) -> None:
        """Take the mark away together with the next list, which tells what became of the object."""
        self._settling.add(key)
        self.reload([noun])

    async def _pause(self, seconds: float) -> None:
        self._nudge.clear()
        try:
            await asyncio.wait_for(self._nudge.wait(), seconds)
        except TimeoutError:
            pass

    async def _follow(self, since: int) -> None:
        reader = asyncio.create_task(self._read_events(since))
        try:
            while not reader.done():
                await self._bell.wait()
                self._bell.clear()
                if self._stale:
                    await asyncio.sleep(COALESCE)
                    stale, self._stale = self._stale, set()
                    await self._read_lists(stale)
            await reader
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _read_events(self, since: int) -> None:
        stream = self._engine.system.events(EventQuery(since=since))
        try:
            async for event in stream:
                noun = _KINDS.get(event.kind)
                if noun is not None and not event.action.startswith(_QUIET):
                    self._stale.add(noun)
                    self._bell.set()
        finally:
            await stream.aclose()
            self._bell.set()

    async def _read_lists(self, nouns: Iterable[Noun]) -> None:
        settled, self._settling = self._settling, set()
        changes: dict[str, object] = {}
        wanted = list(nouns)
        lists = await asyncio.gather(*(self._list(noun) for noun in wanted))
        for noun, found in zip(wanted, lists, strict=True):
            changes[noun.value] = found
        if self.snapshot.info is None:
            changes["info"] = await self._engine.system.info()
        present = {key_of(thing) for noun in Noun for thing in (changes.get(noun.value) or things(self.snapshot, noun))}  # type: ignore[attr-defined]  # tuples of things by construction
        pending = {key: word for key, word in self.snapshot.pending.items() if key not in settled and key in present}
        self._publish(**changes, pending=pending, loaded=True, trouble="")

    async def _list(self, noun: Noun) -> tuple[object, ...]:
        match noun:
            case Noun.CONTAINERS:
                return tuple(await self._engine.containers.list(all=True))
            case Noun.IMAGES:
                return tuple(await self._engine.images.list())
            case Noun.VOLUMES:
                return tuple(await self._engine.volumes.list())
            case Noun.NETWORKS:
                return tuple(await self._engine.networks.list())

    def _publish(self, **changes: object) -> None:
        changed = self.snapshot.replace(**changes)
        if changed != self.snapshot:
            self.snapshot = changed
            self._post(SnapshotChanged(changed))
