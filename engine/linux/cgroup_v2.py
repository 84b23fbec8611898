"""Control groups, version 2: one directory, limits in the units of ``Documentation/admin-guide/cgroup-v2.rst``."""

from __future__ import annotations

import errno
import math
import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Any

from engine.linux import cgroup_devices, cgroup_limits, userns
from engine.linux.cgroup_files import Layout, keyed, make, pids_below, read, remove_tree, write

_FREEZE_SECONDS = 10.0
_KILL_TRIES = 1000
_MOVE_TRIES = 20
_RECLAIM_TRIES = 5
_OTHERS = "init"
"""Where everybody else goes in a container whose root group has to be cleared; other engines' images use the same name."""


def weight_from_shares(shares: int) -> int:
    """``cpu.weight`` for v1's ``cpu.shares``: 0 leaves it unset, 1024 is the default 100 (runc 1.3.2, crun 1.23)."""
    if shares == 0:
        return 0
    if shares <= 2:
        return 1
    if shares >= 262144:
        return 10000
    log = math.log2(shares)
    return math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34))


def io_weight(weight: int) -> int:
    """``io.weight`` (1 to 10000) for a blkio weight (10 to 1000)."""
    return 1 + (weight - 10) * 9999 // 990


def files(resources: Mapping[str, Any], *, bfq: bool = False) -> list[tuple[str, str]]:
    """Which value goes into which file for an OCI ``linux.resources`` object, in the order of writing.

    ``bfq``: the I/O scheduler BFQ is there, whose weights are those of OCI.
    """
    out: list[tuple[str, str]] = []
    memory = resources.get("memory") or {}
    limit, swap, reservation = memory.get("limit"), memory.get("swap"), memory.get("reservation")
    if swap is not None:
        out.append(("memory.swap.max", "max" if swap < 0 else str(max(swap - (limit or 0), 0))))
    if limit is not None:
        out.append(("memory.max", "max" if limit < 0 else str(limit)))
    if reservation is not None:
        out.append(("memory.low", "max" if reservation < 0 else str(reservation)))
    cpu = resources.get("cpu") or {}
    if cpu.get("shares"):
        out.append(("cpu.weight", str(weight_from_shares(cpu["shares"]))))
    if cpu.get("quota") or cpu.get("period"):
        quota = cpu.get("quota") or 0
        out.append(("cpu.max", f"{quota if quota > 0 else 'max'} {cpu.get('period') or 100000}"))
    out += [(f"cpuset.{key}", cpu[key]) for key in ("cpus", "mems") if cpu.get(key)]
    pids = (resources.get("pids") or {}).get("limit")
    if pids is not None:
        out.append(("pids.max", "max" if pids < 0 else str(max(pids, 1))))
    blkio = resources.get("blockIO") or {}
    weights = [("", blkio.get("weight"))]
    weights += [(f"{entry['major']}:{entry['minor']} ", entry.get("weight")) for entry in blkio.get("weightDevice") or ()]
    out += [
        ("io.bfq.weight", f"{device}{weight}") if bfq else ("io.weight", f"{device}{io_weight(weight)}")
        for device, weight in weights
        if weight
    ]
    for key, name in (
        ("throttleReadBpsDevice", "rbps"),
        ("throttleWriteBpsDevice", "wbps"),
        ("throttleReadIOPSDevice", "riops"),
        ("throttleWriteIOPSDevice", "wiops"),
    ):
        out += [("io.max", f"{entry['major']}:{entry['minor']} {name}={entry['rate']}") for entry in blkio.get(key) or ()]
    return out


def _move(source: str, target: str) -> None:
    """Move every process of one group into another, which is made. Those that have ended, and the kernel's own, do not matter."""
    try:
        os.mkdir(target)
    except FileExistsError:
        pass
    for pid in read(f"{source}/cgroup.procs").split():
        try:
            write(f"{target}/cgroup.procs", pid)
        except OSError as error:
            if error.errno not in (errno.ESRCH, errno.EINVAL):
                raise


