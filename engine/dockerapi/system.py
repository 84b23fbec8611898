"""The engine as the API describes it."""

from __future__ import annotations

import json
from typing import Any

from engine.dockerapi import containers, images, show_images, times, volumes
from engine.dockerapi.document import Document, load, load_document
from engine.model.auth import Credentials
from engine.model.events import Event
from engine.model.system import BuildRecord, DiskUsage, EngineInfo, EngineVersion, Plugin, UsageItem

_LIVE = frozenset(("running", "paused", "restarting"))
_OURS = "Longshore"

# Podman's words for what docker calls otherwise.
_ACTIONS = {"died": "die", "remove": "destroy", "cleanup": ""}


def decode_info(body: bytes) -> EngineInfo:
    """``GET /info``."""
    answer = load(body)
    item = Document(answer)
    swarm = item.document("Swarm")
    podman = "Podman" in item.text("ProductLicense") or "podman" in item.text("DockerRootDir") or "BuildahVersion" in item
    return EngineInfo(
        name=item.text("Name"),
        engine="podman" if podman else _OURS if item.text("DefaultRuntime") == _OURS.lower() else "docker",
        version=item.text("ServerVersion"),
        root=item.text("DockerRootDir"),
        operating_system=item.text("OperatingSystem"),
        kernel=item.text("KernelVersion"),
        architecture=item.text("Architecture"),
        cpus=item.integer("NCPU"),
        memory=item.integer("MemTotal"),
        storage_driver=item.text("Driver"),
        cgroup_version=item.text("CgroupVersion") or "1",
        containers=item.integer("Containers"),
        running=item.integer("ContainersRunning"),
        paused=item.integer("ContainersPaused"),
        stopped=item.integer("ContainersStopped"),
        images=item.integer("Images"),
        rootless="name=rootless" in item.texts("SecurityOptions"),
        security_options=tuple(item.texts("SecurityOptions")),
        swarm=swarm.text("LocalNodeState"),
        swarm_node=swarm.text("NodeID"),
        swarm_manager=swarm.flag("ControlAvailable"),
        warnings=item.texts("Warnings"),
        volume_drivers=item.document("Plugins").texts("Volume"),
        network_drivers=item.document("Plugins").texts("Network"),
        log_drivers=item.document("Plugins").texts("Log"),
        raw=json.dumps(answer, ensure_ascii=False),
    )


def decode_plugins(body: bytes) -> list[Plugin]:
    """``GET /plugins``."""
    return [_plugin(answer) for answer in load(body) or () if isinstance(answer, dict)]


def _plugin(answer: dict[str, Any]) -> Plugin:
    item = Document(answer)
    config = item.document("Config")
    return Plugin(
        id=item.text("Id"),
        name=item.text("Name"),
        description=config.text("Description"),
        enabled=item.flag("Enabled"),
        provides=config.document("Interface").texts("Types"),
        raw=json.dumps(answer, ensure_ascii=False),
    )


def decode_version(body: bytes) -> EngineVersion:
    """``GET /version``."""
    answer = load(body)
    item = Document(answer)
    platform = item.document("Platform").text("Name")
    components = [part.text("Name") for part in item.documents("Components")]
    return EngineVersion(
        engine="podman" if any("Podman" in name for name in components) else _OURS if platform == _OURS else "docker",
        version=item.text("Version"),
        api_version=item.text("ApiVersion"),
        os=item.text("Os") or "linux",
        architecture=item.text("Arch"),
        kernel=item.text("KernelVersion"),
        raw=json.dumps(answer, ensure_ascii=False),
    )


def decode_usage(body: bytes) -> DiskUsage:
    """``GET /system/df``, summed up as ``docker system df`` does (docker/cli, formatter/disk_usage.go)."""
    item = load_document(body)
    return DiskUsage(
        items=(_image_usage(item), _container_usage(item), _volume_usage(item), _cache_usage(item)),
        images=tuple(images.decode_rows(item.documents("Images"))),
        containers=tuple(containers.decode_rows(item.documents("Containers"))),
        volumes=tuple(volumes.decode_usage(body)),
        builds=tuple(map(_build, item.documents("BuildCache"))),
        layers_size=item.integer("LayersSize"),
    )


