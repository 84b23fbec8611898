"""Values as the documents that ``inspect`` prints: the answers of the Engine API 1.51, written.

Only what our values know is in them. Times that were never set are Go's zero time.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from engine.model.events import Event
from engine.model.networks import Network, Subnet
from engine.model.system import EngineInfo, EngineVersion
from engine.model.volumes import Volume

NEVER = "0001-01-01T00:00:00Z"
OLDEST_API = "1.24"
"""The oldest version of the API that our server speaks."""


def moment(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 with nanoseconds; Go's zero time for 0."""
    if not seconds:
        return NEVER
    whole = int(seconds)
    fraction = f"{int((seconds - whole) * 1e9):09d}".rstrip("0")
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + (f".{fraction}" if fraction else "") + "Z"


def dumps(document: Mapping[str, Any]) -> str:
    """The text of a document."""
    return json.dumps(document, ensure_ascii=False)


def volume(shown: Volume) -> str:
    """``GET /volumes/{name}``."""
    return dumps(
        {
            "CreatedAt": moment(int(shown.created_at)),
            "Driver": shown.driver,
            "Labels": dict(shown.labels) or None,
            "Mountpoint": shown.mountpoint,
            "Name": shown.name,
            "Options": dict(shown.options) or None,
            "Scope": shown.scope,
        }
    )


def network(shown: Network) -> str:
    """``GET /networks/{id}``."""
    return dumps(
        {
            "Name": shown.name,
            "Id": shown.id,
            "Created": moment(shown.created_at),
            "Scope": shown.scope,
            "Driver": shown.driver,
            "EnableIPv4": True,
            "EnableIPv6": shown.enable_ipv6,
            "IPAM": {"Driver": "default", "Options": None, "Config": [pool(subnet) for subnet in shown.subnets]},
            "Internal": shown.internal,
            "Attachable": shown.attachable,
            "Ingress": False,
            "ConfigFrom": {"Network": ""},
            "ConfigOnly": False,
            "Containers": {
                member.container_id: {
                    "Name": member.container_name,
                    "EndpointID": "",
                    "MacAddress": member.endpoint.mac_address,
                    "IPv4Address": _cidr(member.endpoint.ip_address, member.endpoint.prefix_length),
                    "IPv6Address": _cidr(member.endpoint.global_ipv6_address, member.endpoint.global_ipv6_prefix_length),
                }
                for member in shown.members
            },
            "Options": dict(shown.options),
            "Labels": dict(shown.labels),
        }
    )


def pool(subnet: Subnet) -> dict[str, Any]:
    """An address pool of a network, without what is empty."""
    fields: dict[str, Any] = {"Subnet": subnet.subnet, "Gateway": subnet.gateway, "IPRange": subnet.ip_range}
    fields["AuxiliaryAddresses"] = dict(subnet.auxiliary)
    return {key: value for key, value in fields.items() if value}


def _cidr(address: str, prefix_length: int) -> str:
    return f"{address}/{prefix_length}" if address else ""


def _identity(shown: EngineInfo) -> str:
    """What tells this engine from others, as a UUID: clients keep things under it."""
    known = hashlib.sha256(f"{shown.name}\0{shown.root}".encode()).hexdigest()
    return "-".join((known[:8], known[8:12], f"8{known[13:16]}", f"8{known[17:20]}", known[20:32]))


def info(shown: EngineInfo) -> str:
    """``GET /info``, as far as we have something to say."""
    limits = bool(shown.cgroup_version)
    return dumps(
        {
            "ID": _identity(shown),
            "Name": shown.name,
            "Containers": shown.containers,
            "ContainersRunning": shown.running,
            "ContainersPaused": shown.paused,
            "ContainersStopped": shown.stopped,
            "Images": shown.images,
            "Driver": shown.storage_driver,
            "DockerRootDir": shown.root,
            "KernelVersion": shown.kernel,
            "OperatingSystem": shown.operating_system,
            "OSType": "linux",
            "Architecture": shown.architecture,
            "NCPU": shown.cpus,
            "MemTotal": shown.memory,
            "CgroupDriver": "cgroupfs" if limits else "none",
            "CgroupVersion": shown.cgroup_version,
            "ServerVersion": shown.version,
            "SecurityOptions": list(shown.security_options),
            "Warnings": list(shown.warnings) or None,
            "DriverStatus": [],
            "Plugins": {
                "Volume": list(shown.volume_drivers),
                "Network": list(shown.network_drivers),
                "Authorization": None,
                "Log": list(shown.log_drivers),
            },
            **dict.fromkeys(("MemoryLimit", "SwapLimit", "CpuCfsPeriod", "CpuCfsQuota", "CPUShares", "CPUSet", "PidsLimit"), limits),
            "OomKillDisable": limits and shown.cgroup_version == "1",
            "IPv4Forwarding": True,
            "Debug": False,
            "SystemTime": moment(time.time()),
            "LoggingDriver": "json-file",
            "IndexServerAddress": "https://index.docker.io/v1/",
            "RegistryConfig": {"InsecureRegistryCIDRs": [], "IndexConfigs": {}, "Mirrors": []},
            "GenericResources": None,
            "HttpProxy": "",
            "HttpsProxy": "",
            "NoProxy": "",
            "Labels": [],
            "ExperimentalBuild": False,
            "Runtimes": {"longshore": {"path": "longshore"}},
            "DefaultRuntime": "longshore",
            "Swarm": {
                **{"NodeID": "", "NodeAddr": "", "LocalNodeState": "inactive", "ControlAvailable": False},
                **{"Error": "", "RemoteManagers": None},
            },
            "LiveRestoreEnabled": True,
            "Isolation": "",
            "InitBinary": "",
            "CDISpecDirs": [],
        }
    )


def version(shown: EngineVersion) -> str:
    """``GET /version``."""
    return dumps(
        {
            "Platform": {"Name": shown.engine},
            "Components": [
                {
                    "Name": "Engine",
                    "Version": shown.version,
                    "Details": {
                        "ApiVersion": shown.api_version,
                        "Arch": shown.architecture,
                        "KernelVersion": shown.kernel,
                        "MinAPIVersion": OLDEST_API,
                        "Os": shown.os,
                    },
                }
            ],
            "Version": shown.version,
            "ApiVersion": shown.api_version,
            "MinAPIVersion": OLDEST_API,
            "GitCommit": "",
            "GoVersion": "",
            "Os": shown.os,
            "Arch": shown.architecture,
            "KernelVersion": shown.kernel,
        }
    )


def event(shown: Event) -> dict[str, Any]:
    """One line of ``GET /events``, with the fields that clients before API 1.22 read."""
    legacy: dict[str, Any] = {"status": shown.action, "id": shown.id} if shown.kind in ("container", "image") else {}
    if shown.kind == "container":
        legacy["from"] = shown.attributes.get("image", "")
    return {
        **legacy,
        "Type": shown.kind,
        "Action": shown.action,
        "Actor": {"ID": shown.id, "Attributes": dict(shown.attributes)},
        "scope": "local",
        "time": shown.time // 1_000_000_000,
        "timeNano": shown.time,
    }
