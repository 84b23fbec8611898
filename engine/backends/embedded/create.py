"""Create: from an image and wishes to a directory and a row. Nothing runs yet.

The order makes a death at any point harmless: volumes first (they may stay), then the directory, then, in one transaction, the
row with its event. A directory without a row is not seen by anybody, and is swept later.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence

from engine.backends.embedded import checks, confined, disks, image_mounts, limits, merge, names, overlay, wires
from engine.backends.embedded.core import Core
from engine.errors import Conflict, LongshoreError, NotFound
from engine.image.documents import MAX_CONFIG, read_stored_config
from engine.image.layers import LayerStore
from engine.model import platform as platforms
from engine.model.containers import ContainerConfig, CreatedContainer, HostConfig, Mount
from engine.model.images import ImageConfig
from engine.runtime.host import host_facts, resolve_devices, resolve_disks
from engine.runtime.spec import SpecInputs, build_spec
from engine.store import atomic, codec, faults
from engine.store.blobs import Blobs
from engine.store.containers import ContainerRecord
from engine.store.images import ImageRecord
from engine.supervisor import loans, records
from engine.supervisor.trees import remove_tree

_FILES = ("hosts", "resolv.conf", "hostname")
_ATTEMPTS = 20


def create(core: Core, config: ContainerConfig, host: HostConfig, *, name: str, platform: str) -> CreatedContainer:
    """Make a container.

    Raises:
        NotFound: no such image, network, or container to share namespaces with.
        Conflict: the name is in use.
        InvalidArgument: the configuration contradicts itself.
        DiskFull, Forbidden, EngineFault: it can not be written.
    """
    wanted = names.check_container(name) if name else ""
    image = _image(core, config.image, platform)
    config = merge.merge(config, _image_config(core, image))
    checks.namespaces(host)
    host = _resolve_joins(core, host)
    argv = merge.argv(config)
    late = wires.follow_config(core) if host.network_mode in ("", "default", wires.PREDEFINED[0]) else ""
    warnings = [*checks.check(config, host), *confined.ignored(host), *_unreached(core, host), *filter(None, (late,))]
    record = ContainerRecord(
        id=names.new_id(),
        name=wanted or names.generate(),
        image=config.image,
        image_id=image.id,
        created_at=time.time(),
        config=config.replace(exposed_ports=_exposed(config, host)),
        host_config=host,
        argv=argv,
    )
    record = record.replace(config=_with_hostname(core, record))
    if wanted:  # before anything is made; a made up name is changed when it is taken
        core.containers.refuse_name(wanted)
    record = record.replace(endpoints=core.network_manager.check(record))
    devices = resolve_devices(host.devices)
    limited = resolve_disks(host)
    facts = host_facts(devices=host.privileged)
    record = record.replace(mounts=disks.resolve(core, config, host))
    directory = core.roots.container_dir(record.id)
    try:
        lowers = _prepare(core, record, image)
        mounted, layers = image_mounts.prepare(core, directory, record.mounts)
        record = record.replace(mounts=mounted)
        inputs = SpecInputs(
            id=record.id,
            config=record.config,
            host=host,
            argv=argv,
            rootfs=f"{directory}/rootfs",
            lowers=tuple(lowers),
            upper=f"{directory}/upper",
            work=f"{directory}/work",
            mounts=record.mounts,
            layers=layers,
            files=_generated(core, record),
            devices=devices,
            disks=limited,
            facts=facts,
            level=confined.level(core, facts),
            joined=confined.joined(core, host, facts),
        )
        spec = build_spec(inputs)
        warnings += limits.discarded(core, spec["linux"]["resources"])
        # Not synced: after a power cut the row is as old as the file, and WAL without sync forgets both or none.
        atomic.write_file(f"{directory}/config.json", codec.dumps(spec).encode(), durable=False)
        record = _insert(core, record, made_up=not wanted)
    except BaseException:
        _undo(core, record)
        raise
    return CreatedContainer(id=record.id, warnings=tuple(warnings))


def _unreached(core: Core, host: HostConfig) -> list[str]:
    """What keeps an ordinary user's container from the network that it is to have."""
    if not os.path.exists(core.roots.netns) or host.network_mode in ("host", "none") or host.network_mode.startswith("container:"):
        return []
    from engine.rootless import doctor

    return [text for text in (doctor.network(core.roots),) if text]


def _image(core: Core, name: str, platform: str) -> ImageRecord:
    image = core.catalog.resolve(name)
    if platform:
        wanted = platforms.parse(platform)
        actual = platforms.normalise(image.os, image.architecture, image.variant)
        if (wanted.os, wanted.architecture) != (actual.os, actual.architecture) or wanted.variant not in ("", actual.variant):
            raise NotFound(
                f"image with reference {name} was found but does not match the specified platform: wanted {wanted}, actual: {actual}"
            )
    return image


