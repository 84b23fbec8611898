"""Layers that come from an archive instead of a registry: into the blob store, unpacked, and into a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.errors import CorruptData
from engine.image import catalog
from engine.image.documents import DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG, OCI_MANIFEST, ImageDocument
from engine.image.layers import LayerStore
from engine.image.spool import Spool
from engine.model import digest as digests
from engine.model.value import Value
from engine.store.blobs import Blobs
from engine.store.images import ImageRecord
from engine.store.roots import Roots

DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"


class StoredLayer(Value):
    """A compressed layer in the blob store. ``diff_id`` is ``""`` when nobody has decompressed it."""

    digest: str
    size: int
    media_type: str = DOCKER_LAYER
    diff_id: str = ""


class Intake:
    """Brings layers and images into the stores of one engine. The caller holds the images lock shared."""

    def __init__(self, roots: Roots, layers: LayerStore) -> None:
        self._roots = roots
        self._blobs = Blobs(roots)
        self._layers = layers

    def blob(self, digest: str, size: int, chunks: Iterable[bytes]) -> None:
        """Store a blob whose digest is known.

        Raises:
            CorruptData: it is the digest of something else.
        """
        ingest = self._blobs.ingest(digest, size)
        try:
            if not ingest.complete:
                ingest.restart()
                for chunk in chunks:
                    ingest.write(chunk)
                ingest.commit()
        finally:
            ingest.close()

    def arriving(self, digest: str, size: int, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """:meth:`blob`, which gives its bytes out while it stores them, for somebody who unpacks them meanwhile.

        Raises:
            CorruptData: it is the digest of something else; what was given out was wrong.
        """
        ingest = self._blobs.ingest(digest, size)
        try:
            if ingest.complete:
                yield from ingest.existing()
                return
            ingest.restart()
            for chunk in chunks:
                ingest.write(chunk)
                yield chunk
            ingest.commit()
        finally:
            ingest.close()

    def compressed(self, chunks: Iterable[bytes]) -> StoredLayer:
        """Compress a plain tar stream into the blob store; the same bytes always get the same digest."""
        import hashlib

        from isal import isal_zlib

        plain, packed = hashlib.sha256(), hashlib.sha256()
        spool = Spool(self._roots)
        try:

            def keep(data: bytes) -> None:
                if data:
                    packed.update(data)
                    spool.write(data)

            deflate = isal_zlib.compressobj(2, isal_zlib.DEFLATED, 31)
            for chunk in chunks:
                plain.update(chunk)
                keep(deflate.compress(chunk))
            keep(deflate.flush())
            digest = f"sha256:{packed.hexdigest()}"
            self.blob(digest, spool.size, spool.chunks())
            return StoredLayer(digest=digest, size=spool.size, diff_id=f"sha256:{plain.hexdigest()}")
        finally:
            spool.close()

    def unpack(self, digest: str, diff_id: str, parents: Sequence[str]) -> str:
        """Unpack a stored layer on top of ``parents``; its chain ID.

        Raises:
            CorruptData: it is malformed, hostile, or not what ``diff_id`` names; the blob is dropped.
        """
        source = self._read(digest)
        try:
            return self._layers.unpack(source, diff_id=diff_id, parents=parents)
        except CorruptData:
            self._blobs.delete(digest)
            raise
        finally:
            source.close()

    def _read(self, digest: str) -> Any:
        def chunks() -> Iterator[bytes]:
            import os

            with os.fdopen(self._blobs.open(digest), "rb", buffering=0) as file:
                while chunk := file.read(1 << 20):
                    yield chunk

        return chunks()

    def record(self, manifest: bytes, media_type: str, config: bytes, document: ImageDocument, layers: Sequence[str]) -> ImageRecord:
        """Store the documents of an image whose layers are there; its record. ``layers`` are their blobs' digests, lowest first."""
        chain = digests.chain_ids(document.diff_ids)
        self._blobs.put(digests.of(config), config)
        self._blobs.put(digests.of(manifest), manifest)
        return ImageRecord(
            id=digests.of(config),
            manifest_digest=digests.of(manifest),
            manifest_type=media_type,
            created_at=catalog.created_at(document),
            size=sum(map(self._layers.size, chain)),
            architecture=document.platform.architecture,
            os=document.platform.os,
            variant=document.platform.variant,
            labels=document.config.labels,
            blobs=tuple(layers),
            diff_ids=document.diff_ids,
            chain_ids=chain,
        )


def manifest_of(config: bytes, layers: Sequence[StoredLayer]) -> tuple[bytes, str]:
    """A manifest, and its media type, for an image that came without one: docker's kind, as ``docker push`` makes it.

    OCI's where a layer is compressed with zstd, which docker's has no name for.
    """
    import json

    oci = any(each.media_type != DOCKER_LAYER for each in layers)
    names = {DOCKER_LAYER: f"{OCI_LAYER}+gzip"} if oci else {}
    media_type = OCI_MANIFEST if oci else DOCKER_MANIFEST
    document: Mapping[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": {"mediaType": OCI_CONFIG if oci else DOCKER_CONFIG, "size": len(config), "digest": digests.of(config)},
        "layers": [{"mediaType": names.get(each.media_type, each.media_type), "size": each.size, "digest": each.digest} for each in layers],
    }
    return json.dumps(document, indent=3).encode(), media_type
