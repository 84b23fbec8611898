"""Archives nobody has thought of: the tar reader never fails but in its own words, and stacks of layers mean what a simple model says."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from engine.errors import CorruptData, LongshoreError
from engine.image import tar
from engine.image.pax import parse_records
from engine.image.tar import TarReader
from engine.linux import syscalls
from tests.engine.image.archives import Archive, diff_id, pieces, record
from tests.engine.image.hostile import CASES
from tests.engine.image.stores import Store
from tests.engine.image.trees import merged
from tests.fuzz.layer_model import Ambiguous, Model, Step, archive

fuzz = settings(deadline=None, derandomize=True, database=None, max_examples=200)
slow = settings(fuzz, max_examples=40)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A file system in memory: many layers are made here, and each is synced."""
    top = str(tmp_path_factory.mktemp("fuzz"))
    syscalls.mount("tmpfs", top, "tmpfs", 0, "size=512m")
    yield top
    syscalls.umount2(top, 2)


@pytest.fixture(scope="module")
def store(place: str) -> Iterator[Store]:
    with Store(place) as made:
        yield made


def outcome(data: bytes, size: int) -> list[object]:
    """Everything the reader says about ``data``, or that it refuses it."""
    reader = TarReader(iter(pieces(data, size)))
    found: list[object] = []
    try:
        with open(os.devnull, "wb") as sink:
            while (entry := reader.next()) is not None:
                found.append((entry.name, entry.kind, entry.mode, entry.uid, entry.gid, entry.size, entry.mtime, entry.link, entry.sparse))
                assert 0 <= entry.size <= tar.MAX_FILE
                assert b"\0" not in entry.name and b"\0" not in entry.link
                if entry.kind == tar.REGULAR and entry.sparse is None:
                    reader.copy(entry, sink.fileno())
        reader.drain()
    except CorruptData:
        found.append("refused")
    return found


mutations = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 1 << 20), st.integers(0, 255)),
        st.tuples(st.just("cut"), st.integers(0, 1 << 20), st.integers(1, 1500)),
        st.tuples(st.just("double"), st.integers(0, 1 << 20), st.integers(1, 1500)),
        st.tuples(st.just("fix"), st.integers(0, 1 << 20), st.integers(0, 0)),
    ),
    max_size=8,
)


def mutated(data: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    """``data`` damaged; ``fix`` makes a block's checksum right again, so that damage gets further in."""
    out = bytearray(data)
    for kind, where, value in changes:
        at = where % max(len(out), 1)
        if kind == "set" and out:
            out[at] = value
        elif kind == "cut":
            del out[at : at + value]
        elif kind == "double":
            out[at:at] = out[at : at + value]
        elif kind == "fix":
            block = at // 512 * 512
            if len(out) >= block + 512:
                out[block + 148 : block + 156] = b" " * 8
                out[block + 148 : block + 156] = b"%06o\0 " % sum(out[block : block + 512])
    return bytes(out)


SEEDS = [case.build("/outside").bytes() for case in CASES if case.name not in ("trailing_bomb", "pax_bomb")] + [
    Archive().file("s", b"ab", pax={b"GNU.sparse.size": b"9", b"GNU.sparse.map": b"0,1,5,1"}).file("after", b"1").bytes(),
    Archive().file("x" * 300, b"1" * 2000, uid=1 << 31, pax={b"SCHILY.xattr.user.a": b"1", b"mtime": b"1.5"}).bytes(),
]


@fuzz
@given(data=st.binary(max_size=4096), size=st.sampled_from([1, 100, 512, 5000]))
def test_any_bytes(data: bytes, size: int) -> None:
    outcome(data, size)


@fuzz
@given(seed=st.sampled_from(SEEDS), changes=mutations, size=st.sampled_from([1 << 20, 512, 511]))
def test_damaged_archives(seed: bytes, changes: list[tuple[str, int, int]], size: int) -> None:
    data = mutated(seed, changes)
    assert outcome(data, size) == outcome(data, 10_000)


names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=120)


@fuzz
@given(
    name=names,
    link=names,
    content=st.binary(max_size=2000),
    mode=st.integers(0, 0o7777),
    owner=st.integers(0, (1 << 32) - 2),
    mtime=st.integers(0, 1 << 33),
    form=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
)
def test_what_python_writes(name: str, link: str, content: bytes, mode: int, owner: int, mtime: int, form: int) -> None:
    assume(not name.endswith("/"))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as writer:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.uid, info.gid, info.mtime = len(content), mode, owner, owner, mtime
        writer.addfile(info, io.BytesIO(content))
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.SYMTYPE, link
        writer.addfile(info)
    reader = TarReader(iter(pieces(out.getvalue(), 700)))
    entry = reader.next()
    assert entry is not None
    assert (entry.name, entry.mode, entry.uid, entry.gid, entry.mtime) == (name.encode(), mode, owner, owner, mtime * 1_000_000_000)
    assert entry.size == len(content)
    second = reader.next()
    assert second is not None and second.link == link.encode()
    assert reader.next() is None


