"""What the synchronous functions of the embedded engine work on: the roots, the database, and its tables.

Tables and services are made, and their modules loaded, when they are first asked for: ``longshore ps`` needs one of them.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from engine.store.database import Database
from engine.store.roots import Roots

if TYPE_CHECKING:
    from engine.backends.embedded.lifecycle import Lifecycle
    from engine.errors import LongshoreError
    from engine.image.catalog import Catalog
    from engine.network.manager import NetworkManager
    from engine.store.containers import Containers
    from engine.store.images import Images
    from engine.store.networks import Networks
    from engine.store.volumes import Volumes


class Core:
    """One engine on this machine. Cheap to make; the directories are made, nothing is read.

    Attributes:
        troubles: what the recovery sweep could not put right.
    """

    def __init__(self, roots: Roots, config: str = "") -> None:
        self.troubles: list[LongshoreError] = []
        self.roots = roots
        self.config = config
        self.database = Database.of(roots)

    @cached_property
    def containers(self) -> Containers:
        """The containers table."""
        from engine.store.containers import Containers

        return Containers(self.database)

    @cached_property
    def images(self) -> Images:
        """The images table."""
        from engine.store.images import Images

        return Images(self.database)

    @cached_property
    def networks(self) -> Networks:
        """The networks table."""
        from engine.store.networks import Networks

        return Networks(self.database)

    @cached_property
    def volumes(self) -> Volumes:
        """The volumes table."""
        from engine.store.volumes import Volumes

        return Volumes(self.database)

    @cached_property
    def catalog(self) -> Catalog:
        """The images by what people call them."""
        from engine.image.catalog import Catalog

        return Catalog(self.roots, self.database)

    @cached_property
    def lifecycle(self) -> Lifecycle:
        """What asks supervisors."""
        from engine.backends.embedded.lifecycle import Lifecycle

        return Lifecycle(self.roots, self.database)

    @cached_property
    def network_manager(self) -> NetworkManager:
        """The networks in the kernel."""
        from engine.network.manager import NetworkManager

        return NetworkManager(self.roots, self.database)

    def close(self) -> None:
        """Give up the database connections."""
        self.database.close()
