"""``load``: images from an archive as ``docker save``, ``podman save``, ``skopeo`` and other tools write them.

Docker's ``manifest.json`` says which images there are and how they are called; where there is none, the OCI layout's ``index.json``
does. An OCI manifest in the archive for the same image is kept byte for byte, so that its digest stays what a registry knows;
else one is made. Everything is verified as if it came from a registry: blobs by digest, layers by diff ID.

Source: moby ``image/tarexport/load.go``, OCI image-spec ``image-layout.md``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.errors import CorruptData, InvalidArgument, LongshoreError, NotFound, NotSupported
from engine.image import catalog, compression, indexes, intake
from engine.image.archive import Archive
from engine.image.documents import MAX_CONFIG, Descriptor, ImageDocument, Index, Manifest, read_config, read_manifest
from engine.image.intake import Intake, StoredLayer
from engine.image.layers import LayerStore
from engine.image.resolve import parse_platform
from engine.image.spool import Spool
from engine.image.work import LayerWork
from engine.model import digest as digests
from engine.model import platform as platforms
from engine.model.images import LoadedImage
from engine.model.platform import Platform
from engine.model.reference import Reference, parse
from engine.model.value import Value
from engine.registry.cancel import Cancel
from engine.registry.failures import clean
from engine.store import events
from engine.store.blobs import Blobs
from engine.store.database import Database
from engine.store.images import ImageRecord, Images
from engine.store.locks import Lock
from engine.store.roots import Roots

_MAX_IMAGES = 1000
_MAX_MANIFEST = 4 << 20
_MAX_DEPTH = 3
_MOST_SHOWN = 20
_FULL_NAME = "io.containerd.image.name"
_REF_NAME = "org.opencontainers.image.ref.name"


class _Found(Value):
    """An image of the layout: its manifest, its names, and the digest of the index that led to it, ``""`` for none."""

    data: bytes
    manifest: Manifest
    names: tuple[str, ...] = ()
    index: str = ""


class _Planned(Value):
    """An image of the archive.

    ``layers`` are members' names; ``manifest`` is ``b""`` when one must be made. ``index`` is that of :class:`_Found`.
    """

    config: bytes
    document: ImageDocument
    layers: tuple[str, ...]
    references: tuple[Reference, ...] = ()
    manifest: bytes = b""
    index: str = ""


def load(roots: Roots, database: Database, layers: LayerStore, spool: Spool, *, platform: str = "") -> Sequence[LoadedImage]:
    """Take every image of the archive in ``spool``, which stays open; with ``platform`` only those that are for it.

    Raises:
        NotFound: none is for ``platform``, in docker's words.
        InvalidArgument: it is no archive of images, or gives an impossible name.
        CorruptData: something in it is malformed, or does not match its digest.
        NotSupported: an image for another system than linux, or an archive of docker before 1.10.
    """
    wanted = parse_platform(platform)
    plain = spool
    head = spool.read(0, compression.MAGIC_LENGTH)
    packed = head[:3] == b"BZh" or head == b"\xfd7zXZ\0" or compression.sniff(head) != compression.PLAIN
    lock = Lock(catalog.lock_path(roots.ensure())).shared()
    try:
        if packed:
            plain = Spool(roots)
            for chunk in spool.plain():
                plain.write(chunk)
        archive = Archive(plain)
        planned = _plan(archive, wanted)
        loader = _Loader(roots, database, layers, archive)
        return [line for image in planned for line in loader.image(image)]
    finally:
        if plain is not spool:
            plain.close()
        lock.release()


class _Loader:
    """Stores the images of one archive."""

    def __init__(self, roots: Roots, database: Database, layers: LayerStore, archive: Archive) -> None:
        self._db = database
        self._archive = archive
        self._images = Images(database)
        self._blobs = Blobs(roots)
        self._layers = layers
        self._intake = Intake(roots, layers)

    def image(self, image: _Planned) -> Iterator[LoadedImage]:
        """Store one, and tell under which names."""
        record = self._known(digests.of(image.config)) or self._store(image)
        index = image.index if image.index and self._others(image.index, record) else ""
        loaded = []
        with self._db.transaction() as connection:
            if not image.references:
                self._images.put(record)
                loaded.append(LoadedImage(id=record.id))
            for reference in image.references:
                before = self._images.by_reference(reference.canonical)
                replaced = before.id if before is not None and before.id != record.id else ""
                self._images.put(record, reference.canonical, index=index)
                loaded.append(LoadedImage(id=record.id, reference=reference.familiar, replaced=replaced))
            events.append(connection, catalog.image_event("load", record, record.id))
        yield from loaded

    def _known(self, image_id: str) -> ImageRecord | None:
        """The image is here already, whole."""
        try:
            record = self._images.get(image_id)
        except NotFound:
            return None
        whole = all(map(self._blobs.has, (record.id, record.manifest_digest, *record.blobs)))
        return record if whole and all(map(self._layers.has, record.chain_ids)) else None

    def _store(self, image: _Planned) -> ImageRecord:
        """Store a whole image: several layers at a time, as a pull does."""
        exact = self._exact(image) if image.manifest else []
        diff_ids = image.document.diff_ids
        work = LayerWork(digests.chain_ids(diff_ids), range(len(diff_ids)), Cancel())
        stored: dict[int, StoredLayer] = {}

        def job(number: int) -> None:
            if exact:
                stored[number] = layer = exact[number]
                incoming = self._intake.arriving(layer.digest, layer.size, self._archive.chunks(_blob_name(layer.digest)))
            else:
                stored[number], incoming = self._layer(image.layers[number], diff_ids[number])
            self._unpack(work, number, diff_ids[number], stored[number].digest, incoming)

        work.run(job)
        layers = [stored[number] for number in range(len(diff_ids))]
        if image.manifest:
            manifest, media_type = image.manifest, read_manifest(image.manifest).media_type
        else:
            manifest, media_type = intake.manifest_of(image.config, layers)
        return self._intake.record(manifest, media_type, image.config, image.document, [each.digest for each in layers])

    def _unpack(self, work: LayerWork, number: int, diff_id: str, digest: str, incoming: Iterator[bytes]) -> None:
        """Unpack a layer out of its bytes, and take all of them. One that is not what it should be is dropped."""

        def source() -> Iterator[bytes]:
            work.begin(number)
            yield from incoming
            work.wait_for_lower(number)

        coming = source()
        try:
            self._layers.unpack(coming, diff_id=diff_id, parents=work.chain[:number], stop=lambda: work.cancel.thrown)
            for _ in coming:  # the layer was there already, and nobody has asked for its bytes
                pass
        except CorruptData:
            self._blobs.delete(digest)
            raise
        finally:
            work.begin(number)

    def _others(self, index: str, record: ImageRecord) -> bool:
        """Store what the archive has of an index's other platforms; ``False`` when that is nothing."""
        data = self._archive.read(_blob_name(index), _MAX_MANIFEST)
        found = [part for part in indexes.parts(_reads(self._archive), data) if part.data is not None]
        own = record.manifest_digest
        if all(part.descriptor.digest == own or part.descriptor.attestation for part in found):
            return False
        self._blobs.put(index, data)
        for part in found:
            self._blobs.put(part.descriptor.digest, part.data or b"")
            for blob in part.blobs:
                if self._archive.has(_blob_name(blob.digest)):
                    self._intake.blob(blob.digest, blob.size, self._archive.chunks(_blob_name(blob.digest)))
        return True

    def _exact(self, image: _Planned) -> list[StoredLayer]:
        """The layers as the image's own manifest has them."""
        manifest = read_manifest(image.manifest)
        if not isinstance(manifest, Manifest) or len(manifest.layers) != len(image.document.diff_ids):
            raise CorruptData("layers from manifest don't match image configuration")
        return [StoredLayer(digest=each.digest, size=each.size, media_type=each.media_type) for each in manifest.layers]

    def _layer(self, name: str, diff_id: str) -> tuple[StoredLayer, Iterator[bytes]]:
        """Store a layer as it is if it is compressed, else compressed; it, and bytes to unpack it from."""
        import hashlib

        head = next(self._archive.chunks(name), b"")[: compression.MAGIC_LENGTH]
        kind = compression.sniff(head)
        if kind == compression.PLAIN:
            packed = self._intake.compressed(self._archive.chunks(name))
            if packed.diff_id != diff_id:
                self._blobs.delete(packed.digest)
                raise CorruptData(f"layer {digests.short(diff_id)} does not match its diff ID: expected {diff_id}, got {packed.diff_id}")
            return packed, self._archive.chunks(name)
        found = hashlib.sha256()
        for chunk in self._archive.chunks(name):
            found.update(chunk)
        digest, size = f"sha256:{found.hexdigest()}", self._archive.size(name)
        media_type = intake.DOCKER_LAYER if kind == compression.GZIP else f"{intake.OCI_LAYER}+zstd"
        layer = StoredLayer(digest=digest, size=size, media_type=media_type)
        return layer, self._intake.arriving(digest, size, self._archive.chunks(name))


