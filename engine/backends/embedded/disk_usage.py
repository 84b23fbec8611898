"""``system df``: what images, containers and volumes take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from engine.backends.embedded import disks, listing
from engine.backends.embedded.core import Core
from engine.errors import NotFound
from engine.image import catalog
from engine.model.containers import Container, ContainerStatus
from engine.model.images import Image
from engine.model.system import DiskUsage, UsageItem
from engine.model.volumes import Volume
from engine.store.blobs import Blobs
from engine.store.images import ImageNames, ImageRecord
from engine.store.layers import Layers

_LIVE = (ContainerStatus.RUNNING, ContainerStatus.PAUSED, ContainerStatus.RESTARTING)


def disk_usage(core: Core, *, contents: bool = False) -> DiskUsage:
    """What everything takes, as ``docker system df`` counts it: an image's layers unpacked, without their compressed blobs.

    With ``contents`` blobs are told too, for they go with the image.
    """
    records = core.images.all()
    layers = {layer.chain_id: layer.size for layer in Layers(core.database).all()}
    containers = tuple(listing.sized(core, record) for record in core.containers.all())
    images = tuple(_images(core, records, layers, Counter(each.image_id for each in containers)))
    volumes = tuple(_volumes(core))
    image_line = _image_line(records, images, layers)
    return DiskUsage(
        items=(image_line, _container_line(containers), _volume_line(volumes), UsageItem(kind="Build Cache")),
        images=images,
        containers=containers,
        volumes=volumes,
        layers_size=image_line.size,
        contents=_contents(core, records, layers) if contents else {},
    )


def _images(core: Core, records: Sequence[ImageRecord], layers: Mapping[str, int], users: Mapping[str, int]) -> Iterable[Image]:
    names = core.images.all_names()
    holders = Counter(chain_id for record in records for chain_id in record.chain_ids)
    for record in records:
        shared = sum(layers.get(chain_id, 0) for chain_id in record.chain_ids if holders[chain_id] > 1)
        summary = catalog.summary(record, names.get(record.id, ImageNames()))
        yield summary.replace(shared_size=shared, containers=users.get(record.id, 0))


def _volumes(core: Core) -> Iterable[Volume]:
    used = core.volumes.used()
    for record in core.volumes.all():
        size = disks.size_of(core, record)
        yield disks.show(core, record).replace(size=size, users=used.get(record.name, 0))


def _image_line(records: Sequence[ImageRecord], images: Sequence[Image], layers: Mapping[str, int]) -> UsageItem:
    used = {image.id for image in images if image.containers}
    held = {chain_id for record in records for chain_id in record.chain_ids}
    needed = {chain_id for record in records if record.id in used for chain_id in record.chain_ids}
    size = sum(layers.get(chain_id, 0) for chain_id in held)
    kept = sum(layers.get(chain_id, 0) for chain_id in needed)
    return UsageItem(kind="Images", total=len(images), active=len(used), size=size, reclaimable=size - kept)


def _container_line(containers: Sequence[Container]) -> UsageItem:
    size = sum(each.size_rw or 0 for each in containers)
    live = [each for each in containers if each.state.status in _LIVE]
    kept = sum(each.size_rw or 0 for each in live)
    return UsageItem(kind="Containers", total=len(containers), active=len(live), size=size, reclaimable=size - kept)


def _volume_line(volumes: Sequence[Volume]) -> UsageItem:
    size = sum(max(each.size, 0) for each in volumes)
    kept = sum(max(each.size, 0) for each in volumes if each.users)
    active = sum(each.users > 0 for each in volumes)
    return UsageItem(kind="Local Volumes", total=len(volumes), active=active, size=size, reclaimable=size - kept)


def _contents(core: Core, records: Sequence[ImageRecord], layers: Mapping[str, int]) -> Mapping[str, Mapping[str, int]]:
    everything = {**layers, **_blobs(blobs := Blobs(core.roots))}
    held: dict[str, Mapping[str, int]] = {}
    for record in records:
        digests = {record.id, record.manifest_digest, *record.blobs}
        names = (*record.chain_ids, *(f"blob {digest}" for digest in sorted(digests)))
        held[record.id] = {name: everything[name] for name in names if name in everything}
    needed = {name for parts in held.values() for name in parts}
    unneeded = {name: size for name, size in everything.items() if name not in needed}
    return {**held, "": {**unneeded, **{f"ingest {name}": size for name, size in blobs.abandoned().items()}}}


def _blobs(blobs: Blobs) -> dict[str, int]:
    found = {}
    for digest in blobs.all():
        try:
            found[f"blob {digest}"] = blobs.size(digest)
        except NotFound:
            continue  # removed meanwhile
    return found
