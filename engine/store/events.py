"""The events table: a ring of the newest events, written in the transaction that made the change."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping

from engine.model.events import Event
from engine.model.value import EMPTY
from engine.store import codec
from engine.store.database import Database

__all__ = ["CAPACITY", "Event", "append", "last", "make", "since"]

CAPACITY = 5000
"""Events that are kept; docker keeps 256 in memory and loses them with the daemon."""


def make(kind: str, action: str, object_id: str, attributes: Mapping[str, str] = EMPTY) -> Event:
    """An event that happens now."""
    return Event(kind=kind, action=action, id=object_id, time=time.time_ns(), attributes=attributes)


def append(connection: sqlite3.Connection, event: Event) -> int:
    """Write ``event`` inside the caller's transaction; its sequence number comes back."""
    cursor = connection.execute(
        "INSERT INTO events (kind, action, object, time, attributes) VALUES (?, ?, ?, ?, ?)",
        (event.kind, event.action, event.id, event.time, codec.encode(event.attributes)),
    )
    sequence = cursor.lastrowid or 0
    connection.execute("DELETE FROM events WHERE seq <= ?", (sequence - CAPACITY,))
    return sequence


def since(database: Database, sequence: int) -> list[tuple[int, Event]]:
    """Events after ``sequence`` with their own numbers, oldest first."""
    rows = database.query("SELECT * FROM events WHERE seq > ? ORDER BY seq", sequence)
    return [(row["seq"], _event(row)) for row in rows]


def last(database: Database) -> int:
    """The number of the newest event, 0 when there never was one."""
    rows = database.query("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
    return int(rows[0]["seq"]) if rows else 0


def _event(row: sqlite3.Row) -> Event:
    return Event(kind=row["kind"], action=row["action"], id=row["object"], time=row["time"], attributes=codec.mapping(row["attributes"]))
