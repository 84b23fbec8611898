"""The supervisor's parts that need no container."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ALL, CorruptData, InvalidArgument
from engine.model.containers import RestartPolicy
from engine.spawner import wire
from engine.store.roots import Roots
from engine.supervisor import exits, signals
from engine.supervisor.loop import READ, Loop
from engine.supervisor.peers import QUEUE_LIMIT, Peer
from engine.supervisor.restarts import Restarts
from engine.supervisor.stdio import PIPE_SIZE
from engine.supervisor.streams import Audience, Input, Output
from engine.supervisor.trees import remove_tree


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("TERM", 15), ("SIGTERM", 15), ("sigkill", 9), ("9", 9), ("SIGRTMIN+3", 37), ("RTMAX-14", 50), ("RTMIN", 34),
        ("CLD", 17), ("SIGRTMAX", 64), ("64", 64), ("HUP", signal.SIGHUP),
    ],
)  # fmt: skip
def test_signal_names(text: str, number: int) -> None:
    assert signals.parse(text) == number


@pytest.mark.parametrize("text", ["", "0", "65", "-1", "FOO", "SIG", "SIG_DFL", "RTMIN+31", "RTMIN+", "RTMAX+1", "１５", "9 9", "999999"])
def test_signals_that_do_not_exist(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid signal"):
        signals.parse(text)


def test_restart_delays_double_up_to_a_minute_and_reset_after_a_stable_run() -> None:
    restarts = Restarts(RestartPolicy(name="always"))
    delays = [restarts.after(0, lasted=1, manually_stopped=False) for _ in range(12)]
    assert delays[:4] == [0.1, 0.2, 0.4, 0.8]
    assert delays[-1] == 60
    assert restarts.after(1, lasted=10, manually_stopped=False) == 0.1
    assert restarts.count == 13
    assert restarts.after(1, lasted=10, manually_stopped=True) is None


def test_on_failure_counts_and_ignores_success() -> None:
    restarts = Restarts(RestartPolicy(name="on-failure", max_retries=2))
    assert restarts.after(0, lasted=1, manually_stopped=False) is None
    assert [restarts.after(3, lasted=1, manually_stopped=False) for _ in range(3)] == [0.1, 0.2, None]
    assert Restarts(RestartPolicy()).after(1, lasted=1, manually_stopped=False) is None


@given(st.lists(st.tuples(st.integers(1, 10), st.binary(max_size=300)), max_size=8), st.integers(1, 50))
def test_frames_survive_any_cutting(frames: list[tuple[int, bytes]], step: int) -> None:
    data = b"".join(wire.frame(kind, payload) for kind, payload in frames)
    buffer, got = wire.FrameBuffer(), []
    for start in range(0, len(data), step):
        got += buffer.feed(data[start : start + step])
    assert got == frames


def test_frames_are_bounded() -> None:
    with pytest.raises(CorruptData):
        wire.FrameBuffer().feed(wire.HEADER.pack(wire.STDIN, wire.LIMIT + 1))
    with pytest.raises(CorruptData):
        wire.fields_of(b"{")


@pytest.mark.parametrize("kind", ALL)
def test_errors_cross_the_socket_unchanged(kind: type) -> None:
    sent = kind("what: why", hint="do this")
    got = wire.error_of(wire.error_frame(sent)[wire.HEADER.size :])
    assert (type(got), got.message, got.hint) == (kind, "what: why", "do this")


def test_exit_record_is_of_one_run_only(tmp_path: Path) -> None:
    roots = Roots(state=str(tmp_path / "s"), run=str(tmp_path / "r")).ensure()
    container = "a" * 64
    os.makedirs(roots.container_dir(container))
    record = exits.ExitRecord(pid=7, pid_start=99, exit_code=3, finished_at=1.5, oom_killed=True)
    assert exits.write(roots, container, record)
    assert exits.read(roots, container, 7, 99) == record
    assert exits.read(roots, container, 7, 100) is None
    exits.forget(roots, container)
    assert exits.read(roots, container, 7, 99) is None


def test_exit_record_goes_to_the_run_root_when_the_state_root_takes_none(tmp_path: Path) -> None:
    roots = Roots(state=str(tmp_path / "s"), run=str(tmp_path / "r")).ensure()
    container = "a" * 64  # no directory in the state root: as good as a full disk
    os.makedirs(roots.container_run_dir(container))
    record = exits.ExitRecord(pid=7, pid_start=99, exit_code=3, finished_at=1.5)
    assert exits.write(roots, container, record)
    assert exits.read(roots, container, 7, 99) == record
    Path(roots.container_run_dir(container), "exit.json").write_text('{"pid":')
    assert exits.read(roots, container, 7, 99) is None


def test_trees_of_any_shape_are_removed_and_links_are_not_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(kept)
    (root / "dangling").symlink_to("nowhere")
    fd = os.open(root, os.O_RDONLY)
    for _ in range(3000):  # deeper than the recursion limit, and than PATH_MAX
        os.mkdir("deeper-and-deeper", dir_fd=fd)
        inner = os.open("deeper-and-deeper", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.symlink(kept, "link", dir_fd=fd)
    os.close(fd)
    for number in range(50):
        (root / f"dir-{number}").mkdir()
        (root / f"dir-{number}" / "same-name").mkdir()
        (root / f"dir-{number}" / "same-name" / "file").write_text("x")
    remove_tree(str(root))
    assert not root.exists()
    assert (kept / "file").read_text() == "x"
    remove_tree(str(root))
    (tmp_path / "alias").symlink_to(kept)
    remove_tree(str(tmp_path / "alias"))
    assert (kept / "file").exists()


def _pump(loop: Loop, count: int = 50) -> None:
    for _ in range(count):
        timer = loop.later(0.001, lambda: None)
        loop.once()
        loop.cancel(timer)


@pytest.mark.parametrize("seconds", [30 * 86400.0, 1e15, float("inf")])
def test_a_timer_may_be_further_away_than_the_kernel_counts(seconds: float) -> None:
    loop = Loop()
    reader, writer = os.pipe()
    seen: list[bytes] = []
    loop.watch(reader, READ, lambda _mask: seen.append(os.read(reader, 10)))
    loop.later(seconds, lambda: seen.append(b"too early"))
    os.write(writer, b"x")
    loop.once()
    assert seen == [b"x"]
    loop.close()
    os.close(reader)
    os.close(writer)


def test_a_client_that_does_not_read_stops_the_output_and_loses_nothing() -> None:
    loop = Loop()
    ours, theirs = socket.socketpair()
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    audience, seen = Audience(), bytearray()
    peer = Peer(loop, ours, lambda peer, kind, payload: None)
    audience.add(peer)
    Output(loop, reader, wire.STDOUT, audience=audience, sink=lambda kind, chunk: seen.extend(chunk))
    sent = 0
    payload = os.urandom(65536)
    while sent < 64 << 20:
        try:
            sent += os.write(writer, payload[sent % 65536 :])
        except BlockingIOError:
            before = len(seen)
            _pump(loop, 3)
            if len(seen) == before:
                break
    assert peer.full
    assert QUEUE_LIMIT < len(seen) <= sent < 8 << 20
    os.close(writer)
    theirs.setblocking(False)
    buffer, got = wire.FrameBuffer(), bytearray()
    while len(got) < sent:
        _pump(loop, 1)
        try:
            for kind, chunk in buffer.feed(theirs.recv(1 << 20)):
                assert kind == wire.STDOUT
                got += chunk
        except BlockingIOError:
            continue
    assert got == seen
    theirs.close()
    _pump(loop, 2)
    assert peer.closed
    loop.close()


def test_the_end_of_a_process_is_not_put_off_by_what_goes_on_writing() -> None:
    loop = Loop()
    reader, writer = os.pipe()
    seen = 0

    def sink(_kind: int, chunk: bytes) -> None:
        nonlocal seen
        seen += len(chunk)
        os.write(writer, bytes(4096))

    output = Output(loop, reader, wire.STDOUT, audience=Audience(), sink=sink)
    os.write(writer, bytes(65536))
    output.finish()
    assert 65536 <= seen <= PIPE_SIZE + 65536
    os.close(writer)
    loop.close()


def test_input_waits_for_a_slow_process_and_ends_after_what_was_queued() -> None:
    loop = Loop()
    reader, writer = os.pipe2(os.O_CLOEXEC)
    ours, theirs = socket.socketpair()
    peer = Peer(loop, ours, lambda peer, kind, payload: None)
    sink = Input(loop, writer)
    data = os.urandom(1 << 20)
    sink.write(data, peer)
    sink.end()
    os.set_blocking(reader, False)
    got = bytearray()
    while True:
        _pump(loop, 1)
        try:
            chunk = os.read(reader, 1 << 20)
        except BlockingIOError:
            continue
        if not chunk:
            break
        got += chunk
    assert got == data
    sink.write(b"dropped", peer)
    for sock in (theirs,):
        sock.close()
    os.close(reader)
    peer.close()
    loop.close()
