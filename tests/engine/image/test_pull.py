"""``pull``, against a real registry and one that misbehaves, into a real store."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from engine.errors import CorruptData, DiskFull, InvalidArgument, LongshoreError, NotFound, NotSupported, Unavailable
from engine.image.layers import LayerStore
from engine.image.pull import pull
from engine.model import digest as digests
from engine.model import platform as platforms
from engine.model.images import PullPhase, PullProgress
from engine.registry.settings import Registry, Settings
from engine.store import events
from engine.store.blobs import Blobs
from engine.store.containers import Containers
from engine.store.database import Database
from engine.store.images import ImageRecord, Images
from engine.store.roots import Roots
from tests.engine.registry.fake import Answer, Asked, FakeRegistry, error, fake_registry
from tests.support import images
from tests.support.images import ImageSource, Packed
from tests.support.registry import Registry as RealRegistry
from tests.support.registry import free_port, running_registry

NOISE = os.urandom(3 << 20)
"""What does not compress, so that a download takes several reads."""


class Engine:
    """A store, and pulls into it."""

    def __init__(self, directory: Path) -> None:
        self.roots = Roots(state=str(directory / "state"), run=str(directory / "run")).ensure()
        self.database = Database.of(self.roots)
        self.layers = LayerStore(self.roots, self.database)
        self.images = Images(self.database)
        self.blobs = Blobs(self.roots)
        self.settings = Settings()

    def close(self) -> None:
        self.layers.close()
        self.database.close()

    def events(self, reference: str, platform: str = "") -> list[PullProgress]:
        source = pull(self.roots, self.database, self.layers, reference, settings=self.settings, platform=platform, pauses=(0, 0))
        found = []
        try:
            while (event := source.next()) is not None:
                found.append(event)
        finally:
            source.close()
        return found

    def pull(self, reference: str, platform: str = "") -> list[str]:
        """The lines that docker prints when it is no terminal."""
        counted = (PullPhase.DOWNLOADING, PullPhase.EXTRACTING)
        return [event.line() for event in self.events(reference, platform) if event.phase not in counted]

    def failure(self, reference: str, kind: type[LongshoreError], platform: str = "") -> LongshoreError:
        with pytest.raises(kind) as caught:
            self.events(reference, platform)
        return caught.value

    def record(self, canonical: str) -> ImageRecord:
        found = self.images.by_reference(canonical)
        assert found is not None
        return found

    def content(self, canonical: str, path: str) -> bytes:
        """A file of an image, the topmost layer's."""
        for lower in self.layers.lowers(self.record(canonical).chain_ids):
            if os.path.exists(f"{lower}/{path}"):
                return Path(lower, path).read_bytes()
        raise FileNotFoundError(path)

    def nothing_is_left(self) -> bool:
        """No image, layer or blob; partial downloads may be."""
        return not self.images.all() and not os.listdir(self.roots.layers) and not self.blobs.all()


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no-docker"))
    made = Engine(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with running_registry(str(tmp_path_factory.mktemp("registry"))) as found:
        images.push(found.url, "library/hello-world:latest", images.hello_world())
        images.push(found.url, "library/busybox:latest", images.busybox())
        yield found


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    with fake_registry() as found:
        yield found


def noise(name: str = "noise", *, compression: str = "none", content: bytes = NOISE) -> Packed:
    layers = (images.tar_of([("a", b"lower", 0o644)]), images.tar_of([(name, content, 0o644)]))
    return images.pack(ImageSource(layers, compression=compression))


def layer_of(packed: Packed, number: int) -> str:
    found = json.loads(packed.manifest)["layers"][number]["digest"]
    assert isinstance(found, str)
    return found


def test_the_output_is_dockers(engine: Engine, registry: RealRegistry) -> None:
    packed = images.pack(images.hello_world())
    first, second = (digests.short(layer_of(packed, number)) for number in (0, 1))
    name = f"{registry.host}/library/hello-world"
    lines = engine.pull(name)
    assert lines[:3] == ["latest: Pulling from library/hello-world", f"{first}: Pulling fs layer", f"{second}: Pulling fs layer"]
    assert lines[-2:] == [f"Digest: {packed.digest}", f"Status: Downloaded newer image for {name}:latest"]
    for layer in (first, second):
        own = [line.partition(": ")[2] for line in lines if line.startswith(layer)]
        assert own == ["Pulling fs layer", "Verifying Checksum", "Download complete", "Pull complete"]
    assert [line for line in lines if line.endswith("Pull complete")] == [f"{first}: Pull complete", f"{second}: Pull complete"]
    again = ["latest: Pulling from library/hello-world", f"Digest: {packed.digest}", f"Status: Image is up to date for {name}:latest"]
    assert engine.pull(name) == again
    assert engine.content(f"{name}:latest", "hello.txt") == images.HELLO.encode()
    told = [event for _, event in events.since(engine.database, 0)]
    assert [(event.kind, event.action, event.id, event.attributes["name"]) for event in told] == 2 * [
        ("image", "pull", f"{name}:latest", name)
    ]


def test_what_is_recorded(engine: Engine, registry: RealRegistry) -> None:
    packed = images.pack(images.hello_world())
    name = f"{registry.host}/library/hello-world"
    engine.pull(name)
    record = engine.record(f"{name}:latest")
    assert engine.record(f"{name}@{packed.digest}") == record
    assert record.id == json.loads(packed.manifest)["config"]["digest"]
    assert record.manifest_digest == packed.digest
    assert record.diff_ids == tuple(map(digests.of, images.hello_world().layers))
    assert record.chain_ids == digests.chain_ids(record.diff_ids)
    texts = sum(os.path.getsize(f"{engine.layers.path(record.chain_ids[0])}/etc/{name}") for name in ("passwd", "group"))
    # As docker counts: symbolic links (here to "busybox") too.
    assert record.size == len(images.busybox_binary()) + len(images.HELLO) + texts + len("busybox") * len(images.APPLETS)
    created = datetime.fromisoformat(images.hello_world().created).timestamp()
    assert (record.os, record.architecture, record.created_at) == ("linux", "amd64", created)
    assert set(engine.blobs.all()) == {packed.digest, *packed.blobs}
    assert engine.blobs.read(packed.digest, 1 << 20) == packed.manifest
    assert [entry for entry in os.listdir(engine.roots.ingest) if not entry.endswith(".lock")] == []


def test_layers_are_shared_and_a_moved_tag_is_followed(engine: Engine, registry: RealRegistry) -> None:
    engine.pull(f"{registry.host}/library/busybox")
    lines = engine.pull(f"{registry.host}/library/hello-world")
    base = digests.short(layer_of(images.pack(images.busybox()), 0))
    assert f"{base}: Already exists" in lines
    assert f"{base}: Pull complete" not in lines
    name = f"{registry.host}/moving:1"
    images.push(registry.url, "moving:1", images.busybox())
    assert engine.pull(name)[-1] == f"Status: Downloaded newer image for {name}"
    images.push(registry.url, "moving:1", images.hello_world())
    assert engine.pull(name)[-1] == f"Status: Downloaded newer image for {name}"
    assert engine.record(name).id == engine.record(f"{registry.host}/library/hello-world:latest").id
    assert engine.pull(name)[-1] == f"Status: Image is up to date for {name}"


def test_by_digest(engine: Engine, registry: RealRegistry) -> None:
    name = f"{registry.host}/library/busybox@{images.pack(images.busybox()).digest}"
    lines = engine.pull(name)
    assert lines[0] == f"{name}: Pulling from library/busybox"
    assert lines[-1] == f"Status: Downloaded newer image for {name}"
    assert engine.images.names(engine.record(name).id).references == ()
    assert engine.pull(name.replace("@", ":whatever@"))[-1] == f"Status: Image is up to date for {name}"


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_compressions(engine: Engine, fake: FakeRegistry, compression: str) -> None:
    fake.add("c:1", noise(compression=compression))
    engine.pull(f"{fake.host}/c:1")
    assert engine.content(f"{fake.host}/c:1", "noise") == NOISE
    assert engine.content(f"{fake.host}/c:1", "a") == b"lower"


def test_a_layer_that_is_here_in_another_compression_brings_its_own_blob(engine: Engine, fake: FakeRegistry) -> None:
    """Without it the second image could not be pushed or saved."""
    layers = (images.tar_of([("a", b"lower", 0o644)]), images.tar_of([("noise", NOISE, 0o644)]))
    fake.add("plain:latest", images.pack(ImageSource(layers, compression="none")))
    fake.add("packed:latest", images.pack(ImageSource(layers, {"Cmd": ["other"]}, compression="zstd")))
    engine.pull(f"{fake.host}/plain")
    engine.pull(f"{fake.host}/packed")
    first, second = (engine.record(f"{fake.host}/{name}:latest") for name in ("plain", "packed"))
    assert first.chain_ids == second.chain_ids and not set(first.blobs) & set(second.blobs)
    assert all(map(engine.blobs.has, (*first.blobs, *second.blobs))) and len(os.listdir(engine.roots.layers)) == 2


def test_a_blob_that_went_missing_is_brought_again_and_nothing_else(engine: Engine, fake: FakeRegistry) -> None:
    packed = noise()
    fake.add("noise:latest", packed)
    engine.pull(f"{fake.host}/noise")
    lost = layer_of(packed, 1)
    engine.blobs.delete(lost)
    fake.asked.clear()
    engine.pull(f"{fake.host}/noise")
    assert engine.blobs.has(lost)
    assert [path.rpartition("/")[2] for path in fake.paths() if "/blobs/" in path] == [lost]
    fake.asked.clear()
    engine.pull(f"{fake.host}/noise")
    assert not [path for path in fake.paths() if "/blobs/" in path]


def test_many_layers(engine: Engine, registry: RealRegistry) -> None:
    images.push(registry.url, "many:1", images.many_layers(20, 2))
    lines = engine.pull(f"{registry.host}/many:1")
    assert sum(line.endswith(": Waiting") for line in lines) == 17
    order = [line.partition(":")[0] for line in lines if line.endswith("Pull complete")]
    assert order == [line.partition(":")[0] for line in lines if line.endswith("Pulling fs layer")]
    assert engine.content(f"{registry.host}/many:1", "count") == b"19"


def platforms_of(*names: str) -> dict[str, ImageSource]:
    return {name: ImageSource((images.tar_of([("p", name.encode(), 0o644)]),), architecture=name.split("/")[1]) for name in names}


def test_an_index_gives_the_platforms_image(engine: Engine, registry: RealRegistry) -> None:
    index = images.push_index(registry.url, "multi:1", platforms_of("linux/arm64", "linux/amd64", "linux/s390x"), oci=True)
    name = f"{registry.host}/multi:1"
    assert engine.pull(name, "linux/amd64")[-2] == f"Digest: {index}"
    assert engine.content(name, "p") == b"linux/amd64"
    assert engine.pull(name, "linux/s390x")[-1] == f"Status: Downloaded newer image for {name}"
    assert engine.content(name, "p") == b"linux/s390x"
    assert engine.pull(name, "linux/s390x")[-1] == f"Status: Image is up to date for {name}"
    assert engine.pull(name)[-1] == f"Status: Downloaded newer image for {name}"
    assert engine.content(name, "p") == str(platforms.host()).encode()
    missing = engine.failure(name, NotFound, "linux/riscv64")
    assert missing.message == "no matching manifest for linux/riscv64 in the manifest list entries"
    assert "linux/arm64" in missing.hint
    with pytest.raises(InvalidArgument):
        engine.events(name, "windows/amd64")


def test_a_single_image_of_another_platform_is_taken_with_a_warning(engine: Engine, registry: RealRegistry) -> None:
    name = f"{registry.host}/library/busybox:latest"
    assert engine.pull(name, "linux/s390x")[-3] == (
        f"WARNING: image with reference {name} was found but does not match the specified platform: wanted linux/s390x, actual: linux/amd64"
    )


def test_nested_and_hostile_indexes(engine: Engine, fake: FakeRegistry) -> None:
    packed = images.pack(platforms_of("linux/amd64")["linux/amd64"])
    fake.add("nested:x", packed)
    inner, inner_type = images.index_of({"linux/amd64": packed}, oci=True)
    entries = [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": images.digest(b"attestation"), "size": 11,
         "platform": {"os": "unknown", "architecture": "unknown"}, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
        {"mediaType": inner_type, "digest": images.digest(inner), "size": len(inner)},
    ]  # fmt: skip
    outer = json.dumps({"schemaVersion": 2, "mediaType": inner_type, "manifests": entries}).encode()
    fake.manifests[f"/v2/nested/manifests/{images.digest(inner)}"] = (inner, inner_type)
    fake.manifests["/v2/nested/manifests/1"] = (outer, inner_type)
    engine.pull(f"{fake.host}/nested:1", "linux/amd64")
    assert engine.content(f"{fake.host}/nested:1", "p") == b"linux/amd64"


def test_unknown_images_and_no_network(engine: Engine, registry: RealRegistry) -> None:
    name = f"{registry.host}/library/busybox:none"
    assert engine.failure(name, NotFound).message == f"manifest for {name} not found: manifest unknown: manifest unknown"
    closed = f"127.0.0.1:{free_port()}"
    assert engine.failure(f"{closed}/x", Unavailable).message == (
        f'Get "http://{closed}/v2/": dial tcp {closed}: connect: connection refused'
    )
    for text in ("Busybox", "x:y:z", ""):
        with pytest.raises(InvalidArgument, match="invalid reference format"):
            engine.events(text)
    assert engine.nothing_is_left()


Mutation = Callable[[dict[str, object]], object]


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda m: m.update(schemaVersion=1), NotSupported, "schema 1 is no longer supported"),
        (lambda m: m.update(schemaVersion=3), CorruptData, "schemaVersion must be 2"),
        (lambda m: m.update(manifests=[]), CorruptData, "either manifests, or config and layers"),
        (lambda m: m.update(mediaType="application/vnd.oci.image.manifest.v1+json"), CorruptData, "is not the"),
        (lambda m: m["config"].update(mediaType="application/vnd.cncf.helm.config.v1+json"), NotSupported, "not a container image"),
        (lambda m: m["config"].update(digest="sha256:../../../../etc/passwd"), CorruptData, "invalid digest"),
        (lambda m: m["config"].update(size=1 << 30), CorruptData, "a config of"),
        (lambda m: m["layers"][0].update(size=-1), CorruptData, "number of bytes"),
        (lambda m: m["layers"].extend(m["layers"] * 300), CorruptData, "max depth exceeded"),
        (lambda m: m["layers"].pop(), CorruptData, "layers from manifest don't match image configuration"),
        (lambda m: m.update(layers="x"), CorruptData, "must be a list"),
    ],
)
def test_hostile_manifests(engine: Engine, fake: FakeRegistry, change: Mutation, kind: type[LongshoreError], words: str) -> None:
    packed = noise(content=b"small")
    fake.add("bad:x", packed)
    manifest = json.loads(packed.manifest)
    change(manifest)
    fake.manifests["/v2/bad/manifests/1"] = (json.dumps(manifest).encode(), packed.media_type)
    assert words in engine.failure(f"{fake.host}/bad:1", kind).message
    assert not engine.images.all()
    assert not os.listdir(engine.roots.layers)


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"null", b"[" * 200000, b'{"schemaVersion": ' + b"9" * 5000 + b"}", b"\xff\xfe"])
def test_manifests_that_are_none(engine: Engine, fake: FakeRegistry, body: bytes) -> None:
    fake.manifests["/v2/bad/manifests/1"] = (body, images.MANIFEST)
    engine.failure(f"{fake.host}/bad:1", CorruptData)


