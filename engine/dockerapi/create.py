"""Request bodies for containers: ``POST /containers/create`` and ``POST /containers/{id}/exec``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from engine.model.containers import (
    ContainerConfig,
    DeviceRequest,
    EndpointOptions,
    ExecConfig,
    HostConfig,
    Mount,
    PortBinding,
    ThrottleDevice,
    UpdateConfig,
)
from engine.model.health import Healthcheck

_PROPAGATION = frozenset(prefix + kind for prefix in ("", "r") for kind in ("private", "shared", "slave"))


def dumps(value: object) -> bytes:
    """JSON bytes for a request body."""
    return json.dumps(value, separators=(",", ":")).encode()


def encode_create(config: ContainerConfig, host: HostConfig) -> bytes:
    """The body of a create request. What is docker's default is left out, so that the engine's own defaults hold."""
    volumes = [mount for mount in host.mounts if _anonymous(mount)]
    body: dict[str, Any] = {
        "Image": config.image,
        "Cmd": _listed(config.cmd),
        "Entrypoint": _listed(config.entrypoint),
        "Env": list(config.env),
        "User": config.user,
        "WorkingDir": config.working_dir,
        "Hostname": config.hostname,
        "Domainname": config.domainname,
        "Labels": dict(config.labels),
        "Tty": config.tty,
        "OpenStdin": config.open_stdin,
        "StdinOnce": config.stdin_once,
        "AttachStdin": config.attach_stdin,
        "AttachStdout": config.attach_stdout,
        "AttachStderr": config.attach_stderr,
        "ExposedPorts": {_port(name): {} for name in (*config.exposed_ports, *map(_port_name, host.port_bindings))},
        "Volumes": {path: {} for path in (*config.volumes, *(mount.target for mount in volumes))},
        "StopSignal": config.stop_signal,
        "StopTimeout": config.stop_timeout,
        "Healthcheck": None if config.healthcheck is None else encode_healthcheck(config.healthcheck),
        "Shell": list(config.shell),
        "MacAddress": host.mac_address,
    }
    # An empty list of entrypoint or command is a statement, everything else that is empty is not.
    kept = {key: value for key, value in body.items() if value or (key in ("Cmd", "Entrypoint", "StopTimeout") and value is not None)}
    kept["HostConfig"] = _host_config(host)
    if endpoint := _endpoint(host):
        kept["NetworkingConfig"] = {"EndpointsConfig": {host.network_mode: endpoint}}
    return dumps(kept)


def encode_update(config: UpdateConfig) -> bytes:
    """The body of an update request: what is to be changed."""
    policy = config.restart_policy
    body = {
        "Memory": config.memory,
        "MemorySwap": config.memory_swap,
        "MemoryReservation": config.memory_reservation,
        "NanoCpus": config.nano_cpus,
        "CpuShares": config.cpu_shares,
        "CpuPeriod": config.cpu_period,
        "CpuQuota": config.cpu_quota,
        "CpusetCpus": config.cpuset_cpus,
        "CpusetMems": config.cpuset_mems,
        "CpuRealtimePeriod": config.cpu_rt_period,
        "CpuRealtimeRuntime": config.cpu_rt_runtime,
        "BlkioWeight": config.blkio_weight,
        "RestartPolicy": {"Name": policy.name, "MaximumRetryCount": policy.max_retries} if policy else None,
    }
    kept: dict[str, Any] = {key: value for key, value in body.items() if value}
    if config.pids_limit is not None:
        kept["PidsLimit"] = config.pids_limit
    return dumps(kept)


def encode_healthcheck(check: Healthcheck) -> dict[str, Any]:
    """A ``HealthConfig``; what is 0 or empty is left out."""
    body: dict[str, Any] = {"Test": list(check.test), "Retries": check.retries}
    for name, seconds in (
        ("Interval", check.interval),
        ("Timeout", check.timeout),
        ("StartPeriod", check.start_period),
        ("StartInterval", check.start_interval),
    ):
        body[name] = round(seconds * 1e9)
    return {key: value for key, value in body.items() if value}


def encode_exec(config: ExecConfig) -> bytes:
    """The body that makes an exec instance."""
    body = {
        "Cmd": list(config.cmd),
        "Tty": config.tty,
        "AttachStdin": config.stdin and not config.detach,
        "AttachStdout": not config.detach,
        "AttachStderr": not config.detach,
        "Env": list(config.env),
        "User": config.user,
        "WorkingDir": config.working_dir,
        "Privileged": config.privileged,
    }
    return dumps({key: value for key, value in body.items() if value})


def encode_exec_start(config: ExecConfig) -> bytes:
    """The body that starts an exec instance."""
    body: dict[str, Any] = {"Detach": config.detach, "Tty": config.tty}
    if config.tty and config.height and config.width:
        body["ConsoleSize"] = [config.height, config.width]
    return dumps(body)


def _listed(argv: tuple[str, ...] | None) -> list[str] | None:
    return None if argv is None else list(argv)


def _port(name: str) -> str:
    return name if "/" in name else f"{name}/tcp"


def _port_name(port: PortBinding) -> str:
    return f"{port.container_port}/{port.protocol}"


def _anonymous(mount: Mount) -> bool:
    return mount == Mount(kind="volume", target=mount.target)


def _as_bind(mount: Mount) -> bool:
    """``-v`` form: it makes missing sources and takes every option; a colon in the path leaves only the ``--mount`` form."""
    if mount.subpath or mount.driver or mount.driver_options or mount.labels:
        return False
    return bool(mount.source) and ":" not in mount.source + mount.target and (mount.kind == "volume" or mount.create_source)


def _bind(mount: Mount) -> str:
    options = [*(["ro"] if mount.read_only else []), *mount.options]
    return ":".join((mount.source, mount.target, *([",".join(options)] if options else [])))


def _mount(mount: Mount) -> dict[str, Any]:
    body: dict[str, Any] = {"Type": mount.kind, "Target": mount.target}
    if mount.source:
        body["Source"] = mount.source
    if mount.read_only:
        body["ReadOnly"] = True
    if options := bind_options(mount):
        body["BindOptions"] = options
    if options := volume_options(mount):
        body["VolumeOptions"] = options
    if options := image_options(mount):
        body["ImageOptions"] = options
    return body


def bind_options(mount: Mount) -> dict[str, Any]:
    """``BindOptions`` of a mount; empty where everything is as docker has it by itself."""
    if mount.kind != "bind":
        return {}
    found: dict[str, Any] = {}
    if propagation := [word for word in mount.options if word in _PROPAGATION]:
        found["Propagation"] = propagation[-1]
    for word, key in (("norecursive", "NonRecursive"), ("writable", "ReadOnlyNonRecursive"), ("forcereadonly", "ReadOnlyForceRecursive")):
        if word in mount.options:
            found[key] = True
    return found


def volume_options(mount: Mount) -> dict[str, Any]:
    """``VolumeOptions`` of a mount; empty where everything is as docker has it by itself."""
    if mount.kind != "volume":
        return {}
    driver = {"Name": mount.driver, "Options": dict(mount.driver_options)}
    found = {
        "NoCopy": "nocopy" in mount.options,
        "Subpath": mount.subpath,
        "Labels": dict(mount.labels),
        "DriverConfig": {key: value for key, value in driver.items() if value},
    }
    return {key: value for key, value in found.items() if value}


def image_options(mount: Mount) -> dict[str, Any]:
    """``ImageOptions`` of a mount (API 1.48); empty where the whole image is mounted."""
    return {"Subpath": mount.subpath} if mount.kind == "image" and mount.subpath else {}


def _tmpfs(host: HostConfig) -> dict[str, str]:
    found = dict(host.tmpfs)
    for mount in host.mounts:
        if mount.kind == "tmpfs":
            found[mount.target] = ",".join((*(["ro"] if mount.read_only else []), *mount.options))
    return found


def _port_bindings(ports: tuple[PortBinding, ...]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        found.setdefault(_port_name(port), []).append({"HostIp": port.host_ip, "HostPort": port.asked})
    return found


def _endpoint(host: HostConfig) -> dict[str, Any]:
    endpoint: dict[str, Any] = {}
    if host.network_aliases:
        endpoint["Aliases"] = list(host.network_aliases)
    if config := ipam_config(host.ipv4_address, host.ipv6_address, host.endpoint.link_local):
        endpoint["IPAMConfig"] = config
    return {**endpoint, **encode_endpoint_options(host.endpoint)}


def ipam_config(ip: str, ip6: str, link_local: Sequence[str] = ()) -> dict[str, Any]:
    """``IPAMConfig`` of an endpoint; empty without a wanted address."""
    return {key: value for key, value in (("IPv4Address", ip), ("IPv6Address", ip6), ("LinkLocalIPs", list(link_local))) if value}


def encode_endpoint_options(options: EndpointOptions) -> dict[str, Any]:
    """Members of ``EndpointSettings`` besides its addresses; what is not asked for is left out."""
    members = {"MacAddress": options.mac_address, "GwPriority": options.gateway_priority, "DriverOpts": dict(options.driver)}
    return {key: value for key, value in members.items() if value}


def _host_config(host: HostConfig) -> dict[str, Any]:
    policy = host.restart_policy
    mounts = [mount for mount in host.mounts if mount.kind != "tmpfs" and not _anonymous(mount)]
    body: dict[str, Any] = {
        "NetworkMode": host.network_mode,
        "PortBindings": _port_bindings(host.port_bindings),
        "PublishAllPorts": host.publish_all,
        "Binds": [_bind(mount) for mount in mounts if _as_bind(mount)],
        "Mounts": [_mount(mount) for mount in mounts if not _as_bind(mount)],
        "RestartPolicy": {"Name": policy.name, "MaximumRetryCount": policy.max_retries} if policy.name != "no" else None,
        "AutoRemove": host.auto_remove,
        "Privileged": host.privileged,
        "CapAdd": list(host.cap_add),
        "CapDrop": list(host.cap_drop),
        "SecurityOpt": list(host.security_opt),
        "ReadonlyRootfs": host.read_only_rootfs,
        "Init": host.init,
        "Dns": list(host.dns),
        "DnsSearch": list(host.dns_search),
        "DnsOptions": list(host.dns_options),
        "ExtraHosts": list(host.extra_hosts),
        "Links": list(host.links),
        "GroupAdd": list(host.group_add),
        "PidMode": host.pid_mode,
        "IpcMode": host.ipc_mode,
        "UTSMode": host.uts_mode,
        "CgroupnsMode": host.cgroupns_mode,
        "ShmSize": host.shm_size,
        "Tmpfs": _tmpfs(host),
        "Sysctls": dict(host.sysctls),
        "Ulimits": [{"Name": limit.name, "Soft": limit.soft, "Hard": limit.hard} for limit in host.ulimits],
        "Devices": [
            {"PathOnHost": item.path_on_host, "PathInContainer": item.path_in_container, "CgroupPermissions": item.permissions}
            for item in host.devices
        ],
        "Memory": host.memory,
        "MemorySwap": host.memory_swap,
        "MemoryReservation": host.memory_reservation,
        "NanoCpus": host.nano_cpus,
        "CpuShares": host.cpu_shares,
        "CpuPeriod": host.cpu_period,
        "CpuQuota": host.cpu_quota,
        "CpusetCpus": host.cpuset_cpus,
        "CpusetMems": host.cpuset_mems,
        "CpuRealtimePeriod": host.cpu_rt_period,
        "CpuRealtimeRuntime": host.cpu_rt_runtime,
        "PidsLimit": host.pids_limit,
        "OomScoreAdj": host.oom_score_adj,
        "OomKillDisable": host.oom_kill_disable,
        "DeviceCgroupRules": list(host.device_cgroup_rules),
        "VolumesFrom": list(host.volumes_from),
        "Annotations": dict(host.annotations),
        "CgroupParent": host.cgroup_parent,
        "UsernsMode": host.userns_mode,
        "LogConfig": {"Type": host.log_driver, "Config": dict(host.log_options)} if host.log_driver or host.log_options else None,
        "Runtime": host.runtime,
        "VolumeDriver": host.volume_driver,
        "DeviceRequests": list(map(encode_device_request, host.device_requests)),
        "StorageOpt": dict(host.storage_options),
        "Isolation": host.isolation,
        "KernelMemory": host.kernel_memory,
        **encode_block_io(host),
    }
    kept = {key: value for key, value in body.items() if value}
    if host.memory_swappiness is not None:
        kept["MemorySwappiness"] = host.memory_swappiness
    return kept


def encode_device_request(request: DeviceRequest) -> dict[str, Any]:
    """A ``DeviceRequest``."""
    return {
        "Driver": request.driver,
        "Count": request.count,
        "DeviceIDs": list(request.ids) or None,
        "Capabilities": [list(words) for words in request.capabilities],
        "Options": dict(request.options),
    }


def encode_block_io(host: HostConfig) -> dict[str, Any]:
    """The ``Blkio…`` members of a ``HostConfig``."""

    def rates(devices: tuple[ThrottleDevice, ...]) -> list[dict[str, Any]]:
        return [{"Path": one.path, "Rate": one.rate} for one in devices]

    return {
        "BlkioWeight": host.blkio_weight,
        "BlkioWeightDevice": [{"Path": one.path, "Weight": one.weight} for one in host.blkio_weight_device],
        "BlkioDeviceReadBps": rates(host.device_read_bps),
        "BlkioDeviceWriteBps": rates(host.device_write_bps),
        "BlkioDeviceReadIOps": rates(host.device_read_iops),
        "BlkioDeviceWriteIOps": rates(host.device_write_iops),
    }
