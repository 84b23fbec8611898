"""Containers of the embedded engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING

from engine.backends.embedded.core import Core
from engine.backends.embedded.files import EmbeddedFiles
from engine.backends.embedded.offload import Offload
from engine.errors import Cancelled
from engine.model.containers import (
    Container,
    ContainerConfig,
    ContainerDetails,
    ContainerExit,
    CreatedContainer,
    ExecConfig,
    HostConfig,
    ProcessTable,
    PruneReport,
    UpdateConfig,
)
from engine.model.filters import Filters
from engine.model.stats import Stats
from engine.model.streams import LogLine, LogQuery, Output
from engine.model.value import EMPTY

if TYPE_CHECKING:
    from engine.backends.embedded.sessions import BlockingSession


class EmbeddedContainers(EmbeddedFiles):
    """:class:`engine.interface.containers.Containers`. What a verb does not need is not imported for it."""

    def __init__(self, core: Core, offload: Offload) -> None:
        self._core = core
        self._offload = offload

    async def create(self, config: ContainerConfig, host: HostConfig, *, name: str = "", platform: str = "") -> CreatedContainer:
        from engine.backends.embedded.create import create

        return await self._offload.run(create, self._core, config, host, name=name, platform=platform)

    async def start(self, container: str) -> None:
        await self._offload.run(self._core.lifecycle.start, container)

    async def stop(self, container: str, *, timeout: int | None = None, signal: str = "") -> None:
        await self._offload.run(self._core.lifecycle.stop, container, timeout=timeout, signal=signal)

    async def restart(self, container: str, *, timeout: int | None = None, signal: str = "") -> None:
        await self._offload.run(self._core.lifecycle.restart, container, timeout=timeout, signal=signal)

    async def kill(self, container: str, *, signal: str = "KILL") -> None:
        await self._offload.run(self._core.lifecycle.kill, container, signal=signal)

    async def pause(self, container: str) -> None:
        await self._offload.run(self._core.lifecycle.pause, container)

    async def unpause(self, container: str) -> None:
        await self._offload.run(self._core.lifecycle.unpause, container)

    async def remove(self, container: str, *, force: bool = False, volumes: bool = False) -> None:
        await self._offload.run(self._core.lifecycle.remove, container, force=force, volumes=volumes)

    async def rename(self, container: str, name: str) -> None:
        from engine.backends.embedded.details import rename

        await self._offload.run(rename, self._core, container, name)

    async def update(self, container: str, config: UpdateConfig) -> Sequence[str]:
        from engine.backends.embedded.updating import update

        return await self._offload.run(update, self._core, container, config)

    async def wait(self, container: str, *, condition: str = "not-running", listening: Callable[[], None] | None = None) -> ContainerExit:
        from engine.backends.embedded.sessions import AnnouncedWait

        stream = self._offload.stream(lambda: AnnouncedWait(self._core.lifecycle.wait(container, condition)))
        try:
            async for found in stream:
                if isinstance(found, ContainerExit):
                    return found
                if listening is not None:
                    listening()
        finally:
            await stream.aclose()
        raise Cancelled(f"waiting for container {container} was cancelled")

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        from engine.backends.embedded.details import prune

        return await self._offload.run(prune, self._core, filters)

    async def list(self, *, all: bool = False, filters: Filters = EMPTY, limit: int = 0, size: bool = False) -> Sequence[Container]:
        from engine.backends.embedded.listing import listing

        return await self._offload.run(listing, self._core, all=all, filters=filters, limit=limit, size=size)

    async def inspect(self, container: str, *, size: bool = False) -> ContainerDetails:
        from engine.backends.embedded.details import inspect

        return await self._offload.run(inspect, self._core, container, size=size)

    async def top(self, container: str, *, ps_args: str = "") -> ProcessTable:
        from engine.backends.embedded.top import top

        return await self._offload.run(top, self._core, container, ps_args)

    def logs(self, container: str, query: LogQuery) -> AsyncGenerator[Sequence[LogLine], None]:
        from engine.backends.embedded.logs import LogsOf

        return self._offload.stream(lambda: LogsOf(self._core, container, query))

    def stats(self, container: str, *, stream: bool = True) -> AsyncGenerator[Stats, None]:
        from engine.backends.embedded.live import StatsSource

        if not stream:
            return self._offload.stream(lambda: StatsSource(self._core, container, stream=False))
        return self._offload.paced(lambda: StatsSource(self._core, container, stream=True))

    async def attach(self, container: str, *, stdin: bool = False, logs: bool = False) -> EmbeddedSession:
        session = await self._offload.open(lambda: self._core.lifecycle.attach(container, stdin=stdin, logs=logs))
        return EmbeddedSession(session, self._offload)

    async def exec(self, container: str, config: ExecConfig) -> EmbeddedSession:
        session = await self._offload.open(lambda: self._core.lifecycle.exec(container, config))
        return EmbeddedSession(session, self._offload)


class EmbeddedSession:
    """:class:`engine.interface.sessions.Session`."""

    def __init__(self, session: BlockingSession, offload: Offload) -> None:
        self._session = session
        self._offload = offload

    @property
    def pid(self) -> int:
        """See :attr:`engine.interface.sessions.Session.pid`."""
        return self._session.pid

    async def read(self) -> Output | None:
        return await self._offload.run(self._session.read)

    async def write(self, data: bytes) -> None:
        await self._offload.run(self._session.write, data)

    async def close_input(self) -> None:
        await self._offload.run(self._session.close_input)

    async def resize(self, *, width: int, height: int) -> None:
        await self._offload.run(self._session.resize, width=width, height=height)

    async def exit_code(self) -> int:
        return await self._offload.run(self._session.exit_code)

    async def close(self) -> None:
        await self._offload.run(self._session.close)
