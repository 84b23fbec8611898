"""Answers about containers, written: the list, and the small documents that requests are answered with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.dockerapi.show_container import endpoint_settings, mount_point
from engine.model.containers import Container, ContainerExit, CreatedContainer, PortBinding, ProcessTable, PruneReport
from engine.model.describe import status_text
from engine.model.pruning import PREDEFINED

NAMED = (1, 45)
"""Since this version a container's names in a network are in ``DNSNames``, and ``Aliases`` are only those that were asked for."""


def listing(containers: Iterable[Container], now: float) -> list[dict[str, Any]]:
    """``GET /containers/json``. ``now`` is the time that ``Status`` counts from, in seconds since the epoch."""
    return [_summary(container, now) for container in containers]


def add_aliases(document: dict[str, Any]) -> None:
    """``GET /containers/{id}/json`` of versions before :data:`NAMED`: the short id is an alias, which docker-compose 1 looks for."""
    for network, place in (document["NetworkSettings"].get("Networks") or {}).items():
        if network not in PREDEFINED:
            place["Aliases"] = [*dict.fromkeys((*(place.get("Aliases") or ()), document["Id"][:12]))]


def created(made: CreatedContainer) -> dict[str, Any]:
    """``POST /containers/create``."""
    return {"Id": made.id, "Warnings": list(made.warnings)}


def ended(found: ContainerExit) -> dict[str, Any]:
    """``POST /containers/{id}/wait``."""
    return {"StatusCode": found.exit_code, "Error": {"Message": found.error} if found.error else None}


def top(table: ProcessTable) -> dict[str, Any]:
    """``GET /containers/{id}/top``."""
    return {"Titles": list(table.titles), "Processes": [list(row) for row in table.rows]}


def pruned(report: PruneReport) -> dict[str, Any]:
    """``POST /containers/prune``."""
    return {"ContainersDeleted": list(report.removed) or None, "SpaceReclaimed": report.space_reclaimed}


def updated(warnings: Sequence[str]) -> dict[str, Any]:
    """``POST /containers/{id}/update``."""
    return {"Warnings": list(warnings) or None}


def _summary(shown: Container, now: float) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Id": shown.id,
        "Names": [f"/{shown.name}"],
        "Image": shown.image,
        "ImageID": shown.image_id,
        "Command": shown.command,
        "Created": int(shown.created_at),
        "Ports": [_port(port) for port in shown.ports],
        "Labels": dict(shown.labels),
        "State": str(shown.state.status),
        "Status": status_text(shown, now),
        "HostConfig": {
            "NetworkMode": shown.networks[0].network if shown.networks else "none",
            **({"Annotations": dict(shown.annotations)} if shown.annotations else {}),
        },
        "NetworkSettings": {"Networks": {endpoint.network: endpoint_settings(endpoint) for endpoint in shown.networks}},
        "Mounts": [mount_point(mount) for mount in shown.mounts if mount.kind != "tmpfs" or mount.target],
    }
    if shown.size_rw is not None:
        found |= {"SizeRw": shown.size_rw, "SizeRootFs": shown.size_rootfs}
    return found


def _port(port: PortBinding) -> dict[str, Any]:
    found: dict[str, Any] = {"PrivatePort": port.container_port, "Type": port.protocol}
    return {"IP": port.host_ip or "0.0.0.0", **found, "PublicPort": port.host_port} if port.host_port else found
