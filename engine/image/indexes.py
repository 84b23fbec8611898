"""Images of several platforms: what an index in the blob store leads to.

One platform's image is unpacked and has a record; of the others the store keeps manifests and blobs as they came, for ``push`` and
``save``. Names that were brought with all platforms point to the index, and whatever it leads to is no garbage.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from engine.errors import CorruptData, LongshoreError, NotFound
from engine.image.documents import INDEXES, MAX_CONFIG, Descriptor, Manifest, read_config, read_manifest, read_parts
from engine.model import digest as digests
from engine.model import platform as platforms
from engine.model.platform import Platform
from engine.model.reference import Reference, parse
from engine.model.value import Value
from engine.store.blobs import Blobs
from engine.store.images import ImageRecord, Images, wanted_blobs

MAX_MANIFEST = 4 << 20
_MAX_DEPTH = 3
_MAX_DOCUMENTS = 500

Read = Callable[[Descriptor], bytes | None]
"""Gives the bytes that a descriptor names, verified; ``None`` when they are not there."""


class Part(Value):
    """A document that an index leads to.

    Attributes:
        descriptor: as the document above has it.
        data: its bytes; ``None`` when it is not there.
        blobs: config and layers of a manifest.
    """

    descriptor: Descriptor
    data: bytes | None
    blobs: tuple[Descriptor, ...] = ()


def parts(read: Read, index: bytes) -> Iterator[Part]:
    """Every document that ``index`` leads to, one that names others after them, each once.

    Raises:
        CorruptData: one is malformed, or there are too many.
    """
    seen: set[str] = set()

    def below(data: bytes, depth: int) -> Iterator[Part]:
        for each in read_parts(data):
            if each.digest in seen:
                continue
            seen.add(each.digest)
            if len(seen) > _MAX_DOCUMENTS:
                raise CorruptData(f"invalid index: more than {_MAX_DOCUMENTS} manifests")
            if depth > _MAX_DEPTH:
                raise CorruptData(f"invalid index: more than {_MAX_DEPTH} indexes in each other")
            found = read(each)
            if found is not None and each.media_type in INDEXES:
                yield from below(found, depth + 1)
            blobs = read_parts(found) if found is not None and each.media_type not in INDEXES else ()
            yield Part(descriptor=each, data=found, blobs=blobs)

    return below(index, 1)


def stored(blobs: Blobs) -> Read:
    """Reads from the blob store."""

    def read(descriptor: Descriptor) -> bytes | None:
        try:
            return digests.verify(blobs.read(descriptor.digest, MAX_MANIFEST), descriptor.digest, "manifest")
        except NotFound:
            return None

    return read


def kept(blobs: Blobs, digest: str) -> set[str]:
    """Digests of an index and of everything that it leads to, here or not. What is damaged leads nowhere."""
    found, read = {digest}, stored(blobs)

    def undamaged(descriptor: Descriptor) -> bytes | None:
        try:
            return read(descriptor)
        except CorruptData:
            return None

    with contextlib.suppress(LongshoreError):
        for part in parts(undamaged, blobs.read(digest, MAX_MANIFEST)):
            found.update((part.descriptor.digest, *(blob.digest for blob in part.blobs)))
    return found


def wanted(images: Images, blobs: Blobs) -> set[str]:
    """Digests of all blobs that images and indexes need. Every other blob is garbage."""
    found = wanted_blobs(images.all())
    for digest in set(images.indexes().values()):
        found |= kept(blobs, digest)
    return found


def missing(blobs: Blobs, digest: str) -> dict[str, str]:
    """What of an index is not here: digests, each with the platform or manifest that lacks it.

    Raises:
        NotFound, CorruptData: the index itself, or a manifest in it, is missing or damaged.
    """
    found: dict[str, str] = {}
    for part in parts(stored(blobs), digests.verify(blobs.read(digest, MAX_MANIFEST), digest, "index")):
        shown = platform_of(part.descriptor)
        if part.data is None:
            found[part.descriptor.digest] = shown
        found.update((blob.digest, shown) for blob in part.blobs if not blob.urls and not blobs.has(blob.digest))
    return found


def index_of(images: Images, record: ImageRecord, reference: Reference) -> str:
    """The index that a name of an image stands for, ``""`` where it stands for that image alone.

    Raises:
        NotFound: it came out of an index of which nothing else is here.
    """
    found = images.index_of(reference.canonical)
    if not found and any(parse(each).digest != record.manifest_digest for each in images.names(record.id).digests):
        own = platforms.normalise(record.os, record.architecture, record.variant)
        raise NotFound(f"of the platforms of {reference.familiar} only {own} is here", hint="pull it with --all-platforms")
    return found


def check_whole(blobs: Blobs, digest: str, shown: str) -> None:
    """Raises NotFound when a part of the index of the image ``shown`` is not here."""
    if lost := missing(blobs, digest):
        where = ", ".join(sorted(set(lost.values())))
        raise NotFound(
            f"content digest {min(lost)}: not found: of the platforms of {shown} not all are here, there is no {where}",
            hint="pull it with --all-platforms",
        )


def media_type(blobs: Blobs, digest: str) -> str:
    """What kind of index it is. Raises NotFound, CorruptData."""
    return read_manifest(blobs.read(digest, MAX_MANIFEST)).media_type


def platform_of(descriptor: Descriptor) -> str:
    """What a person calls a manifest of an index."""
    known = descriptor.platform is not None and not descriptor.attestation and descriptor.platform.os not in ("", "unknown")
    return str(descriptor.platform) if known else digests.short(descriptor.digest)


class Variant(Value):
    """The image of one platform, whole in the blob store.

    Attributes:
        data: the bytes of ``manifest``.
        layers: names of the layers for people: their diff IDs, lowest first; of what is no image, their own digests.
    """

    digest: str
    data: bytes
    media_type: str
    config: Descriptor
    blobs: tuple[Descriptor, ...]
    layers: tuple[str, ...]


def of_record(blobs: Blobs, record: ImageRecord) -> Variant:
    """The image that is unpacked here.

    Raises:
        NotFound, CorruptData: the store has lost something, or is damaged.
    """
    data = digests.verify(blobs.read(record.manifest_digest, MAX_MANIFEST), record.manifest_digest, "manifest")
    manifest = read_manifest(data, record.manifest_type)
    if not isinstance(manifest, Manifest) or len(manifest.layers) != len(record.diff_ids):
        raise CorruptData("layers from manifest don't match image configuration", hint="remove the image and pull it again")
    return Variant(
        digest=record.manifest_digest,
        data=data,
        media_type=manifest.media_type,
        config=manifest.config,
        blobs=manifest.layers,
        layers=record.diff_ids,
    )


def of_part(blobs: Blobs, part: Part) -> Variant:
    """What an index leads to and is here.

    Raises:
        NotFound: it is not.
    """
    if part.data is None:
        raise NotFound(f"content digest {part.descriptor.digest}: not found", hint="pull it with --all-platforms")
    config, *layers = part.blobs
    names: tuple[str, ...] = ()
    with contextlib.suppress(CorruptData):  # no image, an attestation perhaps
        names = read_config(blobs.read(config.digest, MAX_CONFIG)).diff_ids
    return Variant(
        digest=part.descriptor.digest,
        data=part.data,
        media_type=part.descriptor.media_type,
        config=config,
        blobs=tuple(layers),
        layers=names if len(names) == len(layers) else tuple(each.digest for each in layers),
    )


def choose(blobs: Blobs, record: ImageRecord, index: str, platform: Platform, shown: str) -> Variant:
    """The image for ``platform``: the one that is unpacked, or another one of its ``index`` (``""``: there is none).

    Raises:
        NotFound: there is none here for it; ``shown`` is the image's name.
    """
    own = own_platform(record)
    if _is_own(record, index, platform):
        return of_record(blobs, record)
    if not index:
        raise NotFound(
            f"image with reference {shown} was found but its platform ({own}) does not match the specified platform ({platform})",
            hint="pull it with --all-platforms to have them all",
        )
    if (found := _best(_images(blobs, index), platform)) is None:
        raise NotFound(f"no image of {shown} for the platform {platform} is here")
    return of_part(blobs, found)


def provide(blobs: Blobs, record: ImageRecord, index: str, platform: Platform, shown: str) -> Variant:
    """As :func:`choose`, for what is to be looked at: the whole image has to be here.

    Raises:
        NotFound: there is none here for it, in the words of docker's store of several platforms (``errPlatformNotFound``).
    """
    if _is_own(record, index, platform):
        return of_record(blobs, record)
    here = _whole_parts(blobs, index)
    if (found := _best(here, platform)) is None:
        known = ", ".join(sorted({str(own_platform(record)), *(platform_of(part.descriptor) for part in here)}))
        raise NotFound(
            f"image with reference {shown} was found but does not provide the specified platform ({platform})",
            hint=f"it is here for {known}; `longshore pull --platform {platform}` brings that one in its place",
        )
    return of_part(blobs, found)


def beside(blobs: Blobs, record: ImageRecord, index: str) -> dict[str, str]:
    """The whole images of an index besides the one that is unpacked: their platforms by the digests of their manifests."""
    return {
        part.descriptor.digest: platform_of(part.descriptor)
        for part in _whole_parts(blobs, index)
        if part.descriptor.digest != record.manifest_digest
    }


def own_platform(record: ImageRecord) -> Platform:
    """What the image that is unpacked here is for."""
    return platforms.normalise(record.os, record.architecture, record.variant)


def _is_own(record: ImageRecord, index: str, platform: Platform) -> bool:
    own = own_platform(record)
    return own == platform or (not index and platforms.rank(platform, own) >= 0)


def _images(blobs: Blobs, index: str) -> list[Part]:
    """Images for known platforms that an index leads to, here or not."""
    data = digests.verify(blobs.read(index, MAX_MANIFEST), index, "index")
    return [
        part
        for part in parts(stored(blobs), data)
        if part.descriptor.platform and not part.descriptor.attestation and part.descriptor.media_type not in INDEXES
    ]


def _whole_parts(blobs: Blobs, index: str) -> list[Part]:
    """Those of them that are here with everything; of no index (``""``) none."""
    found = _images(blobs, index) if index else []
    return [part for part in found if part.data is not None and part.blobs and all(blobs.has(blob.digest) for blob in part.blobs)]


def _best(found: list[Part], platform: Platform) -> Part | None:
    ranked = [(platforms.rank(platform, part.descriptor.platform), part) for part in found if part.descriptor.platform]
    return min((each for each in ranked if each[0] >= 0), key=lambda each: each[0], default=(0, None))[1]
