"""The name server of a container in a user-defined network: sockets on the loop, a process only while somebody asks."""

from __future__ import annotations

import fcntl
import os
import signal

from engine.linux import syscalls
from engine.store.roots import Roots
from engine.supervisor.loop import READ, Loop

_FIRST = 3
_SPARE = 64


class NameServer:
    """Watches the sockets that :func:`engine.network.nameserver.prepare` made, and has a child serve them.

    The descriptors stay the caller's. ``pid`` is the serving child, 0 without one.
    """

    def __init__(self, loop: Loop, roots: Roots, container_id: str, sockets: list[int]) -> None:
        self._loop = loop
        self._roots = roots
        self._id = container_id
        self._sockets = sockets
        self.pid = 0
        self._pidfd = -1
        self._watch()

    def _watch(self) -> None:
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
            _serve(self._roots, self._id, self._sockets, parent)
        self._forget()
        self.pid, self._pidfd = pid, os.pidfd_open(pid)
        self._loop.watch(self._pidfd, READ, self._left)

    def _left(self, _mask: int) -> None:
        self._reap()
        self._watch()

    def _reap(self) -> None:
        self._loop.forget(self._pidfd)
        os.close(self._pidfd)
        os.waitpid(self.pid, 0)
        self.pid, self._pidfd = 0, -1

    def close(self) -> None:
        """End it. Idempotent."""
        self._forget()
        if self.pid:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            self._reap()


def _serve(roots: Roots, container_id: str, sockets: list[int], parent: int) -> None:
    """The serving child's whole life; never returns."""
    try:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        for number, descriptor in enumerate(sockets):  # out of the way first: they may have the numbers they are to get
            sockets[number] = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _SPARE)
        for number, descriptor in enumerate(sockets):
            os.dup2(descriptor, _FIRST + number, inheritable=False)
        syscalls.close_range(_FIRST + len(sockets))
        if os.getppid() == parent:
            from engine.network import nameserver
            from engine.store.database import Database

            nameserver.serve(Database.of(roots), container_id, range(_FIRST, _FIRST + len(sockets)))
    except BaseException:
        import sys

        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
    finally:
        os._exit(0)
