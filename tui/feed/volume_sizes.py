"""What each volume takes, which engines count only when they are asked, and not fast: it is asked for while volumes are looked at.

Sizes are those of ``docker system df -v``. They come behind the list, are kept with the volumes' names, and are counted again
after a while or for a volume that is new.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from engine.errors import LongshoreError
from engine.interface import Engine
from engine.model.volumes import Volume

FRESH = 60.0
"""Seconds that sizes are good for."""
PAUSE = 5.0
"""Seconds until they are counted again, although a volume's is not known: a driver may not tell."""


class VolumeSizes:
    """Counts, one at a time, and remembers."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._known: dict[str, int] = {}
        self._counted: float | None = None
        self._counting = asyncio.Lock()

    def sized(self, volumes: Sequence[Volume]) -> tuple[Volume, ...]:
        """The volumes with the sizes that are known."""
        return tuple(one if one.size >= 0 else one.replace(size=self._known.get(one.name, -1)) for one in volumes)

    async def count(self, volumes: Sequence[Volume]) -> bool:
        """Ask the engine, unless it was asked a short while ago: whether there is something new.

        An engine that does not answer leaves what is known.
        """
        if self._counting.locked() or not volumes:
            return False
        since = self._clock() - self._counted if self._counted is not None else FRESH
        if since < (FRESH if all(one.name in self._known for one in volumes) else PAUSE):
            return False
        async with self._counting:
            try:
                usage = await self._engine.system.disk_usage()
            except LongshoreError:
                return False
            finally:
                self._counted = self._clock()
            before, self._known = self._known, {one.name: one.size for one in usage.volumes if one.size >= 0}
            return before != self._known