class V2:
    """A control group of the unified hierarchy. See :class:`engine.linux.cgroups.Cgroup`."""

    def __init__(self, path: str, layout: Layout) -> None:
        self.path = path
        self._root = layout.v2
        self._directory = layout.v2 + path

    def directory(self, controller: str) -> str:
        return self._directory

    def create(self) -> None:
        make(self._create)

    def _create(self) -> None:
        """Make it, with every controller that its ancestors can pass down switched on in them."""
        level = self._root
        for part in self.path.strip("/").split("/"):
            self._pass_down(level)
            level = f"{level}/{part}"
            try:
                os.mkdir(level)
            except FileExistsError:
                pass

    def _pass_down(self, level: str) -> None:
        """Switch every controller on for the groups of ``level``.

        All in one write: a group with processes takes some controllers alone and is threaded then, which no container can live in.
        It refuses all of them. Where that is the root, the engine itself runs in a container: what is in there moves one level down.
        """
        file = f"{level}/cgroup.subtree_control"
        missing = sorted(set(read(f"{level}/cgroup.controllers").split()) - set(read(file).split()))
        for _ in range(_MOVE_TRIES if missing else 0):
            try:
                return write(file, " ".join(f"+{controller}" for controller in missing))
            except OSError as error:
                if error.errno != errno.EBUSY:
                    break
                if level != self._root:
                    return
            _move(level, f"{level}/{_OTHERS}")
        for controller in missing:
            try:
                write(file, f"+{controller}")
            except OSError as error:
                if error.errno not in (errno.ENOTSUP, errno.ENOENT, errno.EBUSY, errno.EINVAL):
                    raise

    def apply(self, resources: Mapping[str, Any]) -> Sequence[str]:
        warnings = self.update(resources)
        if not userns.contained():  # where nobody can make a device, nor load the program
            cgroup_devices.apply_v2(self._directory, resources.get("devices") or ())
        return warnings

    def update(self, resources: Mapping[str, Any]) -> Sequence[str]:
        warnings = []
        self._make_room((resources.get("memory") or {}).get("limit"))
        before: list[tuple[str, str]] = []
        for file, value in files(resources, bfq=os.path.exists(f"{self._directory}/io.bfq.weight")):
            path = f"{self._directory}/{file}"
            was = read(path)
            try:
                write(path, value)
            except FileNotFoundError:
                if file != "memory.swap.max" or value not in ("0", "max"):
                    warnings.append(cgroup_limits.sentence(file))
                continue
            except OSError as error:
                if error.errno == errno.EOPNOTSUPP and file == "io.bfq.weight":
                    warnings.append(f"the I/O scheduler of device {value.partition(' ')[0]} knows no weights: limit discarded")
                    continue
                for each in reversed(before):
                    write(*each)
                raise
            if file != "io.max" and ":" not in value:  # has a line for each device; no update changes it
                before.append((path, was))
        for limit in resources.get("hugepageLimits") or ():
            write(f"{self._directory}/hugetlb.{limit['pageSize']}.max", limit["limit"])
        for file, value in (resources.get("unified") or {}).items():
            if "/" in file:
                raise ValueError(f"{file!r} is no file of a control group")
            write(f"{self._directory}/{file}", value)
        of_version_1 = cgroup_limits.discarded(resources, Layout(v2=self._root))
        return list(dict.fromkeys((*warnings, *of_version_1)))

    def _make_room(self, limit: int | None) -> None:
        """Refuse what version 1 refuses: for a limit below what is in use the kernel would kill at once.

        Raises:
            OSError: EBUSY, when more stays in use than ``limit`` though all is reclaimed that can be.
        """
        if limit is None or limit < 0:
            return
        for _ in range(_RECLAIM_TRIES):
            excess = int(read(f"{self._directory}/memory.current") or 0) - limit
            if excess <= 0:
                return
            try:
                write(f"{self._directory}/memory.reclaim", excess)
            except OSError:
                continue  # EAGAIN: less than that could be had; ENOENT: before Linux 5.19
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), f"{self._directory}/memory.max")

    def join(self, leader: int = 0) -> None:
        try:
            write(f"{self._directory}/cgroup.procs", 0)
        except OSError as error:
            # Its init has moved everything into groups below, as systemd does, and switched controllers on for them.
            if error.errno != errno.EBUSY or not (below := self._group_of(leader)):
                raise
            write(f"{below}/cgroup.procs", 0)

    def _group_of(self, pid: int) -> str:
        """The directory of the group below this one that process ``pid`` is in, or ``""``."""
        for line in read(f"/proc/{pid}/cgroup").splitlines() if pid else ():
            _, found, below = line.removeprefix("0::").partition(f"{self.path}/")
            if found:  # above it are the groups that lead to the part of the hierarchy which is ours
                return f"{self._directory}/{below}"
        return ""

    def pids(self) -> Sequence[int]:
        return pids_below(self._directory)

    def freeze(self) -> None:
        self._freezer(1)

    def thaw(self) -> None:
        self._freezer(0)

    def _freezer(self, wanted: int) -> None:
        """``cgroup.events`` wakes a poll(2) with POLLPRI when its ``frozen`` changes."""
        deadline = time.monotonic() + _FREEZE_SECONDS
        events = os.open(f"{self._directory}/cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
        try:
            poll = select.poll()
            poll.register(events, select.POLLPRI)
            write(f"{self._directory}/cgroup.freeze", wanted)
            while keyed(os.pread(events, 4096, 0).decode()).get("frozen") != wanted:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(errno.ETIMEDOUT, "did not freeze" if wanted else "did not thaw", self._directory)
                poll.poll(left * 1000)
        finally:
            os.close(events)

    def frozen(self) -> bool:
        return keyed(read(f"{self._directory}/cgroup.events")).get("frozen") == 1

    def kill(self) -> None:
        try:
            write(f"{self._directory}/cgroup.kill", 1)
        except FileNotFoundError:  # before Linux 5.14
            for _ in range(_KILL_TRIES):
                pids = self.pids()
                for pid in pids:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        continue
                if not pids:
                    return
                time.sleep(0.001)

    def remove(self) -> bool:
        return remove_tree(self._directory)

    def exists(self) -> bool:
        return os.path.isdir(self._directory)

    def oom_kills(self) -> int:
        return keyed(read(f"{self._directory}/memory.events")).get("oom_kill", 0)

    def watch_oom(self) -> tuple[int, int]:
        # A file of a kernfs is always readable, and has EPOLLPRI when it has changed since it was read last.
        return os.open(f"{self._directory}/memory.events", os.O_RDONLY | os.O_CLOEXEC), select.EPOLLPRI
