"""The layer store: what it makes of benign archives compared with GNU tar, and what it never leaves behind."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import zstandard

from engine.errors import Cancelled, CorruptData, DiskFull, EngineFault, InvalidArgument, NotFound, NotSupported
from engine.linux import syscalls
from engine.model import digest
from tests.engine.image.archives import Archive, diff_id, gzipped, pieces
from tests.engine.image.stores import Store
from tests.engine.image.trees import describe
from tests.support.wait import until


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path)) as made:
        yield made


def simple(text: bytes = b"content") -> bytes:
    return Archive().directory("etc").file("etc/name", text).bytes()


def test_same_as_gnu_tar(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("a/b/c", "etc", "empty", "secret"):
        (source / name).mkdir(parents=True)
    for number in range(300):
        (source / f"a/b/file{number}").write_bytes(os.urandom(number * 37 % 5000))
    (source / "a/big").write_bytes(os.urandom(3_000_000))
    os.link(source / "a/big", source / "etc/hard")
    (source / "a/link").symlink_to("/etc/nowhere")
    os.lchown(source / "a/link", 7, 8)
    (source / "a/b/suid").write_bytes(b"#!")
    os.chown(source / "a/b/suid", 5, 6)
    os.chmod(source / "a/b/suid", 0o6751)
    os.chmod(source / "secret", 0o1700)
    os.chown(source / "secret", 33, 34)
    os.mknod(source / "null", 0o20666, os.makedev(1, 3))
    os.mkfifo(source / "fifo")
    os.setxattr(source / "a/big", "user.note", b"\0binary\n")
    os.setxattr(source / "a/b/suid", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    for path, folders, files in os.walk(source):
        for name in (*folders, *files):
            os.utime(f"{path}/{name}", ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789), follow_symlinks=False)
    archive = tmp_path / "layer.tar"
    subprocess.run(["tar", "--format=posix", "--xattrs", "--xattrs-include=*", "-C", source, "-cf", archive, "."], check=True)
    expected = tmp_path / "expected"
    expected.mkdir()
    subprocess.run(["tar", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-C", expected, "-xpf", archive], check=True)
    chain = store.add(archive.read_bytes())
    made = store.path(chain)
    assert describe(made, times=True, inodes=True) == describe(str(expected), times=True, inodes=True)
    assert store.size(chain) == sum(
        os.lstat(path).st_size
        for path in {os.lstat(f"{top}/{name}").st_ino: f"{top}/{name}" for top, _, names in os.walk(made) for name in names}.values()
    )


@pytest.mark.parametrize("kind", ["plain", "gzip", "members", "padded", "zstd", "frames", "skippable"])
def test_compressions(kind: str, store: Store) -> None:
    tar = simple(os.urandom(300_000))
    half = len(tar) // 2
    skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"skip"
    data = {
        "plain": lambda: tar,
        "gzip": lambda: gzip.compress(tar),
        "members": lambda: gzip.compress(tar[:half]) + gzip.compress(b"") + gzip.compress(tar[half:]),
        "padded": lambda: gzip.compress(tar) + bytes(1000),
        "zstd": lambda: zstandard.compress(tar),
        "frames": lambda: zstandard.compress(tar[:half]) + zstandard.compress(tar[half:]),
        "skippable": lambda: skippable + zstandard.compress(tar) + skippable,
    }[kind]()
    told: list[int] = []
    chain = store.unpack(pieces(data, 1000), diff_id=diff_id(tar), progress=told.append)
    assert chain == diff_id(tar)
    assert Path(store.path(chain), "etc/name").stat().st_size == 300_000
    assert told == sorted(told) and told[-1] == len(data)


def test_pieces_of_one_byte(store: Store) -> None:
    tar = simple()
    assert store.unpack(pieces(gzipped(tar), 1), diff_id=diff_id(tar)) == diff_id(tar)


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        pytest.param(lambda tar: gzipped(tar)[:-20], CorruptData, id="gzip cut short"),
        pytest.param(lambda tar: gzipped(tar)[:40] + b"\xff" * 30 + gzipped(tar)[70:], CorruptData, id="gzip damaged"),
        pytest.param(lambda tar: gzipped(tar)[:-8] + b"\0\0\0\0" + gzipped(tar)[-4:], CorruptData, id="gzip checksum"),
        pytest.param(lambda tar: gzipped(tar) + b"garbage", CorruptData, id="garbage after gzip"),
        pytest.param(lambda tar: zstandard.compress(tar)[:-5], CorruptData, id="zstd cut short"),
        pytest.param(lambda tar: zstandard.compress(tar)[:30] + b"\xff" * 9 + zstandard.compress(tar)[39:], CorruptData, id="zstd damaged"),
        pytest.param(lambda tar: tar[:700], CorruptData, id="tar cut short"),
        pytest.param(lambda tar: gzipped(tar[:1100] + bytes([tar[1100] ^ 1]) + tar[1101:]), CorruptData, id="other content"),
        pytest.param(lambda tar: gzipped(tar + b"trailing"), CorruptData, id="trailing bytes count"),
        pytest.param(lambda tar: b"", CorruptData, id="nothing at all"),
        pytest.param(lambda tar: b"BZh91AY&SY", NotSupported, id="bzip2"),
        pytest.param(lambda tar: b"\xfd7zXZ\0\0\0", NotSupported, id="xz"),
    ],
)
def test_damage_leaves_nothing(damage: object, error: type[Exception], store: Store) -> None:
    assert callable(damage)
    tar = simple(os.urandom(100_000))
    with pytest.raises(error):
        store.unpack(pieces(damage(tar)), diff_id=diff_id(tar))
    assert os.listdir(store.roots.layers) == []
    assert not store.has(diff_id(tar))
    assert store.add(tar) == diff_id(tar)  # and the helper still works


def test_failing_source_is_passed_on(store: Store) -> None:
    tar = simple(os.urandom(500_000))

    def source() -> Iterator[bytes]:
        yield gzipped(tar)[:100_000]
        raise OSError(errno.ECONNRESET, "reset")

    with pytest.raises(EngineFault, match="reset"):
        store.unpack(source(), diff_id=diff_id(tar))
    assert os.listdir(store.roots.layers) == []


def test_cancelling(store: Store) -> None:
    tar = simple(os.urandom(1_000_000))
    told: list[int] = []
    with pytest.raises(Cancelled):
        store.unpack(pieces(gzipped(tar), 10_000), diff_id=diff_id(tar), progress=told.append, stop=lambda: len(told) > 3)
    assert os.listdir(store.roots.layers) == []


def test_digests_are_checked_before_they_are_paths(store: Store) -> None:
    for hostile in ("sha256:../../x", "", "sha256:" + "A" * 64, "md5:" + "0" * 32):
        with pytest.raises(InvalidArgument):
            store.unpack([b""], diff_id=hostile)
        with pytest.raises(InvalidArgument):
            store.path(hostile)


def test_known_layers_are_not_read_again(store: Store) -> None:
    chain = store.add(simple())

    assert store.unpack(map(len, [[]]), diff_id=diff_id(simple())) == chain  # type: ignore[arg-type]  # would fail if it were read


def test_one_layer_from_many_threads_is_made_once(store: Store) -> None:
    tar = simple(os.urandom(200_000))
    data = gzipped(tar)
    read: list[int] = []
    gate = threading.Barrier(4)
    made: list[str] = []

    def source(number: int) -> Iterator[bytes]:
        read.append(number)
        yield from pieces(data)

    def run(number: int) -> None:
        gate.wait(60)
        made.append(store.unpack(source(number), diff_id=diff_id(tar)))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert made == [diff_id(tar)] * 4
    assert len(read) == 1


def test_layers_at_the_same_time_wait_for_their_parents(store: Store) -> None:
    tars = [Archive().file(f"f{number}", os.urandom(50_000)).bytes() for number in range(4)]
    chain = digest.chain_ids(tuple(map(diff_id, tars)))
    lowest_may_end = threading.Event()
    made: dict[int, str] = {}

    def source(number: int) -> Iterator[bytes]:
        data = gzipped(tars[number])
        yield data[:100]
        if number == 0:
            assert lowest_may_end.wait(60)
        yield data[100:]

    def run(number: int) -> None:
        made[number] = store.unpack(source(number), diff_id=diff_id(tars[number]), parents=chain[:number])

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]

    def begun(count: int) -> bool:
        return len(os.listdir(store.roots.layers)) >= count

    for number, thread in enumerate(threads):
        thread.start()
        until(partial(begun, number + 1))
    assert made == {}
    lowest_may_end.set()
    for thread in threads:
        thread.join(60)
    assert made == dict(enumerate(chain))
    assert store.lowers(chain) == [store.path(each) for each in reversed(chain)]


def test_a_missing_parent_is_an_error(store: Store) -> None:
    missing = "sha256:" + "0" * 64
    with pytest.raises(NotFound, match="layer below"):
        store.add(simple(), [missing])
    assert os.listdir(store.roots.layers) == []
    with pytest.raises(NotFound):
        store.lowers([missing])
    with pytest.raises(NotFound):
        store.size(missing)


def test_removing(store: Store) -> None:
    chain = store.add(Archive().directory("a", mode=0).file("a/b/c/d", b"12345").bytes())
    assert store.remove(chain) == 5
    assert not store.has(chain)
    assert os.listdir(store.roots.layers) == []
    assert store.remove(chain) == 0


def test_removing_what_is_deeper_than_a_path(store: Store) -> None:
    chain = store.add(simple())
    fd = os.open(store.path(chain), os.O_RDONLY)
    name = "d" * 200
    for _ in range(60):
        os.mkdir(name, dir_fd=fd)
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    store.remove(chain)
    assert os.listdir(store.roots.layers) == []


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    syscalls.mount("tmpfs", str(place), "tmpfs", 0, "size=90m")
    try:
        with Store(str(place)) as store:
            tar = Archive().file("a", bytes(20_000_000)).file("b", bytes(20_000_000)).file("c", bytes(1_000_000)).bytes()
            with pytest.raises(DiskFull):
                store.add(tar)
            assert os.listdir(store.roots.layers) == []
            assert store.add(simple()) == diff_id(simple())
    finally:
        syscalls.umount2(str(place), 2)


def test_a_killed_helper_is_an_error_and_replaced(store: Store) -> None:
    tar = simple(os.urandom(500_000))

    def source() -> Iterator[bytes]:
        yield gzipped(tar)[:1000]
        helper = store._unpacker._pid
        os.kill(helper, signal.SIGKILL)
        for _ in range(1000):
            yield os.urandom(100_000)

    with pytest.raises(EngineFault):
        store.unpack(source(), diff_id=diff_id(tar))
    assert os.listdir(store.roots.layers) == []
    assert store.add(tar) == diff_id(tar)


SLOW = """
import sys, time
from tests.engine.image.stores import Store
from tests.engine.image.archives import Archive, diff_id, gzipped
tar = Archive().file("a", b"x" * 1000).file("b", b"y" * 100000).bytes()
def source():
    yield gzipped(tar)[:600]
    print("begun", flush=True)
    time.sleep(600)
