"""What the engine has, as one immutable value: the only shape in which lists reach the screen."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from engine.model.containers import Container
from engine.model.images import Image, PullProgress, PushProgress
from engine.model.networks import Network
from engine.model.streams import LogLine
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
        retry_at: when it is asked again, seconds since the epoch; 0.0 for at once.
        hosts: the hosts that are listed as one, empty for a single engine; ``lost`` those of them that do not answer.
    """

    containers: tuple[Container, ...] = ()
    images: tuple[Image, ...] = ()
    volumes: tuple[Volume, ...] = ()
    networks: tuple[Network, ...] = ()
    info: EngineInfo | None = None
    pending: Mapping[str, str] = EMPTY
    loaded: bool = False
    trouble: str = ""
    retry_at: float = 0.0
    hosts: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


class HostStats(Value):
    """One look at the machine that this program runs on.

    Attributes:
        cpus: load of each CPU in percent, 0 to 100, since the look before.
        memory_used, memory_total: bytes; used is what is not available to new programs.
        swap_used, swap_total: bytes.
        load: how many tasks ran or waited, over 1, 5 and 15 minutes.
        root: where the engine keeps everything, ``""`` where that is not on this machine.
        disk_used, disk_total, disk_free: bytes of the file system below ``root``; free is what is left for ordinary users.
        processes: how many there are.
    """

    cpus: tuple[float, ...] = ()
    memory_used: int = 0
    memory_total: int = 0
    swap_used: int = 0
    swap_total: int = 0
    load: tuple[float, float, float] = (0.0, 0.0, 0.0)
    root: str = ""
    disk_used: int = 0
    disk_total: int = 0
    disk_free: int = 0
    processes: int = 0

    @property
    def cpu(self) -> float:
        """Mean load of the CPUs in percent."""
        return sum(self.cpus) / len(self.cpus) if self.cpus else 0.0


class FilePhase(StrEnum):
    """What happens to an archive."""

    WRITING = "Writing"
    READING = "Reading"


class FileProgress(Value):
    """How far an archive is written or read; ``total`` is about what it will be, 0 when that is not known."""

    phase: FilePhase
    layer: str = ""
    current: int = 0
    total: int = 0
    detail: str = ""


class PullState(Value):
    """A pull, or another long operation on images, as far as it has come.

    Attributes:
        verb: ``pull``, ``push``, ``save``, ``load`` or ``read``.
        layers: the newest event of each layer, in the order of their appearance.
        outcome: ``""`` while it runs, then ``done``, ``cancelled`` or ``failed``.
        note: the engine's last sentence, or the reason of the failure.
    """

    reference: str
    verb: str = "pull"
    layers: tuple[PullProgress | PushProgress | FileProgress, ...] = ()
    outcome: str = ""
    note: str = ""


class Done(Value):
    """One operation.

    Attributes:
        at: when it began, seconds since the epoch.
        command: what to type for the same effect, without the program's name: ``stop web``.
        own: it is a whole command line of a person's own.
        took: seconds; -1.0 while it runs.
        problem: why it failed, ``""`` when it did not.
    """

    at: float
    command: str
    took: float = -1.0
    problem: str = ""
    own: bool = False


class MixedLine(LogLine):
    """A line of one of several logs that are shown as one; ``source`` is the log's place among them."""

    source: int  # without a default: only so a subclass of a slotted value is slotted too


Thing = Container | Image | Volume | Network
T = TypeVar("T", Container, Image, Volume, Network)


def key_of(thing: Thing) -> str:
    """What names the object in operations: the id, of volumes the name."""
    return thing.name if isinstance(thing, Volume) else thing.id


def bare(thing: T) -> T:
    """The object with the names that its own host calls it by, where several hosts are listed as one (``NAME@HOST``)."""
    end = f"@{thing.host}"
    if not thing.host:
        return thing
    if isinstance(thing, Image):
        return thing.replace(tags=tuple(tag.removesuffix(end) for tag in thing.tags))
    return thing.replace(name=thing.name.removesuffix(end))


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


def users_of(snapshot: Snapshot, volume: Volume) -> list[str]:
    """Names of the containers that have a volume mounted."""
    return [one.name for one in snapshot.containers if any(mount.kind == "volume" and mount.source == volume.name for mount in one.mounts)]
