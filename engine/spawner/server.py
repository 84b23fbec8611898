"""The spawner process: accept, fork, forget.

It holds no state, so that ``kill -9`` costs nothing but the next start's warm-up. Everything is imported and
``gc.freeze()``-d before the first fork: a supervisor then shares the interpreter's pages with it. The
connection that asked is inherited by the supervisor, which answers on it; the spawner only says TAKEN, so
that a client knows whether a lost connection means "ask again" or "a supervisor died".
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
from typing import Any, Final, NoReturn

from engine.errors import EngineFault, LongshoreError
from engine.spawner import wire
from engine.spawner.client import LOCK, SOCKET

_REQUEST_TIMEOUT: Final = 5.0

Work = Callable[[socket.socket, dict[str, Any]], None]


def serve(run: str, token: str, warm: Callable[[], Work], *, idle: float) -> None:
    """Become the spawner of ``run``; returns in the process that has nothing to do any more.

    ``warm`` imports whatever supervisors need and gives the function that a forked supervisor runs with the client's
    connection and request. A request whose ``token`` differs comes from another version of the program: the spawner
    leaves and the client starts its own.
    """
    lock = os.open(os.path.join(run, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return
    path = os.path.join(run, SOCKET)
    listener = wire.listen(path)
    if os.fork():
        return
    os.chdir("/")
    os.umask(0o022)
    work = warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # supervisors that end are reaped by the kernel
    gc.disable()
    gc.collect()
    gc.freeze()
    _Spawner(listener, lock=lock, path=path, token=token, work=work, idle=idle).run()
    os._exit(0)


class _Spawner:
    def __init__(self, listener: socket.socket, *, lock: int, path: str, token: str, work: Work, idle: float) -> None:
        self._listener = listener
        self._lock = lock
        self._path = path
        self._token = token
        self._work = work
        self._idle = idle

    def run(self) -> None:
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        while poll.poll(self._idle * 1000):
            connection, _ = self._listener.accept()
            if not self._handle(connection):
                break
        # Unlinked before the lock goes, so that a successor's socket is never taken away; a client that has
        # connected meanwhile gets no TAKEN and asks again.
        os.unlink(self._path)
        self._listener.close()

    def _handle(self, connection: socket.socket) -> bool:
        """Serve one connection; ``False`` when the spawner has to make room for another version."""
        with connection:
            connection.settimeout(_REQUEST_TIMEOUT)
            try:
                if not wire.peer_is_trusted(connection):
                    return True
                got = wire.receive(connection)
                if got is None or got[0] != wire.REQUEST:
                    return True
                request = wire.fields_of(got[1])
                if request.get("token") != self._token:
                    return False
                connection.sendall(wire.frame(wire.TAKEN))
            except (OSError, LongshoreError):
                return True
            connection.settimeout(None)
            try:
                pid = os.fork()
            except OSError as error:
                _refuse(connection, f"cannot fork a supervisor: {error.strerror}")
                return True
            if pid == 0:
                self._become_supervisor(connection, request)
        return True

    def _become_supervisor(self, connection: socket.socket, request: dict[str, Any]) -> NoReturn:
        status = 1
        try:
            self._listener.close()
            os.close(self._lock)  # a lock belongs to every process that has it open
            os.setsid()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._work(connection, request)
            status = 0
        except BaseException:
            # The traceback goes to the engine's log: this is the last frame of the process.
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(status)


def _refuse(connection: socket.socket, text: str) -> None:
    try:
        connection.sendall(wire.error_frame(EngineFault(text)))
    except OSError:
        pass
