"""Who is called what in a container's networks: the names that its embedded name server answers."""

from __future__ import annotations

import os
from collections.abc import Sequence

from engine.errors import InvalidArgument, NotFound
from engine.network import links, plan
from engine.store import addresses
from engine.store.containers import Containers
from engine.store.database import Database
from engine.store.networks import Lease, NetworkRecord, Networks


class _Names:
    """The names of one network.

    Attributes:
        suffix: what may follow each of them.
        leases: whose addresses a name stands for, in lower case.
        owners: the container that has an address.
        spans: the first and the last address of each subnet, as numbers, with the version of the protocol.
    """

    def __init__(self, networks: Networks, containers: Containers, network: NetworkRecord) -> None:
        self.suffix = f".{network.name.lower()}"
        self.leases: dict[str, list[Lease]] = {}
        self.owners: dict[str, str] = {}
        self.spans = [(addresses.version(each.subnet), *addresses.bounds(each.subnet)) for each in network.subnets]
        for lease in networks.leases(network_id=network.id):
            try:
                record = containers.get(lease.container_id)
            except NotFound:  # it is being removed
                continue
            names = {record.name, record.short_id, record.config.hostname}
            names.update(alias for place in record.endpoints if place.network_id == network.id for alias in place.aliases)
            for name in {one.lower() for one in names if one}:
                self.leases.setdefault(name, []).append(lease)
            for address in filter(None, (lease.address, lease.address6)):
                self.owners[address] = f"{record.name}.{network.name}"

    def find(self, name: str) -> list[Lease]:
        """Whose ``name`` is, with the network's name behind it or without."""
        found = self.leases.get(name, [])
        plain = name.removesuffix(self.suffix)
        if plain == name:
            return found
        return [*found, *(lease for lease in self.leases.get(plain, ()) if lease not in found)]


class Directory:
    """Names in the networks of a container: read from the database again whenever that has changed, so that they are never stale.

    The default network has no names.
    """

    def __init__(self, database: Database, container_id: str) -> None:
        self._db = database
        self._networks = Networks(database)
        self._containers = Containers(database)
        self._id = container_id
        self._version: tuple[int, int] | None = None
        self._internal = True
        self._known: list[_Names] = []
        self._linked: dict[str, list[Lease]] = {}

    def version(self) -> tuple[int, int]:
        """What differs when names may have changed."""
        return self._db.version()

    @property
    def internal(self) -> bool:
        """No network of the container leads out: nothing may be asked elsewhere."""
        self._refresh()
        return self._internal

    def find(self, name: str, *, ipv6: bool = False) -> tuple[bool, list[str]]:
        """Whether ``name`` (lower case) is anybody's, and its addresses of one family, in random order.

        It is the name, an alias, the short id or the host name of containers, each also with the network's name behind a dot. The
        first network that has such addresses answers. A link of the container comes before all of these, in the default network too.
        """
        known, networks = False, self._refresh()
        if (linked := self._linked.get(name)) is not None:
            return True, [address for lease in linked if (address := lease.address6 if ipv6 else lease.address)][:1]
        for network in networks:
            found = network.find(name)
            known = known or bool(found)
            given = [address for lease in found if (address := lease.address6 if ipv6 else lease.address)]
            if given:
                return True, given if len(given) == 1 else sorted(given, key=lambda _: os.urandom(4))
        return known, []

    def name_of(self, address: str) -> str:
        """The name of the container with an address, ``""`` when there is none."""
        return next((network.owners[address] for network in self._refresh() if address in network.owners), "")

    def covers(self, address: str) -> bool:
        """The address lies in one of the networks."""
        try:
            number = addresses.number(address)
        except InvalidArgument:
            return False
        version = addresses.version(address)
        return any(version == of and low <= number <= high for network in self._refresh() for of, low, high in network.spans)

    def _refresh(self) -> list[_Names]:
        """The networks with names, the first to answer first."""
        version = self._db.version()
        if version != self._version:
            places = [(self._networks.get(lease.network_id), lease.priority) for lease in self._networks.leases(container_id=self._id)]
            networks = [network for network, _ in sorted(places, key=lambda place: plan.precedence(*place))]
            named = [network for network in networks if not plan.is_default(network)]
            self._internal = all(network.internal for network in networks)
            self._known = [_Names(self._networks, self._containers, network) for network in named]
            self._linked = self._links(networks)
            self._version = version
        return self._known

    def _links(self, networks: Sequence[NetworkRecord]) -> dict[str, list[Lease]]:
        """Where the container's links lead: addresses of their targets in networks that both are in."""
        try:
            asked = links.targets(self._containers.get(self._id).host_config.links)
        except NotFound:  # it is being removed
            return {}
        leases = [lease for network in networks for lease in self._networks.leases(network_id=network.id)] if asked else []
        return {alias: [lease for lease in leases if lease.container_id == self._found(target)] for alias, target in asked.items()}

    def _found(self, target: str) -> str:
        try:
            return self._containers.resolve(target).id
        except NotFound:
            return ""
