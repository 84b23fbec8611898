"""The whole embedded engine."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from engine.backends.embedded.core import Core
from engine.backends.embedded.offload import Automatic, Offload
from engine.errors import LongshoreError, NotSupported
from engine.store.roots import Roots

if TYPE_CHECKING:
    from engine.backends.embedded.containers import EmbeddedContainers
    from engine.backends.embedded.images import EmbeddedImages
    from engine.backends.embedded.resources import EmbeddedNetworks, EmbeddedSystem, EmbeddedVolumes
    from engine.interface.swarm import Swarm


class EmbeddedEngine:
    """:class:`engine.interface.engine.Engine` on this machine.

    Opening it sweeps once: what containers say of themselves is true from then on. The first one after a reboot starts the
    containers that are to come back. Front ends come and go, so it is cheap
    where there is nothing to do: three queries and two directory listings. What can not be put right, ``info`` warns of.
    """

    def __init__(self, roots: Roots, *, config: str = "", offload: Offload | None = None) -> None:
        self._core = Core(roots, config)
        self._offload: Offload = Automatic() if offload is None else offload
        self._core.troubles += _sweep(self._core)

    @property
    def url(self) -> str:
        """``embedded:``"""
        return "embedded:"

    @cached_property
    def containers(self) -> EmbeddedContainers:
        """Containers."""
        from engine.backends.embedded.containers import EmbeddedContainers

        return EmbeddedContainers(self._core, self._offload)

    @cached_property
    def images(self) -> EmbeddedImages:
        """Images."""
        from engine.backends.embedded.images import EmbeddedImages

        return EmbeddedImages(self._core, self._offload)

    @cached_property
    def networks(self) -> EmbeddedNetworks:
        """Networks."""
        from engine.backends.embedded.resources import EmbeddedNetworks

        return EmbeddedNetworks(self._core, self._offload)

    @cached_property
    def volumes(self) -> EmbeddedVolumes:
        """Volumes."""
        from engine.backends.embedded.resources import EmbeddedVolumes

        return EmbeddedVolumes(self._core, self._offload)

    @cached_property
    def system(self) -> EmbeddedSystem:
        """The engine itself."""
        from engine.backends.embedded.resources import EmbeddedSystem

        return EmbeddedSystem(self._core, self._offload)

    @property
    def swarm(self) -> Swarm:
        """Not here: raises NotSupported."""
        raise NotSupported(
            "the embedded engine has no Swarm mode: it runs containers on this machine alone",
            hint="name a Docker host that is a manager of a swarm: -H ssh://USER@HOST, -H unix:///run/docker.sock, or a docker context",
        )

    async def close(self) -> None:
        """Give up threads and database connections. Containers go on."""
        self._offload.close()
        self._core.close()


def _sweep(core: Core) -> list[LongshoreError]:
    from engine.backends.embedded.boot import come_back
    from engine.backends.embedded.recovery import sweep

    return sweep(core.roots, core.database) + come_back(core.roots, core.database)
