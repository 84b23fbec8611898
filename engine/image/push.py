"""``push``: an image from the store to the registry that its name says.

The blobs are stored as they came, so that the manifest goes out byte for byte and keeps its digest. A blob that the repository
has is skipped, one that another repository of the same registry is known to have is taken over from there, the rest is
uploaded, several at a time; the manifest goes last, when everything that it names is there. An index goes after all of its manifests.

Source: OCI distribution-spec 1.1, "Push"; moby ``distribution/push_v2.go`` for what is told.
"""

from __future__ import annotations

import threading
from _queue import SimpleQueue
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from engine.errors import EngineFault, InvalidArgument, NotFound
from engine.image import catalog, indexes, resolve
from engine.image.documents import Descriptor
from engine.image.indexes import Variant
from engine.image.sending import PART, PAUSES, Sending
from engine.image.work import THREADS, LayerWork
from engine.model import digest as digests
from engine.model.auth import Credentials
from engine.model.blocking import Source
from engine.model.images import PushPhase, PushProgress
from engine.model.platform import Platform
from engine.model.reference import Reference, parse
from engine.model.value import Value
from engine.registry import credentials as stored
from engine.registry import endpoints as places
from engine.registry.cancel import Cancel
from engine.registry.client import RegistryClient
from engine.registry.credentials import Found
from engine.registry.settings import Settings
from engine.registry.uploads import Uploads
from engine.store import events
from engine.store.blobs import Blobs
from engine.store.database import Database
from engine.store.images import ImageRecord, Images
from engine.store.locks import Lock
from engine.store.roots import Roots

_CLOSE_SECONDS = 2.0
_FOREIGN = ("application/vnd.docker.image.rootfs.foreign.", "application/vnd.oci.image.layer.nondistributable.")


def push(
    roots: Roots,
    database: Database,
    reference: str,
    *,
    settings: Settings,
    all_tags: bool = False,
    platform: str = "",
    all_platforms: bool = False,
    credentials: Credentials | None = None,
    pauses: Sequence[int] = PAUSES,
    part: int = PART,
) -> Source[PushProgress]:
    """Begin to push; the events of ``docker push`` come out.

    Args:
        reference: as a person writes it, ``latest`` where it has no tag.
        all_tags: every tag of the repository that is here.
        platform: ``os/architecture[/variant]``: the image for it alone; ``""`` for the one that runs here.
        all_platforms: the index that the image was brought with, and everything that it leads to.
        credentials: for the registry; ``None`` are looked up in docker's configuration.
        pauses: seconds before each further attempt at a layer.
        part: bytes; larger blobs go in parts of that many.

    Raises:
        InvalidArgument: the reference is malformed, or no tag. Everything else is raised by ``next``:
        NotFound, Unauthorized, Forbidden, TooManyRequests, Unavailable, CorruptData, EngineFault.
    """
    named = parse(reference)
    if named.digest:
        raise InvalidArgument("cannot push a digest reference", hint="give the image a tag, and push that")
    if all_tags and named.tag:
        raise InvalidArgument("tag can't be used with --all-tags/-a")
    wanted = resolve.parse_platform(platform)
    if wanted and all_platforms:
        raise InvalidArgument("conflicting options: platform and all platforms")
    request = _Request(
        reference=named,
        settings=settings,
        all_tags=all_tags,
        platform=wanted,
        all_platforms=all_platforms,
        credentials=credentials,
        pauses=tuple(pauses),
        part=part,
    )
    return Push(roots, database, request)


class _Request(Value):
    """What is asked for."""

    reference: Reference
    settings: Settings
    all_tags: bool
    platform: Platform | None
    all_platforms: bool
    credentials: Credentials | None
    pauses: tuple[int, ...]
    part: int


class _Layer(Value):
    """A blob that is shown; ``shown`` are 12 hex digits of its diff ID."""

    blob: Descriptor
    shown: str


class _Document(Value):
    """A manifest or index on its way; ``identifier`` is its digest, or the tag."""

    identifier: str
    data: bytes
    media_type: str


