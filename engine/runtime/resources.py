"""Limits: checked as docker's daemon checks them, then as an OCI ``linux.resources`` object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import InvalidArgument
from engine.model.containers import HostConfig, ThrottleDevice, Ulimit, WeightDevice
from engine.model.value import EMPTY
from engine.runtime import defaults
from engine.runtime.host import DeviceNode, HostFacts

MIN_MEMORY = 6 << 20
_ULIMITS = frozenset(
    {"core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime"}
    | {"sigpending", "stack"}
)


def validate(host: HostConfig, facts: HostFacts) -> None:
    """Raise InvalidArgument, in docker's words, for limits that contradict themselves or this machine."""
    _validate_memory(host)
    if host.nano_cpus:
        if host.cpu_period or host.cpu_quota:
            other = "CPU Period" if host.cpu_period else "CPU Quota"
            raise InvalidArgument(f"conflicting options: Nano CPUs and {other} cannot both be set")
        if host.nano_cpus < 0 or host.nano_cpus > facts.cpus * 10**9:
            raise InvalidArgument(f"range of CPUs is from 0.01 to {facts.cpus:.2f}, as there are only {facts.cpus} CPUs available")
    if host.cpu_period and not 1000 <= host.cpu_period <= 1000000:
        raise InvalidArgument("CPU cfs period must be between 1ms and 1s: 1000 to 1000000")
    if host.cpu_quota > 0 and host.cpu_quota < 1000:
        raise InvalidArgument("CPU cfs quota cannot be less than 1ms (i.e. 1000)")
    if host.cpu_shares < 0:
        raise InvalidArgument(f"invalid CPU shares ({host.cpu_shares}): value must be a positive integer")
    for what, value in (("CPUs", host.cpuset_cpus), ("memory nodes", host.cpuset_mems)):
        if value and not all(part.replace("-", "", 1).isdigit() for part in value.split(",")):
            raise InvalidArgument(f"invalid value {value!r} for cpuset {what}")
    if not -1000 <= host.oom_score_adj <= 1000:
        raise InvalidArgument(f"invalid value {host.oom_score_adj}, range for oom score adj is [-1000, 1000]")
    for ulimit in host.ulimits:
        _validate_ulimit(ulimit)
    for rule in host.device_cgroup_rules:
        device_rule(rule)


def _validate_memory(host: HostConfig) -> None:
    if host.memory and host.memory < MIN_MEMORY:
        raise InvalidArgument("minimum memory limit allowed is 6MB")
    if host.memory_swap > 0 and not host.memory:
        raise InvalidArgument("you should always set the memory limit when using memory swap limit")
    if 0 < host.memory_swap < host.memory:
        raise InvalidArgument("minimum memoryswap limit should be larger than memory limit, see usage")
    if host.memory_reservation and host.memory_reservation < MIN_MEMORY:
        raise InvalidArgument("minimum memory reservation allowed is 6MB")
    if host.memory and host.memory_reservation > host.memory:
        raise InvalidArgument("minimum memory limit can not be less than memory reservation limit, see usage")


def _validate_ulimit(ulimit: Ulimit) -> None:
    if ulimit.name not in _ULIMITS:
        raise InvalidArgument(f"invalid ulimit type: {ulimit.name}")
    if ulimit.hard != -1 and (ulimit.soft == -1 or ulimit.soft > ulimit.hard):
        raise InvalidArgument(f"ulimit soft limit must be less than or equal to hard limit: {ulimit.soft} > {ulimit.hard}")


def rlimits(ulimits: Sequence[Ulimit]) -> list[dict[str, Any]]:
    """OCI ``process.rlimits``."""
    return [{"type": f"RLIMIT_{each.name.upper()}", "soft": each.soft, "hard": each.hard} for each in ulimits]


def device_rule(text: str) -> dict[str, Any]:
    """A rule of ``--device-cgroup-rule`` as OCI has it.

    Raises:
        InvalidArgument: docker's words.
    """
    kind, _, rest = text.partition(" ")
    numbers, _, access = rest.partition(" ")
    major, colon, minor = numbers.partition(":")
    known = kind in ("a", "b", "c") and colon and 1 <= len(access) <= 3 and set(access) <= set("rwm")
    if not known or not all(number == "*" or (number.isascii() and number.isdigit()) for number in (major, minor)):
        raise InvalidArgument(f"invalid device cgroup rule format: '{text}'")
    rule: dict[str, Any] = {"allow": True, "type": kind, "access": access}
    return rule | {name: int(number) for name, number in (("major", major), ("minor", minor)) if number != "*"}


def block_io(host: HostConfig, disks: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """OCI ``linux.resources.blockIO``; empty without limits. ``disks`` has major and minor of every device that ``host`` names."""

    def of(device: WeightDevice | ThrottleDevice) -> dict[str, Any]:
        major, minor = disks[device.path]
        value = {"weight": device.weight} if isinstance(device, WeightDevice) else {"rate": device.rate}
        return {"major": major, "minor": minor, **value}

    found: dict[str, Any] = {
        "weight": host.blkio_weight,
        "weightDevice": [of(device) for device in host.blkio_weight_device],
        "throttleReadBpsDevice": [of(device) for device in host.device_read_bps],
        "throttleWriteBpsDevice": [of(device) for device in host.device_write_bps],
        "throttleReadIOPSDevice": [of(device) for device in host.device_read_iops],
        "throttleWriteIOPSDevice": [of(device) for device in host.device_write_iops],
    }
    return {key: value for key, value in found.items() if value}


def resources(host: HostConfig, nodes: Sequence[DeviceNode], disks: Mapping[str, tuple[int, int]] = EMPTY) -> dict[str, Any]:
    """OCI ``linux.resources``; limits that are not set are not written. ``disks`` as for :func:`block_io`."""
    out: dict[str, Any] = {}
    memory: dict[str, Any] = {}
    if host.memory:
        memory["limit"] = host.memory
        memory["swap"] = host.memory_swap or host.memory * 2
    elif host.memory_swap:
        memory["swap"] = host.memory_swap
    if host.memory_reservation:
        memory["reservation"] = host.memory_reservation
    if host.memory_swappiness is not None:
        memory["swappiness"] = host.memory_swappiness
    if host.oom_kill_disable:
        memory["disableOOMKiller"] = True
    cpu: dict[str, Any] = {}
    if host.nano_cpus:
        cpu = {"period": 100000, "quota": host.nano_cpus // 10000}
    for key, value in (
        ("period", host.cpu_period),
        ("quota", host.cpu_quota),
        ("shares", host.cpu_shares),
        ("realtimePeriod", host.cpu_rt_period),
        ("realtimeRuntime", host.cpu_rt_runtime),
        ("cpus", host.cpuset_cpus),
        ("mems", host.cpuset_mems),
    ):
        if value:
            cpu[key] = value
    if memory:
        out["memory"] = memory
    if cpu:
        out["cpu"] = cpu
    if host.pids_limit > 0:
        out["pids"] = {"limit": host.pids_limit}
    if blkio := block_io(host, disks):
        out["blockIO"] = blkio
    if host.privileged:
        out["devices"] = [{"allow": True, "access": "rwm"}]
    else:
        out["devices"] = [*defaults.device_rules(), *map(_rule, nodes), *map(device_rule, host.device_cgroup_rules)]
    return out


def _rule(node: DeviceNode) -> dict[str, Any]:
    return {"allow": True, "type": node.kind, "major": node.major, "minor": node.minor, "access": node.permissions}
