"""``save``: images as an archive that docker, podman, skopeo and every other OCI tool reads.

As ``docker save`` since 25: an OCI image layout, with docker's older ``manifest.json`` and ``repositories`` beside it. The blobs are
those of the store, so that manifests, and with them the digests that a registry knows, go along unchanged. With all platforms,
``index.json`` names the index that a name was brought with, and everything that it leads to is there; ``manifest.json``, which knows
no platforms, names this machine's image. All times are zero: the same images make the same archive.

Source: moby ``image/tarexport/save.go``, OCI image-spec ``image-layout.md``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from engine.errors import InvalidArgument, NotFound
from engine.image import catalog, indexes, resolve
from engine.image.catalog import Catalog
from engine.image.indexes import Variant
from engine.model import digest as digests
from engine.model.platform import Platform
from engine.model.reference import Reference, parse
from engine.model.value import Value
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


class _Choice(Value):
    """An image that is saved, and the names that it has in the archive, each with the digest of its index or ``""``."""

    record: ImageRecord
    variant: Variant
    references: Mapping[Reference, str]


class Saving:
    """An archive on its way out (``Source[bytes]``)."""

    def __init__(self, roots: Roots, database: Database, names: Sequence[str], *, platform: str = "", all_platforms: bool = False) -> None:
        """Find the images.

        Args:
            platform: ``os/architecture[/variant]``: of each image the one for it; ``""`` for the one that runs here.
            all_platforms: each index whole, where an image was brought with all its platforms.

        Raises:
            NotFound, InvalidArgument: one of the names stands for none, or what is asked for is not here.
        """
        wanted = resolve.parse_platform(platform)
        if wanted and all_platforms:
            raise InvalidArgument("conflicting options: platform and all platforms")
        self._blobs = Blobs(roots)
        self._images = Images(database)
        self._db = database
        self._guard = threading.Lock()
        self._closed = False
        self._lock = Lock(catalog.lock_path(roots.ensure())).shared()
        try:
            self._chosen = [
                self._choice(record, references, wanted, all_platforms)
                for record, references in _choose(Catalog(roots, database), self._images, names)
            ]
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

    def _choice(self, record: ImageRecord, references: Sequence[Reference], wanted: Platform | None, every: bool) -> _Choice:
        shown = references[0].familiar if references else digests.short(record.id)
        if every:
            known = {each: indexes.index_of(self._images, record, each) for each in references}
            for index in filter(None, known.values()):
                indexes.check_whole(self._blobs, index, shown)
            return _Choice(record=record, variant=indexes.of_record(self._blobs, record), references=known)
        variant = indexes.of_record(self._blobs, record)
        if wanted:
            index = next(filter(None, (self._images.index_of(each.canonical) for each in references)), "")
            variant = indexes.choose(self._blobs, record, index, wanted, shown)
        return _Choice(record=record, variant=variant, references=dict.fromkeys(references, ""))

    def _archive(self) -> Generator[bytes, None, None]:
        yield _header("blobs/", directory=True)
        yield _header("blobs/sha256/", directory=True)
        written: set[str] = set()
        for choice in self._chosen:
            variant = choice.variant
            parts = [variant.digest, variant.config.digest, *(blob.digest for blob in variant.blobs)]
            for index in dict.fromkeys(filter(None, choice.references.values())):
                parts += filter(self._blobs.has, sorted(indexes.kept(self._blobs, index)))
            for digest in parts:
                if digest not in written:
                    written.add(digest)
                    yield from self._blob(digest)
        yield from _file("index.json", self._index())
        yield from _file("manifest.json", list(map(_docker, self._chosen)))
        yield from _file("oci-layout", {"imageLayoutVersion": "1.0.0"})
        if repositories := self._repositories():
            yield from _file("repositories", repositories)
        yield bytes(2 * _BLOCK)
        with self._db.transaction() as connection:
            for choice in self._chosen:
                events.append(connection, catalog.image_event("save", choice.record, choice.record.id))

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
        for choice in self._chosen:
            own = self._entry(choice.variant.digest, choice.variant.media_type)
            for reference, index in choice.references.items():
                entry = self._entry(index, indexes.media_type(self._blobs, index)) if index else own
                entries.append({**entry, "annotations": {_FULL_NAME: reference.canonical, _REF_NAME: reference.tag}})
            if not choice.references:
                entries.append(own)
        return {"schemaVersion": 2, "mediaType": _INDEX, "manifests": entries}

    def _entry(self, digest: str, media_type: str) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": digest, "size": self._blobs.size(digest)}

    def _repositories(self) -> Mapping[str, Mapping[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for choice in self._chosen:
            blobs = choice.variant.blobs
            top = blobs[-1] if blobs else choice.variant.config
            for reference in choice.references:
                found.setdefault(reference.familiar_name, {})[reference.tag] = top.digest.partition(":")[2]
        return found


def _docker(choice: _Choice) -> Mapping[str, Any]:
    """An entry of ``manifest.json``."""
    tags = [reference.familiar for reference in choice.references]
    layers = [_path(blob.digest) for blob in choice.variant.blobs]
    return {"Config": _path(choice.variant.config.digest), "RepoTags": tags or None, "Layers": layers}


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
