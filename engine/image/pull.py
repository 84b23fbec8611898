"""``pull``: an image from a registry into the store.

One thread leads (name, manifest, config, record), a few more take a layer each, lowest first. Everything is verified before it
counts: the manifest and config by digest, a blob by size and digest, a layer by its diff ID, and only a whole image gets
a record. While a pull runs it holds the images lock shared, so that nobody takes its layers for garbage.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence

from engine.errors import Cancelled, CorruptData, DiskFull, EngineFault, InvalidArgument, LongshoreError, NotFound
from engine.image import catalog, indexes, resolve
from engine.image.documents import MAX_CONFIG, Descriptor, ImageDocument, read_config
from engine.image.fetch import DOWNLOADS, PAUSES, Fetcher
from engine.image.layers import LayerStore
from engine.image.progress import Progress
from engine.image.resolve import Resolved
from engine.image.work import LayerWork
from engine.model import digest as digests
from engine.model import platform as platforms
from engine.model.auth import Credentials
from engine.model.blocking import Source
from engine.model.images import PullPhase, PullProgress
from engine.model.platform import Platform
from engine.model.reference import Reference, parse
from engine.model.value import Value
from engine.registry import credentials as stored
from engine.registry import endpoints as places
from engine.registry.cancel import Cancel
from engine.registry.client import RegistryClient
from engine.registry.credentials import Found
from engine.registry.endpoints import Endpoint
from engine.registry.settings import Settings
from engine.store import events
from engine.store.blobs import Blobs
from engine.store.database import Database
from engine.store.images import ImageRecord, Images
from engine.store.locks import Lock
from engine.store.roots import Roots

_CLOSE_SECONDS = 2.0  # a connection that is not made yet can not be woken; its thread ends by itself


def pull(
    roots: Roots,
    database: Database,
    layers: LayerStore,
    reference: str,
    *,
    settings: Settings,
    platform: str = "",
    all_platforms: bool = False,
    credentials: Credentials | None = None,
    pauses: Sequence[int] = PAUSES,
) -> Source[PullProgress]:
    """Begin to fetch an image; the events of ``docker pull`` come out, the last two being ``DIGEST`` and ``STATUS``.

    Args:
        reference: as a person writes it.
        platform: ``os/architecture[/variant]``, ``""`` for this machine's.
        all_platforms: keep the index and the blobs of its other platforms too, for ``push`` and ``save``.
        credentials: for the registry; ``None`` are looked up in docker's configuration.
        pauses: seconds before each further attempt at a layer.

    Raises:
        InvalidArgument: reference or platform are malformed. Everything else is raised by ``next``:
        NotFound, PullDenied, Unauthorized, Forbidden, TooManyRequests, Unavailable, CorruptData, NotSupported, DiskFull, EngineFault.
    """
    named = parse(reference).lookup
    if all_platforms and named.digest:
        raise InvalidArgument("all platforms of an image are kept under a tag only", hint="pull it by its tag")
    request = PullRequest(
        reference=named,
        settings=settings,
        platform=resolve.parse_platform(platform),
        all_platforms=all_platforms,
        credentials=credentials,
        pauses=tuple(pauses),
    )
    return Pull(roots, database, layers, request)


class PullRequest(Value):
    """What is asked for. ``platform`` and ``credentials`` are ``None`` when they were not given."""

    reference: Reference
    settings: Settings
    platform: Platform | None
    all_platforms: bool
    credentials: Credentials | None
    pauses: tuple[int, ...]


class Pull:
    """A pull under way (``Source[PullProgress]``). Made by :func:`pull`."""

    def __init__(self, roots: Roots, database: Database, layers: LayerStore, request: PullRequest) -> None:
        self._roots = roots
        self._db = database
        self._layers = layers
        self._images = Images(database)
        self._blobs = Blobs(roots)
        self._request = request
        self._reference = request.reference
        self._platform = request.platform or platforms.host()
        self._cancel = Cancel()
        self._progress = Progress()
        self._announced = False
        self._reused = False
        self._ended = False
        self._leader = threading.Thread(target=self._run, name=f"pull {request.reference.familiar}", daemon=True)
        self._leader.start()

    def next(self) -> PullProgress | None:
        """The next event; ``None`` at the end. Raises what went wrong, once."""
        if self._ended:
            return None
        found = self._progress.take()
        if isinstance(found, PullProgress):
            return found
        self._ended = True
        if found is not None and not self._cancel.thrown:
            raise found
        return None

    def close(self) -> None:
        """Cancel. What was downloaded stays in ``ingest/``, to be continued by the next pull."""
        self._ended = True
        if self._leader.is_alive():
            self._cancel.throw()
            self._progress.end()
            self._leader.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            lock = Lock(catalog.lock_path(self._roots.ensure())).shared()
            try:
                self._from_somewhere()
            finally:
                lock.release()
            self._progress.end()
        except LongshoreError as error:
            self._progress.end(error)
        except OSError as error:
            self._progress.end(EngineFault(f"pull {self._reference.familiar}: {(error.strerror or str(error)).lower()}"))
        except BaseException as error:
            self._progress.end(error)

    def _from_somewhere(self) -> None:
        """Mirrors first; whatever goes wrong with one leads to the next, only our own disk's trouble does not."""
        if self._images.by_reference(self._reference.canonical) is None:
            self._layers.warm()
        domain = self._reference.domain
        given = self._request.credentials
        found = stored.lookup(domain, path=self._reference.path) if given is None else Found(credentials=given)
        trouble = ""
        for endpoint in places.endpoints(self._request.settings, domain):
            try:
                self._try(endpoint, found)
                return
            except (Cancelled, DiskFull):
                raise
            except LongshoreError as error:
                if not endpoint.mirror:
                    if trouble:
                        error.hint = f"{error.hint}; {trouble}" if error.hint else trouble
                    raise
                trouble = trouble or f"mirror {endpoint.urls[0]}: {error.message}"

    def _try(self, endpoint: Endpoint, found: Found) -> None:
        """Pull from one endpoint; twice when bytes that an earlier pull left behind were wrong, for they are gone then."""
        try:
            self._once(endpoint, found)
        except CorruptData:
            if not self._reused:
                raise
            self._once(endpoint, found)

    def _once(self, endpoint: Endpoint, found: Found) -> None:
        self._reused = False
        attempt = Cancel()  # a layer's failure stops the others here, and leaves the next endpoint its chance
        client = RegistryClient(endpoint, self._reference, found, attempt)
        try:
            with self._cancel.waking(attempt.throw), attempt.waking(client.abort):
                self._from_one(client, attempt)
        finally:
            client.close()

    def _from_one(self, client: RegistryClient, cancel: Cancel) -> None:
        if self._up_to_date(client):
            return
        found = resolve.resolve(client, client.manifest(self._reference.identifier), self._platform)
        self._announce()
        fetcher = Fetcher(client, self._blobs, self._progress, cancel, self._request.pauses)
        config = read_config(fetcher.small(found.manifest.config, MAX_CONFIG), len(found.manifest.layers))
        if config.platform.os != "linux":
            raise InvalidArgument(f'image operating system "{config.platform.os}" cannot be used on this platform')
        chain = digests.chain_ids(config.diff_ids)
        # Of other platforms the blobs are kept as they come: nothing stands on them.
        others = self._others(client, fetcher, found) if self._request.all_platforms else ()
        existing = (*map(self._exists, chain, found.manifest.layers), *(self._blobs.has(each.digest) for each in others))
        self._progress.layers(tuple(each.digest for each in (*found.manifest.layers, *others)), existing, DOWNLOADS)
        missing = [number for number, there in enumerate(existing) if not there]
        work = LayerWork(chain, missing, cancel)

        def job(number: int) -> None:
            if number < len(chain):
                self._layer(fetcher, found, config.diff_ids, work, number)
                return
            for _ in fetcher.layer(others[number - len(chain)], number):
                pass
            self._progress.completed(number)

        try:
            work.run(job)
        finally:
            self._reused = fetcher.reused
        self._record(found, config, chain)

    def _others(self, client: RegistryClient, fetcher: Fetcher, found: Resolved) -> tuple[Descriptor, ...]:
        """The layers of the index's other manifests, each once; index, manifests and configs are stored."""
        if not found.index:
            return ()
        here = indexes.stored(self._blobs)

        def read(descriptor: Descriptor) -> bytes:
            data = here(descriptor) or resolve.fetch(client, descriptor).data
            self._blobs.put(descriptor.digest, data)
            return data

        self._blobs.put(found.digest, found.index)
        layers: dict[str, Descriptor] = {}
        for part in indexes.parts(read, found.index):
            for config in part.blobs[:1]:
                fetcher.small(config, MAX_CONFIG)
            layers.update((each.digest, each) for each in part.blobs[1:])
        for each in found.manifest.layers:
            layers.pop(each.digest, None)
        return tuple(layers.values())

    def _up_to_date(self, client: RegistryClient) -> bool:
        """The name stands for the same image as here, by a question that counts against no limit."""
        known = self._images.by_reference(self._reference.canonical)
        if known is None or not self._whole(known) or not self._suits(known):
            return False
        digest = self._reference.digest or client.head(self._reference.identifier)
        if not digest:
            return False
        same = self._images.by_reference(f"{self._reference.name}@{digest}")
        if same is None or same.id != known.id:
            return False
        if self._request.all_platforms and not self._all_here(digest, known):
            return False
        self._announce()
        self._finish(digest, known.id, known)
        return True

    def _all_here(self, digest: str, known: ImageRecord) -> bool:
        try:
            return digest == known.manifest_digest or not indexes.missing(self._blobs, digest)
        except (NotFound, CorruptData):
            return False

    def _whole(self, known: ImageRecord) -> bool:
        """All of it is here: somebody may have taken damaged parts away, for a pull to bring them again."""
        return all(map(self._layers.has, known.chain_ids)) and all(map(self._blobs.has, (known.manifest_digest, known.id, *known.blobs)))

    def _suits(self, known: ImageRecord) -> bool:
        """It is of the platform that was given, or runs on this machine."""
        own = platforms.normalise(known.os, known.architecture, known.variant)
        return own == self._request.platform if self._request.platform else platforms.rank(self._platform, own) >= 0

    def _announce(self) -> None:
        if not self._announced:
            self._announced = True
            shown = self._reference.canonical if self._reference.digest else self._reference.tag
            self._progress.say(PullPhase.PULLING, shown, detail=self._reference.path)

    def _layer(self, fetcher: Fetcher, found: Resolved, diff_ids: tuple[str, ...], work: LayerWork, number: int) -> None:
        blob = found.manifest.layers[number]

        def source() -> Generator[bytes, None, None]:
            work.begin(number)
            yield from fetcher.layer(blob, number)
            work.wait_for_lower(number)

        incoming = source()
        try:
            self._layers.unpack(incoming, diff_id=diff_ids[number], parents=work.chain[:number], stop=lambda: work.cancel.thrown)
            if not self._blobs.has(blob.digest):  # the layer was there already, and nobody has asked for its bytes
                for _ in incoming:
                    pass
        except CorruptData:
            incoming.close()
            fetcher.drop(blob)
            raise
        finally:
            incoming.close()
        work.begin(number)
        self._progress.completed(number)

    def _exists(self, chain_id: str, blob: Descriptor) -> bool:
        """The layer is here, unpacked and as the blob that this image has it in."""
        return self._layers.has(chain_id) and self._blobs.has(blob.digest)

    def _record(self, found: Resolved, config: ImageDocument, chain: tuple[str, ...]) -> None:
        self._blobs.put(found.document.digest, found.document.data)
        record = ImageRecord(
            id=found.manifest.config.digest,
            manifest_digest=found.document.digest,
            manifest_type=found.manifest.media_type,
            created_at=catalog.created_at(config),
            size=sum(map(self._layers.size, chain)),
            architecture=config.platform.architecture,
            os=config.platform.os,
            variant=config.platform.variant,
            labels=config.config.labels,
            blobs=tuple(each.digest for each in found.manifest.layers),
            diff_ids=config.diff_ids,
            chain_ids=chain,
        )
        known = self._images.by_reference(self._reference.canonical)
        self._finish(found.digest, known.id if known else "", record)

    def _finish(self, digest: str, known: str, record: ImageRecord) -> None:
        """Write the record, its names and the event at once, and tell how it ended."""
        reference = self._reference
        with self._db.transaction() as connection:
            name = "" if reference.digest else reference.canonical
            whole = self._request.all_platforms and digest != record.manifest_digest
            index = digest if whole or self._images.index_of(name) == digest else ""
            self._images.put(record, name, f"{reference.name}@{digest}", index)
            attributes = {**record.labels, "name": reference.familiar_name}
            events.append(connection, events.make("image", "pull", reference.familiar, attributes))
        if self._request.platform and not self._suits(record):
            actual = Platform(os=record.os, architecture=record.architecture, variant=record.variant)
            self._progress.say(
                PullPhase.WARNING,
                detail=f"image with reference {reference.familiar} was found but does not match the specified platform:"
                f" wanted {self._request.platform}, actual: {actual}",
            )
        self._progress.say(PullPhase.DIGEST, detail=digest)
        same = known == record.id
        words = "Image is up to date for" if same else "Downloaded newer image for"
        self._progress.say(PullPhase.STATUS, detail=f"{words} {reference.familiar}")
