"""Lists plus events, folded into immutable snapshots.

The feed lists everything, then follows the engine's events. An event marks a kind of object as stale; stale kinds are
listed again, events that come together at once. Of containers, of which there can be thousands, only those are asked for
that events named. After an error or the end of the event stream it starts over, because
events alone can not be trusted after a gap. Nothing here polls: an idle engine costs nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from textual.message import Message

from engine.errors import LongshoreError, Unavailable
from engine.interface import Engine
from engine.model.containers import Container
from engine.model.events import EventQuery
from tui.feed.volume_sizes import VolumeSizes
from tui.messages import SnapshotChanged
from tui.snapshot import Noun, Snapshot, key_of, things
from tui.words import tr

COALESCE = 0.03
"""Seconds in which further events are waited for before a list is read again."""
BACKOFF = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
SHORT = 4.0
"""Seconds up to which a wait is too short to be told."""
FEW = 50
"""Containers that are asked for one by one; for more, all are listed."""
AGAIN = (0.1, 0.3, 1.0, 3.0)
"""Seconds after which a container that died is asked for again: dockerd says ``die`` before its list knows, and nothing afterwards."""
_SINCE_SLACK = 5_000_000_000
_KINDS = {"container": Noun.CONTAINERS, "image": Noun.IMAGES, "volume": Noun.VOLUMES, "network": Noun.NETWORKS}
_QUIET = ("exec_", "top", "attach", "detach", "resize", "export", "archive", "mount", "unmount", "copy")


class Watching(Protocol):
    """What keeps a snapshot up to date: of one engine, or of several as one.

    Attributes:
        snapshot: the newest.
        answered: an engine has answered for the first time, or failed to.
    """

    snapshot: Snapshot
    answered: asyncio.Event

    async def run(self) -> None:
        """Watch until cancelled."""

    def reload(self, nouns: Iterable[Noun] = tuple(Noun)) -> None:
        """List again soon; at once where an engine that was lost is waited for."""

    def count_sizes(self, wanted: bool) -> None:
        """Ask for what containers take on the disk, or no more."""

    async def measure_volumes(self) -> None:
        """Find out what each volume takes, behind the lists."""

    def mark(self, keys: Iterable[str], word: str) -> None:
        """Show ``word`` as what is being done to some objects."""

    def settle(self, key: str, noun: Noun) -> None:
        """Take the mark away together with the next list, which tells what became of the object."""


class Feed:
    """See :class:`Watching`: keeps :attr:`snapshot` up to date and posts it whenever it changed."""

    def __init__(self, engine: Engine, post: Callable[[Message], object], *, sizes: bool = False) -> None:
        self.snapshot = Snapshot()
        self.answered = asyncio.Event()
        self._engine = engine
        self._post = post
        self._sizes = sizes
        self._volume_sizes = VolumeSizes(engine)
        self._stale: set[Noun] = set()
        self._touched: set[str] = set()
        self._settling: set[str] = set()
        self._died: dict[str, int] = {}
        self._bell = asyncio.Event()
        self._nudge = asyncio.Event()

    async def run(self) -> None:
        attempt = 0
        while True:
            since = time.time_ns() - _SINCE_SLACK
            try:
                await self._read_lists(list(Noun))
                attempt = 0
                await asyncio.sleep(COALESCE)  # the lists are drawn first
                if self.snapshot.info is None:
                    self._publish(info=await self._engine.system.info())
                await self._follow(since)
                raise Unavailable(tr("the engine closed its stream of events"))
            except LongshoreError as error:
                delay = BACKOFF[min(attempt, len(BACKOFF) - 1)]
                if attempt or not isinstance(error, Unavailable) or not self.snapshot.loaded:
                    self._publish(trouble=error.message, pending={}, retry_at=time.time() + delay if delay > SHORT else 0.0)
                await self._pause(delay)
                attempt += 1

    def reload(self, nouns: Iterable[Noun] = tuple(Noun)) -> None:
        self._stale.update(nouns)
        self._bell.set()
        self._nudge.set()

    def count_sizes(self, wanted: bool) -> None:
        if wanted != self._sizes:
            self._sizes = wanted
            self.reload((Noun.CONTAINERS,))

    def mark(self, keys: Iterable[str], word: str) -> None:
        self._publish(pending={**self.snapshot.pending, **dict.fromkeys(keys, word)})

    def settle(self, key: str, noun: Noun) -> None:
        self._settling.add(key)
        if noun is Noun.CONTAINERS and key:
            self._touched.add(key)
            self.reload(())
        else:
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
                if self._stale or self._touched:
                    await asyncio.sleep(COALESCE)
                    stale, self._stale = self._stale, set()
                    touched, self._touched = self._touched, set()
                    await self._read_lists(stale, touched)
            await reader
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _read_events(self, since: int) -> None:
        stream = self._engine.system.events(EventQuery(since=since))
        try:
            async for event in stream:
                noun = _KINDS.get(event.kind)
                if noun is None or event.action.startswith(_QUIET):
                    continue
                if noun is Noun.CONTAINERS and event.id:
                    self._touched.add(event.id)
                    if event.action == "die":
                        self._died[event.id] = 0
                    elif event.action == "start":
                        self._died.pop(event.id, None)
                else:
                    self._stale.add(noun)
                self._bell.set()
        finally:
            await stream.aclose()
            self._bell.set()

    async def _read_lists(self, nouns: Collection[Noun], touched: Collection[str] = ()) -> None:
        settled, self._settling = self._settling, set()
        changes: dict[str, object] = {}
        wanted = list(dict.fromkeys([*nouns, *([Noun.CONTAINERS] if touched else ())]))
        some = touched if len(touched) <= FEW and Noun.CONTAINERS not in nouns else ()
        lists = await asyncio.gather(*(self._some(some) if some and noun is Noun.CONTAINERS else self._list(noun) for noun in wanted))
        for noun, found in zip(wanted, lists, strict=True):
            changes[noun.value] = found
        present = {key_of(thing) for noun in Noun for thing in (changes.get(noun.value) or things(self.snapshot, noun))}  # type: ignore[attr-defined]  # tuples of things by construction
        pending = {key: word for key, word in self.snapshot.pending.items() if key not in settled and key in present}
        self._publish(**changes, pending=pending, loaded=True, trouble="", retry_at=0.0)
        if self._died:
            self._look_again()

    def _look_again(self) -> None:
        """Ask again for containers that died and are listed as running, a few times."""
        running = {one.id for one in self.snapshot.containers if one.state.running}
        for key, tried in list(self._died.items()):
            if key not in running or tried == len(AGAIN):
                del self._died[key]
                continue
            self._died[key] = tried + 1

            def touch(key: str = key) -> None:
                self._touched.add(key)
                self._bell.set()

            asyncio.get_running_loop().call_later(AGAIN[tried], touch)

    async def _some(self, ids: Collection[str]) -> tuple[Container, ...]:
        """The containers as known, with these as the engine has them now."""
        fresh = {one.id: one for one in await self._engine.containers.list(all=True, filters={"id": tuple(ids)}) if one.id in ids}
        kept = [fresh.pop(one.id, one) for one in self.snapshot.containers if one.id in fresh or one.id not in ids]
        return (*fresh.values(), *kept)

    async def measure_volumes(self) -> None:
        if await self._volume_sizes.count(self.snapshot.volumes):
            self._publish(volumes=self._volume_sizes.sized([one.replace(size=-1) for one in self.snapshot.volumes]))

    async def _list(self, noun: Noun) -> tuple[object, ...]:
        match noun:
            case Noun.CONTAINERS:
                return tuple(await self._engine.containers.list(all=True, size=self._sizes))
            case Noun.IMAGES:
                return tuple(await self._engine.images.list())
            case Noun.VOLUMES:
                return self._volume_sizes.sized(await self._engine.volumes.list())
            case Noun.NETWORKS:
                return tuple(await self._engine.networks.list())

    def _publish(self, **changes: object) -> None:
        changed = self.snapshot.replace(**changes)
        if changed != self.snapshot:
            self.snapshot = changed
            self.answered.set()
            self._post(SnapshotChanged(changed))
