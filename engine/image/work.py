"""The missing layers of one image, worked off in order by several threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from engine.registry.cancel import Cancel

THREADS = 6
"""Layers in hand at once: more than are downloaded, for those that wait until the layers below are unpacked."""


class LayerWork:
    """Hands out layers, lowest first, and keeps those above from asking for one that has not begun."""

    def __init__(self, chain: tuple[str, ...], missing: Sequence[int], cancel: Cancel) -> None:
        self.chain = chain
        self.cancel = cancel
        self._left = deque(missing)
        self._begun = {number: threading.Event() for number in missing}
        self._failures: list[BaseException] = []

    def begin(self, number: int) -> None:
        """The layer store knows of this layer: those above may wait for it there."""
        self._begun[number].set()

    def wait_for_lower(self, number: int) -> None:
        """Until the layer below has begun. Raises Cancelled."""
        lower = self._begun.get(number - 1)
        while lower is not None and not lower.wait(0.05):
            self.cancel.check()

    def run(self, job: Callable[[int], None]) -> None:
        """Call ``job`` with every number. The first failure cancels the others, and is raised when all have left."""
        threads = [
            threading.Thread(target=self._run, args=(job,), name=f"layer {number}", daemon=True)
            for number in range(min(THREADS, len(self._left)))
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        if self._failures:
            raise self._failures[0]
        self.cancel.check()

    def _run(self, job: Callable[[int], None]) -> None:
        try:
            while not self.cancel.thrown:
                job(self._left.popleft())
        except IndexError:
            pass
        except BaseException as error:
            self._failures.append(error)
            self.cancel.throw()
