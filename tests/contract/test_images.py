"""Images: pull, list, inspect, history, tag, remove, prune."""

from __future__ import annotations

import json
import re

import pytest

from engine.errors import Conflict, InvalidArgument, LongshoreError, NotFound
from engine.model.images import PullPhase, PullProgress
from tests.contract.lab import Lab

P = PullPhase


async def pull(lab: Lab, name: str, platform: str = "") -> list[PullProgress]:
    return [event async for event in lab.engine.images.pull(f"{lab.host}/{name}", platform=platform)]


async def test_every_tag_of_a_repository(images_lab: Lab) -> None:
    lab = images_lab
    events = [event async for event in lab.engine.images.pull(f"{lab.host}/tiny", all_tags=True)]
    assert sorted(event.layer for event in events if event.phase is P.PULLING) == ["one", "three", "two"]
    assert {"tiny:one", "tiny:two", "tiny:three"} <= set(await tags(lab))
    with pytest.raises(LongshoreError):
        _ = [event async for event in lab.engine.images.pull(f"{lab.host}/nothing-is-here", all_tags=True)]


async def tags(lab: Lab, **filters: str) -> list[str]:
    found = await lab.engine.images.list(filters={key: (value,) for key, value in filters.items()})
    return sorted(tag.removeprefix(lab.host + "/") for image in found for tag in image.tags)


async def test_a_pull_tells_what_it_does(images_lab: Lab) -> None:
    lab = images_lab
    events = await pull(lab, "big")
    assert (events[0].phase, events[0].layer, events[0].detail) == (P.PULLING, "latest", "big")
    by_layer: dict[str, list[PullPhase]] = {}
    for event in events[1:-2]:
        assert re.fullmatch("[0-9a-f]{12}", event.layer), event
        by_layer.setdefault(event.layer, []).append(event.phase)
    assert len(by_layer) == 2
    order = [P.PULLING_LAYER, P.WAITING, P.DOWNLOADING, P.VERIFYING, P.DOWNLOADED, P.EXTRACTING, P.COMPLETE]
    for phases in by_layer.values():
        assert phases[0] is P.PULLING_LAYER and phases[-1] is P.COMPLETE
        assert {P.DOWNLOADED, P.EXTRACTING} <= set(phases)
        assert [order.index(phase) for phase in phases] == sorted(order.index(phase) for phase in phases)
    for phase in (P.DOWNLOADING, P.EXTRACTING):
        steps = [event for event in events if event.phase is phase and event.total > 1 << 20]
        assert steps and [step.current for step in steps] == sorted(step.current for step in steps)
        assert all(0 <= step.current <= step.total for step in steps)
    image = await lab.engine.images.inspect(f"{lab.host}/big")
    assert events[-2].phase is P.DIGEST
    assert image.image.digests == (f"{lab.host}/big@{events[-2].detail}",)
    assert events[-1].line() == f"Status: Downloaded newer image for {lab.host}/big:latest"


async def test_a_second_pull_finds_it_up_to_date(images_lab: Lab) -> None:
    first, second = await pull(images_lab, "tiny:one"), await pull(images_lab, "tiny:one")
    assert second[-2] == first[-2]
    assert second[-1].line() == f"Status: Image is up to date for {images_lab.host}/tiny:one"
    assert not {P.DOWNLOADING, P.EXTRACTING} & {event.phase for event in second}


async def test_layers_that_are_here_are_not_fetched_again(images_lab: Lab) -> None:
    # app and busybox share their first layer, and app is here.
    lab = images_lab
    await lab.engine.images.remove(lab.image)
    events = await pull(lab, "busybox:latest")
    assert [event.phase for event in events[1:-2]] == [P.EXISTS]
    assert events[-1].line() == f"Status: Downloaded newer image for {lab.image}"


async def test_pull_by_digest(images_lab: Lab) -> None:
    lab = images_lab
    digest = (await pull(lab, "tiny:one"))[-2].detail
    await lab.engine.images.remove(f"{lab.host}/tiny:one")
    await pull(lab, f"tiny@{digest}")
    found = await lab.engine.images.inspect(f"{lab.host}/tiny@{digest}")
    assert found.image.tags == () and found.image.digests == (f"{lab.host}/tiny@{digest}",)
    await lab.engine.images.remove(found.image.id)
    with pytest.raises(NotFound):
        await lab.engine.images.inspect(found.image.id)


