"""A container's health: a probe every interval, and what its result means.

::

    (interval) --> probe runs --> exit, or killed after the timeout --> judge --> (interval)

A probe is an exec whose output nobody but inspect sees. Source: moby ``daemon/health.go``.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Final

from engine.errors import LongshoreError
from engine.model.containers import ExecConfig
from engine.model.health import HEALTHY, STARTING, UNHEALTHY, Healthcheck, HealthProbe, go_duration
from engine.store import codec
from engine.supervisor.child import Child
from engine.supervisor.loop import READ, Loop, Timer
from engine.supervisor.office import Office
from engine.supervisor.streams import Audience

INTERVAL: Final = 30.0
TIMEOUT: Final = 30.0
START_INTERVAL: Final = 5.0
RETRIES: Final = 3
OUTPUT_LIMIT: Final = 4096

Tell = list[tuple[str, dict[str, str]]]
Found = Callable[[HealthProbe, str, int, Tell], None]


def judge(check: Healthcheck, status: str, streak: int, *, exit_code: int, age: float) -> tuple[str, int]:
    """Status and failures in a row after a probe that began ``age`` seconds after the container."""
    if exit_code == 0:
        return HEALTHY, 0
    if status == STARTING and age < check.start_period:
        return status, streak
    streak += 1
    return (UNHEALTHY if streak >= (check.retries if check.retries > 0 else RETRIES) else status), streak


def pause_before(check: Healthcheck, status: str, *, age: float) -> float:
    """Seconds until the next probe of a container that is ``age`` seconds old."""
    interval = check.interval or INTERVAL
    if status == STARTING and age < check.start_period:
        return check.start_interval or min(START_INTERVAL, interval)
    return interval


class Monitor:
    """Probes one run of a container. ``found(probe, status, streak, events)`` is told every result, and ``status()`` is asked.

    It begins with :meth:`resume`. ``check.test`` is the command itself.
    """

    def __init__(self, loop: Loop, office: Office, check: Healthcheck, pid: int, *, status: Callable[[], str], found: Found) -> None:
        self._loop = loop
        self._office = office
        self._check = check
        self._pid = pid
        self._status = status
        self._found = found
        self._born = time.time()
        self._streak = 0
        self._timer: Timer | None = None
        self._child: Child | None = None
        self._suspended = True
        self._discard = False
        self._late = False
        self._id = ""
        self._started = 0.0
        self._output = bytearray()

    @property
    def pid(self) -> int:
        """The probe's process, 0 while there is none."""
        return self._child.pid if self._child else 0

    def resume(self) -> None:
        """Probe, from one interval on. Idempotent."""
        if self._suspended:
            self._suspended = False
            self._wait()

    def suspend(self) -> None:
        """Probe no more; a probe that runs is killed and says nothing. Idempotent."""
        self._suspended = True
        self._loop.cancel(self._timer)
        if self._child is not None:
            self._discard = True
            self._child.signal(signal.SIGKILL)

    def end(self) -> None:
        """The container has ended, and with it the probe."""
        self.suspend()
        if self._child is not None:
            self._ended()

    def _wait(self) -> None:
        if not self._suspended and self._child is None:
            pause = pause_before(self._check, self._status(), age=time.time() - self._born)
            self._timer = self._loop.later(pause, self._probe)

    def _probe(self) -> None:
        self._id, self._started = os.urandom(32).hex(), time.time()
        self._output.clear()
        self._late = self._discard = False
        config = codec.encode(ExecConfig(cmd=self._check.test))
        try:
            answer, descriptors = self._office.send("exec", pid=self._pid, exec=self._id, config=config)
        except LongshoreError as error:
            self._report(-1, error.message, [])
            return
        self._child = Child(self._loop, answer, descriptors, audience=Audience(), sink=self._collect)
        self._loop.watch(self._child.pidfd, READ, lambda _mask: self._ended())
        self._timer = self._loop.later(self._check.timeout or TIMEOUT, self._too_long)

    def _collect(self, _kind: int, chunk: bytes) -> None:
        if len(self._output) <= OUTPUT_LIMIT:
            self._output += chunk[: OUTPUT_LIMIT + 1 - len(self._output)]

    def _too_long(self) -> None:
        if self._child is not None:
            self._late = True
            self._child.signal(signal.SIGKILL)

    def _ended(self) -> None:
        child, self._child = self._child, None
        assert child is not None
        self._loop.cancel(self._timer)
        code = child.reap()
        if self._discard:
            self._wait()
            return
        output = self._output[:OUTPUT_LIMIT].decode(errors="replace") + ("..." if len(self._output) > OUTPUT_LIMIT else "")
        told: Tell = [("exec_die", {"execID": self._id, "exitCode": str(code)})]
        if self._late:
            limit = f"Health check exceeded timeout ({go_duration(self._check.timeout or TIMEOUT)})"
            self._report(-1, f"{limit}: {output}" if output else limit, told)
        else:
            self._report(code, output, told)

    def _report(self, code: int, output: str, told: Tell) -> None:
        probe = HealthProbe(started_at=self._started, finished_at=time.time(), exit_code=code, output=output)
        status, self._streak = judge(self._check, self._status(), self._streak, exit_code=code, age=self._started - self._born)
        self._found(probe, status, self._streak, told)
        self._wait()
