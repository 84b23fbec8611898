"""The SQLite file: its own check, and rows whose owner is gone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from engine.backends.embedded.checkup.visit import Mend, Visit, quiet
from engine.model.check import CheckEvent, CheckProgress

_FEW = 20


def look(visit: Visit) -> Iterator[CheckEvent]:
    """``PRAGMA integrity_check`` and ``PRAGMA foreign_key_check`` (https://www.sqlite.org/pragma.html)."""
    yield CheckProgress(stage="database", total=1)
    database = visit.core.database
    if wrong := _integrity(visit):
        mend = Mend(will="a repair builds its indexes again", done="its indexes were built again", act=partial(_reindex, visit))
        yield visit.finding(database.path, "; ".join(wrong), mend)
    for table, rowid in _homeless(visit):
        where = f"row {rowid} of table {table}"
        mend = Mend(will="a repair removes it", done="removed", act=quiet(_remove_homeless, visit, table))
        yield visit.finding(where, "what it belongs to is gone", mend)
    yield CheckProgress(stage="database", done=1, total=1)


def _integrity(visit: Visit) -> list[str]:
    rows = [str(row[0]) for row in visit.core.database.query(f"PRAGMA integrity_check({_FEW})")]
    return [] if rows == ["ok"] else rows


def _reindex(visit: Visit) -> str | None:
    with visit.core.database.transaction() as connection:
        connection.execute("REINDEX")
    if not _integrity(visit):
        return None
    return "its tables are damaged: move it away with the whole state root and start again, or restore a copy"


def _homeless(visit: Visit) -> list[tuple[str, str]]:
    rows = visit.core.database.query("PRAGMA foreign_key_check")
    return [(str(row[0]), "?" if row[1] is None else str(row[1])) for row in rows]


_OWNED = {
    "container_volumes": "container_id NOT IN (SELECT id FROM containers)",
    "container_images": "container_id NOT IN (SELECT id FROM containers)",
    "image_names": "image_id NOT IN (SELECT id FROM images)",
    "image_digests": "image_id NOT IN (SELECT id FROM images)",
    "leases": "network_id NOT IN (SELECT id FROM networks)",
}


def _remove_homeless(visit: Visit, table: str) -> None:
    """Rows of tables without a rowid have nothing else by which they could be named."""
    with visit.core.database.transaction() as connection:
        connection.execute(f"DELETE FROM {table} WHERE {_OWNED[table]}")  # noqa: S608  our own names