async def test_pull_chooses_the_platform(images_lab: Lab) -> None:
    lab = images_lab
    await pull(lab, "multi")
    assert (await lab.engine.images.inspect(f"{lab.host}/multi")).architecture == "amd64"
    await pull(lab, "multi", platform="linux/arm64")
    assert (await lab.engine.images.inspect(f"{lab.host}/multi")).architecture == "arm64"
    with pytest.raises(LongshoreError, match="no matching manifest for linux/s390x"):
        await pull(lab, "multi", platform="linux/s390x")


async def test_pull_says_what_is_wrong(images_lab: Lab) -> None:
    lab = images_lab
    with pytest.raises(NotFound, match=f"manifest for {lab.host}/tiny:nothing not found: manifest unknown"):
        await pull(lab, "tiny:nothing")
    with pytest.raises(NotFound, match="not found"):
        await pull(lab, "missing/repository")
    for name in ("Upper/Case", "a//b", "x:"):
        with pytest.raises(InvalidArgument, match="invalid reference format"):
            await pull(lab, name)
    with pytest.raises(LongshoreError, match=r"127\.0\.0\.1:1"):
        async for _ in lab.engine.images.pull("127.0.0.1:1/nobody/listens"):
            pass


async def test_a_cancelled_pull_leaves_nothing(images_lab: Lab) -> None:
    lab = images_lab
    events = lab.engine.images.pull(f"{lab.host}/big")
    await anext(events)
    await events.aclose()
    assert (await pull(lab, "big"))[-2].phase is P.DIGEST
    assert await tags(lab) == ["app:1.0", "big:latest", "busybox:latest"]


async def test_list_and_filters(images_lab: Lab) -> None:
    lab = images_lab
    for name in ("tiny:one", "tiny:two"):
        await pull(lab, name)
    listed = await lab.engine.images.list()
    assert [image.created_at for image in listed] == sorted((image.created_at for image in listed), reverse=True)
    one = next(image for image in listed if f"{lab.host}/tiny:one" in image.tags)
    assert one.size == 300 and dict(one.labels) == {"tiny": "one"} and one.created_at == 1577836800
    assert re.fullmatch("sha256:[0-9a-f]{64}", one.id) and one.digests[0].startswith(f"{lab.host}/tiny@sha256:")
    assert await tags(lab) == ["app:1.0", "busybox:latest", "tiny:one", "tiny:two"]
    assert await tags(lab, reference=f"{lab.host}/tiny") == ["tiny:one", "tiny:two"]
    assert await tags(lab, reference=f"{lab.host}/*:one") == ["tiny:one"]
    assert await tags(lab, label="tiny") == ["tiny:one", "tiny:two"]
    assert await tags(lab, label="tiny=two") == ["tiny:two"]
    assert await tags(lab, before=lab.image) == ["tiny:one", "tiny:two"]
    assert await tags(lab, since=f"{lab.host}/tiny:one") == ["app:1.0", "busybox:latest"]
    assert await tags(lab, dangling="true") == []
    with pytest.raises(InvalidArgument, match=r"(?i)invalid filter"):
        await tags(lab, colour="red")


async def test_inspect_and_history(lab: Lab) -> None:
    found = await lab.engine.images.inspect(lab.app)
    assert found.image.tags == (lab.app,) and (found.os, found.architecture) == ("linux", "amd64")
    config = found.config
    assert (config.entrypoint, config.cmd, config.working_dir) == (("/bin/echo", "entry"), ("default",), "/work/here")
    assert config.env[-2:] == ("COLOR=red", "SIZE=big") and config.stop_signal == "SIGUSR1"
    assert config.exposed_ports == ("5353/udp", "8080/tcp") and config.volumes == ("/data",)
    assert dict(config.labels) == {"org.example.kind": "app", "shared": "image"}
    assert len(found.layers) == 2
    raw = json.loads(found.raw)
    assert raw["Id"] == found.image.id and raw["RepoTags"] == [lab.app]
    assert raw["RootFS"] == {"Type": "layers", "Layers": list(found.layers)}
    assert raw["Config"]["Cmd"] == ["default"] and raw["Created"].startswith("2024-05-01T12:00:00")
    history = await lab.engine.images.history(lab.app)
    assert [layer.created_by for layer in history] == ["/bin/sh -c #(nop) ADD layer 1", "/bin/sh -c #(nop) ADD layer 0"]
    assert history[0].id == found.image.id and history[0].tags == (lab.app,)
    assert history[1].id == "<missing>" and sum(layer.size for layer in history) == found.image.size


