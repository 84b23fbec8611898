"""Namespaces: their flags, and how one process makes a child in another one's.

A process that calls ``unshare(CLONE_NEWPID)`` or ``CLONE_NEWTIME`` does not move itself, only its later children. So the
caller unshares, forks and sets itself back with :class:`ChildNamespaces`: one fork is enough, and the container's first
process is the caller's own child, to be waited for like any other.
"""

from __future__ import annotations

import os

from engine.linux import syscalls

CLONE_NEWTIME = 0x80
CLONE_NEWNS = 0x20000
CLONE_NEWCGROUP = 0x2000000
CLONE_NEWUTS = 0x4000000
CLONE_NEWIPC = 0x8000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

FLAGS: dict[str, int] = {
    "mount": CLONE_NEWNS,
    "uts": CLONE_NEWUTS,
    "ipc": CLONE_NEWIPC,
    "network": CLONE_NEWNET,
    "cgroup": CLONE_NEWCGROUP,
    "pid": CLONE_NEWPID,
    "time": CLONE_NEWTIME,
    "user": CLONE_NEWUSER,
}
"""OCI namespace types."""

FILES: dict[str, str] = {
    "mount": "mnt", "uts": "uts", "ipc": "ipc", "network": "net", "cgroup": "cgroup", "pid": "pid", "time": "time", "user": "user",
}  # fmt: skip
"""OCI namespace types to names under ``/proc/<pid>/ns``."""


def threads() -> int:
    """How many threads this process has; namespaces may only be changed by a process with one."""
    return len(os.listdir("/proc/self/task"))


def supported(kind: str) -> bool:
    """The running kernel has that OCI namespace type."""
    return os.path.exists(f"/proc/self/ns/{FILES[kind]}")


class ChildNamespaces:
    """Inside the block, children of this process are born in other pid and time namespaces.

    Args:
        new: OCI types (``pid``, ``time``) that children get anew.
        join: OCI type to the path or the descriptor's ``/proc/self/fd`` path of an existing one.

    Raises:
        OSError: the kernel refuses, or a path does not lead to a namespace.
    """

    def __init__(self, new: tuple[str, ...] = (), join: dict[str, str] | None = None) -> None:
        self._new = new
        self._join = join or {}
        self._own: list[tuple[int, int]] = []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ChildNamespaces) and (set(self._new), self._join) == (set(other._new), other._join)

    __hash__ = None  # type: ignore[assignment]

    def __enter__(self) -> None:
        try:
            for kind in (*self._new, *self._join):
                fd = os.open(f"/proc/self/ns/{FILES[kind]}", os.O_RDONLY | os.O_CLOEXEC)
                self._own.append((fd, FLAGS[kind]))
            self.stay()
        except OSError:
            self.__exit__()
            raise

    def stay(self) -> None:
        """Enter them for good: from inside a user namespace the way back to the host's is closed (setns(2))."""
        for kind, path in self._join.items():
            enter(path, FLAGS[kind])
        flags = 0
        for kind in self._new:
            flags |= FLAGS[kind]
        if flags:
            syscalls.unshare(flags)

    def __exit__(self, *exc: object) -> None:
        while self._own:
            fd, flag = self._own.pop()
            try:
                syscalls.setns(fd, flag)
            finally:
                os.close(fd)


def enter(path: str, flag: int) -> None:
    """Join the namespace at ``path``, which must be of the type that ``flag`` names."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        syscalls.setns(fd, flag)
    finally:
        os.close(fd)
