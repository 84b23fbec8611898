"""The engine's rules in the kernel, kept as the database says. Every method runs under the namespace's lock."""

from __future__ import annotations

import errno

from engine.linux import nft
from engine.linux.netlink import NetlinkError
from engine.model.containers import PortBinding
from engine.network import foreign, plan, rules
from engine.store import addresses
from engine.store.containers import Containers
from engine.store.database import Database
from engine.store.networks import Lease, NetworkRecord, Networks

_VERSIONS = {nft.IPV4: 4, nft.IPV6: 6}


class Firewall:
    """Tables ``table`` of the engine whose database is given."""

    def __init__(self, table: str, database: Database) -> None:
        self._table = table
        self._lingering: list[nft.NftSocket] = []
        self._networks = Networks(database)
        self._containers = Containers(database)

    def publish(self, network: NetworkRecord, lease: Lease, bound: tuple[PortBinding, ...]) -> None:
        """Let a container out and its ports in, when the database knows of it already. Raises NetlinkError."""
        with nft.NftSocket() as socket:
            foreign.admit(socket, self._table, self._bridges)
            if not all(socket.has_chain(self._table, f"into-{network.bridge}", family) for family in _families(network)):
                self._load(socket)
                return
            batches = []
            for family, address in _addresses(lease).items():
                batches.append(nft.Batch(self._table, family))
                rules.publish(batches[-1], _led_to(address, family, bound))
            try:
                socket.apply(*batches)
            except NetlinkError as fault:
                if fault.errno not in (errno.EEXIST, errno.ENOENT):
                    raise
                self._load(socket)  # a dead container's port was left behind, or half of the table is gone

    def withdraw(self, leases: list[Lease], bound: tuple[PortBinding, ...]) -> bool:
        """Take away the ports of a container with ``leases``. False when some were not there: what is loaded must be made anew.

        Raises:
            NetlinkError: the kernel refused it.
        """
        if not bound or not leases:
            return True
        batches = []
        for family in _addresses(self._way_in(leases)):
            batches.append(nft.Batch(self._table, family))
            rules.unpublish(batches[-1], [binding for binding in bound if rules.family(binding) == family])
        # Closing a socket after a deletion waits for the kernel's readers, 5 to 10 ms: that is left for later.
        socket = nft.NftSocket()
        self._lingering.append(socket)
        try:
            socket.apply(*batches)
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
        with nft.NftSocket() as socket:
            foreign.admit(socket, self._table, self._bridges)
            self._load(socket)

    def mend(self) -> bool:
        """See to foreign chains, and make everything anew if a table that is needed is not there; true then. Raises NetlinkError."""
        needed = {family for record in self._active(self._networks.leases()) for family in _families(record)}
        with nft.NftSocket() as socket:
            foreign.admit(socket, self._table, self._bridges)
            if all(socket.has_table(self._table, family) for family in needed):
                return False
            self._load(socket)
        return True

    def _load(self, socket: nft.NftSocket) -> None:
        leases = self._networks.leases()
        active = self._active(leases)
        batches = []
        for family, version in _VERSIONS.items():
            batch = nft.Batch(self._table, family)
            places = [(record, place) for record in active for place in record.subnets]
            bridges = [plan.bridge(record, place) for record, place in places if addresses.version(place.subnet) == version]
            loaded = socket.has_table(self._table, family)
            if bridges:
                rules.ruleset(batch, bridges, self._publications(leases, family), replace=loaded)
            elif loaded:
                batch.delete_table()
            batches.append(batch)
        socket.apply(*batches)

    def _bridges(self, family: int) -> list[str]:
        """The bridges that are in use and have a family; all have IPv4."""
        active = self._active(self._networks.leases())
        return [record.bridge for record in active if family != nft.IPV6 or plan.subnet6(record) is not None]

    def _active(self, leases: list[Lease]) -> list[NetworkRecord]:
        used = {lease.network_id for lease in leases}
        return [record for record in self._networks.all() if record.bridge and record.id in used]

    def _way_in(self, leases: list[Lease]) -> Lease:
        """Where the ports of a container with ``leases`` lead to: where its own way out is."""
        return min(leases, key=lambda lease: plan.precedence(self._networks.get(lease.network_id), lease.priority))

    def _publications(self, leases: list[Lease], family: int) -> list[rules.Publication]:
        networks = {record.id: record for record in self._networks.all()}
        places: dict[str, Lease] = {}
        for lease in sorted(leases, key=lambda lease: plan.precedence(networks[lease.network_id], lease.priority)):
            places.setdefault(lease.container_id, lease)
        return [
            publication
            for record in self._containers.all()
            if record.id in places and record.ports
            for publication in _led_to(_addresses(places[record.id]).get(family, ""), family, record.ports)
        ]


def _families(network: NetworkRecord) -> tuple[int, ...]:
    return (nft.IPV4,) if plan.subnet6(network) is None else (nft.IPV4, nft.IPV6)


def _addresses(lease: Lease) -> dict[int, str]:
    """A container's addresses by family."""
    return {nft.IPV4: lease.address, nft.IPV6: lease.address6} if lease.address6 else {nft.IPV4: lease.address}


def _led_to(address: str, family: int, bound: tuple[PortBinding, ...]) -> list[rules.Publication]:
    """The ports that the rules of a family lead to ``address``; nothing leads from IPv6 to a container without."""
    return [rules.Publication(binding=binding, address=address) for binding in bound if address and rules.family(binding) == family]
