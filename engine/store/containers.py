"""Containers on disk: what was asked for, what was made of it, and what it is doing."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from engine.errors import Conflict, InvalidArgument, NotFound
from engine.model.containers import (
    ContainerConfig,
    ContainerState,
    ContainerStatus,
    Endpoint,
    HostConfig,
    Mount,
    PortBinding,
)
from engine.model.events import Event
from engine.model.value import Value
from engine.store import codec, events
from engine.store.database import Database


class ContainerRecord(Value):
    """A container.

    Attributes:
        image: the reference as the person typed it.
        image_id: ``sha256:…``.
        config: merged with the image's.
        argv: entrypoint and cmd, merged.
        pid_start: start time of ``state.pid`` in clock ticks since boot (field 22 of ``/proc/<pid>/stat``).
        manually_stopped: a person stopped it, so ``unless-stopped`` must not bring it back.
        endpoints, ports: what it has while it runs; ports as they really are bound.
        mounts: with ``path`` filled.
    """

    id: str
    name: str
    image: str
    image_id: str
    created_at: float
    config: ContainerConfig
    host_config: HostConfig
    argv: tuple[str, ...] = ()
    state: ContainerState = ContainerState(status=ContainerStatus.CREATED)
    pid_start: int = 0
    manually_stopped: bool = False
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[PortBinding, ...] = ()
    mounts: tuple[Mount, ...] = ()

    @property
    def short_id(self) -> str:
        """The first 12 hex digits."""
        return self.id[:12]


_COLUMNS = (
    "id, name, image, image_id, created_at, "
    "status, pid, exit_code, oom_killed, error, started_at, finished_at, restart_count, health, "
    "pid_start, manually_stopped, config, host_config, argv, endpoints, ports, mounts"
)
_SELECT = f"SELECT {_COLUMNS} FROM containers"  # noqa: S608  our own text
_KEPT = 2048
"""Records that are kept, whatever is listed: some ten MiB."""
_STATE_SQL = "status = ?, pid = ?, exit_code = ?, oom_killed = ?, error = ?, started_at = ?, finished_at = ?, restart_count = ?, health = ?"


class Containers:
    """The containers table. Every method is one transaction, or joins the caller's.

    What lists have read is kept: who lists again, as a TUI and a server do, pays for the rows that changed.
    """

    def __init__(self, database: Database) -> None:
        self._db = database
        self._read: dict[str, tuple[sqlite3.Row, ContainerRecord]] = {}

    def insert(self, record: ContainerRecord, event: Event | None = None) -> None:
        """Add a container, with the event that tells of it.

        Raises:
            Conflict: the name is in use, in docker's words.
        """
        state = record.state
        row = {
            "id": record.id,
            "name": record.name,
            "image": record.image,
            "image_id": record.image_id,
            "created_at": record.created_at,
            "status": str(state.status),
            "pid": state.pid,
            "pid_start": record.pid_start,
            "exit_code": state.exit_code,
            "oom_killed": state.oom_killed,
            "error": state.error,
            "started_at": state.started_at,
            "finished_at": state.finished_at,
            "restart_count": state.restart_count,
            "health": state.health,
            "manually_stopped": record.manually_stopped,
            "config": codec.encode(record.config),
            "host_config": codec.encode(record.host_config),
            "argv": codec.encode(record.argv),
            "endpoints": codec.encode(record.endpoints),
            "ports": codec.encode(record.ports),
            "mounts": codec.encode(record.mounts),
        }
        volumes = {mount.source for mount in record.mounts if mount.kind == "volume"}
        images = {mount.image_id for mount in record.mounts if mount.image_id}
        with self._db.transaction() as connection:
            self.refuse_name(record.name)
            marks = ", ".join(f":{name}" for name in row)
            connection.execute(f"INSERT INTO containers ({', '.join(row)}) VALUES ({marks})", row)  # noqa: S608  our own names
            connection.executemany(
                "INSERT INTO container_volumes (container_id, volume) VALUES (?, ?)", [(record.id, name) for name in sorted(volumes)]
            )
            connection.executemany(
                "INSERT INTO container_images (container_id, image_id) VALUES (?, ?)", [(record.id, image) for image in sorted(images)]
            )
            _tell(connection, event)

    def get(self, container_id: str) -> ContainerRecord:
        """A container by its whole id. Raises NotFound."""
        rows = self._db.query(f"{_SELECT} WHERE id = ?", container_id)
        if not rows:
            raise missing(container_id)
        return _record(rows[0])

    def resolve(self, name: str) -> ContainerRecord:
        """A container by id, name, or unique prefix of an id.

        Raises:
            NotFound: ``No such container: x``.
            InvalidArgument: several ids begin so.
        """
        if not name:
            raise InvalidArgument("invalid container name or ID: value is empty")
        plain = name.removeprefix("/")
        rows = self._db.query(f"{_SELECT} WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC LIMIT 1", plain)
        if not rows:
            rows = self._db.query(f"{_SELECT} WHERE substr(id, 1, ?2) = ?1 LIMIT 2", name, len(name))
        if not rows:
            raise missing(name)
        if len(rows) > 1:
            raise InvalidArgument(f"multiple IDs found with provided prefix: {name}", hint="give more digits, or the name")
        return _record(rows[0])

    def all(self) -> list[ContainerRecord]:
        """Every container, newest first."""
        return self._records(self._db.query(f"{_SELECT} ORDER BY created_at DESC, rowid DESC"))

    def by_status(self, *statuses: ContainerStatus) -> list[ContainerRecord]:
        """Containers that are in one of ``statuses``, newest first."""
        marks = ", ".join("?" * len(statuses))
        sql = f"{_SELECT} WHERE status IN ({marks}) ORDER BY created_at DESC, rowid DESC"
        return self._records(self._db.query(sql, *map(str, statuses)))

    def some(self, ids: Sequence[str]) -> list[ContainerRecord]:
        """Containers by their whole ids, newest first; those that are gone are left out."""
        marks = ", ".join("?" * len(ids))
        return self._records(self._db.query(f"{_SELECT} WHERE id IN ({marks}) ORDER BY created_at DESC, rowid DESC", *ids))

    def using_image(self, image_id: str) -> list[ContainerRecord]:
        """Containers that were made from an image or mount it, newest first."""
        mounting = "SELECT container_id FROM container_images WHERE image_id = ?1"
        sql = f"{_SELECT} WHERE image_id = ?1 OR id IN ({mounting}) ORDER BY created_at DESC, rowid DESC"
        return self._records(self._db.query(sql, image_id))

    def _records(self, rows: Sequence[sqlite3.Row]) -> list[ContainerRecord]:
        if len(self._read) > max(2 * len(rows), _KEPT):
            self._read = {}  # most of those have gone
        read, found = self._read, []
        for row in rows:
            known = read.get(row[0])
            if known is None or known[0] != row:
                known = read[row[0]] = row, _record(row)
            found.append(known[1])
        return found

    def counts(self) -> dict[str, int]:
        """How many containers are in each status."""
        return {row["status"]: row["n"] for row in self._db.query("SELECT status, count(*) AS n FROM containers GROUP BY status")}

    def update_state(
        self,
        container_id: str,
        state: ContainerState,
        *,
        pid_start: int | None = None,
        manually_stopped: bool | None = None,
        event: Event | None = None,
    ) -> None:
        """Write a new state, and the event that tells of it. For the holder of the container's lock only.

        Raises:
            NotFound: the container is gone.
        """
        with self._db.transaction() as connection:
            changed = connection.execute(
                f"UPDATE containers SET {_STATE_SQL}, pid_start = coalesce(?, pid_start),"  # noqa: S608  our own text
                " manually_stopped = coalesce(?, manually_stopped) WHERE id = ?",
                (
                    str(state.status),
                    state.pid,
                    state.exit_code,
                    state.oom_killed,
                    state.error,
                    state.started_at,
                    state.finished_at,
                    state.restart_count,
                    state.health,
                    pid_start,
                    manually_stopped,
                    container_id,
                ),
            )
            if not changed.rowcount:
                raise missing(container_id)
            _tell(connection, event)

    def set_network(self, container_id: str, endpoints: tuple[Endpoint, ...], ports: tuple[PortBinding, ...]) -> None:
        """Write where it is attached and which ports are bound."""
        with self._db.transaction() as connection:
            connection.execute(
                "UPDATE containers SET endpoints = ?, ports = ? WHERE id = ?",
                (codec.encode(endpoints), codec.encode(ports), container_id),
            )

    def set_host_config(self, container_id: str, host_config: HostConfig, event: Event | None = None) -> None:
        """Write another host configuration, and the event that tells of it. Raises NotFound when the container is gone."""
        with self._db.transaction() as connection:
            sql = "UPDATE containers SET host_config = ? WHERE id = ?"
            if not connection.execute(sql, (codec.encode(host_config), container_id)).rowcount:
                raise missing(container_id)
            _tell(connection, event)

    def rename(self, container_id: str, name: str, event: Event | None = None) -> None:
        """Give it another name. Raises Conflict when that is in use, NotFound when the container is gone."""
        with self._db.transaction() as connection:
            self.refuse_name(name)
            if not connection.execute("UPDATE containers SET name = ? WHERE id = ?", (name, container_id)).rowcount:
                raise missing(container_id)
            _tell(connection, event)

    def delete(self, container_id: str, event: Event | None = None) -> bool:
        """Forget a container and its leases. ``False``: somebody else did it before, and no event is written."""
        with self._db.transaction() as connection:
            connection.execute("DELETE FROM leases WHERE container_id = ?", (container_id,))
            gone = connection.execute("DELETE FROM containers WHERE id = ?", (container_id,)).rowcount > 0
            if gone:
                _tell(connection, event)
        return gone

    def refuse_name(self, name: str) -> None:
        """Raises Conflict, in docker's words, when a container has this name."""
        for row in self._db.query("SELECT id FROM containers WHERE name = ?", name):
            raise Conflict(
                f'Conflict. The container name "/{name}" is already in use by container "{row["id"]}". '
                "You have to remove (or rename) that container to be able to reuse that name."
            )


