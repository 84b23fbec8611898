"""The supervisor's event loop: epoll and timers, nothing else.

asyncio would cost ten MiB in every supervisor. Without timers the loop sleeps in the kernel until a descriptor has
something: an idle container costs no wake-up.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import Final

from engine.store.bell import LONGEST

READ: Final = select.EPOLLIN
WRITE: Final = select.EPOLLOUT

Callback = Callable[[int], None]


class Timer:
    """A call at a point of :func:`time.monotonic`."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due = due
        self.call = call


class Loop:
    """Calls back when descriptors are ready and timers are due. Hang-ups and errors count as ready."""

    __slots__ = ("_callbacks", "_epoll", "_running", "_timers")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callback] = {}
        self._timers: list[Timer] = []
        self._running = False

    def watch(self, fd: int, events: int, callback: Callback) -> None:
        """Call ``callback(mask)`` whenever one of ``events`` is ready; replaces an earlier watch of ``fd``."""
        if fd in self._callbacks:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
        self._callbacks[fd] = callback

    def forget(self, fd: int) -> None:
        """Stop watching ``fd``; call it before the descriptor is closed. Idempotent."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call once in ``seconds``."""
        timer = Timer(time.monotonic() + seconds, call)
        self._timers.append(timer)
        return timer

    def cancel(self, timer: Timer | None) -> None:
        """Forget a timer. Idempotent."""
        if timer in self._timers:
            self._timers.remove(timer)

    def stop(self) -> None:
        """Leave :meth:`run` after the callbacks of this round."""
        self._running = False

    def run(self) -> None:
        """Serve until :meth:`stop`."""
        self._running = True
        while self._running:
            self.once()

    def once(self) -> None:
        """Wait for something and call what is due."""
        for fd, mask in self._epoll.poll(self._wait()):
            callback = self._callbacks.get(fd)
            if callback is not None:  # an earlier callback of this round may have forgotten it
                callback(mask)
        if self._timers:
            now = time.monotonic()
            for timer in [timer for timer in self._timers if timer.due <= now]:
                if timer in self._timers:
                    self._timers.remove(timer)
                    timer.call()

    def close(self) -> None:
        """Give the epoll descriptor back."""
        self._epoll.close()

    def _wait(self) -> float:
        if not self._timers:
            return -1
        return min(LONGEST, max(0.0, min(timer.due for timer in self._timers) - time.monotonic()))
