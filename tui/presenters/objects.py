"""Rows of the lists of images, volumes and networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.style import Style

from engine.model.images import Image
from engine.model.networks import Network
from engine.model.volumes import Volume
from tui.presenters.ansi import ink
from tui.presenters.table import Column, Row
from tui.presenters.text import decimal_size, rough_age, safe

IMAGE_SORTS = ("name", "size", "age")
PLAIN_SORTS = ("name", "driver", "age")

IMAGE_COLUMNS = (
    Column(title="NAME", flexible=True, least=12),
    Column(title="TAG", priority=2, most=24),
    Column(title="SIZE", right=True, priority=1),
    Column(title="AGE", right=True, priority=3),
    Column(title="ID", priority=4),
)
PLAIN_COLUMNS = (
    Column(title="DRIVER"),
    Column(title="NAME", flexible=True, least=12),
    Column(title="", priority=2),
    Column(title="AGE", right=True, priority=1),
)

_QUIET = "bright_black"


def split_tag(reference: str) -> tuple[str, str]:
    """Name and tag of a familiar reference; a registry's port is no tag."""
    name, colon, tag = reference.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (reference, "")


def image_row(image: Image, pending: str, now: float) -> Row:
    """One image; further tags are counted behind the first one."""
    name, tag = split_tag(image.tags[0]) if image.tags else ("<none>", "")
    if not image.tags and image.digests:
        name = image.digests[0].partition("@")[0]
    more = f" +{len(image.tags) - 1}" if len(image.tags) > 1 else ""
    cells = (
        (f"{pending}… {safe(name)}" if pending else safe(name), ink("cyan") if pending else Style.null() if image.tags else ink(_QUIET)),
        (safe(tag or "<none>") + more, ink("green") if tag else ink(_QUIET)),
        (decimal_size(image.size), Style.null()),
        (rough_age(now, image.created_at), ink(_QUIET)),
        (image.short_id, ink(_QUIET)),
    )
    return Row(key=image.id, cells=cells, search=" ".join((*image.tags, *image.digests, image.id, decimal_size(image.size))).lower())


def volume_row(volume: Volume, pending: str, now: float) -> Row:
    """One volume; an anonymous one is shown by the first digits of its name."""
    name = volume.name[:12] if volume.anonymous else volume.name
    size = decimal_size(volume.size) if volume.size >= 0 else "anonymous" if volume.anonymous else ""
    when = rough_age(now, volume.created_at)
    return _plain(volume.name, (volume.driver, name, size), pending=pending, age_text=when, labels=volume.labels)


def network_row(network: Network, pending: str, now: float) -> Row:
    """One network with its first subnet."""
    subnet = network.subnets[0].subnet if network.subnets else ""
    when = rough_age(now, network.created_at)
    return _plain(network.id, (network.driver, network.name, subnet), pending=pending, age_text=when, labels=network.labels)


def _plain(key: str, words: tuple[str, str, str], *, pending: str, age_text: str, labels: Mapping[str, str]) -> Row:
    """``words``: driver, name, and what else is worth a column."""
    driver, name, extra = words
    cells = (
        (f"{pending}…" if pending else safe(driver), ink("cyan") if pending else ink(_QUIET)),
        (safe(name), Style.null()),
        (safe(extra), ink(_QUIET)),
        (age_text, ink(_QUIET)),
    )
    search = (driver, name, key, extra, *(f"{label}={value}" for label, value in labels.items()))
    return Row(key=key, cells=cells, search=" ".join(search).lower())


def arrange_images(images: Sequence[Image], *, sort: str, reverse: bool) -> list[Image]:
    """Images in order; those without a name come last, whichever way round."""
    keys: Mapping[str, Callable[[Image], object]] = {
        "name": lambda image: 0,
        "size": lambda image: -image.size,
        "age": lambda image: -image.created_at,
    }
    key = keys[sort]
    named = sorted((image for image in images if image.tags), key=lambda image: (key(image), image.tags[0]), reverse=reverse)
    return named + sorted((image for image in images if not image.tags), key=lambda image: (key(image), image.id), reverse=reverse)


def arrange_volumes(volumes: Sequence[Volume], *, sort: str, reverse: bool) -> list[Volume]:
    """Volumes in order; anonymous ones come last where the name counts."""
    keys: Mapping[str, Callable[[Volume], object]] = {
        "name": lambda one: one.anonymous,
        "driver": lambda one: one.driver,
        "age": lambda one: -one.created_at,
    }
    key = keys[sort]
    return sorted(volumes, key=lambda one: (key(one), one.name), reverse=reverse)


def arrange_networks(networks: Sequence[Network], *, sort: str, reverse: bool) -> list[Network]:
    """Networks in order."""
    keys: Mapping[str, Callable[[Network], object]] = {
        "name": lambda one: 0,
        "driver": lambda one: one.driver,
        "age": lambda one: -one.created_at,
    }
    key = keys[sort]
    return sorted(networks, key=lambda one: (key(one), one.name), reverse=reverse)
