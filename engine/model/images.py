"""Images, their layers' history, and what a pull tells while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from engine.model.health import Healthcheck
from engine.model.platform import Platform
from engine.model.value import EMPTY, Value


class Image(Value):
    """A row of the image list.

    Attributes:
        id: ``sha256:`` and the digest of the config document.
        tags: familiar references, such as ``busybox:latest``; empty for a dangling image.
        digests: familiar repository digests, ``busybox@sha256:…``.
        size: bytes of all layers, unpacked.
        containers: how many containers use it, -1 when not counted.
        host: set where several engines are listed as one.
    """

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    created_at: float = 0.0
    size: int = 0
    shared_size: int = -1
    containers: int = -1
    labels: Mapping[str, str] = EMPTY
    parent_id: str = ""
    host: str = ""

    @property
    def short_id(self) -> str:
        """The first 12 hex digits of the digest."""
        return self.id.removeprefix("sha256:")[:12]


class ImageManifest(Value):
    """A manifest that an image's name leads to: the image for one platform, or what belongs to one (API 1.47, ``ImageManifestSummary``).

    Attributes:
        digest, media_type, size: the manifest's own.
        kind: ``image``, ``attestation`` or ``unknown``.
        available: its config and all its layers are here.
        content: bytes of the blobs that are here, itself included.
        unpacked: bytes of its unpacked layers, 0 where nothing is.
        platform: of an image.
        containers: ids of those that were made from it.
        subject: the manifest that an attestation is about.
    """

    digest: str
    media_type: str
    size: int
    kind: str
    available: bool = False
    content: int = 0
    unpacked: int = 0
    platform: Platform | None = None
    containers: tuple[str, ...] = ()
    subject: str = ""


class ImageConfig(Value):
    """The run-time defaults of an image (OCI image-spec, ``config.config``). ``None``: not set."""

    user: str = ""
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    working_dir: str = ""
    labels: Mapping[str, str] = EMPTY
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    stop_signal: str = ""
    healthcheck: Healthcheck | None = None
    shell: tuple[str, ...] = ()


class ImageLayer(Value):
    """One history entry, newest first. ``id`` is an image id or ``<missing>``."""

    id: str = "<missing>"
    created_at: float = 0.0
    created_by: str = ""
    comment: str = ""
    size: int = 0
    tags: tuple[str, ...] = ()


class LayerContents(Value):
    """What one layer of an image holds.

    Attributes:
        files: regular files in it.
        size: bytes of them, unpacked; a hard link counts nothing.
        hidden: bytes of ``size`` that later layers replace or remove, and that every copy of the image carries all the same.
    """

    files: int = 0
    size: int = 0
    hidden: int = 0


class HiddenFile(Value):
    """A file that later layers replace or remove. ``size``: bytes of all ``copies`` that can not be seen."""

    path: str
    size: int
    copies: int = 1


class ImageContents(Value):
    """What an image's layers hold.

    Attributes:
        layers: the lowest first.
        steps: for each step of the image's history, oldest first, which of ``layers`` it made, -1 for none; empty where that is not told.
        hidden: what can not be seen any more, the largest first, at most some hundreds.
    """

    layers: tuple[LayerContents, ...] = ()
    steps: tuple[int, ...] = ()
    hidden: tuple[HiddenFile, ...] = ()


class ImageDetails(Value):
    """Everything inspect tells. ``raw`` is the JSON text that ``inspect`` prints."""

    image: Image
    config: ImageConfig
    architecture: str = ""
    variant: str = ""
    os: str = "linux"
    author: str = ""
    layers: tuple[str, ...] = ()
    raw: str = "{}"


class SearchResult(Value):
    """An image that a registry's index knows. ``description`` is one printable line; ``stars`` are people's votes."""

    name: str
    description: str = ""
    stars: int = 0
    official: bool = False
    automated: bool = False


class RegistryImage(Value):
    """What a registry has under a name: the manifest or index there, its length in bytes, and the platforms that it has images for."""

    digest: str
    media_type: str = ""
    size: int = 0
    platforms: tuple[Platform, ...] = ()


class RemovedImage(Value):
    """One line of an image removal: exactly one of the two is set."""

    untagged: str = ""
    deleted: str = ""


class LoadedImage(Value):
    """An image that an archive brought.

    Attributes:
        reference: the familiar name it got, ``""`` when the archive gives it none; an image with several is told several times.
        replaced: the id of the image that had the name until now, ``""`` for none.
    """

    id: str = ""
    reference: str = ""
    replaced: str = ""

    def line(self) -> str:
        """What ``docker load`` prints; programs look for it."""
        return f"Loaded image: {self.reference}" if self.reference else f"Loaded image ID: {self.id}"


class PullPhase(StrEnum):
    """Docker's words for the state of a layer, and of the whole pull."""

    PULLING = "Pulling from"
    PULLING_LAYER = "Pulling fs layer"
    WAITING = "Waiting"
    DOWNLOADING = "Downloading"
    RETRYING = "Retrying"
    VERIFYING = "Verifying Checksum"
    DOWNLOADED = "Download complete"
    EXTRACTING = "Extracting"
    COMPLETE = "Pull complete"
    EXISTS = "Already exists"
    DIGEST = "Digest"
    STATUS = "Status"
    WARNING = "WARNING"


