"""The images that are here: names, the list with its filters, history, tags.

Light on purpose: ``longshore images`` and ``run`` import this, and need neither the registry nor the unpacker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.errors import CorruptData, InvalidArgument, NotFound
from engine.model import digest as digests
from engine.model.events import Event
from engine.model.filters import Filters, boolean, check, deadline, labels_match
from engine.model.images import Image, ImageLayer
from engine.model.reference import Reference, parse
from engine.model.value import EMPTY
from engine.store import events, images
from engine.store.blobs import Blobs
from engine.store.database import Database
from engine.store.images import ImageNames, ImageRecord, Images
from engine.store.layers import Layers
from engine.store.roots import Roots

if TYPE_CHECKING:
    from engine.image.documents import ImageDocument

LIST_FILTERS = ("dangling", "label", "label!", "before", "since", "reference", "until")
_MAX_CONFIG = 8 << 20
_HEX = frozenset("0123456789abcdef")


def lock_path(roots: Roots) -> str:
    """The images lock: held shared while blobs or layers are here that no record names yet, exclusively to remove such."""
    return f"{roots.state}/images.lock"


def created_at(document: ImageDocument) -> float:
    """Seconds since the epoch, 0.0 when the config does not say."""
    return moment(document.created)


def moment(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time, 0.0 for none (Go's zero time included)."""
    from engine.model.units import parse_moment

    try:
        return max(parse_moment(text) / 1e9, 0.0) if text[4:5] == "-" else 0.0
    except (InvalidArgument, ValueError, OverflowError):
        return 0.0


def familiar(reference: str) -> str:
    """A canonical reference of the store as people write it."""
    domain, _, path = reference.partition("/")
    return Reference(domain=domain, path=path).familiar_name if "@" not in path and ":" not in path else parse(reference).familiar


