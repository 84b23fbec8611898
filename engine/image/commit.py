"""An image from a container: its changes as one more layer, its configuration as the new image's.

::

    upper and lower directory --> tar --> digest (diff ID) --> gzip --> digest --> file in ingest/
                                                                                      |
                                       blob store <----- layer store (unpacks, verifies) <-+

The archive is the same for the same changes: sorted, whole seconds, no user names, no time in the gzip header. Source: OCI
image-spec, layer.md and config.md; moby ``daemon/commit.go`` and ``image/image.go`` (``NewChildImage``).
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.dockerapi.create import encode_healthcheck
from engine.errors import InvalidArgument
from engine.image import catalog, documents, names, pack
from engine.image.layers import LayerStore
from engine.linux import paths
from engine.model import digest as digests
from engine.model.containers import ContainerConfig
from engine.model.files import Change, ChangeKind
from engine.model.units import rfc3339_nano
from engine.model.value import Value
from engine.store import faults
from engine.store.blobs import Blobs
from engine.store.images import ImageRecord
from engine.store.roots import Roots

MAX_LAYERS = 127
"""Docker's limit (``max depth exceeded``)."""
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_OCI_TYPES = {
    "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": _LAYER,
    "application/vnd.docker.image.rootfs.diff.tar.zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
}
"""The new manifest is OCI's, whatever the parent's is: other tools find nothing else in an image layout."""
_PIECE = 1 << 20
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class Made(Value):
    """A layer as a file: its digests, and its size compressed."""

    path: str
    diff_id: str
    digest: str
    size: int


def layer(upper: int, changes: Sequence[Change]) -> Iterator[bytes]:
    """The changes as a layer's archive.

    Args:
        upper: descriptor of the directory that holds what was added and modified.

    Raises:
        InvalidArgument: a file's name means something else in a layer.
        OSError: a file can not be read.
    """
    return pack.ended(_members(upper, changes))


def _members(upper: int, changes: Sequence[Change]) -> Iterator[bytes]:
    packer = pack.Packer()
    for change in changes:
        parent, _, base = change.path.removeprefix("/").rpartition("/")
        if change.kind is ChangeKind.DELETED:
            name = f"{parent}/.wh.{base}" if parent else f".wh.{base}"
            yield pack.Header(os.fsencode(name), b"0", 0o600).encode()
            continue
        if base.startswith(os.fsdecode(names.WHITEOUT)):
            raise InvalidArgument(f"{change.path} can not be in an image: names with .wh. in front mean deleted files")
        try:
            directory = paths.open_beneath(upper, parent, _DIRECTORY)
        except (FileNotFoundError, NotADirectoryError):
            continue  # gone meanwhile
        try:
            yield from packer.member(directory, base, os.fsencode(change.path[1:]))
        finally:
            os.close(directory)


def write_layer(roots: Roots, pieces: Iterator[bytes]) -> Made:
    """Compress an archive into a file in ``ingest/``, which the caller removes.

    Raises:
        DiskFull, EngineFault: it can not be written.
    """
    from isal import isal_zlib

    path = f"{roots.ingest}/commit-{os.urandom(8).hex()}"
    plain, packed = hashlib.sha256(), hashlib.sha256()
    compressor = isal_zlib.compressobj(level=3, wbits=31)
    size = 0
    try:
        with open(path, "xb") as file:
            for piece in pieces:
                plain.update(piece)
                out = compressor.compress(piece)
                packed.update(out)
                size += file.write(out)
            out = compressor.flush()
            packed.update(out)
            size += file.write(out)
    except BaseException as error:
        if os.path.exists(path):
            os.unlink(path)
        if isinstance(error, OSError):
            raise faults.from_os(error, "write the new layer") from error
        raise
    return Made(path=path, diff_id=f"sha256:{plain.hexdigest()}", digest=f"sha256:{packed.hexdigest()}", size=size)


def store_layer(roots: Roots, layers: LayerStore, made: Made, parents: Sequence[str]) -> str:
    """Put a layer into the blob store and unpack it; its chain ID comes back. Raises as both stores do."""
    chain_id = layers.unpack(_chunks(made.path), diff_id=made.diff_id, parents=parents)
    ingest = Blobs(roots).ingest(made.digest, made.size)
    try:
        if not ingest.complete:
            ingest.restart()
            for chunk in _chunks(made.path):
                ingest.write(chunk)
        ingest.commit()
    finally:
        ingest.close()
    return chain_id