Store(sys.argv[1]).unpack(source(), diff_id=diff_id(tar))
"""


def test_a_killed_front_end_leaves_only_what_sweep_removes(tmp_path: Path) -> None:
    front = subprocess.Popen([sys.executable, "-c", SLOW, str(tmp_path)], stdout=subprocess.PIPE, cwd=os.getcwd())
    assert front.stdout is not None
    assert front.stdout.readline() == b"begun\n"
    with Store(str(tmp_path)) as store:
        [name] = os.listdir(store.roots.layers)
        assert store.sweep() == 0  # somebody works on it
        front.kill()
        front.wait(60)
        front.stdout.close()
        until(lambda: store.sweep() == 1)
        assert os.listdir(store.roots.layers) == [], name


def test_sweep_removes_what_no_record_names(store: Store) -> None:
    chain = store.add(simple())
    for name in (".gone-1", ".new-" + "1" * 64, "2" * 64):
        os.makedirs(f"{store.roots.layers}/{name}/diff/x")
    assert store.sweep() == 3
    assert os.listdir(store.roots.layers) == [os.path.basename(os.path.dirname(store.path(chain)))]
    assert store.has(chain)


def test_a_layer_that_lost_its_record_is_made_again(store: Store) -> None:
    chain = store.add(simple())
    store._layers.delete(chain)
    assert not store.has(chain)
    assert store.add(simple()) == chain
    assert store.has(chain)


def test_sha512(store: Store) -> None:
    tar = simple()
    chain = store.unpack(pieces(tar), diff_id="sha512:" + hashlib.sha512(tar).hexdigest())
    assert Path(store.path(chain), "etc/name").read_bytes() == b"content"