def _plan(archive: Archive, wanted: Platform | None) -> list[_Planned]:
    exact = {found.manifest.config.digest: found for found in _layout(archive, wanted or platforms.host())}
    return _suiting(archive, exact, wanted) if wanted else _all(archive, exact)


def _suiting(archive: Archive, exact: Mapping[str, _Found], wanted: Platform) -> list[_Planned]:
    """The images for one platform, without what their indexes lead to besides; the layout knows more of them than ``manifest.json``."""
    whole = [_from_layout(archive, found) for found in exact.values() if _whole(archive, found.manifest)]
    others = _all(archive, exact) if exact or archive.has("manifest.json") or not archive.has("index.json") else []
    for planned in (whole, others):
        suiting = [image.replace(index="") for image in planned if platforms.rank(wanted, image.document.platform) >= 0]
        if suiting:
            return suiting
    offered = {str(image.document.platform) for image in others}.union(_offered(archive))
    hint = f"the archive has images for {clean(', '.join(sorted(offered)[:_MOST_SHOWN]))}" if offered else ""
    raise NotFound(f"no images providing the requested platform(s) found: [{wanted}]", hint=hint)


def _offered(archive: Archive) -> Iterator[str]:
    """What the images are for that indexes of the layout lead to, as far as they are in the archive."""
    entries = archive.json("index.json")["manifests"] if archive.has("index.json") else ()
    for name in (_blob_name(entry["digest"]) for entry in entries):
        data = archive.read(name, _MAX_MANIFEST) if archive.has(name) else b"{}"
        with contextlib.suppress(LongshoreError):  # no index, or a damaged one: it offers nothing
            if isinstance(read_manifest(data), Index):
                found = (part.descriptor for part in indexes.parts(_reads(archive), data) if part.data is not None)
                yield from (str(each.platform) for each in found if each.platform and not each.attestation)