def decode_event(item: Document) -> Event | None:
    """One line of ``GET /events``; ``None`` for what is no event of ours. Podman and engines before 1.22 differ in places."""
    kind, action = item.text("Type") or "container", item.text("Action") or item.text("status")
    actor = item.document("Actor")
    action = _ACTIONS.get(action, action) if kind == "container" else action
    if not action:
        return None
    return Event(
        kind=kind,
        action=action,
        id=actor.text("ID") or item.text("id"),
        time=item.integer("timeNano") or item.integer("time") * 1_000_000_000,
        attributes=actor.pairs("Attributes"),
    )


def encode_usage(found: DiskUsage, containers: list[dict[str, Any]], version: tuple[int, int]) -> dict[str, Any]:
    """``GET /system/df``; ``containers`` are as in their list, with sizes."""
    return {
        "LayersSize": found.layers_size,
        "Images": show_images.listing(found.images, version),
        "Containers": containers,
        "Volumes": [json.loads(volume.raw) | {"UsageData": {"Size": volume.size, "RefCount": volume.users}} for volume in found.volumes],
        "BuildCache": [],
        **({"BuilderSize": 0} if version < (1, 42) else {}),
    }


def _image_usage(item: Document) -> UsageItem:
    listed = item.documents("Images")
    total = item.integer("LayersSize")
    used = [image for image in listed if image.integer("Containers") > 0]
    kept = sum(image.integer("Size") - max(image.integer("SharedSize"), 0) for image in used)
    return UsageItem(kind="Images", total=len(listed), active=len(used), size=total, reclaimable=max(total - kept, 0))


def _container_usage(item: Document) -> UsageItem:
    containers = item.documents("Containers")
    live = [container for container in containers if container.text("State") in _LIVE]
    size = sum(container.integer("SizeRw") for container in containers)
    kept = sum(container.integer("SizeRw") for container in live)
    return UsageItem(kind="Containers", total=len(containers), active=len(live), size=size, reclaimable=size - kept)


def _volume_usage(item: Document) -> UsageItem:
    usage = [volume.document("UsageData") for volume in item.documents("Volumes")]
    size = sum(max(used.integer("Size"), 0) for used in usage)
    free = sum(max(used.integer("Size"), 0) for used in usage if used.integer("RefCount") <= 0)
    active = sum(used.integer("RefCount") > 0 for used in usage)
    return UsageItem(kind="Local Volumes", total=len(usage), active=active, size=size, reclaimable=free)


def _cache_usage(item: Document) -> UsageItem:
    records = item.documents("BuildCache")
    own = [record for record in records if not record.flag("Shared")]
    size = sum(record.integer("Size") for record in own)
    used = sum(record.integer("Size") for record in own if record.flag("InUse"))
    active = sum(record.flag("InUse") for record in records)
    return UsageItem(kind="Build Cache", total=len(records), active=active, size=size, reclaimable=size - used)


def _build(item: Document) -> BuildRecord:
    return BuildRecord(
        id=item.text("ID"),
        kind=item.text("Type"),
        size=item.integer("Size"),
        created_at=times.seconds(item.text("CreatedAt")),
        used_at=times.seconds(item.text("LastUsedAt")),
        uses=item.integer("UsageCount"),
        in_use=item.flag("InUse"),
        shared=item.flag("Shared"),
    )


def encode_login(registry: str, credentials: Credentials) -> bytes:
    """``POST /auth``: an AuthConfig."""
    address = "https://index.docker.io/v1/" if registry == "docker.io" else registry
    fields = {"username": credentials.username, "password": credentials.password, "serveraddress": address}
    return json.dumps({**fields, "identitytoken": credentials.identity_token} if credentials.identity_token else fields).encode()


def decode_login(body: bytes, credentials: Credentials) -> Credentials:
    """The answer: maybe a token that is to be kept instead of the password."""
    token = load_document(body).text("IdentityToken")
    return credentials.replace(password="", identity_token=token) if token else credentials