@fuzz
@given(records=st.lists(st.tuples(st.binary(min_size=1, max_size=20).filter(lambda key: b"=" not in key), st.binary(max_size=150))))
def test_pax_records_read_back(records: list[tuple[bytes, bytes]]) -> None:
    assert parse_records(b"".join(record(key, value) for key, value in records)) == records


@fuzz
@given(data=st.binary(max_size=200))
def test_pax_records_of_any_bytes(data: bytes) -> None:
    try:
        parse_records(data)
    except CorruptData:
        pass


@slow
@given(seed=st.sampled_from(SEEDS), changes=mutations)
def test_damaged_layers_stay_inside(store: Store, place: str, seed: bytes, changes: list[tuple[str, int, int]]) -> None:
    data = mutated(seed, changes)
    before = sorted(os.listdir(place)), sorted(os.listdir("/")), os.stat("/etc/passwd")
    try:
        chain = store.unpack(pieces(data), diff_id=diff_id(data))
    except LongshoreError as error:
        assert "Error" not in error.message and "died" not in error.message, error
    else:
        store.remove(chain)
    assert os.listdir(store.roots.layers) == []
    assert (sorted(os.listdir(place)), sorted(os.listdir("/")), os.stat("/etc/passwd")) == before


paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
targets = st.sampled_from(["a", "b", "c", "/a", "/b/c", "..", "../b", "a/b", "./c", "/nowhere"])
steps = st.one_of(
    st.builds(Step, paths, st.just("dir"), mode=st.sampled_from([0o755, 0o700, 0o1777])),
    st.builds(Step, paths, st.just("file"), st.sampled_from(["x", "yy", "zzz"]), st.sampled_from([0o644, 0o4755])),
    st.builds(Step, paths, st.just("link"), targets),
    st.builds(Step, paths, st.just("hard"), paths),
    st.builds(Step, paths, st.just("white")),
    st.builds(Step, paths, st.just("opaque")),
)


def layer_of(drawn: list[Step]) -> list[Step]:
    """Parents before what is in them, one entry a path and kind of entry."""
    unique: dict[tuple[str, bool], Step] = {}
    for step in drawn:
        unique.setdefault((step.path, step.kind in ("white", "opaque")), step)
    return sorted(unique.values())


@slow
@given(stack=st.lists(st.lists(steps, min_size=1, max_size=5).map(layer_of), min_size=2, max_size=3))
@example(stack=[[Step("a", "link", "b"), Step("b/c", "file", "x")], [Step("a/c", "file", "yy"), Step("a/d", "hard", "b/c")]])
@example(stack=[[Step("a/a", "dir")], [Step("a", "white"), Step("a/a", "white")]])
@example(stack=[[Step("a", "link", "..")], [Step("a", "opaque")]])
@example(stack=[[Step("b", "link", "a")], [Step("a", "dir"), Step("b/a", "hard", "b")]])
@example(stack=[[Step("a", "link", "..")], [Step("a/a", "opaque")]])
@example(stack=[[Step("a", "link", "..")], [Step("a/a/a", "file", "x")]])
def test_stacks_mean_what_the_model_says(store: Store, place: str, stack: list[list[Step]]) -> None:
    model = Model()
    try:
        for layer in stack:
            model.apply(layer)
    except Ambiguous:
        assume(False)
    chain: list[str] = []
    try:
        for layer in stack:
            chain.append(store.add(archive(layer), chain))
        with merged(store.lowers(chain), f"{place}/merged") as top:
            assert listing(top) == model.listing()
    finally:
        if os.path.isdir(f"{place}/merged"):
            os.rmdir(f"{place}/merged")
        for each in reversed(chain):
            store.remove(each)


def listing(top: str) -> dict[str, tuple[object, ...]]:
    """As :meth:`Model.listing`, of a directory."""
    found: dict[str, tuple[object, ...]] = {}
    pending = [""]
    while pending:
        path = pending.pop()
        full = os.path.join(top, path)
        status = os.lstat(full)
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISDIR(status.st_mode):
            found[path] = ("dir", mode, b"", "")
            pending += [os.path.join(path, name) for name in os.listdir(full)]
        elif stat.S_ISLNK(status.st_mode):
            found[path] = ("link", mode, b"", os.readlink(full))
        else:
            found[path] = ("file" if stat.S_ISREG(status.st_mode) else "?", mode, Path(full).read_bytes(), "")
    return found
