"""Images to a registry, and the credentials for it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable

import httpx
import pytest

from engine.errors import InvalidArgument, LongshoreError, NotFound, NotSupported
from engine.model.auth import Credentials
from engine.model.images import PushPhase, PushProgress
from tests.contract.lab import Lab
from tests.contract.test_archives import docker_archive, sliced, tiny
from tests.contract.test_images import pull
from tests.support import images

P = PushPhase


async def push(lab: Lab, name: str, *, all_tags: bool = False) -> list[PushProgress]:
    return [event async for event in lab.engine.images.push(f"{lab.host}/{name}", all_tags=all_tags)]


def manifest(lab: Lab, name: str, tag: str, accept: str = f"{images.MANIFEST}, {images.OCI_MANIFEST}") -> httpx.Response:
    return httpx.get(f"http://{lab.host}/v2/{name}/manifests/{tag}", headers={"Accept": accept}, trust_env=False, timeout=30)


def archive(text: str, name: str) -> AsyncIterable[bytes]:
    return sliced(docker_archive(tiny(text), name))


def key(lab: Lab, name: str) -> str:
    """A repository of this laboratory's own: all engines push to the same registry."""
    return f"{lab.own}/{name}"


async def test_a_push_tells_what_it_does(images_lab: Lab) -> None:
    lab, name = images_lab, key(images_lab, "told")
    await lab.engine.images.load(archive(name, f"{lab.host}/{name}:v1"))
    events = await push(lab, f"{name}:v1")
    assert events[0].line() == f"The push refers to repository [{lab.host}/{name}]"
    inside = [event for event in events[1:-1] if event.phase is not P.PUSHING]
    assert [event.phase for event in inside] == [P.PREPARING, P.PUSHED]
    layer = (await lab.engine.images.inspect(f"{lab.host}/{name}:v1")).layers[0]
    assert {event.layer for event in events[1:-1]} == {layer.removeprefix("sha256:")[:12]}
    answer = manifest(lab, name, "v1")
    digest = images.digest(answer.content)
    assert answer.status_code == 200
    assert events[-1].line() == f"v1: digest: {digest} size: {len(answer.content)}"
    assert (await lab.engine.images.inspect(f"{lab.host}/{name}:v1")).image.digests == (f"{lab.host}/{name}@{digest}",)
    again = await push(lab, f"{name}:v1")
    assert [event.phase for event in again[1:-1]] == [P.PREPARING, P.EXISTS] and again[-1] == events[-1]


async def test_what_was_pushed_can_be_pulled(images_lab: Lab) -> None:
    lab, name = images_lab, key(images_lab, "back")
    await lab.engine.images.tag(lab.app, f"{lab.host}/{name}:v1")
    pushed = await push(lab, f"{name}:v1")
    await lab.engine.images.remove(f"{lab.host}/{name}:v1")
    pulled = await pull(lab, f"{name}:v1")
    assert pulled[-2].detail == pushed[-1].detail
    assert (await lab.engine.images.inspect(f"{lab.host}/{name}:v1")).image.id == (await lab.engine.images.inspect(lab.app)).image.id


async def test_layers_are_taken_over_from_another_repository(images_lab: Lab) -> None:
    lab, name = images_lab, key(images_lab, "mounted")
    await pull(lab, "tiny:three")
    await lab.engine.images.tag(f"{lab.host}/tiny:three", f"{lab.host}/{name}:v1")
    events = await push(lab, f"{name}:v1")
    assert [event.line() for event in events if event.phase is P.MOUNTED] == [f"{events[1].layer}: Mounted from tiny"]
    assert manifest(lab, name, "v1").status_code == 200


async def test_all_tags_of_a_repository(images_lab: Lab) -> None:
    lab, name = images_lab, key(images_lab, "all")
    for tag in ("a", "b"):
        await lab.engine.images.load(archive(name + tag, f"{lab.host}/{name}:{tag}"))
    events = await push(lab, name, all_tags=True)
    assert sorted(event.layer for event in events if event.phase is P.DIGEST) == ["a", "b"]
    assert {manifest(lab, name, tag).status_code for tag in ("a", "b")} == {200}


async def test_all_platforms_go_along_or_are_refused(images_lab: Lab) -> None:
    """A Docker host decides by itself what of an index it keeps; the embedded engine does as it is told."""
    lab, name = images_lab, key(images_lab, "whole")
    try:
        pulled = [event async for event in lab.engine.images.pull(f"{lab.host}/multi:latest", all_platforms=True)]
    except NotSupported:
        await pull(lab, "multi:latest")
        with pytest.raises(NotSupported, match="can not be asked for all platforms"):
            [event async for event in lab.engine.images.push(f"{lab.host}/multi:latest", all_platforms=True)]
        with pytest.raises(NotSupported, match="can not be asked for all platforms"):
            [chunk async for chunk in lab.engine.images.save([f"{lab.host}/multi:latest"], all_platforms=True)]
        return
    await lab.engine.images.tag(f"{lab.host}/multi:latest", f"{lab.host}/{name}:v1")
    pushed = [event async for event in lab.engine.images.push(f"{lab.host}/{name}:v1", all_platforms=True)]
    assert pushed[-1].detail == pulled[-2].detail
    assert {event.phase for event in pushed} == {P.REFERS, P.PREPARING, P.MOUNTED, P.DIGEST}
    answer = manifest(lab, name, "v1", f"{images.INDEX}, {images.OCI_INDEX}")
    assert images.digest(answer.content) == pulled[-2].detail
    await lab.engine.images.remove(f"{lab.host}/{name}:v1")


async def test_pushing_what_can_not_be(images_lab: Lab) -> None:
    lab = images_lab
    digest = (await lab.engine.images.inspect(lab.image)).image.digests[0]
    with pytest.raises(InvalidArgument, match="cannot push a digest reference"):
        await push(lab, digest.partition("/")[2])
    with pytest.raises(InvalidArgument, match="--all-tags"):
        await push(lab, "busybox:latest", all_tags=True)
    with pytest.raises(NotFound, match=f"An image does not exist locally with the tag: {lab.host}/missing"):
        await push(lab, "missing")
    with pytest.raises(NotFound, match=f"tag does not exist: {lab.host}/busybox:other"):
        await push(lab, "busybox:other")


async def test_login_without_need(lab: Lab) -> None:
    credentials = Credentials(username="ann", password="x")
    assert await lab.engine.system.login(lab.host, credentials) == credentials
    with pytest.raises(LongshoreError, match=re.escape("127.0.0.1:1")):
        await lab.engine.system.login("127.0.0.1:1", credentials)
