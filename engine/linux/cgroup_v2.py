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

from engine.linux import cgroup_devices
from engine.linux.cgroup_files import Layout, keyed, make, pids_below, read, remove_tree, write

_FREEZE_SECONDS = 10.0
_KILL_TRIES = 1000


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


def files(resources: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Which value goes into which file for an OCI ``linux.resources`` object, in the order of writing."""
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
    if blkio.get("weight"):
        out.append(("io.weight", str(io_weight(blkio["weight"]))))
    for key, name in (
        ("throttleReadBpsDevice", "rbps"),
        ("throttleWriteBpsDevice", "wbps"),
        ("throttleReadIOPSDevice", "riops"),
        ("throttleWriteIOPSDevice", "wiops"),
    ):
        out += [("io.max", f"{entry['major']}:{entry['minor']} {name}={entry['rate']}") for entry in blkio.get(key) or ()]
    return out


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
            for controller in read(f"{level}/cgroup.controllers").split():
                try:
                    write(f"{level}/cgroup.subtree_control", f"+{controller}")
                except OSError as error:
                    if error.errno not in (errno.ENOTSUP, errno.ENOENT, errno.EBUSY, errno.EINVAL):
                        raise
            level = f"{level}/{part}"
            try:
                os.mkdir(level)
            except FileExistsError:
                pass

    def apply(self, resources: Mapping[str, Any]) -> Sequence[str]:
        warnings = self.update(resources)
        cgroup_devices.apply_v2(self._directory, resources.get("devices") or ())
        return warnings

    def update(self, resources: Mapping[str, Any]) -> Sequence[str]:
        warnings = []
        for file, value in files(resources):
            if file == "io.weight" and os.path.exists(f"{self._directory}/io.bfq.weight"):
                file, value = "io.bfq.weight", str(resources["blockIO"]["weight"])
            try:
                write(f"{self._directory}/{file}", value)
            except FileNotFoundError:
                if file != "memory.swap.max" or value not in ("0", "max"):
                    warnings.append(f"your kernel does not support {file}: limit discarded")
        if (resources.get("memory") or {}).get("swappiness") is not None:
            warnings.append("memory swappiness is not supported on cgroup v2: discarded")
        return warnings

    def join(self) -> None:
        write(f"{self._directory}/cgroup.procs", 0)

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
