"""Files of containers of the embedded engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Sequence

from engine.backends.embedded.core import Core
from engine.backends.embedded.offload import Offload
from engine.model.files import Change, CommitConfig, Directory, PathStat


class EmbeddedFiles:
    """:class:`engine.interface.containers.ContainerFiles`."""

    _core: Core
    _offload: Offload

    async def changes(self, container: str) -> Sequence[Change]:
        from engine.backends.embedded.sides import changes

        return await self._offload.run(changes, self._core, container)

    async def stat(self, container: str, path: str) -> PathStat:
        from engine.backends.embedded.archives import status

        return await self._offload.run(status, self._core, container, path)

    async def list_directory(self, container: str, path: str) -> Directory:
        from engine.backends.embedded.directories import entries

        return await self._offload.run(entries, self._core, container, path)

    def get_archive(self, container: str, path: str) -> AsyncGenerator[bytes, None]:
        from engine.backends.embedded.archives import get

        return self._offload.stream(lambda: get(self._core, container, path))

    async def put_archive(self, container: str, path: str, data: AsyncIterable[bytes], *, copy_owner: bool = False) -> None:
        from engine.backends.embedded.archives import put

        sink = await self._offload.open(lambda: put(self._core, container, path, copy_owner=copy_owner))
        try:
            async for chunk in data:
                await self._offload.run(sink.write, chunk)
            await self._offload.run(sink.finish)
        finally:
            await self._offload.run(sink.close)

    def export(self, container: str) -> AsyncGenerator[bytes, None]:
        from engine.backends.embedded.archives import export

        return self._offload.stream(lambda: export(self._core, container))

    async def commit(self, container: str, config: CommitConfig) -> str:
        from engine.backends.embedded.committing import create_image

        return await self._offload.run(create_image, self._core, container, config)
