"""The whole engine."""

from __future__ import annotations

from typing import Protocol

from engine.interface.containers import Containers
from engine.interface.images import Images
from engine.interface.networks import Networks
from engine.interface.swarm import Swarm
from engine.interface.system import System
from engine.interface.volumes import Volumes


class Engine(Protocol):
    """What :func:`engine.connect.connect` gives. ``url`` names the backend, such as ``embedded:``."""

    @property
    def url(self) -> str: ...
    @property
    def containers(self) -> Containers: ...
    @property
    def images(self) -> Images: ...
    @property
    def networks(self) -> Networks: ...
    @property
    def volumes(self) -> Volumes: ...
    @property
    def system(self) -> System: ...

    @property
    def swarm(self) -> Swarm:
        """The swarm that the engine is in or may come to be in. Raises NotSupported where an engine knows no Swarm mode."""

    async def close(self) -> None:
        """Give up connections. Containers go on."""
