"""Cancelling work that blocks in other threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engine.errors import Cancelled


class Cancel:
    """A switch that is thrown once, by any thread; what blocks registers how it can be woken."""

    def __init__(self) -> None:
        self._thrown = threading.Event()
        self._lock = threading.Lock()
        self._wakers: list[Callable[[], None]] = []

    @property
    def thrown(self) -> bool:
        """Somebody has cancelled."""
        return self._thrown.is_set()

    def check(self) -> None:
        """Raises Cancelled once it has been thrown."""
        if self._thrown.is_set():
            raise Cancelled("cancelled")

    def pause(self, seconds: float) -> None:
        """Sleep. Raises Cancelled as soon as it is thrown."""
        if self._thrown.wait(seconds):
            raise Cancelled("cancelled")

    @contextmanager
    def waking(self, waker: Callable[[], None]) -> Iterator[None]:
        """Have ``waker`` called, from the cancelling thread, when it is thrown inside of the block.

        Raises:
            Cancelled: it has been thrown before.
        """
        with self._lock:
            self.check()
            self._wakers.append(waker)
        try:
            yield
        finally:
            with self._lock:
                self._wakers.remove(waker)

    def throw(self) -> None:
        """Cancel. Idempotent."""
        with self._lock:
            self._thrown.set()
            wakers = tuple(self._wakers)
        for waker in wakers:
            waker()
