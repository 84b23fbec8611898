"""What handlers share, and what outlives a request."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from engine.interface import Engine, Session
from engine.server.execs import Execs


class Service:
    """One engine that is served.

    Attributes:
        execs: exec instances, from their creation on.
        terminals: attached sessions by container id; a container's size goes through any of them.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.execs = Execs()
        self.terminals: dict[str, list[Session]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that goes on when the request is answered."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Leave every process that we are connected to; the processes go on."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
