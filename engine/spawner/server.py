"""The spawner process: keep one forked child ready, and replace it whenever it was taken.

::

    client ──connect──▶ spare: accept, TAKEN, and it is the supervisor that was asked for
                          │ "taken"
                          ▼
                        spawner: fork the next spare          spawner gone: the spare sees its end of the leash close and leaves

The spawner holds no state, so that ``kill -9`` costs nothing but the next start's warm-up. Everything is imported and
``gc.freeze()``-d before the first fork: a supervisor then shares the interpreter's pages with it. That there is a spare takes
the fork, and two thousand page faults of a fresh child, out of the time that a person waits for a start.
TAKEN tells a client whether a lost connection means "ask again" or "a supervisor died".
"""

from __future__ import annotations

import fcntl
import gc
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

from engine.errors import LongshoreError
from engine.spawner import wire
from engine.spawner.client import LOCK, SOCKET

_REQUEST_TIMEOUT: Final = 5.0
_ALL: Final = (1 << 31) - 1
_BREATH: Final = 0.03
_TAKEN: Final = b"t"
_LEAVE: Final = b"x"
_DEATHS: Final = 3
"""Spares that may die in a row before the spawner gives up; whoever asks then starts another."""

Work = Callable[[socket.socket, dict[str, Any]], None]
Rehearse = Callable[[], Work]
Practise = Callable[[], None]


def serve(run: str, token: str, warm: Callable[[], tuple[Rehearse, Practise]], *, idle: float) -> None:
    """Become the spawner of ``run``; returns in the process that has nothing to do any more.

    ``warm`` imports whatever supervisors need, and gives two functions. The first is called in each forked child, to touch what it
    will need, and gives the function that serves a client's connection and request. The second is called once, here, when
    the first child is ready: it makes those after it cheaper. A request whose ``token`` differs comes
    from another version of the program: the spawner leaves and the client starts its own. So it does after ``idle``
    seconds without a request.
    """
    os.closerange(3, _ALL)  # what the front end's own parents left open would stay open as long as a container runs
    lock = os.open(os.path.join(run, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return
    path = os.path.join(run, SOCKET)
    listener = wire.listen(path)
    listener.setblocking(False)
    if os.fork():
        return
    os.chdir("/")
    os.umask(0o022)
    rehearse, practise = warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors that end are reaped by the kernel
    gc.disable()
    _freeze()
    _Spawner(listener, lock=lock, path=path, token=token, rehearse=rehearse).run(idle, practise)
    os._exit(0)


def _freeze() -> None:
    """What exists now shall never be looked at by the collector again, which would write to every page."""
    gc.collect()
    gc.freeze()


class _Spawner:
    def __init__(self, listener: socket.socket, *, lock: int, path: str, token: str, rehearse: Rehearse) -> None:
        self._listener = listener
        self._lock = lock
        self._path = path
        self._token = token
        self._rehearse = rehearse
        self._news, self._report = os.pipe2(os.O_CLOEXEC)
        self._leash, self._hold = os.pipe2(os.O_CLOEXEC)

    def run(self, idle: float, practise: Practise) -> None:
        deaths, first = 0, True
        while deaths < _DEATHS:
            try:
                spare = self._fork()
            except OSError:
                break
            if first:
                first = False
                practise()
                _freeze()
            word = self._wait(spare, idle)
            os.close(spare)
            if word == _LEAVE:
                break
            deaths = 0 if word else deaths + 1
            self._let_it_start()
        # Unlinked before the lock goes, so that a successor's socket is never taken away. A client that has
        # connected meanwhile gets no TAKEN and asks again.
        os.unlink(self._path)

    def _let_it_start(self) -> None:
        """Leave the processors to the container that is being started, unless somebody wants the next one already."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.poll(_BREATH * 1000)

    def _wait(self, spare: int, idle: float) -> bytes:
        """What a child says, LEAVE when none says anything for ``idle`` seconds, nothing when the spare died."""
        poll = select.poll()
        poll.register(self._news, select.POLLIN)
        poll.register(spare, select.POLLIN)
        ready = [fd for fd, _ in poll.poll(idle * 1000)]
        if self._news in ready:
            return os.read(self._news, 1)
        return b"" if ready else _LEAVE

    def _fork(self) -> int:
        """A new spare's pidfd. Raises OSError."""
        pid = os.fork()
        if pid:
            return os.pidfd_open(pid)
        status = 1
        try:
            os.close(self._lock)  # a lock belongs to every process that has it open
            os.close(self._hold)
            os.close(self._news)
            os.setsid()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._be_spare(self._rehearse())
            status = 0
        except BaseException:
            # The traceback goes to the engine's log: this is the last frame of the process.
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _be_spare(self, work: Work) -> None:
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.register(self._leash, select.POLLIN)
        while True:
            if self._leash in [fd for fd, _ in poll.poll()]:
                return
            try:
                connection, _ = self._listener.accept()
                break
            except (BlockingIOError, ConnectionError):
                continue  # the spare before took it
        try:
            os.write(self._report, _TAKEN)
        except BrokenPipeError:
            return  # the spawner has just left: a client that gets no TAKEN asks the next one
        self._listener.close()
        request = self._receive(connection)
        os.close(self._report)
        os.close(self._leash)
        if request is not None:
            connection.settimeout(None)
            work(connection, request)

    def _receive(self, connection: socket.socket) -> dict[str, Any] | None:
        """The request, or ``None`` when there is none to be served."""
        connection.settimeout(_REQUEST_TIMEOUT)
        try:
            if not wire.peer_is_trusted(connection):
                return None
            got = wire.receive(connection)
            if got is None or got[0] != wire.REQUEST:
                return None
            request = wire.fields_of(got[1])
            if request.get("token") != self._token:
                os.write(self._report, _LEAVE)
                return None
            connection.sendall(wire.frame(wire.TAKEN))
        except (OSError, LongshoreError):
            return None
        return request
