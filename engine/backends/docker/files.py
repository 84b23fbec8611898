"""Files of containers of a Docker Engine API."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from urllib.parse import quote

from engine.backends.docker.api import Api
from engine.dockerapi import files as codec
from engine.dockerapi.listing import DirectoryReader
from engine.errors import InvalidArgument, NotFound
from engine.model.files import Change, CommitConfig, Directory, DirectoryEntry, PathStat
from engine.model.reference import parse

PLAIN = {"Accept-Encoding": "identity"}
"""A daemon compresses an archive for whoever takes that, and it would be taken for the stream itself."""
LISTED = 64 << 20
"""Bytes of a directory's archive that are read for its entries."""
COMMON = (
    *("bin", "boot", "data", "dev", "etc", "home", "lib", "lib32", "lib64", "media", "mnt", "opt", "proc", "root", "run", "sbin", "srv"),
    *("sys", "tmp", "usr", "var"),
)
"""What a root directory has as a rule, asked for by name where the archive was too long to be read to its end."""


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

    async def list_directory(self, container: str, path: str) -> Directory:
        reader = DirectoryReader()
        seen = 0
        within = f"{path.rstrip('/')}/."
        try:
            own = await self.stat(container, within)
        except NotFound as error:
            raise NotFound(error.message.replace(within, path)) from None
        if not stat.S_ISDIR(own.mode):
            raise InvalidArgument(f"{path} in container {container} is not a directory")
        async with contextlib.aclosing(self.get_archive(container, within)) as pieces:
            async for piece in pieces:
                reader.feed(piece)
                seen += len(piece)
                if reader.ended or seen > LISTED:
                    break
        found = reader.entries
        if not reader.ended:  # what most roots have is asked for by name, for it may be what did not come any more
            for name in (one for one in COMMON if one not in found and path.strip("/") == ""):
                with contextlib.suppress(NotFound):
                    known = await self.stat(container, f"/{name}")
                    size, link = known.size, known.link_target
                    found[name] = DirectoryEntry(name=name, mode=known.mode, size=size, mtime=known.mtime, link_target=link)
        return Directory(entries=tuple(found[name] for name in sorted(found)), complete=reader.ended)

    async def get_archive(self, container: str, path: str) -> AsyncGenerator[bytes, None]:
        async with (
            self._api.stream("GET", f"{path_of(container)}/archive", {"path": path}, headers=PLAIN) as response,
            contextlib.aclosing(self._api.chunks(response)) as chunks,
        ):
            async for chunk in chunks:
                yield chunk

    async def put_archive(self, container: str, path: str, data: AsyncIterable[bytes], *, copy_owner: bool = False) -> None:
        parameters = {"path": path, "noOverwriteDirNonDir": "true", "copyUIDGID": "true" if copy_owner else ""}
        async with (
            self._api.stream("PUT", f"{path_of(container)}/archive", parameters, archive=data) as response,
            contextlib.aclosing(self._api.chunks(response)) as rest,
        ):
            async for _ in rest:
                pass

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
