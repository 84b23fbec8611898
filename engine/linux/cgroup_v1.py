"""Control groups, version 1: one directory for each controller."""

from __future__ import annotations

import errno
import os
import select
import signal
import time
from collections.abc import Mapping, Sequence
from typing import Any

from engine.linux import cgroup_devices, cgroup_limits
from engine.linux.cgroup_files import Layout, keyed, make, pids_below, read, remove_tree, write

_FREEZE_TRIES = 1000
_PAUSE = 0.01


class V1:
    """A control group on a machine whose controllers are bound to version 1. See :class:`engine.linux.cgroups.Cgroup`."""

    def __init__(self, path: str, layout: Layout) -> None:
        self.path = path
        self._directories = {name: point + path for name, point in layout.v1.items()}

    def directory(self, controller: str) -> str:
        return self._directories.get(controller, "")

    def _all(self) -> Sequence[str]:
        """Directories, once each: co-mounted controllers share one."""
        return list(dict.fromkeys(self._directories.values()))

    def create(self) -> None:
        make(self._create)

    def _create(self) -> None:
        for name, directory in self._directories.items():
            if name == "cpuset":
                self._create_cpuset(directory)
                continue
            try:
                os.mkdir(directory)
            except FileExistsError:
                continue
            except FileNotFoundError:
                os.makedirs(directory, exist_ok=True)

    @staticmethod
    def _create_cpuset(directory: str) -> None:
        """Each level starts empty and refuses tasks until it has CPUs and memory nodes: copy them down."""
        missing = []
        while not os.path.isdir(directory):
            missing.append(directory)
            directory = os.path.dirname(directory)
        for level in reversed(missing):
            try:
                os.mkdir(level)
            except FileExistsError:
                pass
            for file in ("cpuset.cpus", "cpuset.mems"):
                if not read(f"{level}/{file}").strip():
                    write(f"{level}/{file}", read(f"{os.path.dirname(level)}/{file}").strip())

    def apply(self, resources: Mapping[str, Any]) -> Sequence[str]:
        self._devices(resources.get("devices") or ())
        return self.update(resources)

    def update(self, resources: Mapping[str, Any]) -> Sequence[str]:
        warnings: list[str] = []
        self._memory(resources.get("memory") or {}, warnings)
        self._cpu(resources.get("cpu") or {}, warnings)
        limit = (resources.get("pids") or {}).get("limit")
        if limit is not None:
            self._put("pids", "pids.max", "max" if limit < 0 else max(limit, 1), warnings)
        self._blkio(resources.get("blockIO") or {}, warnings)
        self._strict(resources)
        return warnings

    def _put(self, controller: str, file: str, value: int | str, warnings: list[str]) -> None:
        directory = self.directory(controller)
        if not directory or not os.path.exists(f"{directory}/{file}"):
            warnings.append(cgroup_limits.sentence(file))
            return
        write(f"{directory}/{file}", value)

    def _strict(self, resources: Mapping[str, Any]) -> None:
        """What only OCI bundles ask for, who must be told when it can not be had."""
        network = resources.get("network") or {}
        wanted = [
            ("hugetlb", f"hugetlb.{each['pageSize']}.limit_in_bytes", each["limit"]) for each in resources.get("hugepageLimits") or ()
        ]
        if network.get("classID"):
            wanted.append(("net_cls", "net_cls.classid", network["classID"]))
        wanted += [("net_prio", "net_prio.ifpriomap", f"{each['name']} {each['priority']}") for each in network.get("priorities") or ()]
        for controller, file, value in wanted:
            if not self.directory(controller):
                raise OSError(errno.ENOTSUP, f"no {controller} control group of version 1 is mounted", file)
            write(f"{self.directory(controller)}/{file}", value)
        if resources.get("unified"):
            raise OSError(errno.ENOTSUP, "control groups of this machine are not unified", "linux.resources.unified")

    def _devices(self, rules: Sequence[Mapping[str, Any]]) -> None:
        directory = self.directory("devices")
        if not directory:
            return
        allowed = cgroup_devices.flatten(rules)
        if allowed == cgroup_devices.EVERYTHING:
            return
        write(f"{directory}/devices.deny", "a")
        write(f"{directory}/devices.allow", *map(str, allowed))

    def _memory(self, memory: Mapping[str, Any], warnings: list[str]) -> None:
        limit, swap = memory.get("limit"), memory.get("swap")
        both = [("memory.memsw.limit_in_bytes", swap), ("memory.limit_in_bytes", limit)]
        if limit is not None and limit != -1:
            now = read(f"{self.directory('memory')}/memory.limit_in_bytes").strip()
            if now and int(now) > limit:
                both.reverse()  # memory+swap may never be below memory, also on the way
        for file, value in both:
            if value is not None:
                self._put("memory", file, value, warnings)
        for key, file in (("reservation", "memory.soft_limit_in_bytes"), ("swappiness", "memory.swappiness")):
            if memory.get(key) is not None:
                self._put("memory", file, memory[key], warnings)
        if memory.get("disableOOMKiller"):
            self._put("memory", "memory.oom_control", 1, warnings)

    def _cpu(self, cpu: Mapping[str, Any], warnings: list[str]) -> None:
        for key, controller, file in (
            ("shares", "cpu", "cpu.shares"),
            ("period", "cpu", "cpu.cfs_period_us"),
            ("quota", "cpu", "cpu.cfs_quota_us"),
            ("realtimePeriod", "cpu", "cpu.rt_period_us"),
            ("realtimeRuntime", "cpu", "cpu.rt_runtime_us"),
            ("cpus", "cpuset", "cpuset.cpus"),
            ("mems", "cpuset", "cpuset.mems"),
        ):
            if cpu.get(key):
                self._put(controller, file, cpu[key], warnings)
        if cpu.get("shares"):
            self._judge_shares(cpu["shares"])

    def _judge_shares(self, wanted: int) -> None:
        """The kernel takes shares out of its range and says nothing. Raises OSError in runc's words, as runc does (``fs/cpu.go``)."""
        path = f"{self.directory('cpu')}/cpu.shares"
        if not os.path.exists(path):
            return
        kept = int(read(path).strip() or wanted)
        if kept != wanted:
            raise OSError(errno.EINVAL, f"the {'maximum' if wanted > kept else 'minimum'} allowed cpu-shares is {kept}", "cpu.shares")

    def _blkio(self, blkio: Mapping[str, Any], warnings: list[str]) -> None:
        if blkio.get("weight"):
            file = "blkio.weight" if os.path.exists(f"{self.directory('blkio')}/blkio.weight") else "blkio.bfq.weight"
            self._put("blkio", file, blkio["weight"], warnings)
        bfq = "" if os.path.exists(f"{self.directory('blkio')}/blkio.weight_device") else "bfq."
        for entry in blkio.get("weightDevice") or ():
            if entry.get("weight"):
                device = f"{entry['major']}:{entry['minor']}"
                try:
                    self._put("blkio", f"blkio.{bfq}weight_device", f"{device} {entry['weight']}", warnings)
                except OSError as error:
                    if error.errno != errno.EOPNOTSUPP:
                        raise
                    warnings.append(f"the I/O scheduler of device {device} knows no weights: limit discarded")
        for key, file in (
            ("throttleReadBpsDevice", "blkio.throttle.read_bps_device"),
            ("throttleWriteBpsDevice", "blkio.throttle.write_bps_device"),
            ("throttleReadIOPSDevice", "blkio.throttle.read_iops_device"),
            ("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device"),
        ):
            for entry in blkio.get(key) or ():
                self._put("blkio", file, f"{entry['major']}:{entry['minor']} {entry['rate']}", warnings)

    def join(self, leader: int = 0) -> None:
        for directory in self._directories.values():
            write(f"{directory}/tasks", 0)

    def pids(self) -> Sequence[int]:
        return pids_below(self.directory("freezer") or self.directory("pids") or next(iter(self._directories.values())))

    def freeze(self) -> None:
        self._freezer("FROZEN")

    def thaw(self) -> None:
        self._freezer("THAWED")

    def _freezer(self, wanted: str) -> None:
        directory = self.directory("freezer")
        if not directory:
            raise OSError(errno.ENOSYS, "no freezer cgroup is mounted", self.path)
        file = f"{directory}/freezer.state"
        for attempt in range(_FREEZE_TRIES):
            # A task that forks while it is being frozen can keep the group in FREEZING: let go now and then.
            if wanted == "FROZEN" and attempt % 50 == 49:
                write(file, "THAWED")
                time.sleep(_PAUSE)
            write(file, wanted)
            if read(file).strip() == wanted:
                return
            time.sleep(_PAUSE / 10 if attempt < 20 else _PAUSE)
        if wanted == "FROZEN":
            write(file, "THAWED")
        raise TimeoutError(errno.ETIMEDOUT, f"did not become {wanted}", file)

    def frozen(self) -> bool:
        return read(f"{self.directory('freezer')}/freezer.state").strip() == "FROZEN"

    def kill(self) -> None:
        for _ in range(_FREEZE_TRIES):
            pids = self.pids()
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            if self.directory("freezer"):
                write(f"{self.directory('freezer')}/freezer.state", "THAWED")
            if not pids:
                return
            time.sleep(_PAUSE / 10)

    def remove(self) -> bool:
        gone = [remove_tree(directory) for directory in self._all()]
        return all(gone)

    def exists(self) -> bool:
        return any(map(os.path.isdir, self._directories.values()))

    def oom_kills(self) -> int:
        return keyed(read(f"{self.directory('memory')}/memory.oom_control")).get("oom_kill", 0)

    def watch_oom(self) -> tuple[int, int]:
        directory = self.directory("memory")
        event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            control = os.open(f"{directory}/memory.oom_control", os.O_RDONLY | os.O_CLOEXEC)
            try:
                write(f"{directory}/cgroup.event_control", f"{event} {control}")
            finally:
                os.close(control)
        except BaseException:
            os.close(event)
            raise
        return event, select.EPOLLIN
