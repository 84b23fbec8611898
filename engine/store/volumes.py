"""Volumes on disk. Who uses one is computed from the containers, so that it can not go stale."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from engine.errors import Conflict, NotFound
from engine.model.events import Event
from engine.model.value import EMPTY, Value
from engine.store import codec, events
from engine.store.database import Database


class VolumeRecord(Value):
    """A volume; its content lies in :meth:`engine.store.roots.Roots.volume_dir`."""

    name: str
    driver: str = "local"
    created_at: float = 0.0
    anonymous: bool = False
    options: Mapping[str, str] = EMPTY
    labels: Mapping[str, str] = EMPTY


class Volumes:
    """The volumes table. Every method is one transaction, or joins the caller's."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def insert(self, record: VolumeRecord, event: Event | None = None) -> bool:
        """Add a volume. ``False``: one of that name is there already, and nothing has changed."""
        with self._db.transaction() as connection:
            added = connection.execute(
                "INSERT OR IGNORE INTO volumes (name, driver, created_at, anonymous, options, labels) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    record.name,
                    record.driver,
                    record.created_at,
                    record.anonymous,
                    codec.encode(record.options),
                    codec.encode(record.labels),
                ),
            )
            if added.rowcount > 0 and event is not None:
                events.append(connection, event)
            return added.rowcount > 0

    def get(self, name: str) -> VolumeRecord:
        """A volume by name. Raises NotFound (``get x: no such volume``)."""
        rows = self._db.query("SELECT * FROM volumes WHERE name = ?", name)
        if not rows:
            raise NotFound(f"get {name}: no such volume")
        return _record(rows[0])

    def all(self) -> list[VolumeRecord]:
        """Every volume, by name."""
        return [_record(row) for row in self._db.query("SELECT * FROM volumes ORDER BY name")]

    def with_options(self) -> list[VolumeRecord]:
        """Those with options of their driver, by name."""
        return [_record(row) for row in self._db.query("SELECT * FROM volumes WHERE options NOT IN ('', '{}') ORDER BY name")]

    def users(self, name: str) -> tuple[str, ...]:
        """Ids of the containers that mount a volume, running or not."""
        return tuple(
            row["container_id"]
            for row in self._db.query("SELECT container_id FROM container_volumes WHERE volume = ? ORDER BY container_id", name)
        )

    def used(self) -> dict[str, int]:
        """Names of the volumes that containers mount, with how many do."""
        rows = self._db.query("SELECT volume, count(*) AS n FROM container_volumes GROUP BY volume")
        return {row["volume"]: row["n"] for row in rows}

    def delete(self, name: str, event: Event | None = None) -> None:
        """Forget a volume, before its directory goes.

        Raises:
            NotFound: there is none.
            Conflict: containers use it, in docker's words.
        """
        with self._db.transaction() as connection:
            users = connection.execute("SELECT container_id FROM container_volumes WHERE volume = ?", (name,)).fetchall()
            if users:
                ids = ", ".join(row["container_id"] for row in users)
                raise Conflict(f"remove {name}: volume is in use - [{ids}]", hint="remove those containers first")
            if not connection.execute("DELETE FROM volumes WHERE name = ?", (name,)).rowcount:
                raise NotFound(f"get {name}: no such volume")
            if event is not None:
                events.append(connection, event)


def _record(row: sqlite3.Row) -> VolumeRecord:
    return VolumeRecord(
        name=row["name"],
        driver=row["driver"],
        created_at=row["created_at"],
        anonymous=bool(row["anonymous"]),
        options=codec.mapping(row["options"]),
        labels=codec.mapping(row["labels"]),
    )
