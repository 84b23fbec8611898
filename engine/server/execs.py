"""Exec instances between ``create`` and the last question about them.

The engine creates and starts an exec at once; the API does it in two requests, and asks for the exit code in a third. So what
was asked for is kept here until it is started, and how it ended for a while after.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time

from engine.errors import NotFound, TooManyRequests
from engine.interface import Session
from engine.model.containers import ExecConfig

_KEPT = 300.0
"""Seconds for which an instance is known after its end, as dockerd keeps it."""
_MOST = 4096
_PATIENCE = 10.0
"""Seconds for which a size waits for its process, as in dockerd."""


class Exec:
    """One instance. ``exit_code`` is ``None`` until it has ended, or failed to start."""

    def __init__(self, container: str, config: ExecConfig, keys: str) -> None:
        self.id = os.urandom(32).hex()
        self.container = container
        self.config = config
        self.keys = keys
        self.session: Session | None = None
        self.started = False
        self.pid = 0
        self.exit_code: int | None = None
        self.ended_at: float | None = None
        self._settled = asyncio.Event()

    @property
    def running(self) -> bool:
        """Its process is there."""
        return self.started and self.ended_at is None

    def begin(self, session: Session) -> None:
        """Its process runs; ``session`` leads to it."""
        self.session = session
        self.pid = session.pid
        self._settled.set()

    async def begun(self) -> Session | None:
        """What leads to its process, once that runs; ``None`` when it has ended, or does not begin in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._settled.wait()
        return self.session

    def end(self, exit_code: int) -> None:
        """Record how it ended."""
        self.session = None
        self.exit_code = exit_code
        self.ended_at = time.monotonic()
        self._settled.set()


class Execs:
    """All instances that are known."""

    def __init__(self) -> None:
        self._known: dict[str, Exec] = {}

    def add(self, exec: Exec) -> None:
        """Know a new one.

        Raises:
            TooManyRequests: there are thousands that nobody starts or that do not end.
        """
        self._forget()
        if len(self._known) >= _MOST:
            raise TooManyRequests(f"there are {_MOST} exec instances already")
        self._known[exec.id] = exec

    def get(self, id: str) -> Exec:
        """An instance by its id, or a unique prefix of it. Raises NotFound."""
        found = self._known.get(id)
        if found is None:
            matching = [exec for known, exec in self._known.items() if len(id) >= 12 and known.startswith(id)]
            if len(matching) != 1:
                raise NotFound(f"No such exec instance: {id}")
            found = matching[0]
        return found

    def of(self, container: str) -> list[str]:
        """The ids of those that run in a container."""
        return [exec.id for exec in self._known.values() if exec.container == container and exec.running]

    def _forget(self) -> None:
        oldest = time.monotonic() - _KEPT
        self._known = {id: exec for id, exec in self._known.items() if exec.ended_at is None or exec.ended_at > oldest}
