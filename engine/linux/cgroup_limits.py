"""Which limits mean nothing on this machine, in docker's words: at create, when a person reads them, as docker has it.

Source of the sentences: moby ``daemon/daemon_unix.go`` (``verifyPlatformContainerResources``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from engine.linux.cgroup_files import Layout, read

_UNMOUNTED = "or the cgroup is not mounted"


class _Limit(NamedTuple):
    """Where a member of OCI ``linux.resources`` goes: controllers, files, and what is said when it can not. ``""``: nowhere."""

    section: str
    key: str
    controllers: tuple[str, str]
    files: tuple[str, str]
    sentence: str


def _memory(key: str, v1: str, v2: str, what: str, then: str = "Limitation discarded") -> _Limit:
    sentence = f"Your kernel does not support {what} capabilities {_UNMOUNTED}. {then}."
    return _Limit("memory", key, ("memory", "memory"), (v1, v2), sentence)


def _cpu(key: str, controller: str, files: tuple[str, str], what: str, then: str) -> _Limit:
    sentence = f"Your kernel does not support {what} {_UNMOUNTED}. {then} discarded."
    return _Limit("cpu", key, (controller, controller), files, sentence)


def _real_time(key: str, file: str) -> _Limit:
    sentence = f"Your kernel does not support CPU real-time scheduler {_UNMOUNTED}. Its limits are discarded."
    return _Limit("cpu", key, ("cpu", ""), (file, ""), sentence)


def _rate(key: str, file: str, what: str) -> _Limit:
    unit, way = what.split()
    sentence = f"Your kernel does not support {unit} Block I/O {way} limit {_UNMOUNTED}. Block I/O {unit} {way} limit discarded."
    return _Limit("blockIO", key, ("blkio", "io"), (f"blkio.throttle.{file}", "io.max"), sentence)


def _weight(key: str, suffix: str, what: str, then: str) -> _Limit:
    sentence = f"Your kernel does not support Block I/O {what} {_UNMOUNTED}. {then} discarded."
    return _Limit("blockIO", key, ("blkio", "io"), (f"blkio.bfq.weight{suffix}", "io.bfq.weight"), sentence)


_LIMITS = (
    _memory("limit", "memory.limit_in_bytes", "memory.max", "memory limit"),
    _memory("swap", "memory.memsw.limit_in_bytes", "memory.swap.max", "swap limit", "Memory limited without swap"),
    _memory("reservation", "memory.soft_limit_in_bytes", "memory.low", "memory soft limit"),
    _memory("swappiness", "memory.swappiness", "", "memory swappiness", "Memory swappiness discarded"),
    _Limit(
        "memory",
        "disableOOMKiller",
        ("memory", ""),
        ("memory.oom_control", ""),
        "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
    ),
    _Limit(
        "pids",
        "limit",
        ("pids", "pids"),
        ("pids.max", "pids.max"),
        f"Your kernel does not support PIDs limit capabilities {_UNMOUNTED}. PIDs limit discarded.",
    ),
    _cpu("quota", "cpu", ("cpu.cfs_quota_us", "cpu.max"), "CPU CFS quota", "Quota"),
    _cpu("period", "cpu", ("cpu.cfs_period_us", "cpu.max"), "CPU CFS quota", "Quota"),
    _cpu("shares", "cpu", ("cpu.shares", "cpu.weight"), "CPU shares", "Shares"),
    _cpu("cpus", "cpuset", ("cpuset.cpus", "cpuset.cpus"), "cpuset", "Cpuset"),
    _cpu("mems", "cpuset", ("cpuset.mems", "cpuset.mems"), "cpuset", "Cpuset"),
    _real_time("realtimePeriod", "cpu.rt_period_us"),
    _real_time("realtimeRuntime", "cpu.rt_runtime_us"),
    _weight("weight", "", "weight", "Weight"),
    _weight("weightDevice", "_device", "weight_device", "Weight-device"),
    _rate("throttleReadBpsDevice", "read_bps_device", "BPS read"),
    _rate("throttleWriteBpsDevice", "write_bps_device", "BPS write"),
    _rate("throttleReadIOPSDevice", "read_iops_device", "IOPS read"),
    _rate("throttleWriteIOPSDevice", "write_iops_device", "IOPS write"),
)


def discarded(resources: Mapping[str, Any], layout: Layout) -> Sequence[str]:
    """A sentence for each of the limits in an OCI ``linux.resources`` object that can not be set here."""
    wanted = [limit for limit in _LIMITS if _is_wish((resources.get(limit.section) or {}).get(limit.key))]
    return list(dict.fromkeys(limit.sentence for limit in wanted if not _there(limit, layout)))


def _is_wish(value: Any) -> bool:
    return value is not None and value is not False and value != []  # a swappiness of 0 is one


def sentence(file: str) -> str:
    """What is said when a group has no such file."""
    plain = file.replace("blkio.weight", "blkio.bfq.weight").replace("io.weight", "io.bfq.weight")
    found = next((limit.sentence for limit in _LIMITS if plain in limit.files), "")
    return found or f"Your kernel does not support {file}. Limitation discarded."


def _there(limit: _Limit, layout: Layout) -> bool:
    version = layout.version
    if not version or not limit.files[version - 1]:
        return False
    controller, file = limit.controllers[version - 1], limit.files[version - 1]
    if version == 2:
        if controller not in read(f"{layout.v2}/cgroup.controllers").split():
            return False
        below = _below(layout.v2)
        passed = controller in read(f"{below}/cgroup.controllers").split()
        return not file.startswith("io.bfq") or not passed or _has(below, file)
    point = layout.v1.get(controller, "")
    below = _below(point) if point else ""
    return bool(point) and (not below or _has(below, file))


def _has(directory: str, file: str) -> bool:
    return os.path.exists(f"{directory}/{file}") or os.path.exists(f"{directory}/{file.replace('bfq.', '')}")


def _below(point: str) -> str:
    """Some group below the topmost one, which does not have every file; ``""`` without any: then nothing is known."""
    with os.scandir(point) as entries:
        return next((entry.path for entry in entries if entry.is_dir(follow_symlinks=False)), "")
