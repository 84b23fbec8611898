"""What create refuses: a list of small checks, with docker's words.

Source: moby ``daemon/daemon_unix.go`` (``verifyPlatformContainerResources``), ``daemon/container.go``, ``runconfig``.
"""

from __future__ import annotations

import json
import os

from engine.errors import InvalidArgument, NotSupported
from engine.linux import capabilities
from engine.model.containers import ContainerConfig, HostConfig
from engine.supervisor import logs, signals

_MILLISECOND = 0.001
_LONGEST = 1e10
_MEMORY_MIN = 6 << 20
_RUNTIMES = ("", "runc", "longshore", "io.containerd.runc.v2")
_POLICIES = ("no", "always", "unless-stopped", "on-failure", "")


def check(config: ContainerConfig, host: HostConfig) -> list[str]:
    """Every check on a merged configuration; warnings come back.

    Raises:
        InvalidArgument: something contradicts itself.
    """
    for one in (_process, _names, _paths, _health, _policy, _memory, _cpu, _limits, _block_io, _placement, _drivers, _devices, _privileges):
        one(config, host)
    return _warnings(host)


def _process(config: ContainerConfig, host: HostConfig) -> None:
    if config.working_dir and not config.working_dir.startswith("/"):
        raise InvalidArgument(f"the working directory '{config.working_dir}' is invalid, it needs to be an absolute path")
    for entry in config.env:
        if not entry or entry.startswith("=") or "\0" in entry:
            raise InvalidArgument(f"invalid environment variable: {entry}")
    if config.stop_signal:
        signals.parse(config.stop_signal)
    texts = (*(config.entrypoint or ()), *(config.cmd or ()), config.user, config.working_dir)
    if any("\0" in text for text in texts):
        raise InvalidArgument("invalid NUL character in command, user or working directory")


def _names(config: ContainerConfig, host: HostConfig) -> None:
    if len(config.hostname) > 64:
        raise InvalidArgument(f"invalid hostname: {config.hostname} has more than 64 characters")
    if any(c.isspace() or c in "\0/" for c in config.hostname + config.domainname):
        raise InvalidArgument(f"invalid hostname format: {config.hostname}")
    if host.uts_mode == "host" and config.hostname:
        raise InvalidArgument("conflicting options: hostname and the UTS mode")
    if host.network_mode.startswith("container:"):
        if config.hostname:
            raise InvalidArgument("conflicting options: hostname and the network mode")
        if host.port_bindings or host.publish_all:
            raise InvalidArgument("conflicting options: port publishing and the container type network mode")
        if host.dns or host.extra_hosts:
            raise InvalidArgument(
                "conflicting options: dns and the network mode"
                if host.dns
                else "conflicting options: custom host-to-IP mapping and the network mode"
            )


def _paths(config: ContainerConfig, host: HostConfig) -> None:
    limited = (*host.device_read_bps, *host.device_write_bps, *host.device_read_iops, *host.device_write_iops)
    found = [
        *(path for mount in host.mounts for path in (mount.source, mount.target)),
        *(path for device in host.devices for path in (device.path_on_host, device.path_in_container)),
        *(device.path for device in limited),
        *(device.path for device in host.blkio_weight_device),
        *host.tmpfs,
        *config.volumes,
    ]
    for path in found:
        if "\0" in path:
            raise InvalidArgument(f"invalid NUL character in path {path!r}")


def _devices(config: ContainerConfig, host: HostConfig) -> None:
    if host.isolation not in ("", "default"):
        raise InvalidArgument(f"Invalid isolation: {json.dumps(host.isolation)} - linux only supports 'default'")
    for request in host.device_requests:
        wanted = " ".join(f"[{' '.join(words)}]" for words in request.capabilities)
        raise NotSupported(
            f'could not select device driver "{request.driver}" with capabilities: [{wanted}]',
            hint="this engine has no drivers that choose devices: name the device files with --device, as --device /dev/dri",
        )


def _health(config: ContainerConfig, host: HostConfig) -> None:
    check = config.healthcheck
    if check is None:
        return
    for name, seconds in (
        ("Interval", check.interval),
        ("Timeout", check.timeout),
        ("StartPeriod", check.start_period),
        ("StartInterval", check.start_interval),
    ):
        if seconds and not _MILLISECOND <= seconds < _LONGEST:
            raise InvalidArgument(f"{name} in Healthcheck cannot be less than 1ms")
    if check.retries < 0:
        raise InvalidArgument("Retries in Healthcheck cannot be negative")
    if any("\0" in word for word in check.test):
        raise InvalidArgument("invalid NUL character in Healthcheck")