def _chunks(path: str) -> Iterator[bytes]:
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(_PIECE):
            yield chunk


def describe(
    roots: Roots,
    layers: LayerStore,
    parent: ImageRecord,
    made: Made | None,
    config: Mapping[str, Any],
    *,
    author: str,
    comment: str,
    created_by: str,
) -> ImageRecord:
    """Write config and manifest of the new image into the blob store; the record for the images table comes back.

    Args:
        made: the new layer, ``None`` when nothing changed.
        config: the ``config`` object of the new image.

    Raises:
        NotFound, CorruptData: the parent's documents are missing or damaged.
        InvalidArgument: there are too many layers.
    """
    blobs = Blobs(roots)
    if made is not None and len(parent.diff_ids) >= MAX_LAYERS:
        raise InvalidArgument("max depth exceeded")
    above = json.loads(digests.verify(blobs.read(parent.id, documents.MAX_CONFIG), parent.id, "image config"))
    manifest_bytes = blobs.read(parent.manifest_digest, documents.MAX_CONFIG)
    documents.read_manifest(digests.verify(manifest_bytes, parent.manifest_digest, "image manifest"), parent.manifest_type)
    manifest = json.loads(manifest_bytes)
    now = rfc3339_nano(time.time_ns())
    step: dict[str, Any] = {"created": now, "created_by": created_by}
    step |= {key: value for key, value in (("author", author), ("comment", comment)) if value}
    if made is None:
        step["empty_layer"] = True
    diff_ids = (*parent.diff_ids, *([made.diff_id] if made else ()))
    kept = {key: above[key] for key in ("architecture", "os", "variant", "os.version", "os.features") if key in above}
    history = above.get("history")
    document = {
        **kept,
        "author": author,
        "created": now,
        "config": dict(config),
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        "history": [*(history if isinstance(history, list) else ()), step],
    }
    data = _dumps(document)
    image_id = f"sha256:{hashlib.sha256(data).hexdigest()}"
    outer: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": documents.OCI_MANIFEST,
        "config": {"mediaType": documents.OCI_CONFIG, "digest": image_id, "size": len(data)},
        "layers": [
            *({**each, "mediaType": _OCI_TYPES.get(each.get("mediaType"), each.get("mediaType") or _LAYER)} for each in manifest["layers"]),
            *([{"mediaType": _LAYER, "digest": made.digest, "size": made.size}] if made else ()),
        ],
    }
    manifest_data = _dumps(outer)
    manifest_digest = f"sha256:{hashlib.sha256(manifest_data).hexdigest()}"
    found = documents.read_config(data, len(outer["layers"]))
    blobs.put(image_id, data)
    blobs.put(manifest_digest, manifest_data)
    chain = digests.chain_ids(diff_ids)
    return ImageRecord(
        id=image_id,
        manifest_digest=manifest_digest,
        manifest_type=documents.OCI_MANIFEST,
        created_at=catalog.created_at(found),
        size=sum(map(layers.size, chain)),
        architecture=parent.architecture,
        os=parent.os,
        variant=parent.variant,
        labels=found.config.labels,
        blobs=(*parent.blobs, *([made.digest] if made else ())),
        diff_ids=diff_ids,
        chain_ids=chain,
    )


def config_of(config: ContainerConfig, above: Mapping[str, Any]) -> dict[str, Any]:
    """The ``config`` object of an image, from a container's configuration and its image's own object."""
    found: dict[str, Any] = {key: above[key] for key in ("Shell", "ArgsEscaped") if key in above}
    found |= {
        "User": config.user,
        "Env": list(config.env),
        "Cmd": None if config.cmd is None else list(config.cmd),
        "Entrypoint": None if config.entrypoint is None else list(config.entrypoint),
        "WorkingDir": config.working_dir,
        "Labels": dict(config.labels),
        "ExposedPorts": {port: {} for port in config.exposed_ports},
        "Volumes": {path: {} for path in config.volumes},
        "StopSignal": config.stop_signal,
        "Healthcheck": encode_healthcheck(config.healthcheck) if config.healthcheck else None,
    }
    return {key: value for key, value in found.items() if value}


def _dumps(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")