def _all(archive: Archive, exact: Mapping[str, _Found]) -> list[_Planned]:
    if archive.has("manifest.json"):
        return list(_docker(archive, {digest: found for digest, found in exact.items() if _whole(archive, found.manifest)}))
    if not exact:
        if archive.has("repositories"):
            raise NotSupported("the archive is of a docker before 1.10", hint="load it there and save it with a newer one")
        raise InvalidArgument(
            "the archive holds no image: it has neither manifest.json nor index.json",
            hint="a file system without an image around it is taken by `longshore import`",
        )
    return [_from_layout(archive, found) for found in exact.values()]


def _docker(archive: Archive, exact: Mapping[str, _Found]) -> Iterator[_Planned]:
    """The images of ``manifest.json``."""
    found = archive.json("manifest.json")
    if not isinstance(found, list) or not found or len(found) > _MAX_IMAGES:
        raise CorruptData(f"manifest.json in the archive must be a list of 1 to {_MAX_IMAGES} images")
    for item in found:
        item = item if isinstance(item, dict) else {}
        name, layers = item.get("Config"), item.get("Layers") or []
        if not isinstance(name, str) or not isinstance(layers, list) or not all(isinstance(each, str) for each in layers):
            raise CorruptData("manifest.json in the archive: an image needs Config and Layers")
        config = archive.read(name, MAX_CONFIG)
        if name.startswith("blobs/"):
            digests.verify(config, _named_digest(name), "image config")
        for each in layers:
            archive.size(each)
        yield _planned(config, tuple(layers), item.get("RepoTags"), exact.get(digests.of(config)))


def _from_layout(archive: Archive, found: _Found) -> _Planned:
    wanted = found.manifest.config.digest
    config = digests.verify(archive.read(_blob_name(wanted), MAX_CONFIG), wanted, "image config")
    layers = tuple(_blob_name(each.digest) for each in found.manifest.layers)
    for each in layers:
        archive.size(each)
    return _planned(config, layers, list(found.names), found)