def _policy(config: ContainerConfig, host: HostConfig) -> None:
    policy = host.restart_policy
    if policy.name not in _POLICIES:
        raise InvalidArgument(f"invalid restart policy '{policy.name}'")
    if policy.max_retries and policy.name != "on-failure":
        raise InvalidArgument(f"maximum retry count cannot be used with restart policy '{policy.name or 'no'}'")
    if policy.max_retries < 0:
        raise InvalidArgument("maximum retry count cannot be negative")
    if host.auto_remove and policy.name not in ("", "no"):
        raise InvalidArgument("can't create 'AutoRemove' container with restart policy")


def _memory(config: ContainerConfig, host: HostConfig) -> None:
    if 0 < host.memory < _MEMORY_MIN or host.memory < 0:
        raise InvalidArgument("Minimum memory limit allowed is 6MB")
    if host.memory_swap > 0 and not host.memory:
        raise InvalidArgument("You should always set the Memory limit when using Memoryswap limit, see usage")
    if host.memory and 0 < host.memory_swap < host.memory:
        raise InvalidArgument("Minimum memoryswap limit should be larger than memory limit, see usage")
    if 0 < host.memory_reservation < _MEMORY_MIN:
        raise InvalidArgument("Minimum memory reservation allowed is 6MB")
    if host.memory and host.memory_reservation > host.memory:
        raise InvalidArgument("Minimum memory limit can not be less than memory reservation limit, see usage")
    if host.memory_swappiness is not None and not 0 <= host.memory_swappiness <= 100:
        raise InvalidArgument(f"Invalid value: {host.memory_swappiness}, valid memory swappiness range is 0-100")
    if host.shm_size < 0:
        raise InvalidArgument("SHM size can not be less than 0")


