"""Stacks of layers, mounted: what a container sees is what applying them one after the other gives (OCI image-spec, layer.md)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import CorruptData
from tests.engine.image.archives import Archive, diff_id
from tests.engine.image.stores import Store
from tests.engine.image.trees import describe, merged


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path)) as made:
        yield made


def shown(store: Store, *layers: Archive) -> dict[str, tuple[object, ...]]:
    """What the stack shows."""
    chain = store.stack(*layers)
    copied = f"{store.roots.state}/copied"
    os.mkdir(copied)
    store.flatten(chain, copied)
    with merged(store.lowers(chain), f"{store.roots.state}/merged-{len(chain)}") as place:
        seen = describe(place, times=True)
        assert describe(copied, times=True) == seen  # plain copies show the same
        return describe(place)


def base() -> Archive:
    return (
        Archive()
        .directory("./", mode=0o711)
        .directory("usr/", mode=0o755)
        .directory("usr/bin", mode=0o2750, uid=3, gid=4)
        .file("usr/bin/sh", b"shell", mode=0o755)
        .symlink("bin", "usr/bin")
        .symlink("abs", "/usr/../usr/bin")
        .symlink("loop", "loop")
        .symlink("dangling", "opt/new")
        .directory("etc", mode=0o700, uid=9, pax={b"SCHILY.xattr.user.kept": b"yes"})
        .file("etc/passwd", b"root", mode=0o640, uid=1, gid=2, pax={b"SCHILY.xattr.user.a": b"b"})
        .file("etc/hosts", b"hosts")
        .directory("data")
        .directory("data/sub")
        .file("data/sub/one", b"1")
        .file("data/two", b"2")
    )


def test_a_file_below_a_symlink_of_a_lower_layer_lands_behind_it(store: Store) -> None:
    seen = shown(store, base(), Archive().file("bin/tool", b"tool", mode=0o755).file("abs/other", b"other"))
    assert seen["bin"][0] == "lrwxrwxrwx"
    assert {"usr/bin/sh", "usr/bin/tool", "usr/bin/other"} <= seen.keys()
    assert seen["usr/bin"][:3] == ("drwxr-s---", 3, 4)


def test_a_described_directory_replaces_the_symlink(store: Store) -> None:
    seen = shown(store, base(), Archive().directory("bin", mode=0o700).file("bin/tool", b"tool"))
    assert seen["bin"][0] == "drwx------"
    assert {"bin/tool", "usr/bin/sh"} <= seen.keys()
    assert "bin/sh" not in seen and "usr/bin/tool" not in seen


def test_symlinks_into_symlinks_and_into_nothing(store: Store) -> None:
    lower = Archive().symlink("a", "b/c").symlink("b", "d").directory("d").directory("d/e").symlink("d/c", "/d/e")
    seen = shown(store, lower, Archive().file("a/x/y", b"1").file("b/z", b"2"), Archive().file("a/x/w", b"3"))
    assert {"d/e/x/y", "d/z", "d/e/x/w"} <= seen.keys()
    other = Store(store.roots.state + "/other")
    with other:
        seen = shown(other, base(), Archive().file("dangling/file", b"1"))
    assert seen["dangling"][0] == "lrwxrwxrwx"
    assert "opt/new/file" in seen


def test_merging_into_a_directory_of_the_same_layer(store: Store) -> None:
    upper = (
        Archive()
        .file("bin/a/one", b"1")
        .directory("usr/bin/a", mode=0o711)
        .file("usr/bin/a/two", b"2")
        .file("bin/sh", b"new")
        .directory("bin/b", mode=0o700)
        .symlink("usr/bin/c", "a")
        .file("bin/c/three", b"3")
    )
    seen = shown(store, base(), upper)
    assert {"usr/bin/a/one", "usr/bin/a/two", "usr/bin/a/three", "usr/bin/b"} <= seen.keys()
    assert seen["usr/bin/a"][0] == "drwx--x--x"
    assert seen["usr/bin/sh"][3] == 3
    assert seen["bin"][0] == "lrwxrwxrwx"


def test_loops_of_lower_layers_are_refused(store: Store) -> None:
    chain = store.stack(base())
    with pytest.raises(CorruptData, match="symbolic links"):
        store.add(Archive().file("loop/x", b"1"), chain)
    with pytest.raises(CorruptData, match="not a directory"):
        store.add(Archive().file("a", b"1").file("a/b", b"2"), chain)
    assert len(os.listdir(store.roots.layers)) == 1


def test_undescribed_directories_keep_what_they_were(store: Store) -> None:
    seen = shown(store, base(), Archive().file("etc/new/deep", b"1"))
    assert seen["etc"] == ("drwx------", 9, 0, ("user.kept", b"yes"))
    assert seen["etc/new"] == ("drwxr-xr-x", 0, 0)
    assert seen[""][0] == "drwx--x--x"


def test_hard_links_to_files_of_lower_layers(store: Store) -> None:
    upper = (
        Archive().hardlink("usr/passwd2", "etc/passwd").hardlink("passwd3", "usr/passwd2").hardlink("shell", "bin/sh").hardlink("b", "abs")
    )
    chain = store.stack(base(), upper)
    with merged(store.lowers(chain), f"{store.roots.state}/merged") as place:
        seen = describe(place)
        assert seen["usr/passwd2"] == seen["passwd3"] == seen["etc/passwd"]
        assert seen["etc/passwd"] == ("-rw-r-----", 1, 2, 4, seen["etc/passwd"][4], ("user.a", b"b"))
        assert os.stat(f"{place}/passwd3").st_ino == os.stat(f"{place}/etc/passwd").st_ino
        assert seen["shell"] == seen["usr/bin/sh"]
        assert seen["b"] == seen["abs"]
        assert seen["etc"][0] == "drwx------"


@pytest.mark.parametrize(
    "upper",
    [
        pytest.param(Archive().hardlink("a", "later").file("later", b"1"), id="forward"),
        pytest.param(Archive().hardlink("a", "nowhere/at/all"), id="nowhere"),
        pytest.param(Archive().whiteout("etc/passwd").hardlink("a", "etc/passwd"), id="hidden"),
        pytest.param(Archive().opaque("etc").hardlink("a", "etc/passwd"), id="hidden by opaque"),
        pytest.param(Archive().hardlink("a", "etc"), id="lower directory"),
        pytest.param(Archive().directory("d").hardlink("a", "d"), id="own directory"),
        pytest.param(Archive().hardlink("a", "a"), id="itself"),
    ],
)
def test_hard_links_that_lead_nowhere(upper: Archive, store: Store) -> None:
    chain = store.stack(base())
    with pytest.raises(CorruptData):
        store.add(upper, chain)


def test_a_link_to_a_lower_file_that_is_then_replaced_means_the_old_one(store: Store) -> None:
    seen = shown(store, base(), Archive().hardlink("old", "etc/hosts").file("etc/hosts", b"changed!"))
    assert (seen["old"][3], seen["etc/hosts"][3]) == (5, 8)


def test_whiteouts(store: Store) -> None:
    upper = Archive().whiteout("etc/passwd").whiteout("data").whiteout("missing").whiteout("no/such/dir").whiteout("bin/sh")
    seen = shown(store, base(), upper)
    assert not {"etc/passwd", "data", "data/two", "missing", "usr/bin/sh"} & seen.keys()
    assert {"etc/hosts", "bin"} <= seen.keys()
    assert not [name for name, facts in seen.items() if str(facts[0]).startswith("c")]


@pytest.mark.parametrize("first", [True, False])
def test_whiteouts_never_hide_their_own_layer(first: bool, store: Store) -> None:
    upper = Archive()
    for step in (0, 1) if first else (1, 0):
        if step == 0:
            upper.whiteout("etc/passwd").whiteout("data")
        else:
            upper.file("etc/passwd", b"newer").directory("data").file("data/three", b"3")
    seen = shown(store, base(), upper)
    assert seen["etc/passwd"][3] == 5
    assert [name for name in seen if name.startswith("data")] == ["data", "data/three"]


@pytest.mark.parametrize("first", [True, False])
def test_opaque_directories(first: bool, store: Store) -> None:
    upper = Archive().directory("data", mode=0o750)
    for step in (0, 1) if first else (1, 0):
        upper = upper.opaque("data") if step == 0 else upper.file("data/sub/new", b"n")
    middle = Archive().file("data/four", b"4")
    seen = shown(store, base(), middle, upper, Archive().file("data/five", b"5"))
    assert sorted(name for name in seen if name.startswith("data")) == ["data", "data/five", "data/sub", "data/sub/new"]
    assert seen["data"][0] == "drwxr-x---"
    third = store._layers.all()[2].chain_id
    assert os.getxattr(f"{store.path(third)}/data", "trusted.overlay.opaque") == b"y"


def test_opaque_root_and_directories_that_come_back(store: Store) -> None:
    seen = shown(store, base(), Archive().opaque("").file("only", b"1"))
    assert seen.keys() == {"", "only"}
    with Store(store.roots.state + "/again") as other:
        seen = shown(other, base(), Archive().whiteout("data"), Archive().file("data/back", b"b"))
    assert [name for name in seen if name.startswith("data")] == ["data", "data/back"]


def test_kinds_change_between_layers(store: Store) -> None:
    upper = Archive().file("data", b"now a file").directory("bin").directory("etc/passwd").file("etc/passwd/x", b"1")
    seen = shown(store, base(), upper, Archive().symlink("usr", "etc").whiteout("bin"))
    assert seen["data"][0] == "-rw-r--r--"
    assert {"etc/passwd/x", "usr"} <= seen.keys()
    assert "bin" not in seen and "usr/bin" not in seen


def test_later_entries_win(store: Store) -> None:
    twice = (
        Archive()
        .file("a", b"1")
        .file("a", b"22")
        .directory("d", mode=0o700)
        .file("d/x", b"1")
        .symlink("d", "etc")
        .directory("d", mode=0o711)
        .file("f", b"1")
        .hardlink("g", "f")
        .file("f", b"333")
        .symlink("s", "a")
        .file("s", b"4444")
        .directory("n/m")
        .file("n/m/o", b"x")
        .file("n", b"55555")
    )
    chain = store.stack(twice)
    seen = describe(store.path(chain[0]))
    assert {name: facts[3] for name, facts in seen.items() if str(facts[0]).startswith("-")} == {"a": 2, "f": 3, "g": 1, "s": 4, "n": 5}
    assert seen["d"][0] == "drwx--x--x" and "d/x" not in seen
    assert store.size(chain[0]) == 15


def test_the_same_as_umoci(store: Store, tmp_path: Path) -> None:
    """umoci unpacks layer by layer into one directory: an implementation of the merged view that is not ours."""
    layers = [
        base(),
        Archive().file("etc/new/deep", b"1").whiteout("data/two").hardlink("usr/hosts", "etc/hosts").symlink("lib", "usr/lib"),
        Archive().directory("usr/lib").file("lib/libc", b"c").opaque("data").file("data/three", b"3", uid=1000, gid=1000),
        Archive().whiteout("etc").file("etc/only", b"o", mode=0o4755).device("null", b"3", 1, 3, mode=0o666).entry("pipe", b"6"),
    ]
    expected = _umoci(layers, tmp_path)
    seen = shown(store, *layers)
    assert {name: facts for name, facts in seen.items() if name} == {name: facts for name, facts in expected.items() if name}


def _umoci(layers: list[Archive], tmp_path: Path) -> dict[str, tuple[object, ...]]:
    layout = tmp_path / "layout"
    (layout / "blobs/sha256").mkdir(parents=True)

    def put(data: bytes, kind: str) -> dict[str, object]:
        digest = diff_id(data)
        (layout / "blobs" / digest.replace(":", "/")).write_bytes(data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest, "size": len(data)}

    tars = [layer.bytes() for layer in layers]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [diff_id(tar) for tar in tars]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": put(json.dumps(config).encode(), "config.v1+json"),
        "layers": [put(tar, "layer.v1.tar") for tar in tars],
    }
    entry = {**put(json.dumps(manifest).encode(), "manifest.v1+json"), "annotations": {"org.opencontainers.image.ref.name": "x"}}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    subprocess.run(["umoci", "raw", "unpack", "--image", f"{layout}:x", str(tmp_path / "umoci")], check=True, capture_output=True)
    return describe(str(tmp_path / "umoci"))
