"""Networks, volumes and the system of the embedded engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from engine.backends.embedded.core import Core
from engine.backends.embedded.offload import Offload
from engine.model.auth import Credentials
from engine.model.check import CheckEvent
from engine.model.containers import PLAIN, Endpoint, EndpointOptions, PruneReport
from engine.model.events import Event, EventQuery
from engine.model.filters import Filters
from engine.model.networks import Network, NetworkSpec
from engine.model.system import DiskUsage, EngineInfo, EngineVersion, Plugin
from engine.model.value import EMPTY
from engine.model.volumes import Volume, VolumeSpec


class EmbeddedNetworks:
    """:class:`engine.interface.networks.Networks`."""

    def __init__(self, core: Core, offload: Offload) -> None:
        self._core = core
        self._offload = offload

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[Network]:
        from engine.backends.embedded import wires

        return await self._offload.run(wires.listing, self._core, filters)

    async def inspect(self, network: str, *, verbose: bool = False, scope: str = "") -> Network:
        from engine.backends.embedded import wires

        return await self._offload.run(wires.inspect, self._core, network, scope)

    async def create(self, spec: NetworkSpec) -> str:
        return (await self._offload.run(lambda: self._core.network_manager.create(spec))).id

    async def remove(self, network: str) -> None:
        await self._offload.run(lambda: self._core.network_manager.remove(network))

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
        wanted = Endpoint(network=network, aliases=tuple(aliases), requested_ip=ip, requested_ipv6=ip6, options=options)
        await self._offload.run(lambda: self._core.lifecycle.connect(container, network, wanted))

    async def disconnect(self, network: str, container: str, *, force: bool = False) -> None:
        await self._offload.run(lambda: self._core.lifecycle.disconnect(container, network))

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        from engine.backends.embedded import wires

        return await self._offload.run(wires.prune, self._core, filters)


class EmbeddedVolumes:
    """:class:`engine.interface.volumes.Volumes`."""

    def __init__(self, core: Core, offload: Offload) -> None:
        self._core = core
        self._offload = offload

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[Volume]:
        from engine.backends.embedded import disks

        return await self._offload.run(disks.listing, self._core, filters)

    async def inspect(self, volume: str) -> Volume:
        from engine.backends.embedded import disks

        return await self._offload.run(lambda: disks.show(self._core, self._core.volumes.get(volume)))

    async def create(self, spec: VolumeSpec) -> Volume:
        from engine.backends.embedded import disks

        return await self._offload.run(lambda: disks.show(self._core, disks.create(self._core, spec)))

    async def remove(self, volume: str, *, force: bool = False) -> None:
        from engine.backends.embedded import disks

        await self._offload.run(disks.remove, self._core, volume, force=force)

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        from engine.backends.embedded import disks

        return await self._offload.run(disks.prune, self._core, filters)


class EmbeddedSystem:
    """:class:`engine.interface.system.System`."""

    def __init__(self, core: Core, offload: Offload) -> None:
        self._core = core
        self._offload = offload

    async def ping(self) -> None:
        await self._offload.run(self._core.containers.counts)

    async def login(self, registry: str, credentials: Credentials) -> Credentials:
        return await self._offload.run(_login, self._core, registry, credentials)

    async def info(self) -> EngineInfo:
        from engine.backends.embedded import system

        return await self._offload.run(system.info, self._core)

    async def plugins(self, filters: Filters = EMPTY) -> Sequence[Plugin]:
        return ()  # its drivers are part of it

    async def version(self) -> EngineVersion:
        from engine.backends.embedded import system

        return await self._offload.run(system.version, self._core)

    async def disk_usage(self, *, contents: bool = False) -> DiskUsage:
        from engine.backends.embedded import disk_usage

        return await self._offload.run(disk_usage.disk_usage, self._core, contents=contents)

    def check(self, *, repair: bool = False) -> AsyncGenerator[CheckEvent, None]:
        from engine.backends.embedded.checkup import Checkup

        return self._offload.stream(lambda: Checkup(self._core, repair=repair))

    def events(self, query: EventQuery) -> AsyncGenerator[Event, None]:
        from engine.backends.embedded.live import EventSource

        return self._offload.stream(lambda: EventSource(self._core, query))


def _login(core: Core, registry: str, credentials: Credentials) -> Credentials:
    from engine.registry import login, settings

    return login.login(settings.load(core.config), registry, credentials)
