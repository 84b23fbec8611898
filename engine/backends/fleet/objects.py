"""Images, volumes and networks of several hosts."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence

from engine.backends.fleet import naming
from engine.backends.fleet.containers import sum_of
from engine.backends.fleet.members import Members
from engine.errors import InvalidArgument
from engine.interface import Engine
from engine.model.auth import Credentials
from engine.model.containers import PLAIN, EndpointOptions, PruneReport
from engine.model.filters import Filters
from engine.model.images import (
    Image,
    ImageContents,
    ImageDetails,
    ImageLayer,
    ImageManifest,
    LoadedImage,
    PullProgress,
    PushProgress,
    RegistryImage,
    RemovedImage,
    SearchResult,
)
from engine.model.networks import Network, NetworkSpec
from engine.model.value import EMPTY
from engine.model.volumes import Volume, VolumeSpec


class FleetImages:
    """See :class:`engine.interface.Images`. What is pulled, loaded or made has to say where: ``busybox@HOST``."""

    def __init__(self, members: Members) -> None:
        self._members = members

    async def list(self, *, all: bool = False, filters: Filters = EMPTY) -> Sequence[Image]:
        async def listed(host: str, engine: Engine) -> Sequence[Image]:
            own = naming.filters_for(filters, host, self._members.engines)
            return [] if own is None else [naming.image(one, host) for one in await engine.images.list(all=all, filters=own)]

        rows = [one for _, answer in await self._members.each(listed) for one in answer]
        return sorted(rows, key=lambda one: -one.created_at)

    async def inspect(self, image: str, *, platform: str = "") -> ImageDetails:
        engine, bare, host = await self._find(image)
        return naming.image_details(await engine.images.inspect(bare, platform=platform), host)

    async def manifests(self, image: str) -> Sequence[ImageManifest]:
        engine, bare, _ = await self._find(image)
        return await engine.images.manifests(bare)

    async def history(self, image: str, *, platform: str = "") -> Sequence[ImageLayer]:
        engine, bare, _ = await self._find(image)
        return await engine.images.history(bare, platform=platform)

    async def pull(
        self,
        reference: str,
        *,
        platform: str = "",
        all_platforms: bool = False,
        all_tags: bool = False,
        credentials: Credentials | None = None,
    ) -> AsyncGenerator[PullProgress, None]:
        engine, bare, _ = self._members.named(reference, "pull")
        pulled = engine.images.pull(bare, platform=platform, all_platforms=all_platforms, all_tags=all_tags, credentials=credentials)
        async with contextlib.aclosing(pulled) as steps:
            async for step in steps:
                yield step

    async def push(
        self,
        reference: str,
        *,
        all_tags: bool = False,
        platform: str = "",
        all_platforms: bool = False,
        credentials: Credentials | None = None,
    ) -> AsyncGenerator[PushProgress, None]:
        engine, bare, _ = await self._find(reference)
        pushed = engine.images.push(bare, all_tags=all_tags, platform=platform, all_platforms=all_platforms, credentials=credentials)
        async with contextlib.aclosing(pushed) as steps:
            async for step in steps:
                yield step

    async def distribution(self, reference: str, *, credentials: Credentials | None = None) -> RegistryImage:
        engine = next(iter(self._members.engines.values()))  # a registry is the same from everywhere
        bare = naming.split(reference, self._members.engines)[0]
        return await engine.images.distribution(bare, credentials=credentials)

    async def search(self, term: str, *, limit: int = 25, filters: Filters = EMPTY) -> Sequence[SearchResult]:
        engine = next(iter(self._members.engines.values()))  # an index is the same from everywhere
        return await engine.images.search(term, limit=limit, filters=filters)

    async def tag(self, image: str, reference: str) -> None:
        engine, bare, _ = await self._find(image)
        await engine.images.tag(bare, naming.split(reference, self._members.engines)[0])

    async def remove(self, image: str, *, force: bool = False, prune: bool = True, platforms: Sequence[str] = ()) -> Sequence[RemovedImage]:
        engine, bare, host = await self._find(image)
        removed = await engine.images.remove(bare, force=force, prune=prune, platforms=platforms)
        return [naming.removed_image(one, host) for one in removed]

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        async def prune(host: str, engine: Engine) -> PruneReport:
            return naming.pruned(await engine.images.prune(filters), host)

        return sum_of(report for _, report in await self._members.each(prune))

    async def contents(self, image: str, *, moved: Callable[[int], object] | None = None) -> ImageContents:
        engine, bare, _ = await self._find(image)
        return await engine.images.contents(bare, moved=moved)

    async def save(self, images: Sequence[str], *, platform: str = "", all_platforms: bool = False) -> AsyncGenerator[bytes, None]:
        found = [await self._find(image) for image in images]
        if len({host for _, _, host in found}) > 1:
            raise InvalidArgument("images of several hosts can not be saved into one archive", hint="save them one by one")
        engine = found[0][0]
        saved = engine.images.save([bare for _, bare, _ in found], platform=platform, all_platforms=all_platforms)
        async with contextlib.aclosing(saved) as chunks:
            async for chunk in chunks:
                yield chunk

    async def load(self, archive: AsyncIterable[bytes], *, platform: str = "") -> Sequence[LoadedImage]:
        engine, _, host = self._members.named("", "load")
        return [naming.loaded_image(one, host) for one in await engine.images.load(archive, platform=platform)]

    async def import_(
        self, archive: AsyncIterable[bytes], *, reference: str = "", changes: Sequence[str] = (), message: str = "", platform: str = ""
    ) -> str:
        engine, bare, host = self._members.named(reference, "import")
        made = await engine.images.import_(archive, reference=bare, changes=changes, message=message, platform=platform)
        return naming.at(made, host)

    async def _find(self, image: str) -> tuple[Engine, str, str]:
        return await self._members.find(image, lambda engine, bare: engine.images.inspect(bare))


class FleetVolumes:
    """See :class:`engine.interface.Volumes`."""

    def __init__(self, members: Members) -> None:
        self._members = members

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[Volume]:
        async def listed(host: str, engine: Engine) -> Sequence[Volume]:
            own = naming.filters_for(filters, host, self._members.engines)
            return [] if own is None else [naming.volume(one, host) for one in await engine.volumes.list(filters=own)]

        return sorted((one for _, answer in await self._members.each(listed) for one in answer), key=lambda one: one.name)

    async def inspect(self, volume: str) -> Volume:
        engine, bare, host = await self._find(volume)
        return naming.volume(await engine.volumes.inspect(bare), host)

    async def create(self, spec: VolumeSpec) -> Volume:
        engine, bare, host = self._members.named(spec.name, "create a volume")
        return naming.volume(await engine.volumes.create(spec.replace(name=bare)), host)

    async def remove(self, volume: str, *, force: bool = False) -> None:
        engine, bare, _ = await self._find(volume)
        await engine.volumes.remove(bare, force=force)

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        async def prune(host: str, engine: Engine) -> PruneReport:
            return naming.pruned(await engine.volumes.prune(filters), host)

        return sum_of(report for _, report in await self._members.each(prune))

    async def _find(self, volume: str) -> tuple[Engine, str, str]:
        return await self._members.find(volume, lambda engine, bare: engine.volumes.inspect(bare))


class FleetNetworks:
    """See :class:`engine.interface.Networks`."""

    def __init__(self, members: Members) -> None:
        self._members = members

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[Network]:
        async def listed(host: str, engine: Engine) -> Sequence[Network]:
            own = naming.filters_for(filters, host, self._members.engines)
            return [] if own is None else [naming.network(one, host) for one in await engine.networks.list(filters=own)]

        return sorted((one for _, answer in await self._members.each(listed) for one in answer), key=lambda one: one.name)

    async def inspect(self, network: str, *, verbose: bool = False, scope: str = "") -> Network:
        engine, bare, host = await self._find(network)
        return naming.network(await engine.networks.inspect(bare, verbose=verbose, scope=scope), host)

    async def create(self, spec: NetworkSpec) -> str:
        engine, bare, host = self._members.named(spec.name, "create a network")
        return naming.at(await engine.networks.create(spec.replace(name=bare)), host)

    async def remove(self, network: str) -> None:
        engine, bare, _ = await self._find(network)
        await engine.networks.remove(bare)

    async def connect(
        self,
        network: str,
        container: str,
        *,
        ip: str = "",
        ip6: str = "",
        aliases: Sequence[str] = (),
        options: EndpointOptions = PLAIN,
    ) -> None:
        engine, bare, short = await self._both(network, container)
        await engine.networks.connect(bare, short, ip=ip, ip6=ip6, aliases=aliases, options=options)

    async def disconnect(self, network: str, container: str, *, force: bool = False) -> None:
        engine, bare, short = await self._both(network, container)
        await engine.networks.disconnect(bare, short, force=force)

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        async def prune(host: str, engine: Engine) -> PruneReport:
            return naming.pruned(await engine.networks.prune(filters), host)

        return sum_of(report for _, report in await self._members.each(prune))

    async def _both(self, network: str, container: str) -> tuple[Engine, str, str]:
        """Engine, network and container, which have to be on one host; the one that says where speaks for the other."""
        short, of_container = naming.split(container, self._members.engines)
        bare, of_network = naming.split(network, self._members.engines)
        if of_container and of_network and of_container != of_network:
            raise InvalidArgument(f"{container} and {network} are on different hosts", hint="networks do not reach over hosts")
        engine, bare, _ = await self._find(naming.at(bare, of_network or of_container) if of_network or of_container else bare)
        return engine, bare, short

    async def _find(self, network: str) -> tuple[Engine, str, str]:
        return await self._members.find(network, lambda engine, bare: engine.networks.inspect(bare))
