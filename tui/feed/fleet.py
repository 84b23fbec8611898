"""Several hosts in one list: a feed for each, whose snapshots are put together.

Each host is listed, followed and retried by itself, so that one that is lost keeps its last list and the others go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from textual.message import Message

from engine.interface import Engine
from engine.model.system import EngineInfo
from tui.feed.watch import Feed
from tui.messages import SnapshotChanged
from tui.snapshot import Noun, Snapshot
from tui.words import tr


class FleetFeed:
    """See :class:`tui.feed.watch.Watching`. ``members`` are engines by host, whose names and ids end in ``@HOST``."""

    def __init__(self, members: Mapping[str, Engine], post: Callable[[Message], object], *, sizes: bool = False) -> None:
        self.snapshot = Snapshot(hosts=tuple(members))
        self.answered = asyncio.Event()
        self._post = post
        self._feeds = {host: Feed(engine, partial(self._changed, host), sizes=sizes) for host, engine in members.items()}
        self._snapshots: dict[str, Snapshot] = {}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for feed in self._feeds.values():
                group.create_task(feed.run())

    def reload(self, nouns: Iterable[Noun] = tuple(Noun)) -> None:
        wanted = tuple(nouns)
        for feed in self._feeds.values():
            feed.reload(wanted)

    def count_sizes(self, wanted: bool) -> None:
        for feed in self._feeds.values():
            feed.count_sizes(wanted)

    async def measure_volumes(self) -> None:
        await asyncio.gather(*(feed.measure_volumes() for feed in self._feeds.values()))

    def mark(self, keys: Iterable[str], word: str) -> None:
        own: dict[str, list[str]] = {}
        for key in keys:
            own.setdefault(key.rpartition("@")[2], []).append(key)
        for host, marked in own.items():
            if host in self._feeds:
                self._feeds[host].mark(marked, word)

    def settle(self, key: str, noun: Noun) -> None:
        host = key.rpartition("@")[2]
        for feed in [self._feeds[host]] if host in self._feeds else self._feeds.values():
            feed.settle(key, noun)

    def _changed(self, host: str, message: Message) -> None:
        if not isinstance(message, SnapshotChanged):
            return
        self._snapshots[host] = message.snapshot
        if len(self._snapshots) < len(self._feeds) and not message.snapshot.loaded:
            return  # the others may answer yet
        self.snapshot = merged(tuple(self._feeds), self._snapshots)
        self.answered.set()
        self._post(SnapshotChanged(self.snapshot))


def merged(hosts: tuple[str, ...], snapshots: Mapping[str, Snapshot]) -> Snapshot:
    """The snapshots of several hosts as one. Those that do not answer are named, with the reason of each."""
    parts = [(host, snapshots[host]) for host in hosts if host in snapshots]
    lost = {host: part for host, part in parts if part.trouble}
    up = [part for host, part in parts if host not in lost and part.loaded]
    retries = [part.retry_at for part in lost.values() if part.retry_at]
    return Snapshot(
        containers=tuple(one for _, part in parts for one in part.containers),
        images=tuple(one for _, part in parts for one in part.images),
        volumes=tuple(one for _, part in parts for one in part.volumes),
        networks=tuple(one for _, part in parts for one in part.networks),
        info=EngineInfo(name="", engine=tr("{at} of {count}", at=len(up), count=len(hosts)), version=""),
        pending={key: word for _, part in parts for key, word in part.pending.items()},
        loaded=any(part.loaded for _, part in parts),
        trouble=" · ".join(f"{host}: {part.trouble.splitlines()[0]}" for host, part in lost.items()),
        retry_at=min(retries, default=0.0),
        hosts=hosts,
        lost=tuple(lost),
    )
