"""Unpacking into a file system that somebody else changes, and packing it."""

from __future__ import annotations

import ctypes
import io
import os
import stat
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import CorruptData, InvalidArgument, LongshoreError
from engine.image import pack
from engine.image.extract import Extractor
from engine.image.tar import TarReader
from tests.engine.image.hostile import CASES, Case
from tests.engine.image.trees import describe
from tests.support.images import tar_of

RENAME_EXCHANGE = 2
renameat2 = ctypes.CDLL(None, use_errno=True).renameat2


def extract(root: Path, data: bytes, target: str = "", **options: object) -> None:
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        Extractor(fd, target, **options).run(TarReader(iter([data])))  # type: ignore[arg-type]
    finally:
        os.close(fd)


def packed(root: Path, name: str = ".", shown: bytes = b"top") -> bytes:
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return b"".join(pack.ended(pack.tree(fd, name, shown)))
    finally:
        os.close(fd)


@pytest.fixture
def racing(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A root in which ``d`` is now a directory and now a link to a directory outside, as fast as a thread can swap them."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "d").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (root / "d" / "secret").write_text("mine")
    (root / "swap").symlink_to(outside)
    ended = threading.Event()
    a, b = os.fsencode(root / "d"), os.fsencode(root / "swap")

    def swap() -> None:
        while not ended.is_set():
            assert renameat2(-100, a, -100, b, RENAME_EXCHANGE) == 0

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield root, outside
    finally:
        ended.set()
        thread.join()


def test_a_racing_link_leads_no_copy_out(racing: tuple[Path, Path]) -> None:
    root, outside = racing
    data = tar_of([("d/new", b"new", 0o644), ("d/sub/", b"", 0o755), ("d/sub/x", b"x", 0o644), ("d/secret", b"gone", 0o4755)])
    for _ in range(300):
        try:
            extract(root, data)
        except (OSError, LongshoreError):
            continue
    assert os.listdir(outside) == ["secret"] and (outside / "secret").read_text() == "secret"
    assert stat.S_IMODE((outside / "secret").stat().st_mode) == 0o644


def test_a_racing_link_leads_no_reading_out(racing: tuple[Path, Path]) -> None:
    root, _ = racing
    for _ in range(300):
        assert b"secret\0" not in packed(root).replace(b"d/secret", b"").replace(b"swap/secret", b"")
        with tarfile.open(fileobj=io.BytesIO(packed(root))) as archive:
            for member in archive.getmembers():
                if member.isfile():
                    file = archive.extractfile(member)
                    assert file is not None and file.read() == b"mine"


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/../x"])
def test_names_that_climb_are_refused(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(CorruptData):
        extract(root, tar_of([(name, b"x", 0o644)]))
    assert os.listdir(tmp_path) == ["root"]


def test_links_of_the_archive_stay_inside(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "etc").mkdir()
    extract(
        root, tar_of([("out", "../etc", 0o777), ("out/passwd", b"x", 0o644), ("abs", str(tmp_path / "etc"), 0o777), ("abs/p", b"y", 0o644)])
    )
    assert os.listdir(tmp_path / "etc") == []
    assert (root / "etc" / "passwd").read_text() == "x"
    link = tar_of([("hosts", "/etc/hosts", 0o777), ("hosts", b"mine", 0o644)])
    before = Path("/etc/hosts").read_bytes()
    extract(root, link)
    assert (root / "hosts").read_text() == "mine" and not (root / "hosts").is_symlink() and Path("/etc/hosts").read_bytes() == before


def test_a_hard_link_reaches_nothing_outside(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_text("secret")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
        hard = tarfile.TarInfo("hard")
        hard.type, hard.linkname = tarfile.LNKTYPE, "link/secret"
        archive.addfile(hard)
    with pytest.raises(OSError, match="No such file"):
        extract(root, out.getvalue())
    assert (tmp_path / "secret").stat().st_nlink == 1


def test_directories_and_files_do_not_replace_each_other(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "f").write_text("f")
    with pytest.raises(InvalidArgument, match="cannot overwrite directory"):
        extract(tmp_path, tar_of([("d", b"x", 0o644)]))
    with pytest.raises(InvalidArgument, match="cannot overwrite non-directory"):
        extract(tmp_path, tar_of([("f/", b"", 0o755)]))


def test_a_round_trip_keeps_everything(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "sub").mkdir(parents=True)
    target.mkdir()
    long = "n" * 200
    (source / "sub" / long).write_bytes(b"x" * 100_000)
    os.chmod(source / "sub" / long, 0o4711)
    os.chown(source / "sub" / long, 70_000, 3_000_000)
    os.chmod(source / "sub" / long, 0o4711)
    os.utime(source / "sub" / long, ns=(5_500_000_000, 5_500_000_000))
    os.setxattr(source / "sub" / long, "user.note", b"a\0b\n")
    os.link(source / "sub" / long, source / "zlink")
    os.mkfifo(source / "fifo", 0o620)
    os.symlink("l" * 150, source / "link")
    with open(source / "sparse", "wb") as file:
        file.truncate(1 << 20)
    (source / "\udcff").write_text("")
    os.utime(source / "sub", (1_000, 1_000))
    data = packed(source)
    assert len(data) % 10240 == 0
    extract(target, data, "/")
    top = target / "top"
    info = (top / "sub" / long).stat()
    assert (info.st_size, stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid, info.st_mtime) == (100_000, 0o4711, 70_000, 3_000_000, 5)
    assert os.getxattr(top / "sub" / long, "user.note") == b"a\0b\n"
    assert info.st_nlink == 2 and (top / "zlink").stat().st_ino == info.st_ino
    assert stat.S_ISFIFO((top / "fifo").stat().st_mode) and os.readlink(top / "link") == "l" * 150
    assert (top / "sparse").stat().st_size == 1 << 20 and (top / "\udcff").exists()
    assert (top / "sub").stat().st_mtime == 1_000
    assert packed(top) == data
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getmember(f"top/sub/{long}").uid == 70_000


def test_whose_the_files_are(tmp_path: Path) -> None:
    data = tar_of([("f", b"x", 0o4755)])
    extract(tmp_path, data, owner=(7, 8))
    info = (tmp_path / "f").stat()
    assert (info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)) == (7, 8, 0o4755)
    extract(tmp_path, data, keep_owner=False)
    assert (tmp_path / "f").stat().st_uid == os.geteuid()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_archive_touches_anything_outside(case: Case, tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    (outside / "dir").mkdir(parents=True)
    (outside / "victim").write_bytes(b"untouched")
    (root / "target").mkdir(parents=True)
    before = describe(str(outside), times=True), sorted(os.listdir("/")), sorted(os.listdir(tmp_path)), os.stat("/etc/passwd")
    try:
        extract(root, case.build(str(outside)).bytes(), "/target")
    except (OSError, LongshoreError):
        pass
    after = describe(str(outside), times=True), sorted(os.listdir("/")), sorted(os.listdir(tmp_path)), os.stat("/etc/passwd")
    assert before[:3] == after[:3] and before[3].st_mtime_ns == after[3].st_mtime_ns and before[3].st_mode == after[3].st_mode


def test_a_directory_without_end_is_no_hang(tmp_path: Path) -> None:
    """Deeper than a path can be long: an error, not a part of the files."""
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(300):
            os.mkdir("n" * 20, dir_fd=fd)
            deeper = os.open("n" * 20, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = deeper
    finally:
        os.close(fd)
    with pytest.raises(OSError, match="too long"):
        packed(tmp_path)
