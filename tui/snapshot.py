"""What the engine has, as one immutable value: the only shape in which lists reach the screen."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from engine.model.containers import Container
from engine.model.images import Image, PullProgress
from engine.model.networks import Network
from engine.model.system import EngineInfo
from engine.model.value import EMPTY, Value
from engine.model.volumes import Volume


class Noun(StrEnum):
    """The kinds of objects, each with a pane of its own."""

    CONTAINERS = "containers"
    IMAGES = "images"
    VOLUMES = "volumes"
    NETWORKS = "networks"


class Snapshot(Value):
    """Everything that the panes list.

    Attributes:
        pending: what is being done to an object right now, by id: ``stopping``, ``removing``, …
        loaded: the lists were read at least once.
        trouble: why the engine does not answer, ``""`` while it does; the lists are then what it said last.
    """

    containers: tuple[Container, ...] = ()
    images: tuple[Image, ...] = ()
    volumes: tuple[Volume, ...] = ()
    networks: tuple[Network, ...] = ()
    info: EngineInfo | None = None
    pending: Mapping[str, str] = EMPTY
    loaded: bool = False
    trouble: str = ""


class PullState(Value):
    """A pull as far as it has come.

    Attributes:
        layers: the newest event of each layer, in the order of their appearance.
        outcome: ``""`` while it runs, then ``done``, ``cancelled`` or ``failed``.
        note: the engine's last sentence, or the reason of the failure.
    """

    reference: str
    layers: tuple[PullProgress, ...] = ()
    outcome: str = ""
    note: str = ""


Thing = Container | Image | Volume | Network


def key_of(thing: Thing) -> str:
    """What names the object in operations: the id, of volumes the name."""
    return thing.name if isinstance(thing, Volume) else thing.id


def label_of(thing: Thing) -> str:
    """What a person calls the object."""
    if isinstance(thing, Image):
        return thing.tags[0] if thing.tags else thing.short_id
    return thing.name


def things(snapshot: Snapshot, noun: Noun) -> tuple[Thing, ...]:
    """The objects of one kind."""
    match noun:
        case Noun.CONTAINERS:
            return snapshot.containers
        case Noun.IMAGES:
            return snapshot.images
        case Noun.VOLUMES:
            return snapshot.volumes
        case Noun.NETWORKS:
            return snapshot.networks
