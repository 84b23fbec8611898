"""``python -m tests.bench.probed SCENE REPORT``: the TUI over the fake engine, whose loop is watched from inside.

Each SIGUSR1 has one line of JSON added to REPORT: milliseconds of CPU of each round of the event loop since the last one, rounds that
did next to nothing left out; pictures that were drawn; CPU seconds; resident bytes. CPU and not the clock, so that what else the machine
does is not counted. The fake engine works in the same loop: its share is in the figures. Long logs and fast ones are real: the engine's own reader
reads them in threads.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import os
import pstats
import resource
import selectors
import signal
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import tui
from engine.backends.embedded.offload import Automatic
from engine.model.containers import ContainerStatus
from engine.model.streams import LogLine, LogQuery
from engine.store.logs.reader import LogReader
from engine.store.logs.writer import LogWriter
from tests.tui.fake import NOW, FakeEngine
from tui.app import LongshoreApp
from tui.config import Settings

IDLE = 0.05
"""Milliseconds up to which a round did nothing: a timer that was put off."""
LINES = 10_000_000
TOGETHER = 20


class Watched(selectors.EpollSelector):
    """Tells what was worked between two waits. ``rounds`` are milliseconds of CPU."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds: list[float] = []
        self._begun = time.thread_time()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        taken = 1000 * (time.thread_time() - self._begun)
        if taken > IDLE:
            self.rounds.append(taken)
        try:
            return super().select(timeout)
        finally:
            self._begun = time.thread_time()


class ProbedApp(LongshoreApp):
    """Counts its pictures, and keeps the engine at work."""

    CSS_PATH = os.path.join(os.path.dirname(tui.__file__), LongshoreApp.CSS_PATH)
    frames = 0
    engine: FakeEngine
    scene = folder = ""

    def _display(self, screen: Any, renderable: Any) -> None:
        self.frames += 1
        super()._display(screen, renderable)

    def on_ready(self) -> None:
        if self.scene == "crowd":
            self.run_worker(self._chatter(), exit_on_error=False)
        if self.scene == "rows":
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, lambda: self.run_worker(self._pause(), exit_on_error=False))

    async def _chatter(self) -> None:
        """100,000 lines a second of the first container."""
        log = LogWriter(self.folder)
        lines = b"".join(b"10.0.0.%d - - GET /api/v1/users?page=%d 200\n" % (index % 250, index) for index in range(2000))
        while True:
            log.write("stdout", lines, time.time_ns())
            await asyncio.sleep(0.02)

    async def _pause(self) -> None:
        """One container pauses, or goes on."""
        name = "one-0003"
        one = self.engine.containers.find(name)
        await (self.engine.containers.unpause if one.state.status is ContainerStatus.PAUSED else self.engine.containers.pause)(name)


def write(folder: str) -> None:
    """A log of :data:`LINES` lines, of which a container writes some at a time."""
    log, end = LogWriter(folder), time.time_ns()
    for first in range(0, LINES, TOGETHER):
        text = b"".join(b"line number %d of a long story\n" % line for line in range(first, first + TOGETHER))
        log.write("stdout", text, end - (LINES - first) * 1_000_000)
    log.close()


def made(scene: str, folder: str) -> FakeEngine:
    """An engine with what the scene needs; ``folder`` has the long log."""
    engine = FakeEngine()
    engine.add_image("busybox:latest")
    if scene == "log":
        _real(engine, engine.add("one", "busybox:latest", cpu=1, memory=1 << 20).id, LogReader(folder))
        return engine
    for number in range(200 if scene == "crowd" else 2000):
        engine.add(f"one-{number:03}" if scene == "crowd" else f"one-{number:04}", "busybox:latest", cpu=1 + number % 40, memory=1 << 24)
    if scene == "crowd":
        _real(engine, engine.containers.find("one-000").id, LogReader(folder), goes_on=True)
        engine.containers.stats = lambda id, *, stream=True: _ticking(engine, id)  # type: ignore[method-assign,assignment]
    return engine


def _real(engine: FakeEngine, container: str, reader: LogReader, *, goes_on: bool = False) -> None:
    """Have a container's log read from the disk."""
    threads, others = Automatic(), engine.containers.logs

    def logs(id: str, query: LogQuery) -> AsyncGenerator[Sequence[LogLine], None]:
        return threads.stream(lambda: reader.read(query, lambda: goes_on)) if id == container else others(id, query)

    engine.containers.logs = logs  # type: ignore[method-assign,assignment]


async def _ticking(engine: FakeEngine, container: str) -> Any:
    """Numbers of a container, each second."""
    one = engine.containers.find(container)
    samples = engine.containers.samples[one.id]
    place = 0
    while True:
        yield samples[place % len(samples)].replace(read_at=NOW + place)
        place += 1
        await asyncio.sleep(1)


def main() -> None:
    """Run a scene."""
    scene, report = sys.argv[1:]
    engine, watched = made(scene, os.path.dirname(report)), Watched()
    app = ProbedApp(engine, settings=Settings())
    app.engine, app.scene, app.folder = engine, scene, os.path.dirname(report)
    loop = asyncio.SelectorEventLoop(watched)
    asyncio.set_event_loop(loop)
    last = [0, time.process_time()]

    def tell() -> None:
        with open("/proc/self/statm", encoding="ascii") as file:
            resident = int(file.read().split()[1]) * resource.getpagesize()
        line = {"rounds": watched.rounds, "frames": app.frames - last[0], "cpu": time.process_time() - last[1], "resident": resident}
        with open(report, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        watched.rounds, last[:] = [], [app.frames, time.process_time()]

    loop.add_signal_handler(signal.SIGUSR1, tell)
    profile = cProfile.Profile() if os.environ.get("LONGSHORE_PROFILE") else None
    if profile is not None:
        profile.enable()
    app.run(loop=loop)
    if profile is not None:
        profile.disable()
        with open(os.environ["LONGSHORE_PROFILE"], "w", encoding="utf-8") as file:
            pstats.Stats(profile, stream=file).sort_stats("tottime").print_stats(40)


if __name__ == "__main__":
    main()
