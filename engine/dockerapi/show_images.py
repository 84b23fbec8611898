"""Answers about images, written: lists, and the lines that tell how a pull, push, load or import goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from engine.errors import LongshoreError
from engine.model.containers import PruneReport
from engine.model.images import (
    Image,
    ImageLayer,
    ImageManifest,
    LoadedImage,
    PullPhase,
    PullProgress,
    PushPhase,
    PushProgress,
    RegistryImage,
    RemovedImage,
    SearchResult,
)
from engine.model.units import human_size

CONTAINER_FIELDS: dict[str, Any] = {
    **{"Hostname": "", "Domainname": "", "Image": "", "AttachStdin": False, "AttachStdout": False, "AttachStderr": False},
    **{"Tty": False, "OpenStdin": False, "StdinOnce": False},
}
"""Settings of containers that the configuration of an image has before 1.50, always with these values."""

_BAR = 50
_COUNTED = (PullPhase.DOWNLOADING, PullPhase.EXTRACTING, PushPhase.PUSHING)


def listing(images: Iterable[Image], version: tuple[int, int]) -> list[dict[str, Any]]:
    """``GET /images/json`` as ``version`` has it: a missing name is ``<none>`` before 1.43, there is a ``VirtualSize`` before 1.44."""
    return [_summary(image, version) for image in images]


def details(raw: str, version: tuple[int, int]) -> dict[str, Any]:
    """``GET /images/{name}/json`` as ``version`` has it. docker-compose 1 ends without the ``ContainerConfig`` of those before 1.45."""
    found: dict[str, Any] = json.loads(raw)
    config = {key: value for key, value in (found.get("Config") or {}).items() if key not in CONTAINER_FIELDS}
    found["Config"] = config if version >= (1, 50) else {**CONTAINER_FIELDS, **config}
    found.pop("VirtualSize", None)
    if version < (1, 45):
        found |= {"Container": found.get("Container", ""), "ContainerConfig": found.get("ContainerConfig") or found["Config"]}
    return {**found, "VirtualSize": found.get("Size", 0)} if version < (1, 44) else found


def manifests(found: Iterable[ImageManifest]) -> list[dict[str, Any]]:
    """``Manifests`` of an image, which clients ask for since 1.47."""
    return list(map(_manifest, found))


def _manifest(one: ImageManifest) -> dict[str, Any]:
    platform: dict[str, str] = {}
    if where := one.platform:
        platform = {"architecture": where.architecture, "os": where.os, **({"variant": where.variant} if where.variant else {})}
    shown: dict[str, Any] = {
        "ID": one.digest,
        "Descriptor": {"mediaType": one.media_type, "digest": one.digest, "size": one.size, **({"platform": platform} if platform else {})},
        "Available": one.available,
        "Size": {"Content": one.content, "Total": one.content + one.unpacked},
        "Kind": one.kind,
    }
    if one.kind == "image":
        shown["ImageData"] = {"Platform": platform, "Size": {"Unpacked": one.unpacked}, "Containers": list(one.containers)}
    if one.kind == "attestation":
        shown["AttestationData"] = {"For": one.subject}
    return shown


def history(layers: Iterable[ImageLayer]) -> list[dict[str, Any]]:
    """``GET /images/{name}/history``."""
    return [
        {
            "Id": layer.id,
            "Created": int(layer.created_at),
            "CreatedBy": layer.created_by,
            "Tags": list(layer.tags) or None,
            "Size": layer.size,
            "Comment": layer.comment,
        }
        for layer in layers
    ]


def removed(lines: Iterable[RemovedImage]) -> list[dict[str, str]]:
    """``DELETE /images/{name}``."""
    return [{"Untagged": line.untagged} if line.untagged else {"Deleted": line.deleted} for line in lines]


def pruned(report: PruneReport) -> dict[str, Any]:
    """``POST /images/prune``: ids were deleted, everything else was a name."""
    lines = [{"Deleted": name} if name.startswith("sha256:") else {"Untagged": name} for name in report.removed]
    return {"ImagesDeleted": lines or None, "SpaceReclaimed": report.space_reclaimed}


def found(results: Iterable[SearchResult]) -> list[dict[str, Any]]:
    """``GET /images/search``."""
    return [
        {
            "name": result.name,
            "description": result.description,
            "star_count": result.stars,
            "is_official": result.official,
            "is_automated": result.automated,
        }
        for result in results
    ]


def distribution(found: RegistryImage) -> dict[str, Any]:
    """``GET /distribution/{name}/json``."""
    platforms = [
        {"architecture": one.architecture, "os": one.os, **({"variant": one.variant} if one.variant else {})} for one in found.platforms
    ]
    return {"Descriptor": {"mediaType": found.media_type, "digest": found.digest, "size": found.size}, "Platforms": platforms}


def pull_line(event: PullProgress) -> dict[str, Any]:
    """A line of ``POST /images/create``."""
    match event.phase:
        case PullPhase.PULLING:
            return {"status": f"{event.phase} {event.detail}", "id": event.layer}
        case PullPhase.DIGEST | PullPhase.STATUS | PullPhase.WARNING:
            return {"status": f"{event.phase}: {event.detail}"}
        case PullPhase.RETRYING:
            return {"status": f"{event.phase} {event.detail}", "progressDetail": {}, "id": event.layer}
        case _:
            return _layer_line(str(event.phase), event)


def push_lines(event: PushProgress) -> Sequence[dict[str, Any]]:
    """Lines of ``POST /images/{name}/push``."""
    match event.phase:
        case PushPhase.REFERS:
            return ({"status": f"{event.phase} [{event.detail}]"},)
        case PushPhase.DIGEST:
            told = {"Tag": event.layer, "Digest": event.detail, "Size": event.total}
            return ({"status": event.line()}, {"progressDetail": {}, "aux": told})
        case PushPhase.MOUNTED | PushPhase.RETRYING:
            return ({"status": f"{event.phase} {event.detail}", "progressDetail": {}, "id": event.layer},)
        case _:
            return (_layer_line(str(event.phase), event),)


def loaded_lines(images: Iterable[LoadedImage]) -> list[dict[str, str]]:
    """Lines of ``POST /images/load``."""
    lines = []
    for image in images:
        if image.replaced:
            told = f"The image {image.reference} already exists, renaming the old one with ID {image.replaced} to empty string"
            lines.append({"stream": f"{told}\n"})
        lines.append({"stream": f"{image.line()}\n"})
    return lines


def error_line(error: LongshoreError) -> dict[str, Any]:
    """The last line of something that goes wrong after it began. A client shows 401 in words of its own, so that it is left out."""
    detail: dict[str, Any] = {"message": error.message}
    return {"errorDetail": detail if error.status == 401 else {"code": error.status, **detail}, "error": error.message}


def _layer_line(status: str, event: PullProgress | PushProgress) -> dict[str, Any]:
    line: dict[str, Any] = {"status": status, "progressDetail": {}, "id": event.layer}
    if event.phase in _COUNTED and (event.current or event.total):
        line["progressDetail"] = {"current": event.current, **({"total": event.total} if event.total else {})}
        line["progress"] = _bar(event.current, event.total)
    return line


def _bar(current: int, total: int) -> str:
    """What clients before 1.11 print as it is."""
    if not total or current > total:
        return f"{human_size(current):>8}"
    done = current * _BAR // total
    arrow = ("=" * done + ">")[:_BAR] if done < _BAR else "=" * _BAR
    return f"[{arrow:<{_BAR}}] {human_size(current):>8}/{human_size(total)}"


def _summary(image: Image, version: tuple[int, int]) -> dict[str, Any]:
    tags, digests = list(image.tags), list(image.digests)
    if version < (1, 43):
        tags, digests = tags or ["<none>:<none>"], digests or ["<none>@<none>"]
    shown: dict[str, Any] = {
        "Id": image.id,
        "ParentId": image.parent_id,
        "RepoTags": tags,
        "RepoDigests": digests,
        "Created": int(image.created_at),
        "Size": image.size,
        "SharedSize": image.shared_size,
        "Labels": dict(image.labels),
        "Containers": image.containers,
    }
    return {**shown, "VirtualSize": image.size} if version < (1, 44) else shown
