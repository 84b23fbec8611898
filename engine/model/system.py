"""The engine and its host."""

from __future__ import annotations

from collections.abc import Mapping

from engine.model.containers import Container
from engine.model.images import Image
from engine.model.value import EMPTY, Value
from engine.model.volumes import Volume


class EngineInfo(Value):
    """What ``longshore info`` shows. ``raw`` is a JSON document in Docker's shape; ``rootless``: an ordinary user's engine.

    Attributes:
        volume_drivers, network_drivers, log_drivers: what a volume, a network, a container's log can be asked for with.
        security_options: what containers are confined by, in Docker's notation (``name=apparmor``).
        swarm: ``active``, ``inactive``, ``pending``, ``locked`` or ``error``; ``""`` where there is no Swarm mode at all.
        swarm_node: the engine's own id as a node; ``swarm_manager``: it can be asked about the swarm.
    """

    name: str
    engine: str
    version: str
    root: str = ""
    operating_system: str = ""
    kernel: str = ""
    architecture: str = ""
    cpus: int = 0
    memory: int = 0
    storage_driver: str = ""
    cgroup_version: str = ""
    containers: int = 0
    running: int = 0
    paused: int = 0
    stopped: int = 0
    images: int = 0
    rootless: bool = False
    security_options: tuple[str, ...] = ()
    swarm: str = ""
    swarm_node: str = ""
    swarm_manager: bool = False
    warnings: tuple[str, ...] = ()
    volume_drivers: tuple[str, ...] = ()
    network_drivers: tuple[str, ...] = ()
    log_drivers: tuple[str, ...] = ()
    raw: str = "{}"


class Plugin(Value):
    """A plugin that an engine manages, which runs beside it.

    Attributes:
        provides: what it is for, such as ``docker.volumedriver/1.0``.
        raw: as the engine describes it, a JSON document.
    """

    id: str
    name: str
    description: str = ""
    enabled: bool = False
    provides: tuple[str, ...] = ()
    raw: str = "{}"


class EngineVersion(Value):
    """Version of the engine that answers."""

    engine: str
    version: str
    api_version: str = ""
    os: str = "linux"
    architecture: str = ""
    kernel: str = ""
    raw: str = "{}"


class UsageItem(Value):
    """One line of ``system df``: bytes and counts."""

    kind: str
    total: int = 0
    active: int = 0
    size: int = 0
    reclaimable: int = 0


class BuildRecord(Value):
    """One entry of a build cache. ``used_at`` is 0 when it never was; ``uses`` counts how often."""

    id: str
    kind: str = ""
    size: int = 0
    created_at: float = 0.0
    used_at: float = 0.0
    uses: int = 0
    in_use: bool = False
    shared: bool = False


class DiskUsage(Value):
    """``system df``: what takes how much.

    Attributes:
        items: a line for images, containers, local volumes and build cache.
        images, containers, volumes, builds: what the lines sum up, with shares, users and sizes counted.
        contents: for each image's id what it keeps on disk, bytes by a name that other images have for the same content; under ``""``
            what no image needs any more. Empty unless it was asked for.
        layers_size: bytes of all images' layers, shared ones once.
    """

    items: tuple[UsageItem, ...] = ()
    images: tuple[Image, ...] = ()
    containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    builds: tuple[BuildRecord, ...] = ()
    contents: Mapping[str, Mapping[str, int]] = EMPTY
    layers_size: int = 0
