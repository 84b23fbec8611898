"""Images of the embedded engine; the work is :mod:`engine.image`'s."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from engine.backends.embedded.core import Core
from engine.backends.embedded.offload import Offload
from engine.model.auth import Credentials
from engine.model.blocking import Source
from engine.model.containers import PruneReport
from engine.model.filters import Filters
from engine.model.images import (
    Image,
    ImageContents,
    ImageDetails,
    ImageLayer,
    ImageManifest,
    LoadedImage,
    PullPhase,
    PullProgress,
    PushProgress,
    RegistryImage,
    RemovedImage,
    SearchResult,
)
from engine.model.openfile import OpenFile
from engine.model.value import EMPTY

if TYPE_CHECKING:
    from engine.image.importing import ImportRequest
    from engine.image.removal import Removal
    from engine.image.spool import Spool

T = TypeVar("T")


class EmbeddedImages:
    """:class:`engine.interface.images.Images`."""

    def __init__(self, core: Core, offload: Offload) -> None:
        self._core = core
        self._offload = offload

    async def list(self, *, all: bool = False, filters: Filters = EMPTY) -> Sequence[Image]:
        return await self._offload.run(self._core.catalog.list, filters)

    async def inspect(self, image: str, *, platform: str = "") -> ImageDetails:
        return await self._offload.run(_inspect, self._core, image, platform)

    async def manifests(self, image: str) -> Sequence[ImageManifest]:
        return await self._offload.run(_manifests, self._core, image)

    async def history(self, image: str, *, platform: str = "") -> Sequence[ImageLayer]:
        return await self._offload.run(self._core.catalog.history, image, platform)

    async def contents(self, image: str, *, moved: Callable[[int], object] | None = None) -> ImageContents:
        from engine.backends.reading import in_thread
        from engine.image.contents import contents

        found = await self.inspect(image)  # a name without a tag would be all images of its repository
        return await in_thread(self.save((found.image.id,)), contents, moved)

    def pull(
        self,
        reference: str,
        *,
        platform: str = "",
        all_platforms: bool = False,
        all_tags: bool = False,
        credentials: Credentials | None = None,
    ) -> AsyncGenerator[PullProgress, None]:
        def begin(reference: str) -> Source[PullProgress]:
            return _Pull(self._core, reference, platform, all_platforms, credentials)

        def every() -> Source[PullProgress]:
            from engine.image.tags import PullAll, list_tags
            from engine.registry import settings

            return PullAll(
                lambda: list_tags(settings.load(self._core.config), reference, credentials), lambda tag: begin(f"{reference}:{tag}")
            )

        return self._offload.stream(every if all_tags else lambda: begin(reference))

    def push(
        self,
        reference: str,
        *,
        all_tags: bool = False,
        platform: str = "",
        all_platforms: bool = False,
        credentials: Credentials | None = None,
    ) -> AsyncGenerator[PushProgress, None]:
        def begin() -> Source[PushProgress]:
            from engine.image.push import push
            from engine.registry import settings

            core, configured = self._core, settings.load(self._core.config)
            return push(
                core.roots,
                core.database,
                reference,
                settings=configured,
                all_tags=all_tags,
                platform=platform,
                all_platforms=all_platforms,
                credentials=credentials,
            )

        return self._offload.stream(begin)

    async def distribution(self, reference: str, *, credentials: Credentials | None = None) -> RegistryImage:
        return await self._offload.run(_distribution, self._core, reference, credentials)

    async def search(self, term: str, *, limit: int = 25, filters: Filters = EMPTY) -> Sequence[SearchResult]:
        return await self._offload.run(_search, self._core, term, limit, filters)

    async def tag(self, image: str, reference: str) -> None:
        await self._offload.run(self._core.catalog.tag, image, reference)
        await self._offload.run(_publish, self._core)

    async def remove(self, image: str, *, force: bool = False, prune: bool = True, platforms: Sequence[str] = ()) -> Sequence[RemovedImage]:
        def remove(removal: Removal) -> Sequence[RemovedImage]:
            return removal.remove(image, force=force, platforms=platforms)

        return await self._offload.run(_removing, self._core, remove)

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        def prune(removal: Removal) -> PruneReport:
            from engine.store.blobs import Blobs

            report = removal.prune(filters)
            leftovers = Blobs(self._core.roots).sweep()  # of pulls that nobody continues
            return report.replace(space_reclaimed=report.space_reclaimed + leftovers)

        return await self._offload.run(_removing, self._core, prune)

    def save(self, images: Sequence[str], *, platform: str = "", all_platforms: bool = False) -> AsyncGenerator[bytes, None]:
        def begin() -> Source[bytes]:
            from engine.image.save import Saving

            return Saving(self._core.roots, self._core.database, images, platform=platform, all_platforms=all_platforms)

        return self._offload.stream(begin)

    async def load(self, archive: AsyncIterable[bytes], *, platform: str = "") -> Sequence[LoadedImage]:
        return await self._taken(archive, lambda spool: _load(self._core, spool, platform))

    async def import_(
        self, archive: AsyncIterable[bytes], *, reference: str = "", changes: Sequence[str] = (), message: str = "", platform: str = ""
    ) -> str:
        from engine.image.importing import ImportRequest, check

        request = ImportRequest(reference=reference, changes=tuple(changes), message=message, platform=platform)
        check(request)
        return await self._taken(archive, lambda spool: _import(self._core, spool, request))

    async def _taken(self, archive: AsyncIterable[bytes], use: Callable[[Spool], T]) -> T:
        """The whole of ``archive`` goes into a file, which ``use`` gets; one that is a file of ours already is used as it is."""
        ours = archive.handle if isinstance(archive, OpenFile) and archive.whole else -1
        spool = await self._offload.open(lambda: _spool(self._core, ours))
        try:
            if ours < 0:
                async for chunk in archive:
                    await self._offload.run(spool.write, chunk)
            return await self._offload.run(use, spool)
        finally:
            await self._offload.run(spool.close)


def _distribution(core: Core, reference: str, credentials: Credentials | None) -> RegistryImage:
    from engine.image import distribution
    from engine.registry import settings

    return distribution.inspect(settings.load(core.config), reference, credentials)


def _search(core: Core, term: str, limit: int, filters: Filters) -> Sequence[SearchResult]:
    from engine.registry import search, settings

    return search.search(settings.load(core.config), term, limit=limit, filters=filters)


def _inspect(core: Core, image: str, platform: str) -> ImageDetails:
    from engine.image import inspection
    from engine.image.layers import LayerStore

    with LayerStore(core.roots, core.database) as layers:
        return inspection.inspect(core.catalog, core.images, layers, image, platform)


def _manifests(core: Core, image: str) -> Sequence[ImageManifest]:
    from engine.image.manifests import manifests
    from engine.store.blobs import Blobs

    return manifests(core.catalog, core.images, core.containers, Blobs(core.roots), image)


def _removing(core: Core, call: Callable[[Removal], T]) -> T:
    from engine.image.layers import LayerStore
    from engine.image.removal import Removal

    with LayerStore(core.roots, core.database) as layers:
        removal = Removal(core.roots, core.database, layers)
        found = core.database.spared(lambda: call(removal))
    _publish(core)
    return found


def _spool(core: Core, handle: int) -> Spool:
    from engine.image.spool import Spool

    return Spool(core.roots, handle)


def _load(core: Core, spool: Spool, platform: str) -> Sequence[LoadedImage]:
    from engine.image.layers import LayerStore
    from engine.image.load import load

    with LayerStore(core.roots, core.database) as layers:
        layers.warm()
        found = load(core.roots, core.database, layers, spool, platform=platform)
    _publish(core)
    return found


def _import(core: Core, spool: Spool, request: ImportRequest) -> str:
    from engine.image.importing import import_archive
    from engine.image.layers import LayerStore

    with LayerStore(core.roots, core.database) as layers:
        made = import_archive(core.roots, core.database, layers, spool, request)
    _publish(core)
    return made


def _publish(core: Core) -> None:
    from engine.store.layout import publish

    publish(core.roots, core.database)


class _Pull:
    """A pull with a layer store of its own (``Source[PullProgress]``)."""

    def __init__(self, core: Core, reference: str, platform: str, all_platforms: bool, credentials: Credentials | None) -> None:
        from engine.image.layers import LayerStore
        from engine.image.pull import pull
        from engine.registry import settings

        self._core = core
        configured = settings.load(core.config)
        self._layers = LayerStore(core.roots, core.database)
        try:
            self._source: Source[PullProgress] = pull(
                core.roots,
                core.database,
                self._layers,
                reference,
                settings=configured,
                platform=platform,
                all_platforms=all_platforms,
                credentials=credentials,
            )
        except BaseException:
            self._layers.close()
            raise

    def next(self) -> PullProgress | None:
        """The next event; after the last one the blob store's index names the image."""
        found = self._source.next()
        if found is not None and found.phase is PullPhase.STATUS:
            _publish(self._core)
        return found

    def close(self) -> None:
        """Cancel, and end the process that unpacks."""
        self._source.close()
        self._layers.close()
