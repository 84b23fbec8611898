"""Every image: its documents are there and say what its record says, and its layers' blobs are there; so are those of other platforms
where they were asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator

from engine.backends.embedded.checkup.visit import Visit
from engine.errors import CorruptData, NotFound
from engine.image import catalog, documents, indexes
from engine.image.documents import Manifest
from engine.model import digest as digests
from engine.model.check import CheckEvent, CheckProgress
from engine.store.images import ImageRecord


def look(visit: Visit) -> Iterator[CheckEvent]:
    """Follow every image's references. Blobs that are wrong have been told already."""
    records = visit.core.images.all()
    for number, record in enumerate(records):
        visit.go_on()
        yield CheckProgress(stage="images", done=number, total=len(records))
        name = visit.image_name(record)
        for reason in _wrong(visit, record):
            if not _there(visit, record):
                break
            yield visit.finding(f"image {name}", reason, otherwise=f"`longshore pull {name}` brings it again, if it came from a registry")
    yield from _indexes(visit)
    yield CheckProgress(stage="images", done=len(records), total=len(records))


def _indexes(visit: Visit) -> Iterator[CheckEvent]:
    for reference, index in visit.core.images.indexes().items():
        visit.go_on()
        try:
            reasons = [f"of its platform {shown} blob {digest} is missing" for digest, shown in indexes.missing(visit.blobs, index).items()]
        except (NotFound, CorruptData) as error:
            reasons = [f"its index {index}: {error.message}"]
        name = catalog.familiar(reference)
        remedy = f"`longshore pull --all-platforms {name}` brings it again, if it came from a registry"
        if visit.core.images.index_of(reference) == index:
            for reason in reasons:
                yield visit.finding(f"image {name}", reason, otherwise=remedy)


def _there(visit: Visit, record: ImageRecord) -> bool:
    try:
        visit.core.images.get(record.id)
    except NotFound:
        return False
    return True


def _wrong(visit: Visit, record: ImageRecord) -> Iterator[str]:
    parts = [
        ("manifest", record.manifest_digest),
        ("config", record.id),
        *(("layer blob", digest) for digest in dict.fromkeys(record.blobs)),
    ]
    missing = [(what, digest) for what, digest in parts if not os.path.lexists(visit.blobs.path(digest))]
    yield from (f"its {what} {digest} is missing" for what, digest in missing)
    try:
        if record.manifest_digest in visit.whole:
            yield from _manifest(visit, record)
        if record.id in visit.whole:
            yield from _config(visit, record)
    except (CorruptData, NotFound) as error:
        yield error.message


def _manifest(visit: Visit, record: ImageRecord) -> Iterator[str]:
    manifest = documents.read_manifest(visit.blobs.read(record.manifest_digest, documents.MAX_CONFIG), record.manifest_type)
    if not isinstance(manifest, Manifest):
        yield f"its manifest {record.manifest_digest} is an index"
        return
    if manifest.config.digest != record.id:
        yield f"its manifest {record.manifest_digest} is that of image {manifest.config.digest}"
    if tuple(layer.digest for layer in manifest.layers) != record.blobs:
        yield f"its manifest {record.manifest_digest} has other layers"
    for part in (manifest.config, *manifest.layers):
        if part.digest in visit.whole and visit.blobs.size(part.digest) != part.size:
            yield f"its manifest says that blob {part.digest} has {part.size} bytes, not {visit.blobs.size(part.digest)}"


def _config(visit: Visit, record: ImageRecord) -> Iterator[str]:
    config = documents.read_stored_config(visit.blobs.read(record.id, documents.MAX_CONFIG))
    if config.diff_ids != record.diff_ids or digests.chain_ids(config.diff_ids) != record.chain_ids:
        yield "its config has other layers"
