"""How long the TUI's loop is ever blocked, with many rows and long logs: it owes a picture every 16 ms."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from tests.bench import probed as probes
from tests.bench.screen import Screen, running

WATCHED = 5.0
"""Seconds for what goes on by itself."""


class Probe:
    """A running scene and what it reports."""

    def __init__(self, screen: Screen, report: str) -> None:
        self.screen = screen
        self._report = report
        self._told = 0

    def show(self, title: str) -> None:
        """Print what the loop did since the last time."""
        found = self._tell()
        rounds = sorted(found["rounds"]) or [0.0]
        middle, high, most = rounds[len(rounds) // 2], rounds[len(rounds) * 99 // 100], rounds[-1]
        blocked, frames = sum(taken > 16 for taken in rounds), found["frames"]
        print(
            f"{title:<44} CPU of a round: median {middle:.2f} ms, 99 % {high:.1f} ms, most {most:.1f} ms, {blocked} of {len(rounds)} over 16 ms; "
            f"{frames} pictures, {1000 * found['cpu'] / max(1, frames):.1f} ms of CPU each; {found['resident'] / 1e6:.0f} MB",
            flush=True,
        )

    def forget(self) -> None:
        """Count from now on."""
        self._tell()

    def _tell(self) -> dict[str, Any]:
        os.kill(self.screen.pid, signal.SIGUSR1)
        self._told += 1
        deadline = time.monotonic() + 60
        while True:
            self.screen.rest(0.02)  # a terminal that nobody reads stops the program
            with contextlib.suppress(FileNotFoundError), open(self._report, encoding="utf-8") as file:
                lines = file.read().splitlines()
                if len(lines) == self._told:
                    return json.loads(lines[-1])  # type: ignore[no-any-return]
            assert time.monotonic() < deadline, "no report came"


@contextlib.contextmanager
def probed(scene: str, shows: str) -> Iterator[Probe]:
    """Run a scene until a text is there, and a little longer."""
    with tempfile.TemporaryDirectory() as folder:
        report = f"{folder}/report"
        if scene == "log":
            probes.write(folder)
        home = {"HOME": folder, "XDG_STATE_HOME": folder, "XDG_CONFIG_HOME": folder}
        with running([sys.executable, "-m", "tests.bench.probed", scene, report], {**os.environ, **home}) as screen:
            screen.until(shows)
            screen.rest(3)
            probe = Probe(screen, report)
            probe.forget()
            yield probe


def frames() -> None:
    """Every scene."""
    with probed("crowd", "one-00") as probe:
        probe.screen.rest(WATCHED)
        probe.show("200 containers, numbers, a log at full speed")
    with probed("rows", "one-00") as probe:
        _hold(probe.screen, "j", 2000)
        probe.show("cursor down through 2,000 rows")
        for _ in range(20):
            os.kill(probe.screen.pid, signal.SIGUSR2)
            probe.screen.rest(0.2)
        probe.show("one of 2,000 rows changes")
    with probed("log", "line number 9999999") as probe:
        probe.show("log of 10,000,000 lines, at its end")
        probe.screen.send("5\x1b[H")
        probe.screen.until("line number 0 ")
        probe.screen.rest(1)
        probe.show("the same: to its first line")
        probe.screen.send("\x1b[F")
        probe.screen.until("line number 9999999")
        probe.screen.rest(1)
        probe.show("the same: to its end")
        _hold(probe.screen, "\x1b[5~", 100)
        probe.show("the same: 100 pages up")
        probe.screen.send("/number 9000000\r")
        probe.screen.until("9000000", 300)
        probe.screen.rest(1)
        probe.show("the same: a search")
        probe.screen.send("\x1bf77777\r")
        probe.screen.rest(WATCHED)
        probe.show("the same: a filter")


def _hold(screen: Screen, key: str, times: int) -> None:
    """A key that is held down: 60 times a second, twice as fast as keyboards repeat it."""
    for _ in range(times):
        screen.send(key)
        screen.rest(1 / 60)
    screen.quiet(0.3, 20)
