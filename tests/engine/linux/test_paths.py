from __future__ import annotations

import ctypes
import errno
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.linux import paths, syscalls


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    """A root directory with links that want out; beside it lies ``outside``."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("secret")
    inside = tmp_path / "root"
    (inside / "a/b").mkdir(parents=True)
    (inside / "a/file").write_text("inside")
    (inside / "absolute").symlink_to(tmp_path / "outside")
    (inside / "climbing").symlink_to("../../../../.." + str(tmp_path / "outside"))
    (inside / "to-a").symlink_to("/a")
    (inside / "loop").symlink_to("loop")
    (inside / "dangling").symlink_to("a/missing")
    fd = os.open(inside, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def _where(fd: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


def test_links_stay_inside(root: int, tmp_path: Path) -> None:
    base = str(tmp_path / "root")
    assert _where(paths.open_in_root(root, "to-a/b")) == f"{base}/a/b"
    assert _where(paths.open_in_root(root, "/../../a/../a/b")) == f"{base}/a/b"
    assert _where(paths.open_in_root(root, "")) == base
    for name in ("absolute/secret", "climbing/secret", "/a/../../outside/secret"):
        with pytest.raises(FileNotFoundError):
            paths.open_in_root(root, name)
    with pytest.raises(OSError, match="symbolic links"):
        paths.open_in_root(root, "loop/x")
    with pytest.raises(OSError, match="NUL"):
        paths.open_in_root(root, "a\0/b")


def test_descriptors_are_not_inherited(root: int) -> None:
    fd = paths.open_in_root(root, "a")
    assert not os.get_inheritable(fd)
    os.close(fd)


def test_links_of_procfs_are_refused() -> None:
    host = os.open("/", syscalls.O_PATH)
    try:
        for name in ("/proc/self/root", "/proc/self/cwd", "/proc/self/fd/0", f"/proc/self/fd/{host}/etc"):
            with pytest.raises(OSError) as caught:
                paths.open_in_root(host, name)
            assert caught.value.errno == errno.ELOOP
    finally:
        os.close(host)


def test_beneath_takes_no_link_at_all(root: int) -> None:
    os.close(paths.open_beneath(root, "a/b"))
    for name in ("to-a", "../outside", "/a", "absolute"):
        with pytest.raises(OSError):
            os.close(paths.open_beneath(root, name))


def test_directories_are_made_inside(root: int, tmp_path: Path) -> None:
    base = str(tmp_path / "root")
    assert _where(paths.make_directories(root, "/x/y/z")) == f"{base}/x/y/z"
    assert stat.S_IMODE(os.stat(f"{base}/x/y").st_mode) == 0o755 & ~_umask()
    assert _where(paths.make_directories(root, "to-a/new")) == f"{base}/a/new"
    assert _where(paths.make_directories(root, "dangling/deep")) == f"{base}/a/missing/deep"
    assert _where(paths.make_directories(root, "absolute/deep")) == base + str(tmp_path / "outside/deep")
    assert sorted(os.listdir(tmp_path / "outside")) == ["secret"]
    with pytest.raises(NotADirectoryError):
        paths.make_directories(root, "a/file/x")
    with pytest.raises(OSError):
        paths.make_directories(root, "loop/x")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_files_are_made_inside(root: int, tmp_path: Path) -> None:
    base = str(tmp_path / "root")
    assert _where(paths.make_file(root, "/new/file")) == f"{base}/new/file"
    assert _where(paths.make_file(root, "a/file")) == f"{base}/a/file"
    assert _where(paths.make_file(root, "dangling")) == f"{base}/a/missing"
    assert not (tmp_path / "outside/new").exists()
    with pytest.raises(IsADirectoryError):
        paths.make_file(root, "a/b")


def test_only_regular_files_of_a_bounded_size_are_read(root: int, tmp_path: Path) -> None:
    inside = tmp_path / "root"
    assert paths.read_regular(root, "to-a/file", 6) == b"inside"
    os.mkfifo(inside / "fifo")
    (inside / "zero").symlink_to("/dev/zero")
    with (inside / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    for name, number in (
        ("fifo", errno.EINVAL),
        ("a/b", errno.EINVAL),
        ("sparse", errno.EFBIG),
        ("a/file/x", errno.ENOTDIR),
        ("zero", errno.ENOENT),
    ):
        with pytest.raises(OSError) as caught:
            paths.read_regular(root, name, 100)
        assert caught.value.errno == number, name
    with pytest.raises(OSError, match="too large"):
        paths.read_regular(root, "a/file", 5)


def test_a_racing_swap_never_leads_out(root: int, tmp_path: Path) -> None:
    """Somebody swaps a directory for a link out while we look (CVE-2021-30465, CVE-2024-45310)."""
    inside = tmp_path / "root"
    (inside / "swap").mkdir()
    os.symlink(tmp_path / "outside", inside / "link")
    done = threading.Event()

    def swap() -> None:
        exchange = ctypes.CDLL(None, use_errno=True).renameat2
        while not done.is_set():
            assert exchange(root, b"swap", root, b"link", 2) == 0  # RENAME_EXCHANGE

    racer = threading.Thread(target=swap)
    racer.start()
    try:
        for number in range(500):
            try:
                assert _where(paths.make_directories(root, f"swap/{number}")).startswith(f"{inside}/")
            except OSError:
                continue
    finally:
        done.set()
        racer.join()
    assert sorted(os.listdir(tmp_path / "outside")) == ["secret"]