class Catalog:
    """The images of one engine."""

    def __init__(self, roots: Roots, database: Database) -> None:
        self._roots = roots
        self._db = database
        self._images = Images(database)
        self._blobs = Blobs(roots)

    def resolve(self, name: str) -> ImageRecord:
        """The image that a person means: by name, repository digest, id, or unique beginning of an id.

        Raises:
            NotFound: docker's words, ``No such image: x:latest``.
            InvalidArgument: the reference is malformed, or several ids begin so.
        """
        digits = name.removeprefix("sha256:")
        by_id = digits if len(digits) == 64 or name != digits else ""
        if by_id and _HEX.issuperset(by_id):
            found = self._images.by_prefix(by_id)
            if found is None:
                raise images.missing(name)
            return found
        reference = parse(name).lookup
        found = self._images.by_reference(reference.canonical) or self._images.by_prefix(name)
        if found is None:
            raise images.missing(reference.familiar)
        return found

    def resolve_for(self, name: str, platform: str) -> ImageRecord:
        """As :meth:`resolve`, for ``platform`` (``""`` for the one that is unpacked here).

        The record of another platform is made of its documents; its size is that of its blobs, as nothing of it is unpacked.

        Raises:
            NotFound: no such image, or not for that platform.
            InvalidArgument: name or platform are malformed.
        """
        record = self.resolve(name)
        if not platform:
            return record
        from engine.image import indexes
        from engine.model import platform as platforms

        variant = indexes.provide(self._blobs, record, self.index_of(name), platforms.parse(platform), self.shown(name))
        if variant.digest == record.manifest_digest:
            return record
        record = record.replace(id=variant.config.digest)
        document = self.document(record)
        return record.replace(
            manifest_digest=variant.digest,
            manifest_type=variant.media_type,
            created_at=created_at(document),
            size=sum(blob.size for blob in variant.blobs),
            architecture=document.platform.architecture,
            os=document.platform.os,
            variant=document.platform.variant,
            labels=document.config.labels,
            blobs=tuple(blob.digest for blob in variant.blobs),
            diff_ids=document.diff_ids,
            chain_ids=digests.chain_ids(document.diff_ids),
        )

    def document(self, record: ImageRecord) -> ImageDocument:
        """An image's config document.

        Raises:
            NotFound, CorruptData: it is missing or damaged in the store.
        """
        from engine.image.documents import read_stored_config

        return read_stored_config(self.raw_config(record))

    def raw_config(self, record: ImageRecord) -> bytes:
        """The bytes of an image's config document, verified. Raises as :meth:`document`."""
        try:
            return digests.verify(self._blobs.read(record.id, _MAX_CONFIG), record.id, "image config")
        except (NotFound, CorruptData) as error:
            error.hint = "the image store is damaged: run `longshore system check --repair`, then pull it again"
            raise

    def list(self, filters: Filters = EMPTY) -> Sequence[Image]:
        """Images, newest first, with those tags that match a ``reference`` filter.

        Raises:
            InvalidArgument: an unknown filter or value.
            NotFound: ``before`` or ``since`` name no image.
        """
        check(filters, LIST_FILTERS)
        dangling = boolean(filters, "dangling")
        earliest = max((self.resolve(name).created_at for name in filters.get("since", ())), default=None)
        latest = min((self.resolve(name).created_at for name in filters.get("before", ())), default=None)
        until = deadline(filters)
        names = self._images.all_names()
        found = []
        for record in self._images.all():
            if (earliest is not None and record.created_at <= earliest) or (latest is not None and record.created_at >= latest):
                continue
            if (until is not None and record.created_at >= until) or not labels_match(filters, record.labels):
                continue
            image = summary(record, names.get(record.id, ImageNames()))
            if dangling is not None and dangling == bool(image.tags):
                continue
            if "reference" in filters:
                image = _matching(image, filters["reference"])
                if not image.tags and not image.digests:
                    continue
            found.append(image)
        return found

    def history(self, name: str, platform: str = "") -> Sequence[ImageLayer]:
        """How an image was made, newest step first; the sizes are those of the unpacked layers. Raises as :meth:`resolve_for`."""
        record = self.resolve_for(name, platform)
        layers = {each.chain_id: each.size for each in Layers(self._db).all()}
        sizes = iter([layers.get(chain_id, 0) for chain_id in record.chain_ids])
        steps = [
            ImageLayer(
                created_at=moment(step.created),
                created_by=step.created_by,
                comment=step.comment,
                size=0 if step.empty_layer else next(sizes, 0),
            )
            for step in self.document(record).history
        ]
        if steps:
            tags = tuple(map(familiar, self._images.names(self.resolve(name).id).references))
            steps[-1] = steps[-1].replace(id=record.id, tags=tags)
        return steps[::-1]

    def tag(self, name: str, reference: str) -> None:
        """Give an image a further name, taking it from whatever had it.

        Raises:
            InvalidArgument: the new name is malformed, or has a digest.
            NotFound: no such image.
        """
        target = parse(reference)
        if target.digest:
            raise InvalidArgument("refusing to create a tag with a digest reference")
        target = target.tagged
        record = self.resolve(name)
        with self._db.transaction() as connection:
            self._images.tag(record.id, target.canonical, self.index_of(name))
            events.append(connection, image_event("tag", record, target.familiar))

    def shown(self, name: str) -> str:
        """A name as docker shows it in an error; an id stays as it is."""
        try:
            reference = parse(name).lookup
        except InvalidArgument:
            return name
        return reference.familiar if self._images.by_reference(reference.canonical) else name

    def index_of(self, name: str) -> str:
        """The index that a name as a person writes it was brought with; an id has none."""
        try:
            return self._images.index_of(parse(name).lookup.canonical)
        except InvalidArgument:
            return ""


def image_event(action: str, record: ImageRecord, name: str) -> Event:
    """An event about an image: its id, its labels, and ``name``."""
    return events.make("image", action, record.id, {**record.labels, "name": name})


def summary(record: ImageRecord, names: ImageNames) -> Image:
    """A row of the list."""
    return Image(
        id=record.id,
        tags=tuple(map(familiar, names.references)),
        digests=tuple(map(familiar, names.digests)),
        created_at=record.created_at,
        size=record.size,
        labels=record.labels,
    )


def _matching(image: Image, patterns: Sequence[str]) -> Image:
    """With the names that match one of the patterns: a whole familiar reference, or its name."""

    def matches(name: str) -> bool:
        repository = parse(name).familiar_name
        return any(_glob(pattern, name) or _glob(pattern, repository) for pattern in patterns)

    return image.replace(tags=tuple(filter(matches, image.tags)), digests=tuple(filter(matches, image.digests)))


def _glob(pattern: str, text: str) -> bool:
    """Go's ``path.Match``: shell wildcards that stop at slashes."""
    from fnmatch import fnmatchcase

    wanted, found = pattern.replace("[^", "[!").split("/"), text.split("/")
    return len(wanted) == len(found) and all(map(fnmatchcase, found, wanted))
