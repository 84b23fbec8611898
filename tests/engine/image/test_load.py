"""``load`` and ``save`` beside other tools, and with archives that nobody means well with."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from engine.errors import Cancelled, CorruptData, InvalidArgument, LongshoreError, NotFound, NotSupported
from engine.image.archive import Archive
from engine.image.importing import ImportRequest, import_archive
from engine.image.load import load
from engine.image.save import Saving
from engine.image.spool import Spool, inflated
from engine.model.images import LoadedImage
from engine.store.blobs import Blobs
from engine.store.images import Images
from tests.engine.image.stores import Store
from tests.support import images
from tests.support.images import ImageSource, digest, tar_of

Entries = Sequence[tuple[str, bytes | str, int]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(str(tmp_path / "store"))
    made.roots.ensure()
    yield made
    made.close()


def loaded(store: Store, archive: bytes) -> Sequence[LoadedImage]:
    spool = Spool(store.roots)
    try:
        spool.write(archive)
        return load(store.roots, store.database, store, spool)
    finally:
        spool.close()


def saved(store: Store, *names: str) -> bytes:
    saving = Saving(store.roots, store.database, names)
    try:
        found = b""
        while (piece := saving.next()) is not None:
            found += piece
        return found
    finally:
        saving.close()


def layout(packed: images.Packed, *, index: object = None, **annotations: str) -> dict[str, bytes]:
    """The files of an OCI image layout with one image."""
    entry = {"mediaType": packed.media_type, "digest": packed.digest, "size": len(packed.manifest), "annotations": annotations}
    files = {f"blobs/{name.replace(':', '/')}": data for name, data in packed.blobs.items()}
    files[f"blobs/{packed.digest.replace(':', '/')}"] = packed.manifest
    files["index.json"] = json.dumps(index or {"schemaVersion": 2, "manifests": [entry]}).encode()
    return {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', **files}


def archive_of(files: Mapping[str, bytes | str]) -> bytes:
    return tar_of([(name, content, 0o644) for name, content in files.items()])


def source(text: str = "hello", **more: str) -> ImageSource:
    return ImageSource((tar_of([("text", text.encode(), 0o644)]),), {"Labels": {"text": text}}, **more)  # type: ignore[arg-type]  # only texts


NAMED = {"org.opencontainers.image.ref.name": "example.org/app:v1"}


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_a_layout_keeps_its_manifest_byte_for_byte(store: Store, compression: str) -> None:
    packed = images.pack(source(oci="yes", compression=compression))
    found = loaded(store, archive_of(layout(packed, **NAMED)))
    assert [line.reference for line in found] == ["example.org/app:v1"]
    record = Images(store.database).get(found[0].id)
    assert record.manifest_digest == packed.digest
    assert Blobs(store.roots).read(packed.digest, 1 << 20) == packed.manifest
    assert Path(store.path(record.chain_ids[0]), "text").read_text() == "hello"


def test_what_was_saved_comes_back_the_same(store: Store, tmp_path: Path) -> None:
    packed = images.pack(source())
    loaded(store, archive_of(layout(packed, **NAMED)))
    first = saved(store, "example.org/app:v1")
    other = Store(str(tmp_path / "other"))
    try:
        loaded(other, first)
        assert Images(other.database).get(Images(store.database).all()[0].id).manifest_digest == packed.digest
        assert saved(other, "example.org/app:v1") == first
    finally:
        other.close()


def test_an_index_leads_to_the_image_for_this_machine(store: Store) -> None:
    packed = {f"linux/{name}": images.pack(source(name, architecture=name)) for name in ("arm64", "amd64")}
    index, media_type = images.index_of(packed, oci=True)
    files: dict[str, bytes] = {}
    for each in packed.values():
        files |= layout(each)
    top = {"mediaType": media_type, "digest": digest(index), "size": len(index), "annotations": NAMED}
    files[f"blobs/{digest(index).replace(':', '/')}"] = index
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [top]}).encode()
    record = Images(store.database).get(loaded(store, archive_of(files))[0].id)
    assert record.architecture == "amd64"


def skopeo(*words: str) -> str:
    return subprocess.run(["skopeo", "--insecure-policy", *words], check=True, capture_output=True, text=True, timeout=120).stdout


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive"])
def test_skopeo_reads_what_is_saved_and_writes_what_is_loaded(store: Store, tmp_path: Path, kind: str) -> None:
    packed = images.pack(source())
    loaded(store, archive_of(layout(packed, **NAMED)))
    image = Images(store.database).all()[0]
    ours, theirs = tmp_path / "ours.tar", tmp_path / "theirs.tar"
    ours.write_bytes(saved(store, "example.org/app:v1"))
    config = json.loads(skopeo("inspect", "--config", "--raw", f"{kind}:{ours}"))
    assert config["config"]["Labels"] == {"text": "hello"}
    skopeo("copy", f"{kind}:{ours}", f"{kind}:{theirs}:example.org/again:v2")
    found = loaded(store, theirs.read_bytes())
    assert [line.reference for line in found] == ["example.org/again:v2"]
    assert Images(store.database).get(found[0].id).diff_ids == image.diff_ids


def docker(config: bytes, layers: Mapping[str, bytes | str], *, name: str = "config.json", tags: object = None) -> bytes:
    manifest = [{"Config": name, "RepoTags": tags, "Layers": list(layers)}]
    return archive_of({name: config, **layers, "manifest.json": json.dumps(manifest).encode()})


def config_of(*layers: bytes, **more: object) -> bytes:
    rootfs = {"type": "layers", "diff_ids": [digest(layer) for layer in layers]}
    return json.dumps({"architecture": "amd64", "os": "linux", "rootfs": rootfs, **more}).encode()


LAYER = tar_of([("text", b"hello", 0o644)])
CONFIG = config_of(LAYER)
DIGITS = digest(LAYER)[7:]


@pytest.mark.parametrize(
    ("archive", "error"),
    [
        (b"", InvalidArgument),
        (b"\x55" * 4096, CorruptData),
        (tar_of([("a", b"", 0o644)]), InvalidArgument),
        (archive_of({"repositories": b"{}"}), NotSupported),
        (archive_of({"manifest.json": b"[" * 100_000}), CorruptData),
        (archive_of({"manifest.json": b"{}"}), CorruptData),
        (archive_of({"manifest.json": b"[]"}), CorruptData),
        (archive_of({"manifest.json": b"[null]"}), CorruptData),
        (archive_of({"manifest.json": b" " * (5 << 20) + b'[{"Config": "x", "Layers": []}]'}), CorruptData),
        (archive_of({"manifest.json": b'[{"Config": "x", "Layers": [1]}]'}), CorruptData),
        (archive_of({"manifest.json": b'[{"Config": "x", "Layers": []}]'}), InvalidArgument),
        (archive_of({"manifest.json": b'[{"Config": "../../../etc/hostname", "Layers": []}]'}), InvalidArgument),
        (archive_of({"manifest.json": b'[{"Config": "/etc/hostname", "Layers": []}]'}), InvalidArgument),
        (docker(CONFIG, {}), CorruptData),
        (docker(CONFIG, {"layer": b"no tar" * 200}), CorruptData),
        (docker(CONFIG, {"layer": tar_of([("other", b"", 0o644)])}), CorruptData),
        (docker(CONFIG, {"layer": "/etc/hostname"}), InvalidArgument),
        (docker(CONFIG, {"layer": "layer"}), InvalidArgument),
        (docker(CONFIG, {"layer": "../../../../etc/hostname"}), InvalidArgument),
        (docker(CONFIG, {"layer": LAYER}, tags=["example.org/app"]), InvalidArgument),
        (docker(CONFIG, {"layer": LAYER}, tags=[f"app@{digest(LAYER)}"]), InvalidArgument),
        (docker(CONFIG, {"layer": LAYER}, tags=["../app:v1"]), InvalidArgument),
        (docker(CONFIG, {"layer": LAYER}, tags=[7]), InvalidArgument),
        (docker(CONFIG, {"layer": LAYER}, name=f"blobs/sha256/{DIGITS}"), CorruptData),
        (docker(CONFIG, {"layer": LAYER}, name="blobs/sha256/../../x"), LongshoreError),
        (docker(config_of(LAYER, os="windows"), {"layer": LAYER}), NotSupported),
        (docker(config_of(tar_of([("../x", b"", 0o644)])), {"layer": tar_of([("../x", b"", 0o644)])}), CorruptData),
        (archive_of(layout(images.pack(source()), index={"manifests": [{"digest": "sha256:../../x"}]})), CorruptData),
        (archive_of(layout(images.pack(source()), index={"manifests": [None]})), CorruptData),
        (archive_of(layout(images.pack(source()), index={"manifests": [{"digest": digest(b"gone")}]})), InvalidArgument),
        (archive_of(layout(images.pack(source()), index=["x"])), CorruptData),
    ],
)
def test_hostile_archives_leave_nothing(store: Store, archive: bytes, error: type[LongshoreError]) -> None:
    with pytest.raises(error):
        loaded(store, archive)
    assert Images(store.database).all() == []
    assert [name for name in os.listdir(store.roots.layers) if not name.startswith(".gone")] == []
    assert not [name for name in os.listdir(store.roots.ingest) if not name.endswith(".lock")]


@pytest.mark.parametrize("which", ["manifest", "config", "layer"])
def test_a_blob_that_is_another(store: Store, which: str) -> None:
    packed = images.pack(source())
    parsed = json.loads(packed.manifest)
    changed = {"manifest": packed.digest, "config": parsed["config"]["digest"], "layer": parsed["layers"][0]["digest"]}[which]
    files = layout(packed, **NAMED)
    name = f"blobs/{changed.replace(':', '/')}"
    files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
    with pytest.raises(CorruptData):
        loaded(store, archive_of(files))
    assert Images(store.database).all() == []


def test_links_stay_inside(store: Store) -> None:
    entries: Entries = [
        ("real", b"content", 0o644), ("dir/link", "../real", 0o777), ("up", "../../real", 0o777), ("absolute", "/real", 0o777),
        ("loop", "loop2", 0o777), ("loop2", "loop", 0o777), ("../climbs", b"x", 0o644),
    ]  # fmt: skip
    spool = Spool(store.roots)
    try:
        spool.write(tar_of(entries))
        archive = Archive(spool)
        assert {name: archive.has(name) for name in ("real", "./real", "dir/link", "up", "absolute", "loop", "climbs", "../climbs")} == {
            "real": True, "./real": True, "dir/link": True, "up": False, "absolute": True, "loop": False, "climbs": False, "../climbs": False,
        }  # fmt: skip
        assert archive.read("dir/link", 100) == b"content"
        with pytest.raises(CorruptData, match="at most 3"):
            archive.read("real", 3)
    finally:
        spool.close()


def test_a_spool_has_no_name(store: Store) -> None:
    spool = Spool(store.roots)
    spool.write(b"x" * 5000)
    assert os.listdir(store.roots.ingest) == [] and b"".join(spool.chunks(4990)) == b"x" * 10
    spool.close()
    spool.close()
    for use in (lambda: spool.write(b"x"), lambda: spool.read(0, 1)):
        with pytest.raises(Cancelled):
            use()


@pytest.mark.parametrize("head", [b"BZh91AY&SY", b"\xfd7zXZ\0\0\x04", b"\x1f\x8b\x08\0"])
def test_compressed_streams_that_break_off(head: bytes) -> None:
    with pytest.raises(CorruptData):
        list(inflated(iter([head + b"junk" * 10])))


def test_saving_what_is_not_here(store: Store) -> None:
    for names in (["nothing"], []):
        with pytest.raises(NotFound):
            Saving(store.roots, store.database, names)


def test_a_saved_archive_is_closed_in_the_middle(store: Store) -> None:
    loaded(store, archive_of(layout(images.pack(source()), **NAMED)))
    saving = Saving(store.roots, store.database, ["example.org/app:v1"])
    assert saving.next()
    saving.close()
    assert saving.next() is None
    with tarfile.open(fileobj=io.BytesIO(saved(store, "example.org/app"))) as tar:
        assert "index.json" in tar.getnames()


@pytest.mark.parametrize("name", ["../x", "a/../../x", ".wh..", "x" * 300])
def test_a_hostile_root_file_system_is_not_imported(store: Store, name: str) -> None:
    spool = Spool(store.roots)
    try:
        spool.write(tar_of([(name, b"", 0o644)]))
        with pytest.raises(CorruptData):
            import_archive(store.roots, store.database, store, spool, ImportRequest(reference="bad"))
    finally:
        spool.close()
    assert Images(store.database).all() == [] and Blobs(store.roots).all() == [] and os.listdir(store.roots.layers) == []
