"""The tar reader against GNU tar's and Python's writers, and against what no writer should write."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import CorruptData
from engine.image import tar
from engine.image.pax import parse_records, seconds
from engine.image.tar import Entry, TarReader
from tests.engine.image.archives import BLOCK, Archive, base256, header, padded, pieces, record


def read(data: bytes, tmp_path: Path, size: int = 65536) -> list[tuple[Entry, bytes]]:
    """Every entry with its content, holes filled."""
    reader = TarReader(iter(pieces(data, size)))
    found: list[tuple[Entry, bytes]] = []
    while (entry := reader.next()) is not None:
        content = b""
        if entry.kind == tar.REGULAR:
            path = tmp_path / "content"
            with open(path, "w+b") as file:
                reader.copy(entry, file.fileno())
            content = path.read_bytes()
        found.append((entry, content))
    reader.drain()
    return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory with everything that every dialect can hold."""
    top = tmp_path / "source"
    (top / "dir/sub").mkdir(parents=True)
    (top / "dir/file").write_bytes(b"content\n" * 1000)
    (top / "dir/empty").write_bytes(b"")
    (top / ("n" * 90)).write_bytes(b"long")
    (top / "link").symlink_to("dir/file")
    os.link(top / "dir/file", top / "dir/sub/hard")
    os.chmod(top / "dir/file", 0o4755)
    os.mkfifo(top / "fifo")
    os.utime(top / "dir/file", (1_000_000_000, 1_000_000_000))
    return top


@pytest.mark.parametrize("dialect", ["v7", "oldgnu", "gnu", "ustar", "posix"])
@pytest.mark.parametrize("size", [1, 511, 513, 1 << 20])
def test_reads_what_gnu_tar_writes(dialect: str, size: int, source: Path, tmp_path: Path) -> None:
    if dialect == "v7":
        (source / "fifo").unlink()
    data = subprocess.run(
        ["tar", "--sort=name", f"--format={dialect}", "-C", str(source), "-cf", "-", "."], check=True, stdout=subprocess.PIPE
    ).stdout
    ours = read(data, tmp_path, size)
    with tarfile.open(fileobj=io.BytesIO(data)) as theirs:
        members = theirs.getmembers()
        assert [entry.name.rstrip(b"/") for entry, _ in ours] == [os.fsencode(member.name) for member in members]
        for (entry, content), member in zip(ours, members, strict=True):
            assert (entry.mode, entry.uid, entry.gid) == (member.mode, member.uid, member.gid)
            assert entry.link == os.fsencode(member.linkname)
            assert abs(entry.mtime / 1e9 - float(member.mtime)) < 1e-6
            extracted = theirs.extractfile(member) if member.isreg() else None
            if extracted is not None:
                assert content == extracted.read()


