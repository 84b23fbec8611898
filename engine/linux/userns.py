"""User namespaces (user_namespaces(7)): which ids there are in ours, and how one gets into one that exists."""

from __future__ import annotations

import os

from engine.linux import syscalls
from engine.linux.namespaces import CLONE_NEWNS, CLONE_NEWUSER

_WHOLE = 0xFFFFFFFF


def contained() -> bool:
    """This process's ids are not the machine's: its user namespace is not the first one, or it maps only a part."""
    return _map("uid_map") != [(0, 0, _WHOLE)]


def mapped(uid: int) -> bool:
    """There is such a user in this namespace."""
    return any(first <= uid < first + count for first, _, count in _map("uid_map"))


def mapped_group(gid: int) -> bool:
    """There is such a group in this namespace."""
    return any(first <= gid < first + count for first, _, count in _map("gid_map"))


def last_group() -> int:
    """The highest group of this namespace."""
    return max((first + count - 1 for first, _, count in _map("gid_map")), default=0)


def single() -> bool:
    """Only one user and group exist in this namespace: files can not belong to anybody else."""
    return sum(count for _, _, count in _map("uid_map")) == 1


def may_set_groups() -> bool:
    """setgroups(2) is allowed here; where an ordinary user wrote the group map it is not (CVE-2014-8989)."""
    try:
        with open("/proc/self/setgroups", encoding="ascii") as file:
            return file.read().strip() != "deny"
    except OSError:
        return True


def enter(pidfd: int) -> None:
    """Join the user and mount namespaces of a process, as their root. The working directory is kept, by its path.

    Raises:
        OSError: EINVAL when this process has several threads, EPERM when the namespace is somebody else's.
    """
    try:
        here = os.getcwd()
    except OSError:
        here = "/"
    syscalls.setns(pidfd, CLONE_NEWUSER | CLONE_NEWNS)
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    try:
        os.chdir(here)
    except OSError:
        os.chdir("/")


def _map(name: str) -> list[tuple[int, int, int]]:
    """``(first inside, first outside, count)``, as this process sees it; nothing where the kernel has no user namespaces."""
    try:
        with open(f"/proc/self/{name}", encoding="ascii") as file:
            rows = [tuple(map(int, line.split())) for line in file]
    except OSError:
        return [(0, 0, _WHOLE)]
    return [(row[0], row[1], row[2]) for row in rows]
