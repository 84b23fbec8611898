"""Reach the spawner of a run root, and bring one into being when there is none.

::

    front end                                    python, from a sealed memfd
      connect -> nobody there
      posix_spawn  ----------------------------> takes spawner.lock (held by another: exits 0)
                                                 binds and listens
                                                 forks: the child serves, the parent exits 0
      waitpid: 0 -> connect

The exit of the first process is the signal that somebody listens; no file is polled for.
"""

from __future__ import annotations

import os
import time
from _socket import socket

from engine.errors import DiskFull, LongshoreError, Unavailable
from engine.spawner import interpreter, wire
from engine.store import faults, locks, reserve

SOCKET = "spawner.sock"
LOCK = "spawner.lock"
LOG = "engine.log"

IDLE = 60.0
"""Seconds without a request after which a spawner leaves."""

_FAREWELL = 60.0
_LOG_LIMIT = 1 << 20

_BOOT = "import sys; sys.path.append(sys.argv[1]); from importlib import import_module; import_module(sys.argv[2]).main(sys.argv[3:])"


def connect(run: str, entry: str, arguments: list[str]) -> socket:
    """A connection to the spawner that serves ``run``, started when there is none.

    ``entry`` is the module whose ``main(arguments)`` turns a fresh interpreter into the spawner.

    Raises:
        Unavailable: none could be started; the message ends with what it said.
        DiskFull: the run root's disk has no room for a socket.
        EngineFault: the interpreter can not be run.
    """
    path = os.path.join(run, SOCKET)
    for _attempt in range(3):
        sock = wire.connect(path)
        if sock is not None:
            return sock
        launch(run, entry, arguments)
    raise _silent(run, f"the spawner of {run} does not answer")


def dismiss(run: str) -> None:
    """Let the spawner of ``run`` leave, if there is one, and wait for that. Supervisors and their containers go on.

    Raises:
        Unavailable: it does not leave, though a busy machine was given its time.
    """
    deadline = time.monotonic() + _FAREWELL
    while time.monotonic() < deadline:
        sock = wire.connect(os.path.join(run, SOCKET))
        if sock is None:
            if not locks.is_held(os.path.join(run, LOCK)):
                return
            time.sleep(0.002)
            continue
        try:
            sock.settimeout(max(0.1, deadline - time.monotonic()))
            sock.sendall(wire.message(wire.REQUEST, {"token": ""}))
            wire.receive(sock)
        except OSError:
            pass
        finally:
            sock.close()
    raise Unavailable(f"the spawner of {run} does not leave", hint=f"see {os.path.join(run, LOG)}")


def launch(run: str, entry: str, arguments: list[str]) -> None:
    """Start a spawner and return when one listens, be it this one or a concurrent one.

    Raises:
        Unavailable: it ended with an error.
        EngineFault: the interpreter can not be run.
    """
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    log = os.path.join(run, LOG)
    try:
        stderr = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise faults.from_os(error, f"open {log}") from error
    try:
        size = os.fstat(stderr).st_size
        if size > _LOG_LIMIT:
            os.ftruncate(stderr, 0)
            size = 0
        pid = interpreter.spawn(_BOOT, [package, entry, *arguments], stderr=stderr)
    finally:
        os.close(stderr)
    try:
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return  # somebody in this process reaps every child; the connection will tell
    if status:
        words = _last_words(log, size)
        if not words:
            raise _silent(run, f"the spawner of {run} could not be started")
        raise Unavailable(f"the spawner of {run} could not be started: {words}", hint=f"see {log}")


def _silent(run: str, message: str) -> LongshoreError:
    """Where not even the log takes a word, the disk says why."""
    log = os.path.join(run, LOG)
    if reserve.exhausted(log):
        return DiskFull(
            f"{message}: no space left on device", hint=f"free some space below {run}, or choose another place with LONGSHORE_RUN"
        )
    return Unavailable(message, hint=f"see {log}")


def _last_words(log: str, start: int) -> str:
    with open(log, "rb") as stream:
        stream.seek(start)
        lines = stream.read(65536).decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