def _cpu(config: ContainerConfig, host: HostConfig) -> None:
    count = os.cpu_count() or 1
    if host.nano_cpus:
        if host.cpu_period:
            raise InvalidArgument("Conflicting options: Nano CPUs and CPU Period cannot both be set.")
        if host.cpu_quota:
            raise InvalidArgument("Conflicting options: Nano CPUs and CPU Quota cannot both be set.")
        if not 0 < host.nano_cpus <= count * 1_000_000_000:
            raise InvalidArgument(f"Range of CPUs is from 0.01 to {count}.00, as there are only {count} CPUs available")
    if host.cpu_period and not 1000 <= host.cpu_period <= 1_000_000:
        raise InvalidArgument("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
    if host.cpu_quota > 0 and host.cpu_quota < 1000:
        raise InvalidArgument("CPU cfs quota can not be less than 1ms (i.e. 1000)")
    if host.cpu_shares < 0:
        raise InvalidArgument(f"invalid CPU shares ({host.cpu_shares}): value must be a positive integer")
    _cpuset("CPUs", host.cpuset_cpus, "/sys/devices/system/cpu/online", f"0-{count - 1}")
    _cpuset("memory nodes", host.cpuset_mems, "/sys/devices/system/node/online", "0")


def _cpuset(what: str, asked: str, available_path: str, otherwise: str) -> None:
    if not asked:
        return
    try:
        wanted = _numbers(asked)
    except ValueError:
        raise InvalidArgument(f"Invalid value {asked} for cpuset {'cpus' if what == 'CPUs' else 'mems'}") from None
    try:
        with open(available_path, encoding="ascii") as file:
            there = file.read().strip()
    except OSError:
        there = otherwise
    if not wanted <= _numbers(there):
        raise InvalidArgument(f"Requested {what} are not available - requested {asked}, available: {there}")


def _numbers(text: str) -> set[int]:
    """The numbers of a list such as ``0-2,7``. Raises ValueError."""
    found: set[int] = set()
    for part in text.split(","):
        low, dash, high = part.partition("-")
        first, last = int(low), int(high if dash else low)
        if not 0 <= first <= last <= 8192:
            raise ValueError(text)
        found.update(range(first, last + 1))
    return found


def _limits(config: ContainerConfig, host: HostConfig) -> None:
    if not -1000 <= host.oom_score_adj <= 1000:
        raise InvalidArgument(f"Invalid value {host.oom_score_adj}, range for oom score adj is [-1000, 1000]")
    for limit in host.ulimits:
        if limit.hard != -1 and (limit.soft == -1 or limit.soft > limit.hard):
            raise InvalidArgument(f"ulimit soft limit must be less than or equal to hard limit: {limit.soft} > {limit.hard}")


def _block_io(config: ContainerConfig, host: HostConfig) -> None:
    for weight in (host.blkio_weight, *(device.weight for device in host.blkio_weight_device)):
        if weight and not 10 <= weight <= 1000:
            raise InvalidArgument("Range of blkio weight is from 10 to 1000")
    for device in (*host.device_read_bps, *host.device_write_bps, *host.device_read_iops, *host.device_write_iops):
        if device.rate < 0:
            raise InvalidArgument(f"invalid rate for device {device.path}: {device.rate}")


def namespaces(host: HostConfig) -> None:
    """Refuse modes that mean nothing. dockerd takes some of them for a namespace of the container's own, unseen. Raises InvalidArgument.

    It is for modes as they were asked for: a container that is joined may be named in them.
    """
    if host.network_mode == "container:":
        raise InvalidArgument("Invalid network mode: invalid container format container:<name|id>")
    if host.cgroupns_mode not in ("", "host", "private"):
        raise InvalidArgument(f"invalid cgroup namespace mode: {host.cgroupns_mode}")
    for shown, mode, words, joins in (
        ("PID", host.pid_mode, (), True),
        ("UTS", host.uts_mode, (), False),
        ("IPC", host.ipc_mode, ("none", "private", "shareable"), True),
    ):
        if mode == "container:":
            raise InvalidArgument(f'cannot join {shown} of container : invalid name or ID supplied: ""')
        if mode not in ("", "host", *words) and not (joins and mode.startswith("container:")):
            raise InvalidArgument(f"Invalid {shown} mode: {mode}")


def _placement(config: ContainerConfig, host: HostConfig) -> None:
    if host.userns_mode not in ("", "host"):
        raise InvalidArgument("invalid USER mode", hint="this engine remaps no user ids: only --userns host is there")
    parts = host.cgroup_parent.strip("/").split("/") if host.cgroup_parent else []
    if any(part in ("", ".", "..") for part in parts) or "\0" in host.cgroup_parent:
        raise InvalidArgument(f"invalid cgroup parent {host.cgroup_parent!r}")
    if any(not key for key in host.annotations):
        raise InvalidArgument("invalid annotation: the name is empty")


def _drivers(config: ContainerConfig, host: HostConfig) -> None:
    if host.log_driver not in logs.DRIVERS:
        raise InvalidArgument(f'error looking up logging plugin {host.log_driver}: plugin "{host.log_driver}" not found')
    logs.rotation(host)
    if host.runtime not in _RUNTIMES:
        raise InvalidArgument(f"unknown or invalid runtime name: {host.runtime}")
    if host.volume_driver not in ("", "local"):
        raise InvalidArgument(f'error looking up volume plugin {host.volume_driver}: plugin "{host.volume_driver}" not found')


def _privileges(config: ContainerConfig, host: HostConfig) -> None:
    for option, names in (("CapAdd", host.cap_add), ("CapDrop", host.cap_drop)):
        for name in names:
            if name.upper() != "ALL" and not capabilities.normalise(name):
                raise InvalidArgument(f'invalid {option}: unknown capability: "CAP_{name.upper().removeprefix("CAP_")}"')
    for index, option in enumerate(host.security_opt, 1):
        key, separator, _ = option.replace(":", "=", 1).partition("=")
        known = key in ("seccomp", "apparmor", "label", "no-new-privileges", "systempaths", "writable-cgroups")
        if not known or (not separator and key not in ("no-new-privileges", "writable-cgroups")):
            raise InvalidArgument(f'invalid --security-opt {index}: "{option}"')
    for device in host.devices:
        if not device.permissions or not set("rwm").issuperset(device.permissions):
            raise InvalidArgument(f"invalid device mode: {device.permissions}")


def _warnings(host: HostConfig) -> list[str]:
    found = []
    if host.network_mode == "host" and (host.port_bindings or host.publish_all):
        found.append("Published ports are discarded when using host network mode")
    if host.oom_score_adj < 0:
        found.append("a negative OOM score adjustment needs CAP_SYS_RESOURCE on the host")
    if host.oom_kill_disable and not host.memory:
        found.append(
            "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources."
        )
    for name, given in (("a kernel memory limit", host.kernel_memory), ("storage options", host.storage_options)):
        if given:
            found.append(f"This engine does not support {name}; it was ignored.")
    if ignored := [name for name in host.log_options if name in logs.IGNORED]:
        found.append(f"This engine does not support log options other than max-size and max-file; {', '.join(ignored)} was ignored.")
    return found
