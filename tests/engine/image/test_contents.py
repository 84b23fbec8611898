"""What an image's layers hold and hide, out of its archive: whiteouts, replaced files, and archives that mean harm."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence

import pytest
import zstandard

from engine.errors import CorruptData
from engine.image import contents as under_test
from engine.image.contents import contents
from engine.model.images import HiddenFile, ImageContents
from tests.support import images


def layer(*files: tuple[str, bytes | str]) -> bytes:
    return images.tar_of([(name, content, 0o644) for name, content in files])


def archive(layers: Sequence[bytes], *, history: object = None, more: Mapping[str, bytes] = {}) -> bytes:
    names = [f"blobs/sha256/{number}" for number in range(len(layers))]
    config = json.dumps({"history": history if history is not None else [{"created_by": "x"} for _ in layers]}).encode()
    manifest = json.dumps([{"Config": "config", "RepoTags": None, "Layers": names}]).encode()
    members = {**dict(zip(names, layers, strict=True)), "config": config, "manifest.json": manifest, **more}
    return images.tar_of([(name, content, 0o644) for name, content in members.items()])


def pieces(data: bytes, size: int = 1000) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def told(*layers: bytes) -> ImageContents:
    found = contents(pieces(archive(layers)))
    for size in (1, 511, 513, 1 << 20):
        assert contents(pieces(archive(layers), size)) == found
    return found


def hidden(*layers: bytes) -> list[int]:
    return [one.hidden for one in told(*layers).layers]


def test_a_file_that_is_replaced_twice_is_hidden_twice() -> None:
    found = told(layer(("a", b"1" * 10), ("b", b"2" * 5)), layer(("./a", b"3" * 700)), layer(("a", b"4" * 20)))
    assert [(one.files, one.size, one.hidden) for one in found.layers] == [(2, 15, 10), (1, 700, 700), (1, 20, 0)]
    assert found.hidden == (HiddenFile(path="a", size=710, copies=2),)
    assert found.steps == (0, 1, 2)


@pytest.mark.parametrize(
    ("upper", "lost"),
    [
        (layer(("d/.wh.f", b"")), 10),
        (layer((".wh.d", b"")), 30),
        (layer(("d/", b""), ("d/.wh..wh..opq", b"")), 30),
        (layer((".wh..wh..opq", b"")), 31),
        (layer(("d/", b"")), 0),
        (layer(("d", b"now a file")), 30),
        (layer(("d", "elsewhere")), 30),
        (layer(("top/", b"")), 1),
        (layer(("d/.wh.nothing", b""), ("other", b"x")), 0),
    ],
)
def test_what_hides_what_is_below(upper: bytes, lost: int) -> None:
    lower = layer(("d/", b""), ("d/f", b"1" * 10), ("d/deep/", b""), ("d/deep/g", b"2" * 20), ("top", b"3"))
    assert hidden(lower, upper)[0] == lost


def test_what_a_layer_says_of_itself_does_not_hide_its_own_files() -> None:
    both = layer(("d/.wh..wh..opq", b""), ("d/f", b"1" * 10), (".wh.e", b""), ("e", b"2"))
    assert hidden(layer(("d/f", b"old")), both) == [3, 0]
    assert hidden(layer(("a/f", b"old")), layer((".wh.a", b"")), layer(("a/", b""), ("a/g", b"new"))) == [3, 0, 0]


def test_steps_without_a_layer_and_layers_that_are_compressed() -> None:
    plain = layer(("a", b"1" * 10)), layer(("a", b"2" * 4)), layer(("b", b"3"))
    packed = [plain[0], gzip.compress(plain[1]), zstandard.ZstdCompressor().compress(plain[2])]
    history = [{"created_by": "FROM"}, {"empty_layer": True}, {}, {"empty_layer": True}, {}]
    found = contents(pieces(archive(packed, history=history)))
    assert found.steps == (0, -1, 1, -1, 2)
    assert [one.hidden for one in found.layers] == [10, 0, 0]
    assert contents(pieces(archive(packed, history=history[:2]))).steps == ()
    assert contents(pieces(archive(packed, history="wrong"))).steps == ()


def test_a_layer_that_is_a_link_to_another_member() -> None:
    out = io.BytesIO(archive([layer(("a", b"12"))]))
    with tarfile.open(fileobj=out, mode="a") as tar:
        for name, target in (("old/layer.tar", "../blobs/sha256/0"), ("loop", "loop")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
        data = json.dumps([{"Config": "config", "Layers": ["old/layer.tar", "blobs/sha256/0"]}]).encode()
        info = tarfile.TarInfo("manifest.json")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    assert [one.hidden for one in contents(pieces(out.getvalue())).layers] == [2, 0]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no valid 'manifest.json'"),
        (b"no archive at all" * 100, "tar"),
        (archive([layer(("a", b"1"))])[:700], "cut short"),
        (archive([layer(("a", b"1"))], more={"manifest.json": b"[]"}), "no manifest.json that names its layers"),
        (archive([layer(("a", b"1"))], more={"manifest.json": b"[" * 100_000}), "no valid 'manifest.json'"),
        (archive([], more={"manifest.json": b'[{"Config": "config", "Layers": ["gone"]}]'}), "lacks the layer 'gone'"),
        (archive([], more={"manifest.json": b'[{"Config": "config", "Layers": ["../../etc/passwd"]}]'}), "lacks the layer"),
        (archive([b"no layer" * 1000]), "tar"),
        (archive([gzip.compress(layer(("a", b"1")))[:60]]), "gzip"),
    ],
    ids=["empty", "no tar", "cut", "no manifest", "deep", "no layer", "outside", "no tar inside", "cut inside"],
)
def test_archives_that_are_wrong_are_told(data: bytes, why: str) -> None:
    with pytest.raises(CorruptData, match=why):
        contents(pieces(data))


def test_there_are_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "MAX_FILES", 50)
    small = archive([layer(*((f"f{number}", b"") for number in range(40)))])
    assert contents(pieces(small)).layers[0].files == 0
    with pytest.raises(CorruptData, match="more than 50 files"):
        contents(pieces(archive([layer(*((f"f{number}", b"") for number in range(60)))])))
    monkeypatch.setattr(under_test, "_MAX_DOCUMENTS", 20)
    with pytest.raises(CorruptData, match="bytes of documents"):
        contents(pieces(small))