@pytest.mark.parametrize("options", [["--format=gnu"], *[["--format=posix", f"--sparse-version={v}"] for v in ("0.0", "0.1", "1.0")]])
@pytest.mark.parametrize("regions", [0, 1, 3, 60])
def test_sparse_files_keep_their_holes(options: list[str], regions: int, tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with open(path, "wb") as file:
        for number in range(regions):
            file.seek(number * 1_000_000)
            file.write(b"%d" % number * 700)
        file.truncate(regions * 1_000_000 + 5_000_000)
    data = subprocess.run(
        ["tar", "--sparse", *options, "-C", str(tmp_path), "-cf", "-", "sparse"], check=True, stdout=subprocess.PIPE
    ).stdout
    [(entry, content)] = read(data, tmp_path, 700)
    assert entry.name == b"sparse"
    assert content == path.read_bytes()
    assert os.stat(tmp_path / "content").st_blocks * 512 < 2_000_000


def test_long_names_and_times_of_pax(tmp_path: Path) -> None:
    name, target = "d/" * 120 + "x", "t" * 300
    data = Archive().symlink(name, target, pax={b"mtime": b"1234567890.123456789", b"uid": b"4000000000", b"gid": b"5"}).bytes()
    [(entry, _)] = read(data, tmp_path)
    assert (entry.name.decode(), entry.link.decode()) == (name, target)
    assert (entry.mtime, entry.uid, entry.gid) == (1234567890123456789, 4000000000, 5)


def test_gnu_long_names(tmp_path: Path) -> None:
    longest = b"l" * 3000
    parts = header(b"././@LongLink", kind=b"L", size=3001) + padded(longest + b"\0") + header(b"short", kind=b"0")
    [(entry, _)] = read(parts + bytes(1024), tmp_path)
    assert entry.name == longest


def test_numbers(tmp_path: Path) -> None:
    big = Archive().raw(header(b"big", fields={108: base256(4_000_000_000, 8), 136: base256(-5, 12), 124: b"         0 \0"})).bytes()
    [(entry, _)] = read(big, tmp_path)
    assert entry.uid == 4_000_000_000
    assert entry.mtime == 0  # before the epoch, as docker clamps
    far = Archive().file("far", pax={b"mtime": b"99999999999999"}).bytes()
    assert read(far, tmp_path)[0][0].mtime == 0


@pytest.mark.parametrize("field", [b"0o17\0", b"1_0\0", b"-7\0", b"+7\0", b"99\0", b"7 7\0"])
def test_numbers_that_are_none(field: bytes, tmp_path: Path) -> None:
    data = Archive().raw(header(b"x", fields={108: field.ljust(8, b"\0")})).bytes()
    with pytest.raises(CorruptData):
        read(data, tmp_path)


def test_a_negative_size_does_not_lead_back() -> None:
    """CVE-2025-8194: a header that says that its member ends where it began would be read for ever."""
    data = Archive().raw(header(b"d/", kind=b"5", fields={124: base256(-512, 12)})).bytes()
    with pytest.raises(CorruptData, match="impossible size -512"):
        TarReader(iter([data])).next()


def test_checksums_signed_and_wrong(tmp_path: Path) -> None:
    block = header(b"\xff\xfe\xfd", sum_signed=True)
    assert read(block + bytes(1024), tmp_path)[0][0].name == b"\xff\xfe\xfd"
    with pytest.raises(CorruptData, match="checksum"):
        read(block.replace(b"\xff", b"\xf0", 1) + bytes(1024), tmp_path)


def test_prefixes_of_ustar_and_star(tmp_path: Path) -> None:
    ustar = header(b"name", fields={345: b"p" * 155})
    star = header(b"name", fields={345: b"q" * 131, 476: b"00000000001\x0000000000002", 508: b"tar\0"})
    gnu = header(b"name", magic=b"ustar  \0", fields={345: b"12345670123\0"})
    names = [entry.name for entry, _ in read(ustar + star + gnu + bytes(1024), tmp_path)]
    assert names == [b"p" * 155 + b"/name", b"q" * 131 + b"/name", b"name"]


def test_ends(tmp_path: Path) -> None:
    one = header(b"a")
    for ending in (b"", bytes(512), bytes(1024), bytes(10240), bytes(1024) + b"garbage after the end"):
        assert [entry.name for entry, _ in read(one + ending, tmp_path)] == [b"a"]
    with pytest.raises(CorruptData, match="lone zero block"):
        read(one + bytes(512) + one + bytes(1024), tmp_path)


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    data = Archive().file("a", b"x" * 700, pax={b"comment": b"c" * 600}).bytes()[: -2 * BLOCK]
    for cut in range(1, len(data)):
        with pytest.raises(CorruptData):
            read(data[:cut], tmp_path)


def test_global_headers_are_ignored(tmp_path: Path) -> None:
    data = Archive().pax({b"comment": b"0123456789abcdef", b"path": b"evil"}, kind=b"g").file("a", b"1").bytes()
    assert [entry.name for entry, _ in read(data, tmp_path)] == [b"a"]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(header(b"x", kind=b"x", size=tar.MAX_EXTENDED + 1), id="huge extended header"),
        pytest.param(b"".join(header(b"x", kind=b"x") for _ in range(3000)), id="endless extended headers"),
        pytest.param(header(b"x", size=tar.MAX_FILE + 1), id="huge file"),
        pytest.param(header(b"x", fields={124: base256(-1, 12)}), id="negative size"),
        pytest.param(header(b"x", kind=b"x", size=20) + padded(b"20 path=" + b"a" * 11 + b"b"), id="record without newline"),
        pytest.param(header(b"x", kind=b"x", size=20) + padded(b"99999999999999999999 path=a\n"[:20]), id="record too long"),
        pytest.param(Archive().file("x", pax={b"size": b"-1"}).bytes(), id="negative PAX size"),
        pytest.param(Archive().file("x", pax={b"path": b"a\0b"}).bytes(), id="NUL in a name"),
        pytest.param(Archive().file("x", pax={b"uid": b"4294967295"}).bytes(), id="owner that means nobody"),
        pytest.param(Archive().file("x", pax={b"GNU.sparse.size": b"9", b"GNU.sparse.map": b"5,5,0,5"}).bytes(), id="sparse overlap"),
        pytest.param(Archive().file("x", pax={b"GNU.sparse.size": b"9", b"GNU.sparse.map": b"0,99"}).bytes(), id="sparse too long"),
        pytest.param(Archive().file("x", pax={b"GNU.sparse.size": b"1152921504606846976", b"GNU.sparse.map": b""}).bytes(), id="1 EiB"),
        pytest.param(
            Archive()
            .file("x", b"9\n" * 99, pax={b"GNU.sparse.major": b"1", b"GNU.sparse.minor": b"0", b"GNU.sparse.realsize": b"9"})
            .bytes(),
            id="sparse map beyond its file",
        ),
    ],
)
def test_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(CorruptData):
        read(data, tmp_path)


def test_garbage_without_end_is_given_up() -> None:
    def endless() -> Iterator[bytes]:
        yield bytes(1024)
        while True:
            yield bytes(1 << 20)

    reader = TarReader(endless())
    assert reader.next() is None
    with pytest.raises(CorruptData, match="follow the end"):
        reader.drain()


def test_records() -> None:
    value = b"with\nnewline=\0 and NUL"
    assert parse_records(record(b"SCHILY.xattr.user.a", value) + record(b"k", b"")) == [(b"SCHILY.xattr.user.a", value), (b"k", b"")]
    assert seconds(b"-1.5") == -1_500_000_000
    assert seconds(b"7") == 7_000_000_000


def test_xattrs_of_both_spellings(tmp_path: Path) -> None:
    data = Archive().file("a", pax={b"SCHILY.xattr.user.x": b"\0\n\xff", b"LIBARCHIVE.xattr.user.%79": b"aGk"}).bytes()
    [(entry, _)] = read(data, tmp_path)
    assert sorted(entry.xattrs) == [(b"user.x", b"\0\n\xff"), (b"user.y", b"hi")]
