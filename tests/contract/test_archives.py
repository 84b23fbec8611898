"""Images as archives: save and load."""

from __future__ import annotations

import asyncio
import bz2
import gzip
import io
import json
import lzma
import tarfile
from collections.abc import AsyncGenerator, AsyncIterable

import pytest

from engine.errors import InvalidArgument, LongshoreError, NotFound
from tests.contract.lab import Lab
from tests.contract.test_images import pull, tags
from tests.support import images


async def whole(stream: AsyncGenerator[bytes, None]) -> bytes:
    return b"".join([chunk async for chunk in stream])


async def sliced(data: bytes, size: int = 100_000) -> AsyncIterable[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def members(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: file.read() for member in tar if (file := tar.extractfile(member)) is not None}


def docker_archive(source: images.ImageSource, *names: str, **changes: bytes) -> bytes:
    """As docker before 25 writes it; ``changes`` replace members (``config`` and ``layer``)."""
    packed = images.pack(source)
    config = packed.blobs[json.loads(packed.manifest)["config"]["digest"]]
    name = images.digest(config)[7:] + ".json"
    layers = [f"{number}/layer.tar" for number in range(len(source.layers))]
    manifest = [{"Config": name, "RepoTags": list(names) or None, "Layers": layers}]
    contents = {f"{number}/layer.tar": layer for number, layer in enumerate(source.layers)}
    files = {**contents, name: config, "manifest.json": json.dumps(manifest).encode()}
    if "layer" in changes:
        files["0/layer.tar"] = changes["layer"]
    return images.tar_of([(path, content, 0o644) for path, content in files.items()])


def tiny(text: str) -> images.ImageSource:
    return images.ImageSource(
        (images.tar_of([("text", text.encode(), 0o644)]),), {"Labels": {"tiny": text}}, created="2020-01-01T00:00:00Z"
    )


async def test_an_image_goes_and_comes_back(images_lab: Lab) -> None:
    lab = images_lab
    await pull(lab, "tiny:one")
    name = f"{lab.host}/tiny:one"
    before = (await lab.engine.images.inspect(name)).image
    archive = await whole(lab.engine.images.save([name]))
    manifest = json.loads(members(archive)["manifest.json"])
    assert [entry["RepoTags"] for entry in manifest] == [[name]] and len(manifest[0]["Layers"]) == 1
    await lab.engine.images.remove(name)
    loaded = await lab.engine.images.load(sliced(archive))
    assert [line.line() for line in loaded] == [f"Loaded image: {name}"]
    after = await lab.engine.images.inspect(name)
    assert (after.image.id, after.image.size, dict(after.image.labels)) == (before.id, before.size, {"tiny": "one"})
    container = await lab.create("x", image=name)
    assert (await lab.inspect(container)).container.image_id == before.id


async def test_several_images_in_one_archive(images_lab: Lab) -> None:
    lab = images_lab
    for name in ("one", "two"):
        await pull(lab, f"tiny:{name}")
    await lab.engine.images.tag(f"{lab.host}/tiny:one", "other:v1")
    names = [f"{lab.host}/tiny", "other:v1"]
    archive = await whole(lab.engine.images.save(names))
    for name in ("tiny:one", "tiny:two"):
        await lab.engine.images.remove(f"{lab.host}/{name}")
    await lab.engine.images.remove("other:v1")
    loaded = await lab.engine.images.load(sliced(gzip.compress(archive, 1)))
    expected = sorted([f"{lab.host}/tiny:one", f"{lab.host}/tiny:two", "other:v1"])
    assert sorted(line.reference for line in loaded) == expected
    assert await tags(lab) == ["app:1.0", "busybox:latest", "other:v1", "tiny:one", "tiny:two"]


async def test_an_image_without_a_name(images_lab: Lab) -> None:
    lab = images_lab
    await pull(lab, "tiny:one")
    image = (await lab.engine.images.inspect(f"{lab.host}/tiny:one")).image
    archive = await whole(lab.engine.images.save([image.short_id]))
    assert json.loads(members(archive)["manifest.json"])[0]["RepoTags"] is None
    await lab.engine.images.remove(f"{lab.host}/tiny:one")
    loaded = await lab.engine.images.load(sliced(archive))
    assert [line.line() for line in loaded] == [f"Loaded image ID: {image.id}"]
    assert (await lab.engine.images.inspect(image.id)).image.tags == ()


async def test_saving_what_is_not_here(images_lab: Lab) -> None:
    lab = images_lab
    for names in (["nothing"], [lab.image, "nothing:x"]):
        with pytest.raises(NotFound, match=r"(?i)no such image|reference does not exist"):
            await whole(lab.engine.images.save(names))


@pytest.mark.parametrize("how", ["gzip", "xz", "bz2", "plain"])
async def test_archives_of_older_dockers(images_lab: Lab, how: str) -> None:
    archive = docker_archive(tiny(how), "local/tiny:old", "local/tiny:same")
    match how:
        case "gzip":
            packed = gzip.compress(archive)
        case "xz":
            packed = lzma.compress(archive)
        case "bz2":
            packed = bz2.compress(archive)
        case _:
            packed = archive
    loaded = await images_lab.engine.images.load(sliced(packed, 1000))
    assert [line.reference for line in loaded] == ["local/tiny:old", "local/tiny:same"]
    found = await images_lab.engine.images.inspect("local/tiny:old")
    assert dict(found.image.labels) == {"tiny": how} and found.image.size == len(how)


async def test_layers_may_be_links(images_lab: Lab) -> None:
    source = tiny("linked")
    archive = members(docker_archive(source, "linked:latest"))
    layer = archive.pop("0/layer.tar")
    entries: list[tuple[str, bytes | str, int]] = [(name, data, 0o644) for name, data in archive.items()]
    entries += [("0/layer.tar", "../real/layer.tar", 0o777), ("real/layer.tar", layer, 0o644)]
    loaded = await images_lab.engine.images.load(sliced(images.tar_of(entries)))
    assert [line.reference for line in loaded] == ["linked:latest"]


async def test_a_loaded_name_is_taken_from_another_image(images_lab: Lab) -> None:
    lab = images_lab
    for text in ("first", "second"):
        loaded = await lab.engine.images.load(sliced(docker_archive(tiny(text), "moving:v1")))
        assert [line.reference for line in loaded] == ["moving:v1"]
    replaced = loaded[0].replaced
    assert replaced and replaced in [image.id for image in await lab.engine.images.list(filters={"dangling": ("true",)})]


async def test_loading_what_is_no_image(images_lab: Lab) -> None:
    lab = images_lab
    good = docker_archive(tiny("good"), "bad:latest")
    bad = [
        b"no archive at all" * 100,
        images.tar_of([("etc/passwd", b"root", 0o644)]),
        docker_archive(tiny("good"), "bad:latest", layer=tiny("other").layers[0]),
        docker_archive(tiny("good"), "Not A Name"),
        good[:1500],
    ]
    for archive in bad:
        with pytest.raises(LongshoreError):
            await lab.engine.images.load(sliced(archive))
    assert await tags(lab) == ["app:1.0", "busybox:latest"]


async def test_a_name_must_be_one(images_lab: Lab) -> None:
    with pytest.raises(InvalidArgument):
        await whole(images_lab.engine.images.save(["../../etc"]))


async def test_a_load_that_is_given_up_leaves_nothing(images_lab: Lab) -> None:
    lab = images_lab
    begun = asyncio.Event()

    async def endless() -> AsyncIterable[bytes]:
        yield docker_archive(tiny("given up"), "givenup:latest")[:1000]
        begun.set()
        await asyncio.Event().wait()

    loading = asyncio.create_task(lab.engine.images.load(endless()))
    async with asyncio.timeout(60):
        await begun.wait()
        loading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await loading
    assert await tags(lab) == ["app:1.0", "busybox:latest"]


async def test_a_save_that_is_given_up(images_lab: Lab) -> None:
    archive = images_lab.engine.images.save([images_lab.image])
    assert await anext(archive)
    await archive.aclose()
    assert await tags(images_lab) == ["app:1.0", "busybox:latest"]


async def test_what_the_layers_of_an_image_hold_and_hide(images_lab: Lab) -> None:
    lab = images_lab
    lower = images.tar_of(
        [("kept", b"1" * 10, 0o644), ("changed", b"2" * 2000, 0o644), ("gone/", b"", 0o755), ("gone/f", b"3" * 500, 0o644)]
    )
    upper = images.tar_of([("changed", b"new", 0o644), (".wh.gone", b"", 0o644)])
    name = f"{lab.host}/layered:1"
    await lab.engine.images.load(sliced(docker_archive(images.ImageSource((lower, upper)), name)))
    read: list[int] = []
    found = await lab.engine.images.contents(name, moved=read.append)
    assert [(one.files, one.size, one.hidden) for one in found.layers] == [(3, 2510, 2500), (1, 3, 0)]
    assert [(one.path, one.size, one.copies) for one in found.hidden] == [("changed", 2000, 1), ("gone/f", 500, 1)]
    assert found.steps == (0, 1)
    assert read == sorted(read) and read[-1] > 2513
    with pytest.raises(NotFound):
        await lab.engine.images.contents(f"{lab.host}/nothing-is-here")
    task = asyncio.ensure_future(lab.engine.images.contents(lab.image, moved=lambda _: task.cancel()))
    with pytest.raises(asyncio.CancelledError):
        await task
