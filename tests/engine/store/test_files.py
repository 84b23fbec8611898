"""Roots, atomic files, locks, blobs, and the OCI layout that other tools read."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.errors import Cancelled, CorruptData, DiskFull, EngineFault, Forbidden, InvalidArgument, NotFound
from engine.store import atomic, faults, layout
from engine.store.bell import wait_readable
from engine.store.blobs import Blobs
from engine.store.database import Database
from engine.store.images import Images
from engine.store.locks import Lock, is_held
from engine.store.roots import Roots, resolve
from tests.engine.store.factory import image
from tests.support.wait import until

HOLDER = """
import sys, time
from engine.store.blobs import Blobs
from engine.store.roots import Roots
ingest = Blobs(Roots(state=sys.argv[1], run=sys.argv[2])).ingest(sys.argv[3], 10)
ingest.write(b"01234")
print("ready", flush=True)
time.sleep(600)
"""


def digest(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


# -- roots


def test_roots_never_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LONGSHORE_ROOT", raising=False)
    monkeypatch.delenv("LONGSHORE_RUN", raising=False)
    one, two = resolve(str(tmp_path / "a")), resolve(str(tmp_path / "b"))
    assert one.state != two.state and one.run != two.run
    assert resolve().run not in (one.run, two.run)
    os.symlink(tmp_path / "a", tmp_path / "link")
    os.mkdir(tmp_path / "a")
    assert resolve(str(tmp_path / "link")) == one
    monkeypatch.setenv("LONGSHORE_ROOT", str(tmp_path / "b"))
    assert resolve() == two
    monkeypatch.setenv("LONGSHORE_RUN", str(tmp_path / "run"))
    assert resolve().run == f"{tmp_path}/run"
    resolve().ensure()
    assert resolve().run == f"{tmp_path}/run"
    assert resolve(str(tmp_path / "a")).run.startswith(f"{tmp_path}/run/")


def test_bad_roots_are_refused() -> None:
    for bad in ("/", "/a\nb"):
        with pytest.raises(InvalidArgument):
            resolve(bad)


def test_directories_are_closed_to_others(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        roots = Roots(state=str(tmp_path / "state"), run=str(tmp_path / "run")).ensure()
    finally:
        os.umask(previous)
    for path in (roots.state, roots.layers, roots.containers, roots.volumes, roots.run, f"{roots.run}/containers"):
        assert os.stat(path).st_mode & 0o777 == 0o700
    os.chmod(roots.state, 0o755)
    roots.ensure()
    assert os.stat(roots.state).st_mode & 0o777 == 0o755  # what the person made is left alone


def test_socket_paths_are_short() -> None:
    assert len(resolve("/a/very/" + "long/" * 40).container_run_dir("a" * 64) + "/supervisor.sock") < 100


# -- files


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    atomic.write_file(str(path), b"one")
    atomic.write_file(str(path), b"two", 0o644, durable=False)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["file"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "directory"
    path.mkdir()
    with pytest.raises(EngineFault, match="is a directory"):
        atomic.write_file(str(path), b"x")
    assert os.listdir(tmp_path) == ["directory"]


def test_os_errors_have_meanings() -> None:
    assert isinstance(faults.from_os(OSError(28, "No space left on device"), "write x"), DiskFull)
    assert isinstance(faults.from_os(OSError(122, "Disk quota exceeded"), "write x"), DiskFull)
    assert isinstance(faults.from_os(PermissionError(13, "Permission denied"), "write x"), Forbidden)
    assert str(faults.from_os(OSError(5, "Input/output error"), "write x")) == "write x: input/output error"


# -- locks


def test_locks_exclude_each_other(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    assert not is_held(path)
    with Lock(path) as held:
        assert held.held and held.in_place()
        assert is_held(path)
        assert not Lock(path).try_exclusive()
        assert not Lock(path).try_shared()
        with pytest.raises(EngineFault):
            held.exclusive()
    assert not is_held(path)
    one, two = Lock(path).shared(), Lock(path).shared()
    assert not Lock(path).try_exclusive()
    assert not is_held(path)
    one.release()
    one.release()
    two.release()


def test_a_child_does_not_keep_a_lock(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    lock = Lock(path).exclusive()
    pid = os.fork()
    if not pid:
        signal.pause()
    try:
        lock.release()
        until(lambda: not is_held(path))
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_removed_lock_file_is_noticed(tmp_path: Path) -> None:
    lock = Lock(str(tmp_path / "lock")).exclusive()
    os.unlink(lock.path)
    assert not lock.in_place()
    lock.release()


# -- blobs


@pytest.mark.parametrize(
    "bad",
    ["", "sha256:", "sha256:../../../etc/passwd", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "md5:" + "a" * 32, "sha256:" + "a" * 63 + "/",
     "../x:" + "a" * 64, "sha256:" + "a" * 64 + "\n", "sha512:" + "a" * 64],
)  # fmt: skip
def test_malformed_digests_never_become_paths(roots: Roots, bad: str) -> None:
    for use in (Blobs(roots).path, Blobs(roots).has, Blobs(roots).open, Blobs(roots).delete, lambda name: Blobs(roots).ingest(name, 1)):
        with pytest.raises(InvalidArgument, match="invalid digest"):
            use(bad)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_blob_is_seen_when_it_is_whole(roots: Roots, algorithm: str) -> None:
    blobs, data = Blobs(roots), b"0123456789"
    name = digest(data, algorithm)
    ingest = blobs.ingest(name, 10)
    assert not ingest.complete
    ingest.write(data[:4])
    assert not blobs.has(name)
    ingest.close()
    ingest.close()
    again = blobs.ingest(name, 10)
    assert again.offset == 4 and b"".join(again.existing()) == b"0123"
    again.write(data[4:])
    assert not blobs.has(name)
    again.commit()
    again.close()
    assert blobs.read(name, 10) == data and blobs.size(name) == 10 and blobs.all() == [name]
    assert os.listdir(roots.ingest) == []
    third = blobs.ingest(name, 10)
    assert third.complete and b"".join(third.existing()) == data
    third.commit()
    third.close()
    assert blobs.delete(name) == 10 and blobs.delete(name) == 0
    with pytest.raises(NotFound):
        blobs.read(name, 10)


def test_wrong_bytes_never_get_in(roots: Roots) -> None:
    blobs, name = Blobs(roots), digest(b"right")
    ingest = blobs.ingest(name, 5)
    with pytest.raises(CorruptData, match="larger than the 5 bytes announced"):
        ingest.write(b"too long")
    ingest.write(b"wrong")
    with pytest.raises(CorruptData, match="does not match"):
        ingest.commit()
    ingest.close()
    assert not blobs.has(name)
    short = blobs.ingest(name, 5)
    assert short.offset == 0
    short.write(b"rig")
    with pytest.raises(CorruptData, match="3 of 5 bytes"):
        short.commit()
    short.restart()
    short.write(b"right")
    short.commit()
    short.close()
    with pytest.raises(CorruptData):
        blobs.put(digest(b"x"), b"y")
    assert not blobs.has(digest(b"x"))
    with pytest.raises(CorruptData, match="larger than 4 bytes"):
        blobs.read(name, 4)


def test_a_leftover_that_is_too_long_is_dropped(roots: Roots) -> None:
    blobs, name = Blobs(roots), digest(b"abc")
    ingest = blobs.ingest(name, -1)
    ingest.write(b"abcdef")
    ingest.close()
    again = blobs.ingest(name, 3)
    assert again.offset == 0
    again.write(b"abc")
    again.commit()
    again.close()


def test_a_second_ingest_waits_and_finds_it_done(roots: Roots) -> None:
    blobs, data = Blobs(roots), b"0123456789"
    first = blobs.ingest(digest(data), 10)
    found: list[bool] = []

    def second() -> None:
        ingest = blobs.ingest(digest(data), 10)
        found.append(ingest.complete)
        ingest.close()

    thread = threading.Thread(target=second)
    thread.start()
    first.write(data)
    first.commit()
    first.close()
    thread.join(30)
    assert found == [True]


def test_waiting_for_an_ingest_is_cancelled(roots: Roots) -> None:
    first = Blobs(roots).ingest(digest(b"x"), 1)
    asked = iter((False, False, True))
    with pytest.raises(Cancelled):
        Blobs(roots).ingest(digest(b"x"), 1, cancelled=lambda: next(asked))
    first.discard()
    first.discard()


def test_a_killed_ingest_is_continued(roots: Roots) -> None:
    data = b"0123456789"
    command = [sys.executable, "-c", HOLDER, roots.state, roots.run, digest(data)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    assert Blobs(roots).sweep() == 0  # it is being written
    process.kill()
    process.wait()
    process.stdout.close()
    ingest = Blobs(roots).ingest(digest(data), 10)
    assert ingest.offset == 5
    ingest.close()
    assert Blobs(roots).sweep() == 5
    assert os.listdir(roots.ingest) == []


def test_other_tools_read_the_layout(roots: Roots, database: Database) -> None:
    blobs = Blobs(roots)
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}, "config": {}}).encode()
    media = "application/vnd.oci.image.config.v1+json"
    manifest = json.dumps(
        {"schemaVersion": 2, "config": {"mediaType": media, "digest": digest(config), "size": len(config)}, "layers": []}
    ).encode()
    for data in (config, manifest):
        blobs.put(digest(data), data)
    record = image(1, id=digest(config), manifest_digest=digest(manifest), blobs=(), diff_ids=(), chain_ids=())
    Images(database).put(record, "docker.io/library/empty:latest")
    Images(database).put(image(2), "docker.io/library/gone:latest")  # its blobs are not here
    layout.publish(roots, database)
    source = f"oci:{roots.layout}:docker.io/library/empty:latest"
    shown = subprocess.run(["skopeo", "inspect", "--raw", source], capture_output=True, timeout=60, check=False)
    assert shown.stderr == b"" and shown.stdout == manifest
    assert sorted(os.listdir(roots.layout)) == ["blobs", "index.json", "oci-layout"]


def test_a_wait_may_be_asked_to_last_longer_than_the_kernel_counts() -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, b"x")
        assert wait_readable((reader,), 1e12) == {reader}
    finally:
        os.close(reader)
        os.close(writer)
