"""The list of images, inspect, history, tags, and removal with docker's rules and words."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import Conflict, CorruptData, InvalidArgument, NotFound
from engine.image import inspection
from engine.image.catalog import Catalog, lock_path
from engine.image.layers import LayerStore
from engine.image.pull import pull
from engine.image.removal import Removal
from engine.model.containers import ContainerConfig, ContainerState, ContainerStatus, HostConfig
from engine.registry.settings import Settings
from engine.store import events
from engine.store.blobs import Blobs
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database
from engine.store.images import Images
from engine.store.locks import Lock
from engine.store.roots import Roots
from tests.engine.registry.fake import FakeRegistry, fake_registry
from tests.support import images
from tests.support.images import ImageSource

BASE = images.tar_of([("base", b"base" * 100, 0o644)])


class Shelf:
    """A store with three images: ``one`` and ``two`` share their lowest layer."""

    def __init__(self, directory: Path, fake: FakeRegistry) -> None:
        self.host = fake.host
        self.roots = Roots(state=str(directory / "state"), run=str(directory / "run")).ensure()
        self.database = Database.of(self.roots)
        self.layers = LayerStore(self.roots, self.database)
        self.images = Images(self.database)
        self.catalog = Catalog(self.roots, self.database)
        self.removal = Removal(self.roots, self.database, self.layers)
        self.blobs = Blobs(self.roots)
        for year, name in enumerate(("one", "two", "other"), 2020):
            layers = (BASE, images.tar_of([(name, name.encode(), 0o644)])) if name != "other" else (images.tar_of([("o", b"o", 0o644)]),)
            config = {"Labels": {"name": name}, "Cmd": [name], "ExposedPorts": {"80/tcp": {}}, "User": "nobody"}
            fake.add(f"lib/{name}:latest", images.pack(ImageSource(layers, config, created=f"{year}-05-01T12:00:00Z")))
            self.pull(name)

    def pull(self, name: str) -> None:
        source = pull(self.roots, self.database, self.layers, self.name(name), settings=Settings())
        while source.next() is not None:
            pass
        source.close()

    def name(self, short: str) -> str:
        return f"{self.host}/lib/{short}:latest"

    def id(self, short: str) -> str:
        return self.catalog.resolve(self.name(short)).id

    def container(self, short: str, status: ContainerStatus = ContainerStatus.EXITED) -> str:
        made = os.urandom(32).hex()
        record = ContainerRecord(
            id=made, name=f"c{made[:6]}", image=self.name(short), image_id=self.id(short), created_at=time.time(),
            config=ContainerConfig(image=self.name(short)), host_config=HostConfig(), argv=("x",), state=ContainerState(status=status),
        )  # fmt: skip
        Containers(self.database).insert(record)
        return made

    def close(self) -> None:
        self.layers.close()
        self.database.close()


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no-docker"))
    with fake_registry() as fake:
        made = Shelf(tmp_path, fake)
        yield made
        made.close()


def listed(shelf: Shelf, **filters: str) -> list[str]:
    wanted = {key.replace("_", "-"): (value,) for key, value in filters.items()}
    return [image.labels["name"] for image in shelf.catalog.list(wanted)]


def test_the_list_and_its_filters(shelf: Shelf) -> None:
    assert listed(shelf) == ["other", "two", "one"]
    assert listed(shelf, dangling="true") == []
    assert listed(shelf, dangling="0") == ["other", "two", "one"]
    assert listed(shelf, label="name=two") == ["two"]
    assert listed(shelf, label="nope") == []
    assert listed(shelf, before=shelf.name("two")) == ["one"]
    assert listed(shelf, since=shelf.id("two")) == ["other"]
    assert listed(shelf, until="2021-01-01T00:00:00Z") == ["one"]
    assert listed(shelf, reference=f"{shelf.host}/lib/*:latest") == ["other", "two", "one"]
    assert listed(shelf, reference=f"{shelf.host}/lib/o*") == ["other", "one"]
    assert listed(shelf, reference=f"{shelf.host}/*") == []
    assert listed(shelf, reference="*/*/t[^a]o:l?test") == ["two"]
    first = shelf.catalog.list()[0]
    assert first.tags == (shelf.name("other"),)
    assert first.digests[0].startswith(f"{shelf.host}/lib/other@sha256:")
    assert (first.size, first.created_at) == (1, 1651406400.0)
    for filters, words in (
        ({"nope": ("1",)}, "invalid filter 'nope'"),
        ({"dangling": ("x",)}, "invalid filter 'dangling=[x]'"),
        ({"until": ("zz",)}, 'failed to parse value as time or duration: "zz"'),
    ):
        with pytest.raises(InvalidArgument) as caught:
            shelf.catalog.list(filters)
        assert caught.value.message == words
    with pytest.raises(NotFound, match="No such image: zzz:latest"):
        shelf.catalog.list({"before": ("zzz",)})


def test_names_and_ids_are_resolved(shelf: Shelf) -> None:
    record = shelf.catalog.resolve(shelf.name("one"))
    digits = record.id.removeprefix("sha256:")
    digest = shelf.images.names(record.id).digests[0]
    for name in (record.id, digits, digits[:12], f"sha256:{digits[:8]}", digest, f"{shelf.host}/lib/one"):
        assert shelf.catalog.resolve(name) == record
    for name, shown in (("nope", "nope:latest"), ("0" * 64, "0" * 64), ("sha256:" + "0" * 64, "sha256:" + "0" * 64)):
        with pytest.raises(NotFound) as caught:
            shelf.catalog.resolve(name)
        assert caught.value.message == f"No such image: {shown}"
    with pytest.raises(InvalidArgument):
        shelf.catalog.resolve("a b")


def test_inspect_has_dockers_shape(shelf: Shelf) -> None:
    found = inspection.inspect(shelf.catalog, shelf.images, shelf.layers, shelf.name("one"))
    assert (found.config.cmd, found.config.user, found.config.exposed_ports) == (("one",), "nobody", ("80/tcp",))
    assert (found.architecture, found.os, len(found.layers)) == ("amd64", "linux", 2)
    raw = json.loads(found.raw)
    assert raw["Id"] == found.image.id
    assert raw["RepoTags"] == [shelf.name("one")]
    assert raw["Created"] == "2020-05-01T12:00:00Z"
    assert raw["Config"]["Cmd"] == ["one"]
    assert raw["Config"]["Entrypoint"] is None
    assert raw["Config"]["Labels"] == {"name": "one"}
    assert raw["RootFS"] == {"Type": "layers", "Layers": list(found.layers)}
    assert os.path.isdir(raw["GraphDriver"]["Data"]["UpperDir"])
    document = shelf.catalog.document(shelf.catalog.resolve(shelf.name("one")))
    assert document.config == found.config


def test_a_damaged_config_is_noticed(shelf: Shelf) -> None:
    path = shelf.blobs.path(shelf.id("one"))
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.write(b"[")
    with pytest.raises(CorruptData) as caught:
        shelf.catalog.document(shelf.catalog.resolve(shelf.name("one")))
    assert "pull it again" in caught.value.hint


def test_history(shelf: Shelf) -> None:
    newest, oldest = shelf.catalog.history(shelf.name("one"))
    assert (newest.id, newest.size, newest.tags) == (shelf.id("one"), 3, (shelf.name("one"),))
    assert (oldest.id, oldest.size, oldest.created_by) == ("<missing>", 400, "/bin/sh -c #(nop) ADD layer 0")
    assert newest.created_at == 1588334400.0


def test_tags(shelf: Shelf) -> None:
    shelf.catalog.tag(shelf.name("one"), "mine")
    shelf.catalog.tag("mine", "mine:2")
    assert shelf.images.names(shelf.id("one")).references == (
        shelf.name("one"), "docker.io/library/mine:2", "docker.io/library/mine:latest",
    )  # fmt: skip
    shelf.catalog.tag(shelf.name("two"), "mine")
    assert shelf.catalog.resolve("mine").id == shelf.id("two")
    with pytest.raises(NotFound, match="No such image: nope:latest"):
        shelf.catalog.tag("nope", "x")
    with pytest.raises(InvalidArgument, match="must be lowercase"):
        shelf.catalog.tag("mine", "X:y")
    with pytest.raises(InvalidArgument, match="digest reference"):
        shelf.catalog.tag("mine", "x@sha256:" + "0" * 64)


def removed(shelf: Shelf, name: str, *, force: bool = False) -> list[str]:
    return [
        f"Untagged: {line.untagged}" if line.untagged else f"Deleted: {line.deleted}" for line in shelf.removal.remove(name, force=force)
    ]


def test_removal_of_names_and_of_the_last_one(shelf: Shelf) -> None:
    record = shelf.catalog.resolve(shelf.name("one"))
    digest = shelf.images.names(record.id).digests[0]
    kept = shelf.catalog.resolve(shelf.name("two"))
    shelf.catalog.tag(shelf.name("one"), "mine")
    assert removed(shelf, "mine") == ["Untagged: mine:latest"]
    assert removed(shelf, shelf.name("one")) == [
        f"Untagged: {shelf.name('one')}",
        f"Untagged: {digest}",
        f"Deleted: {record.id}",
        f"Deleted: {record.chain_ids[1]}",
    ]
    assert not shelf.blobs.has(record.id)
    assert not shelf.blobs.has(record.manifest_digest)
    assert not shelf.blobs.has(record.blobs[1])
    assert all(map(shelf.blobs.has, kept.blobs))
    assert all(map(shelf.layers.has, kept.chain_ids))
    assert not shelf.layers.has(record.chain_ids[1])
    told = [event.action for _, event in events.since(shelf.database, 0)]
    assert told[-4:] == ["untag", "untag", "untag", "delete"]
    with pytest.raises(NotFound):
        shelf.removal.remove(shelf.name("one"))


def test_removal_by_id(shelf: Shelf) -> None:
    short = shelf.id("one").removeprefix("sha256:")[:12]
    shelf.catalog.tag(shelf.name("one"), "mine")
    with pytest.raises(Conflict) as caught:
        shelf.removal.remove(short)
    assert caught.value.message == f"conflict: unable to delete {short} (must be forced) - image is referenced in multiple repositories"
    lines = removed(shelf, short, force=True)
    assert {f"Untagged: {shelf.name('one')}", "Untagged: mine:latest"} < set(lines)
    assert removed(shelf, shelf.id("other"))[0] == f"Untagged: {shelf.host}/lib/other:latest"
    assert listed(shelf) == ["two"]


def test_images_in_use_stay(shelf: Shelf) -> None:
    stopped = shelf.container("one")
    running = shelf.container("two", ContainerStatus.RUNNING)
    one, two = (shelf.id(name).removeprefix("sha256:")[:12] for name in ("one", "two"))
    for name, force, words in (
        (
            shelf.name("one"), False,
            f'conflict: unable to remove repository reference "{shelf.name("one")}" (must force) - '
            f"container {stopped[:12]} is using its referenced image {one}",
        ),
        (one, False, f"conflict: unable to delete {one} (must be forced) - image is being used by stopped container {stopped[:12]}"),
        (two, True, f"conflict: unable to delete {two} (cannot be forced) - image is being used by running container {running[:12]}"),
        (shelf.name("two"), True, f"conflict: unable to delete {two} (cannot be forced) - image is being used by running container {running[:12]}"),
    ):  # fmt: skip
        with pytest.raises(Conflict) as caught:
            shelf.removal.remove(name, force=force)
        assert caught.value.message == words
    shelf.catalog.tag(shelf.name("two"), "mine")
    assert removed(shelf, "mine") == ["Untagged: mine:latest"]
    record = shelf.catalog.resolve(shelf.name("one"))
    assert all(line.startswith("Untagged") for line in removed(shelf, shelf.name("one"), force=True))
    assert all(map(shelf.layers.has, record.chain_ids))
    assert listed(shelf, dangling="true") == ["one"]


def test_prune(shelf: Shelf) -> None:
    shelf.container("one")
    shelf.images.untag(f"{shelf.host}/lib/other:latest")
    other = shelf.catalog.list({"dangling": ("true",)})[0]
    report = shelf.removal.prune({"until": ("2000-01-01T00:00:00Z",)})
    assert report.removed == ()
    report = shelf.removal.prune()
    assert other.id in report.removed
    assert report.space_reclaimed > 0
    assert listed(shelf) == ["two", "one"]
    report = shelf.removal.prune({"dangling": ("false",)})
    assert listed(shelf) == ["one"]
    assert shelf.name("two") in report.removed
    with pytest.raises(InvalidArgument, match="invalid filter 'nope'"):
        shelf.removal.prune({"nope": ("1",)})


def test_a_pull_under_way_is_no_garbage(shelf: Shelf) -> None:
    layer = shelf.catalog.resolve(shelf.name("one")).chain_ids[1]
    held = Lock(lock_path(shelf.roots)).shared()  # as a pull does
    try:
        shelf.removal.remove(shelf.name("one"))
        assert shelf.layers.has(layer)
    finally:
        held.release()
    shelf.removal.collect()
    assert not shelf.layers.has(layer)