async def test_images_have_names_ids_and_prefixes(lab: Lab) -> None:
    found = (await lab.engine.images.inspect(lab.image)).image
    short = found.id.removeprefix("sha256:")
    for name in (lab.image.removesuffix(":latest"), found.id, short, short[:12], "sha256:" + short[:12], found.digests[0]):
        assert (await lab.engine.images.inspect(name)).image.id == found.id, name
    for name in ("busybox", f"{lab.host}/busybox:other", short[:12] + "x"):
        with pytest.raises(NotFound, match="No such image"):
            await lab.engine.images.inspect(name)


async def test_tag_and_untag(images_lab: Lab) -> None:
    lab = images_lab
    await lab.engine.images.tag(lab.image, "local/name")
    await lab.engine.images.tag(lab.image, "other:v2")
    image = await lab.engine.images.inspect("local/name")
    assert set(image.image.tags) == {lab.image, "local/name:latest", "other:v2"}
    removed = await lab.engine.images.remove("other:v2")
    assert [line.untagged for line in removed] == ["other:v2"]
    with pytest.raises(Conflict, match=r"(?i)must be forced|referenced in multiple repositories"):
        await lab.engine.images.remove(image.image.id)
    with pytest.raises(NotFound, match="No such image: nothing:latest"):
        await lab.engine.images.tag("nothing", "x")
    with pytest.raises(InvalidArgument):
        await lab.engine.images.tag(lab.image, "Bad Name")


async def test_a_tag_moves_to_another_image(images_lab: Lab) -> None:
    lab = images_lab
    await pull(lab, "tiny:one")
    await pull(lab, "tiny:two")
    for name in ("one", "two"):
        await lab.engine.images.tag(f"{lab.host}/tiny:{name}", "moving")
    assert (await lab.engine.images.inspect("moving")).image.labels["tiny"] == "two"


async def test_the_last_name_takes_the_image_along(images_lab: Lab) -> None:
    lab = images_lab
    await pull(lab, "tiny:three")
    image = await lab.engine.images.inspect(f"{lab.host}/tiny:three")
    removed = await lab.engine.images.remove(f"{lab.host}/tiny:three")
    assert removed[0].untagged == f"{lab.host}/tiny:three"
    assert image.image.id in [line.deleted for line in removed]
    with pytest.raises(NotFound, match="No such image"):
        await lab.engine.images.remove(f"{lab.host}/tiny:three")


async def test_used_images_stay(images_lab: Lab) -> None:
    lab = images_lab
    container = await lab.sleeper()
    image = (await lab.engine.images.inspect(lab.image)).image.id
    with pytest.raises(Conflict, match=f"(?i)container {container[:12]} is using"):
        await lab.engine.images.remove(lab.image)
    with pytest.raises(Conflict, match=f"(?i)cannot be forced.*running container {container[:12]}"):
        await lab.engine.images.remove(image, force=True)
    assert (await lab.inspect(container)).container.state.running


async def test_prune(images_lab: Lab) -> None:
    lab = images_lab
    await lab.create("true")
    await lab.create(image=lab.app)
    await pull(lab, "tiny:one")
    await pull(lab, "tiny:two")
    two = (await lab.engine.images.inspect(f"{lab.host}/tiny:two")).image.id
    # The last name of :two moves to :one, so that :two dangles.
    await lab.engine.images.tag(f"{lab.host}/tiny:one", f"{lab.host}/tiny:two")
    assert two in [image.id for image in await lab.engine.images.list(filters={"dangling": ("true",)})]
    report = await lab.engine.images.prune()
    assert two in report.removed and report.space_reclaimed > 0
    assert await tags(lab) == ["app:1.0", "busybox:latest", "tiny:one", "tiny:two"]
    report = await lab.engine.images.prune({"dangling": ("false",)})
    assert f"{lab.host}/tiny:one" in report.removed
    assert await tags(lab) == ["app:1.0", "busybox:latest"]
