"""The database: transactions, threads, forks, processes, the bell, and what its failures mean."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.errors import CorruptData, DiskFull, EngineFault, Unavailable
from engine.store import bell, events
from engine.store import database as databases
from engine.store.bell import Bell
from engine.store.database import Database
from engine.store.networks import Lease, Networks
from engine.store.roots import Roots
from engine.store.schema import MIGRATIONS

WRITER = """
import sys
from engine.store.database import Database
from engine.store import events
db = Database(sys.argv[1])
for number in range(int(sys.argv[2])):
    with db.transaction() as connection:
        events.append(connection, events.make("test", "write", str(number)))
db.close()
"""


def append(database: Database, object_id: str = "x") -> int:
    with database.transaction() as connection:
        return events.append(connection, events.make("test", "happen", object_id))


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    with pytest.raises(ValueError, match="no"), database.transaction() as connection:
        events.append(connection, events.make("test", "lost", "x"))
        raise ValueError("no")
    assert events.since(database, 0) == []
    assert append(database) == events.last(database)


def test_an_inner_transaction_joins_the_outer(database: Database) -> None:
    with pytest.raises(ValueError, match="no"), database.transaction():
        append(database)
        raise ValueError("no")
    assert events.since(database, 0) == []


def test_two_processes_open_and_write_at_once(roots: Roots) -> None:
    roots.ensure()
    command = [sys.executable, "-c", WRITER, roots.database, "100"]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    failures = [writer.communicate(timeout=120)[1] for writer in writers]
    assert failures == [b"", b"", b""]
    database = Database.of(roots)
    assert len(events.since(database, 0)) == 300
    database.close()


def test_threads_have_connections_of_their_own(database: Database) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(20):
                append(database, str(number))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert len(events.since(database, 0)) == 80


def test_whoever_leaves_frees_nothing_under_a_thread_at_work(database: Database) -> None:
    """Finalizing a statement that another thread runs is a segmentation fault now and then, and a wait for it always."""
    running, go = threading.Event(), threading.Event()
    found: list[object] = []

    def hold(row: int) -> int:
        running.set()
        assert go.wait(30)
        return row

    def work() -> None:
        with database.transaction() as connection:
            connection.create_function("hold", 1, hold)
            found.append(database.query("SELECT hold(7)")[0][0])
            append(database, "late")  # the transaction goes on with the same connection
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")
        found.append("closed")

    worker, closer = threading.Thread(target=work), threading.Thread(target=database.close)
    database.query("SELECT 1")
    idle = database.connection()
    worker.start()
    assert running.wait(30)
    closer.start()
    closer.join(10)
    waits = closer.is_alive()
    go.set()
    worker.join(30)
    assert not waits
    assert found == [7, "closed"]
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        idle.execute("SELECT 1")
    assert [event.id for _, event in events.since(database, 0)] == ["late"]


def test_many_may_be_the_first(tmp_path: Path) -> None:
    """Commands that meet on a new state root: each finds the schema, none is told that it is locked."""
    for round_ in range(15):
        roots = Roots(state=str(tmp_path / f"s{round_}"), run=str(tmp_path / f"r{round_}")).ensure()
        gate = threading.Barrier(8)
        failures: list[BaseException] = []

        def first(roots: Roots = roots, gate: threading.Barrier = gate, failures: list[BaseException] = failures) -> None:
            database = Database.of(roots)
            try:
                gate.wait(60)
                append(database)
            except BaseException as error:
                failures.append(error)
            finally:
                database.close()

        threads = [threading.Thread(target=first) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not failures


def test_a_fork_opens_its_own(database: Database) -> None:
    append(database)
    pid = os.fork()
    if not pid:
        try:
            append(database, "child")
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    append(database)
    assert [event.id for _, event in events.since(database, 0)] == ["x", "child", "x"]
    assert database.query("PRAGMA integrity_check")[0][0] == "ok"


def test_a_killed_writer_leaves_no_lock_and_no_half(roots: Roots) -> None:
    database = Database.of(roots)
    append(database)
    ready, tell = os.pipe()
    pid = os.fork()
    if not pid:
        with database.transaction() as connection:
            events.append(connection, events.make("test", "half", "x"))
            os.write(tell, b"x")
            signal.pause()
    os.read(ready, 1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(ready)
    os.close(tell)
    append(database)
    assert [event.action for _, event in events.since(database, 0)] == ["happen", "happen"]
    database.close()


def test_the_database_is_nobody_elses(roots: Roots, database: Database) -> None:
    append(database)
    for suffix in ("", "-wal", "-shm"):
        assert os.stat(roots.database + suffix).st_mode & 0o777 == 0o600


def test_a_full_disk_says_so_and_changes_nothing(database: Database) -> None:
    append(database)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = os.stat(database.path + "-wal").st_size
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limit[1]))
    try:
        with pytest.raises((DiskFull, EngineFault)):
            append(database)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    append(database)
    assert len(events.since(database, 0)) == 2


def test_sqlite_errors_have_meanings(tmp_path: Path) -> None:
    def coded(code: int) -> sqlite3.OperationalError:
        error = sqlite3.OperationalError("text")
        error.sqlite_errorcode = code
        return error

    assert isinstance(databases.translate(coded(sqlite3.SQLITE_FULL), "p"), DiskFull)
    assert isinstance(databases.translate(coded(sqlite3.SQLITE_BUSY_SNAPSHOT), "p"), Unavailable)
    assert isinstance(databases.translate(coded(sqlite3.SQLITE_CORRUPT), "p"), CorruptData)
    assert type(databases.translate(coded(sqlite3.SQLITE_IOERR), "p")) is EngineFault


def test_a_damaged_file_is_named(roots: Roots) -> None:
    Path(roots.database).write_bytes(b"this is no database" * 100)
    database = Database.of(roots)
    with pytest.raises(CorruptData, match=r"state\.db"):
        database.query("SELECT 1 FROM containers")
    database.close()


def test_a_newer_schema_is_refused(roots: Roots, database: Database) -> None:
    append(database)
    database.connection().execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    newer = Database.of(roots)
    with pytest.raises(EngineFault, match="newer Longshore"):
        newer.query("SELECT 1")
    newer.close()


def test_nothing_of_a_newer_store_is_touched(roots: Roots, database: Database) -> None:
    path = database.path
    database.close()
    other = sqlite3.connect(path)
    other.execute("PRAGMA journal_mode = DELETE")  # as a later version may have chosen
    other.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    other.commit()
    other.close()
    before = Path(path).read_bytes()
    newer = Database.of(roots)
    with pytest.raises(EngineFault, match="newer Longshore"):
        newer.query("SELECT 1")
    newer.close()
    assert Path(path).read_bytes() == before


def test_an_older_store_is_brought_up_to_date_with_what_is_in_it(roots: Roots, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    append(database, "kept")
    database.close()
    later = (*MIGRATIONS, "CREATE TABLE later (name TEXT NOT NULL); INSERT INTO later SELECT object FROM events")
    monkeypatch.setattr(databases, "MIGRATIONS", later)
    upgraded = Database.of(roots)
    assert upgraded.query("PRAGMA user_version")[0][0] == len(later)
    assert [row["name"] for row in upgraded.query("SELECT name FROM later")] == ["kept"]
    assert [event.id for _, event in events.since(upgraded, 0)] == ["kept"]
    upgraded.close()


def test_leases_of_a_store_without_ipv6_are_kept(roots: Roots, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(databases, "MIGRATIONS", MIGRATIONS[:1])
        old = Database.of(roots)
        old.query("INSERT INTO networks VALUES ('n', 'mine', 'bridge', 'local', 1.0, 0, 0, 0, 'br', '[]', '{}', '{}')")
        old.query("INSERT INTO leases VALUES ('n', '10.0.0.2', 'c', '02:42:0a:00:00:02')")
        old.close()
    upgraded = Database.of(roots)
    expected = Lease(network_id="n", address="10.0.0.2", container_id="c", mac="02:42:0a:00:00:02")
    assert Networks(upgraded).leases() == [expected]
    upgraded.close()


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(roots: Roots, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    append(database, "kept")
    database.close()
    with monkeypatch.context() as patched:
        patched.setattr(databases, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE later (name TEXT); INSERT INTO nowhere VALUES (1)"))
        broken = Database.of(roots)
        with pytest.raises(EngineFault, match="nowhere"):
            broken.query("SELECT 1")
        broken.close()
    again = Database.of(roots)
    assert again.query("PRAGMA user_version")[0][0] == len(MIGRATIONS)
    assert not again.query("SELECT 1 FROM sqlite_master WHERE name = 'later'")
    assert [event.id for _, event in events.since(again, 0)] == ["kept"]
    again.close()


def test_events_are_a_ring(database: Database) -> None:
    with database.transaction() as connection:
        for number in range(events.CAPACITY + 10):
            events.append(connection, events.make("test", "n", str(number)))
    kept = events.since(database, 0)
    assert len(kept) == events.CAPACITY
    assert kept[-1][1].id == str(events.CAPACITY + 9)
    assert [event.id for _, event in events.since(database, kept[-3][0])] == [kept[-2][1].id, kept[-1][1].id]


def test_the_bell_rings_for_changes_only(roots: Roots, database: Database) -> None:
    append(database)
    listener = Bell(roots)
    try:
        assert listener.wait(0) is False
        database.query("SELECT count(*) FROM events")
        with database.transaction():
            pass
        assert listener.wait(0) is False
        append(database)
        assert listener.wait(60) is True
        assert listener.wait(0) is False
        bell.ring(roots)
        assert listener.wait(60) is True
    finally:
        listener.close()


def test_the_bell_reaches_other_processes_after_the_commit(roots: Roots) -> None:
    database = Database.of(roots)
    listener = Bell(roots)
    seen = events.last(database)
    pid = os.fork()
    if not pid:
        try:
            append(database)
            os._exit(0)
        finally:
            os._exit(1)
    try:
        assert listener.wait(60)
        assert events.last(database) == seen + 1
    finally:
        os.waitpid(pid, 0)
        listener.close()
        database.close()


def test_waiting_for_the_bell_is_cancelled(roots: Roots) -> None:
    listener = Bell(roots)
    cancel, signaller = os.pipe()
    result: list[bool] = []
    thread = threading.Thread(target=lambda: result.append(listener.wait(60, cancel)))
    thread.start()
    os.write(signaller, b"x")
    thread.join(30)
    assert result == [False]
    listener.close()
    os.close(cancel)
    os.close(signaller)
