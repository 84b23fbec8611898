"""The fields that a list's filter can name, as lower-case texts of an object. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.model.containers import Container, ContainerStatus
from engine.model.images import Image
from engine.model.networks import Network
from engine.model.volumes import Volume
from tui.presenters.containers import PROJECT, SERVICE, ports_text
from tui.snapshot import Noun, Thing, label_of

_STOPPED = (ContainerStatus.EXITED, ContainerStatus.CREATED, ContainerStatus.DEAD)


def _labels(labels: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in labels.items())


def _status(one: Container) -> str:
    """The state, and ``stopped`` for whatever has no process."""
    return f"{one.state.status.value} stopped" if one.state.status in _STOPPED else one.state.status.value


_CONTAINER: Mapping[str, Callable[[Container], str]] = {
    "name": lambda one: one.name,
    "id": lambda one: one.id,
    "status": _status,
    "image": lambda one: one.image,
    "label": lambda one: _labels(one.labels),
    "health": lambda one: one.state.health if one.state.status is ContainerStatus.RUNNING else "",
    "port": lambda one: ports_text(one.ports),
    "network": lambda one: " ".join(end.network for end in one.networks),
    "volume": lambda one: " ".join(mount.source for mount in one.mounts),
    "exit": lambda one: "" if one.state.running or not one.state.finished_at else str(one.state.exit_code),
    "project": lambda one: one.labels.get(PROJECT, ""),
    "service": lambda one: one.labels.get(SERVICE, ""),
    "command": lambda one: one.command,
    "host": lambda one: one.host,
}
_IMAGE: Mapping[str, Callable[[Image], str]] = {
    "name": lambda one: " ".join(one.tags),
    "id": lambda one: one.id,
    "digest": lambda one: " ".join(one.digests),
    "host": lambda one: one.host,
    "label": lambda one: _labels(one.labels),
}
_VOLUME: Mapping[str, Callable[[Volume], str]] = {
    "name": lambda one: one.name,
    "host": lambda one: one.host,
    "driver": lambda one: one.driver,
    "label": lambda one: _labels(one.labels),
}
_NETWORK: Mapping[str, Callable[[Network], str]] = {
    "name": lambda one: one.name,
    "id": lambda one: one.id,
    "driver": lambda one: one.driver,
    "subnet": lambda one: " ".join(pool.subnet for pool in one.subnets),
    "host": lambda one: one.host,
    "label": lambda one: _labels(one.labels),
}

FIELDS: Mapping[Noun, tuple[str, ...]] = {
    Noun.CONTAINERS: tuple(_CONTAINER),
    Noun.IMAGES: tuple(_IMAGE),
    Noun.VOLUMES: tuple(_VOLUME),
    Noun.NETWORKS: tuple(_NETWORK),
}


def field_of(thing: Thing, field: str) -> str:
    """A field's text, ``""`` where the object has none of that name."""
    if isinstance(thing, Container):
        found = _CONTAINER[field](thing) if field in _CONTAINER else ""
    elif isinstance(thing, Image):
        found = _IMAGE[field](thing) if field in _IMAGE else ""
    elif isinstance(thing, Volume):
        found = _VOLUME[field](thing) if field in _VOLUME else ""
    else:
        found = _NETWORK[field](thing) if field in _NETWORK else ""
    return (found or label_of(thing) if field == "name" else found).lower()