def _image_config(core: Core, image: ImageRecord) -> ImageConfig:
    """From the config document, which was verified when it came in: hashing it again would load OpenSSL for 6 ms."""
    return read_stored_config(Blobs(core.roots).read(image.id, MAX_CONFIG)).config


def _resolve_joins(core: Core, host: HostConfig) -> HostConfig:
    """``container:<name>`` modes with the whole id, which a rename does not change. Raises NotFound."""
    changes = {}
    for field in ("network_mode", "pid_mode", "ipc_mode", "uts_mode"):
        mode = getattr(host, field)
        if mode.startswith("container:"):
            changes[field] = f"container:{core.containers.resolve(mode.removeprefix('container:')).id}"
    return host.replace(**changes) if changes else host


def _exposed(config: ContainerConfig, host: HostConfig) -> tuple[str, ...]:
    return tuple(sorted({*config.exposed_ports, *(f"{port.container_port}/{port.protocol}" for port in host.port_bindings)}))


def _with_hostname(core: Core, record: ContainerRecord) -> ContainerConfig:
    """The host name filled in, as docker does at create; where the UTS namespace is the host's there is none of its own."""
    if record.config.hostname or record.host_config.uts_mode == "host":
        return record.config
    mode = record.host_config.network_mode
    if mode.startswith("container:"):
        other = core.containers.get(mode.removeprefix("container:")).config
        return record.config.replace(hostname=other.hostname, domainname=record.config.domainname or other.domainname)
    return record.config.replace(hostname=os.uname().nodename[:64] if mode == "host" else record.short_id)


def _prepare(core: Core, record: ContainerRecord, image: ImageRecord) -> Sequence[str]:
    """The container's directories, with the root's owner and mode from the image, and its new volumes filled.

    The layers for the overlay come back; none where overlayfs is refused and the content was copied.
    """
    layers = LayerStore(core.roots, core.database)
    lowers = layers.lowers(image.chain_ids)
    directory = core.roots.container_dir(record.id)
    try:
        os.mkdir(directory, 0o700)
        for name in ("upper", "work", "rootfs"):
            os.mkdir(f"{directory}/{name}", 0o755)
        if lowers:
            top = os.stat(lowers[0])
            os.chown(f"{directory}/upper", top.st_uid, top.st_gid)
            os.chmod(f"{directory}/upper", stat.S_IMODE(top.st_mode))
    except OSError as error:
        raise faults.from_os(error, f"make container directory {directory}") from error
    flat = bool(lowers) and not overlay.works(core.roots, lowers, f"{directory}/upper", f"{directory}/work")
    if flat:
        layers.flatten(image.chain_ids, f"{directory}/rootfs")
    for mount in record.mounts:
        if _to_be_filled(mount):
            from engine.backends.embedded import copyup

            with loans.borrowed(core.roots, core.database, mount.source):
                copyup.fill([f"{directory}/rootfs"] if flat else lowers, mount.target, mount.path)
    return () if flat else lowers


def _to_be_filled(mount: Mount) -> bool:
    return mount.kind == "volume" and not mount.subpath and not {"nocopy", "volume-nocopy"} & set(mount.options)


def _generated(core: Core, record: ContainerRecord) -> tuple[tuple[str, str], ...]:
    """Files that the network writes at start."""
    directory = core.roots.container_dir(record.id)
    return tuple((f"/etc/{name}", f"{directory}/{name}") for name in _FILES)


def _insert(core: Core, record: ContainerRecord, *, made_up: bool) -> ContainerRecord:
    """Write the row, with other names while a made up one is taken."""
    for attempt in range(_ATTEMPTS):
        try:
            with core.database.transaction():
                for image in {record.image_id, *(mount.image_id for mount in record.mounts if mount.image_id)}:
                    core.images.get(image)  # nobody has removed it meanwhile
                core.containers.insert(record, records.event(record, "create"))
            return record
        except Conflict:
            if not made_up or attempt == _ATTEMPTS - 1:
                raise
            record = record.replace(name=names.generate(attempt + 1))
    return record


def _undo(core: Core, record: ContainerRecord) -> None:
    """What a create that failed has made, except for named volumes."""
    try:
        kept = (*record.host_config.mounts, *disks.inherited(core, record.host_config))
        anonymous = {mount.source for mount in record.mounts if mount.kind == "volume"} - {
            mount.source for mount in kept if mount.kind == "volume"
        }
        remove_tree(core.roots.container_dir(record.id))
        for name in anonymous:
            disks.remove(core, name, force=True)
    except LongshoreError:
        pass  # the reason why create failed is what counts; the sweep takes the rest
