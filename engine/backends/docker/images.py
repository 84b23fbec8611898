"""Images of a Docker Engine API."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from urllib.parse import quote

from engine.backends.docker import podman
from engine.backends.docker.api import Api, Parameters
from engine.backends.reading import in_thread
from engine.dockerapi import filters as filter_codec
from engine.dockerapi import images as codec
from engine.dockerapi.document import Document, Lines
from engine.dockerapi.failures import pull_error, pull_failure, push_failure
from engine.errors import InvalidArgument, LongshoreError, NotFound, NotSupported
from engine.model import reference as references
from engine.model.auth import Credentials
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
from engine.model.reference import Reference
from engine.model.value import EMPTY


def path_of(image: str) -> str:
    """The path of an image's routes; names keep their slashes there.

    Raises:
        InvalidArgument: an empty name.
    """
    if not image or ".." in image.split("/"):
        raise InvalidArgument("invalid reference format")
    return f"/images/{quote(image, safe='/:@')}"


_PLATFORM_VERSION = (1, 32)


class DockerImages:
    """See :class:`engine.interface.Images`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self, *, all: bool = False, filters: Filters = EMPTY) -> Sequence[Image]:
        encoded = filter_codec.encode(filters)
        return codec.decode_list(await self._api.get("/images/json", {"all": all, "filters": encoded}))

    async def inspect(self, image: str, *, platform: str = "") -> ImageDetails:
        parameters = {"platform": await self._platform(platform, (1, 49))}
        return codec.decode_details(await self._api.get(f"{path_of(image)}/json", parameters))

    async def manifests(self, image: str) -> Sequence[ImageManifest]:
        await self._api.need((1, 48), '"manifests"')
        return codec.decode_manifests(await self._api.get(f"{path_of(image)}/json", {"manifests": True}))

    async def history(self, image: str, *, platform: str = "") -> Sequence[ImageLayer]:
        parameters = {"platform": await self._platform(platform, (1, 48))}
        return codec.decode_history(await self._api.get(f"{path_of(image)}/history", parameters))

    async def pull(
        self,
        reference: str,
        *,
        platform: str = "",
        all_platforms: bool = False,
        all_tags: bool = False,
        credentials: Credentials | None = None,
    ) -> AsyncGenerator[PullProgress, None]:
        _refuse_all(all_platforms, "pulls")
        wanted = references.parse(reference).tagged
        if platform:
            await self._api.need(_PLATFORM_VERSION, '"--platform"')
        shown = stored_credentials(wanted.domain) if credentials is None else credentials
        headers = {} if shown.anonymous else {"X-Registry-Auth": codec.encode_auth(shown)}
        parameters = {"fromImage": wanted.name, "tag": "" if all_tags else wanted.digest or wanted.tag, "platform": platform}
        lines, told = Lines(), False
        before = await self._id_of(wanted) if await self._api.is_podman() else ""
        try:
            async with self._api.stream("POST", "/images/create", parameters, headers=headers) as response:
                async for chunk in self._api.chunks(response):
                    for item in lines.feed(chunk):
                        if "error" in item or "errorDetail" in item:
                            raise pull_error(item)
                        if progress := codec.decode_progress(item):
                            told = told or progress.phase is PullPhase.STATUS
                            yield progress
        except LongshoreError as error:
            raise pull_failure(error) from error
        if not told and not all_tags:
            for progress in await self._outcome(wanted, before):
                yield progress

    async def _id_of(self, wanted: Reference) -> str:
        try:
            return (await self.inspect(wanted.canonical)).image.id
        except NotFound:
            return ""

    async def _outcome(self, wanted: Reference, before: str) -> Sequence[PullProgress]:
        """The last two events of a pull, which podman leaves out."""
        image = (await self.inspect(wanted.canonical)).image
        digest = next((name.partition("@")[2] for name in image.digests if name.startswith(f"{wanted.familiar_name}@")), "")
        status = "Image is up to date for" if image.id == before else "Downloaded newer image for"
        return (
            PullProgress(phase=PullPhase.DIGEST, detail=wanted.digest or digest),
            PullProgress(phase=PullPhase.STATUS, detail=f"{status} {wanted.familiar}"),
        )

    async def push(
        self,
        reference: str,
        *,
        all_tags: bool = False,
        platform: str = "",
        all_platforms: bool = False,
        credentials: Credentials | None = None,
    ) -> AsyncGenerator[PushProgress, None]:
        _refuse_all(all_platforms, "pushes")
        wanted = references.parse(reference)
        if wanted.digest:
            raise InvalidArgument("cannot push a digest reference")
        if all_tags and wanted.tag:
            raise InvalidArgument("tag can't be used with --all-tags/-a")
        shown = stored_credentials(wanted.domain) if credentials is None else credentials
        headers = {"X-Registry-Auth": codec.encode_auth(shown)}  # dockerd wants it, also when it says nothing
        parameters = {"tag": "" if all_tags else wanted.tagged.tag, "platform": await self._platform(platform, (1, 46))}
        lines = Lines()
        try:
            async with (
                self._api.stream("POST", f"{path_of(wanted.name)}/push", parameters, headers=headers) as response,
                contextlib.aclosing(self._api.chunks(response)) as chunks,
            ):
                async for chunk in chunks:
                    for item in lines.feed(chunk):
                        if "error" in item or "errorDetail" in item:
                            raise pull_error(item)
                        if progress := codec.decode_push(item):
                            yield progress
        except LongshoreError as error:
            raise push_failure(error) from error

    async def distribution(self, reference: str, *, credentials: Credentials | None = None) -> RegistryImage:
        wanted = references.parse(reference)
        if await self._api.is_podman():
            raise NotSupported(f"{self._api.address.url} does not show what a registry has: Podman's API has no such question")
        shown = stored_credentials(wanted.domain) if credentials is None else credentials
        path = f"/distribution/{quote(reference, safe='/:@')}/json"
        headers = {} if shown.anonymous else {"X-Registry-Auth": codec.encode_auth(shown)}
        async with self._api.stream("GET", path, headers=headers) as response:
            return codec.decode_distribution(b"".join([chunk async for chunk in self._api.chunks(response)]))

    async def search(self, term: str, *, limit: int = 25, filters: Filters = EMPTY) -> Sequence[SearchResult]:
        encoded = filter_codec.encode(filters)
        return codec.decode_search(await self._api.get("/images/search", {"term": term, "limit": limit, "filters": encoded}))

    async def tag(self, image: str, reference: str) -> None:
        wanted = references.parse(reference)
        if wanted.digest:
            raise InvalidArgument("refusing to create a tag with a digest reference")
        await self._api.post(f"{path_of(image)}/tag", {"repo": wanted.name, "tag": wanted.tagged.tag})

    async def remove(self, image: str, *, force: bool = False, prune: bool = True, platforms: Sequence[str] = ()) -> Sequence[RemovedImage]:
        wanted = tuple([await self._platform(platform, (1, 50)) for platform in platforms])
        return codec.decode_removed(await self._api.delete(path_of(image), {"force": force, "noprune": not prune, "platforms": wanted}))

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        if podman.wants_unused(filters) and await self._api.is_podman():
            from engine.backends.docker.containers import DockerContainers
            from engine.backends.docker.system import DockerSystem

            usage = await DockerSystem(self._api).disk_usage(contents=True)
            return await podman.prune_unused(self, DockerContainers(self._api), usage.contents, filters)
        return codec.decode_prune(await self._api.post("/images/prune", {"filters": filter_codec.encode(filters)}))

    async def contents(self, image: str, *, moved: Callable[[int], object] | None = None) -> ImageContents:
        from engine.image.contents import contents  # late: for this only

        found = await self.inspect(image)  # a name without a tag would be all images of its repository
        return await in_thread(self.save((found.image.id,)), contents, moved)

    async def save(self, images: Sequence[str], *, platform: str = "", all_platforms: bool = False) -> AsyncGenerator[bytes, None]:
        _refuse_all(all_platforms, "saves")
        for image in images:
            path_of(image)
        parameters = {"names": tuple(images), "platform": await self._platform(platform, (1, 48))}
        async with (
            self._api.stream("GET", "/images/get", parameters) as response,
            contextlib.aclosing(self._api.chunks(response)) as chunks,
        ):
            async for chunk in chunks:
                yield chunk

    async def load(self, archive: AsyncIterable[bytes], *, platform: str = "") -> Sequence[LoadedImage]:
        found: list[LoadedImage] = []
        replaced: dict[str, str] = {}
        parameters: Parameters = {"quiet": True, "platform": await self._platform(platform, (1, 48))}
        async for item in self._lines("/images/load", parameters, archive):
            text = item.text("stream").strip()
            if old := codec.decode_replaced(text):
                replaced.update((old,))
            elif loaded := codec.decode_loaded(text):
                found.append(loaded.replace(replaced=replaced.get(loaded.reference, "")))
        return found

    async def import_(
        self, archive: AsyncIterable[bytes], *, reference: str = "", changes: Sequence[str] = (), message: str = "", platform: str = ""
    ) -> str:
        named = references.parse(reference) if reference else None
        if named and named.digest:
            raise InvalidArgument("cannot import digest reference")
        parameters: Parameters = {
            "fromSrc": "-",
            "repo": named.name if named else "",
            "tag": named.tagged.tag if named else "",
            "message": message,
            "platform": platform,
            "changes": tuple(changes),
        }
        made = ""
        async for item in self._lines("/images/create", parameters, archive):
            made = codec.decode_imported(item) or made
        return made

    async def _platform(self, platform: str, since: tuple[int, int]) -> str:
        """``platform`` as the parameter has it. Raises NotSupported where the host would take no notice of it."""
        encoded = codec.encode_platform(platform)
        if encoded and (await self._api.version() < since or await self._api.is_podman()):
            needed = ".".join(map(str, since))
            raise NotSupported(f'"platform" requires API version {needed}, which the engine at {self._api.address.url} does not speak')
        return encoded

    async def _lines(self, path: str, parameters: Parameters, archive: AsyncIterable[bytes]) -> AsyncGenerator[Document, None]:
        """What the engine tells while it takes an archive; what it reports as an error is raised."""
        lines = Lines()
        async with self._api.stream("POST", path, parameters, archive=archive) as response:
            async for chunk in self._api.chunks(response):
                for item in lines.feed(chunk):
                    if "error" in item or "errorDetail" in item:
                        raise pull_error(item)
                    yield item
        for item in lines.finish():
            yield item


def _refuse_all(all_platforms: bool, does: str) -> None:
    if all_platforms:
        raise NotSupported(
            f"the Docker API can not be asked for all platforms of an image: what a host {does} is its own choice",
            hint="a Docker with containerd's image store pushes and saves all that it has; use it without --all-platforms",
        )


def stored_credentials(domain: str) -> Credentials:
    """What the person is logged in with. The daemon does not read the person's docker configuration, its client does."""
    from engine.registry import credentials

    return credentials.lookup(domain).credentials
