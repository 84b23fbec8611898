"""Files of control groups: small texts, written whole and read whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from engine.model.value import EMPTY, Value

_TRIES = 20
OURS = "longshore"
"""The group that containers are in unless somebody chooses another one."""

CONTROLLERS = frozenset(
    {
        "cpu",
        "cpuacct",
        "cpuset",
        "memory",
        "devices",
        "freezer",
        "blkio",
        "pids",
        "net_cls",
        "net_prio",
        "hugetlb",
        "perf_event",
        "rdma",
        "misc",
    }
)
"""Controllers of version 1."""


class Layout(Value):
    """Where the hierarchies are mounted.

    Attributes:
        v1: controller (``memory``, ``name=systemd``) to mount point; empty on a pure v2 machine.
        v2: mount point of the unified hierarchy, or ``""``.
    """

    v1: Mapping[str, str] = EMPTY
    v2: str = ""

    @property
    def version(self) -> int:
        """2 when the resource controllers are in the unified hierarchy, 1 when they are not, 0 without any."""
        if any(not name.startswith("name=") for name in self.v1):
            return 1
        return 2 if self.v2 else 0


def write(file: str, *values: str | int) -> None:
    """Write values to a control file, each in one write(2) as the kernel wants it."""
    fd = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for value in values:
            os.write(fd, str(value).encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, file) from None
    finally:
        os.close(fd)


def read(file: str) -> str:
    """The content of a control file; ``""`` when it is not there."""
    try:
        fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        chunks = []
        while chunk := os.read(fd, 1 << 16):
            chunks.append(chunk)
        return b"".join(chunks).decode("ascii", "replace")
    except OSError:
        return ""
    finally:
        os.close(fd)


def keyed(text: str) -> dict[str, int]:
    """``name number`` lines, as in ``memory.stat`` and ``cgroup.events``."""
    values = {}
    for line in text.splitlines():
        name, _, number = line.partition(" ")
        if number.strip().isdigit():
            values[name] = int(number)
    return values


def tree(directory: str) -> list[str]:
    """``directory`` and every group below it, deepest first; empty when it is not there."""
    try:
        if os.stat(directory).st_nlink == 2:  # kernfs counts sub-directories as links
            return [directory]
    except OSError:
        return []
    return [path for path, _, _ in os.walk(directory, topdown=False)]


def pids_below(directory: str) -> list[int]:
    """Processes of ``directory`` and of the groups below it."""
    return [int(pid) for path in tree(directory) for pid in read(f"{path}/cgroup.procs").split()]


def remove_tree(directory: str) -> bool:
    """rmdir(2) bottom up; ``False`` when a group still has processes. Files of a cgroup are never removed.

    The parent goes with its last group when it is ours, so that nothing of us stays on a machine where nothing of us runs.
    """
    for path in tree(directory):
        try:
            os.rmdir(path)
        except FileNotFoundError:
            continue
        except OSError:
            return False
    try:
        parent = directory.rpartition("/")[0]
        if os.path.basename(parent).startswith(OURS):
            os.rmdir(parent)
    except OSError:
        pass  # others are in it, it is gone, or it is the hierarchy itself
    return True


def make(create: Callable[[], None]) -> None:
    """Call ``create`` again when a parent that it relied on went away with its last group in the meantime.

    Raises:
        FileNotFoundError: it keeps going away.
    """
    for _ in range(_TRIES):
        try:
            return create()
        except FileNotFoundError:
            continue
    create()
