"""A container as the document that ``inspect`` prints: ``GET /containers/{id}/json`` of the Engine API 1.51, written.

Absent lists are ``[]`` or ``null`` as docker has it, for clients that iterate without looking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.dockerapi.create import encode_healthcheck
from engine.dockerapi.show import dumps, moment
from engine.model.containers import Container, ContainerDetails, ContainerState, ContainerStatus, Endpoint, HostConfig, Mount, PortBinding
from engine.model.health import HealthReport


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
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": None,
        "HostConfig": _host_config(details.host_config),
        "GraphDriver": {"Name": details.driver, "Data": dict(graph)},
        "Mounts": [_mount(mount) for mount in shown.mounts if mount.kind != "tmpfs" or mount.target],
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


def _host_config(host: HostConfig) -> dict[str, Any]:
    mounts = [mount for mount in host.mounts if not _as_bind(mount) and (mount.kind != "volume" or mount.source)]
    return {
        "Binds": [_bind(mount) for mount in host.mounts if _as_bind(mount)] or None,
        "ContainerIDFile": "",
        "LogConfig": {"Type": "json-file", "Config": {}},
        "NetworkMode": host.network_mode,
        "PortBindings": _wanted_ports(host.port_bindings),
        "RestartPolicy": {"Name": host.restart_policy.name or "no", "MaximumRetryCount": host.restart_policy.max_retries},
        "AutoRemove": host.auto_remove,
        "VolumeDriver": "",
        "VolumesFrom": None,
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
        "Links": None,
        "OomScoreAdj": host.oom_score_adj,
        "PidMode": host.pid_mode,
        "Privileged": host.privileged,
        "PublishAllPorts": host.publish_all,
        "ReadonlyRootfs": host.read_only_rootfs,
        "SecurityOpt": list(host.security_opt) or None,
        "Tmpfs": dict(host.tmpfs),
        "UTSMode": host.uts_mode,
        "UsernsMode": "",
        "ShmSize": host.shm_size or 64 << 20,
        "Sysctls": dict(host.sysctls),
        "Runtime": "longshore",
        "Isolation": "",
        "CpuShares": host.cpu_shares,
        "Memory": host.memory,
        "NanoCpus": host.nano_cpus,
        "CgroupParent": "",
        "BlkioWeight": 0,
        "CpuPeriod": host.cpu_period,
        "CpuQuota": host.cpu_quota,
        "CpusetCpus": host.cpuset_cpus,
        "CpusetMems": host.cpuset_mems,
        "Devices": [
            {"PathOnHost": item.path_on_host, "PathInContainer": item.path_in_container, "CgroupPermissions": item.permissions}
            for item in host.devices
        ],
        "DeviceCgroupRules": None,
        "DeviceRequests": None,
        "MemoryReservation": host.memory_reservation,
        "MemorySwap": host.memory_swap,
        "MemorySwappiness": None,
        "OomKillDisable": False,
        "PidsLimit": host.pids_limit if host.pids_limit > 0 else None,
        "Ulimits": [{"Name": limit.name, "Soft": limit.soft, "Hard": limit.hard} for limit in host.ulimits],
        "Init": host.init,
        "Mounts": [_asked_mount(mount) for mount in mounts],
        "MaskedPaths": None,
        "ReadonlyPaths": None,
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
    return found


def _wanted_ports(ports: Sequence[PortBinding]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        binding = {"HostIp": port.host_ip, "HostPort": str(port.host_port or "")}
        found.setdefault(f"{port.container_port}/{port.protocol}", []).append(binding)
    return found


def _mount(mount: Mount) -> dict[str, Any]:
    found: dict[str, Any] = {"Type": mount.kind}
    if mount.kind == "volume":
        found |= {"Name": mount.source, "Source": mount.path, "Destination": mount.target, "Driver": "local"}
    else:
        found |= {"Source": mount.path, "Destination": mount.target}
    propagation = next((word for word in mount.options if word.lstrip("r") in ("private", "shared", "slave")), "")
    mode = ",".join(word for word in mount.options if word not in (propagation, "nocopy"))
    default = "rprivate" if mount.kind == "bind" else ""
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
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "MacAddress": first.mac_address,
        "Networks": {endpoint.network: _endpoint(endpoint) for endpoint in shown.networks},
    }


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "IPAMConfig": {"IPv4Address": endpoint.requested_ip} if endpoint.requested_ip else None,
        "Links": None,
        "Aliases": list(endpoint.aliases) or None,
        "MacAddress": endpoint.mac_address,
        "NetworkID": endpoint.network_id,
        "EndpointID": "",
        "Gateway": endpoint.gateway,
        "IPAddress": endpoint.ip_address,
        "IPPrefixLen": endpoint.prefix_length,
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "DNSNames": list(endpoint.aliases) or None,
    }
