"""Forms, archives and pushes in the background, removal with sizes, the command log, events and disk usage."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence

import pytest

from engine.errors import InvalidArgument, NotFound
from engine.model.events import Event
from engine.model.files import Change, ChangeKind
from engine.model.images import HiddenFile, ImageContents, ImageLayer, LayerContents, LoadedImage
from tests.tui.conftest import running
from tests.tui.fake import NOW, SECOND, harbour, sha
from tui.feed import requests
from tui.feed.archives import load_images, save_images
from tui.presenters.activity import commands_text, event_line, journal_lines
from tui.presenters.ansi import text_of
from tui.presenters.files import MAX_PATHS, diff_lines, layer_lines
from tui.screens.events import EventsModal
from tui.screens.form import FormModal
from tui.screens.preview import PreviewModal
from tui.screens.reader import ReaderModal
from tui.snapshot import Done, FilePhase, Noun


def texts(**given: str) -> dict[str, str]:
    names = "name driver options labels subnet gateway internal reference author comment changes pause memory swap cpus pids restart"
    return {**dict.fromkeys(names.split(), ""), **given}


def test_forms_make_values_and_the_command_that_does_the_same() -> None:
    spec, command = requests.volume_spec(texts(name="data", options="type=tmpfs 'o=size=64m'", labels="team='a b'"))
    assert (spec.options["o"], spec.labels["team"]) == ("size=64m", "a b")
    assert command == "volume create -o type=tmpfs -o o=size=64m --label 'team=a b' data"
    network, command = requests.network_spec(texts(name="back", subnet="10.9.0.0/24", gateway="10.9.0.254", internal="yes"))
    assert network.internal and network.subnets[0].gateway == "10.9.0.254"
    assert command == "network create --subnet 10.9.0.0/24 --gateway 10.9.0.254 --internal back"
    config, command = requests.commit_config("web", texts(reference="web:2", comment="fixed", changes='CMD ["sh"]; ENV A=1', pause="no"))
    assert (config.changes, config.pause) == (('CMD ["sh"]', "ENV A=1"), False)
    assert command == """commit -m fixed -c 'CMD ["sh"]' -c 'ENV A=1' -p=false web web:2"""
    update, command = requests.update_config("web", texts(memory="1.5g", cpus="0.5", pids="-1", restart="on-failure:3"))
    assert (update.memory, update.nano_cpus, update.pids_limit) == (3 << 29, 500_000_000, -1)
    assert update.restart_policy is not None and update.restart_policy.max_retries == 3
    assert command == "update -m 1.5g --cpus 0.5 --pids-limit -1 --restart on-failure:3 web"


@pytest.mark.parametrize(
    "make, given, field",
    [
        (requests.volume_spec, {}, "name:"),
        (requests.volume_spec, {"name": "a", "options": "o"}, "options:"),
        (requests.volume_spec, {"name": "a", "labels": "'open"}, "labels:"),
        (requests.network_spec, {"name": "a", "subnet": "10.0.0.1/8"}, "subnet:"),
        (requests.network_spec, {"name": "a", "subnet": "10.0.0.0/8", "gateway": "11.0.0.1"}, "gateway:"),
        (requests.network_spec, {"name": "a", "gateway": "10.0.0.1"}, "gateway:"),
        (requests.network_spec, {"name": "a", "subnet": "10.0.0.0/8", "gateway": "x"}, "gateway:"),
        (requests.network_spec, {"name": "a", "internal": "maybe"}, "internal:"),
        (lambda given: requests.commit_config("web", given), {"pause": "perhaps"}, "pause:"),
        (lambda given: requests.update_config("web", given), {"memory": "much"}, "memory:"),
        (lambda given: requests.update_config("web", given), {"cpus": "two"}, "cpus:"),
        (lambda given: requests.update_config("web", given), {"cpus": "-1"}, "cpus:"),
        (lambda given: requests.update_config("web", given), {"pids": "few"}, "pids:"),
        (lambda given: requests.update_config("web", given), {"restart": "always:3"}, "restart:"),
        (lambda given: requests.update_config("web", given), {}, "nothing is to be changed"),
    ],
)
def test_a_wrong_field_is_named(make: object, given: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        make(texts(**given))  # type: ignore[operator]
    assert caught.value.message.startswith(field)


async def test_limits_are_changed_in_a_form_that_tells_what_is_wrong() -> None:
    async with running(harbour()) as ui:
        await ui.select("web")
        await ui.press("u")
        await ui.until(lambda: isinstance(ui.app.screen, FormModal))
        await ui.press("enter")
        await ui.shows("nothing is to be changed")
        await ui.type("much")
        await ui.press("enter")
        await ui.shows("memory: much is no size")
        await ui.press("ctrl+u")
        await ui.type("512m")
        await ui.press("down", "down")
        await ui.type("0.5")
        await ui.press("ctrl+s")
        assert (await ui.called("update")) == "update web memory=536870912 cpus=500000000"
        await ui.until(lambda: any("does not count swap" in toast for toast in ui.toasts()))
        await ui.press("u", "escape")
        assert len(ui.engine.called("update")) == 1


async def test_an_image_is_made_of_a_container() -> None:
    async with running(harbour()) as ui:
        await ui.select("web")
        await ui.press("C")
        await ui.type("snapshot:1")
        await ui.press("enter")
        assert (await ui.called("commit")) == "commit web snapshot:1 []"
        await ui.until(lambda: any("snapshot:1" in image.tags for image in ui.main.lists.snapshot.images))


async def test_networks_are_joined_and_left_from_either_side() -> None:
    async with running(harbour()) as ui:
        await ui.select("web")
        await ui.press("N")
        await ui.shows("leave shop")
        await ui.press("enter")
        assert (await ui.called("disconnect")).startswith(f"disconnect {sha('network shop')}")
        await ui.press("4")
        await ui.select("shop")
        await ui.press("c")
        await ui.shows("Connect to shop")
        await ui.shows("worker-1")
        await ui.press("enter")
        await ui.called("connect")
        await ui.press("C", "enter")
        await ui.until(lambda: len(ui.engine.called("disconnect")) == 2)
        await ui.select("host")
        await ui.press("C")
        await ui.until(lambda: any("there is no container for it" in toast for toast in ui.toasts()))


async def test_a_network_is_made_with_a_subnet() -> None:
    async with running(harbour()) as ui:
        await ui.press("4", "n")
        await ui.type("back")
        await ui.press("tab", "tab")
        await ui.type("10.9.0.0/24")
        await ui.press("enter")
        await ui.called("create network back")
        journal = ui.main.desk.operations.journal
        await ui.until(lambda: [entry.command for entry in journal.entries] == ["network create --subnet 10.9.0.0/24 back"])


async def test_a_push_runs_in_the_background_and_is_in_the_command_log() -> None:
    async with running(harbour()) as ui:
        await ui.press("2", "j", "P")
        await ui.shows("Push ghcr.io/acme/worker:2.3.1")
        await ui.press("enter")
        await ui.called("push ghcr.io/acme/worker:2.3.1")
        await ui.shows("pushed ghcr.io/acme/worker:2.3.1")
        await ui.press("at")
        await ui.until(lambda: isinstance(ui.app.screen, ReaderModal))
        await ui.shows("✔ longshore push ghcr.io/acme/worker:2.3.1")
        await ui.press("y")
        assert ui.app.clipboard == "longshore push ghcr.io/acme/worker:2.3.1"
        await ui.press("j", "k", "G", "g", "space", "w", "q")
        await ui.press("G", "P")
        await ui.until(lambda: any("t gives it one" in toast for toast in ui.toasts()))


async def test_images_are_saved_to_an_archive_and_loaded_from_it(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "two.tar")
    async with running(harbour()) as ui:
        await ui.press("2", "space", "space", "S")
        await ui.shows("Save 2 images to")
        await ui.press("ctrl+u")
        await ui.type(path)
        await ui.press("enter")
        await ui.until(lambda: os.path.exists(path))
        assert os.listdir(tmp_path) == ["two.tar"]
        await ui.until(lambda: any(toast.startswith(f"save {path}") for toast in ui.toasts()))
        await ui.press("escape", "S", "ctrl+u")
        await ui.type(path)
        await ui.press("enter")
        await ui.shows("What is in it is lost.")
        await ui.press("n", "i")
        await ui.type(path)
        await ui.press("enter")
        await ui.called("load")
        await ui.shows("loaded")


async def test_a_file_that_can_not_be_written_is_named_and_nothing_stays(tmp_path: os.PathLike[str]) -> None:
    engine = harbour()
    with pytest.raises(Exception, match="nowhere"):
        async for _ in save_images(engine, ["redis:7.4-alpine"], "/nowhere/a.tar", 1):
            pass
    with pytest.raises(NotFound):
        async for _ in save_images(engine, ["missing"], os.path.join(tmp_path, "a.tar"), 1):
            pass
    assert os.listdir(tmp_path) == []
    with pytest.raises(Exception, match="No such file"):
        async for _ in load_images(engine, os.path.join(tmp_path, "a.tar")):
            pass


async def test_a_cancelled_archive_leaves_no_file(tmp_path: os.PathLike[str]) -> None:
    engine = harbour()
    going = asyncio.Event()

    async def slow(images: Sequence[str], *, platform: str = "", all_platforms: bool = False) -> AsyncGenerator[bytes, None]:
        yield bytes(1000)
        going.set()
        await asyncio.Event().wait()

    engine.images.save = slow  # type: ignore[method-assign]
    async with running(engine) as ui:
        await ui.press("2", "S", "ctrl+u")
        await ui.type(os.path.join(tmp_path, "a.tar"))
        await ui.press("enter")
        await going.wait()
        await ui.shows("Writing")
        await ui.press("c")
        await ui.shows("the unfinished file is removed")
        assert os.listdir(tmp_path) == []


async def test_loading_tells_how_far_it_is(tmp_path: os.PathLike[str]) -> None:
    engine = harbour()
    path = os.path.join(tmp_path, "a.tar")
    with open(path, "wb") as file:
        file.write(bytes(3 << 20))

    async def load(archive: AsyncGenerator[bytes, None]) -> Sequence[LoadedImage]:
        size = 0
        async for piece in archive:
            size += len(piece)
            await asyncio.sleep(0.001)
        return [LoadedImage(id=sha("x"), reference=f"got:{size}")]

    engine.images.load = load  # type: ignore[method-assign, assignment]
    events = [event async for event in load_images(engine, path)]
    assert events[-1].detail == f"got:{3 << 20}"
    assert {event.phase for event in events} == {FilePhase.READING}
    assert [event.current for event in events] == sorted(event.current for event in events)


async def test_unused_images_are_listed_with_sizes_and_named_ones_are_left_out_at_first() -> None:
    engine = harbour()
    engine.add_image("old:1", size=500_000_000)
    async with running(engine) as ui:
        await ui.press("2", "b")
        await ui.until(lambda: isinstance(ui.app.screen, PreviewModal))
        await ui.shows("Remove 1 image, up to 67MB?")
        await ui.shows("500MB  rmi old:1")
        await ui.press("asterisk")
        await ui.shows("Remove 2 images, up to 567MB?")
        await ui.press("y")
        await ui.until(lambda: len(ui.engine.called("remove image")) == 2)
        await ui.until(lambda: len(ui.main.lists.snapshot.images) == 5)


async def test_disk_usage_leads_to_removal_with_sizes() -> None:
    engine = harbour()
    listing = engine.containers.list

    async def sized(**words: object) -> object:
        found = await listing(all=True)
        return [one.replace(size_rw=3_000_000) for one in found] if words.get("size") else found

    engine.containers.list = sized  # type: ignore[method-assign, assignment]
    async with running(engine) as ui:
        await ui.press("f8")
        await ui.shows("6 (4 in use)  810MB, 71MB can come free")
        await ui.press("c")
        await ui.shows("Remove 3 containers, up to 9MB?")
        await ui.press("space", "y")
        await ui.until(lambda: len(ui.engine.called("remove ")) == 2)
        await ui.press("f8")
        await ui.shows("remove volumes…")
        await ui.press("v")
        await ui.shows("Remove 1 volume?")
        await ui.press("n", "f8")
        await ui.shows("remove images…")
        await ui.press("i")
        await ui.shows("Remove 1 image, up to 67MB?")
        await ui.press("escape")


async def test_events_are_shown_as_they_come() -> None:
    engine = harbour()
    async with running(engine) as ui:
        await engine.hub.emit("container", "die", sha("web"), name="web", exitCode="3")
        await ui.press("f9")
        await ui.until(lambda: isinstance(ui.app.screen, EventsModal))
        await engine.hub.emit("network", "connect", sha("x"), name="shop", container=sha("web"))
        await ui.shows("connect")
        await ui.press("escape")
        assert not isinstance(ui.app.screen, EventsModal)


def test_lines_of_events_and_of_the_command_log() -> None:
    event = Event(kind="container", action="die", id="x", time=int(NOW * SECOND), attributes={"name": "web", "exitCode": "3", "image": "i"})
    assert text_of(event_line(event)) == "10:00:00 container die              web exit 3"
    entries = [
        Done(at=NOW, command="stop web", took=1.25),
        Done(at=NOW, command="rm db", took=0.01, problem="it runs\nstop it"),
        Done(at=NOW, command="pull nginx"),
    ]
    assert [text_of(line) for line in journal_lines(entries)] == [
        "10:00:00 ✔ longshore stop web 1.2s",
        "10:00:00 ✘ longshore rm db",
        "           it runs",
        "           stop it",
        "10:00:00 … longshore pull nginx",
    ]
    assert commands_text(entries) == "longshore stop web\nlongshore pull nginx"
    assert "Nothing was done yet" in text_of(journal_lines([])[0])


async def test_failures_are_in_the_command_log_with_their_reason() -> None:
    async with running(harbour()) as ui:
        await ui.press("3", "d", "y")
        await ui.until(lambda: any("volume is in use" in toast for toast in ui.toasts()))
        await ui.press("at")
        await ui.shows("✘ longshore volume rm pgdata")
        await ui.shows("volume is in use")
        assert ui.main.stage.noun is Noun.VOLUMES


async def test_the_diff_tab_shows_what_changed_and_the_layers_tab_what_each_step_adds() -> None:
    engine = harbour()
    engine.containers.changed = [
        Change(path="/etc", kind=ChangeKind.MODIFIED),
        Change(path="/etc/motd\x1b[2J", kind=ChangeKind.ADDED),
        Change(path="/bin/sh", kind=ChangeKind.DELETED),
    ]
    async with running(engine) as ui:
        await ui.press("left_square_bracket")
        await ui.shows("1 added, 1 changed, 1 deleted")
        await ui.shows("A /etc/motd␛[2J")
        await ui.shows("D /bin/sh")
        engine.containers.changed = ()
        await ui.press("j")
        await ui.shows("Nothing differs from the image.")
        await ui.press("2", "right_square_bracket")
        await ui.shows("4 steps, 2 of them with files, 70.2MB in all")
        await ui.shows("62.4MB █████████████████▊")
        await ui.shows("70.2MB  RUN apk add --no-cache nginx")


def test_no_history_and_no_end_of_changes() -> None:
    assert "Nothing is known" in text_of(layer_lines([])[1])
    many = diff_lines([Change(path=f"/{index}", kind=ChangeKind.ADDED) for index in range(MAX_PATHS + 5)])
    assert text_of(many[-1]) == "… and 5 more"


async def test_what_is_meant_for_one_container_says_so_on_a_heading() -> None:
    async with running(harbour()) as ui:
        await ui.press("P", "g", "u")
        await ui.until(lambda: any("one container is meant" in toast for toast in ui.toasts()))
        await ui.press("n")
        assert not isinstance(ui.app.screen, FormModal)


async def test_the_layers_of_an_image_and_what_later_ones_hide() -> None:
    async with running(harbour(), size=(160, 40)) as ui:
        ui.engine.images.hold.clear()
        await ui.press("2", "w")
        await ui.shows("w reads the image")
        await ui.until(lambda: ui.engine.called("contents"))
        await ui.shows("reading ")  # beside the lists, with a bar, and `c` gives it up
        await ui.press("c")
        await ui.shows("cancelled")
        ui.engine.images.hold.set()
        await ui.press("w")
        await ui.shows("Hidden by later layers: 18MB of 70.2MB (26%)")
        await ui.shows("12MB       2  /var/cache/apk/APKINDEX.tar.gz")
        assert "FILES" in ui.text() and "1200" in ui.text()
        await ui.press("w")
        assert len(ui.engine.called("contents")) == 2, "it is known"


def test_layers_that_can_not_be_brought_together_with_the_history_and_images_that_hide_nothing() -> None:
    history = [ImageLayer(created_by="ADD b", size=5), ImageLayer(created_by="ADD a", size=10)]
    layers = (LayerContents(files=1, size=10, hidden=4), LayerContents(files=2, size=5))
    lines = [text_of(line) for line in layer_lines(history, ImageContents(layers=layers, hidden=(HiddenFile(path="x\x1b[2J", size=3),)))]
    assert not any("FILES" in line for line in lines)
    assert "4B of 15B (27%)" in lines[-5] and lines[-2].split() == ["3B", "1", "/x␛[2J"] and "1B in smaller ones" in lines[-1]
    told = layer_lines(history, ImageContents(layers=(LayerContents(files=3, size=9),), steps=(-1, 0)))
    assert "       3         —  ADD b" in text_of(told[4]) and "in vain" in text_of(told[-1])
