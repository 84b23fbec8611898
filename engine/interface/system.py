"""The engine itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from engine.model.auth import Credentials
from engine.model.events import Event, EventQuery
from engine.model.system import DiskUsage, EngineInfo, EngineVersion


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

    async def version(self) -> EngineVersion:
        """Version of the engine that answers."""

    async def disk_usage(self) -> DiskUsage:
        """What images, containers and volumes take."""

    def events(self, query: EventQuery) -> AsyncGenerator[Event, None]:
        """Events in order; those since ``query.since`` first, then new ones until ``until``."""
