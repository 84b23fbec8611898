"""Volumes: making, looking at and removing them, and what a container's mounts resolve to."""

from __future__ import annotations

import os
import time

from engine.backends.embedded import image_mounts, local_volumes, names, usage
from engine.backends.embedded.core import Core
from engine.errors import Conflict, InvalidArgument, NotFound
from engine.model import filters as filtering
from engine.model.containers import ContainerConfig, HostConfig, Mount, PruneReport
from engine.model.filters import Filters
from engine.model.volumes import Volume, VolumeSpec
from engine.runtime import volume_mounts
from engine.store import events, faults
from engine.store.volumes import VolumeRecord
from engine.supervisor.trees import remove_tree

_KINDS = ("bind", "volume", "tmpfs", "image")


def create(core: Core, spec: VolumeSpec) -> VolumeRecord:
    """Make a volume; an existing one of that name comes back as it is.

    Raises:
        InvalidArgument: the name is not allowed.
        NotFound: there is no such driver.
        NotSupported: another file system is asked for.
    """
    if spec.driver not in ("", "local"):
        raise NotFound(f'error looking up volume plugin {spec.driver}: plugin "{spec.driver}" not found', hint="use driver local")
    local_volumes.check(spec.options)
    record = VolumeRecord(
        name=names.check_volume(spec.name) if spec.name else names.new_id(),
        created_at=time.time(),
        anonymous=not spec.name,
        options=dict(spec.options),
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
    dangling = filtering.boolean(filters, "dangling")
    return [
        show(core, record)
        for record in core.volumes.all()
        if ("driver" not in filters or record.driver in filters["driver"])
        and ("name" not in filters or any(part in record.name for part in filters["name"]))
        and dangling in (None, record.name not in used)
        and filtering.labels_match(filters, record.labels)
    ]


def remove(core: Core, name: str, *, force: bool) -> None:
    """Remove a volume.

    Raises:
        NotFound: there is none, unless ``force``.
        Conflict: a container uses it.
    """
    path = core.roots.volume_dir(name)
    try:
        core.database.spared(lambda: core.volumes.delete(name, events.make("volume", "destroy", name, {"driver": "local"})))
    except NotFound:
        if force:
            return
        raise
    volume_mounts.unmount(path)  # nothing of what was mounted there is removed
    remove_tree(os.path.dirname(path))


def prune(core: Core, filters: Filters) -> PruneReport:
    """Remove unused anonymous volumes; with ``all=true`` named ones too. Filters: all, label."""
    filtering.check(filters, ("all", "label", "label!"))
    everything = filtering.boolean(filters, "all") is True
    used = core.volumes.used()
    removed: list[str] = []
    freed = 0
    for record in core.volumes.all():
        if record.name in used or not (record.anonymous or everything) or not filtering.labels_match(filters, record.labels):
            continue
        size = max(size_of(core, record), 0)
        try:
            remove(core, record.name, force=True)
        except Conflict:
            continue  # a container has taken it meanwhile
        removed.append(record.name)
        freed += size
    return PruneReport(removed=tuple(removed), space_reclaimed=freed)


def size_of(core: Core, record: VolumeRecord) -> int:
    """Bytes in a volume; -1 for one that is a file system of its own or a directory of the host, as docker has it: it may be far away."""
    return -1 if record.options else usage.tree_size(core.roots.volume_dir(record.name))


def resolve(core: Core, config: ContainerConfig, host: HostConfig) -> tuple[Mount, ...]:
    """A container's mounts with their ``path`` on the host: volumes and ``-v`` sources that are missing are made.

    Of mounts on one path its own win over those of ``volumes_from``, and these over the image's volumes.

    Raises:
        InvalidArgument: a target is not absolute or twice there, a bind source or a container of ``volumes_from`` does not exist;
            docker's words.
        NotFound: an image does not exist.
    """
    wanted = list(host.mounts)
    taken = {os.path.normpath(mount.target) for mount in wanted} | {os.path.normpath(target) for target in host.tmpfs}
    others = [mount for mount in inherited(core, host) if mount.target not in taken]
    taken |= {mount.target for mount in others}
    wanted += [Mount(kind="volume", target=target) for target in config.volumes if os.path.normpath(target) not in taken]
    targets: set[str] = {os.path.normpath(target) for target in host.tmpfs}
    for mount in wanted:
        _check(mount, targets)
    return (*others, *(_resolve(core, mount) for mount in wanted))


def inherited(core: Core, host: HostConfig) -> tuple[Mount, ...]:
    """The mounts of the containers in ``volumes_from``, a later one's in place of an earlier one's on the same path.

    None is filled from the image, and ``ro`` takes the right to write away that the other container has (moby ``registerMountPoints``).

    Raises:
        InvalidArgument: a container does not exist, or the text is none; docker's words.
    """
    found: dict[str, Mount] = {}
    for text in host.volumes_from:
        name, colon, mode = text.partition(":")
        if not name:
            raise InvalidArgument("volumes-from specification cannot be an empty string")
        words = set(mode.split(",")) if colon else set()
        if not words <= {"ro", "rw", "z", "Z"} or len(words & {"ro", "rw"}) > 1 or len(words & {"z", "Z"}) > 1:
            raise InvalidArgument(f"invalid mode: {mode}")
        try:
            other = core.containers.resolve(name)
        except NotFound as error:
            raise InvalidArgument(error.message) from None
        for mount in other.mounts:
            options = [*(option for option in mount.options if option not in ("ro", "rw")), *(["nocopy"] if mount.kind == "volume" else [])]
            found[mount.target] = mount.replace(
                read_only=mount.read_only or "ro" in mount.options or "ro" in words, options=tuple(dict.fromkeys(options))
            )
    return tuple(found.values())


def _check(mount: Mount, targets: set[str]) -> None:
    fault = f'invalid mount config for type "{mount.kind}": '
    if mount.kind not in _KINDS:
        raise InvalidArgument(f"invalid mount type: {mount.kind!r}", hint="use bind, volume, tmpfs or image")
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
    elif mount.kind == "volume":
        if mount.source:
            names.check_volume(mount.source)
        if mount.subpath.startswith("/") or ".." in mount.subpath.split("/"):
            raise InvalidArgument(f"{fault}invalid volume subpath {mount.subpath}: it must be a path below the volume")
    elif mount.kind == "image":
        if not mount.source:
            raise InvalidArgument(f"{fault}field Source must not be empty")
        if mount.subpath.startswith("/") or ".." in mount.subpath.split("/"):
            hint = f"give a path from the image's root, not {mount.subpath}"
            raise InvalidArgument(f"{fault}subpath must be a relative path within the volume", hint=hint)
    if {"writable", "forcereadonly", "norecursive"} & set(mount.options) and mount.kind != "bind":
        raise InvalidArgument(f"{fault}options of bind mounts are for those of type bind")


def _resolve(core: Core, mount: Mount) -> Mount:
    mount = mount.replace(target=os.path.normpath(mount.target))
    if mount.kind == "tmpfs":
        return mount
    if mount.kind == "image":
        return image_mounts.resolve(core, mount)
    if mount.kind == "bind":
        if mount.create_source and not os.path.lexists(mount.source):
            try:
                os.makedirs(mount.source, mode=0o755, exist_ok=True)
            except OSError as error:
                raise faults.from_os(error, f"make bind source {mount.source}") from error
        return mount.replace(path=mount.source)
    spec = VolumeSpec(name=mount.source, driver=mount.driver or "local", options=mount.driver_options, labels=mount.labels)
    record = create(core, spec)
    return local_volumes.mounted(mount.replace(source=record.name, path=core.roots.volume_dir(record.name)), record.options)