def missing(name: str) -> NotFound:
    """Docker's words for a container that does not exist."""
    return NotFound(f"No such container: {name}")


def _tell(connection: sqlite3.Connection, event: Event | None) -> None:
    if event is not None:
        events.append(connection, event)


def _record(row: sqlite3.Row) -> ContainerRecord:
    # All at once: a column is looked for by its name among all names, which for each of them is half of what a record costs.
    key, name, image, image_id, created_at, *state, pid_start, manual, config, host_config, argv, endpoints, ports, mounts = row
    status, pid, exit_code, oom_killed, error, started_at, finished_at, restart_count, health = state
    return ContainerRecord(
        id=key,
        name=name,
        image=image,
        image_id=image_id,
        created_at=created_at,
        config=codec.shared(ContainerConfig, config),
        host_config=codec.shared(HostConfig, host_config),
        argv=codec.texts(argv),
        state=ContainerState(
            status=ContainerStatus(status),
            pid=pid,
            exit_code=exit_code,
            oom_killed=bool(oom_killed),
            error=error,
            started_at=started_at,
            finished_at=finished_at,
            restart_count=restart_count,
            health=health,
        ),
        pid_start=pid_start,
        manually_stopped=bool(manual),
        endpoints=codec.decode_all(Endpoint, endpoints),
        ports=codec.decode_all(PortBinding, ports),
        mounts=codec.decode_all(Mount, mounts),
    )
