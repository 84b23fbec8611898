"""The SQLite file: connections, transactions, migrations, and what its errors mean.

WAL lets every front end read while a supervisor writes. A connection belongs to one thread of one process: after a
fork the child opens its own, and the parent's is left alone, for closing it there would touch the parent's locks.

Whoever leaves closes those of all threads, but none that is at work: SQLite's module would free a statement under the thread that
runs it (a segmentation fault). That thread closes its own when it is done.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from _thread import allocate_lock, get_ident
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from engine.errors import CorruptData, DiskFull, EngineFault, LongshoreError, Unavailable
from engine.store import bell, faults, reserve
from engine.store.roots import Roots
from engine.store.schema import MIGRATIONS

T = TypeVar("T")

BUSY_SECONDS = 30.0
"""How long a writer waits for another. Transactions here take microseconds, a stuck disk does not."""

_T = TypeVar("_T")

_abandoned: list[dict[int, _Connection]] = []


class _Connection(sqlite3.Connection):
    """A connection that knows whether it is at work. Both attributes are changed under the lock of the database."""

    uses = 0
    given_up = False


class Database:
    """The state database at ``path``, made on first use. Safe to use from any thread and after a fork.

    ``bell_path`` is rung after every transaction that changed something.
    """

    def __init__(self, path: str, bell_path: str = "") -> None:
        self.path = path
        self._bell = bell_path
        self._lock = allocate_lock()
        self._owner = os.getpid()
        self._connections: dict[int, _Connection] = {}

    @classmethod
    def of(cls, roots: Roots) -> Database:
        """The database of an engine, with its bell. The directories are made when they are missing."""
        path = roots.ensure().database
        reserve.keep(path)
        return cls(path, roots.bell)

    def query(self, sql: str, *args: Any) -> list[sqlite3.Row]:
        """All rows of a statement.

        Raises:
            Unavailable, DiskFull, CorruptData, EngineFault: the database can not answer.
        """
        connection = self._take()
        try:
            rows: list[sqlite3.Row] = connection.execute(sql, args).fetchall()
        except sqlite3.Error as error:
            raise translate(error, self.path) from error
        finally:
            self._give_back(connection)
        return rows

    def version(self) -> tuple[int, int]:
        """What differs from an earlier answer in this thread if anything was written since, by whomever: for who keeps what he has read.

        Raises:
            As :meth:`query`.
        """
        connection = self._take()
        try:
            (row,) = self.query("PRAGMA data_version")  # of others' writing (https://www.sqlite.org/pragma.html#pragma_data_version)
            return row[0], connection.total_changes
        finally:
            self._give_back(connection)

    def transaction(self) -> Transaction:
        """``with db.transaction() as connection``: everything inside is written at once, or nothing is.

        The write lock is taken at the beginning. One inside another joins it.
        """
        return Transaction(self)

    def spared(self, call: Callable[[], _T]) -> _T:
        """``call()``, again with a slice of the reserve if the disk is full: for what frees space, or tells an end.

        It may be called after it has done a part. Raises what it raises, DiskFull when the reserve is used up.
        """
        while True:
            try:
                return call()
            except DiskFull:
                if not reserve.spend(self.path):
                    raise

    def connection(self) -> _Connection:
        """This thread's connection."""
        if self._owner != os.getpid():
            self._after_fork()
        found = self._connections.get(get_ident())
        if found is None:
            found = self.spared(self._open)
            with self._lock:
                self._connections[get_ident()] = found
        return found

    def lend(self, connection: _Connection, call: Callable[[], T]) -> T:
        """The result of ``call``; meanwhile this thread uses ``connection``, that of a thread which waits for it, with its transaction."""
        with self._lock:
            if lent := not connection.given_up:
                before = self._connections.get(get_ident())
                self._connections[get_ident()] = connection
                connection.uses += 1
        try:
            return call()
        finally:
            if lent:
                with self._lock:
                    self._connections.pop(get_ident(), None)
                    if before is not None:
                        self._connections[get_ident()] = before
                self._give_back(connection)

    def close(self) -> None:
        """Close every connection, those at work as soon as they are done; the next use opens another."""
        if self._owner != os.getpid():
            self._after_fork()
        with self._lock:
            for connection in self._connections.values():
                connection.given_up = True
            idle = {connection for connection in self._connections.values() if not connection.uses}
            self._connections = {thread: connection for thread, connection in self._connections.items() if connection not in idle}
        for connection in idle:
            connection.close()

    def ring(self) -> None:
        """Tell who waits that something changed."""
        if self._bell:
            bell.ring_path(self._bell)

    def _take(self) -> _Connection:
        """This thread's connection, at work until it is given back."""
        while True:
            connection = self.connection()
            with self._lock:
                if self._connections.get(get_ident()) is connection:  # else it was closed before it was at work
                    connection.uses += 1
                    return connection

    def _give_back(self, connection: _Connection) -> None:
        with self._lock:
            connection.uses -= 1
            over = connection.given_up and not connection.uses
            if over:
                self._connections = {thread: kept for thread, kept in self._connections.items() if kept is not connection}
        if over:
            connection.close()

    def _after_fork(self) -> None:
        _abandoned.append(self._connections)
        self._connections = {}
        self._lock = allocate_lock()
        self._owner = os.getpid()

    def _open(self) -> _Connection:
        fresh = not os.path.exists(self.path)
        try:
            if fresh:  # SQLite would make it readable for everybody; environments hold passwords
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            made = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, factory=_Connection)
        except (sqlite3.Error, OSError) as error:
            raise EngineFault(f"open {self.path}: {error}", hint="check the state root, or choose another with --root") from error
        try:
            made.row_factory = sqlite3.Row
            made.execute("PRAGMA foreign_keys = ON")
            made.execute("PRAGMA synchronous = NORMAL")
            version: int = made.execute("PRAGMA user_version").fetchone()[0]
            if version != len(MIGRATIONS):
                _migrate_alone(made, self.path)
        except sqlite3.Error as error:
            made.close()
            raise translate(error, self.path) from error
        except LongshoreError:
            made.close()
            raise
        return made


