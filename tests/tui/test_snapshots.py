"""Pictures of the screen, compared with those that a person has looked at (``pytest --snapshot-update`` makes them anew).

The clock is frozen and the engine is the fake one; each picture is taken when what it is about is on the screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from engine.errors import EngineFault
from engine.model.images import PullPhase, PullProgress
from tests.tui.conftest import Harness
from tests.tui.fake import NOW, FakeEngine, harbour
from tui.app import LongshoreApp
from tui.config import Settings

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
        await ui.until(lambda: len(app.screen_stack) > 1 and ui.main.lists.snapshot.loaded)
        running = {one.id for one in engine.containers.all.values() if one.state.running}
        await ui.until(lambda: all(ui.main.sampler.latest(id) for id in running & ui.main.lists.sampled()))
        await ui.until(lambda: ui.main.content.settled)
        for key in keys:
            await ui.press(key)
        await ui.shows(shows)
        await ui.until(lambda: ui.main.content.settled)
        for field in app.screen.query(Input):
            field.cursor_blink = False
        await asyncio.sleep(0.3)
        await pilot.pause()

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


@pytest.mark.parametrize("size", ((80, 60), (60, 18), (24, 10), (18, 8)), ids=lambda size: f"{size[0]}x{size[1]}")
def test_odd_sizes(snap_compare: Compare, size: tuple[int, int]) -> None:
    compare(snap_compare, harbour(), (), "" if size[0] < 20 else "x menu", size)


SCENES: dict[str, tuple[tuple[str, ...], str, tuple[int, int]]] = {
    "env": (("j", "j", "right_square_bracket", "right_square_bracket"), "v shows it", (120, 40)),
    "config": (("j", "j", "left_square_bracket", "left_square_bracket"), "Full details", (120, 40)),
    "image": (("2", "j", "j"), "COMMAND", (120, 40)),
    "network": (("4", "G"), "via 172.18.0.1", (120, 40)),
    "menu": (("x",), "Open a shell inside", (120, 70)),
    "remove": (("d",), "Remove cache", (80, 24)),
    "confirm": (("s",), "Stop cache?", (80, 24)),
    "run": (("2", "R"), "Run busybox", (80, 24)),
    "zoomed": (("plus", "plus"), "STATUS", (160, 48)),
    "half": (("plus",), "STATUS", (120, 40)),
    "filtered": (("slash", "a", "c", "m", "e", "enter"), "/acme", (120, 40)),
}


@pytest.mark.parametrize("name", SCENES)
def test_scene(snap_compare: Compare, name: str) -> None:
    keys, shows, size = SCENES[name]
    compare(snap_compare, harbour(), keys, shows, size)


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
def test_pull(snap_compare: Compare, size: tuple[int, int]) -> None:
    keys = ("2", "p", *"postgres", "enter")
    compare(snap_compare, pulling(), keys, "Downloading", size)


@pytest.mark.parametrize("keys", ((), ("j", "j", "left_square_bracket", "left_square_bracket")), ids=("list", "config"))
def test_light(snap_compare: Compare, keys: tuple[str, ...]) -> None:
    compare(snap_compare, harbour(), keys, "web", (120, 40), theme="longshore-light")


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
