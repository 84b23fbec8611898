"""Networks on disk, and the addresses that their containers hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from engine.errors import Conflict, Forbidden, InvalidArgument, NotFound
from engine.model.events import Event
from engine.model.networks import Subnet
from engine.model.value import EMPTY, Value
from engine.store import addresses, codec, events
from engine.store.database import Database


class NetworkRecord(Value):
    """A network. ``bridge`` is the name of its interface on the host, ``""`` where there is none."""

    id: str
    name: str
    driver: str = "bridge"
    scope: str = "local"
    created_at: float = 0.0
    internal: bool = False
    attachable: bool = False
    enable_ipv6: bool = False
    bridge: str = ""
    subnets: tuple[Subnet, ...] = ()
    options: Mapping[str, str] = EMPTY
    labels: Mapping[str, str] = EMPTY


class Lease(Value):
    """The addresses that a container holds in a network. ``address6`` is ``""`` where there is no IPv6.

    ``priority``: of its networks the one with the highest leads the container everywhere else.
    """

    network_id: str
    address: str
    container_id: str
    mac: str = ""
    address6: str = ""
    priority: int = 0


class Networks:
    """The networks and leases tables. Every method is one transaction, or joins the caller's."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def insert(self, record: NetworkRecord, event: Event | None = None) -> None:
        """Add a network. Raises Conflict when the name is in use, in docker's words."""
        with self._db.transaction() as connection:
            if connection.execute("SELECT 1 FROM networks WHERE name = ?", (record.name,)).fetchone() is not None:
                raise Conflict(f"network with name {record.name} already exists")
            self._write(connection, record)
            if event is not None:
                events.append(connection, event)

    def update(self, record: NetworkRecord) -> None:
        """Replace what is known of a network, found by its id; its leases stay."""
        with self._db.transaction() as connection:
            self._write(connection, record)

    def get(self, network_id: str) -> NetworkRecord:
        """A network by its whole id. Raises NotFound."""
        rows = self._db.query("SELECT * FROM networks WHERE id = ?", network_id)
        if not rows:
            raise missing(network_id)
        return _record(rows[0])

    def resolve(self, name: str) -> NetworkRecord:
        """A network by id, name, or unique prefix of an id.

        Raises:
            NotFound: ``network x not found``.
            InvalidArgument: several ids begin so.
        """
        rows = self._db.query("SELECT * FROM networks WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC LIMIT 1", name)
        if not rows and name:
            rows = self._db.query("SELECT * FROM networks WHERE substr(id, 1, ?2) = ?1 LIMIT 2", name, len(name))
        if not rows:
            raise missing(name)
        if len(rows) > 1:
            raise InvalidArgument(f"network {name} is ambiguous ({len(rows)} matches found on ID prefix)")
        return _record(rows[0])

    def all(self) -> list[NetworkRecord]:
        """Every network, by name."""
        return [_record(row) for row in self._db.query("SELECT * FROM networks ORDER BY name")]

    def delete(self, network_id: str, event: Event | None = None) -> None:
        """Forget a network.

        Raises:
            NotFound: there is none.
            Forbidden: containers hold addresses in it, in docker's words.
        """
        with self._db.transaction() as connection:
            row = connection.execute("SELECT name FROM networks WHERE id = ?", (network_id,)).fetchone()
            if row is None:
                raise missing(network_id)
            if connection.execute("SELECT 1 FROM leases WHERE network_id = ?", (network_id,)).fetchone() is not None:
                raise Forbidden(
                    f"error while removing network: network {row['name']} id {network_id} has active endpoints",
                    hint="stop its containers first",
                )
            connection.execute("DELETE FROM networks WHERE id = ?", (network_id,))
            if event is not None:
                events.append(connection, event)

    def allocate(
        self,
        network_id: str,
        container_id: str,
        subnets: Sequence[Subnet],
        *,
        wanted: str = "",
        wanted6: str = "",
        mac: str = "",
        priority: int = 0,
    ) -> Lease:
        """Lease an address of each of ``subnets`` to a container: the one that is wanted, or the lowest that is free.

        ``subnets`` are an IPv4 one and perhaps an IPv6 one. The network's own, its broadcast and the gateway's address are never
        given out. Without ``mac`` one is derived from the IPv4 address, as docker does. A lease that the container holds in this
        network already is given back.

        Raises:
            InvalidArgument: a wanted one is not an address of its subnet.
            Conflict: it is taken, or none is free.
        """
        wanted6 = addresses.plain(wanted6)
        with self._db.transaction() as connection:
            rows = connection.execute("SELECT * FROM leases WHERE network_id = ?", (network_id,)).fetchall()
            held = [_lease(row) for row in rows]
            for lease in held:
                if lease.container_id == container_id and wanted in ("", lease.address) and wanted6 in ("", lease.address6):
                    return lease
            chosen = {4: "", 6: ""}
            for subnet in subnets:
                family = addresses.version(subnet.subnet)
                taken = {lease.address6 if family == 6 else lease.address for lease in held} - {""}
                chosen[family] = addresses.choose(subnet, taken, wanted6 if family == 6 else wanted)
            lease = Lease(
                network_id=network_id,
                address=chosen[4],
                address6=chosen[6],
                container_id=container_id,
                mac=mac or addresses.mac_for(chosen[4]),
                priority=priority,
            )
            connection.execute(
                "INSERT INTO leases (network_id, address, address6, container_id, mac, priority) VALUES (?, ?, ?, ?, ?, ?)",
                (lease.network_id, lease.address, lease.address6, lease.container_id, lease.mac, lease.priority),
            )
        return lease

    def leases(self, *, network_id: str = "", container_id: str = "") -> list[Lease]:
        """Leases of a network, of a container, or all."""
        rows = self._db.query(
            "SELECT * FROM leases WHERE (?1 = '' OR network_id = ?1) AND (?2 = '' OR container_id = ?2) ORDER BY network_id, address",
            network_id,
            container_id,
        )
        return [_lease(row) for row in rows]

    def release(self, container_id: str, network_id: str = "") -> None:
        """Give back a container's addresses, in one network or in all. Idempotent."""
        with self._db.transaction() as connection:
            connection.execute("DELETE FROM leases WHERE container_id = ?1 AND (?2 = '' OR network_id = ?2)", (container_id, network_id))

    @staticmethod
    def _write(connection: sqlite3.Connection, record: NetworkRecord) -> None:
        connection.execute(
            "INSERT INTO networks (id, name, driver, scope, created_at, internal, attachable, enable_ipv6, bridge, subnets,"
            " options, labels) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
            " bridge = excluded.bridge, subnets = excluded.subnets, options = excluded.options, labels = excluded.labels,"
            " enable_ipv6 = excluded.enable_ipv6",
            (
                record.id,
                record.name,
                record.driver,
                record.scope,
                record.created_at,
                record.internal,
                record.attachable,
                record.enable_ipv6,
                record.bridge,
                codec.encode(record.subnets),
                codec.encode(record.options),
                codec.encode(record.labels),
            ),
        )


def missing(name: str) -> NotFound:
    """Docker's words for a network that does not exist."""
    return NotFound(f"network {name} not found")


def _record(row: sqlite3.Row) -> NetworkRecord:
    return NetworkRecord(
        id=row["id"],
        name=row["name"],
        driver=row["driver"],
        scope=row["scope"],
        created_at=row["created_at"],
        internal=bool(row["internal"]),
        attachable=bool(row["attachable"]),
        enable_ipv6=bool(row["enable_ipv6"]),
        bridge=row["bridge"],
        subnets=codec.decode_all(Subnet, row["subnets"]),
        options=codec.mapping(row["options"]),
        labels=codec.mapping(row["labels"]),
    )


def _lease(row: sqlite3.Row) -> Lease:
    return Lease(
        network_id=row["network_id"],
        address=row["address"],
        address6=row["address6"],
        priority=row["priority"],
        container_id=row["container_id"],
        mac=row["mac"],
    )
