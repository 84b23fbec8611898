"""Pictures of the screen, compared with those that a person has looked at (``pytest --snapshot-update`` makes them anew).

The clock is frozen and the engine is the fake one; each picture is taken when what it is about is on the screen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from engine.errors import EngineFault
from engine.model.images import PullPhase, PullProgress
from tests.support.images import tar_of
from tests.tui.conftest import Harness, numbers_drawn, still
from tests.tui.fake import NOW, FakeEngine, harbour
from tests.tui.test_projects import town
from tui.app import LongshoreApp
from tui.config import Settings
from tui.graphs import Graph

SIZES = ((80, 24), (120, 40), (160, 48), (200, 60))
Compare = Callable[..., bool]


def pulling() -> FakeEngine:
    """A host that pulls an image of seven layers."""
    engine = harbour()
    engine.images.hold.clear()
    ids = [f"{index * 7919:012x}" for index in range(1, 8)]
    mega = 1_000_000
    engine.images.steps = [
        PullProgress(phase=PullPhase.PULLING, layer="17-alpine", detail="library/postgres"),
        *(PullProgress(phase=PullPhase.PULLING_LAYER, layer=id) for id in ids),
        PullProgress(phase=PullPhase.COMPLETE, layer=ids[0]),
        PullProgress(phase=PullPhase.EXTRACTING, layer=ids[1], current=30 * mega, total=44 * mega),
        PullProgress(phase=PullPhase.DOWNLOADING, layer=ids[2], current=61 * mega, total=108 * mega),
        PullProgress(phase=PullPhase.DOWNLOADING, layer=ids[3], current=2 * mega, total=9 * mega),
        PullProgress(phase=PullPhase.EXISTS, layer=ids[4]),
        PullProgress(phase=PullPhase.RETRYING, layer=ids[5], detail="in 4 seconds"),
    ]
    return engine


def scene(engine: FakeEngine, keys: Sequence[str], shows: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Press keys one after the other once the lists are there, then wait for a text."""

    async def play(pilot: Pilot[Any]) -> None:
        app = pilot.app
        assert isinstance(app, LongshoreApp)
        ui = Harness(app, engine, pilot)
        await ui.until(lambda: ui.main.lists.snapshot.loaded)
        await ui.until(lambda: numbers_drawn(ui))
        await ui.until(lambda: ui.main.content.settled)
        for key in keys:
            await ui.press(key)
        await ui.shows(shows)
        await ui.until(lambda: numbers_drawn(ui))  # keys may have brought other rows onto the screen
        await ui.until(lambda: ui.main.content.settled)
        for field in app.screen.query(Input):
            field.cursor_blink = False
        await still(ui)

    return play


def compare(snap: Compare, engine: FakeEngine, keys: Sequence[str], shows: str, size: tuple[int, int], **settings: Any) -> None:
    app = LongshoreApp(engine, settings=Settings(**settings), now=lambda: NOW)
    assert snap(app, terminal_size=size, run_before=scene(engine, keys, shows))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_main(snap_compare: Compare, size: tuple[int, int]) -> None:
    compare(snap_compare, harbour(), ("j", "j"), "10.0.0.149", size)


@pytest.mark.parametrize("size", SIZES[:3], ids=lambda size: f"{size[0]}x{size[1]}")
def test_stats(snap_compare: Compare, size: tuple[int, int]) -> None:
    compare(snap_compare, harbour(), ("j", "j", "right_square_bracket"), "BLOCK I/O", size)


@pytest.mark.parametrize("size", ((80, 60), (60, 100), (60, 18), (24, 10), (18, 8)), ids=lambda size: f"{size[0]}x{size[1]}")
def test_odd_sizes(snap_compare: Compare, size: tuple[int, int]) -> None:
    compare(snap_compare, harbour(), (), "" if size[0] < 20 else "x menu", size)


