"""Several logs as one, ordered by time, or only the lines of a log that a filter keeps.

::

    reader a  ──older──▶ held ─┐
    reader b  ──older──▶ held ─┤ what is not older than the oldest that every reader has seen ──▶ window
    follower a ─▶ waiting ─────┤ sorted; a moment's patience for lines that are still on their way
    follower b ─▶ waiting ─────┘

Each container is read in pages by time, whose bounds are inclusive while many lines share one time, so a reader counts
how many lines of its outermost time it has seen. Lines that a filter does not keep are dropped as they come in: a filter
over millions of lines costs the lines that it finds. A line in several pieces that lie on two pages is held against the
filter in two parts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

from textual.message import Message

from engine.errors import LongshoreError
from engine.interface import Engine
from engine.model.streams import LogLine, LogQuery
from tui.feed.log_window import LogWindow
from tui.messages import LogChanged
from tui.snapshot import MixedLine

PAGE = 1000
STEP = 4000
"""Lines that a reader asks for at once."""
BUDGET = 200_000
"""Lines that are looked at before the rest waits until somebody scrolls on."""
SHARE = 20_000
"""Lines that are looked at before what was found so far is shown."""
TURN = 500
"""Lines that are held against a filter before the screen has its turn."""
FLUSH = 0.1

Keep = Callable[[bytes], bool]
Lines = Callable[[str, LogQuery], AsyncGenerator[Sequence[LogLine], None]]
"""Opens a log by its id."""


class _Reader:
    """Reads one container's log page by page in one direction.

    Attributes:
        edge: time of the outermost line that was read, None before the first page; ``seen`` lines have it.
        done: there is nothing beyond.
        held: lines that may not be shown yet, because another log could have some in between.
        newest: time of the very last line and how many lines have it, as far as this reader saw it.
    """

    def __init__(self, lines: Lines, container: str, source: int, *, back: bool, edge: int | None = None, known: int = 0) -> None:
        self.container, self.source = container, source
        self.edge = edge
        self.done = False
        self.held: list[MixedLine] = []
        self.newest: tuple[int, int] | None = None
        self._lines = lines
        self._back = back
        self.seen = 0
        self._known = known
        self._known_at = edge

    async def more(self, count: int, keep: Keep | None) -> int:
        """Read on; what is kept goes to :attr:`held`. How many lines were looked at."""
        limit = self.seen + count
        query = LogQuery(tail=limit, until=self.edge) if self._back else LogQuery(since=self.edge)
        lines, complete = await self._read(query, limit)
        if self._back:
            self.done = len(lines) < limit
            fresh = lines[: max(0, len(lines) - self.seen)]
        else:
            self.done = complete
            fresh = lines[self.seen :]
        if not fresh:
            self.done = True
            return 0
        if self._back and self.newest is None:
            self.newest = (fresh[-1].time, _run(fresh[::-1]))
        outermost = fresh if self._back else fresh[::-1]
        self.seen = _run(outermost) + (self.seen if outermost[0].time == self.edge else 0)
        self.edge = outermost[0].time
        kept: list[LogLine] = [] if keep is not None else fresh
        for start in range(0, len(fresh) if keep is not None else 0, TURN):
            kept += [line for line in fresh[start : start + TURN] if keep is None or keep(line.data)]
            await asyncio.sleep(0)
        self._hold(kept)
        return len(fresh)

    def _hold(self, lines: list[LogLine]) -> None:
        """Keep lines, without those of the very first edge that are in the window already."""
        while self._known and lines and (lines[-1] if self._back else lines[0]).time == self._known_at:
            lines.pop(-1 if self._back else 0)
            self._known -= 1
        mixed = [_mixed(line, self.source) for line in lines]
        self.held = mixed + self.held if self._back else self.held + mixed

    async def _read(self, query: LogQuery, limit: int) -> tuple[list[LogLine], bool]:
        stream = self._lines(self.container, query)
        lines: list[LogLine] = []
        try:
            async for batch in stream:
                lines.extend(batch)
                if len(lines) > limit and not self._back:
                    return lines[:limit], False
        finally:
            await stream.aclose()
        return lines, True


def _mixed(line: LogLine, source: int) -> MixedLine:
    """The line with the number of its log, unless it came with one."""
    return line if isinstance(line, MixedLine) else MixedLine(time=line.time, stream=line.stream, data=line.data, source=source)


def _unseen(lines: Sequence[LogLine], time: int, seen: int) -> tuple[list[LogLine], int]:
    """The lines without the first ``seen`` of a time up to which all is shown already, and how many of those did not come yet.

    They need not come first: what follows several tasks of a service brings the lines of one before those of another.
    """
    fresh: list[LogLine] = []
    for line in lines:
        if seen and line.time <= time:
            seen -= 1
        else:
            fresh.append(line)
    return fresh, seen


def _run(lines: Sequence[LogLine]) -> int:
    """How many lines at the beginning share one time."""
    return next((index for index, line in enumerate(lines) if line.time != lines[0].time), len(lines))


class MixedLog:
    """The log of some containers, with the same face as :class:`tui.feed.logs.LogFeed`.

    Attributes:
        looked: how many lines the last request looked at.
    """

    def __init__(
        self,
        engine: Engine,
        containers: Sequence[str],
        post: Callable[[Message], object],
        *,
        tail: int = PAGE,
        keep: Keep | None = None,
        lines: Lines | None = None,
    ) -> None:
        """With ``lines`` other logs than those of containers are read; lines of one log may then come from several sources."""
        self.window = LogWindow()
        self.following = self.ended = self.ready = False
        self.error = ""
        self.looked = 0
        self._lines, self._containers, self._post = lines or engine.containers.logs, tuple(containers), post
        self._tail, self._keep = tail, keep
        self._back: list[_Reader] = []
        self._forward: list[_Reader] = []
        self._followers: list[asyncio.Task[None]] = []
        self._waiting: list[MixedLine] = []
        self._ripe: list[MixedLine] = []
        self._telling: asyncio.TimerHandle | None = None
        self._turn = 0

    @property
    def reached(self) -> int | None:
        """The time down to which every line was looked at, None where that is the beginning of all logs."""
        return max((reader.edge for reader in self._back if reader.edge is not None and not reader.done), default=None)

    async def close(self) -> None:
        """Give all streams up."""
        self._turn += 1  # whatever is being read for an earlier wish stops after its page
        tasks, self._followers = self._followers, []
        self.following = False
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._waiting, self._ripe = [], []

    async def pause(self) -> None:
        """Add no more lines: somebody reads."""
        if self.following:
            await self.close()
            self.window.at_end = False
            self._forward = []

    async def last(self) -> None:
        """Show the end and follow it. What was shown stays until there is something of the end."""
        await self.close()
        self._forward = []
        self._back = [_Reader(self._lines, one, index, back=True) for index, one in enumerate(self._containers)]
        window = LogWindow()
        window.version = self.window.version
        window.replace((), at_start=False, at_end=True)
        turn, looked = self._turn, 0
        while len(window.entries) < self._tail and not window.at_start and looked < BUDGET and turn == self._turn:
            await self._fill_back(self._tail - len(window.entries), window)
            looked += max(1, self.looked)
            if self._keep is not None and turn == self._turn:
                self.window = window
                self._told()
        if turn != self._turn:
            return
        self.window = window
        self._follow({reader.source: reader.newest for reader in self._back})
        self._told()

    async def first(self) -> None:
        """Show the beginning."""
        await self.at(None)

    async def at(self, time: int | None) -> None:
        """Show what was written from a moment on; None is the beginning."""
        await self.close()
        self._back = [] if time is not None else self._exhausted()
        self._forward = [_Reader(self._lines, one, index, back=False, edge=time) for index, one in enumerate(self._containers)]
        self.window.replace((), at_start=time is None, at_end=False)
        await self.newer()

    async def older(self, count: int = PAGE) -> int:
        """Load lines before the window: how many."""
        await self.pause()
        if self.window.at_start or not (self.window.entries or self._back):
            return 0
        if not self._back:
            self._back = self._readers(back=True)
        found = looked = 0
        turn = self._turn
        while not found and not self.window.at_start and looked < BUDGET and turn == self._turn:
            found = await self._fill_back(count, self.window)
            looked += max(1, self.looked)
        self._told()
        return found

    async def newer(self, count: int = PAGE) -> int:
        """Load lines after the window, and follow once its end is reached: how many."""
        if self.window.at_end or not (self.window.entries or self._forward):
            return 0
        if not self._forward:
            self._forward = self._readers(back=False)
        found = looked = 0
        turn = self._turn
        while not found and not self.window.at_end and looked < BUDGET and turn == self._turn:
            found = await self._fill_forward(count)
            looked += max(1, self.looked)
        self._told()
        return found

    def _exhausted(self) -> list[_Reader]:
        readers = [_Reader(self._lines, one, index, back=True) for index, one in enumerate(self._containers)]
        for reader in readers:
            reader.done = True
        return readers

    def _readers(self, *, back: bool) -> list[_Reader]:
        """Readers that go on where the window ends, after it was cut there or was filled from elsewhere."""
        entries = self.window.entries
        edge = (entries[0] if back else entries[-1]).time
        known = [0] * len(self._containers)
        for entry in entries if back else reversed(entries):
            if entry.time != edge:
                break
            known[entry.source if isinstance(entry, MixedLine) and len(known) > 1 else 0] += 1
        return [_Reader(self._lines, one, index, back=back, edge=edge, known=known[index]) for index, one in enumerate(self._containers)]

    async def _fill_back(self, count: int, window: LogWindow) -> int:
        ready = await self._collect(self._back, count, back=True)
        complete = all(reader.done and not reader.held for reader in self._back)
        length = len(window.entries)
        window.prepend(ready, at_start=complete)
        window.version += 1
        if len(window.entries) < length + len(ready):  # the newest lines had to go
            self._forward = []
        return len(ready)

    async def _fill_forward(self, count: int) -> int:
        ready = await self._collect(self._forward, count, back=False)
        complete = all(reader.done and not reader.held for reader in self._forward)
        length = len(self.window.entries)
        self.window.append(ready, at_end=complete)
        self.window.version += 1
        if len(self.window.entries) < length + len(ready):
            self._back = []
        if complete and not self.following:
            self._follow({reader.source: (reader.edge, reader.seen) if reader.edge is not None else None for reader in self._forward})
        return len(ready)

    async def _collect(self, readers: Sequence[_Reader], count: int, *, back: bool) -> list[MixedLine]:
        """Read until so many lines can be shown, there is no more, or the budget is used up."""
        self.looked, turn = 0, self._turn
        while True:
            open_ones = [reader for reader in readers if not reader.done]
            unread = [reader for reader in open_ones if not reader.seen]
            if unread:
                await self._read_on(unread[0], max(200, count // len(readers)))
                continue
            edges = [reader.edge or 0 for reader in open_ones]
            bound = (max(edges) if back else min(edges)) if edges else None
            enough = sum(_showable(reader, bound, back=back) for reader in readers) >= count
            if not edges or enough or self.looked >= SHARE or turn != self._turn:
                break
            limiting = next(reader for reader in open_ones if (reader.edge or 0) == bound)
            await self._read_on(limiting, PAGE)
            await asyncio.sleep(0)
        self.ready = True
        return _take(readers, bound, back=back)

    async def _read_on(self, reader: _Reader, count: int) -> None:
        """Read a page of one log; one that can not be read is left out, and :attr:`error` says why."""
        try:
            self.looked += await reader.more(count if self._keep is None else STEP, self._keep)
        except LongshoreError as error:
            self.error = error.message
            reader.done = True

    def _follow(self, since: dict[int, tuple[int, int] | None]) -> None:
        self.following, self.ended = True, False
        self._followers = [
            asyncio.create_task(self._run(container, source, since.get(source))) for source, container in enumerate(self._containers)
        ]

    async def _run(self, container: str, source: int, since: tuple[int, int] | None) -> None:
        skip = since[1] if since else 0
        stream = self._lines(container, LogQuery(follow=True, since=since[0] if since else None))
        try:
            async for batch in stream:
                fresh: Sequence[LogLine] = batch
                if skip and since is not None:
                    fresh, skip = _unseen(batch, since[0], skip)
                self._waiting += [_mixed(line, source) for line in fresh if self._keep is None or self._keep(line.data)]
                if self._waiting and self._telling is None:
                    self._telling = asyncio.get_running_loop().call_later(FLUSH, self._flush)
                await asyncio.sleep(0)  # a flood of lines must let the screen live
        except LongshoreError as error:
            self.error = error.message
        finally:
            await stream.aclose()
        if all(task.done() or task is asyncio.current_task() for task in self._followers):
            self.ended = True
            self._told()

    def _flush(self) -> None:
        """Add what waited for a whole turn, and what belongs before it."""
        self._telling = None
        ripe, fresh = self._ripe, self._waiting
        edge = max((line.time for line in ripe), default=-1)
        ripe += [line for line in fresh if line.time <= edge]
        self._ripe, self._waiting = [line for line in fresh if line.time > edge], []
        if self._ripe:
            self._telling = asyncio.get_running_loop().call_later(FLUSH, self._flush)
        if not ripe:
            return
        ripe.sort(key=lambda line: line.time)
        entries = self.window.entries
        length = len(entries)
        if entries and ripe[0].time < entries[-1].time:  # late all the same: put it where it belongs
            everything = sorted([*entries, *ripe], key=lambda line: line.time)
            self.window.replace(everything, at_start=self.window.at_start, at_end=True)
            self.window.append((), at_end=True)
        else:
            self.window.append(ripe, at_end=True)
        if len(self.window.entries) < length + len(ripe):  # the oldest lines had to go
            self._back = []
        self._told()

    def _told(self) -> None:
        self.ready = True
        self._post(LogChanged())


def _showable(reader: _Reader, bound: int | None, *, back: bool) -> int:
    if bound is None:
        return len(reader.held)
    return sum(line.time >= bound if back else line.time <= bound for line in reader.held)


def _take(readers: Sequence[_Reader], bound: int | None, *, back: bool) -> list[MixedLine]:
    """What no log can put anything between any more, out of what the readers hold, by time."""
    taken: list[MixedLine] = []
    for reader in readers:
        held = reader.held
        ready = [line for line in held if bound is None or (line.time >= bound if back else line.time <= bound)]
        reader.held = [] if bound is None else [line for line in held if not (line.time >= bound if back else line.time <= bound)]
        taken += ready
    return sorted(taken, key=lambda line: line.time)
