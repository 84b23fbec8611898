"""What the synchronous functions of the embedded engine work on: the roots, the database, and its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.store.blobs import Blobs
from engine.store.containers import Containers
from engine.store.database import Database
from engine.store.images import Images
from engine.store.networks import Networks
from engine.store.roots import Roots
from engine.store.volumes import Volumes

if TYPE_CHECKING:
    from engine.network.manager import NetworkManager


class Core:
    """One engine on this machine. Cheap to make; the directories are made, nothing is read."""

    def __init__(self, roots: Roots, config: str = "") -> None:
        self.roots = roots
        self.config = config
        self.database = Database.of(roots)
        self.containers = Containers(self.database)
        self.images = Images(self.database)
        self.networks = Networks(self.database)
        self.volumes = Volumes(self.database)
        self.blobs = Blobs(roots)
        self._network_manager: NetworkManager | None = None

    @property
    def network_manager(self) -> NetworkManager:
        """The networks in the kernel; loaded by those who need it."""
        if self._network_manager is None:
            from engine.network.manager import NetworkManager

            self._network_manager = NetworkManager(self.roots, self.database)
        return self._network_manager

    def close(self) -> None:
        """Give up the database connections."""
        self.database.close()
