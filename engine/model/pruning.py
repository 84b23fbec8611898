"""What a prune would remove now, told before anything is removed: by name, and with the bytes that come free.

Pure: what is there in, what would go out. An engine's own prune decides again when it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.model.containers import Container, ContainerStatus
from engine.model.filters import Filters, check, deadline, labels_match
from engine.model.images import Image
from engine.model.networks import Network
from engine.model.system import DiskUsage
from engine.model.value import Value
from engine.model.volumes import Volume

_STOPPED = (ContainerStatus.CREATED, ContainerStatus.EXITED, ContainerStatus.DEAD)
_AGED = ("label", "label!", "until")
PREDEFINED = ("bridge", "host", "none")
"""Networks that no prune takes."""


class Going(Value):
    """What would go of one kind: names as people know them, and the bytes that they take."""

    kind: str
    names: tuple[str, ...] = ()
    size: int = 0


def containers(usage: DiskUsage, filters: Filters) -> list[Container]:
    """Stopped containers. Filters: label, until. Raises InvalidArgument."""
    check(filters, _AGED)
    until = deadline(filters)
    return [
        each
        for each in usage.containers
        if each.state.status in _STOPPED and labels_match(filters, each.labels) and _older(each.created_at, until)
    ]


def networks(found: Iterable[Network], left: Iterable[Container], filters: Filters) -> list[Network]:
    """Networks that no container of ``left`` is in while it runs. Filters: label, until. Raises InvalidArgument.

    Docker takes those that a stopped container would be in; our own engine spares them.
    """
    check(filters, _AGED)
    until = deadline(filters)
    used = {
        name for each in left if each.state.status not in _STOPPED for place in each.networks for name in (place.network, place.network_id)
    }
    return [
        each
        for each in found
        if each.name not in PREDEFINED
        and not used.intersection((each.name, each.id))
        and labels_match(filters, each.labels)
        and _older(each.created_at, until)
    ]


def volumes(usage: DiskUsage, left: Iterable[Container], filters: Filters, *, every: bool) -> list[Volume]:
    """Anonymous volumes that no container of ``left`` mounts; with ``every`` named ones too. Filters: label. Raises InvalidArgument."""
    check(filters, ("label", "label!"))
    used = {mount.source for each in left for mount in each.mounts if mount.kind == "volume"}
    return [each for each in usage.volumes if each.name not in used and (every or each.anonymous) and labels_match(filters, each.labels)]


def images(usage: DiskUsage, left: Iterable[Container], filters: Filters, *, every: bool) -> list[Image]:
    """Images without a name that no container of ``left`` was made from or mounts; with ``every`` those with one too.

    Filters: label, until. Raises InvalidArgument.
    """
    check(filters, _AGED)
    until = deadline(filters)
    used = {image for each in left for image in each.image_ids}
    parents = {each.parent_id for each in usage.images}
    return [
        each
        for each in usage.images
        if (every or not (each.tags or each.id in parents))
        and each.id not in used
        and labels_match(filters, each.labels)
        and _older(each.created_at, until)
    ]


def freed(usage: DiskUsage, gone: Iterable[Image]) -> int:
    """Bytes that come free with images, content that others share left out, and what no image needs any more with them."""
    going = {each.id for each in gone}
    kept = {name for image, parts in usage.contents.items() if image and image not in going for name in parts}
    parts: dict[str, int] = {}
    for image in ("", *going):
        parts |= usage.contents.get(image, {})
    return sum(size for name, size in parts.items() if name not in kept)


def going_containers(found: Sequence[Container]) -> Going:
    """Containers as :class:`Going`."""
    return Going(kind="Containers", names=tuple(each.name for each in found), size=sum(each.size_rw or 0 for each in found))


def going_networks(found: Sequence[Network]) -> Going:
    """Networks as :class:`Going`."""
    return Going(kind="Networks", names=tuple(each.name for each in found))


def going_volumes(found: Sequence[Volume]) -> Going:
    """Volumes as :class:`Going`."""
    return Going(kind="Volumes", names=tuple(each.name for each in found), size=sum(max(each.size, 0) for each in found))


def going_images(usage: DiskUsage, found: Sequence[Image]) -> Going:
    """Images as :class:`Going`."""
    names = tuple(", ".join(each.tags) or each.short_id for each in found)
    rest = ("what interrupted pulls left",) if usage.contents.get("") else ()
    return Going(kind="Images", names=(*names, *rest), size=freed(usage, found))


def left_of(usage: DiskUsage, gone: Iterable[Container]) -> list[Container]:
    """The containers that stay."""
    ids = {each.id for each in gone}
    return [each for each in usage.containers if each.id not in ids]


def everything(usage: DiskUsage, found: Iterable[Network], filters: Filters, *, every: bool, with_volumes: bool) -> list[Going]:
    """What ``system prune`` would remove: containers, then what nothing needs that stays.

    Args:
        every: images with a name too (``--all``).
        with_volumes: anonymous volumes too.

    Raises:
        InvalidArgument: a filter's value is malformed.
    """
    gone = containers(usage, filters)
    left = left_of(usage, gone)
    parts = [going_containers(gone), going_networks(networks(found, left, filters))]
    if with_volumes:
        parts.append(going_volumes(volumes(usage, left, filters, every=False)))
    return [*parts, going_images(usage, images(usage, left, filters, every=every))]


def _older(moment: float, until: float | None) -> bool:
    return until is None or moment < until
