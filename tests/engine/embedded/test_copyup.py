"""Volumes are filled from the image, and nothing of the host ever gets into one; layers can be copied instead of mounted."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.backends.embedded import copyup, overlay
from engine.backends.embedded.core import Core
from engine.linux import mounts
from engine.store.images import ImageRecord
from engine.store.roots import Roots
from tests.engine.embedded.conftest import create


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "volume").mkdir()
    return tmp_path / "volume"


def layer(tmp_path: Path, name: str) -> Path:
    directory = tmp_path / name
    directory.mkdir()
    return directory


def test_content_comes_with_owner_mode_and_times(tmp_path: Path, target: Path) -> None:
    one = layer(tmp_path, "one")
    (one / "data" / "deep").mkdir(parents=True)
    (one / "data" / "file").write_bytes(b"x" * 100_000)
    os.chown(one / "data" / "file", 12, 34)
    os.chmod(one / "data" / "file", 0o4750)
    os.utime(one / "data" / "file", ns=(5, 1_000_000_007))
    os.setxattr(one / "data" / "file", "user.note", b"kept")
    os.symlink("/etc/passwd", one / "data" / "deep" / "link")
    os.mkfifo(one / "data" / "fifo", 0o620)
    os.link(one / "data" / "file", one / "data" / "same")
    os.chown(one / "data", 56, 78)
    os.chmod(one / "data", 0o1770)
    assert copyup.fill([str(one)], "/data", str(target)) is True
    info = os.stat(target / "file")
    assert (info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode), info.st_mtime_ns) == (12, 34, 0o4750, 1_000_000_007)
    assert (target / "file").read_bytes() == b"x" * 100_000
    assert os.getxattr(target / "file", "user.note") == b"kept"
    assert os.stat(target / "same").st_ino == info.st_ino
    assert os.readlink(target / "deep" / "link") == "/etc/passwd"
    assert stat.S_ISFIFO(os.stat(target / "fifo").st_mode)
    info = os.stat(target)
    assert (info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)) == (56, 78, 0o1770)


def test_the_merged_view_counts(tmp_path: Path, target: Path) -> None:
    lower, upper = layer(tmp_path, "lower"), layer(tmp_path, "upper")
    (lower / "d").mkdir()
    (lower / "d" / "gone").write_text("x")
    (lower / "d" / "kept").write_text("lower")
    (upper / "d").mkdir()
    os.mknod(upper / "d" / "gone", stat.S_IFCHR | 0o600, os.makedev(0, 0))
    (upper / "d" / "new").write_text("upper")
    assert copyup.fill([str(upper), str(lower)], "/d", str(target)) is True
    assert sorted(os.listdir(target)) == ["kept", "new"]


@pytest.mark.parametrize("layers", [1, 2])
def test_links_stay_inside_the_image(tmp_path: Path, target: Path, layers: int) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("host")
    one = layer(tmp_path, "one")
    os.symlink(str(secret), one / "absolute")
    os.symlink("../" * 30 + str(secret), one / "relative")
    os.symlink("/absolute", one / "chain")
    used = [str(layer(tmp_path, "empty")), str(one)][2 - layers :]
    for place in ("/absolute", "/relative", "/chain", "/absolute/..", "/../../../../" + str(secret)):
        assert copyup.fill(used, place, str(target)) is False
    assert os.listdir(target) == []
    inside = Path(f"{one}{secret}")
    inside.mkdir(parents=True)
    (inside / "key").write_text("image")
    assert copyup.fill(used, "/absolute", str(target)) is True
    assert (target / "key").read_text() == "image"


def test_only_empty_volumes_are_filled(tmp_path: Path, target: Path) -> None:
    one = layer(tmp_path, "one")
    (one / "d").mkdir()
    (one / "d" / "image").write_text("x")
    (one / "file").write_text("x")
    assert copyup.fill([str(one)], "/file", str(target)) is False
    assert copyup.fill([str(one)], "/missing", str(target)) is False
    assert copyup.fill([], "/d", str(target)) is False
    (target / "mine").write_text("x")
    assert copyup.fill([str(one)], "/d", str(target)) is False
    assert os.listdir(target) == ["mine"]


def test_nothing_shows_in_the_hosts_mount_table(tmp_path: Path, target: Path) -> None:
    lower, upper = layer(tmp_path, "lower"), layer(tmp_path, "upper")
    (lower / "d").mkdir()
    before = Path("/proc/self/mountinfo").read_text()
    descriptors = len(os.listdir("/proc/self/fd"))
    copyup.fill([str(upper), str(lower)], "/d", str(target))
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text().replace(before, "")


# -- without overlayfs


@pytest.fixture
def on_an_overlay(tmp_path: Path) -> Iterator[Path]:
    """A directory on an overlay, which can not carry another one's upper directory."""
    for name in ("lower", "upper", "work", "mounted"):
        (tmp_path / name).mkdir()
    tree = mounts.overlay([str(tmp_path / "lower")], str(tmp_path / "upper"), str(tmp_path / "work"))
    place = os.open(tmp_path / "mounted", os.O_RDONLY | os.O_DIRECTORY)
    try:
        mounts.attach(tree, place)
    finally:
        os.close(tree)
        os.close(place)
    try:
        yield tmp_path / "mounted"
    finally:
        from engine.linux import syscalls

        syscalls.umount2(str(tmp_path / "mounted"), mounts.MNT_DETACH)


def test_the_kernel_is_asked_whether_overlays_work(tmp_path: Path, on_an_overlay: Path) -> None:
    lower = str(layer(tmp_path, "plain"))
    for base, works in ((tmp_path / "good", True), (on_an_overlay / "bad", False)):
        roots = Roots(state=str(base / "state"), run=str(base / "run")).ensure()
        for name in ("upper", "work"):
            os.mkdir(base / name)
        for _ in range(2):
            assert overlay.works(roots, [lower], str(base / "upper"), str(base / "work")) is works


def test_a_container_runs_from_a_copy(core: Core, box: ImageRecord) -> None:
    Path(core.roots.run, "overlay").write_text("no")
    made = create(core, "sh", "-c", "echo from a copy > /out; cat /out; test -c /dev/null", volumes=("/bin",))
    core.lifecycle.start(made.id)
    ended = core.lifecycle.wait(made.id)
    try:
        found = ended.next()
    finally:
        ended.close()
    assert found is not None and found.exit_code == 0
    assert Path(core.roots.container_dir(made.id), "rootfs", "out").read_text() == "from a copy\n"
    assert not list(Path(core.roots.container_dir(made.id), "upper").iterdir())
    (mount,) = core.containers.get(made.id).mounts
    assert "busybox" in os.listdir(mount.path)
