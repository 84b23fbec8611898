"""Rows of the lists of images, volumes and networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from rich.style import Style

from engine.model.containers import Container
from engine.model.images import Image
from engine.model.networks import Network
from engine.model.value import EMPTY
from engine.model.volumes import Volume
from tui.presenters.ansi import ink
from tui.presenters.table import Cell, Column, Row
from tui.presenters.text import decimal_size, numeric_address, rough_age, safe
from tui.words import tr


def _known(*columns: Column) -> Mapping[str, Column]:
    return {column.name: column for column in columns}


IMAGE_COLUMNS = _known(
    Column(name="name", title="NAME", sort="name", flexible=True, least=12),
    Column(name="host", title="HOST", priority=1, most=16),
    Column(name="tag", title="TAG", sort="tag", priority=2, most=24),
    Column(name="size", title="SIZE", sort="size", right=True, priority=1),
    Column(name="age", title="AGE", sort="age", right=True, priority=3),
    Column(name="used", title="USED", sort="used", right=True, priority=4),
    Column(name="id", title="ID", sort="id", priority=5),
    Column(name="digest", title="DIGEST", sort="digest", priority=6, most=30),
)
VOLUME_COLUMNS = _known(
    Column(name="driver", title="DRIVER", sort="driver"),
    Column(name="name", title="NAME", sort="name", flexible=True, least=12),
    Column(name="host", title="HOST", priority=1, most=16),
    Column(name="size", title="", sort="size", priority=3),
    Column(name="used", title="USED BY", sort="used", priority=2, most=24),
    Column(name="age", title="AGE", sort="age", right=True, priority=1),
    Column(name="mountpoint", title="MOUNTPOINT", sort="mountpoint", priority=4, most=60),
)
NETWORK_COLUMNS = _known(
    Column(name="driver", title="DRIVER", sort="driver"),
    Column(name="name", title="NAME", sort="name", flexible=True, least=12),
    Column(name="host", title="HOST", priority=1, most=16),
    Column(name="subnet", title="SUBNET", sort="subnet", priority=2),
    Column(name="used", title="USED", sort="used", right=True, priority=3),
    Column(name="age", title="AGE", sort="age", right=True, priority=1),
    Column(name="gateway", title="GATEWAY", sort="gateway", priority=4),
    Column(name="id", title="ID", sort="id", priority=4),
)
IMAGE_SHOWN = ("name", "tag", "size", "age", "used", "id")
VOLUME_SHOWN = ("driver", "name", "size", "used", "age")
NETWORK_SHOWN = ("driver", "name", "subnet", "used", "age")
"""The columns, unless the settings say otherwise."""

Users = Mapping[str, Sequence[str]]
"""Names of the containers that use an object, by its key; a missing key is nobody."""

_QUIET = "bright_black"


def split_tag(reference: str) -> tuple[str, str]:
    """Name and tag of a familiar reference; a registry's port is no tag."""
    name, colon, tag = reference.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (reference, "")


def _count(users: Sequence[str]) -> Cell:
    return (tr("used {count}", count=len(users)) if users else "", ink(_QUIET))


def image_row(image: Image, pending: str, now: float, *, users: Users = EMPTY, columns: Sequence[str] = IMAGE_SHOWN) -> Row:
    """One image; further tags are counted behind the first one."""
    name, tag = split_tag(image.tags[0]) if image.tags else ("<none>", "")
    if not image.tags and image.digests:
        name = image.digests[0].partition("@")[0]
    more = f" +{len(image.tags) - 1}" if len(image.tags) > 1 else ""
    cells: Mapping[str, Cell] = {
        "name": (
            f"{pending}… {safe(name)}" if pending else safe(name),
            ink("cyan") if pending else Style.null() if image.tags else ink(_QUIET),
        ),
        "host": _host(image),
        "tag": (safe(tag or "<none>") + more, ink("green") if tag else ink(_QUIET)),
        "size": (decimal_size(image.size), Style.null()),
        "age": (rough_age(now, image.created_at), ink(_QUIET)),
        "used": _count(users.get(image.id, ())),
        "id": (image.short_id, ink(_QUIET)),
        "digest": (safe(image.digests[0].partition("@")[2]) if image.digests else "", ink(_QUIET)),
    }
    search = " ".join((*image.tags, *image.digests, image.id, decimal_size(image.size))).lower()
    return Row(key=image.id, cells=tuple(cells[column] for column in columns), search=search)


def volume_row(volume: Volume, pending: str, now: float, *, users: Users = EMPTY, columns: Sequence[str] = VOLUME_SHOWN) -> Row:
    """One volume; an anonymous one is shown by the first digits of its name."""
    name = volume.name[:12] if volume.anonymous else volume.name
    kind = tr("anonymous") if volume.anonymous else ""
    size = decimal_size(volume.size) if volume.size >= 0 else kind
    by = users.get(volume.name, ())
    cells: Mapping[str, Cell] = {
        **_plain(volume.driver, name, pending),
        "host": _host(volume),
        "size": (size, ink(_QUIET)),
        "used": (safe(", ".join(by)), ink(_QUIET)),
        "age": (rough_age(now, volume.created_at), ink(_QUIET)),
        "mountpoint": (safe(volume.mountpoint), ink(_QUIET)),
    }
    search = _search((volume.driver, name, volume.name, size, kind, *by), volume.labels)
    return Row(key=volume.name, cells=tuple(cells[column] for column in columns), search=search)