class PullProgress(Value):
    """One event of a pull.

    Attributes:
        phase: what happens.
        layer: 12 hex digits of the layer, the tag for :attr:`PullPhase.PULLING`, else ``""``.
        current, total: bytes; total 0 when unknown.
        detail: the repository path for ``PULLING``, the digest for ``DIGEST``, the sentence for ``STATUS`` (without
            ``Status: ``), ``in N seconds`` for ``RETRYING``, what is odd about the image for ``WARNING``.
    """

    phase: PullPhase
    layer: str = ""
    current: int = 0
    total: int = 0
    detail: str = ""

    def line(self) -> str:
        """The line that ``docker pull`` prints for this event when it is not a terminal."""
        match self.phase:
            case PullPhase.PULLING:
                return f"{self.layer}: Pulling from {self.detail}"
            case PullPhase.DIGEST | PullPhase.STATUS | PullPhase.WARNING:
                return f"{self.phase.value}: {self.detail}"
            case PullPhase.RETRYING:
                return f"{self.layer}: Retrying {self.detail}"
            case _:
                return f"{self.layer}: {self.phase.value}"


class PushPhase(StrEnum):
    """Docker's words for the state of a layer on its way to a registry, and of the whole push."""

    REFERS = "The push refers to repository"
    PREPARING = "Preparing"
    WAITING = "Waiting"
    PUSHING = "Pushing"
    RETRYING = "Retrying"
    PUSHED = "Pushed"
    EXISTS = "Layer already exists"
    MOUNTED = "Mounted from"
    SKIPPED = "Skipped foreign layer"
    DIGEST = "digest"


class PushProgress(Value):
    """One event of a push.

    Attributes:
        phase: what happens.
        layer: 12 hex digits of the layer's diff ID, the tag for :attr:`PushPhase.DIGEST`, else ``""``.
        current, total: bytes; for ``DIGEST`` ``total`` is the size of the manifest.
        detail: the repository for ``REFERS`` and ``MOUNTED``, the digest for ``DIGEST``, ``in N seconds`` for ``RETRYING``.
    """

    phase: PushPhase
    layer: str = ""
    current: int = 0
    total: int = 0
    detail: str = ""

    def line(self) -> str:
        """The line that ``docker push`` prints for this event when it is not a terminal."""
        match self.phase:
            case PushPhase.REFERS:
                return f"{self.phase.value} [{self.detail}]"
            case PushPhase.DIGEST:
                return f"{self.layer}: digest: {self.detail} size: {self.total}"
            case PushPhase.MOUNTED | PushPhase.RETRYING:
                return f"{self.layer}: {self.phase.value} {self.detail}"
            case _:
                return f"{self.layer}: {self.phase.value}"