class _Plan(Value):
    """What one tag takes: blobs, and documents in the order in which they name each other. ``digest`` is that of the last."""

    reference: Reference
    record: ImageRecord
    digest: str
    layers: tuple[_Layer, ...]
    configs: tuple[Descriptor, ...]
    documents: tuple[_Document, ...]


class Push:
    """A push under way (``Source[PushProgress]``). Made by :func:`push`."""

    def __init__(self, roots: Roots, database: Database, request: _Request) -> None:
        self._roots = roots
        self._db = database
        self._images = Images(database)
        self._blobs = Blobs(roots)
        self._request = request
        self._cancel = Cancel()
        self._queue: SimpleQueue[PushProgress | BaseException | None] = SimpleQueue()
        self._ended = False
        self._leader = threading.Thread(target=self._run, name=f"push {request.reference.familiar}", daemon=True)
        self._leader.start()

    def next(self) -> PushProgress | None:
        """The next event; ``None`` at the end. Raises what went wrong, once."""
        if self._ended:
            return None
        found = self._queue.get()
        if isinstance(found, PushProgress):
            return found
        self._ended = True
        if found is not None and not self._cancel.thrown:
            raise found
        return None

    def close(self) -> None:
        """Cancel. What the registry got without a manifest it forgets by itself."""
        self._ended = True
        if self._leader.is_alive():
            self._cancel.throw()
            self._queue.put(None)
            self._leader.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            lock = Lock(catalog.lock_path(self._roots.ensure())).shared()
            try:
                self._push()
            finally:
                lock.release()
            self._queue.put(None)
        except OSError as error:
            self._queue.put(EngineFault(f"push {self._request.reference.familiar}: {(error.strerror or str(error)).lower()}"))
        except BaseException as error:
            self._queue.put(error)

    def _push(self) -> None:
        repository = self._request.reference
        self._queue.put(PushProgress(phase=PushPhase.REFERS, detail=repository.name))
        plans = [self._plan(reference, record) for reference, record in self._chosen()]
        sources = self._sources()
        given = self._request.credentials
        found = stored.lookup(repository.domain, path=repository.path) if given is None else Found(credentials=given)
        endpoint = places.registry(self._request.settings, repository.domain)
        scopes = [f"repository:{repository.path}:pull,push"]
        wanted = {sources[layer.blob.digest] for plan in plans for layer in plan.layers if layer.blob.digest in sources}
        scopes += [f"repository:{path}:pull" for path in sorted(wanted)]
        for plan in plans:
            client = RegistryClient(endpoint, plan.reference, found, self._cancel, scopes=scopes, push=True)
            try:
                with self._cancel.waking(client.abort):
                    self._one(Uploads(client), plan, sources)
            finally:
                client.close()

    def _chosen(self) -> list[tuple[Reference, ImageRecord]]:
        wanted = self._request.reference
        names = (parse(reference) for each in self._images.all_names().values() for reference in each.references)
        tags = sorted((each for each in names if each.name == wanted.name), key=lambda each: each.tag)
        if not tags:
            raise NotFound(f"An image does not exist locally with the tag: {wanted.familiar_name}")
        if not self._request.all_tags:
            tags = [each for each in tags if each == wanted.tagged]
        found = [(each, record) for each in tags if (record := self._images.by_reference(each.canonical)) is not None]
        if not found:
            raise NotFound(f"tag does not exist: {wanted.tagged.familiar}")
        return found

    def _plan(self, reference: Reference, record: ImageRecord) -> _Plan:
        """What is to be brought; nothing was sent by then. Raises NotFound, CorruptData."""
        if self._request.all_platforms and (index := indexes.index_of(self._images, record, reference)):
            return self._whole(reference, record, index)
        if self._request.platform is None:
            variant = indexes.of_record(self._blobs, record)
        else:
            index = self._images.index_of(reference.canonical)
            variant = indexes.choose(self._blobs, record, index, self._request.platform, reference.familiar)
        document = _Document(identifier=reference.tag, data=variant.data, media_type=variant.media_type)
        return _Plan(
            reference=reference,
            record=record,
            digest=variant.digest,
            layers=_layers((variant,)),
            configs=(variant.config,),
            documents=(document,),
        )

    def _whole(self, reference: Reference, record: ImageRecord, index: str) -> _Plan:
        indexes.check_whole(self._blobs, index, reference.familiar)
        data = self._blobs.read(index, indexes.MAX_MANIFEST)
        parts = list(indexes.parts(indexes.stored(self._blobs), data))
        variants = [indexes.of_part(self._blobs, part) for part in parts if part.blobs]
        documents = [
            _Document(identifier=part.descriptor.digest, data=part.data or b"", media_type=part.descriptor.media_type) for part in parts
        ]
        top = _Document(identifier=reference.tag, data=data, media_type=indexes.media_type(self._blobs, index))
        return _Plan(
            reference=reference,
            record=record,
            digest=index,
            layers=_layers(variants),
            configs=tuple(variant.config for variant in variants),
            documents=(*documents, top),
        )

    def _sources(self) -> Mapping[str, str]:
        """For a blob, another repository of the same registry that has it: images came from there, or went there."""
        here = self._request.reference
        names = self._images.all_names()
        whole = set(self._images.indexes().values())
        found: dict[str, str] = {}
        for record in self._images.all():
            for digest in names[record.id].digests if record.id in names else ():
                where = parse(digest)
                if where.domain != here.domain or where.path == here.path:
                    continue
                for blob in indexes.kept(self._blobs, where.digest) if where.digest in whole else record.blobs:
                    found.setdefault(blob, where.path)
        return found

    def _one(self, uploads: Uploads, plan: _Plan, sources: Mapping[str, str]) -> None:
        """Push one tag."""
        uploads.ping()
        layers = plan.layers
        for each in layers:
            self._say(PushPhase.PREPARING, each.shown)
        for each in layers[THREADS:]:
            self._say(PushPhase.WAITING, each.shown)
        sending = Sending(uploads, self._blobs, self._cancel, pauses=self._request.pauses, part=self._request.part)

        def layer(number: int) -> None:
            each = layers[number]
            if each.blob.media_type.startswith(_FOREIGN):
                self._say(PushPhase.SKIPPED, each.shown)
            else:
                sending.blob(each.blob, sources.get(each.blob.digest, ""), partial(self._tell, each.shown))

        attempt = Cancel()
        with self._cancel.waking(attempt.throw):
            LayerWork((), range(len(layers)), attempt).run(layer)
        for config in plan.configs:
            sending.blob(config, "", lambda *_: None)
        for document in plan.documents:
            uploads.manifest(document.identifier, document.data, document.media_type)
        self._record(plan)
        size = len(plan.documents[-1].data)
        self._queue.put(PushProgress(phase=PushPhase.DIGEST, layer=plan.reference.tag, detail=plan.digest, total=size))

    def _record(self, plan: _Plan) -> None:
        """The registry knows the image by this digest now."""
        reference = plan.reference
        other = self._request.platform is not None and plan.digest != plan.record.manifest_digest
        with self._db.transaction() as connection:
            self._images.put(plan.record, "", "" if other else f"{reference.name}@{plan.digest}")
            attributes = {**plan.record.labels, "name": reference.familiar_name}
            events.append(connection, events.make("image", "push", reference.familiar, attributes))

    def _tell(self, layer: str, phase: PushPhase, current: int, total: int, detail: str) -> None:
        self._queue.put(PushProgress(phase=phase, layer=layer, current=current, total=total, detail=detail))

    def _say(self, phase: PushPhase, layer: str) -> None:
        self._queue.put(PushProgress(phase=phase, layer=layer))


def _layers(variants: Iterable[Variant]) -> tuple[_Layer, ...]:
    """The layers of images, each once, the uppermost of each first, as docker begins."""
    found: dict[str, _Layer] = {}
    for variant in variants:
        for blob, name in reversed(list(zip(variant.blobs, variant.layers, strict=True))):
            found.setdefault(blob.digest, _Layer(blob=blob, shown=digests.short(name)))
    return tuple(found.values())
