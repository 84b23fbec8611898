"""Control groups: which hierarchies this machine has, and one interface over version 1 and version 2.

Version 1 (also the hybrid layout) has a directory for each controller, version 2 has one. A child joins by itself, writing ``0`` to
``tasks`` (v1) or ``cgroup.procs`` (v2): a parent that writes its child's pid waits for a grace period of 5 to 8 ms on v1.
Resource values come as the OCI ``linux.resources`` object (runtime-spec ``config-linux.md``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from engine.linux import userns
from engine.linux.cgroup_files import CONTROLLERS, Layout, read
from engine.linux.cgroup_v1 import V1
from engine.linux.cgroup_v2 import V2


class Cgroup(Protocol):
    """One container's control group. Methods raise OSError with the file that refused."""

    path: str

    def create(self) -> None:
        """Make its directories; those that exist are kept."""

    def apply(self, resources: Mapping[str, Any]) -> Sequence[str]:
        """Write limits and device rules. Gives back warnings about what this kernel can not do."""

    def update(self, resources: Mapping[str, Any]) -> Sequence[str]:
        """Write limits as :meth:`apply` does; device rules stay as they are."""

    def join(self, leader: int = 0) -> None:
        """Move the calling process into it; on version 2 to where process ``leader`` is, when it holds none but in groups below."""

    def pids(self) -> Sequence[int]:
        """Its processes, those of groups below included."""

    def freeze(self) -> None:
        """Stop every process from running. Returns when they have stopped. Raises TimeoutError."""

    def thaw(self) -> None:
        """Let them run again."""

    def frozen(self) -> bool:
        """Its processes are stopped from running."""

    def kill(self) -> None:
        """SIGKILL to every process, frozen ones too."""

    def remove(self) -> bool:
        """Remove its directories; ``False`` when processes are still in them."""

    def exists(self) -> bool:
        """Some directory of it is there."""

    def oom_kills(self) -> int:
        """How many processes the kernel killed in it for want of memory."""

    def watch_oom(self) -> tuple[int, int]:
        """A descriptor and the epoll event that it has when memory ran out, or, on version 2, when that is worth a look.

        It has to be read from its beginning to be quiet again; on version 2 it says then what :meth:`oom_kills` reads.
        """

    def directory(self, controller: str) -> str:
        """Where ``controller``'s files are, or ``""``."""


def parse_mountinfo(text: str) -> Layout:
    """The layout in a mountinfo file (proc_pid_mountinfo(5)); of several mounts of a hierarchy the first counts."""
    v1: dict[str, str] = {}
    v2 = ""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, rest = after.partition(" ")
        if kind not in ("cgroup", "cgroup2"):
            continue
        point = before.split(" ")[4].replace("\\040", " ")
        if kind == "cgroup2":
            v2 = v2 or point
            continue
        for option in rest.split(" ")[-1].split(","):
            if option in CONTROLLERS or option.startswith("name="):
                v1.setdefault(option, point)
    return Layout(v1=v1, v2=v2)


_detected: list[Layout] = []


def detect() -> Layout:
    """This machine's layout, empty when we may make no groups in it; read once in a process."""
    if not _detected:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            layout = parse_mountinfo(file.read())
        _detected.append(_ours(layout) if userns.contained() else layout)
    return _detected[0]


def cgroup_of(spec: Mapping[str, Any]) -> Cgroup | None:
    """The control group of an OCI configuration; ``None`` where it names none or the machine has none."""
    path = spec["linux"].get("cgroupsPath")
    if not path:
        return None
    try:
        return open_cgroup(path)
    except OSError:
        return None


def _ours(layout: Layout) -> Layout:
    """What root of a user namespace has been given of the hierarchies: nothing, all (in a container of another engine), or a part.

    A part can be had of version 2 only: the groups above ours that are ours to write to (cgroup-v2.rst, "Delegation"), as
    systemd gives them to a user's manager, or to a scope with ``Delegate=yes``. The topmost of them is where our groups go.
    """
    if layout.version != 2:
        return layout if layout.v1 and all(os.access(point, os.W_OK) for point in layout.v1.values()) else Layout()
    given = ""
    group = next((line[3:] for line in read("/proc/self/cgroup").splitlines() if line.startswith("0::")), "/")
    while os.access(f"{layout.v2}{group}/cgroup.procs", os.W_OK) and os.access(f"{layout.v2}{group}", os.W_OK):
        given = f"{layout.v2}{group}".rstrip("/")
        if group == "/":
            break
        group = os.path.dirname(group)
    return Layout(v2=given)


def open_cgroup(path: str, layout: Layout | None = None) -> Cgroup:
    """The control group ``path`` (``/longshore/<id>``), which need not exist.

    Raises:
        ValueError: the path climbs out of the hierarchy.
        OSError: ENOSYS when no hierarchy is mounted.
    """
    if not path.startswith("/") or any(part in ("..", ".") for part in path.split("/")) or path == "/":
        raise ValueError(f"{path!r} is no cgroup path")
    layout = layout or detect()
    if layout.version == 1:
        return V1(path, layout)
    if layout.version == 2:
        return V2(path, layout)
    raise OSError(38, "no cgroup hierarchy is mounted", "/sys/fs/cgroup")
