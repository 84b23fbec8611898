"""When streams of samples are due, and that those of many containers are taken together."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from engine.backends.embedded.live import next_due
from engine.backends.embedded.offload import Threads
from engine.backends.embedded.rounds import TOGETHER
from engine.errors import NotFound


def test_streams_begun_apart_are_due_together() -> None:
    assert next_due(100.6) == next_due(101.0) == next_due(101.4) == 102.0


def test_a_stream_that_was_woken_a_little_late_keeps_to_a_sample_a_second() -> None:
    due = next_due(100.6)
    for late in (0.0, 0.01, 0.4, 0.0):
        assert next_due(due + late) == due + 1.0
        due = next_due(due + late)


def test_two_samples_are_never_so_near_that_the_share_of_the_cpu_says_nothing() -> None:
    for hundredth in range(300):
        now = 100 + hundredth / 100
        assert 0.5 <= next_due(now) - now + 1e-9 <= 1.5 + 1e-6


class Clockwork:
    """A paced source: a number each time that it is due; the thread that took it is remembered."""

    def __init__(self, due: float, *, every: float, broken: bool = False) -> None:
        self.due, self._every, self._broken = due, every, broken
        self.taken: list[tuple[float, int]] = []
        self.closed = 0

    def next(self) -> int | None:
        raise AssertionError("nobody waits in a thread")

    def take(self) -> int | None:
        self.taken.append((time.monotonic(), threading.get_ident()))
        self.due += self._every
        if self._broken:
            raise NotFound("gone")
        return len(self.taken) if len(self.taken) < 4 else None

    def close(self) -> None:
        self.closed += 1


async def test_what_is_due_together_is_taken_in_one_visit_to_a_thread() -> None:
    offload = Threads()
    sources = [Clockwork(time.monotonic(), every=0) for _ in range(20)]
    streams = [offload.paced(lambda source=source: source) for source in sources]  # type: ignore[misc]
    assert await asyncio.gather(*map(anext, streams)) == [1] * 20  # opens them, one sooner than another
    for turn in (2, 3):
        due = time.monotonic() + 0.05
        for source in sources:
            source.due = due
        assert await asyncio.gather(*map(anext, streams)) == [turn] * 20
        moments = [source.taken[-1] for source in sources]
        assert all(at >= due - TOGETHER for at, _ in moments)
        assert len({thread for _, thread in moments}) == 1, "one thread took from all of them"
    for stream in streams:
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
    assert [len(source.taken) for source in sources] == [4] * 20 and all(source.closed == 1 for source in sources)
    offload.close()


async def test_one_that_fails_or_gives_up_holds_nobody_back() -> None:
    offload = Threads()
    start = time.monotonic() + 0.05
    good, broken = (Clockwork(start, every=0.02, broken=bad) for bad in (False, True))
    early = Clockwork(start + 1000, every=1)
    streams = [offload.paced(lambda source=source: source) for source in (good, broken, early)]  # type: ignore[misc]
    waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
    await asyncio.sleep(0.01)
    waiting[2].cancel()
    assert await waiting[0] == 1
    with pytest.raises(NotFound):
        await waiting[1]
    await asyncio.wait([waiting[2]])
    assert early.closed == 1 and not early.taken
    assert await anext(streams[0]) == 2
    await streams[0].aclose()
    assert good.closed == 1
    offload.close()


def test_an_engine_that_outlives_an_event_loop_serves_the_next_one() -> None:
    offload = Threads()

    async def first() -> None:
        stream = offload.paced(lambda: Clockwork(time.monotonic() + 1000, every=1))
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait([waiting])

    async def second() -> int:
        return await anext(offload.paced(lambda: Clockwork(time.monotonic(), every=1)))

    asyncio.run(first())
    assert asyncio.run(asyncio.wait_for(second(), 30)) == 1
    offload.close()
