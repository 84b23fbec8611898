"""The spawner: on demand, one per run root, sealed, single-threaded, and nobody's loss when it dies."""

from __future__ import annotations

import _socket as bare
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Unavailable
from engine.spawner import client, interpreter, wire
from tests.support.wait import until

ENTRY = "tests.engine.supervisor.echo_entry"


class Spawner:
    """Requests to the spawner of one run root."""

    def __init__(self, run: Path, idle: float = 60) -> None:
        self.run = str(run)
        self.idle = idle
        self.open: list[bare.socket] = []

    def ask(self, token: str = "t", **fields: Any) -> dict[str, Any]:
        sock = client.connect(self.run, ENTRY, [self.run, "t", str(self.idle)])
        self.open.append(sock)
        sock.sendall(wire.message(wire.REQUEST, {"token": token, **fields}))
        taken = wire.receive(sock)
        if taken is None:
            return {}
        assert taken[0] == wire.TAKEN
        answer = wire.receive(sock)
        assert answer is not None
        return wire.fields_of(answer[1])

    def close(self) -> None:
        for sock in self.open:
            sock.close()
        client.dismiss(self.run)


@pytest.fixture
def spawner(tmp_path: Path) -> Iterator[Spawner]:
    made = Spawner(tmp_path)
    yield made
    made.close()


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_starts_on_demand_and_forks_from_a_sealed_single_threaded_process(spawner: Spawner) -> None:
    facts = spawner.ask(op="hello")
    assert facts["exe"].startswith("/memfd:longshore")
    assert facts["threads"] == 1
    assert facts["session"] == facts["pid"]
    assert facts["request"]["op"] == "hello"
    assert set(facts["environment"]) <= {"PATH", "LC_ALL", "LC_CTYPE", "MALLOC_ARENA_MAX", "LD_LIBRARY_PATH"}
    assert not [name for name in facts["files"] if name.endswith(client.LOCK)], "the spawner's lock must not leak"
    again = spawner.ask()
    assert again["spawner"] == facts["spawner"]
    assert again["pid"] != facts["pid"]


def test_inherits_no_descriptors(spawner: Spawner) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    try:
        spawner.ask()
        os.close(writer)
        os.set_blocking(reader, False)
        assert os.read(reader, 1) == b"", "the spawner keeps the pipe open"
    finally:
        os.close(reader)


def test_interpreter_of_a_supervisor_can_not_be_written_to(spawner: Spawner) -> None:
    facts = spawner.ask()
    with pytest.raises(OSError), open(f"/proc/{facts['pid']}/exe", "r+b") as stream:
        stream.write(b"#")


def test_sealed_copy_refuses_every_change() -> None:
    fd = interpreter.sealed_copy(interpreter.interpreter_path())
    try:
        for change in (lambda: os.pwrite(fd, b"#", 0), lambda: os.ftruncate(fd, 1), lambda: os.ftruncate(fd, 1 << 30)):
            with pytest.raises(PermissionError):
                change()
        assert os.pread(fd, 4, 0) == b"\x7fELF"
    finally:
        os.close(fd)


def test_concurrent_front_ends_get_one_spawner(spawner: Spawner) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(spawner.ask()["spawner"])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_death_of_the_spawner_is_healed_and_its_children_live_on(spawner: Spawner) -> None:
    first = spawner.ask()
    os.kill(first["spawner"], signal.SIGKILL)
    until(lambda: not alive(first["spawner"]))
    second = spawner.ask()
    assert second["spawner"] != first["spawner"]
    assert alive(first["pid"])


def test_leaves_when_idle(tmp_path: Path) -> None:
    spawner = Spawner(tmp_path, idle=0.5)
    facts = until(spawner.ask)  # empty when it has left meanwhile
    until(lambda: not alive(facts["spawner"]))
    assert not os.path.exists(tmp_path / client.SOCKET)
    assert until(spawner.ask)["spawner"] != facts["spawner"]
    spawner.close()


def test_makes_way_for_another_version(spawner: Spawner) -> None:
    facts = spawner.ask()
    assert spawner.ask(token="newer") == {}
    until(lambda: not alive(facts["spawner"]))


def test_run_roots_with_long_paths_work(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    spawner = Spawner(deep)
    try:
        assert spawner.ask()["threads"] == 1
    finally:
        spawner.close()


def test_failure_to_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no_such_module"):
        client.connect(str(tmp_path), "no_such_module", [])


def test_garbage_and_silence_do_not_hurt_it(spawner: Spawner) -> None:
    facts = spawner.ask()
    for garbage in (b"\xff" * 64, wire.frame(wire.REQUEST, b"[1]"), wire.frame(wire.STDIN, b"x"), b""):
        sock = wire.connect(f"{spawner.run}/{client.SOCKET}")
        assert sock is not None
        with contextlib.closing(sock):
            sock.sendall(garbage)
            sock.shutdown(socket.SHUT_WR)
            assert wire.receive(sock) is None
    assert spawner.ask()["spawner"] == facts["spawner"]


def test_one_that_does_not_leave_is_told_of_and_one_that_is_slow_is_waited_for(
    spawner: Spawner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = spawner.ask()["spawner"]
    os.kill(pid, signal.SIGSTOP)
    slow = threading.Thread(target=lambda: client.dismiss(str(tmp_path)))
    try:
        with monkeypatch.context() as patch:
            patch.setattr(client, "_FAREWELL", 0.3)
            with pytest.raises(Unavailable, match="does not leave"):
                client.dismiss(str(tmp_path))
        slow.start()
    finally:
        os.kill(pid, signal.SIGCONT)
    slow.join()
    until(lambda: not alive(pid))
