"""Which layers are unpacked whole. A directory without a row here is half-made and may be swept."""

from __future__ import annotations

import sqlite3
import time

from engine.model.value import Value
from engine.store.database import Database


class LayerRecord(Value):
    """An unpacked layer. ``parent`` is the chain id below, ``""`` for the lowest; ``size`` is in bytes."""

    chain_id: str
    diff_id: str
    parent: str = ""
    size: int = 0
    created_at: float = 0.0


class Layers:
    """The layers table."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, record: LayerRecord) -> None:
        """Remember a layer that is complete and durable. Doing so twice changes nothing."""
        with self._db.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO layers (chain_id, diff_id, parent, size, created_at) VALUES (?, ?, ?, ?, ?)",
                (record.chain_id, record.diff_id, record.parent, record.size, record.created_at or time.time()),
            )

    def get(self, chain_id: str) -> LayerRecord | None:
        """One layer, ``None`` when it is not there."""
        rows = self._db.query("SELECT * FROM layers WHERE chain_id = ?", chain_id)
        return _record(rows[0]) if rows else None

    def has(self, chain_id: str) -> bool:
        """The layer is there."""
        return bool(self._db.query("SELECT 1 FROM layers WHERE chain_id = ?", chain_id))

    def all(self) -> list[LayerRecord]:
        """Every layer."""
        return [_record(row) for row in self._db.query("SELECT * FROM layers ORDER BY created_at, chain_id")]

    def delete(self, chain_id: str) -> None:
        """Forget a layer, before its directory goes."""
        with self._db.transaction() as connection:
            connection.execute("DELETE FROM layers WHERE chain_id = ?", (chain_id,))


def _record(row: sqlite3.Row) -> LayerRecord:
    return LayerRecord(
        chain_id=row["chain_id"], diff_id=row["diff_id"], parent=row["parent"], size=row["size"], created_at=row["created_at"]
    )
