"""A container as the document that ``inspect`` prints: ``GET /containers/{id}/json`` of the Engine API 1.51, written.

Absent lists are ``[]`` or ``null`` as docker has it, for clients that iterate without looking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.dockerapi.create import (
    bind_options,
    encode_block_io,
    encode_device_request,
    encode_healthcheck,
    image_options,
    ipam_config,
    volume_options,
)
from engine.dockerapi.show import dumps, moment
from engine.model.containers import Container, ContainerDetails, ContainerState, ContainerStatus, Endpoint, HostConfig, Mount, PortBinding
from engine.model.health import HealthReport
from engine.model.pruning import PREDEFINED

_ID_LENGTH = 64
"""Of the name that an anonymous volume gets."""


def container(details: ContainerDetails, *, files: str, graph: Mapping[str, str]) -> str:
    """``GET /containers/{id}/json``. ``files`` is the directory with ``hosts`` and the like; ``graph`` the overlay's directories."""
    shown = details.container
    document: dict[str, Any] = {
        "Id": shown.id,
        "Created": moment(shown.created_at),
        "Path": details.path,
        "Args": list(details.args),
        "State": _state(shown.state, details.health),
        "Image": shown.image_id,
        "ResolvConfPath": f"{files}/resolv.conf",
        "HostnamePath": f"{files}/hostname",
        "HostsPath": f"{files}/hosts",
        "LogPath": details.log_path,
        "Name": f"/{shown.name}",
        "RestartCount": shown.state.restart_count,
        "Driver": details.driver,
        "Platform": details.platform,
        "MountLabel": details.mount_label,
        "ProcessLabel": details.process_label,
        "AppArmorProfile": details.app_armor_profile,
        "ExecIDs": None,
        "HostConfig": _host_config(shown.name, details.host_config),
        "GraphDriver": {"Name": details.driver, "Data": dict(graph)},
        "Mounts": [mount_point(mount) for mount in shown.mounts if mount.kind != "tmpfs" or mount.target],
        "Config": _config(details),
        "NetworkSettings": _network_settings(shown),
    }
    if shown.size_rw is not None:
        document["SizeRw"] = shown.size_rw
        document["SizeRootFs"] = shown.size_rootfs
    return dumps(document)


def _state(state: ContainerState, health: HealthReport | None) -> dict[str, Any]:
    status = state.status
    found: dict[str, Any] = {
        "Status": str(status),
        "Running": status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED, ContainerStatus.RESTARTING),
        "Paused": status is ContainerStatus.PAUSED,
        "Restarting": status is ContainerStatus.RESTARTING,
        "OOMKilled": state.oom_killed,
        "Dead": status is ContainerStatus.DEAD,
        "Pid": state.pid,
        "ExitCode": 0 if state.running else state.exit_code,
        "Error": state.error,
        "StartedAt": moment(state.started_at),
        "FinishedAt": moment(state.finished_at),
    }
    if state.health:
        report = health or HealthReport()
        log = [
            {"Start": moment(probe.started_at), "End": moment(probe.finished_at), "ExitCode": probe.exit_code, "Output": probe.output}
            for probe in report.log
        ]
        found["Health"] = {"Status": state.health, "FailingStreak": report.failing_streak, "Log": log}
    return found


def _config(details: ContainerDetails) -> dict[str, Any]:
    config = details.config
    found: dict[str, Any] = {
        "Hostname": config.hostname,
        "Domainname": config.domainname,
        "User": config.user,
        "AttachStdin": config.attach_stdin,
        "AttachStdout": config.attach_stdout,
        "AttachStderr": config.attach_stderr,
        "Tty": config.tty,
        "OpenStdin": config.open_stdin,
        "StdinOnce": config.stdin_once,
        "Env": list(config.env),
        "Cmd": _listed(config.cmd),
        "Image": config.image,
        "Volumes": {path: {} for path in config.volumes} or None,
        "WorkingDir": config.working_dir,
        "Entrypoint": _listed(config.entrypoint),
        "OnBuild": None,
        "Labels": dict(config.labels),
    }
    if config.exposed_ports:
        found["ExposedPorts"] = {port: {} for port in config.exposed_ports}
    if config.stop_signal:
        found["StopSignal"] = config.stop_signal
    if config.healthcheck is not None:
        found["Healthcheck"] = encode_healthcheck(config.healthcheck)
    if config.shell:
        found["Shell"] = list(config.shell)
    if config.stop_timeout is not None:
        found["StopTimeout"] = config.stop_timeout
    return found


