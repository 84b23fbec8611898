"""The documents of an image: index, manifest and config, read from bytes that may be hostile.

A document is what its ``mediaType``, the registry's Content-Type and its content agree on; one that could be read as two
things is refused (CVE-2021-41190). Sizes, counts and digests are checked before anything is done with them. Unknown fields are
ignored; the raw bytes are what is stored and hashed.

Source: OCI image-spec (``manifest.md``, ``image-index.md``, ``config.md``), Docker Image Manifest V2 Schema 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import CorruptData, InvalidArgument, NotSupported
from engine.model import digest as digests
from engine.model import platform as platforms
from engine.model.health import Healthcheck
from engine.model.images import ImageConfig
from engine.model.platform import Platform
from engine.model.value import EMPTY, Value

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFESTS = (DOCKER_MANIFEST, OCI_MANIFEST)
INDEXES = (DOCKER_LIST, OCI_INDEX)
MAX_CONFIG = 8 << 20
MAX_LAYERS = 500
"""Overlayfs takes no more lower directories (``OVL_MAX_STACK``)."""
_MAX_SIZE = 1 << 50
_MILLISECOND = 1_000_000
_MOST_RETRIES = 1 << 31
_MAX_URLS = 16
_SCHEMA_1 = ("application/vnd.docker.distribution.manifest.v1+json", "application/vnd.docker.distribution.manifest.v1+prettyjws")
_ATTESTATION = "vnd.docker.reference.type"
_SUBJECT = "vnd.docker.reference.digest"


class Descriptor(Value):
    """A blob that a document names. ``urls`` are other places to get it (foreign layers); ``subject`` is what an attestation is about."""

    media_type: str
    digest: str
    size: int
    urls: tuple[str, ...] = ()
    platform: Platform | None = None
    attestation: bool = False
    subject: str = ""


class Manifest(Value):
    """An image: its config and its layers, lowest first."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]


class Index(Value):
    """Images of several platforms."""

    media_type: str
    manifests: tuple[Descriptor, ...]


class HistoryEntry(Value):
    """One step of an image's making. ``empty_layer``: no layer belongs to it."""

    created: str = ""
    created_by: str = ""
    comment: str = ""
    author: str = ""
    empty_layer: bool = False


