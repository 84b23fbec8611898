"""``push``: an image from the store to the registry that its name says.

The blobs are stored as they came, so that the manifest goes out byte for byte and keeps its digest. A blob that the repository
has is skipped, one that another repository of the same registry is known to have is taken over from there, the rest is
uploaded, several at a time; the manifest goes last, when everything that it names is there.

Source: OCI distribution-spec 1.1, "Push"; moby ``distribution/push_v2.go`` for what is told.
"""

from __future__ import annotations

import os
import threading
import time
from _queue import SimpleQueue
from collections.abc import Iterator, Mapping, Sequence

from engine.errors import CorruptData, EngineFault, InvalidArgument, NotFound, Unavailable
from engine.image import catalog
from engine.image.documents import Descriptor, Manifest, read_manifest
from engine.image.work import THREADS, LayerWork
from engine.model import digest as digests
from engine.model.auth import Credentials
from engine.model.blocking import Source
from engine.model.images import PushPhase, PushProgress
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

PAUSES = (1, 2, 4, 8)
"""Seconds before another attempt at a layer."""
_CLOSE_SECONDS = 2.0
_INTERVAL = 0.1
_PIECE = 1 << 18
_MAX_MANIFEST = 4 << 20
_FOREIGN = ("application/vnd.docker.image.rootfs.foreign.", "application/vnd.oci.image.layer.nondistributable.")


def push(
    roots: Roots,
    database: Database,
    reference: str,
    *,
    settings: Settings,
    all_tags: bool = False,
    credentials: Credentials | None = None,
    pauses: Sequence[int] = PAUSES,
) -> Source[PushProgress]:
    """Begin to push; the events of ``docker push`` come out.

    Args:
        reference: as a person writes it, ``latest`` where it has no tag.
        all_tags: every tag of the repository that is here.
        credentials: for the registry; ``None`` are looked up in docker's configuration.
        pauses: seconds before each further attempt at a layer.

    Raises:
        InvalidArgument: the reference is malformed, or no tag. Everything else is raised by ``next``:
        NotFound, Unauthorized, Forbidden, TooManyRequests, Unavailable, CorruptData, EngineFault.
    """
    named = parse(reference)
    if named.digest:
        raise InvalidArgument("cannot push a digest reference", hint="give the image a tag, and push that")
    if all_tags and named.tag:
        raise InvalidArgument("tag can't be used with --all-tags/-a")
    request = _Request(reference=named, settings=settings, all_tags=all_tags, credentials=credentials, pauses=tuple(pauses))
    return Push(roots, database, request)


class _Request(Value):
    """What is asked for."""

    reference: Reference
    settings: Settings
    all_tags: bool
    credentials: Credentials | None
    pauses: tuple[int, ...]


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
        chosen = self._chosen()
        sources = self._sources()
        given = self._request.credentials
        found = stored.lookup(repository.domain, path=repository.path) if given is None else Found(credentials=given)
        endpoint = next(each for each in places.endpoints(self._request.settings, repository.domain) if not each.mirror)
        scopes = [f"repository:{repository.path}:pull,push"]
        wanted = {sources[digest] for _, record in chosen for digest in record.blobs if digest in sources}
        scopes += [f"repository:{path}:pull" for path in sorted(wanted)]
        for reference, record in chosen:
            client = RegistryClient(endpoint, reference, found, self._cancel, scopes=scopes, push=True)
            try:
                with self._cancel.waking(client.abort):
                    self._one(Uploads(client), reference, record, sources)
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

    def _sources(self) -> Mapping[str, str]:
        """For a blob, another repository of the same registry that has it: images came from there, or went there."""
        here = self._request.reference
        names = self._images.all_names()
        found: dict[str, str] = {}
        for record in self._images.all():
            for digest in names[record.id].digests if record.id in names else ():
                where = parse(digest)
                if where.domain == here.domain and where.path != here.path:
                    for blob in record.blobs:
                        found.setdefault(blob, where.path)
        return found

    def _one(self, uploads: Uploads, reference: Reference, record: ImageRecord, sources: Mapping[str, str]) -> None:
        """Push one tag."""
        uploads.ping()
        data = self._blobs.read(record.manifest_digest, _MAX_MANIFEST)
        manifest = read_manifest(digests.verify(data, record.manifest_digest, "manifest"))
        if not isinstance(manifest, Manifest) or len(manifest.layers) != len(record.diff_ids):
            raise CorruptData("layers from manifest don't match image configuration", hint="remove the image and pull it again")
        shown = [digests.short(diff_id) for diff_id in record.diff_ids]
        order = range(len(shown) - 1, -1, -1)  # docker begins at the top
        for number in order:
            self._say(PushPhase.PREPARING, shown[number])
        for number in list(order)[THREADS:]:
            self._say(PushPhase.WAITING, shown[number])

        def layer(number: int) -> None:
            blob = manifest.layers[number]
            if blob.media_type.startswith(_FOREIGN):
                self._say(PushPhase.SKIPPED, shown[number])
            else:
                self._blob(uploads, blob, shown[number], sources.get(blob.digest, ""))

        attempt = Cancel()
        with self._cancel.waking(attempt.throw):
            LayerWork((), order, attempt).run(layer)
        self._blob(uploads, manifest.config, "", "")
        uploads.manifest(reference.tag, data, manifest.media_type)
        self._record(reference, record)
        self._queue.put(PushProgress(phase=PushPhase.DIGEST, layer=reference.tag, detail=record.manifest_digest, total=len(data)))

    def _record(self, reference: Reference, record: ImageRecord) -> None:
        """The registry knows the image by this digest now."""
        with self._db.transaction() as connection:
            self._images.put(record, "", f"{reference.name}@{record.manifest_digest}")
            attributes = {**record.labels, "name": reference.familiar_name}
            events.append(connection, events.make("image", "push", reference.familiar, attributes))

    def _blob(self, uploads: Uploads, blob: Descriptor, shown: str, source: str) -> None:
        """See to it that the repository has a blob. ``shown`` is its name in events, ``""`` for none."""
        for pause in (*self._request.pauses, None):
            try:
                self._attempt(uploads, blob, shown, source)
                return
            except Unavailable:
                self._cancel.check()
                if pause is None:
                    raise
                for left in range(pause, 0, -1):
                    self._say(PushPhase.RETRYING, shown, detail=f"in {left} second{'s' if left > 1 else ''}")
                    self._cancel.pause(1)

    def _attempt(self, uploads: Uploads, blob: Descriptor, shown: str, source: str) -> None:
        if uploads.has(blob.digest):
            self._say(PushPhase.EXISTS, shown)
            return
        size = self._blobs.size(blob.digest)
        location = uploads.begin(blob.digest, source)
        if not location:
            self._say(PushPhase.MOUNTED, shown, detail=source)
            return
        uploads.send(location, blob.digest, size, lambda: self._content(blob.digest, size, shown))
        self._say(PushPhase.PUSHED, shown)

    def _content(self, digest: str, size: int, shown: str) -> Iterator[bytes]:
        done, last = 0, 0.0
        with os.fdopen(self._blobs.open(digest), "rb", buffering=0) as file:
            while piece := file.read(_PIECE):
                self._cancel.check()
                yield piece
                done += len(piece)
                if time.monotonic() - last >= _INTERVAL:
                    last = time.monotonic()
                    self._say(PushPhase.PUSHING, shown, current=done, total=size)

    def _say(self, phase: PushPhase, layer: str, *, current: int = 0, total: int = 0, detail: str = "") -> None:
        if layer:
            self._queue.put(PushProgress(phase=phase, layer=layer, current=current, total=total, detail=detail))
