"""``Fleet``: the engine interface over several engines.

Lists are those of all hosts together; what does not answer is left out and told of, unless nothing does. A reference with a host goes
there; one without goes where there is such an object, and is refused when that is more than one host.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

from engine.backends.fleet import naming
from engine.backends.fleet.containers import FleetContainers
from engine.backends.fleet.members import Members
from engine.backends.fleet.objects import FleetImages, FleetNetworks, FleetVolumes
from engine.errors import LongshoreError, NotSupported
from engine.interface import Engine, Swarm
from engine.model.auth import Credentials
from engine.model.check import CheckEvent
from engine.model.events import Event, EventQuery
from engine.model.filters import Filters
from engine.model.hosts import ALL
from engine.model.system import DiskUsage, EngineInfo, EngineVersion, Plugin, UsageItem
from engine.model.value import EMPTY


def _untold(host: str, error: LongshoreError) -> None:
    """Nobody wants to know."""


class FleetSystem:
    """See :class:`engine.interface.System`."""

    def __init__(self, members: Members) -> None:
        self._members = members

    async def ping(self) -> None:
        await self._members.each(lambda host, engine: engine.system.ping())

    async def login(self, registry: str, credentials: Credentials) -> Credentials:
        engine = next(iter(self._members.engines.values()))  # a registry is the same from everywhere
        return await engine.system.login(registry, credentials)

    async def info(self) -> EngineInfo:
        found = await self._members.each(lambda host, engine: engine.system.info())
        if len(self._members.engines) == 1:
            return found[0][1]
        infos = [info for _, info in found]
        return EngineInfo(
            name=", ".join(host for host, _ in found),
            engine=f"{len(found)} of {len(self._members.engines)} hosts",
            version="",
            operating_system=", ".join(sorted({info.operating_system for info in infos})),
            architecture=", ".join(sorted({info.architecture for info in infos})),
            cpus=sum(info.cpus for info in infos),
            memory=sum(info.memory for info in infos),
            containers=sum(info.containers for info in infos),
            running=sum(info.running for info in infos),
            paused=sum(info.paused for info in infos),
            stopped=sum(info.stopped for info in infos),
            images=sum(info.images for info in infos),
            warnings=tuple(f"{host}: {text}" for host, info in found for text in info.warnings),
        )

    async def version(self) -> EngineVersion:
        found = await self._members.each(lambda host, engine: engine.system.version())
        if len(self._members.engines) == 1:
            return found[0][1]
        named = ", ".join(f"{host}: {one.engine} {one.version}" for host, one in found)
        return EngineVersion(engine=f"{len(found)} of {len(self._members.engines)} hosts", version=named)

    async def plugins(self, filters: Filters = EMPTY) -> Sequence[Plugin]:
        if len(self._members.engines) != 1:
            raise NotSupported("plugins are listed one host at a time", hint="longshore --host NAME plugin ls")
        return await next(iter(self._members.engines.values())).system.plugins(filters)

    async def disk_usage(self, *, contents: bool = False) -> DiskUsage:
        async def counted(host: str, engine: Engine) -> DiskUsage:
            return naming.usage(await engine.system.disk_usage(contents=contents), host)

        parts = [usage for _, usage in await self._members.each(counted)]
        kinds = list(dict.fromkeys(item.kind for part in parts for item in part.items))
        return DiskUsage(
            items=tuple(_added(kind, parts) for kind in kinds),
            images=tuple(one for part in parts for one in part.images),
            containers=tuple(one for part in parts for one in part.containers),
            volumes=tuple(one for part in parts for one in part.volumes),
            builds=tuple(one for part in parts for one in part.builds),
            contents={key: sizes for part in parts for key, sizes in part.contents.items()},
            layers_size=sum(part.layers_size for part in parts),
        )

    async def check(self, *, repair: bool = False) -> AsyncGenerator[CheckEvent, None]:
        for event in self._checked():
            yield event

    def _checked(self) -> Sequence[CheckEvent]:
        raise NotSupported("stores are checked one host at a time", hint="longshore --host NAME system check")

    async def events(self, query: EventQuery) -> AsyncGenerator[Event, None]:
        hosts = self._members.engines

        async def of(host: str, engine: Engine, own: EventQuery) -> AsyncGenerator[Event, None]:
            async with contextlib.aclosing(engine.system.events(own)) as events:
                async for event in events:
                    yield naming.event(event, host)

        streams = {}
        for host, engine in hosts.items():
            filters = naming.filters_for(query.filters, host, hosts)
            if filters is not None:
                streams[host] = of(host, engine, query.replace(filters=filters))
        async with contextlib.aclosing(self._members.merge(streams)) as events:
            async for event in events:
                yield event


class Fleet:
    """Several engines as one."""

    def __init__(self, engines: Mapping[str, Engine], lost: Callable[[str, LongshoreError], object] = _untold) -> None:
        """``lost`` is told of a host that does not answer while others do."""
        self._members = Members(engines, lost)
        self._containers = FleetContainers(self._members)
        self._images = FleetImages(self._members)
        self._networks = FleetNetworks(self._members)
        self._volumes = FleetVolumes(self._members)
        self._system = FleetSystem(self._members)

    @property
    def url(self) -> str:
        return ALL

    @property
    def containers(self) -> FleetContainers:
        return self._containers

    @property
    def images(self) -> FleetImages:
        return self._images

    @property
    def networks(self) -> FleetNetworks:
        return self._networks

    @property
    def volumes(self) -> FleetVolumes:
        return self._volumes

    @property
    def system(self) -> FleetSystem:
        return self._system

    @property
    def swarm(self) -> Swarm:
        raise NotSupported("a swarm is looked at through one host", hint="longshore --host NAME, where NAME is a manager of the swarm")

    @property
    def members(self) -> Mapping[str, Fleet]:
        """Each host alone, with the same names as here. They are closed with the fleet."""
        return {host: Fleet({host: engine}) for host, engine in self._members.engines.items()}

    async def close(self) -> None:
        await asyncio.gather(*(engine.close() for engine in self._members.engines.values()))


def _added(kind: str, parts: list[DiskUsage]) -> UsageItem:
    items = [item for part in parts for item in part.items if item.kind == kind]
    return UsageItem(
        kind=kind,
        total=sum(item.total for item in items),
        active=sum(item.active for item in items),
        size=sum(item.size for item in items),
        reclaimable=sum(item.reclaimable for item in items),
    )
