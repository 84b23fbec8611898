"""Copies into and out of containers whose files move meanwhile, and what they leave behind."""

from __future__ import annotations

import ctypes
import io
import os
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.backends.embedded import archives, committing, sides
from engine.backends.embedded.core import Core
from engine.errors import LongshoreError
from engine.image.difference import difference
from engine.model.containers import HostConfig, Mount
from engine.model.files import ChangeKind, CommitConfig
from engine.store.images import ImageRecord
from engine.supervisor import places
from tests.engine.embedded.conftest import create
from tests.support.images import tar_of

RENAME_EXCHANGE = 2
renameat2 = ctypes.CDLL(None, use_errno=True).renameat2


def put(core: Core, container: str, path: str, data: bytes) -> None:
    sink = archives.put(core, container, path, copy_owner=False)
    try:
        sink.write(data)
        sink.finish()
    finally:
        sink.close()


def got(core: Core, container: str, path: str) -> bytes:
    source = archives.get(core, container, path)
    try:
        return b"".join(iter(source.next, None))
    finally:
        source.close()


def tree(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() if path.is_file() else b"" for path in directory.rglob("*")}


@pytest.fixture
def racing(core: Core, box: ImageRecord, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A running container in which ``/d`` is now a directory and now a link to the host's ``outside``; the name would be right there too."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_text("of the host")
    made = create(core, "sh", "-c", f"mkdir /d; echo mine > /d/f; ln -s {'../' * 12}{outside} /swap; mkdir /ready; exec sleep 1000")
    core.lifecycle.start(made.id)
    pid = core.containers.get(made.id).state.pid
    root = f"/proc/{pid}/root"
    deadline = time.monotonic() + 30
    while not os.path.isdir(f"{root}/ready") and time.monotonic() < deadline:
        time.sleep(0.01)
    ended = threading.Event()
    a, b = os.fsencode(f"{root}/d"), os.fsencode(f"{root}/swap")

    def swap() -> None:
        while not ended.is_set():
            renameat2(-100, a, -100, b, RENAME_EXCHANGE)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield made.id, outside
    finally:
        ended.set()
        thread.join()


def test_racing_links_of_a_container_lead_no_copy_out(racing: tuple[str, Path], core: Core) -> None:
    container, outside = racing
    data = tar_of([("new", b"new", 0o644), ("sub/x", b"x", 0o644)])
    copied = refused = 0
    for _ in range(150):
        for path, archive in (("/d", data), ("/", tar_of([("d/new", b"new", 0o644)]))):
            try:
                put(core, container, path, archive)
                copied += 1
            except LongshoreError:
                refused += 1
        for path in ("/d", "/d/f", "/d/."):
            try:
                assert b"of the host" not in got(core, container, path)
            except LongshoreError:
                refused += 1
    assert copied
    assert tree(outside) == {"f": b"of the host"}


def test_a_copy_into_a_stopped_container_keeps_it_from_starting_half_way(core: Core, box: ImageRecord) -> None:
    made = create(core, "cat", "/f")
    sink = archives.put(core, made.id, "/", copy_owner=False)
    try:
        deadline = time.monotonic() + 30
        while not places.alive(core.roots, made.id) and time.monotonic() < deadline:
            time.sleep(0.005)
        assert places.alive(core.roots, made.id)
        assert places.try_lock(core.roots, made.id) is None
        sink.write(tar_of([("f", b"x", 0o644)]))
        sink.finish()
    finally:
        sink.close()
    assert not places.alive(core.roots, made.id)
    core.lifecycle.start(made.id)


def test_no_mount_and_no_descriptor_is_left(core: Core, box: ImageRecord, tmp_path: Path) -> None:
    source = tmp_path / "bound"
    source.mkdir()
    (source / "b").write_text("bound")
    host = HostConfig(
        network_mode="none", mounts=(Mount(kind="bind", source=str(source), target="/bound"), Mount(kind="volume", target="/vol"))
    )
    made = create(core, "true", host=host)
    put(core, made.id, "/bound", tar_of([("c", b"c", 0o644)]))  # warms up
    before = sorted(os.listdir("/proc/self/fd"))
    put(core, made.id, "/bound", tar_of([("c", b"c", 0o644)]))
    put(core, made.id, "/vol", tar_of([("v", b"v", 0o644)]))
    assert (source / "c").read_text() == "c" and b"bound" in got(core, made.id, "/bound/b")
    archives.status(core, made.id, "/vol/v")
    export = archives.export(core, made.id)
    export.next()
    export.close()
    unfinished = archives.get(core, made.id, "/bin")
    unfinished.close()
    with pytest.raises(LongshoreError):
        put(core, made.id, "/", b"no archive" * 1000)
    assert sorted(os.listdir("/proc/self/fd")) == before
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        assert core.roots.state not in file.read()


def test_a_fifo_in_a_container_is_not_opened(core: Core, box: ImageRecord) -> None:
    made = create(core, "sh", "-c", "mkdir /d; mkfifo /d/p; mknod /d/null c 1 3; echo x > /d/z")
    core.lifecycle.start(made.id)
    source = core.lifecycle.wait(made.id)
    assert source.next() is not None
    source.close()
    with tarfile.open(fileobj=io.BytesIO(got(core, made.id, "/d"))) as archive:
        kinds = {member.name: member.type for member in archive.getmembers()}
    assert kinds == {"d": b"5", "d/null": b"3", "d/p": b"6", "d/z": b"0"}


def test_whose_copies_are(core: Core, box: ImageRecord) -> None:
    made = create(core, "true", user="1234:55")
    for copy_owner, owner in ((False, (0, 0)), (True, (1234, 55))):
        sink = archives.put(core, made.id, "/", copy_owner=copy_owner)
        sink.write(tar_of([("f", b"x", 0o640)]))
        sink.finish()
        with tarfile.open(fileobj=io.BytesIO(got(core, made.id, "/f"))) as archive:
            member = archive.getmember("f")
        assert (member.uid, member.gid, member.mode & 0o7777) == (*owner, 0o640)


def test_without_overlayfs(core: Core, box: ImageRecord) -> None:
    core.roots.ensure()
    Path(core.roots.run, "overlay").write_text("no")
    made = create(core, "sh", "-c", "rm /bin/ls; echo mine > /mine")
    assert sides.changes(core, made.id) == []
    put(core, made.id, "/tmp", tar_of([("f", b"x", 0o644)]))
    core.lifecycle.start(made.id)
    source = core.lifecycle.wait(made.id)
    source.next()
    source.close()
    found = {change.path: change.kind for change in sides.changes(core, made.id)}
    assert found["/mine"] == found["/tmp/f"] == ChangeKind.ADDED and found["/bin/ls"] == ChangeKind.DELETED
    assert b"mine\n" in got(core, made.id, "/mine")
    export = archives.export(core, made.id)
    data = b"".join(iter(export.next, None))
    export.close()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        names = archive.getnames()
    assert {"mine", "bin/cat", "tmp/f"} <= set(names) and "bin/ls" not in names
    assert not [name for name in os.listdir(core.roots.container_dir(made.id)) if name.startswith("image-")]


def test_a_complete_copy_is_compared_as_a_whole(tmp_path: Path) -> None:
    """Where overlayfs is refused the container has a copy of its image: what is missing was deleted."""
    old, new = tmp_path / "old", tmp_path / "new"
    for place in (old, new):
        (place / "same").mkdir(parents=True)
        (place / "same" / "f").write_text("f")
        os.utime(place / "same" / "f", (5, 5))
    (old / "gone" / "deep").mkdir(parents=True)
    (new / "come").write_text("")
    (new / "same" / "g").write_text("")
    fds = [os.open(place, os.O_RDONLY) for place in (new, old)]
    try:
        found = {change.path: change.kind for change in difference(*fds, whole=True)}
    finally:
        for fd in fds:
            os.close(fd)
    assert found == {"/gone": ChangeKind.DELETED, "/come": ChangeKind.ADDED, "/same": ChangeKind.MODIFIED, "/same/g": ChangeKind.ADDED}


def test_names_that_mean_deletion_can_not_be_committed(core: Core, box: ImageRecord) -> None:
    made = create(core, "touch", "/.wh.etc")
    core.lifecycle.start(made.id)
    source = core.lifecycle.wait(made.id)
    source.next()
    source.close()
    assert [change.path for change in sides.changes(core, made.id)] == ["/.wh.etc"]
    with pytest.raises(LongshoreError, match="deleted files"):
        committing.create_image(core, made.id, CommitConfig())
    assert not [name for name in os.listdir(core.roots.ingest) if name.startswith("commit-")]
