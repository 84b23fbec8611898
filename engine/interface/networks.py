"""Networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.model.containers import PruneReport
from engine.model.filters import Filters
from engine.model.networks import Network, NetworkSpec
from engine.model.value import EMPTY


class Networks(Protocol):
    """Make, look at and remove networks."""

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[Network]:
        """All networks, by name; ``members`` is not filled."""

    async def inspect(self, network: str) -> Network:
        """One network with its members."""

    async def create(self, spec: NetworkSpec) -> str:
        """Make one; its id comes back. Raises Conflict when the name is in use."""

    async def remove(self, network: str) -> None:
        """Remove one.

        Raises:
            Forbidden: it is predefined (``bridge``, ``host``, ``none``) or has members.
        """

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        """Remove every network without members that is not predefined."""
