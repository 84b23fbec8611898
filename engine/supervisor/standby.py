"""Servers of a container that cost nothing until somebody asks: sockets on the loop, a process only while it is needed.

Its name server in user-defined networks (:mod:`engine.network.nameserver`), and what carries its published ports where the kernel
can not (:mod:`engine.network.proxy`).
"""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Sequence

from engine.linux import open_files, syscalls
from engine.network import nameserver, proxy
from engine.store.database import Database
from engine.store.roots import Roots
from engine.supervisor.loop import READ, Loop, Timer

_FIRST = 3
_SPARE = 64
_PAUSE = 1.0
"""Seconds after a child that failed: what it was for waits in the socket, and would bring the next one at once."""

Serve = Callable[[Roots, str, Sequence[int]], None]
"""Serve sockets of a container until nobody asks any more, in a process of its own."""


class Standby:
    """Watches sockets, and has a child serve them when one is readable.

    The descriptors stay the caller's. ``pid`` is the serving child, 0 without one.
    """

    def __init__(self, loop: Loop, roots: Roots, container_id: str, sockets: list[int], serve: Serve) -> None:
        self._loop = loop
        self._roots = roots
        self._id = container_id
        self._sockets = sockets
        self._serve = serve
        self.pid = 0
        self._pidfd = -1
        self._pause: Timer | None = None
        self._watch()

    def _watch(self) -> None:
        self._pause = None
        for descriptor in self._sockets:
            self._loop.watch(descriptor, READ, self._asked)

    def _forget(self) -> None:
        for descriptor in self._sockets:
            self._loop.forget(descriptor)

    def _asked(self, _mask: int) -> None:
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError:  # no room for a process: the question waits in the socket
            return
        if not pid:
            self._live(parent)
        self._forget()
        self.pid, self._pidfd = pid, os.pidfd_open(pid)
        self._loop.watch(self._pidfd, READ, self._left)

    def _live(self, parent: int) -> None:
        """The serving child's whole life; never returns."""
        sockets, status = list(self._sockets), 1
        try:
            syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
            open_files.allow_many()
            for number, descriptor in enumerate(sockets):  # out of the way first: they may have the numbers they are to get
                sockets[number] = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _SPARE + len(sockets))
            for number, descriptor in enumerate(sockets):
                os.dup2(descriptor, _FIRST + number, inheritable=False)
            syscalls.close_range(_FIRST + len(sockets))
            if os.getppid() == parent:
                self._serve(self._roots, self._id, range(_FIRST, _FIRST + len(sockets)))
            status = 0
        except BaseException:
            import sys

            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
        finally:
            os._exit(status)

    def _left(self, _mask: int) -> None:
        if self._reap():
            self._pause = self._loop.later(_PAUSE, self._watch)
        else:
            self._watch()

    def _reap(self) -> int:
        """The child's wait status."""
        self._loop.forget(self._pidfd)
        os.close(self._pidfd)
        _, status = os.waitpid(self.pid, 0)
        self.pid, self._pidfd = 0, -1
        return status

    def close(self) -> None:
        """End it; to be called before the sockets are closed. Idempotent."""
        self._forget()
        self._loop.cancel(self._pause)
        self._pause = None
        if self.pid:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            self._reap()


def serve_names(roots: Roots, container_id: str, sockets: Sequence[int]) -> None:
    """Answer questions for names."""
    nameserver.serve(Database.of(roots), container_id, sockets, netns=_netns(roots))


def serve_ports(roots: Roots, container_id: str, sockets: Sequence[int]) -> None:
    """Carry published ports."""
    proxy.serve(Database.of(roots), container_id, sockets, netns=_netns(roots))


def _netns(roots: Roots) -> str:
    """Where the networks of an ordinary user's engine are; root's are where we are."""
    return roots.netns if os.path.exists(roots.netns) else ""
