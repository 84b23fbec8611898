"""Containers of several hosts."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence

from engine.backends.fleet import naming
from engine.backends.fleet.members import Members
from engine.interface import Engine, Session
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
from engine.model.files import Change, CommitConfig, Directory, PathStat
from engine.model.filters import Filters
from engine.model.stats import Stats
from engine.model.streams import LogLine, LogQuery
from engine.model.value import EMPTY


class FleetContainers:
    """See :class:`engine.interface.Containers`."""

    def __init__(self, members: Members) -> None:
        self._members = members

    async def create(self, config: ContainerConfig, host: HostConfig, *, name: str = "", platform: str = "") -> CreatedContainer:
        """The host is that of the name, else of the image."""
        image, of_image = naming.split(config.image, self._members.engines)
        bare, of_name = naming.split(name, self._members.engines)
        where = of_name or of_image
        engine, _, where = self._members.named(naming.at(image, where) if where else image, "create")
        made = await engine.containers.create(
            config.replace(image=image), _without_host(host, where, self._members), name=bare, platform=platform
        )
        return made.replace(id=naming.at(made.id, where))

    async def start(self, container: str) -> None:
        engine, bare, _ = await self._find(container)
        await engine.containers.start(bare)

    async def stop(self, container: str, *, timeout: int | None = None, signal: str = "") -> None:
        engine, bare, _ = await self._find(container)
        await engine.containers.stop(bare, timeout=timeout, signal=signal)

    async def restart(self, container: str, *, timeout: int | None = None, signal: str = "") -> None:
        engine, bare, _ = await self._find(container)
        await engine.containers.restart(bare, timeout=timeout, signal=signal)

    async def kill(self, container: str, *, signal: str = "KILL") -> None:
        engine, bare, _ = await self._find(container)
        await engine.containers.kill(bare, signal=signal)

    async def pause(self, container: str) -> None:
        engine, bare, _ = await self._find(container)
        await engine.containers.pause(bare)

    async def unpause(self, container: str) -> None:
        engine, bare, _ = await self._find(container)
        await engine.containers.unpause(bare)

    async def remove(self, container: str, *, force: bool = False, volumes: bool = False) -> None:
        engine, bare, _ = await self._find(container)
        await engine.containers.remove(bare, force=force, volumes=volumes)

    async def rename(self, container: str, name: str) -> None:
        engine, bare, _ = await self._find(container)
        await engine.containers.rename(bare, naming.split(name, self._members.engines)[0])

    async def update(self, container: str, config: UpdateConfig) -> Sequence[str]:
        engine, bare, _ = await self._find(container)
        return await engine.containers.update(bare, config)

    async def wait(self, container: str, *, condition: str = "not-running", listening: Callable[[], None] | None = None) -> ContainerExit:
        engine, bare, _ = await self._find(container)
        return await engine.containers.wait(bare, condition=condition, listening=listening)

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        async def prune(host: str, engine: Engine) -> PruneReport:
            return naming.pruned(await engine.containers.prune(filters), host)

        return sum_of(report for _, report in await self._members.each(prune))

    async def list(self, *, all: bool = False, filters: Filters = EMPTY, limit: int = 0, size: bool = False) -> Sequence[Container]:
        async def listed(host: str, engine: Engine) -> Sequence[Container]:
            own = naming.filters_for(filters, host, self._members.engines)
            if own is None:
                return ()
            rows = await engine.containers.list(all=all, filters=own, limit=limit, size=size)
            return [naming.container(one, host) for one in rows]

        rows = [one for _, answer in await self._members.each(listed) for one in answer]
        rows.sort(key=lambda one: -one.created_at)
        return rows[:limit] if limit > 0 else rows

    async def inspect(self, container: str, *, size: bool = False) -> ContainerDetails:
        engine, bare, host = await self._find(container)
        return naming.container_details(await engine.containers.inspect(bare, size=size), host)

    async def top(self, container: str, *, ps_args: str = "") -> ProcessTable:
        engine, bare, _ = await self._find(container)
        return await engine.containers.top(bare, ps_args=ps_args)

    async def logs(self, container: str, query: LogQuery) -> AsyncGenerator[Sequence[LogLine], None]:
        engine, bare, _ = await self._find(container)
        async with contextlib.aclosing(engine.containers.logs(bare, query)) as batches:
            async for batch in batches:
                yield batch

    async def stats(self, container: str, *, stream: bool = True) -> AsyncGenerator[Stats, None]:
        engine, bare, host = await self._find(container)
        async with contextlib.aclosing(engine.containers.stats(bare, stream=stream)) as samples:
            async for sample in samples:
                yield sample.replace(container_id=naming.at(sample.container_id, host), name=naming.at(sample.name, host))

    async def attach(self, container: str, *, stdin: bool = False, logs: bool = False) -> Session:
        engine, bare, _ = await self._find(container)
        return await engine.containers.attach(bare, stdin=stdin, logs=logs)

    async def exec(self, container: str, config: ExecConfig) -> Session:
        engine, bare, _ = await self._find(container)
        return await engine.containers.exec(bare, config)

    async def changes(self, container: str) -> Sequence[Change]:
        engine, bare, _ = await self._find(container)
        return await engine.containers.changes(bare)

    async def stat(self, container: str, path: str) -> PathStat:
        engine, bare, _ = await self._find(container)
        return await engine.containers.stat(bare, path)

    async def list_directory(self, container: str, path: str) -> Directory:
        engine, bare, _ = await self._find(container)
        return await engine.containers.list_directory(bare, path)

    async def get_archive(self, container: str, path: str) -> AsyncGenerator[bytes, None]:
        engine, bare, _ = await self._find(container)
        async with contextlib.aclosing(engine.containers.get_archive(bare, path)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def put_archive(self, container: str, path: str, data: AsyncIterable[bytes], *, copy_owner: bool = False) -> None:
        engine, bare, _ = await self._find(container)
        await engine.containers.put_archive(bare, path, data, copy_owner=copy_owner)

    async def export(self, container: str) -> AsyncGenerator[bytes, None]:
        engine, bare, _ = await self._find(container)
        async with contextlib.aclosing(engine.containers.export(bare)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def commit(self, container: str, config: CommitConfig) -> str:
        engine, bare, host = await self._find(container)
        reference = naming.split(config.reference, self._members.engines)[0]
        return naming.at(await engine.containers.commit(bare, config.replace(reference=reference)), host)

    async def _find(self, container: str) -> tuple[Engine, str, str]:
        return await self._members.find(container, lambda engine, bare: engine.containers.inspect(bare))


def sum_of(reports: Iterable[PruneReport]) -> PruneReport:
    """What was removed on all hosts together."""
    found = list(reports)
    return PruneReport(
        removed=tuple(name for one in found for name in one.removed), space_reclaimed=sum(one.space_reclaimed for one in found)
    )


def _without_host(host: HostConfig, where: str, members: Members) -> HostConfig:
    """Networks, volumes and containers that are named with the host, as the host calls them."""

    def bare(name: str) -> str:
        short, named = naming.split(name, members.engines)
        return short if named == where else name

    mounts = tuple(mount.replace(source=bare(mount.source)) if mount.kind == "volume" else mount for mount in host.mounts)
    volumes_from = tuple(":".join((bare(name), *options)) for name, *options in (word.split(":") for word in host.volumes_from))
    return host.replace(
        network_mode=bare(host.network_mode),
        pid_mode=bare(host.pid_mode),
        ipc_mode=bare(host.ipc_mode),
        volumes_from=volumes_from,
        mounts=mounts,
    )
