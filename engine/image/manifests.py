"""What the names of an image lead to: the one that is unpacked here, and the others of the indexes that it was brought with."""

from __future__ import annotations

from collections.abc import Sequence

from engine.image import indexes
from engine.image.catalog import Catalog
from engine.image.documents import INDEXES, MANIFESTS
from engine.image.indexes import Part
from engine.model import digest as digests
from engine.model.images import ImageManifest
from engine.store.blobs import Blobs
from engine.store.containers import Containers
from engine.store.images import ImageRecord, Images


def manifests(known: Catalog, images: Images, containers: Containers, blobs: Blobs, name: str) -> Sequence[ImageManifest]:
    """All of them, in the order of the indexes; those of which nothing is here too.

    Raises:
        NotFound: no such image.
        CorruptData: the store is damaged.
    """
    record = known.resolve(name)
    users = tuple(user.id for user in containers.using_image(record.id) if user.image_id == record.id)
    found: dict[str, ImageManifest] = {}
    for index in sorted(filter(None, map(images.index_of, images.names(record.id).references))):
        data = digests.verify(blobs.read(index, indexes.MAX_MANIFEST), index, "index")
        for part in indexes.parts(indexes.stored(blobs), data):
            if part.descriptor.media_type not in INDEXES:
                found.setdefault(part.descriptor.digest, _of_part(blobs, part))
    own = found.get(record.manifest_digest) or _alone(blobs, record)
    platform = own.platform or indexes.own_platform(record)
    found[own.digest] = own.replace(kind="image", unpacked=record.size, containers=users, platform=platform)
    return tuple(found.values())


def _of_part(blobs: Blobs, part: Part) -> ImageManifest:
    target = part.descriptor
    kind = "attestation" if target.attestation else "image" if target.media_type in MANIFESTS else "unknown"
    here = [blob for blob in part.blobs if blobs.has(blob.digest)]
    return ImageManifest(
        digest=target.digest,
        media_type=target.media_type,
        size=target.size,
        kind=kind,
        available=part.data is not None and len(here) == len(part.blobs),
        content=len(part.data or b"") + sum(blob.size for blob in here),
        platform=target.platform,
        subject=target.subject if kind == "attestation" else "",
    )


def _alone(blobs: Blobs, record: ImageRecord) -> ImageManifest:
    """An image whose name leads to its manifest alone."""
    variant = indexes.of_record(blobs, record)
    here = [blob for blob in (variant.config, *variant.blobs) if blobs.has(blob.digest)]
    return ImageManifest(
        digest=variant.digest,
        media_type=variant.media_type,
        size=len(variant.data),
        kind="image",
        available=len(here) == 1 + len(variant.blobs),
        content=len(variant.data) + sum(blob.size for blob in here),
    )
