"""The engine and its host."""

from __future__ import annotations

from engine.model.value import Value


class EngineInfo(Value):
    """What ``longshore info`` shows. ``raw`` is a JSON document in Docker's shape."""

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
    warnings: tuple[str, ...] = ()
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


class DiskUsage(Value):
    """``system df``: images, containers, local volumes, build cache."""

    items: tuple[UsageItem, ...] = ()