def network_row(network: Network, pending: str, now: float, *, users: Users = EMPTY, columns: Sequence[str] = NETWORK_SHOWN) -> Row:
    """One network with its first subnet."""
    pool = network.subnets[0] if network.subnets else None
    cells: Mapping[str, Cell] = {
        **_plain(network.driver, network.name, pending),
        "host": _host(network),
        "subnet": (safe(pool.subnet) if pool else "", ink(_QUIET)),
        "used": _count(users.get(network.name, ())),
        "age": (rough_age(now, network.created_at), ink(_QUIET)),
        "gateway": (safe(pool.gateway) if pool else "", ink(_QUIET)),
        "id": (network.short_id, ink(_QUIET)),
    }
    search = _search((network.driver, network.name, network.id, pool.subnet if pool else ""), network.labels)
    return Row(key=network.id, cells=tuple(cells[column] for column in columns), search=search)


def _host(one: Image | Volume | Network) -> Cell:
    return (safe(one.host), ink("blue"))


def _plain(driver: str, name: str, pending: str) -> Mapping[str, Cell]:
    return {
        "driver": (f"{pending}…" if pending else safe(driver), ink("cyan") if pending else ink(_QUIET)),
        "name": (safe(name), Style.null()),
    }


def _search(words: Sequence[str], labels: Mapping[str, str]) -> str:
    return " ".join((*words, *(f"{label}={value}" for label, value in labels.items()))).lower()


def image_users(containers: Iterable[Container]) -> Users:
    """Containers by the ids of the images that they were made from or mount."""
    return _gathered((image, one.name) for one in containers for image in sorted(one.image_ids))


def volume_users(containers: Iterable[Container]) -> Users:
    """Containers by the names of the volumes that they mount."""
    return _gathered((mount.source, one.name) for one in containers for mount in one.mounts if mount.kind == "volume")


def network_users(containers: Iterable[Container]) -> Users:
    """Containers by the names of their networks."""
    return _gathered((end.network, one.name) for one in containers for end in one.networks)


def _gathered(pairs: Iterable[tuple[str, str]]) -> Users:
    found: dict[str, list[str]] = {}
    for key, name in pairs:
        found.setdefault(key, []).append(name)
    return found


def arrange_images(images: Sequence[Image], *, sort: str, reverse: bool, users: Users = EMPTY) -> list[Image]:
    """Images in order; those without a name come last, whichever way round."""
    keys: Mapping[str, Callable[[Image], object]] = {
        "name": lambda image: 0,
        "size": lambda image: -image.size,
        "age": lambda image: -image.created_at,
        "tag": lambda image: split_tag(image.tags[0])[1] if image.tags else "",
        "used": lambda image: -len(users.get(image.id, ())),
        "id": lambda image: image.id,
        "digest": lambda image: image.digests[0].partition("@")[2] if image.digests else "\uffff",
    }
    key = keys[sort]
    named = sorted((image for image in images if image.tags), key=lambda image: (key(image), image.tags[0]), reverse=reverse)
    return named + sorted((image for image in images if not image.tags), key=lambda image: (key(image), image.id), reverse=reverse)


def arrange_volumes(volumes: Sequence[Volume], *, sort: str, reverse: bool, users: Users = EMPTY) -> list[Volume]:
    """Volumes in order; anonymous ones come last where the name counts."""
    keys: Mapping[str, Callable[[Volume], object]] = {
        "name": lambda one: one.anonymous,
        "driver": lambda one: one.driver,
        "age": lambda one: -one.created_at,
        "size": lambda one: -one.size,
        "used": lambda one: -len(users.get(one.name, ())),
        "mountpoint": lambda one: one.mountpoint,
    }
    key = keys[sort]
    return sorted(volumes, key=lambda one: (key(one), one.name), reverse=reverse)


def arrange_networks(networks: Sequence[Network], *, sort: str, reverse: bool, users: Users = EMPTY) -> list[Network]:
    """Networks in order."""
    keys: Mapping[str, Callable[[Network], object]] = {
        "name": lambda one: 0,
        "driver": lambda one: one.driver,
        "age": lambda one: -one.created_at,
        "subnet": lambda one: numeric_address(one.subnets[0].subnet) if one.subnets else (),
        "used": lambda one: -len(users.get(one.name, ())),
        "gateway": lambda one: numeric_address(one.subnets[0].gateway) if one.subnets else (9,),
        "id": lambda one: one.id,
    }
    key = keys[sort]
    return sorted(networks, key=lambda one: (key(one), one.name), reverse=reverse)