SCENES: dict[str, tuple[tuple[str, ...], str, tuple[int, int]]] = {
    "env": (("j", "j", "right_square_bracket", "right_square_bracket"), "v shows it", (120, 40)),
    "config": (("j", "j", *["right_square_bracket"] * 3), "Full details", (120, 40)),
    "image": (("2", "j", "j"), "COMMAND", (120, 40)),
    "network": (("4", "G"), "via 172.18.0.1", (120, 40)),
    "menu": (("x",), "Open a shell inside", (120, 70)),
    "remove": (("d",), "Remove cache", (80, 24)),
    "confirm": (("s",), "Stop cache?", (80, 24)),
    "run": (("2", "R"), "Run busybox", (80, 24)),
    "zoomed": (("plus", "plus"), "STATUS", (160, 48)),
    "half": (("plus",), "STATUS", (120, 40)),
    "marked": (("space", "j", "space"), "● 2", (80, 24)),
    "preview": (("space", "space", "space", "d", "v"), "Kill and remove 3 containers?", (80, 24)),
    "terminal": (("E", *"make", "enter"), "MAKE", (120, 40)),
    "files": (("f",), "4 entries", (100, 30)),
    "exec": (("ctrl+e",), "Run in cache", (80, 24)),
    "volumes": (("3",), "34MB", (120, 40)),
    "filtered": (("slash", "a", "c", "m", "e", "enter"), "/acme", (120, 40)),
}


@pytest.mark.parametrize("name", SCENES)
def test_scene(snap_compare: Compare, name: str) -> None:
    keys, shows, size = SCENES[name]
    engine = harbour()
    engine.containers.archive = tar_of(
        [("app.py", b"x" * 410, 0o644), ("data/", b"", 0o755), ("now", "/data", 0o777), ("run.sh", b"x", 0o755)]
    )
    compare(snap_compare, engine, keys, shows, size)


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_pull(snap_compare: Compare, size: tuple[int, int]) -> None:
    keys = ("2", "p", *"postgres", "enter")
    compare(snap_compare, pulling(), keys, "Downloading", size)


@pytest.mark.parametrize("keys", ((), ("j", "j", *["right_square_bracket"] * 3)), ids=("list", "config"))
def test_light(snap_compare: Compare, keys: tuple[str, ...]) -> None:
    compare(snap_compare, harbour(), keys, "web", (120, 40), theme="longshore-light")


def test_monitor(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeEngine, "url", property(lambda _: "ssh://deck"))  # the figures of this machine are not those of another
    compare(snap_compare, harbour(), ("f6",), "by cpu · 1 of", (120, 40))


def test_own_graph(snap_compare: Compare) -> None:
    graphs = (Graph(path="network_rx", title="Received", colour="magenta", per_second=True, unit="bytes"),)
    compare(snap_compare, harbour(), ("j", "j", "right_square_bracket"), "Received", (160, 48), graphs=graphs)


def test_columns(snap_compare: Compare) -> None:
    compare(snap_compare, harbour(), ("2", "comma"), "Columns of images", (80, 24))


@pytest.mark.parametrize("theme", ["longshore-safe-dark", "longshore-safe-light"])
def test_safe_themes(snap_compare: Compare, theme: str) -> None:
    compare(snap_compare, harbour(), ("j", "j"), "10.0.0.149", (120, 40), theme=theme)


def test_screen_reader(snap_compare: Compare) -> None:
    compare(snap_compare, harbour(), ("j",), "Containers, 2 of 8: name db", (80, 24), screen_reader=True)


def test_no_colours(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    compare(snap_compare, harbour(), ("j",), "worker-1", (80, 24))


def test_projects(snap_compare: Compare) -> None:
    # Room for the memory is there once the numbers of the rows that left the screen are gone.
    compare(snap_compare, town(), ("P", "g", "right_square_bracket", "right_square_bracket", "right_square_bracket"), "3.81MiB", (120, 40))


def test_joined_logs(snap_compare: Compare) -> None:
    compare(snap_compare, town(), ("P", "g", "m"), "3 logs", (120, 40))


def test_empty(snap_compare: Compare) -> None:
    compare(snap_compare, FakeEngine(), (), "pull an image", (120, 40))


def test_unreachable(snap_compare: Compare) -> None:
    engine = harbour()
    play = scene(engine, (), "cache")

    async def trouble(pilot: Pilot[Any]) -> None:
        await play(pilot)
        await engine.hub.fail(EngineFault("connect: no such file or directory"))
        await scene(engine, (), "engine unreachable")(pilot)

    assert snap_compare(LongshoreApp(engine, now=lambda: NOW), terminal_size=(120, 40), run_before=trouble)