def test_a_corrupted_layer_leaves_nothing(engine: Engine, fake: FakeRegistry) -> None:
    packed = noise()
    fake.add("bad:1", packed)
    layer = layer_of(packed, 1)
    path = f"/v2/bad/blobs/{layer}"
    good = fake.blobs[path]
    fake.blobs[path] = good[:-1] + bytes([good[-1] ^ 1])
    told = engine.failure(f"{fake.host}/bad:1", CorruptData)
    assert told.message == f"filesystem layer verification failed for digest {layer}"
    assert not engine.images.all()
    assert layer not in engine.blobs.all()
    fake.blobs[path] = good
    assert engine.pull(f"{fake.host}/bad:1")[-1].startswith("Status: Downloaded")


def test_a_blob_that_is_longer_or_shorter_than_announced(engine: Engine, fake: FakeRegistry) -> None:
    packed = noise(content=b"small")
    fake.add("bad:1", packed)
    path = f"/v2/bad/blobs/{layer_of(packed, 1)}"
    good = fake.blobs[path]
    fake.blobs[path] = good + b"more"
    assert "larger than the" in engine.failure(f"{fake.host}/bad:1", CorruptData).message
    fake.blobs[path] = good[:-100]
    assert "unexpected EOF" in engine.failure(f"{fake.host}/bad:1", LongshoreError).message
    assert not engine.images.all()


