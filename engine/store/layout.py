"""``index.json``: the names of the images, for other tools that read the blob store as an OCI image layout.

Nothing of ours reads it. It is written anew from the database after each change.

Source: OCI image-spec, ``image-layout.md``; annotation ``org.opencontainers.image.ref.name`` as skopeo and podman use it.
"""

from __future__ import annotations

from typing import Any

from engine.store import atomic, codec
from engine.store.blobs import Blobs
from engine.store.database import Database
from engine.store.images import Images
from engine.store.locks import Lock
from engine.store.roots import Roots

_REF_NAME = "org.opencontainers.image.ref.name"


def publish(roots: Roots, database: Database) -> None:
    """Write the index.

    Raises:
        DiskFull, Forbidden, EngineFault: the old one stays.
    """
    with Lock(f"{roots.state}/index.lock"):
        table, blobs = Images(database), Blobs(roots)
        names = table.all_names()
        entries: list[dict[str, Any]] = []
        for record in table.all():
            if not blobs.has(record.manifest_digest):
                continue
            entry = {"mediaType": record.manifest_type, "digest": record.manifest_digest, "size": blobs.size(record.manifest_digest)}
            platform = {"architecture": record.architecture, "os": record.os}
            references = names[record.id].references if record.id in names else ()
            entries += [{**entry, "annotations": {_REF_NAME: reference}, "platform": platform} for reference in references]
            if not references:
                entries.append({**entry, "platform": platform})
        document = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}
        atomic.write_file(f"{roots.layout}/index.json", codec.dumps(document).encode(), durable=False)
        blobs.mark()