def _planned(config: bytes, layers: tuple[str, ...], names: Any, found: _Found | None) -> _Planned:
    document = read_config(config, len(layers))
    if document.platform.os != "linux":
        raise NotSupported(f'image operating system "{document.platform.os}" cannot be used on this platform')
    references = tuple(map(_tag, names)) if isinstance(names, list) else ()
    manifest, index = (found.data, found.index) if found else (b"", "")
    return _Planned(config=config, document=document, layers=layers, references=references, manifest=manifest, index=index)


def _tag(name: Any) -> Reference:
    reference = parse(name) if isinstance(name, str) else None
    if reference is None or not reference.tag or reference.digest:
        raise InvalidArgument(f"invalid tag {clean(str(name))!r}")
    return reference


# -- OCI image layouts


def _layout(archive: Archive, wanted: Platform) -> Iterator[_Found]:
    """The images of ``index.json``, each manifest with its names; of an index within it, the one that suits ``wanted`` best."""
    if not archive.has("index.json"):
        return
    found = archive.json("index.json")
    entries = found.get("manifests") if isinstance(found, dict) else None
    if not isinstance(entries, list) or len(entries) > _MAX_IMAGES:
        raise CorruptData(f"index.json in the archive must have at most {_MAX_IMAGES} manifests")
    by_digest: dict[str, _Found] = {}
    for entry in entries:
        digest = entry.get("digest") if isinstance(entry, dict) else None
        if not isinstance(digest, str) or not digests.valid(digest):
            raise CorruptData(f"index.json in the archive: invalid digest {clean(str(digest))!r}")
        image = _manifest(archive, digest, wanted, 1)
        if image is not None:
            data, parsed = image
            names = by_digest[digest].names if digest in by_digest else ()
            index = digest if archive.read(_blob_name(digest), _MAX_MANIFEST) != data else ""
            by_digest[digest] = _Found(data=data, manifest=parsed, names=(*names, *_names(entry)), index=index)
    yield from by_digest.values()


def _manifest(archive: Archive, digest: str, wanted: Platform, depth: int) -> tuple[bytes, Manifest] | None:
    """The manifest that a digest names or leads to; ``None`` when it is no image, or not in the archive."""
    if not archive.has(_blob_name(digest)) or depth > _MAX_DEPTH:
        return None
    data = digests.verify(archive.read(_blob_name(digest), _MAX_MANIFEST), digest, "manifest")
    try:
        parsed = read_manifest(data)
    except NotSupported:
        return None  # an attestation or another artifact beside the images
    if isinstance(parsed, Manifest):
        return data, parsed
    ranked = sorted(_ranked(parsed, wanted), key=lambda each: each[0])
    return next((found for _, each in ranked if (found := _manifest(archive, each, wanted, depth + 1))), None)


def _reads(archive: Archive) -> indexes.Read:
    def read(descriptor: Descriptor) -> bytes | None:
        name = _blob_name(descriptor.digest)
        return digests.verify(archive.read(name, _MAX_MANIFEST), descriptor.digest, "manifest") if archive.has(name) else None

    return read


def _ranked(index: Index, wanted: Platform) -> Iterator[tuple[int, str]]:
    for each in index.manifests[:_MAX_IMAGES]:
        rank = platforms.rank(wanted, each.platform) if each.platform else _MAX_IMAGES
        if rank >= 0 and not each.attestation:
            yield rank, each.digest


def _names(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """What an entry of the index is called: in full, or by a tag alone, which names no image."""
    found = entry.get("annotations")
    annotations = found if isinstance(found, dict) else {}
    name = annotations.get(_FULL_NAME) or annotations.get(_REF_NAME)
    if not isinstance(name, str) or not (annotations.get(_FULL_NAME) or "/" in name or ":" in name):
        return ()
    try:
        return (parse(name).tagged.canonical,) if not parse(name).digest else ()
    except LongshoreError:
        return ()


def _whole(archive: Archive, parsed: Manifest) -> bool:
    """The archive has every layer as this manifest names it."""
    return all(archive.has(_blob_name(each.digest)) for each in parsed.layers)


def _blob_name(digest: str) -> str:
    algorithm, digits = digests.split(digest)
    return f"blobs/{algorithm}/{digits}"


def _named_digest(name: str) -> str:
    """The digest that a blob's name in a layout stands for."""
    digest = name.removeprefix("blobs/").replace("/", ":", 1)
    if not digests.valid(digest):
        raise CorruptData(f"manifest.json in the archive: invalid name of a config: {clean(name)!r}")
    return digest
