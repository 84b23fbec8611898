"""The engine itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from engine.model.auth import Credentials
from engine.model.check import CheckEvent
from engine.model.events import Event, EventQuery
from engine.model.filters import Filters
from engine.model.system import DiskUsage, EngineInfo, EngineVersion, Plugin
from engine.model.value import EMPTY


class System(Protocol):
    """Questions about the engine and its host."""

    async def ping(self) -> None:
        """Raises Unavailable when the engine does not answer."""

    async def login(self, registry: str, credentials: Credentials) -> Credentials:
        """Show credentials to a registry (``docker.io`` for Docker Hub); what is to be kept of them comes back.

        Raises:
            Unauthorized: the registry refuses them.
            Unavailable: it does not answer.
        """

    async def info(self) -> EngineInfo:
        """Engine, host and counts."""

    async def plugins(self, filters: Filters = EMPTY) -> Sequence[Plugin]:
        """Plugins that the engine manages; drivers are listed in :meth:`info`, whoever brings them. Filters: capability, enabled.

        Raises:
            NotSupported: the engine manages none.
        """

    async def version(self) -> EngineVersion:
        """Version of the engine that answers."""

    async def disk_usage(self, *, contents: bool = False) -> DiskUsage:
        """What images, containers and volumes take; with ``contents`` also which images share what."""

    def check(self, *, repair: bool = False) -> AsyncGenerator[CheckEvent, None]:
        """Look at all that the engine keeps: every blob, layer, image, container, volume, and what it has in the kernel.

        Containers may run and images be pulled meanwhile. With ``repair`` what can be mended is; the findings tell.

        Raises:
            NotSupported: the engine does not let its store be looked at.
            CorruptData: the database can not be read at all.
        """

    def events(self, query: EventQuery) -> AsyncGenerator[Event, None]:
        """Events in order; those since ``query.since`` first, then new ones until ``until``."""
