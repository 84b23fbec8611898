"""The spawner process: keep one forked child ready, and replace it whenever it was taken.

::

    client ──connect──▶ spare: accept, TAKEN, and it is the supervisor that was asked for
                          │ "taken", and once the client has what it waits for "settled"
                          ▼
                        spawner: fork the next spare          spawner gone: the spare sees its end of the leash close and leaves

The spawner holds no state, so that ``kill -9`` costs nothing but the next start's warm-up. Everything is imported and
``gc.freeze()``-d before the first fork: a supervisor then shares the interpreter's pages with it. That there is a spare takes
the fork, and two thousand page faults of a fresh child, out of the time that a person waits for a start.
TAKEN tells a client whether a lost connection means "ask again" or "a supervisor died".
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import select
import signal
import socket
import sys

# :func:`signal.signal` around this makes enumerations of numbers, which costs each supervisor 15 pages.
from _signal import signal as _set_signal  # type: ignore[import-not-found]
from collections.abc import Callable
from typing import Final

from engine.spawner import wire
from engine.spawner.client import LOCK, SOCKET
from engine.spawner.pages import fill_gaps
from engine.spawner.spare import GONE, LEAVE, SETTLED, Spare

_ALL: Final = (1 << 31) - 1
_SIGCHLD: Final = int(signal.SIGCHLD)
_SIG_DFL: Final = int(signal.SIG_DFL)
_BREATH: Final = 30
"""Milliseconds after which the next spare is forked though the one before has not settled."""
_DEATHS: Final = 3
"""Spares that may die in a row before the spawner gives up; whoever asks then starts another."""

Live = Callable[[Spare], None]
Practise = Callable[[], None]


def serve(run: str, token: str, warm: Callable[[], tuple[Live, Practise]], *, idle: float) -> None:
    """Become the spawner of ``run``; returns in the process that has nothing to do any more.

    ``warm`` imports whatever supervisors need, and gives two functions. The first is the life of each forked child. The second
    is called once, here, when the first child is ready: it makes those after it cheaper. A request whose ``token`` differs comes
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
    _be_called(b"longshore")
    live, practise = warm()
    gc.disable()
    _freeze()
    _Spawner(listener, lock=lock, path=path, token=token, live=live).run(idle, practise)
    os._exit(0)


def _be_called(name: bytes) -> None:
    """What ps(1) and top(1) call this and every supervisor: executed from a descriptor, they have its number for a name (proc(5))."""
    with contextlib.suppress(OSError):  # there is no procfs
        comm = os.open("/proc/self/comm", os.O_WRONLY | os.O_CLOEXEC)
        os.write(comm, name)
        os.close(comm)


def _freeze() -> None:
    """What exists now shall never be looked at by the collector again, which would write to every page."""
    gc.collect()
    gc.freeze()


def _disown() -> None:
    """Have the kernel reap supervisors that end."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass  # one that has ended already
    except ChildProcessError:
        pass


class _Spawner:
    def __init__(self, listener: socket.socket, *, lock: int, path: str, token: str, live: Live) -> None:
        self._listener = listener
        self._lock = lock
        self._path = path
        self._token = token
        self._live = live
        self._gaps: list[object] = []
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
                self._gaps = fill_gaps()
                _disown()
            word = self._wait(spare, idle)
            os.close(spare)
            deaths = 0 if word else deaths + 1
            if word == GONE:
                word = self._let_it_start()
            if word == LEAVE:
                break
        # Unlinked before the lock goes, so that a successor's socket is never taken away. A client that has
        # connected meanwhile gets no TAKEN and asks again.
        os.unlink(self._path)

    def _wait(self, spare: int, idle: float) -> bytes:
        """What a child says, LEAVE when none says anything for ``idle`` seconds, nothing when the spare died."""
        poll = select.poll()
        poll.register(self._news, select.POLLIN)
        poll.register(spare, select.POLLIN)
        while ready := [fd for fd, _ in poll.poll(idle * 1000)]:
            word = os.read(self._news, 1) if self._news in ready else b""
            if word != SETTLED:  # an earlier child's
                return word
        return LEAVE

    def _let_it_start(self) -> bytes:
        """Leave the processors to the container that is being started, unless somebody wants the next one already.

        What was said meanwhile comes back.
        """
        poll = select.poll()
        poll.register(self._news, select.POLLIN)
        poll.register(self._listener, select.POLLIN)
        ready = [fd for fd, _ in poll.poll(_BREATH)]
        return os.read(self._news, 1) if self._news in ready else b""

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
            _set_signal(_SIGCHLD, _SIG_DFL)
            self._live(Spare(self._listener, leash=self._leash, report=self._report, token=self._token))
            status = 0
        except BaseException:
            # The traceback goes to the engine's log: this is the last frame of the process.
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(status)
