"""Who is called what in a container's networks: the names that its embedded name server answers."""

from __future__ import annotations

import os

from engine.errors import InvalidArgument, NotFound
from engine.network import plan
from engine.store import addresses
from engine.store.containers import Containers
from engine.store.database import Database
from engine.store.networks import NetworkRecord, Networks


class Directory:
    """Names in the networks of a container, read from the database at every question, so that it is never stale.

    The default network has no names.
    """

    def __init__(self, database: Database, container_id: str) -> None:
        self._networks = Networks(database)
        self._containers = Containers(database)
        self._id = container_id

    @property
    def internal(self) -> bool:
        """No network of the container leads out: nothing may be asked elsewhere."""
        return all(network.internal for network in self._all())

    def find(self, name: str) -> list[str]:
        """Addresses that ``name`` (lower case) stands for, in random order: name, alias, short id or host name of
        containers, each also with the network's name behind a dot. The first network that knows it answers."""
        for network in self._named():
            plain = name.removesuffix(f".{network.name.lower()}")
            found = [address for address, names in self._entries(network) if name in names or plain in names]
            if found:
                return sorted(found, key=lambda _: os.urandom(4))
        return []

    def name_of(self, address: str) -> str:
        """The name of the container with an address, ``""`` when there is none."""
        for network in self._named():
            for lease in self._networks.leases(network_id=network.id):
                if lease.address == address:
                    try:
                        return f"{self._containers.get(lease.container_id).name}.{network.name}"
                    except NotFound:
                        continue
        return ""

    def covers(self, address: str) -> bool:
        """The address lies in one of the networks."""
        try:
            number = addresses.number(address)
        except InvalidArgument:
            return False
        spans = (addresses.bounds(subnet.subnet) for network in self._named() for subnet in network.subnets)
        return any(low <= number <= high for low, high in spans)

    def _all(self) -> list[NetworkRecord]:
        return [self._networks.get(lease.network_id) for lease in self._networks.leases(container_id=self._id)]

    def _named(self) -> list[NetworkRecord]:
        return sorted((network for network in self._all() if not plan.is_default(network)), key=plan.precedence)

    def _entries(self, network: NetworkRecord) -> list[tuple[str, set[str]]]:
        entries = []
        for lease in self._networks.leases(network_id=network.id):
            try:
                record = self._containers.get(lease.container_id)
            except NotFound:  # it is being removed
                continue
            names = {record.name, record.short_id}
            names.update(alias for place in record.endpoints if place.network_id == network.id for alias in place.aliases)
            if record.config.hostname:
                names.add(record.config.hostname)
            entries.append((lease.address, {one.lower() for one in names}))
        return entries
