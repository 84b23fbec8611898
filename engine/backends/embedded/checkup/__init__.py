"""``system check``: everything that the engine keeps is looked at, and mended where that is safe.

::

    database     integrity_check, foreign keys
      |                                               shared images lock: nothing is collected below us, pulls go on
    blobs        each is read and digested            |
    layers       each is unpacked again and compared  |
    images       manifest, config, layers are there   |
      |                                               exclusive images lock, if nobody pulls: else this is left out
    leftovers    what no image needs, half-made things|
      |
    containers, volumes, networks, control groups, mounts

A blob that is wrong is removed, so that the next pull brings it again. A layer is replaced by what its blob unpacks to, while the locks of
all containers that stand on it are held: one that runs keeps what it has mounted, and the finding remains. What a person made (a
volume's files, what a container has written) is never removed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from threading import Event, Lock

from engine.backends.embedded.checkup import blobs, containers, database, images, kernel, layers, leftovers, volumes
from engine.backends.embedded.checkup.visit import Visit
from engine.backends.embedded.core import Core
from engine.errors import Cancelled
from engine.image.catalog import lock_path
from engine.model.check import CheckEvent, Finding, Outcome
from engine.store.layout import publish
from engine.store.locks import Lock as FileLock


class Checkup:
    """A check under way (``Source[CheckEvent]``)."""

    def __init__(self, core: Core, *, repair: bool) -> None:
        self._stopped = Event()
        self._turn = Lock()
        self._visit = Visit(core, repair=repair, stop=self._stopped.is_set)
        self._events = _events(self._visit)

    def next(self) -> CheckEvent | None:
        """The next event; ``None`` at the end. Raises what keeps it from going on."""
        with self._turn:
            if self._stopped.is_set():
                return None
            try:
                return next(self._events, None)
            except Cancelled:
                return None

    def close(self) -> None:
        """Stop; what is being mended is finished first."""
        self._stopped.set()
        with self._turn, contextlib.suppress(Cancelled):
            self._events.close()
            self._visit.close()


def _events(visit: Visit) -> Generator[CheckEvent, None, None]:
    mended = False
    for stage in (database.look, _store, leftovers.look, containers.look, volumes.look, kernel.look):
        for event in stage(visit):
            mended |= isinstance(event, Finding) and event.outcome is Outcome.MENDED
            yield event
    if mended:
        publish(visit.core.roots, visit.core.database)


def _store(visit: Visit) -> Iterator[CheckEvent]:
    """Blobs, layers and images, while nothing is collected."""
    lock = FileLock(lock_path(visit.core.roots.ensure())).shared()
    try:
        for stage in (blobs.look, layers.look, images.look):
            yield from stage(visit)
    finally:
        lock.release()
