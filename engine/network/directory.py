"""Who is called what in one network: the names that the embedded name server answers."""

from __future__ import annotations

import os

from engine.errors import InvalidArgument, NotFound
from engine.store import addresses
from engine.store.containers import Containers
from engine.store.database import Database
from engine.store.networks import NetworkRecord, Networks


class Directory:
    """Names of a network's running containers, read from the database at every question, so that it is never stale."""

    def __init__(self, database: Database, network: NetworkRecord) -> None:
        self._networks = Networks(database)
        self._containers = Containers(database)
        self._network = network

    def find(self, name: str) -> list[str]:
        """Addresses that ``name`` (lower case) stands for, in random order: name, alias, short id or host name of
        containers, each also with the network's name behind a dot."""
        plain = name.removesuffix(f".{self._network.name.lower()}")
        found = [lease for lease, names in self._entries() if name in names or plain in names]
        return sorted(found, key=lambda _: os.urandom(4))

    def name_of(self, address: str) -> str:
        """The name of the container with an address, ``""`` when there is none."""
        for lease in self._networks.leases(network_id=self._network.id):
            if lease.address == address:
                try:
                    return f"{self._containers.get(lease.container_id).name}.{self._network.name}"
                except NotFound:
                    return ""
        return ""

    def covers(self, address: str) -> bool:
        """The address lies in this network."""
        try:
            number = addresses.number(address)
        except InvalidArgument:
            return False
        return any(low <= number <= high for low, high in (addresses.bounds(subnet.subnet) for subnet in self._network.subnets))

    def _entries(self) -> list[tuple[str, set[str]]]:
        entries = []
        for lease in self._networks.leases(network_id=self._network.id):
            try:
                record = self._containers.get(lease.container_id)
            except NotFound:  # it is being removed
                continue
            names = {record.name, record.short_id, *record.host_config.network_aliases}
            if record.config.hostname:
                names.add(record.config.hostname)
            entries.append((lease.address, {one.lower() for one in names}))
        return entries
