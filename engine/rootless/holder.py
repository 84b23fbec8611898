"""The process that keeps a user's namespaces: found, entered, survived. :mod:`engine.rootless.making` makes it."""

from __future__ import annotations

import errno
import os
import select
import signal

from engine.errors import EngineFault
from engine.linux import processes, syscalls
from engine.linux.userns import enter
from engine.model.value import Value
from engine.store import atomic
from engine.store.locks import is_held
from engine.store.roots import Roots

_RECORD = "userns"
_PATIENCE = 5.0


class Held(Value):
    """Namespaces and who keeps them.

    Attributes:
        pid, started: the holder and its start time.
        users, mounts: inodes of the user and the mount namespace.
        mapping: which ids there are, in one line.
        trouble: what could be better, as a sentence, or ``""``.
    """

    pid: int
    started: int
    users: int
    mounts: int
    mapping: str
    trouble: str = ""


def load(roots: Roots) -> Held | None:
    """What the run root says of this boot's namespace; ``None`` where it says nothing."""
    try:
        with open(f"{roots.run}/{_RECORD}", encoding="utf-8") as file:
            numbers, mapping, trouble = (file.read() + "\n\n").split("\n")[:3]
        pid, started, users, mounts = map(int, numbers.split())
    except (OSError, ValueError):
        return None
    return Held(pid=pid, started=started, users=users, mounts=mounts, mapping=mapping, trouble=trouble)


def alive(held: Held | None) -> int:
    """A pidfd of the holder, or -1."""
    try:
        return -1 if held is None else processes.open_same(held.pid, held.started)
    except OSError:
        return -1


def survivor(held: Held) -> int:
    """A pidfd of another process in the namespaces, or -1: nothing of them is left then."""
    for pid in survivors(held):
        try:
            return os.pidfd_open(pid)
        except OSError:
            continue
    return -1


def survivors(held: Held) -> list[int]:
    """Processes other than the holder that are in both of the namespaces: a container's have mounts of their own."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == held.pid:
            continue
        try:
            users, mounts = (os.stat(f"/proc/{name}/ns/{kind}").st_ino for kind in ("user", "mnt"))
        except OSError:
            continue
        if (users, mounts) == (held.users, held.mounts):
            found.append(int(name))
    return found


def deserted(roots: Roots, held: Held) -> bool:
    """Nothing would be lost with the namespaces: no container runs, and but for the holder only an idle spawner is in them."""
    try:
        containers = os.listdir(f"{roots.run}/containers")
    except OSError:
        containers = []
    if any(is_held(f"{roots.run}/containers/{name}/lock") for name in containers):
        return False
    return all(_is_spawner(pid) for pid in survivors(held))


def dismiss(held: Held) -> None:
    """End the holder and the spawner, and wait for that, so that the namespaces go."""
    for pid in (*filter(_is_spawner, survivors(held)), held.pid):
        try:
            pidfd = processes.open_same(pid, held.started if pid == held.pid else processes.start_time(pid))
        except OSError:
            continue
        try:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            poll.poll(_PATIENCE * 1000)
        except ProcessLookupError:
            pass
        finally:
            os.close(pidfd)


def _is_spawner(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return b"\0engine.supervisor.entry\0" in file.read()
    except OSError:
        return True  # it has just ended


def join(pidfd: int) -> None:
    """Enter the namespaces of a process.

    Raises:
        EngineFault: this process has several threads, or the kernel refuses.
    """
    try:
        enter(pidfd)
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise EngineFault(
                "a process with several threads can not enter the user namespace of the engine",
                hint="start longshore on the embedded engine, without --host",
            ) from error
        raise EngineFault(f"cannot enter the user namespace of the engine: {syscalls.reason(error)}") from error


def save(roots: Roots, held: Held) -> None:
    """Write it down for the verbs to come. Raises what :func:`engine.store.atomic.write_file` does."""
    text = f"{held.pid} {held.started} {held.users} {held.mounts}\n{held.mapping}\n{held.trouble}\n"
    atomic.write_file(f"{roots.run}/{_RECORD}", text.encode(), durable=False)
