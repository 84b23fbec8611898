"""Update: other limits for a container, in its record, in its OCI configuration, and in its control group if it has one.

Source: moby ``daemon/update.go``, ``container/container_unix.go`` (``UpdateContainer``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.backends.embedded import checks, limits
from engine.backends.embedded.core import Core
from engine.errors import Conflict, EngineFault
from engine.linux.cgroups import Cgroup, open_cgroup
from engine.model.containers import ContainerStatus, HostConfig, UpdateConfig
from engine.runtime.resources import resources
from engine.store import atomic, codec
from engine.store.containers import ContainerRecord
from engine.supervisor import records
from engine.supervisor.specs import load_spec

_SIMPLE = (
    "memory_reservation",
    "nano_cpus",
    "cpu_shares",
    "cpu_period",
    "cpu_quota",
    "cpuset_cpus",
    "cpuset_mems",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "blkio_weight",
    "memory_swap",
    "memory",
)

_RATES = ("device_read_bps", "device_write_bps", "device_read_iops", "device_write_iops")


def update(core: Core, container: str, wanted: UpdateConfig) -> Sequence[str]:
    """See :meth:`engine.interface.containers.ContainerLifecycle.update`."""
    record = core.containers.resolve(container)
    if record.state.status in (ContainerStatus.REMOVING, ContainerStatus.DEAD):
        raise Conflict(f'Cannot update container {record.id}: Container is marked for removal and cannot be "update".')
    host = merged(record.host_config, wanted)
    warnings = tuple(checks.check(record.config, host))
    spec = load_spec(core.roots, record.id)
    before = spec["linux"]["resources"]
    spec["linux"]["resources"] = _changed(host, before)
    _save(core, record, spec, host)
    try:
        warnings = (*warnings, *limits.discarded(core, spec["linux"]["resources"]), *_apply(record, spec, wanted, before))
    except OSError as error:
        spec["linux"]["resources"] = before
        _save(core, record, spec, record.host_config)
        reason = (error.strerror or str(error)).lower()
        raise EngineFault(f"Cannot update container {record.id}: {error.filename or 'cgroup'}: {reason}") from error
    if wanted.restart_policy is not None:
        core.lifecycle.set_policy(record, wanted.restart_policy)
    with core.database.transaction():
        core.containers.set_host_config(record.id, host, records.event(record, "update"))
    return tuple(dict.fromkeys(warnings))


def _changed(host: HostConfig, before: dict[str, Any]) -> dict[str, Any]:
    """OCI resources of ``host``; what is about single devices can not be changed, and stays."""
    limits = resources(host.replace(blkio_weight_device=(), device_cgroup_rules=(), **dict.fromkeys(_RATES, ())), ())
    block_io = {**(before.get("blockIO") or {}), **(limits.get("blockIO") or {})}
    return {**limits, "devices": before.get("devices"), **({"blockIO": block_io} if block_io else {})}


def merged(host: HostConfig, wanted: UpdateConfig) -> HostConfig:
    """The configuration after the update.

    Raises:
        Conflict: a change contradicts what was set before, in docker's words.
    """
    cpu = (("cpu_period", "CPU Period"), ("cpu_quota", "CPU Quota"))
    for field, shown in cpu:
        if wanted.nano_cpus and getattr(host, field):
            raise Conflict(f"Conflicting options: Nano CPUs cannot be updated as {shown} has already been set")
        if getattr(wanted, field) and host.nano_cpus:
            raise Conflict(f"Conflicting options: {shown} cannot be updated as NanoCPUs has already been set")
    swap = host.memory_swap or host.memory * 2
    if wanted.memory and not wanted.memory_swap and wanted.memory > swap >= 0:
        raise Conflict("Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time")
    policy = wanted.restart_policy
    if policy is not None and policy.name not in ("", "no") and host.auto_remove:
        raise Conflict("Restart policy cannot be updated because AutoRemove is enabled for the container")
    changes: dict[str, Any] = {field: value for field in _SIMPLE if (value := getattr(wanted, field))}
    if wanted.memory and not wanted.memory_swap:
        changes["memory_swap"] = swap
    if wanted.pids_limit is not None:
        changes["pids_limit"] = max(wanted.pids_limit, 0)
    if policy is not None:
        changes["restart_policy"] = policy
    return host.replace(**changes)


def _save(core: Core, record: ContainerRecord, spec: dict[str, Any], host: HostConfig) -> None:
    atomic.write_file(f"{core.roots.container_dir(record.id)}/config.json", codec.dumps(spec).encode(), durable=False)
    core.containers.set_host_config(record.id, host)


def _apply(record: ContainerRecord, spec: dict[str, Any], wanted: UpdateConfig, before: dict[str, Any]) -> Sequence[str]:
    """Into the control group, whole or not at all.

    Raises:
        OSError: the kernel refuses a value; the others are as before.
    """
    path = spec["linux"].get("cgroupsPath")
    try:
        group: Cgroup | None = open_cgroup(path) if path else None
    except OSError:
        group = None
    if group is None or not group.exists():
        return ()
    new = dict(spec["linux"]["resources"])
    if wanted.pids_limit is not None and wanted.pids_limit <= 0:
        new["pids"] = {"limit": -1}
    try:
        return group.update(new)
    except OSError:
        try:
            group.update(before)
        except OSError:
            pass  # the first failure is what counts
        raise
