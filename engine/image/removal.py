"""Removing images: names, records, and what nobody needs any more.

The rules are docker's (``daemon/images/image_delete.go``): a name goes as long as others are left; the last one takes the image
along, unless containers use it. One difference: a forced removal of an image that a stopped container uses takes its names
and leaves the image, so that the container can still be started.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.errors import Conflict, InvalidArgument, LongshoreError
from engine.image import catalog, indexes
from engine.image.catalog import Catalog
from engine.image.layers import LayerStore
from engine.model import digest as digests
from engine.model import platform as platform_codec
from engine.model.containers import ContainerStatus, PruneReport
from engine.model.filters import Filters, boolean, check, deadline, labels_match
from engine.model.images import RemovedImage
from engine.model.reference import Reference, parse
from engine.model.value import EMPTY
from engine.store import events
from engine.store.blobs import Blobs
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database
from engine.store.images import ImageNames, ImageRecord, Images
from engine.store.layers import Layers
from engine.store.locks import Lock
from engine.store.roots import Roots

PRUNE_FILTERS = ("dangling", "label", "label!", "until")
_RUNNING = (ContainerStatus.RUNNING, ContainerStatus.PAUSED, ContainerStatus.RESTARTING)


class Removal:
    """Removes images of one engine."""

    def __init__(self, roots: Roots, database: Database, layers: LayerStore) -> None:
        self._roots = roots
        self._db = database
        self._layers = layers
        self._images = Images(database)
        self._containers = Containers(database)
        self._catalog = Catalog(roots, database)

    def remove(self, name: str, *, force: bool = False, platforms: Sequence[str] = ()) -> Sequence[RemovedImage]:
        """Remove a name, and the image with its last one; by id, all its names and the image.

        Args:
            platforms: what it has to be for, all that is here of it: no platform goes that was not asked for.

        Raises:
            NotFound: no such image, or not for one of ``platforms``.
            Conflict: containers use it, an id has several names and ``force`` is off (docker's words), or it is here for other
                platforms too.
        """
        with self._db.transaction():
            record = self._catalog.resolve(name)
            users = self._containers.using_image(record.id)
            names = self._images.names(record.id)
            reference = self._meant(name, names)
            index = self._images.index_of(reference.canonical) if reference else ""
            self._check_platforms(name, record, {index} if reference else set(map(self._images.index_of, names.references)), platforms)
            if reference is None:
                removed, whole = self._by_id(record, names, users, force)
            else:
                removed, whole = self._by_name(reference, record, names, users, force)
            if whole:
                removed.append(self._delete(record))
        if whole or index:
            removed += self._collect_after(record)
        return removed

    def _check_platforms(self, name: str, record: ImageRecord, known: set[str], wanted: Sequence[str]) -> None:
        if not wanted:
            return
        blobs, shown = Blobs(self._roots), self._catalog.shown(name)
        asked = {
            indexes.provide(blobs, record, max(known, default=""), platform_codec.parse(platform), shown).digest for platform in wanted
        }
        here = {record.manifest_digest: str(indexes.own_platform(record))}
        for index in known:
            here |= indexes.beside(blobs, record, index)
        if left := sorted(platform for digest, platform in here.items() if digest not in asked):
            raise Conflict(
                f"conflict: unable to remove {', '.join(wanted)} of {shown} alone - it is here for {', '.join(left)} too",
                hint="the platforms of an image go together: name them all, or remove it without --platform",
            )

    def prune(self, filters: Filters = EMPTY) -> PruneReport:
        """Remove dangling images, or with ``dangling=false`` all that no container uses, and everything no image needs.

        Raises:
            InvalidArgument: an unknown filter or value.
        """
        check(filters, PRUNE_FILTERS)
        dangling = boolean(filters, "dangling") is not False
        until = deadline(filters)
        removed: list[str] = []
        with self._db.transaction():
            for record in self._images.all():
                names = self._images.names(record.id)
                if (dangling and names.references) or not labels_match(filters, record.labels):
                    continue
                if (until is not None and record.created_at >= until) or self._containers.using_image(record.id):
                    continue
                removed += [line.untagged for line in self._untag(record, (*names.references, *names.digests))]
                removed.append(self._delete(record).deleted)
        layers, freed = self.collect()
        return PruneReport(removed=(*removed, *layers), space_reclaimed=freed)

    def collect(self) -> tuple[list[str], int]:
        """Remove every blob and layer that no image needs: the chain IDs removed, topmost first, and the bytes that came free.

        Does nothing while a pull is under way: what it brings is not named yet. The next removal makes up for it.
        """
        lock = Lock(catalog.lock_path(self._roots))
        if not lock.try_exclusive():
            return [], 0
        try:
            records = self._images.all()
            blobs = Blobs(self._roots)
            wanted = indexes.wanted(self._images, blobs)
            freed = sum(blobs.delete(digest) for digest in blobs.all() if digest not in wanted)
            needed = {chain_id for record in records for chain_id in record.chain_ids}
            gone = [layer.chain_id for layer in reversed(Layers(self._db).all()) if layer.chain_id not in needed]
            freed += sum(map(self._layers.remove, gone))
            return gone, freed
        finally:
            lock.release()

    def _meant(self, name: str, names: ImageNames) -> Reference | None:
        """The reference of the image that ``name`` is; ``None`` when it is an id."""
        try:
            reference = parse(name).lookup
        except InvalidArgument:
            return None
        return reference if reference.canonical in (*names.references, *names.digests) else None

    def _by_name(
        self, reference: Reference, record: ImageRecord, names: ImageNames, users: Sequence[ContainerRecord], force: bool
    ) -> tuple[list[RemovedImage], bool]:
        going = [reference.canonical]
        if not reference.digest and not any(other != going[0] and _same_repository(other, reference) for other in names.references):
            going += [digest for digest in names.digests if _same_repository(digest, reference)]
        left = {*names.references, *names.digests}.difference(going)
        if users and not left:
            if not force:
                raise Conflict(
                    f'conflict: unable to remove repository reference "{reference.familiar}" (must force) - container '
                    f"{users[0].short_id} is using its referenced image {digests.short(record.id)}",
                    hint="remove the container first",
                )
            _refuse_running(record, users)
        return self._untag(record, going), not left and not users

    def _by_id(
        self, record: ImageRecord, names: ImageNames, users: Sequence[ContainerRecord], force: bool
    ) -> tuple[list[RemovedImage], bool]:
        short = digests.short(record.id)
        repositories = {parse(each).name for each in (*names.references, *names.digests)}
        if (len(names.references) > 1 or len(repositories) > 1) and not force:
            raise Conflict(
                f"conflict: unable to delete {short} (must be forced) - image is referenced in multiple repositories",
                hint="remove its names one by one, or use --force",
            )
        if users:
            _refuse_running(record, users)
            if not force:
                raise Conflict(
                    f"conflict: unable to delete {short} (must be forced) - image is being used by stopped container {users[0].short_id}",
                    hint="remove the container first",
                )
        return self._untag(record, (*names.references, *names.digests)), not users

    def _untag(self, record: ImageRecord, references: Iterable[str]) -> list[RemovedImage]:
        removed = []
        for reference in references:
            self._images.untag(reference)
            removed.append(RemovedImage(untagged=catalog.familiar(reference)))
            self._tell("untag", record)
        return removed

    def _delete(self, record: ImageRecord) -> RemovedImage:
        self._images.delete(record.id)
        self._tell("delete", record)
        return RemovedImage(deleted=record.id)

    def _tell(self, action: str, record: ImageRecord) -> None:
        with self._db.transaction() as connection:
            events.append(connection, catalog.image_event(action, record, record.id))

    def _collect_after(self, record: ImageRecord) -> list[RemovedImage]:
        """The image is gone already: trouble with what it leaves behind must not look as if it were not."""
        try:
            gone, _ = self.collect()
        except LongshoreError:
            return []
        return [RemovedImage(deleted=chain_id) for chain_id in reversed(record.chain_ids) if chain_id in gone]


def _refuse_running(record: ImageRecord, users: Sequence[ContainerRecord]) -> None:
    running = next((user for user in users if user.state.status in _RUNNING), None)
    if running is not None:
        raise Conflict(
            f"conflict: unable to delete {digests.short(record.id)} (cannot be forced) - "
            f"image is being used by running container {running.short_id}",
            hint="stop and remove the container first",
        )


def _same_repository(reference: str, other: Reference) -> bool:
    return parse(reference).name == other.name
