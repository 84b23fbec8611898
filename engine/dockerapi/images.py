"""Images as the API describes them, and the progress of a pull."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from engine.dockerapi import times
from engine.dockerapi.document import Document, load_document, load_documents
from engine.dockerapi.host_config import decode_healthcheck
from engine.errors import CorruptData, InvalidArgument
from engine.model import platform as platforms
from engine.model import reference
from engine.model.auth import Credentials
from engine.model.containers import PruneReport
from engine.model.images import (
    Image,
    ImageConfig,
    ImageDetails,
    ImageLayer,
    ImageManifest,
    LoadedImage,
    PullPhase,
    PullProgress,
    PushPhase,
    PushProgress,
    RegistryImage,
    RemovedImage,
    SearchResult,
)
from engine.model.units import whole

_LAYER_PHASES = {
    str(phase): phase
    for phase in (
        PullPhase.PULLING_LAYER,
        PullPhase.WAITING,
        PullPhase.DOWNLOADING,
        PullPhase.VERIFYING,
        PullPhase.DOWNLOADED,
        PullPhase.EXTRACTING,
        PullPhase.COMPLETE,
        PullPhase.EXISTS,
    )
}

_PUSH_PHASES = frozenset(map(str, PushPhase)) - {str(PushPhase.REFERS), str(PushPhase.DIGEST)}


def decode_list(body: bytes) -> Sequence[Image]:
    """``GET /images/json``."""
    return decode_rows(load_documents(body))


def decode_rows(items: Iterable[Document]) -> Sequence[Image]:
    """Rows of the list, newest first."""
    return sorted(map(decode_summary, items), key=lambda image: -image.created_at)


def decode_details(body: bytes) -> ImageDetails:
    """``GET /images/{name}/json``."""
    item = load_document(body)
    config = item.document("Config")
    image = Image(
        id=_id(item.text("Id")),
        tags=_familiar(item.texts("RepoTags")),
        digests=_familiar(item.texts("RepoDigests")),
        created_at=times.seconds(item.text("Created")),
        size=item.integer("Size") or item.integer("VirtualSize"),
        labels=config.pairs("Labels"),
        parent_id=item.text("Parent"),
    )
    return ImageDetails(
        image=image,
        config=ImageConfig(
            user=config.text("User"),
            env=config.texts("Env"),
            entrypoint=config.texts_or_none("Entrypoint"),
            cmd=config.texts_or_none("Cmd"),
            working_dir=config.text("WorkingDir"),
            labels=config.pairs("Labels"),
            exposed_ports=tuple(sorted(config.names("ExposedPorts"))),
            volumes=tuple(sorted(config.names("Volumes"))),
            stop_signal=config.text("StopSignal"),
            healthcheck=decode_healthcheck(config),
            shell=config.texts("Shell"),
        ),
        architecture=item.text("Architecture"),
        variant=item.text("Variant"),
        os=item.text("Os") or "linux",
        author=item.text("Author"),
        layers=item.document("RootFS").texts("Layers"),
        raw=json.dumps(json.loads(body), ensure_ascii=False),
    )


def decode_manifests(body: bytes) -> Sequence[ImageManifest]:
    """``Manifests`` of ``GET /images/{name}/json``; none where the store of the engine knows one platform only."""
    return tuple(map(_manifest, load_document(body).documents("Manifests")))


def _manifest(item: Document) -> ImageManifest:
    target, data = item.document("Descriptor"), item.document("ImageData")
    where = data.document("Platform")
    platform = platforms.Platform(os=where.text("os"), architecture=where.text("architecture"), variant=where.text("variant"))
    return ImageManifest(
        digest=target.text("digest"),
        media_type=target.text("mediaType"),
        size=target.integer("size"),
        kind=item.text("Kind"),
        available=item.flag("Available"),
        content=item.document("Size").integer("Content"),
        unpacked=data.document("Size").integer("Unpacked"),
        platform=platform if platform.architecture else None,
        containers=data.texts("Containers"),
        subject=item.document("AttestationData").text("For"),
    )


def decode_history(body: bytes) -> Sequence[ImageLayer]:
    """``GET /images/{name}/history``."""
    return [
        ImageLayer(
            id=_id(item.text("Id")) or "<missing>",
            created_at=float(item.integer("Created")),
            created_by=item.text("CreatedBy"),
            comment=item.text("Comment"),
            size=item.integer("Size"),
            tags=_familiar(item.texts("Tags")),
        )
        for item in load_documents(body)
    ]


def decode_search(body: bytes) -> Sequence[SearchResult]:
    """``GET /images/search``."""
    return [
        SearchResult(
            name=item.text("name") or item.text("Name"),
            description=item.text("description") or item.text("Description"),
            stars=item.integer("star_count") or item.integer("Stars"),
            official=item.flag("is_official"),
            automated=item.flag("is_automated"),
        )
        for item in load_documents(body)
    ]


def decode_distribution(body: bytes) -> RegistryImage:
    """``GET /distribution/{name}/json``."""
    item = load_document(body)
    target = item.document("Descriptor")
    rows = item.documents("Platforms")
    found = [platforms.Platform(os=row.text("os"), architecture=row.text("architecture"), variant=row.text("variant")) for row in rows]
    return RegistryImage(
        digest=target.text("digest"), media_type=target.text("mediaType"), size=target.integer("size"), platforms=tuple(found)
    )


def decode_removed(body: bytes) -> Sequence[RemovedImage]:
    """``DELETE /images/{name}``."""
    return [_removed(item) for item in load_documents(body)]


def decode_prune(body: bytes) -> PruneReport:
    """``POST /images/prune``: references that were untagged, ids that were deleted."""
    item = load_document(body)
    removed = [_removed(line) for line in item.documents("ImagesDeleted")]
    return PruneReport(removed=tuple(line.untagged or line.deleted for line in removed), space_reclaimed=item.integer("SpaceReclaimed"))


def encode_auth(credentials: Credentials) -> str:
    """The ``X-Registry-Auth`` header: URL-safe base64 of an AuthConfig."""
    import base64

    fields = {
        "username": credentials.username,
        "password": credentials.password,
        "identitytoken": credentials.identity_token,
        "registrytoken": credentials.registry_token,
    }
    text = json.dumps({key: value for key, value in fields.items() if value})
    return base64.urlsafe_b64encode(text.encode()).decode()


def decode_progress(item: Document) -> PullProgress | None:
    """One line of ``POST /images/create``; ``None`` for lines that say nothing."""
    status, layer = item.text("status"), item.text("id")
    detail = item.document("progressDetail")
    if phase := _LAYER_PHASES.get(status):
        return PullProgress(phase=phase, layer=layer[:12], current=detail.integer("current"), total=detail.integer("total"))
    for phase, prefix in (
        (PullPhase.PULLING, "Pulling from "),
        (PullPhase.RETRYING, "Retrying "),
        (PullPhase.DIGEST, "Digest: "),
        (PullPhase.STATUS, "Status: "),
    ):
        if status.startswith(prefix):
            return PullProgress(phase=phase, layer=layer, detail=status.removeprefix(prefix).strip())
    return None


def decode_push(item: Document) -> PushProgress | None:
    """One line of ``POST /images/{name}/push``; ``None`` for lines that say nothing."""
    status, layer = item.text("status"), item.text("id")
    detail = item.document("progressDetail")
    if status.startswith(f"{PushPhase.REFERS} ["):
        return PushProgress(phase=PushPhase.REFERS, detail=status.removeprefix(f"{PushPhase.REFERS} [").removesuffix("]"))
    tag, middle, rest = status.partition(": digest: ")
    digest, size_word, size = rest.partition(" size: ")
    if middle and size_word and size.strip().isdecimal():
        return PushProgress(phase=PushPhase.DIGEST, layer=tag, detail=digest, total=whole(size.strip()))
    for phase in (PushPhase.MOUNTED, PushPhase.RETRYING):
        if layer and status.startswith(f"{phase} "):
            return PushProgress(phase=phase, layer=layer[:12], detail=status.removeprefix(f"{phase} "))
    if layer and status in _PUSH_PHASES:
        current, total = detail.integer("current"), detail.integer("total")
        return PushProgress(phase=PushPhase(status), layer=layer[:12], current=current, total=total)
    return None


def decode_loaded(text: str) -> LoadedImage | None:
    """A line of ``POST /images/load``; ``None`` for other lines."""
    if text.startswith("Loaded image: "):
        return LoadedImage(reference=_familiar_one(text.removeprefix("Loaded image: ").strip()))
    if text.startswith("Loaded image ID: "):
        return LoadedImage(id=text.removeprefix("Loaded image ID: ").strip())
    return None


def decode_imported(item: Document) -> str:
    """The id that a line of an import tells, ``""`` for other lines."""
    status = item.text("status").strip()
    return _id(status) if len(status.removeprefix("sha256:")) == 64 else ""


def decode_replaced(text: str) -> tuple[str, str] | None:
    """The name and the id in a line that says from which image a loaded one takes its name."""
    start, middle, end = "The image ", " already exists, renaming the old one with ID ", " to empty string"
    if not (text.startswith(start) and middle in text and text.endswith(end)):
        return None
    name, _, image_id = text.removeprefix(start).removesuffix(end).partition(middle)
    return name, image_id


def decode_summary(item: Document) -> Image:
    """An image of a list."""
    return Image(
        id=_id(item.text("Id")),
        tags=_familiar(item.texts("RepoTags")),
        digests=_familiar(item.texts("RepoDigests")),
        created_at=float(item.integer("Created")),
        size=item.integer("Size") or item.integer("VirtualSize"),
        shared_size=item.integer("SharedSize", -1),
        containers=item.integer("Containers", -1),
        labels=item.pairs("Labels"),
        parent_id=item.text("ParentId"),
    )


def encode_platform(platform: str) -> str:
    """``--platform`` as push and save take it since API 1.46 and 1.48: OCI's object, as JSON; ``""`` for ``""``.

    Raises:
        InvalidArgument: it is none.
    """
    if not platform:
        return ""
    found = platforms.parse(platform)
    document = {"architecture": found.architecture, "os": found.os, "variant": found.variant}
    return json.dumps({key: value for key, value in document.items() if value})


def decode_platform(text: str) -> str:
    """The inverse of :func:`encode_platform`.

    Raises:
        InvalidArgument: it is no platform.
    """
    if not text:
        return ""
    try:
        item = load_document(text.encode())
    except CorruptData:
        item = Document(None)
    parts = [item.text("os"), item.text("architecture"), item.text("variant")]
    if not parts[0] or not parts[1]:
        raise InvalidArgument(f"failed to parse platform: {text[:200]!r}", hint='it is JSON: {"os": "linux", "architecture": "arm64"}')
    return "/".join(filter(None, parts))


def _removed(item: Document) -> RemovedImage:
    deleted = item.text("Deleted")
    untagged = item.text("Untagged")
    return RemovedImage(untagged=_familiar_one(untagged)) if untagged else RemovedImage(deleted=_id(deleted))


def _id(text: str) -> str:
    """Podman leaves ``sha256:`` out."""
    return f"sha256:{text}" if len(text) == 64 else text


def _familiar(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_familiar_one(name) for name in names if not name.startswith("<none>"))


def _familiar_one(name: str) -> str:
    """Podman writes names in full."""
    try:
        return reference.parse(name).familiar
    except InvalidArgument:
        return name
