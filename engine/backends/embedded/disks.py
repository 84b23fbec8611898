"""Volumes: making, looking at and removing them, and what a container's mounts resolve to."""

from __future__ import annotations

import os
import time

from engine.backends.embedded import names, usage
from engine.backends.embedded.core import Core
from engine.errors import Conflict, InvalidArgument, NotFound, NotSupported
from engine.model import filters as filtering
from engine.model.containers import ContainerConfig, HostConfig, Mount, PruneReport
from engine.model.filters import Filters
from engine.model.volumes import Volume, VolumeSpec
from engine.store import events, faults
from engine.store.volumes import VolumeRecord
from engine.supervisor.trees import remove_tree

_KINDS = ("bind", "volume", "tmpfs")


def create(core: Core, spec: VolumeSpec) -> VolumeRecord:
    """Make a volume; an existing one of that name comes back as it is.

    Raises:
        InvalidArgument: the name is not allowed.
        NotSupported: another driver than ``local``, or options, are asked for.
    """
    if spec.driver not in ("", "local"):
        raise NotSupported(f'error looking up volume plugin {spec.driver}: plugin "{spec.driver}" not found', hint="use driver local")
    if spec.options:
        raise NotSupported(
            "volume options are not supported: " + ", ".join(spec.options), hint="mount the file system on the host and bind it"
        )
    record = VolumeRecord(
        name=names.check_volume(spec.name) if spec.name else names.new_id(),
        created_at=time.time(),
        anonymous=not spec.name,
        labels=dict(spec.labels),
    )
    path = core.roots.volume_dir(record.name)
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        os.makedirs(path, mode=0o755, exist_ok=True)
    except OSError as error:
        raise faults.from_os(error, f"make volume {record.name}") from error
    event = events.make("volume", "create", record.name, {"driver": record.driver})
    return record if core.volumes.insert(record, event) else core.volumes.get(record.name)


def show(core: Core, record: VolumeRecord) -> Volume:
    """A volume as the interface shows it."""
    from engine.dockerapi.show import volume

    shown = Volume(
        name=record.name,
        driver=record.driver,
        mountpoint=core.roots.volume_dir(record.name),
        created_at=record.created_at,
        options=record.options,
        labels=record.labels,
        anonymous=record.anonymous,
    )
    return shown.replace(raw=volume(shown))


def listing(core: Core, filters: Filters) -> list[Volume]:
    """All volumes that match, by name. Filters: dangling, driver, label, name."""
    filtering.check(filters, ("dangling", "driver", "label", "label!", "name"))
    used = core.volumes.used()
    dangling = [flag(value, "dangling") for value in filters.get("dangling", ())]
    return [
        show(core, record)
        for record in core.volumes.all()
        if ("driver" not in filters or record.driver in filters["driver"])
        and ("name" not in filters or any(part in record.name for part in filters["name"]))
        and (not dangling or (record.name not in used) in dangling)
        and filtering.labels_match(filters, record.labels)
    ]


def remove(core: Core, name: str, *, force: bool) -> None:
    """Remove a volume.

    Raises:
        NotFound: there is none, unless ``force``.
        Conflict: a container uses it.
    """
    try:
        core.volumes.delete(name, events.make("volume", "destroy", name, {"driver": "local"}))
    except NotFound:
        if force:
            return
        raise
    remove_tree(os.path.dirname(core.roots.volume_dir(name)))


def prune(core: Core, filters: Filters) -> PruneReport:
    """Remove unused anonymous volumes; with ``all=true`` named ones too. Filters: all, label."""
    filtering.check(filters, ("all", "label", "label!"))
    everything = any(flag(value, "all") for value in filters.get("all", ()))
    used = core.volumes.used()
    removed: list[str] = []
    freed = 0
    for record in core.volumes.all():
        if record.name in used or not (record.anonymous or everything) or not filtering.labels_match(filters, record.labels):
            continue
        size = usage.tree_size(core.roots.volume_dir(record.name))
        try:
            remove(core, record.name, force=True)
        except Conflict:
            continue  # a container has taken it meanwhile
        removed.append(record.name)
        freed += size
    return PruneReport(removed=tuple(removed), space_reclaimed=freed)


def flag(value: str, key: str) -> bool:
    """A boolean filter. Raises InvalidArgument with docker's words."""
    if value.lower() in ("1", "true", "t"):
        return True
    if value.lower() in ("0", "false", "f"):
        return False
    raise InvalidArgument(f"invalid filter '{key}={value}'")


def resolve(core: Core, config: ContainerConfig, host: HostConfig) -> tuple[Mount, ...]:
    """A container's mounts with their ``path`` on the host: volumes and ``-v`` sources that are missing are made.

    Raises:
        InvalidArgument: a target is not absolute or twice there, or a bind source does not exist; docker's words.
    """
    wanted = list(host.mounts)
    taken = {os.path.normpath(mount.target) for mount in wanted} | {os.path.normpath(target) for target in host.tmpfs}
    wanted += [Mount(kind="volume", target=target) for target in config.volumes if os.path.normpath(target) not in taken]
    targets: set[str] = {os.path.normpath(target) for target in host.tmpfs}
    for mount in wanted:
        _check(mount, targets)
    return tuple(_resolve(core, mount) for mount in wanted)


def _check(mount: Mount, targets: set[str]) -> None:
    fault = f'invalid mount config for type "{mount.kind}": '
    if mount.kind not in _KINDS:
        raise InvalidArgument(f"invalid mount type: {mount.kind!r}", hint="use bind, volume or tmpfs")
    target = os.path.normpath(mount.target)
    if not target.startswith("/"):
        raise InvalidArgument(f"{fault}invalid mount path: '{mount.target}' mount path must be absolute")
    if target == "/":
        raise InvalidArgument(f"{fault}invalid specification: destination can't be '/'")
    if target in targets:
        raise InvalidArgument(f"Duplicate mount point: {target}")
    targets.add(target)
    if mount.kind == "bind":
        if not mount.source.startswith("/"):
            raise InvalidArgument(f"{fault}invalid mount path: '{mount.source}' mount path must be absolute")
        if not mount.create_source and not os.path.lexists(mount.source):
            raise InvalidArgument(f"{fault}bind source path does not exist: {mount.source}")
    elif mount.kind == "volume" and mount.source:
        names.check_volume(mount.source)


def _resolve(core: Core, mount: Mount) -> Mount:
    mount = mount.replace(target=os.path.normpath(mount.target))
    if mount.kind == "tmpfs":
        return mount
    if mount.kind == "bind":
        if mount.create_source and not os.path.lexists(mount.source):
            try:
                os.makedirs(mount.source, mode=0o755, exist_ok=True)
            except OSError as error:
                raise faults.from_os(error, f"make bind source {mount.source}") from error
        return mount.replace(path=mount.source)
    record = create(core, VolumeSpec(name=mount.source))
    return mount.replace(source=record.name, path=core.roots.volume_dir(record.name))
