"""A log on the screen: follow its end, page anywhere else, search beyond what is loaded.

All through ``LogQuery``: the end is ``tail`` with ``follow``; older pages are ``tail`` with ``until``; newer ones
``since``, given up once a page is full; the first line is a query without bounds, given up likewise. So the first line
of a log of two million is as near as the last one. One operation at a time; a newer one replaces what runs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence

from textual.message import Message

from engine.errors import LongshoreError
from engine.interface import Engine
from engine.model.streams import LogBatch, LogLine, LogQuery
from tui.feed.log_window import LogWindow
from tui.messages import LogChanged

PAGE = 1000
FLUSH = 0.1
"""Seconds in which lines are collected before the screen is told again; also how long a trickle is left to gather."""
TRICKLE = 2000
"""Fewer lines than that at once are a trickle: to read each as it comes would wake a thread for each."""
BURST = 1000
"""Lines of a flood that are shown at a time: to lay out more keeps the screen waiting, and who scrolls up has the others loaded."""
PASSED = 20
"""Pages that are passed over at once; then somebody may be told how far it is."""
QUIET = 0.25
"""Seconds after which a log without a line counts as empty so far."""

Worth = Callable[[Sequence[LogLine]], bool]


def _always(_lines: Sequence[LogLine]) -> bool:
    return True


class Arrived:
    """Batches that came and are not shown yet. Of a flood those that will be seen no more are given up, and the rest is made late."""

    def __init__(self) -> None:
        self._batches: deque[Sequence[LogLine]] = deque()
        self._count = 0
        self._bounded = True
        self._whole = True

    def __bool__(self) -> bool:
        return bool(self._batches)

    def add(self, batch: Sequence[LogLine], *, bounded: bool) -> None:
        """One more; unless it is ``bounded``, everything is kept."""
        self._batches.append(batch)
        self._count += _least(batch)
        self._bounded = bounded
        while bounded and len(self._batches) > 1 and self._count - (first := _least(self._batches[0])) >= BURST:
            self._batches.popleft()
            self._count -= first
            self._whole = False

    def taken(self) -> tuple[list[LogLine], bool]:
        """The newest lines, and whether these are all that came."""
        first, *rest = self._batches
        over = self._count - BURST
        if self._bounded and over > 0 and isinstance(first, LogBatch):
            self._whole = False
            first = first.end(max(1, first.least - over))
        return [line for batch in (first, *rest) for line in batch], self._whole


def _least(batch: Sequence[LogLine]) -> int:
    return batch.least if isinstance(batch, LogBatch) else len(batch)


class LogFeed:
    """The log of one container.

    Attributes:
        window: what is loaded.
        following: new lines are added as they come.
        ended: the stream of new lines came to its end.
        error: why nothing can be read, ``""`` otherwise.
        ready: something was read, even if it was nothing.
    """

    def __init__(self, engine: Engine, container: str, post: Callable[[Message], object], *, tail: int = PAGE) -> None:
        self.window = LogWindow()
        self.following = False
        self.ended = False
        self.ready = False
        self.error = ""
        self._engine = engine
        self._container = container
        self._post = post
        self._tail = tail
        self._follower: asyncio.Task[None] | None = None
        self._telling: asyncio.TimerHandle | None = None
        self._waiting = Arrived()
        self._patient = False
        self._told_at: float | None = None
        self._opening: asyncio.Event | None = None

    async def close(self) -> None:
        """Give the stream up."""
        await self._unfollow()

    async def last(self) -> None:
        """Show the end and follow it. What was shown stays until the end is there, so that there is always something to scroll in."""
        await self.pause()
        self.ready = False
        self._opening = opening = asyncio.Event()
        self._follow(LogQuery(follow=True, tail=self._tail), skip=0)
        await opening.wait()

    async def pause(self) -> None:
        """Add no more lines: somebody reads."""
        if self.following:
            await self._unfollow()
            self.window.at_end = False

    async def first(self) -> None:
        """Show the beginning."""
        await self._unfollow()
        lines, complete = await self._read(LogQuery(), PAGE)
        self.window.replace(lines, at_start=True, at_end=complete)
        self._told()

    async def at(self, time: int) -> None:
        """Show what was written from a moment on; the end where nothing was."""
        await self._unfollow()
        lines, complete = await self._read(LogQuery(since=time), PAGE)
        if not lines:
            await self.last()
            return
        self.window.replace(lines, at_start=False, at_end=complete)
        if complete:
            self._follow(LogQuery(follow=True, since=lines[-1].time), skip=self.window.seen_after() or len(lines))
        self._told()

    async def older(self, count: int = PAGE, worth: Worth = _always) -> int:
        """Load lines before the window: how many. Of pages that are not ``worth`` to be shown, up to :data:`PASSED` are passed over."""
        total = 0
        for _ in range(PASSED):
            found = await self._page_back(count)
            if found is None:
                return total
            total += len(found)
            if not found or worth(found):
                break
        self._told()
        return total

    async def _page_back(self, count: int) -> Sequence[LogLine] | None:
        """Lines that were put before the window; ``None`` when there was no place to read them from."""
        window = self.window
        if window.at_start or not (window.entries or self._waiting):
            return None
        await self.pause()
        seen = window.seen_before()
        if seen is None:
            await self.first()
            return None
        wanted = seen + count
        until = window.entries[0].time
        lines, _ = await self._read(LogQuery(tail=wanted, until=until), wanted + 1)
        found = lines[: max(0, len(lines) - seen)]
        window.prepend(found, at_start=len(lines) < wanted)
        return found

    async def newer(self, count: int = PAGE, worth: Worth = _always) -> int:
        """Load lines after the window, and follow once its end is reached: how many. ``worth`` as :meth:`older` takes it."""
        total = 0
        for _ in range(PASSED):
            found = await self._page_on(count)
            if found is None:
                return total
            total += len(found)
            if self.window.at_end or worth(found):
                break
        self._told()
        return total

    async def _page_on(self, count: int) -> Sequence[LogLine] | None:
        """Lines that were put after the window; ``None`` when there was no place to read them from."""
        window = self.window
        if window.at_end or not window.entries:
            return None
        seen = window.seen_after()
        if seen is None:
            await self.last()
            return None
        since = window.entries[-1].time
        lines, complete = await self._read(LogQuery(since=since), seen + count)
        window.append(lines[seen:], at_end=complete)
        window.version += 1
        if complete:
            self._follow(LogQuery(follow=True, since=window.entries[-1].time), skip=window.seen_after() or 0)
        return lines[seen:]

    def lines(self, query: LogQuery) -> AsyncGenerator[Sequence[LogLine], None]:
        """The log's lines, where they come from; that of something else than a container overrides it."""
        return self._engine.containers.logs(self._container, query)

    async def _read(self, query: LogQuery, limit: int) -> tuple[list[LogLine], bool]:
        """At most ``limit`` lines, and whether these were all."""
        stream = self.lines(query)
        lines: list[LogLine] = []
        try:
            async for batch in stream:
                lines.extend(batch)
                if len(lines) > limit:
                    return lines[:limit], False
        except LongshoreError as error:
            self.error = error.message
        finally:
            await stream.aclose()
        self.ready = True
        return lines, True

    def _follow(self, query: LogQuery, *, skip: int) -> None:
        self.following, self.ended = True, False
        self._told_at = None
        if not self.ready:
            self._telling = asyncio.get_running_loop().call_later(QUIET, self._flush_and_tell)
            self._patient = True
        self._follower = asyncio.create_task(self._run(query, skip))

    async def _unfollow(self) -> None:
        task, self._follower = self._follower, None
        self.following = False
        self._cancel_telling()
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._flush()
        if self._opening is not None:
            self._opening.set()
            self._opening = None

    async def _run(self, query: LogQuery, skip: int) -> None:
        stream = self.lines(query)
        opening = query.tail or 0
        try:
            async for batch in stream:
                complete = 0 < opening <= len(batch)
                if opening > 0:
                    opening -= len(batch)
                if skip:
                    skip, batch = max(0, skip - len(batch)), batch[skip:]
                self._collect(batch)
                if complete:  # all that was asked for to begin with
                    self._cancel_telling()
                    self._flush_and_tell()
                trickle = opening <= 0 and _least(batch) < TRICKLE
                await asyncio.sleep(FLUSH if trickle else 0)  # a flood of lines must let the screen live
        except LongshoreError as error:
            self.error = error.message
        finally:
            await stream.aclose()
        self.ended = True
        self._cancel_telling()
        self._flush()
        self._told()

    def _collect(self, batch: Sequence[LogLine]) -> None:
        self._waiting.add(batch, bounded=self._opening is None)
        if self._telling is None or self._patient:
            self._cancel_telling()
            loop = asyncio.get_running_loop()
            if self._told_at is None:
                self._told_at = loop.time()
            self._telling = loop.call_at(max(loop.time(), self._told_at + FLUSH), self._flush_and_tell)

    def _cancel_telling(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        self._patient = False

    def _flush_and_tell(self) -> None:
        self._telling = None
        self._patient = False
        self._flush()
        self._told()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, Arrived()
        if not waiting:
            return
        lines, whole = waiting.taken()
        if self._opening is not None:
            self._opened(lines)
        elif whole:
            self.window.append(lines, at_end=True)
        else:
            self.window.replace(lines, at_start=False, at_end=True)

    def _opened(self, lines: Sequence[LogLine]) -> None:
        self.window.replace((), at_start=False, at_end=True)
        self.window.append(lines, at_end=True)
        if self._opening is not None:
            self._opening.set()
            self._opening = None

    def _told(self) -> None:
        if self._opening is not None:
            self._opened(())
        self.ready = True
        self._told_at = asyncio.get_running_loop().time()
        self._post(LogChanged())
