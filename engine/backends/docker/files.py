"""Files of containers of a Docker Engine API."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from urllib.parse import quote

from engine.backends.docker.api import Api
from engine.dockerapi import files as codec
from engine.errors import InvalidArgument, NotFound
from engine.model.files import Change, CommitConfig, PathStat
from engine.model.reference import parse


def path_of(container: str) -> str:
    """The path of a container's routes.

    Raises:
        InvalidArgument: an empty name, which would address the collection.
    """
    if not container or container in (".", ".."):
        raise InvalidArgument(f"invalid container name or ID: {container!r}")
    return f"/containers/{quote(container, safe='')}"


class DockerFiles:
    """See :class:`engine.interface.containers.ContainerFiles`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def changes(self, container: str) -> Sequence[Change]:
        return codec.decode_changes(await self._api.get(f"{path_of(container)}/changes", timeout=None))

    async def stat(self, container: str, path: str) -> PathStat:
        try:
            async with self._api.stream("HEAD", f"{path_of(container)}/archive", {"path": path}) as response:
                return codec.decode_stat(response.headers.get("X-Docker-Container-Path-Stat", ""))
        except NotFound:
            await self._api.get(f"{path_of(container)}/json")  # an answer to HEAD has no text: which of both is missing?
            raise NotFound(f"Could not find the file {path} in container {container}") from None

    async def get_archive(self, container: str, path: str) -> AsyncGenerator[bytes, None]:
        async with (
            self._api.stream("GET", f"{path_of(container)}/archive", {"path": path}) as response,
            contextlib.aclosing(self._api.chunks(response)) as chunks,
        ):
            async for chunk in chunks:
                yield chunk

    async def put_archive(self, container: str, path: str, data: AsyncIterable[bytes], *, copy_owner: bool = False) -> None:
        parameters = {"path": path, "noOverwriteDirNonDir": "true", "copyUIDGID": "true" if copy_owner else ""}
        async with self._api.stream("PUT", f"{path_of(container)}/archive", parameters, archive=data) as response:
            await response.aread()

    async def export(self, container: str) -> AsyncGenerator[bytes, None]:
        async with (
            self._api.stream("GET", f"{path_of(container)}/export") as response,
            contextlib.aclosing(self._api.chunks(response)) as chunks,
        ):
            async for chunk in chunks:
                yield chunk

    async def commit(self, container: str, config: CommitConfig) -> str:
        path_of(container)
        reference = parse(config.reference).tagged if config.reference else None
        if reference and reference.digest:
            raise InvalidArgument("cannot commit to a reference with a digest")
        parameters = {
            "container": container,
            "repo": reference.familiar_name if reference else "",
            "tag": reference.tag if reference else "",
            "author": config.author,
            "comment": config.comment,
            "changes": "\n".join(config.changes),
            "pause": "1" if config.pause else "0",
        }
        # No configuration of our own: the container's is meant.
        return codec.decode_commit(await self._api.post("/commit", parameters, body=b"null"))