class ImageDocument(Value):
    """An image's config document. ``created`` is RFC 3339 text, or ``""``."""

    platform: Platform
    created: str = ""
    author: str = ""
    config: ImageConfig = ImageConfig()
    diff_ids: tuple[str, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    healthcheck: bool = False


def read_manifest(data: bytes, content_type: str = "") -> Manifest | Index:
    """The manifest or index in ``data``; ``content_type`` is what the registry called it, ``""`` when there is none.

    Raises:
        CorruptData: it is malformed or ambiguous.
        NotSupported: a kind of document that is no image.
    """
    document = _object(data, "manifest")
    own = _text(document, "mediaType")
    if content_type in _SCHEMA_1 or own in _SCHEMA_1 or document.get("schemaVersion") == 1:
        raise NotSupported(
            "Docker image manifest version 2, schema 1 is no longer supported", hint="build the image again with a current tool"
        )
    if document.get("schemaVersion") != 2:
        raise CorruptData("invalid manifest: schemaVersion must be 2")
    known = (*MANIFESTS, *INDEXES)
    if own and content_type in known and own != content_type:
        raise CorruptData(f"invalid manifest: its media type {own[:100]!r} is not the {content_type!r} it was served as")
    is_index = "manifests" in document
    if is_index == ("layers" in document or "config" in document):
        raise CorruptData("invalid manifest: it must have either manifests, or config and layers")
    media_type = own or (content_type if content_type in known else OCI_INDEX if is_index else OCI_MANIFEST)
    if media_type not in (INDEXES if is_index else MANIFESTS):
        raise (CorruptData if media_type in known else NotSupported)(f"unsupported media type {media_type[:100]}")
    if is_index:
        return Index(media_type=media_type, manifests=tuple(_descriptor(each) for each in _list(document, "manifests")))
    return _manifest(document, media_type)


def _manifest(document: Mapping[str, Any], media_type: str) -> Manifest:
    config = _descriptor(document.get("config"))
    if config.media_type not in (DOCKER_CONFIG, OCI_CONFIG):
        kind = _text(document, "artifactType") or config.media_type
        raise NotSupported(f"unsupported media type {kind[:100]}: this is not a container image")
    layers = tuple(_descriptor(each) for each in _list(document, "layers"))
    if len(layers) > MAX_LAYERS:
        raise CorruptData(f"invalid manifest: max depth exceeded: {len(layers)} layers, at most {MAX_LAYERS}")
    if config.size > MAX_CONFIG:
        raise CorruptData(f"invalid manifest: a config of {config.size} bytes, at most {MAX_CONFIG}")
    return Manifest(media_type=media_type, config=config, layers=layers)


def read_parts(data: bytes) -> tuple[Descriptor, ...]:
    """Every manifest or blob that a document names, an index's entries or config and layers: also of artifacts that are no images.

    Raises:
        CorruptData: it is malformed.
    """
    document = _object(data, "manifest")
    if "manifests" in document:
        return tuple(map(_descriptor, _list(document, "manifests")))
    return (_descriptor(document.get("config")), *map(_descriptor, _list(document, "layers")))


def read_config(data: bytes, layers: int | None = None) -> ImageDocument:
    """The config document in ``data``; ``layers`` is how many its manifest has, if that is to be checked.

    Raises:
        CorruptData: it is malformed, or does not fit its manifest (docker's words).
    """
    return _config(_object(data, "image config"), layers)


def read_stored_config(data: bytes) -> ImageDocument:
    """:func:`read_config` of a document that has passed it once: without importing :mod:`json`, which ``run`` would wait for.

    Raises:
        CorruptData: it is damaged.
    """
    from engine.store.codec import loads

    try:
        document = loads(data.decode("utf-8").strip())
    except (ValueError, StopIteration, RecursionError):
        document = None
    return _config(document, None) if isinstance(document, dict) else read_config(data)


def _config(document: Mapping[str, Any], layers: int | None) -> ImageDocument:
    rootfs = document.get("rootfs")
    if not isinstance(rootfs, dict) or _text(rootfs, "type") != "layers":
        raise CorruptData("invalid image config: rootfs must be of type layers")
    found = rootfs.get("diff_ids")
    diff_ids = tuple(_digest(each, "diff_id") for each in (found if isinstance(found, list) else []))
    if layers is not None and len(diff_ids) != layers:
        raise CorruptData("layers from manifest don't match image configuration")
    history = document.get("history")
    inside = document.get("config")
    return ImageDocument(
        platform=platforms.normalise(_text(document, "os") or "linux", _text(document, "architecture"), _text(document, "variant")),
        created=_text(document, "created"),
        author=_text(document, "author"),
        config=_run_config(inside if isinstance(inside, dict) else {}),
        diff_ids=diff_ids,
        history=tuple(_history(each) for each in (history if isinstance(history, list) else []) if isinstance(each, dict)),
        healthcheck=isinstance(inside, dict) and isinstance(inside.get("Healthcheck"), dict),
    )


def _run_config(inside: Mapping[str, Any]) -> ImageConfig:
    labels = inside.get("Labels")
    return ImageConfig(
        user=_text(inside, "User"),
        env=_texts(inside, "Env") or (),
        entrypoint=_texts(inside, "Entrypoint"),
        cmd=_texts(inside, "Cmd"),
        working_dir=_text(inside, "WorkingDir"),
        labels={_string(key): _string(value) for key, value in labels.items()} if isinstance(labels, dict) else EMPTY,
        exposed_ports=_names(inside, "ExposedPorts"),
        volumes=_names(inside, "Volumes"),
        stop_signal=_text(inside, "StopSignal"),
        healthcheck=_healthcheck(inside.get("Healthcheck")),
        shell=_texts(inside, "Shell") or (),
    )


def _healthcheck(found: Any) -> Healthcheck | None:
    if not isinstance(found, dict):
        return None
    retries = found.get("Retries")
    return Healthcheck(
        test=_texts(found, "Test") or (),
        interval=_duration(found, "Interval"),
        timeout=_duration(found, "Timeout"),
        start_period=_duration(found, "StartPeriod"),
        start_interval=_duration(found, "StartInterval"),
        retries=retries if type(retries) is int and 0 < retries < _MOST_RETRIES else 0,
    )


def _duration(document: Mapping[str, Any], key: str) -> float:
    """Seconds out of nanoseconds; 0 for what docker would refuse from a person: less than a millisecond, or no number."""
    found = document.get(key)
    return found / 1e9 if type(found) is int and _MILLISECOND <= found < 1 << 63 else 0.0


def _history(entry: Mapping[str, Any]) -> HistoryEntry:
    return HistoryEntry(
        created=_text(entry, "created"),
        created_by=_text(entry, "created_by"),
        comment=_text(entry, "comment"),
        author=_text(entry, "author"),
        empty_layer=entry.get("empty_layer") is True,
    )


def _descriptor(found: Any) -> Descriptor:
    if not isinstance(found, dict):
        raise CorruptData("invalid manifest: a descriptor must be an object")
    size = found.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _MAX_SIZE:
        raise CorruptData("invalid manifest: a descriptor's size must be a number of bytes")
    given = found.get("annotations")
    annotations = given if isinstance(given, dict) else {}
    subject = annotations.get(_SUBJECT)
    return Descriptor(
        media_type=_text(found, "mediaType"),
        digest=_digest(found.get("digest"), "digest"),
        size=size,
        urls=(_texts(found, "urls") or ())[:_MAX_URLS],
        platform=_platform(found.get("platform")),
        attestation=_ATTESTATION in annotations,
        subject=subject if isinstance(subject, str) and digests.valid(subject) else "",
    )


def _platform(found: Any) -> Platform | None:
    if not isinstance(found, dict):
        return None
    return platforms.normalise(_text(found, "os"), _text(found, "architecture"), _text(found, "variant"))


def _digest(found: Any, what: str) -> str:
    try:
        return digests.check(found)
    except InvalidArgument as error:
        raise CorruptData(f"invalid {what} {str(found)[:100]!r}: {error.message}") from None


def _object(data: bytes, what: str) -> dict[str, Any]:
    import json

    try:
        document = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise CorruptData(f"invalid {what}: no valid JSON") from None
    if not isinstance(document, dict):
        raise CorruptData(f"invalid {what}: no JSON object")
    return document


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    found = document.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise CorruptData(f"invalid manifest: {key} must be a list")
    return found


def _string(found: Any) -> str:
    """A text; ``""`` for anything else. JSON can spell halves of characters, which nobody could print or pass on."""
    if not isinstance(found, str):
        return ""
    return found if found.isascii() else found.encode("utf-8", "replace").decode("utf-8")


def _text(document: Mapping[str, Any], key: str) -> str:
    return _string(document.get(key))


def _texts(document: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    """A list of texts; Docker takes a single text for a list of one."""
    found = document.get(key)
    if isinstance(found, str):
        return (_string(found),)
    return tuple(_string(each) for each in found if isinstance(each, str)) if isinstance(found, list) else None


def _names(document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The keys of a JSON object that stands for a set."""
    found = document.get(key)
    return tuple(sorted(map(_string, found))) if isinstance(found, dict) else ()
