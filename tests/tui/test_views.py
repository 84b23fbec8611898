"""Every major view at every size a terminal has: low and narrow, usual, large, upright; as text, beside the pictures of ``test_snapshots``.

The text of a screen is what somebody reads, and a twentieth of its picture. ``pytest --snapshot-update`` writes them into ``views`` anew, for a
person to look at.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from textual.widgets import Input

from engine.errors import EngineFault
from engine.interface import Hosts
from engine.model.hosts import EMBEDDED
from tests.support.images import tar_of
from tests.tui.conftest import running, still
from tests.tui.fake import FakeEngine, harbour
from tests.tui.test_hosts import FakeHosts
from tests.tui.test_projects import town
from tui.config import Settings

KEPT = pathlib.Path(__file__).parent / "views"
SIZES = ((80, 24), (120, 40), (200, 60), (60, 100))
NEXT = "right_square_bracket"


@dataclass
class View:
    """Keys that lead there, words that tell that it is there, and what it is looked at with."""

    keys: tuple[str, ...]
    shows: str
    engine: Callable[[], FakeEngine] = harbour
    hosts: Hosts | None = None
    trouble: str = ""


def with_files() -> FakeEngine:
    engine = harbour()
    engine.containers.archive = tar_of(
        [("app.py", b"x" * 410, 0o644), ("data/", b"", 0o755), ("now", "/data", 0o777), ("run.sh", b"x", 0o755)]
    )
    return engine


def tab(times: int) -> tuple[str, ...]:
    """A tab of the container web."""
    return ("j", "j", *[NEXT] * times)


VIEWS = {
    "logs": View(tab(0), "10.0.0.149"),
    "stats": View(tab(1), "BLOCK I/O"),
    "env": View(tab(2), "v shows it"),
    "config": View(tab(3), "Image"),
    "top": View(tab(4), "PID"),
    "diff": View(tab(5), "diff"),
    "image": View(("2", "j", "j"), "Size"),
    "layers": View(("2", "j", "j", NEXT), "4 steps"),
    "volume": View(("3",), "8.4MB"),
    "network": View(("4", "G"), "via 172.18.0.1"),
    "monitor": View(("f6",), "by cpu · 1 of"),
    "disk": View(("f8",), "What lies on the disk"),
    "events": View(("f9",), "Events"),
    "hosts": View(("f7",), "Permission denied", hosts=FakeHosts({EMBEDDED: harbour(), "deck": harbour(), "lost": None})),
    "files": View(("f",), "4 entries", with_files),
    "run": View(("2", "R"), "Run busybox"),
    "run-last-field": View(("2", "R", *["tab"] * 10), "Run busybox"),
    "limits": View(("u",), "Limits of cache"),
    "network-form": View(("4", "n"), "New network"),
    "exec": View(("ctrl+e",), "Run in cache"),
    "menu": View(("x",), "Open a shell inside"),
    "palette": View(("ctrl+p",), "Search for commands"),
    "preview": View(("space", "space", "space", "d", "v"), "Kill and remove 3 containers?"),
    "filtered": View((*tab(0), "5", "f", *"404", "enter"), "only “404”"),
    "merged": View(("P", "g", "m"), "3 logs", town),
    "terminal": View(("E", *"make", "enter"), "MAKE"),
    "empty": View((), "pull an image", FakeEngine),
    "trouble": View((), "engine unreachable", trouble="connect: no such file or directory"),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", VIEWS)
async def test_view(name: str, size: tuple[int, int], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    view = VIEWS[name]
    if name == "monitor":
        monkeypatch.setattr(FakeEngine, "url", property(lambda _: "ssh://deck"))  # the figures of this machine are not those of another
    engine = view.engine()
    async with running(engine, size=size, settings=Settings(), hosts=view.hosts) as ui:
        for key in view.keys:
            await ui.until(lambda: ui.main.content.settled)
            await ui.press(key)
        if view.trouble:
            await engine.hub.fail(EngineFault(view.trouble))
        await ui.shows(view.shows)
        await ui.until(lambda: ui.main.content.settled)
        if name == "palette":  # it gathers what it shows by and by
            await ui.until(lambda: not any(worker.node is ui.app.screen and worker.is_running for worker in ui.app.workers))
        for field in ui.app.screen.query(Input):
            field.cursor_blink = False
        ui.app.clear_notifications()  # they go after some seconds
        text = "".join(f"{line.rstrip()}\n" for line in (await still(ui)).splitlines())
    path = KEPT / f"{name}-{size[0]}x{size[1]}.txt"
    if request.config.getoption("update_snapshots"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
