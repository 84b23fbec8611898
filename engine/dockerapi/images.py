"""Images as the API describes them, and the progress of a pull."""

from __future__ import annotations

import json
from collections.abc import Sequence

from engine.dockerapi import times
from engine.dockerapi.document import Document, load_document, load_documents
from engine.dockerapi.host_config import decode_healthcheck
from engine.errors import InvalidArgument
from engine.model import reference
from engine.model.auth import Credentials
from engine.model.containers import PruneReport
from engine.model.images import (
    Image,
    ImageConfig,
    ImageDetails,
    ImageLayer,
    PullPhase,
    PullProgress,
    RemovedImage,
)

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


def decode_list(body: bytes) -> Sequence[Image]:
    """``GET /images/json``."""
    return sorted((_summary(item) for item in load_documents(body)), key=lambda image: -image.created_at)


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


def decode_history(body: bytes) -> Sequence[ImageLayer]:
    """``GET /images/{name}/history``."""
    return [
        ImageLayer(
            id=item.text("Id") or "<missing>",
            created_at=float(item.integer("Created")),
            created_by=item.text("CreatedBy"),
            comment=item.text("Comment"),
            size=item.integer("Size"),
            tags=_familiar(item.texts("Tags")),
        )
        for item in load_documents(body)
    ]


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


def _summary(item: Document) -> Image:
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