def _listed(texts: Sequence[str] | None) -> list[str] | None:
    return None if texts is None else list(texts)


def _host_config(name: str, host: HostConfig) -> dict[str, Any]:
    annotations = {"Annotations": dict(host.annotations)} if host.annotations else {}
    mounts = [mount for mount in host.mounts if not _as_bind(mount) and (mount.kind != "volume" or mount.source)]
    return {
        "Binds": [_bind(mount) for mount in host.mounts if _as_bind(mount)] or None,
        "ContainerIDFile": "",
        "LogConfig": {"Type": host.log_driver or "json-file", "Config": dict(host.log_options)},
        "NetworkMode": host.network_mode,
        "PortBindings": _wanted_ports(host.port_bindings),
        "RestartPolicy": {"Name": host.restart_policy.name or "no", "MaximumRetryCount": host.restart_policy.max_retries},
        "AutoRemove": host.auto_remove,
        "VolumeDriver": host.volume_driver,
        "VolumesFrom": list(host.volumes_from) or None,
        "CapAdd": list(host.cap_add) or None,
        "CapDrop": list(host.cap_drop) or None,
        "CgroupnsMode": host.cgroupns_mode or "host",
        "Dns": list(host.dns),
        "DnsOptions": list(host.dns_options),
        "DnsSearch": list(host.dns_search),
        "ExtraHosts": list(host.extra_hosts) or None,
        "GroupAdd": list(host.group_add) or None,
        "IpcMode": host.ipc_mode or "private",
        "Cgroup": "",
        "Links": [f"/{target}:/{name}/{alias or target}" for target, _, alias in (link.partition(":") for link in host.links)] or None,
        "OomScoreAdj": host.oom_score_adj,
        "PidMode": host.pid_mode,
        "Privileged": host.privileged,
        "PublishAllPorts": host.publish_all,
        "ReadonlyRootfs": host.read_only_rootfs,
        "SecurityOpt": list(host.security_opt) or None,
        "Tmpfs": dict(host.tmpfs),
        "UTSMode": host.uts_mode,
        "UsernsMode": host.userns_mode,
        "ShmSize": host.shm_size or 64 << 20,
        "Sysctls": dict(host.sysctls),
        "Runtime": host.runtime or "longshore",
        "Isolation": host.isolation,
        "CpuShares": host.cpu_shares,
        "Memory": host.memory,
        "NanoCpus": host.nano_cpus,
        "CgroupParent": host.cgroup_parent,
        **encode_block_io(host),
        "CpuPeriod": host.cpu_period,
        "CpuQuota": host.cpu_quota,
        "CpusetCpus": host.cpuset_cpus,
        "CpusetMems": host.cpuset_mems,
        "CpuRealtimePeriod": host.cpu_rt_period,
        "CpuRealtimeRuntime": host.cpu_rt_runtime,
        **dict.fromkeys(("CpuCount", "CpuPercent", "IOMaximumBandwidth", "IOMaximumIOps"), 0),  # Windows has them
        "Devices": [
            {"PathOnHost": item.path_on_host, "PathInContainer": item.path_in_container, "CgroupPermissions": item.permissions}
            for item in host.devices
        ],
        "DeviceCgroupRules": list(host.device_cgroup_rules) or None,
        "DeviceRequests": list(map(encode_device_request, host.device_requests)) or None,
        "MemoryReservation": host.memory_reservation,
        "MemorySwap": host.memory_swap,
        "MemorySwappiness": host.memory_swappiness,
        "OomKillDisable": host.oom_kill_disable,
        "PidsLimit": host.pids_limit if host.pids_limit > 0 else None,
        "Ulimits": [{"Name": limit.name, "Soft": limit.soft, "Hard": limit.hard} for limit in host.ulimits],
        "Init": host.init,
        "ConsoleSize": [0, 0],
        "Mounts": [_asked_mount(mount) for mount in mounts],
        "MaskedPaths": None,
        "ReadonlyPaths": None,
        **annotations,
    }


def _as_bind(mount: Mount) -> bool:
    return bool(mount.source) and (mount.kind == "volume" or (mount.kind == "bind" and mount.create_source))


def _bind(mount: Mount) -> str:
    options = [*(["ro"] if mount.read_only else []), *mount.options]
    return ":".join((mount.source, mount.target, *([",".join(options)] if options else [])))


