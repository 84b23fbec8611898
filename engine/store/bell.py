"""How processes learn that the database changed, without polling: a file in the run root that is written to.

The database's own files will not do: SQLite publishes a commit in shared memory, after the write that inotify sees.
"""

from __future__ import annotations

import os
import select
from typing import Final

from engine.store import faults
from engine.store.roots import Roots

LONGEST: Final = 86_400.0
"""Seconds to wait at most: poll(2) and epoll_wait(2) count milliseconds in an int, and a timer may be a year away."""


def ring(roots: Roots) -> None:
    """Wake everybody who waits. Call it after the commit. A bell that can not be rung is not an error."""
    ring_path(roots.bell)


def ring_path(path: str) -> None:
    """:func:`ring` by the bell's path."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return  # the change itself is safe; a run root that went away has no listeners
    try:
        os.pwrite(handle, b"\n", 0)
    except OSError:
        pass
    finally:
        os.close(handle)


class Bell:
    """Waits for rings. Make it *before* reading the state that is to be watched, or a ring in between is lost.

    Raises:
        EngineFault: inotify is not to be had.
    """

    def __init__(self, roots: Roots) -> None:
        from engine.store.inotify import IN_MODIFY, Inotify

        path = roots.ensure().bell
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._inotify = Inotify()
        except OSError as error:
            raise faults.from_os(error, f"watch {path}") from error
        try:
            self._inotify.watch(path, IN_MODIFY)
        except OSError as error:
            self._inotify.close()
            raise faults.from_os(error, f"watch {path}") from error

    def fileno(self) -> int:
        """Readable when the bell rang."""
        return self._inotify.fd

    def wait(self, timeout: float | None = None, cancel_fd: int = -1) -> bool:
        """Wait for a ring since the last call: ``False`` after ``timeout`` seconds or a day, or when ``cancel_fd`` is readable."""
        ready = wait_readable((self._inotify.fd, cancel_fd), timeout)
        if cancel_fd in ready:
            return False
        if self._inotify.fd not in ready:
            return False
        self._inotify.drain()
        return True

    def close(self) -> None:
        """Stop listening. Idempotent; not while another thread waits: signal its ``cancel_fd`` first."""
        self._inotify.close()


def wait_readable(descriptors: tuple[int, ...], timeout: float | None) -> set[int]:
    """Those of ``descriptors`` (negative ones are ignored) that become readable within ``timeout`` seconds, or a day: none then."""
    poll = select.poll()
    for descriptor in descriptors:
        if descriptor >= 0:
            poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(None if timeout is None else max(0, int(min(timeout, LONGEST) * 1000 + 0.999)))}