class Transaction:
    """The context manager that :meth:`Database.transaction` gives."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._outer = False
        self._changes = 0

    def __enter__(self) -> sqlite3.Connection:
        self._connection = self._database._take()
        self._outer = self._connection.in_transaction
        if not self._outer:
            try:
                self._execute("BEGIN IMMEDIATE")
            except BaseException:
                self._database._give_back(self._connection)
                raise
            self._changes = self._connection.total_changes
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._end(error)
        finally:
            self._database._give_back(self._connection)

    def _end(self, error: BaseException | None) -> None:
        if not self._outer:
            if error is None:
                self._commit()
            elif self._connection.in_transaction:  # SQLite itself rolls back when the disk is full
                self._execute("ROLLBACK")
        if isinstance(error, sqlite3.Error):
            raise translate(error, self._database.path) from error

    def _commit(self) -> None:
        try:
            self._execute("COMMIT")
        except LongshoreError:
            if self._connection.in_transaction:
                self._execute("ROLLBACK")
            raise
        if self._connection.total_changes != self._changes:
            self._database.ring()

    def _execute(self, sql: str) -> None:
        try:
            self._connection.execute(sql)
        except sqlite3.Error as error:
            raise translate(error, self._database.path) from error


def _migrate_alone(connection: sqlite3.Connection, path: str) -> None:
    """:func:`_migrate`, one at a time: two that change the journal mode at once are told "locked" without any waiting.

    The lock is on the directory: closing a descriptor of the file itself would give up SQLite's own locks on it (fcntl(2)).
    """
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        _migrate(connection, path)
    finally:
        os.close(directory)


def _migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring the schema up to date. Two processes may try at once: the second finds it done. Nothing of a newer one is touched."""
    _refuse_newer(connection, path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _refuse_newer(connection, path)
        for script in MIGRATIONS[version:]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _refuse_newer(connection: sqlite3.Connection, path: str) -> int:
    """The schema's version. Raises EngineFault when we do not know it."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise EngineFault(f"{path} was written by a newer Longshore (schema {version})", hint="upgrade, or choose another --root")
    return version


def translate(error: sqlite3.Error, path: str) -> LongshoreError:
    """What an SQLite error means, by its code (https://www.sqlite.org/rescode.html)."""
    code = getattr(error, "sqlite_errorcode", None)
    match (code or 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return faults.disk_full(f"write {path}: no space left on device")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Unavailable(f"{path} stayed locked for {BUSY_SECONDS:.0f} s", hint="another process holds the state database")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return CorruptData(f"{path} is damaged: {error}", hint="move it away and start again, or restore a copy")
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN if reserve.exhausted(path):
            return faults.disk_full(f"open {path}: no space left on device")
        case _:
            return EngineFault(f"{path}: {error}")