def test_a_layer_that_is_not_what_the_config_says(engine: Engine, fake: FakeRegistry) -> None:
    packed = noise(content=b"small")
    other = images.tar_of([("other", b"x", 0o644)])
    manifest = json.loads(packed.manifest)
    manifest["layers"][1].update(digest=images.digest(other), size=len(other))
    data = json.dumps(manifest).encode()
    fake.add("bad:1", Packed(data, packed.media_type, {**packed.blobs, images.digest(other): other}))
    assert "does not match its diff ID" in engine.failure(f"{fake.host}/bad:1", CorruptData).message
    assert not engine.images.all()


def test_a_lost_connection_is_continued_where_it_broke(engine: Engine, fake: FakeRegistry) -> None:
    packed = noise()
    fake.add("cut:1", packed)
    path = f"/v2/cut/blobs/{layer_of(packed, 1)}"
    cuts = iter([1 << 20, 1 << 19, 7])

    def cut(asked: Asked) -> Answer | None:
        if asked.path != path or (size := next(cuts, None)) is None:
            return None
        answer = fake.blob(asked, fake.blobs[path])
        answer.cut = size
        return answer

    fake.rules.append(cut)
    engine.pull(f"{fake.host}/cut:1")
    assert engine.content(f"{fake.host}/cut:1", "noise") == NOISE
    begins = [int(asked.headers.get("Range", "bytes=0-")[6:-1]) for asked in fake.asked if asked.path == path]
    assert begins == sorted(begins)
    assert begins[-1] == (1 << 20) + (1 << 19) + 7


