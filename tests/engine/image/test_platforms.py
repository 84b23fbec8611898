"""Images with all their platforms: pulled, pushed, saved and loaded whole, beside skopeo, umoci and docker's registry."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from engine.errors import CorruptData, InvalidArgument, NotFound
from engine.image import indexes
from engine.image.catalog import Catalog
from engine.image.load import load
from engine.image.pull import pull
from engine.image.push import push
from engine.image.removal import Removal
from engine.image.save import Saving
from engine.image.spool import Spool
from engine.model.blocking import Source
from engine.registry.settings import Settings
from engine.store.blobs import Blobs
from engine.store.images import Images
from tests.engine.image.stores import Store
from tests.support import images
from tests.support.registry import Registry, running_registry

ATTESTATION = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": "sha256:" + "0" * 64}
SHARED = images.tar_of([("shared", b"by all", 0o644)])
SOURCES = {
    f"linux/{name}": images.ImageSource((SHARED, images.tar_of([("p", name.encode(), 0o644)])), {}, architecture=name, oci=True)
    for name in ("amd64", "arm64", "s390x")
}
PACKED = {name: images.pack(source) for name, source in SOURCES.items()}


class Machine(Store):
    """A store, and what is done with its images."""

    def pull(self, name: str, platform: str = "", *, every: bool = True) -> list[str]:
        events = pull(self.roots, self.database, self, name, settings=Settings(), platform=platform, all_platforms=every, pauses=())
        return drained(events)

    def push(self, name: str, platform: str = "", *, every: bool = False, tags: bool = False) -> list[str]:
        settings = Settings()
        return drained(
            push(self.roots, self.database, name, settings=settings, platform=platform, all_platforms=every, all_tags=tags, pauses=())
        )

    def save(self, path: Path, *names: str, platform: str = "", every: bool = False) -> Path:
        saving = Saving(self.roots, self.database, names, platform=platform, all_platforms=every)
        try:
            path.write_bytes(b"".join(iter(saving.next, None)))
        finally:
            saving.close()
        return path

    def load(self, path: Path) -> list[str]:
        spool = Spool(self.roots)
        try:
            spool.write(path.read_bytes())
            return [each.reference for each in load(self.roots, self.database, self, spool)]
        finally:
            spool.close()

    def tag(self, name: str, other: str) -> None:
        Catalog(self.roots, self.database).tag(name, other)

    def blobs(self) -> set[str]:
        return set(Blobs(self.roots).all())


def drained(source: Source[object]) -> list[str]:
    """The lines of what is told, without those that only count."""
    found = []
    try:
        while (event := source.next()) is not None:
            line = event.line()  # type: ignore[attr-defined]
            if "Downloading" not in line and "Extracting" not in line and "Pushing" not in line:
                found.append(line)
    finally:
        source.close()
    return found


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no-docker"))
    made = Machine(str(tmp_path / "machine"))
    yield made
    made.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Machine]:
    """Another machine."""
    made = Machine(str(tmp_path / "other"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running_registry(str(tmp_path_factory.mktemp("registry"))) as found:
        yield found


@pytest.fixture(scope="module")
def index(registry: Registry) -> str:
    """``multi:v1`` of the registry: an index of three platforms and an attestation; its digest."""
    statement = b'{"_type": "https://in-toto.io/Statement/v0.1"}'
    empty = json.dumps(
        {"architecture": "unknown", "os": "unknown", "rootfs": {"type": "layers", "diff_ids": [images.digest(statement)]}}
    ).encode()
    layers = [{"mediaType": "application/vnd.in-toto+json", "size": len(statement), "digest": images.digest(statement)}]
    config = {"mediaType": images.OCI_CONFIG, "size": len(empty), "digest": images.digest(empty)}
    document = {"schemaVersion": 2, "mediaType": images.OCI_MANIFEST, "config": config, "layers": layers}
    blobs = {images.digest(each): each for each in (statement, empty)}
    attestation = images.Packed(json.dumps(document).encode(), images.OCI_MANIFEST, blobs)
    with httpx.Client(base_url=registry.url, trust_env=False) as client:
        for name, each in (*PACKED.items(), ("", attestation)):
            images.push(registry.url, f"multi:{name.rpartition('/')[2] or 'attestation'}", each)
        entries = json.loads(images.index_of(PACKED, oci=True)[0])["manifests"]
        unknown = {"os": "unknown", "architecture": "unknown"}
        entries += [
            {"mediaType": images.OCI_MANIFEST, "size": len(attestation.manifest), "digest": attestation.digest, "platform": unknown}
            | {"annotations": ATTESTATION}
        ]
        data = json.dumps({"schemaVersion": 2, "mediaType": images.OCI_INDEX, "manifests": entries}).encode()
        put(client, "v1", data, images.OCI_INDEX)
    return images.digest(data)


def put(client: httpx.Client, identifier: str, data: bytes, media_type: str) -> None:
    client.put(f"/v2/multi/manifests/{identifier}", content=data, headers={"Content-Type": media_type}).raise_for_status()


def skopeo(*words: str) -> str:
    done = subprocess.run(["skopeo", "--insecure-policy", *words], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def pushed(registry: Registry, name: str) -> str:
    """The digest of what a name of the registry stands for, all of which skopeo has fetched."""
    raw = skopeo("inspect", "--tls-verify=false", "--raw", f"docker://{registry.host}/{name}").encode()
    return images.digest(raw)


def test_all_platforms_are_pulled_and_pushed(machine: Machine, registry: Registry, index: str, tmp_path: Path) -> None:
    name = f"{registry.host}/multi:v1"
    lines = machine.pull(name)
    assert lines[-2:] == [f"Digest: {index}", f"Status: Downloaded newer image for {name}"]
    assert sum(line.endswith("Pull complete") for line in lines) == 5, "two layers here, one more for each of two platforms, a statement"
    record = Images(machine.database).all()[0]
    assert (record.architecture, len(Images(machine.database).all())) == ("amd64", 1), "of the others nothing is unpacked"
    assert machine.pull(name)[-1] == f"Status: Image is up to date for {name}"
    with running_registry(str(tmp_path / "second")) as second:
        away = f"{second.host}/team/app:v2"
        machine.tag(name, away)
        told = machine.push(away, every=True)
        assert told[-1].startswith(f"v2: digest: {index} size: ")
        assert sum(line.endswith(": Pushed") for line in told) == 5
        assert pushed(second, "team/app:v2") == index
        skopeo("copy", "--all", "--src-tls-verify=false", f"docker://{away}", f"dir:{tmp_path / 'copy'}")
        again = machine.push(away, every=True)
        assert sum(line.endswith("Layer already exists") for line in again) == 5 and again[-1] == told[-1]
        there = {f"{second.host}/team/app@{index}", f"{registry.host}/multi@{index}"}
        assert there <= set(Images(machine.database).names(record.id).digests)


def test_layers_of_every_platform_are_mounted(machine: Machine, registry: Registry, index: str) -> None:
    machine.pull(f"{registry.host}/multi:v1")
    machine.tag(f"{registry.host}/multi:v1", f"{registry.host}/mounted:v1")
    lines = machine.push(f"{registry.host}/mounted:v1", every=True)
    assert sum(line.endswith("Mounted from multi") for line in lines) == 5
    assert pushed(registry, "mounted:v1") == index


def test_one_platform_is_pushed(machine: Machine, registry: Registry, index: str) -> None:
    machine.pull(f"{registry.host}/multi:v1")
    machine.tag(f"{registry.host}/multi:v1", f"{registry.host}/single:v1")
    for platform, words in (("linux/s390x", "s390x"), ("linux/arm64/v8", "arm64"), ("", "amd64"), ("amd64", "amd64")):
        packed = PACKED[f"linux/{words}"]
        assert machine.push(f"{registry.host}/single:v1", platform)[-1] == f"v1: digest: {packed.digest} size: {len(packed.manifest)}"
        assert pushed(registry, "single:v1") == packed.digest
    digests = Images(machine.database).names(Images(machine.database).all()[0].id).digests
    own = {each.partition("@")[2] for each in digests if "/single@" in each}
    assert own == {PACKED["linux/amd64"].digest}, "only this machine's image is known by the digest that was pushed"
    with pytest.raises(NotFound, match=r"no image of .*/single:v1 for the platform linux/riscv64 is here"):
        machine.push(f"{registry.host}/single:v1", "linux/riscv64")
    with pytest.raises(InvalidArgument, match="conflicting options"):
        machine.push(f"{registry.host}/single:v1", "linux/arm64", every=True)


def test_what_is_not_here_is_not_pushed(machine: Machine, registry: Registry, index: str, tmp_path: Path) -> None:
    name = f"{registry.host}/multi:v1"
    machine.pull(name, every=False)
    for act in (lambda: machine.push(name, every=True), lambda: machine.save(tmp_path / "x", name, every=True)):
        with pytest.raises(NotFound, match="only linux/amd64 is here") as caught:
            act()
        assert "--all-platforms" in caught.value.hint
    with pytest.raises(NotFound, match=r"platform \(linux/amd64\) does not match the specified platform \(linux/arm64\)"):
        machine.push(name, "linux/arm64")
    machine.pull(name)
    for digest in PACKED["linux/arm64"].blobs:
        if digest not in PACKED["linux/amd64"].blobs:
            Blobs(machine.roots).delete(digest)
    with pytest.raises(NotFound, match="there is no linux/arm64"):
        machine.push(name, every=True)
    assert machine.pull(name)[-1].startswith("Status: Image is up to date"), "what was lost is brought again"
    assert machine.push(name, every=True)[-1].startswith(f"v1: digest: {index}")
    with pytest.raises(InvalidArgument, match="under a tag only"):
        machine.pull(f"{registry.host}/multi@{index}")


def test_archives_hold_all_platforms(machine: Machine, other: Machine, registry: Registry, index: str, tmp_path: Path) -> None:
    name = f"{registry.host}/multi:v1"
    machine.pull(name)
    archive = machine.save(tmp_path / "all.tar", name, every=True)
    assert machine.save(tmp_path / "again.tar", name, every=True).read_bytes() == archive.read_bytes()
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "layout")
    top = json.loads((tmp_path / "layout/index.json").read_bytes())["manifests"]
    assert [(each["digest"], each["mediaType"]) for each in top] == [(index, images.OCI_INDEX)]
    listed = subprocess.run(["umoci", "ls", "--layout", str(tmp_path / "layout")], check=True, capture_output=True, text=True)
    assert listed.stdout == "v1\n"
    copied = f"docker://{registry.host}/copied:v1"
    skopeo("copy", "--all", "--dest-tls-verify=false", f"oci-archive:{archive}:v1", copied)
    assert pushed(registry, "copied:v1") == index
    assert other.load(archive) == [name]
    other.tag(name, f"{registry.host}/carried:v1")
    assert other.push(f"{registry.host}/carried:v1", every=True)[-1].startswith(f"v1: digest: {index}")
    assert other.save(tmp_path / "carried.tar", name, every=True).read_bytes() == archive.read_bytes()


def test_skopeos_archive_of_all_platforms(machine: Machine, registry: Registry, index: str, tmp_path: Path) -> None:
    skopeo(
        "copy",
        "--all",
        "--src-tls-verify=false",
        f"docker://{registry.host}/multi:v1",
        f"oci-archive:{tmp_path}/x.tar:{registry.host}/from:v1",
    )
    assert machine.load(tmp_path / "x.tar") == [f"{registry.host}/from:v1"]
    assert machine.push(f"{registry.host}/from:v1", every=True)[-1].startswith(f"v1: digest: {index}")


def test_one_platform_is_saved(machine: Machine, registry: Registry, index: str, tmp_path: Path) -> None:
    name = f"{registry.host}/multi:v1"
    machine.pull(name)
    archive = machine.save(tmp_path / "one.tar", name, platform="linux/arm64")
    for kind in ("oci-archive", "docker-archive"):
        assert json.loads(skopeo("inspect", "--config", "--raw", f"{kind}:{archive}"))["architecture"] == "arm64"
    plain = machine.save(tmp_path / "own.tar", name)
    assert machine.load(plain) == [name]
    assert Images(machine.database).indexes() == {}, "the archive gave the name another meaning: this machine's image alone"


def test_what_an_index_keeps_goes_with_its_last_name(machine: Machine, registry: Registry, index: str) -> None:
    name = f"{registry.host}/multi:v1"
    machine.pull(name, every=False)
    alone = machine.blobs()
    machine.pull(name)
    whole = machine.blobs()
    removal = Removal(machine.roots, machine.database, machine)
    removal.collect()
    assert machine.blobs() == whole > alone
    machine.tag(name, "second:v1")
    removal.remove(name)
    assert machine.blobs() == whole
    machine.tag("second:v1", "third:v1")
    Images(machine.database).tag(Images(machine.database).all()[0].id, "docker.io/library/third:v1")
    removal.remove("second:v1")
    assert machine.blobs() == alone, "an image without the index's name keeps itself only"
    removal.remove("third:v1")
    assert machine.blobs() == set()


def test_an_index_in_an_index(machine: Machine, registry: Registry, index: str) -> None:
    with httpx.Client(base_url=registry.url, trust_env=False) as client:
        inner, media_type = images.index_of({"linux/s390x": PACKED["linux/s390x"]}, oci=True)
        put(client, images.digest(inner), inner, media_type)
        entries = json.loads(images.index_of({"linux/amd64": PACKED["linux/amd64"]}, oci=True)[0])["manifests"]
        entries.append({"mediaType": media_type, "size": len(inner), "digest": images.digest(inner)})
        put(client, "nested", json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": entries}).encode(), media_type)
    machine.pull(f"{registry.host}/multi:nested")
    machine.tag(f"{registry.host}/multi:nested", f"{registry.host}/nested:v1")
    machine.push(f"{registry.host}/nested:v1", every=True)
    assert pushed(registry, "nested:v1") == pushed(registry, "multi:nested")
    machine.push(f"{registry.host}/nested:v1", "linux/s390x")
    assert pushed(registry, "nested:v1") == PACKED["linux/s390x"].digest


def test_an_endless_index_is_refused(machine: Machine, registry: Registry) -> None:
    """Indexes in each other: more than anybody means."""
    with httpx.Client(base_url=registry.url, trust_env=False) as client:
        images.push(registry.url, "multi:own", PACKED["linux/amd64"])
        data, media_type = images.index_of({"linux/amd64": PACKED["linux/amd64"]}, oci=True)
        entries = json.loads(data)["manifests"]
        for _ in range(4):
            put(client, images.digest(data), data, media_type)
            inner = {"mediaType": media_type, "size": len(data), "digest": images.digest(data)}
            data = json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": [*entries, inner]}).encode()
        put(client, "endless", data, media_type)
    with pytest.raises(CorruptData, match="more than 3 indexes in each other"):
        machine.pull(f"{registry.host}/multi:endless")
    assert Images(machine.database).all() == []


def test_a_broad_index_is_refused() -> None:
    entries = [{"mediaType": images.OCI_MANIFEST, "size": 10, "digest": f"sha256:{number:064x}"} for number in range(501)]
    with pytest.raises(CorruptData, match="more than 500 manifests"):
        list(indexes.parts(lambda _: None, json.dumps({"schemaVersion": 2, "manifests": entries}).encode()))
