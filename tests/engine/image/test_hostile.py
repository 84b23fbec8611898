"""No archive touches anything outside of its layer: the corpus through the store, and through each of the jail's walls alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import LongshoreError
from tests.engine.image.archives import Archive, diff_id, pieces
from tests.engine.image.hostile import CASES, Case, within
from tests.engine.image.stores import Store
from tests.engine.image.trees import describe, merged


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(str(tmp_path_factory.mktemp("hostile"))) as made:
        yield made


@pytest.fixture(autouse=True)
def emptied(store: Store) -> Iterator[None]:
    yield
    for record in store._layers.all():
        store.remove(record.chain_id)


@pytest.fixture
def outside(tmp_path: Path) -> str:
    """A directory with something to steal and to spoil."""
    place = tmp_path / "outside"
    (place / "dir").mkdir(parents=True)
    (place / "victim").write_bytes(b"untouched")
    (place / "dir/other").write_bytes(b"untouched")
    return str(place)


def witness(outside: str, store: Store) -> dict[str, object]:
    """Everything that has to stay as it is."""
    return {
        "outside": describe(outside, times=True),
        "state": sorted(name for name in os.listdir(store.roots.state) if not name.startswith("state.db")),
        "host": sorted(os.listdir("/")),
        "passwd": os.stat("/etc/passwd"),
        "tmp": os.stat("/tmp").st_mode,
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("below", [False, True], ids=["alone", "on a layer"])
def test_nothing_outside_is_touched(case: Case, below: bool, store: Store, outside: str, tmp_path: Path) -> None:
    chain = store.stack(Archive().directory("usr").symlink("lower", outside).file("lower-file", b"1")) if below else []
    before = witness(outside, store)
    tar = case.build(outside).bytes()
    try:
        made = store.unpack(pieces(tar), diff_id=diff_id(tar), parents=chain)
    except LongshoreError as error:
        assert case.made is None, error
        assert os.listdir(store.roots.layers) == [os.path.basename(os.path.dirname(store.path(each))) for each in chain]
    else:
        assert case.made is not None, f"{case.name} was accepted"
        found = describe(store.path(made))
        allowed = set(case.made) | {""} | (within(outside) if "*" in case.made else set())
        if "*" not in case.made:
            assert set(found) == allowed
        assert not [name for name, facts in found.items() if "evil" in name and name not in allowed and "*" not in case.made], found
        store.remove(made)
    assert witness(outside, store) == before
    for each in chain:
        store.remove(each)


def test_links_of_lower_layers_lead_nowhere_else(store: Store, outside: str, tmp_path: Path) -> None:
    """What settling moves and copies stays inside: lower layers are as hostile as this one."""
    before = witness(outside, store)
    lower = Archive().symlink("out", outside).symlink("up", "../" * 30 + outside[1:]).symlink("file", f"{outside}/victim")
    for upper in (
        Archive().file("out/victim", b"evil").file("up/new", b"evil").directory("out/dir", mode=0o777),
        Archive().whiteout("out/victim").opaque("up").hardlink("copied", "file"),
    ):
        chain = store.stack(lower, upper)
        with merged(store.lowers(chain), str(tmp_path / f"merged-{chain[1][7:]}")) as place:
            seen = describe(place)
            assert os.readlink(f"{place}/out") == outside
            if "copied" in seen:
                assert seen["copied"] == seen["file"]  # the link itself, not what it leads to
        for each in reversed(chain):
            store.remove(each)
    stealing = Archive().hardlink("stolen", "out/victim")
    base = store.stack(lower)
    with pytest.raises(LongshoreError):
        store.add(stealing, base)
    store.remove(base[0])
    assert witness(outside, store) == before


def test_overlay_attributes_are_dropped(store: Store, outside: str) -> None:
    tar = next(case for case in CASES if case.name == "overlay_attributes").build(outside).bytes()
    chain = store.add(tar)
    for name in ("", "a", "d", "l"):
        found = os.listxattr(f"{store.path(chain)}/{name}", follow_symlinks=False)
        assert not [each for each in found if "overlay" in each]
    store.remove(chain)


def test_devices_keep_what_they_are_and_are_never_opened(store: Store, outside: str) -> None:
    chain = store.add(next(case for case in CASES if case.name == "devices").build(outside))
    status = os.lstat(f"{store.path(chain)}/mem")
    assert (status.st_rdev, status.st_mode & 0o7777) == (os.makedev(1, 1), 0o666)
    store.remove(chain)


BARE = """
import os, sys
from engine.image.apply import Applier
from engine.image.settle import settle
from engine.image.lower import Lowers
from engine.image.tar import TarReader
os.umask(0)
root = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
data = sys.stdin.buffer.read()
applier = Applier(root)
applier.run(TarReader(iter([data])))
settle(applier, Lowers(root, []))
"""


def test_path_resolution_alone_keeps_inside(outside: str, tmp_path: Path, store: Store) -> None:
    """Without any jail, as root: the applier itself never leaves its directory."""
    before = witness(outside, store)
    for case in CASES:
        if case.name in ("trailing_bomb", "pax_bomb", "sparse_exabyte"):
            continue
        target = tmp_path / case.name
        target.mkdir()
        done = subprocess.run([sys.executable, "-c", BARE, target], input=case.build(outside).bytes(), capture_output=True, check=False)
        assert (done.returncode == 0) == (case.made is not None), done.stderr.decode()
        assert witness(outside, store) == before, case.name
