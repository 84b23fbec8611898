"""The engine's rules in the kernel, kept as the database says. Every method runs under the namespace's lock."""

from __future__ import annotations

import errno

from engine.linux.netlink import NetlinkError
from engine.linux.nft import Batch, NftSocket
from engine.model.containers import PortBinding
from engine.network import foreign, plan, rules
from engine.store.containers import Containers
from engine.store.database import Database
from engine.store.networks import Lease, NetworkRecord, Networks


class Firewall:
    """Table ``table`` of the engine whose database is given."""

    def __init__(self, table: str, database: Database) -> None:
        self._table = table
        self._lingering: list[NftSocket] = []
        self._networks = Networks(database)
        self._containers = Containers(database)

    def publish(self, bridge: str, address: str, bound: tuple[PortBinding, ...]) -> None:
        """Let a container out and its ports in, when the database knows of it already. Raises NetlinkError."""
        with NftSocket() as socket:
            foreign.admit(socket, self._table, self._bridges)
            if not socket.has_chain(self._table, f"into-{bridge}"):
                self._load(socket)
                return
            if not bound:
                return
            batch = Batch(self._table)
            rules.publish(batch, [rules.Publication(binding=binding, address=address) for binding in bound])
            try:
                socket.apply(batch)
            except NetlinkError as fault:
                if fault.errno not in (errno.EEXIST, errno.ENOENT):
                    raise
                self._load(socket)  # a dead container's port was left behind, or half of the table is gone

    def withdraw(self, bound: tuple[PortBinding, ...]) -> bool:
        """Take a container's ports away. False when some were not there: what is loaded must be made anew.

        Raises:
            NetlinkError: the kernel refused it.
        """
        if not bound:
            return True
        batch = Batch(self._table)
        rules.unpublish(batch, bound)
        # Closing a socket after a deletion waits for the kernel's readers, 5 to 10 ms: that is left for later.
        socket = NftSocket()
        self._lingering.append(socket)
        try:
            socket.apply(batch)
        except NetlinkError as fault:
            if fault.errno != errno.ENOENT:
                raise
            return False
        return True

    def settle(self) -> None:
        """Close what :meth:`withdraw` left open."""
        lingering, self._lingering = self._lingering, []
        for socket in lingering:
            socket.close()

    def reload(self) -> None:
        """Make everything anew from the database; nothing is left when no container is in a bridge. Raises NetlinkError."""
        with NftSocket() as socket:
            foreign.admit(socket, self._table, self._bridges)
            self._load(socket)

    def _load(self, socket: NftSocket) -> None:
        leases = self._networks.leases()
        active = list(map(plan.bridge, self._active(leases)))
        loaded = socket.has_table(self._table)
        if active:
            socket.apply(rules.ruleset(self._table, active, self._publications(leases), replace=loaded))
        elif loaded:
            batch = Batch(self._table)
            batch.delete_table()
            socket.apply(batch)

    def _bridges(self) -> list[str]:
        return [record.bridge for record in self._active(self._networks.leases())]

    def _active(self, leases: list[Lease]) -> list[NetworkRecord]:
        used = {lease.network_id for lease in leases}
        return [record for record in self._networks.all() if record.bridge and record.id in used]

    def _publications(self, leases: list[Lease]) -> list[rules.Publication]:
        networks = {record.id: record for record in self._networks.all()}
        places: dict[str, str] = {}  # ports lead to where a container's own way out is
        for lease in sorted(leases, key=lambda lease: plan.precedence(networks[lease.network_id])):
            places.setdefault(lease.container_id, lease.address)
        return [
            rules.Publication(binding=binding, address=places[record.id])
            for record in self._containers.all()
            if record.id in places
            for binding in record.ports
        ]
