"""The way out of an ordinary user's networks: one pasta(1) for all of them, as long as a container is in one.

It gives the engine's network namespace an interface with the host's address and makes the host's sockets out of what arrives there,
without privileges. Nothing is published through it: see :mod:`engine.network.proxy`.
"""

from __future__ import annotations

import os
import signal
import time

from engine.linux import processes
from engine.rootless import idmap
from engine.store import atomic
from engine.store.roots import Roots

_PROGRAM = "pasta"
_PATIENCE = 5.0
_FAILURE = "pasta.failed"
_OPTIONS = ("--config-net", "--no-map-gw", "-t", "none", "-u", "none", "-T", "none", "-U", "none", "-q", "-f")

MISSING = "pasta is not installed: containers reach each other and their published ports, but nothing outside; install package passt"


def missing() -> bool:
    """The program is not installed."""
    return not idmap.find(_PROGRAM)


def ensure(roots: Roots) -> str:
    """Have it run; returns when it works. To be called in the host's network namespace, by one process at a time.

    Returns:
        Why containers reach nothing outside, or ``""``.
    """
    if _alive(roots):
        return ""
    program = idmap.find(_PROGRAM)
    why = _start(roots, program) if program else MISSING
    if why and program:
        atomic.write_file(f"{roots.run}/{_FAILURE}", why.encode(errors="replace"), durable=False)
    else:
        atomic.discard(f"{roots.run}/{_FAILURE}")
    return why


def failure(roots: Roots) -> str:
    """Why it could not be started the last time, or ``""``."""
    try:
        with open(f"{roots.run}/{_FAILURE}", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _start(roots: Roots, program: str) -> str:
    log = os.open(f"{roots.run}/pasta.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    ready = f"{roots.run}/pasta.ready"
    atomic.discard(ready)
    try:
        pid = os.posix_spawn(
            program,
            [program, *_OPTIONS, "--stderr", "-P", ready, "--netns", roots.netns],
            {"PATH": "/usr/bin:/bin"},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE],  # Python ignores it, which pasta takes for a failure
        )
    except OSError as error:
        return f"pasta can not be run: {error.strerror}"
    finally:
        os.close(log)
    return _await(roots, pid, ready)


def _await(roots: Roots, pid: int, ready: str) -> str:
    """Until it has written its pid, which is when its interface is there; or it ends, or never does."""
    started = processes.start_time(pid)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if _size(ready):
            atomic.write_file(f"{roots.run}/pasta", f"{pid} {started}".encode(), durable=False)
            return ""
        if os.waitpid(pid, os.WNOHANG)[0]:
            return f"pasta ended at once: {_last_words(roots)}"
        time.sleep(0.002)
    processes.kill_same(pid, started)
    return f"pasta does not get ready: {_last_words(roots)}"


def dismiss(roots: Roots) -> None:
    """End it."""
    pid, started = _recorded(roots)
    if pid and processes.kill_same(pid, started):
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass
    atomic.discard(f"{roots.run}/pasta")


def _alive(roots: Roots) -> bool:
    return processes.same(*_recorded(roots))


def _recorded(roots: Roots) -> tuple[int, int]:
    try:
        with open(f"{roots.run}/pasta", encoding="ascii") as file:
            pid, started = file.read().split()
        return int(pid), int(started)
    except (OSError, ValueError):
        return 0, 0


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _last_words(roots: Roots) -> str:
    try:
        with open(f"{roots.run}/pasta.log", encoding="utf-8", errors="replace") as file:
            lines = file.read(65536).strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else "it said nothing"
