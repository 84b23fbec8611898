"""Questions about the engine and this machine."""

from __future__ import annotations

import os

from engine.backends.embedded import details, listing, usage
from engine.backends.embedded.core import Core
from engine.dockerapi import show
from engine.errors import LongshoreError
from engine.model import platform as platforms
from engine.model.containers import ContainerStatus
from engine.model.system import DiskUsage, EngineInfo, EngineVersion, UsageItem

NAME = "longshore"
API_VERSION = "1.51"


def engine_version() -> str:
    """The version of the installed distribution; of the source tree when it is not installed."""
    from importlib import metadata

    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        return "0.1.0"


def version(core: Core) -> EngineVersion:
    """Version of this engine."""
    shown = EngineVersion(
        engine="Longshore",
        version=engine_version(),
        api_version=API_VERSION,
        architecture=platforms.host().architecture,
        kernel=os.uname().release,
    )
    return shown.replace(raw=show.version(shown))


def info(core: Core) -> EngineInfo:
    """Engine, host and counts."""
    counts = core.containers.counts()
    system = os.uname()
    running = counts.get("running", 0)
    paused = counts.get("paused", 0)
    total = sum(counts.values())
    shown = EngineInfo(
        name=system.nodename,
        engine="Longshore",
        version=engine_version(),
        root=core.roots.state,
        operating_system=_operating_system(),
        kernel=system.release,
        architecture=system.machine,
        cpus=len(os.sched_getaffinity(0)),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        storage_driver=details.DRIVER,
        cgroup_version=_cgroup_version(),
        containers=total,
        running=running,
        paused=paused,
        stopped=total - running - paused,
        images=len(core.images.all()),
        warnings=_warnings(core),
    )
    return shown.replace(raw=show.info(shown))


def _operating_system() -> str:
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            pairs = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    except (OSError, UnicodeDecodeError):
        return "Linux"
    return pairs.get("PRETTY_NAME", "Linux").strip("\"'")


def _cgroup_version() -> str:
    from engine.linux import cgroups

    try:
        return str(cgroups.detect().version)
    except OSError:
        return ""


def _warnings(core: Core) -> tuple[str, ...]:
    from engine.network import doctor

    found = []
    if not _cgroup_version():
        found.append("no cgroups: limits, pause and exact statistics are not to be had")
    return (*found, *doctor.warnings(), *map(str, core.troubles))


def disk_usage(core: Core) -> DiskUsage:
    """What images, containers and volumes take, as ``docker system df`` counts it."""
    return DiskUsage(items=(_images(core), _containers(core), _volumes(core), UsageItem(kind="Build Cache")))


def _images(core: Core) -> UsageItem:
    from engine.store.layers import Layers

    records = core.images.all()
    in_use = {record.image_id for record in core.containers.all()}
    sizes = {layer.chain_id: layer.size for layer in Layers(core.database).all()}
    needed = {chain_id for record in records if record.id in in_use for chain_id in record.chain_ids}
    held = {chain_id for record in records for chain_id in record.chain_ids}
    total = sum(sizes.get(chain_id, 0) for chain_id in held)
    return UsageItem(
        kind="Images",
        total=len(records),
        active=len(in_use & {record.id for record in records}),
        size=total,
        reclaimable=total - sum(sizes.get(chain_id, 0) for chain_id in needed),
    )


def _containers(core: Core) -> UsageItem:
    active = size = reclaimable = 0
    records = core.containers.all()
    for record in records:
        try:
            written = listing.sizes(core, record)[0]
        except LongshoreError:
            continue
        size += written
        if record.state.status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED, ContainerStatus.RESTARTING):
            active += 1
        else:
            reclaimable += written
    return UsageItem(kind="Containers", total=len(records), active=active, size=size, reclaimable=reclaimable)


def _volumes(core: Core) -> UsageItem:
    used = core.volumes.used()
    size = reclaimable = active = 0
    records = core.volumes.all()
    for record in records:
        taken = usage.tree_size(core.roots.volume_dir(record.name))
        size += taken
        if record.name in used:
            active += 1
        else:
            reclaimable += taken
    return UsageItem(kind="Local Volumes", total=len(records), active=active, size=size, reclaimable=reclaimable)
