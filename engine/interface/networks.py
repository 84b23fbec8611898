"""Networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.model.containers import PLAIN, EndpointOptions, PruneReport
from engine.model.filters import Filters
from engine.model.networks import Network, NetworkSpec
from engine.model.value import EMPTY


class Networks(Protocol):
    """Make, look at and remove networks."""

    async def list(self, *, filters: Filters = EMPTY) -> Sequence[Network]:
        """All networks, by name; ``members`` is not filled."""

    async def inspect(self, network: str, *, verbose: bool = False, scope: str = "") -> Network:
        """One network with its members, if it is of ``scope`` (``local``, ``swarm``, ``global``; ``""``: of any).

        ``verbose`` also tells of the services that a Docker host's swarm has in it.
        """

    async def create(self, spec: NetworkSpec) -> str:
        """Make one; its id comes back. Raises Conflict when the name is in use."""

    async def remove(self, network: str) -> None:
        """Remove one.

        Raises:
            Forbidden: it is predefined (``bridge``, ``host``, ``none``) or has members.
        """

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
        """Put a container into one network more: at once if it runs, else from its next start on.

        Raises:
            NotFound: no such network or container.
            InvalidArgument: address, aliases or options are not to be had there, or the container's network is the host's,
                another container's, or none.
            Forbidden: it runs, and is there already.
            Conflict: the address is taken.
        """

    async def disconnect(self, network: str, container: str, *, force: bool = False) -> None:
        """Take a container out of a network. ``force`` also where the network itself is not known any more.

        Raises:
            NotFound: no such network or container.
            LongshoreError: it is not in that network.
        """

    async def prune(self, filters: Filters = EMPTY) -> PruneReport:
        """Remove every network without members that is not predefined."""