def test_attempts_end_and_are_told(engine: Engine, fake: FakeRegistry) -> None:
    packed = noise(content=b"small")
    fake.add("cut:1", packed)
    fake.rules.append(lambda asked: Answer(200, b"x" * 100, cut=0) if asked.path.endswith(layer_of(packed, 1)) else None)
    assert "unexpected EOF" in engine.failure(f"{fake.host}/cut:1", Unavailable).message
    assert fake.paths().count(f"/v2/cut/blobs/{layer_of(packed, 1)}") == 3


def test_cancelling_leaves_what_the_next_pull_continues(engine: Engine, fake: FakeRegistry) -> None:
    packed = noise()
    fake.add("slow:1", packed)
    path = f"/v2/slow/blobs/{layer_of(packed, 1)}"
    release = threading.Event()

    def stall(asked: Asked) -> Answer | None:
        if asked.path != path:
            return None
        answer = fake.blob(asked, fake.blobs[path])
        answer.cut, answer.stall = 1 << 20, release
        return answer

    fake.rules.append(stall)
    source = pull(engine.roots, engine.database, engine.layers, f"{fake.host}/slow:1", settings=Settings())
    short = digests.short(layer_of(packed, 1))
    while (event := source.next()) is not None and (event.phase, event.layer) != (PullPhase.DOWNLOADING, short):
        pass
    assert event is not None
    source.close()
    source.close()
    assert source.next() is None
    assert not any(thread.name.startswith(("pull ", "layer ")) for thread in threading.enumerate())
    release.set()
    fake.rules.clear()
    assert not engine.images.all()
    partial = os.path.getsize(os.path.join(engine.roots.ingest, layer_of(packed, 1).replace(":", "-")))
    assert partial > 0
    engine.pull(f"{fake.host}/slow:1")
    assert engine.content(f"{fake.host}/slow:1", "noise") == NOISE
    assert next(asked for asked in reversed(fake.asked) if asked.path == path).headers["Range"] == f"bytes={partial}-"


