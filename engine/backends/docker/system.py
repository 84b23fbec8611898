"""The engine behind a Docker Engine API."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence

from engine.backends.docker import podman
from engine.backends.docker.api import Api
from engine.backends.docker.containers import DockerContainers
from engine.backends.docker.images import DockerImages
from engine.backends.docker.volumes import DockerVolumes
from engine.dockerapi import filters as filter_codec
from engine.dockerapi import system as codec
from engine.dockerapi import times
from engine.dockerapi.document import Lines
from engine.errors import NotFound, NotSupported
from engine.model import digest as digests
from engine.model.auth import Credentials
from engine.model.check import CheckEvent
from engine.model.events import Event, EventQuery
from engine.model.filters import Filters
from engine.model.images import Image
from engine.model.system import DiskUsage, EngineInfo, EngineVersion, Plugin
from engine.model.value import EMPTY


class DockerSystem:
    """See :class:`engine.interface.System`."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._images = DockerImages(api)

    async def ping(self) -> None:
        await self._api.get("/_ping")

    async def login(self, registry: str, credentials: Credentials) -> Credentials:
        body = codec.encode_login(registry, credentials)
        return codec.decode_login(await self._api.post("/auth", body=body), credentials)

    async def info(self) -> EngineInfo:
        return codec.decode_info(await self._api.get("/info"))

    async def plugins(self, filters: Filters = EMPTY) -> Sequence[Plugin]:
        if await self._api.is_podman():
            raise NotSupported(f"{self._api.address.url} manages no plugins: Podman knows volume plugins from its configuration only")
        return codec.decode_plugins(await self._api.get("/plugins", {"filters": filter_codec.encode(filters)}))

    async def version(self) -> EngineVersion:
        return codec.decode_version(await self._api.get("/version"))

    async def disk_usage(self, *, contents: bool = False) -> DiskUsage:
        usage = codec.decode_usage(await self._api.get("/system/df", timeout=None))
        of_podman = await self._api.is_podman()
        if of_podman:
            usage = await self._named(usage)
        if not (contents or of_podman):
            return usage
        found = {image.id: await self._contents(image) for image in usage.images}
        if of_podman:
            usage = podman.with_layers(usage, found)
        return usage.replace(contents=found) if contents else usage

    async def _named(self, usage: DiskUsage) -> DiskUsage:
        """Podman tells names and labels in its lists, and only what is counted here."""
        images = {image.id: image for image in usage.images}
        volumes = {volume.name: volume for volume in usage.volumes}
        return usage.replace(
            images=tuple(
                image.replace(shared_size=images[image.id].shared_size, containers=images[image.id].containers)
                for image in await self._images.list()
                if image.id in images
            ),
            containers=tuple(await DockerContainers(self._api).list(all=True, size=True)),
            volumes=tuple(
                volume.replace(size=volumes[volume.name].size, users=volumes[volume.name].users)
                for volume in await DockerVolumes(self._api).list()
                if volume.name in volumes
            ),
        )

    async def _contents(self, image: Image) -> Mapping[str, int]:
        """Sizes of an image's layers. The API has them in the history alone, where steps without a layer are steps of no size.

        Where a layer of no size makes that ambiguous, what other images share is left out.
        """
        try:
            details = await self._images.inspect(image.id)
            steps = await self._images.history(image.id)
        except NotFound:
            return {}  # removed meanwhile
        sizes = [step.size for step in reversed(steps) if step.size]
        if len(sizes) != len(details.layers):
            return {image.id: image.size - max(image.shared_size, 0)}
        return dict(zip(digests.chain_ids(details.layers), sizes, strict=True))

    async def check(self, *, repair: bool = False) -> AsyncGenerator[CheckEvent, None]:
        for event in self._checked():
            yield event

    def _checked(self) -> Sequence[CheckEvent]:
        raise NotSupported(
            f"{self._api.address.url} can not be checked: the Docker Engine API does not show its store",
            hint="on that machine, `podman system check` (podman 5) looks at podman's; docker has no such command",
        )

    async def events(self, query: EventQuery) -> AsyncGenerator[Event, None]:
        parameters = {
            "since": None if query.since is None else times.query(query.since),
            "until": None if query.until is None else times.query(query.until),
            "filters": filter_codec.encode(query.filters),
        }
        lines = Lines()
        async with (
            self._api.stream("GET", "/events", parameters) as response,
            contextlib.aclosing(self._api.chunks(response)) as chunks,
        ):
            async for chunk in chunks:
                for item in lines.feed(chunk):
                    if event := codec.decode_event(item):
                        yield event
