"""What clients find in answers of the Docker Engine API, from our reading of its public description.

A shape is a type, a list with the shape of its items, a set of alternatives, or a mapping of fields that must be there; a mapping with the one
key ``"*"`` is an object with any keys. :data:`ANSWERS` has a row for every answer with a body: from which version to which, and its shape.
"""

from __future__ import annotations

from typing import Any, NamedTuple

NULL = type(None)
TEXTS = [str]
PAIRS = {"*": str}


def maybe(shape: Any) -> tuple[Any, ...]:
    """``null`` will do too."""
    return (shape, NULL)


class Answer(NamedTuple):
    """One answer. ``oldest`` and ``newest`` are minor versions of API 1."""

    request: str
    status: int
    shape: Any
    oldest: int = 24
    newest: int = 99


IMAGE = {
    "Id": str,
    "ParentId": str,
    "RepoTags": TEXTS,
    "RepoDigests": TEXTS,
    "Created": int,
    "Size": int,
    "SharedSize": int,
    "Labels": maybe(PAIRS),
    "Containers": int,
}
VOLUME = {"Name": str, "Driver": str, "Mountpoint": str, "Labels": maybe(PAIRS), "Scope": str, "Options": maybe(PAIRS)}
ENDPOINT = {
    "IPAMConfig": maybe({"*": str}),
    "Links": maybe(TEXTS),
    "Aliases": maybe(TEXTS),
    "NetworkID": str,
    "EndpointID": str,
    "Gateway": str,
    "IPAddress": str,
    "IPPrefixLen": int,
    "IPv6Gateway": str,
    "GlobalIPv6Address": str,
    "GlobalIPv6PrefixLen": int,
    "MacAddress": str,
}
MOUNT = {"Type": str, "Source": str, "Destination": str, "Mode": str, "RW": bool, "Propagation": str}
SUMMARY = {
    "Id": str,
    "Names": TEXTS,
    "Image": str,
    "ImageID": str,
    "Command": str,
    "Created": int,
    "Ports": [{"PrivatePort": int, "Type": str}],
    "Labels": PAIRS,
    "State": str,
    "Status": str,
    "HostConfig": {"NetworkMode": str},
    "NetworkSettings": {"Networks": {"*": ENDPOINT}},
    "Mounts": [MOUNT],
}
STATE = {
    "Status": str,
    "Running": bool,
    "Paused": bool,
    "Restarting": bool,
    "OOMKilled": bool,
    "Dead": bool,
    "Pid": int,
    "ExitCode": int,
    "Error": str,
    "StartedAt": str,
    "FinishedAt": str,
    "Health": {"Status": str, "FailingStreak": int, "Log": [{"Start": str, "End": str, "ExitCode": int, "Output": str}]},
}
CONTAINER = {
    "Id": str,
    "Created": str,
    "Path": str,
    "Args": TEXTS,
    "State": STATE,
    "Image": str,
    "ResolvConfPath": str,
    "HostnamePath": str,
    "HostsPath": str,
    "LogPath": str,
    "Name": str,
    "RestartCount": int,
    "Driver": str,
    "Platform": str,
    "MountLabel": str,
    "ProcessLabel": str,
    "AppArmorProfile": str,
    "ExecIDs": maybe(TEXTS),
    "HostConfig": {
        "Binds": maybe(TEXTS),
        "NetworkMode": str,
        "PortBindings": maybe({"*": [{"HostIp": str, "HostPort": str}]}),
        "RestartPolicy": {"Name": str, "MaximumRetryCount": int},
        "AutoRemove": bool,
        "LogConfig": {"Type": str, "Config": {"*": str}},
        "CapAdd": maybe(TEXTS),
        "Memory": int,
        "NanoCpus": int,
        "PidsLimit": maybe(int),
        "Privileged": bool,
        "ReadonlyRootfs": bool,
        "ShmSize": int,
    },
    "GraphDriver": {"Name": str, "Data": PAIRS},
    "Mounts": [MOUNT],
    "Config": {
        "Hostname": str,
        "User": str,
        "Tty": bool,
        "OpenStdin": bool,
        "StdinOnce": bool,
        "Env": TEXTS,
        "Cmd": maybe(TEXTS),
        "Image": str,
        "Volumes": maybe({"*": {}}),
        "WorkingDir": str,
        "Entrypoint": maybe(TEXTS),
        "Labels": PAIRS,
    },
    "NetworkSettings": {
        "Ports": {"*": maybe([{"HostIp": str, "HostPort": str}])},
        "Networks": {"*": ENDPOINT},
        "SandboxID": str,
        "IPAddress": str,
        "Gateway": str,
        "MacAddress": str,
    },
}
NETWORK = {
    "Name": str,
    "Id": str,
    "Created": str,
    "Scope": str,
    "Driver": str,
    "EnableIPv6": bool,
    "IPAM": {"Driver": str, "Config": maybe([{"*": str}])},
    "Internal": bool,
    "Attachable": bool,
    "Ingress": bool,
    "Containers": {"*": {"Name": str, "EndpointID": str, "MacAddress": str, "IPv4Address": str, "IPv6Address": str}},
    "Options": PAIRS,
    "Labels": PAIRS,
}
CPU = {"cpu_usage": {"total_usage": int, "usage_in_kernelmode": int, "usage_in_usermode": int}, "throttling_data": {"periods": int}}
STATS = {
    "id": str,
    "name": str,
    "read": str,
    "preread": str,
    "pids_stats": {"current": int},
    "blkio_stats": {"io_service_bytes_recursive": maybe([{"major": int, "minor": int, "op": str, "value": int}])},
    "num_procs": int,
    "storage_stats": {},
    "cpu_stats": {**CPU, "system_cpu_usage": int, "online_cpus": int},
    "precpu_stats": CPU,
    "memory_stats": {"usage": int, "limit": int, "stats": {"*": int}},
    "networks": {"*": {"rx_bytes": int, "rx_packets": int, "rx_errors": int, "rx_dropped": int, "tx_bytes": int}},
}

