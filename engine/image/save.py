"""``save``: images as an archive that docker, podman, skopeo and every other OCI tool reads.

As ``docker save`` since 25: an OCI image layout, with docker's older ``manifest.json`` and ``repositories`` beside it. The blobs are
those of the store, so that manifests, and with them the digests that a registry knows, go along unchanged. All times are
zero: the same images make the same archive.

Source: moby ``image/tarexport/save.go``, OCI image-spec ``image-layout.md``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from engine.errors import InvalidArgument, NotFound
from engine.image import catalog
from engine.image.catalog import Catalog
from engine.model.reference import Reference, parse
from engine.store import events
from engine.store.blobs import Blobs
from engine.store.database import Database
from engine.store.images import ImageRecord, Images
from engine.store.locks import Lock
from engine.store.roots import Roots

_PIECE = 1 << 20
_BLOCK = 512
_FULL_NAME = "io.containerd.image.name"
_REF_NAME = "org.opencontainers.image.ref.name"
_INDEX = "application/vnd.oci.image.index.v1+json"


class Saving:
    """An archive on its way out (``Source[bytes]``)."""

    def __init__(self, roots: Roots, database: Database, names: Sequence[str]) -> None:
        """Find the images.

        Raises:
            NotFound, InvalidArgument: one of the names stands for none.
        """
        self._blobs = Blobs(roots)
        self._db = database
        self._guard = threading.Lock()
        self._closed = False
        self._lock = Lock(catalog.lock_path(roots.ensure())).shared()
        try:
            self._chosen = _choose(Catalog(roots, database), Images(database), names)
        except BaseException:
            self._lock.release()
            raise
        self._pieces = self._archive()

    def next(self) -> bytes | None:
        """The next piece; ``None`` at the end.

        Raises:
            NotFound: the store lacks something that the image needs.
        """
        with self._guard:
            return None if self._closed else next(self._pieces, None)

    def close(self) -> None:
        """Give it up. Idempotent."""
        self._closed = True
        with self._guard:
            self._pieces.close()
            self._lock.release()

    def _archive(self) -> Generator[bytes, None, None]:
        yield _header("blobs/", directory=True)
        yield _header("blobs/sha256/", directory=True)
        written: set[str] = set()
        for record, _ in self._chosen:
            for digest in (record.manifest_digest, record.id, *record.blobs):
                if digest not in written:
                    written.add(digest)
                    yield from self._blob(digest)
        yield from _file("index.json", self._index())
        yield from _file("manifest.json", [self._docker(record, references) for record, references in self._chosen])
        yield from _file("oci-layout", {"imageLayoutVersion": "1.0.0"})
        if repositories := self._repositories():
            yield from _file("repositories", repositories)
        yield bytes(2 * _BLOCK)
        with self._db.transaction() as connection:
            for record, _ in self._chosen:
                events.append(connection, catalog.image_event("save", record, record.id))

    def _blob(self, digest: str) -> Generator[bytes, None, None]:
        with os.fdopen(self._blobs.open(digest), "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            yield _header(_path(digest), size)
            while piece := file.read(_PIECE):
                yield piece
        if size % _BLOCK:
            yield bytes(-size % _BLOCK)

    def _index(self) -> Mapping[str, Any]:
        entries: list[dict[str, Any]] = []
        for record, references in self._chosen:
            entry = {"mediaType": record.manifest_type, "digest": record.manifest_digest, "size": self._blobs.size(record.manifest_digest)}
            entries += [
                {**entry, "annotations": {_FULL_NAME: reference.canonical, _REF_NAME: reference.tag}} for reference in references
            ] or [entry]
        return {"schemaVersion": 2, "mediaType": _INDEX, "manifests": entries}

    def _docker(self, record: ImageRecord, references: Sequence[Reference]) -> Mapping[str, Any]:
        tags = [reference.familiar for reference in references]
        return {"Config": _path(record.id), "RepoTags": tags or None, "Layers": [_path(digest) for digest in record.blobs]}

    def _repositories(self) -> Mapping[str, Mapping[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for record, references in self._chosen:
            for reference in references:
                top = record.blobs[-1] if record.blobs else record.id
                found.setdefault(reference.familiar_name, {})[reference.tag] = top.partition(":")[2]
        return found


def _choose(known: Catalog, table: Images, names: Sequence[str]) -> list[tuple[ImageRecord, list[Reference]]]:
    """The images that are meant, each once, with the names that it is to have in the archive."""
    found: dict[str, tuple[ImageRecord, list[Reference]]] = {}

    def add(record: ImageRecord, reference: Reference | None) -> None:
        references = found.setdefault(record.id, (record, []))[1]
        if reference is not None and reference not in references:
            references.append(reference)

    for name in names:
        tags = _tags_of(table, name)
        for reference in tags:
            record = table.by_reference(reference.canonical)
            if record is not None:
                add(record, reference)
        if not tags:
            record = known.resolve(name)
            typed = _reference(name)
            tagged = typed is not None and typed.tag and not typed.digest and table.by_reference(typed.canonical)
            add(record, typed if tagged else None)
    if not found:
        raise NotFound("no images to save")
    return list(found.values())


def _tags_of(table: Images, name: str) -> list[Reference]:
    """All tags of the repository ``name``, when it is one without a tag."""
    wanted = _reference(name)
    if wanted is None or wanted.tag or wanted.digest:
        return []
    all_names = (reference for each in table.all_names().values() for reference in each.references)
    return sorted((each for each in map(parse, all_names) if each.name == wanted.name), key=lambda each: each.tag)


def _reference(name: str) -> Reference | None:
    try:
        return parse(name)
    except InvalidArgument:
        return None


def _path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _file(name: str, document: Any) -> Generator[bytes, None, None]:
    import json

    data = json.dumps(document, separators=(",", ":")).encode()
    yield _header(name, len(data))
    yield data + bytes(-len(data) % _BLOCK)


def _header(name: str, size: int = 0, *, directory: bool = False) -> bytes:
    import tarfile

    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o755 if directory else 0o644
    info.type = tarfile.DIRTYPE if directory else tarfile.REGTYPE
    return info.tobuf(tarfile.PAX_FORMAT)
