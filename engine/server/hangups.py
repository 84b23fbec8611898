"""Who has closed a connection altogether, not only the direction to us.

asyncio stops looking at a connection once its input has ended, and docker's clients end it while they wait for output. A client that
dies then would keep its place, a thread, and an ear at the container until the process writes something. The kernel tells
the difference (``EPOLLHUP``), and asyncio can look at an epoll descriptor as at any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select


class Hangups:
    """Watches descriptors for their peers' departure. Belongs to the running event loop."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        asyncio.get_running_loop().add_reader(self._poll.fileno(), self._told)

    async def wait(self, descriptor: int) -> None:
        """Return when the peer has closed both directions, or the connection broke."""
        copy = os.dup(descriptor)
        gone = self._waiting[copy] = asyncio.get_running_loop().create_future()
        try:
            self._poll.register(copy, select.EPOLLONESHOT)  # hang-ups and errors are told without asking
            await gone
        finally:
            del self._waiting[copy]
            with contextlib.suppress(OSError, ValueError):
                self._poll.unregister(copy)
            os.close(copy)

    def close(self) -> None:
        """Watch no more."""
        if not self._poll.closed:
            asyncio.get_running_loop().remove_reader(self._poll.fileno())
            self._poll.close()

    def _told(self) -> None:
        for descriptor, _ in self._poll.poll(0):
            waiting = self._waiting.get(descriptor)
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