ANSWERS = (
    Answer(
        "GET /version",
        200,
        {
            "Version": str,
            "ApiVersion": str,
            "MinAPIVersion": str,
            "Os": str,
            "Arch": str,
            "KernelVersion": str,
            "GitCommit": str,
            "GoVersion": str,
        },
    ),
    Answer(
        "GET /info",
        200,
        {
            "ID": str,
            "Name": str,
            "Containers": int,
            "ContainersRunning": int,
            "ContainersPaused": int,
            "ContainersStopped": int,
            "Images": int,
            "Driver": str,
            "DriverStatus": [TEXTS],
            "Plugins": {"Volume": TEXTS, "Network": TEXTS, "Log": TEXTS},
            "MemoryLimit": bool,
            "OSType": str,
            "OperatingSystem": str,
            "Architecture": str,
            "NCPU": int,
            "MemTotal": int,
            "DockerRootDir": str,
            "ServerVersion": str,
            "IndexServerAddress": str,
            "RegistryConfig": {"InsecureRegistryCIDRs": TEXTS, "IndexConfigs": {}},
            "Runtimes": {"*": {"path": str}},
            "DefaultRuntime": str,
            "Swarm": {"NodeID": str, "LocalNodeState": str, "ControlAvailable": bool},
            "SecurityOptions": TEXTS,
            "Labels": TEXTS,
            "Warnings": maybe(TEXTS),
        },
    ),
    Answer("GET /containers/json", 200, [SUMMARY]),
    Answer("GET /containers/{id}/json", 200, CONTAINER),
    Answer("POST /containers/create", 201, {"Id": str, "Warnings": TEXTS}),
    Answer("POST /containers/{id}/update", 200, {"Warnings": maybe(TEXTS)}),
    Answer("POST /containers/{id}/wait", 200, {"StatusCode": int}),
    Answer("POST /containers/prune", 200, {"ContainersDeleted": maybe(TEXTS), "SpaceReclaimed": int}),
    Answer("GET /containers/{id}/top", 200, {"Titles": TEXTS, "Processes": [TEXTS]}),
    Answer("GET /containers/{id}/changes", 200, maybe([{"Path": str, "Kind": int}])),
    Answer("GET /containers/{id}/stats", 200, STATS),
    Answer("POST /containers/{id}/exec", 201, {"Id": str}),
    Answer(
        "GET /exec/{id}/json",
        200,
        {
            "ID": str,
            "Running": bool,
            "ExitCode": maybe(int),
            "ProcessConfig": {"entrypoint": str, "arguments": TEXTS, "tty": bool, "privileged": bool},
            "OpenStdin": bool,
            "OpenStdout": bool,
            "OpenStderr": bool,
            "ContainerID": str,
            "Pid": int,
        },
    ),
    Answer("GET /images/json", 200, [IMAGE], 44),
    Answer("GET /images/json", 200, [{**IMAGE, "VirtualSize": int}], 24, 43),
    Answer(
        "GET /images/{name}/json",
        200,
        {
            "Id": str,
            "RepoTags": TEXTS,
            "RepoDigests": TEXTS,
            "Parent": str,
            "Comment": str,
            "Created": str,
            "Author": str,
            "Config": {"Env": maybe(TEXTS), "Cmd": maybe(TEXTS), "Labels": maybe(PAIRS)},
            "Architecture": str,
            "Os": str,
            "Size": int,
            "GraphDriver": {"Name": str, "Data": maybe({})},
            "RootFS": {"Type": str, "Layers": TEXTS},
        },
    ),
    Answer(
        "GET /images/{name}/history",
        200,
        [{"Id": str, "Created": int, "CreatedBy": str, "Tags": maybe(TEXTS), "Size": int, "Comment": str}],
    ),
    Answer("DELETE /images/{name}", 200, [({"Untagged": str}, {"Deleted": str})]),
    Answer("POST /images/prune", 200, {"ImagesDeleted": maybe([({"Untagged": str}, {"Deleted": str})]), "SpaceReclaimed": int}),
    Answer("POST /images/create", 200, [({"status": str}, {"status": str, "id": str, "progressDetail": {}})]),
    Answer("POST /commit", 201, {"Id": str}),
    Answer("GET /networks", 200, [NETWORK]),
    Answer("GET /networks/{id}", 200, NETWORK),
    Answer("POST /networks/create", 201, {"Id": str, "Warning": str}),
    Answer("POST /networks/prune", 200, {"NetworksDeleted": maybe(TEXTS)}),
    Answer("GET /volumes", 200, {"Volumes": [VOLUME], "Warnings": maybe(TEXTS)}),
    Answer("GET /volumes/{name}", 200, VOLUME),
    Answer("POST /volumes/create", 201, VOLUME),
    Answer("POST /volumes/prune", 200, {"VolumesDeleted": maybe(TEXTS), "SpaceReclaimed": int}),
    Answer(
        "GET /system/df",
        200,
        {
            "LayersSize": int,
            "Images": [IMAGE],
            "Containers": [{**SUMMARY, "SizeRw": int, "SizeRootFs": int}],
            "Volumes": [{**VOLUME, "UsageData": {"Size": int, "RefCount": int}}],
            "BuildCache": [],
        },
        25,
    ),
    Answer(
        "GET /events",
        200,
        [{"Type": str, "Action": str, "Actor": {"ID": str, "Attributes": PAIRS}, "scope": str, "time": int, "timeNano": int}],
    ),
    *(Answer("ERROR", status, {"message": str}) for status in (400, 401, 403, 404, 409, 500, 501, 503)),
)


def mismatches(value: Any, shape: Any, where: str = "") -> list[str]:
    """Where a document does not have its shape, one sentence each."""
    if isinstance(shape, tuple):
        found = [mismatches(value, one, where) for one in shape]
        return [] if not all(found) else min(found, key=len)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no list"]
        return [text for item in value for one in shape for text in mismatches(item, one, f"{where}[]")]
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{where}: {value!r} is no object"]
        if "*" in shape:
            return [text for key, item in value.items() for text in mismatches(item, shape["*"], f"{where}.{key}")]
        missing = [f"{where}: {key} is missing" for key in shape if key not in value]
        return missing + [text for key, one in shape.items() if key in value for text in mismatches(value[key], one, f"{where}.{key}")]
    if not isinstance(value, shape) or (shape is int and isinstance(value, bool)):
        return [f"{where}: {value!r} is no {shape.__name__}"]
    return []