def _asked_mount(mount: Mount) -> dict[str, Any]:
    found: dict[str, Any] = {"Type": mount.kind, "Target": mount.target}
    if mount.source:
        found["Source"] = mount.source
    if mount.read_only:
        found["ReadOnly"] = True
    shown = {"BindOptions": bind_options(mount), "VolumeOptions": volume_options(mount), "ImageOptions": image_options(mount)}
    for key, options in shown.items():
        if options:
            found[key] = options
    return found


def _wanted_ports(ports: Sequence[PortBinding]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        binding = {"HostIp": port.host_ip, "HostPort": port.asked}
        found.setdefault(f"{port.container_port}/{port.protocol}", []).append(binding)
    return found


def mount_point(mount: Mount) -> dict[str, Any]:
    """``MountPoint``."""
    found: dict[str, Any] = {"Type": mount.kind}
    if mount.kind == "volume":
        found |= {"Name": mount.source, "Source": mount.path, "Destination": mount.target, "Driver": "local"}
    else:
        named = {"Name": mount.source} if mount.kind == "image" else {}
        found |= {**named, "Source": mount.path, "Destination": mount.target}
    propagation = next((word for word in mount.options if word.lstrip("r") in ("private", "shared", "slave")), "")
    read_only = mount.read_only and mount.kind != "image"  # which need not say so
    words = [*(["ro"] if read_only else []), *(word for word in mount.options if word not in (propagation, "nocopy", "ro", "rw"))]
    # Docker shares a volume by default; one that has no name of its own shows no mode.
    called = mount.kind == "volume" and mount.source and len(mount.source) != _ID_LENGTH
    mode = ",".join(words) or ("z" if called else "")
    default = "rprivate" if mount.kind in ("bind", "image") else ""
    return found | {"Mode": mode, "RW": not mount.read_only, "Propagation": propagation or default}


def _network_settings(shown: Container) -> dict[str, Any]:
    ports: dict[str, Any] = {}
    for port in shown.ports:
        name = f"{port.container_port}/{port.protocol}"
        if port.host_port:
            bound = {"HostIp": port.host_ip or "0.0.0.0", "HostPort": str(port.host_port)}
            ports[name] = [*(ports.get(name) or []), bound]
        else:
            ports.setdefault(name, None)
    first = next((endpoint for endpoint in shown.networks if endpoint.network == "bridge"), Endpoint(network=""))
    return {
        "Bridge": "",
        "SandboxID": shown.id if shown.state.running else "",
        "SandboxKey": f"/proc/{shown.state.pid}/ns/net" if shown.state.pid else "",
        "Ports": dict(sorted(ports.items())),
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        "EndpointID": "",
        "Gateway": first.gateway,
        "IPAddress": first.ip_address,
        "IPPrefixLen": first.prefix_length,
        "IPv6Gateway": first.ipv6_gateway,
        "GlobalIPv6Address": first.global_ipv6_address,
        "GlobalIPv6PrefixLen": first.global_ipv6_prefix_length,
        "MacAddress": first.mac_address,
        "Networks": {place.network: endpoint_settings(place, _names(shown, place)) for place in shown.networks},
    }


def _names(shown: Container, place: Endpoint) -> list[str]:
    """What a container is called by its neighbours; the predefined networks know no names."""
    return [] if place.network in PREDEFINED else [*dict.fromkeys((shown.name, *place.aliases, shown.id[:12]))]


def endpoint_settings(place: Endpoint, names: Sequence[str] = ()) -> dict[str, Any]:
    """``EndpointSettings``: a container's place in a network, and, in details, its ``names`` there."""
    return {
        "IPAMConfig": ipam_config(place.requested_ip, place.requested_ipv6, place.options.link_local) or None,
        "Links": None,
        "Aliases": list(place.aliases) or None,
        "MacAddress": place.mac_address,
        "DriverOpts": dict(place.options.driver) or None,
        "GwPriority": place.options.gateway_priority,
        "NetworkID": place.network_id,
        "EndpointID": "",
        "Gateway": place.gateway,
        "IPAddress": place.ip_address,
        "IPPrefixLen": place.prefix_length,
        "IPv6Gateway": place.ipv6_gateway,
        "GlobalIPv6Address": place.global_ipv6_address,
        "GlobalIPv6PrefixLen": place.global_ipv6_prefix_length,
        "DNSNames": list(names) or None,
    }