def test_wrong_leftovers_are_thrown_away(engine: Engine, fake: FakeRegistry) -> None:
    packed = noise()
    fake.add("left:1", packed)
    layer = layer_of(packed, 1)
    partial = os.path.join(engine.roots.ingest, layer.replace(":", "-"))
    Path(partial).write_bytes(b"what a crash left" * 1000)
    engine.pull(f"{fake.host}/left:1")
    assert engine.content(f"{fake.host}/left:1", "noise") == NOISE


_OTHER_PROCESS = """
import sys
from engine.image.layers import LayerStore
from engine.image.pull import pull
from engine.registry.settings import Settings
from engine.store.database import Database
from engine.store.roots import Roots
roots = Roots(state=sys.argv[1], run=sys.argv[2])
database = Database.of(roots)
with LayerStore(roots, database) as layers:
    source = pull(roots, database, layers, sys.argv[3], settings=Settings())
    while (event := source.next()) is not None:
        print(event.line(), flush=True)
    source.close()
database.close()
"""


def test_processes_that_pull_the_same_share_the_work(engine: Engine, fake: FakeRegistry) -> None:
    packed = noise()
    fake.add("both:1", packed)
    command = [sys.executable, "-c", _OTHER_PROCESS, engine.roots.state, engine.roots.run, f"{fake.host}/both:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        mine = engine.pull(f"{fake.host}/both:1")
        assert other.stdout is not None
        theirs = other.stdout.read().splitlines()
    assert other.returncode == 0
    assert mine[-2] == theirs[-2] == f"Digest: {packed.digest}"
    assert fake.paths().count(f"/v2/both/blobs/{layer_of(packed, 1)}") == 1
    assert engine.content(f"{fake.host}/both:1", "noise") == NOISE


def test_many_pulls_of_one_image_at_the_same_time(engine: Engine, fake: FakeRegistry) -> None:
    """Whoever waited for a blob that another has brought finds it there: layers, and the config too."""
    for round_ in range(5):
        packed = images.pack(ImageSource((images.tar_of([("round", b"%d" % round_, 0o644)]),), {"Labels": {"round": str(round_)}}))
        fake.add(f"many:{round_}", packed)
        failures: list[BaseException] = []

        def one(reference: str = f"{fake.host}/many:{round_}", failures: list[BaseException] = failures) -> None:
            try:
                engine.pull(reference)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=one) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not failures
        assert engine.content(f"{fake.host}/many:{round_}", "round") == b"%d" % round_


def test_a_killed_pull_is_continued(engine: Engine, fake: FakeRegistry) -> None:
    packed = noise()
    fake.add("killed:1", packed)
    path = f"/v2/killed/blobs/{layer_of(packed, 1)}"
    release, begun = threading.Event(), threading.Event()

    def stall(asked: Asked) -> Answer | None:
        if asked.path != path:
            return None
        answer = fake.blob(asked, fake.blobs[path])
        answer.cut, answer.stall = 1 << 20, release
        begun.set()
        return answer

    fake.rules.append(stall)
    command = [sys.executable, "-c", _OTHER_PROCESS, engine.roots.state, engine.roots.run, f"{fake.host}/killed:1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as other:
        assert begun.wait(60)
        other.kill()
    release.set()
    fake.rules.clear()
    assert not engine.images.all()
    engine.pull(f"{fake.host}/killed:1")
    assert engine.content(f"{fake.host}/killed:1", "noise") == NOISE


def hub(engine: Engine, *mirrors: str) -> None:
    engine.settings = Settings(registries={"docker.io": Registry(mirrors=mirrors)})


def test_a_mirror_stands_in_for_the_hub(engine: Engine, fake: FakeRegistry) -> None:
    fake.add("library/hello-world:latest", images.pack(images.hello_world()))
    hub(engine, f"http://127.0.0.1:{free_port()}", fake.url)
    lines = engine.pull("hello-world")
    assert lines[0] == "latest: Pulling from library/hello-world"
    assert lines[-1] == "Status: Downloaded newer image for hello-world:latest"
    assert engine.record("docker.io/library/hello-world:latest")


def test_a_broken_mirror_leads_to_the_registry(engine: Engine, fake: FakeRegistry, registry: RealRegistry) -> None:
    fake.add("library/busybox:latest", images.pack(images.busybox()))
    fake.rules.append(lambda asked: error(500, "UNKNOWN", "broken") if "/blobs/" in asked.path else None)
    engine.settings = Settings(registries={registry.host: Registry(mirrors=(fake.url,))})
    lines = engine.pull(f"{registry.host}/library/busybox")
    assert lines.count("latest: Pulling from library/busybox") == 1
    assert lines[-1].startswith("Status: Downloaded newer image")
    engine.settings = Settings(registries={registry.host: Registry(mirrors=(fake.url,))})
    told = engine.failure(f"{registry.host}/library/none", NotFound)
    assert f"mirror {fake.url}" in told.hint


def test_a_foreign_layer_is_fetched_without_credentials(engine: Engine, fake: FakeRegistry) -> None:
    packed = noise(content=b"foreign")
    layer = layer_of(packed, 1)
    with fake_registry() as elsewhere:
        manifest = json.loads(packed.manifest)
        manifest["layers"][1]["urls"] = ["file:///etc/passwd", f"{elsewhere.url}/foreign"]
        elsewhere.blobs["/foreign"] = packed.blobs[layer]
        blobs = {key: value for key, value in packed.blobs.items() if key != layer}
        fake.add("foreign:1", Packed(json.dumps(manifest).encode(), packed.media_type, blobs))
        engine.pull(f"{fake.host}/foreign:1")
        assert [asked.authorization for asked in elsewhere.asked] == [""]
    assert engine.content(f"{fake.host}/foreign:1", "noise") == b"foreign"


def test_a_full_disk(tmp_path: Path, fake: FakeRegistry) -> None:
    small = tmp_path / "small"
    small.mkdir()
    fake.add("big:1", noise(content=os.urandom(6 << 20)))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=5m", "longshore-test", str(small)], check=True)
    try:
        made = Engine(small)
        try:
            told = made.failure(f"{fake.host}/big:1", DiskFull)
            assert "no space left on" in told.message
            assert told.hint
            assert not made.images.all()
        finally:
            made.close()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_containers_do_not_matter_to_a_pull(engine: Engine, registry: RealRegistry) -> None:
    engine.pull(f"{registry.host}/library/busybox")
    assert Containers(engine.database).all() == []
    shutil.rmtree(engine.layers.path(engine.record(f"{registry.host}/library/busybox:latest").chain_ids[0]))
    # A layer that somebody removed by hand is unpacked again.
    assert engine.pull(f"{registry.host}/library/busybox")[-1].startswith("Status: Image is up to date")
