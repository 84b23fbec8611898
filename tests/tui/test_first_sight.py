"""What somebody meets who does not know the program yet: keys without effect say why, and what is cut short keeps what matters."""

from __future__ import annotations

import asyncio

import pytest

from engine.model.system import DiskUsage
from tests.tui.conftest import running
from tests.tui.fake import FakeEngine, harbour
from tui.config import Settings
from tui.presenters.containers import arrange
from tui.screens.menu import MenuModal
from tui.screens.offers import offered
from tui.snapshot import Noun


@pytest.mark.parametrize(
    "keys, why",
    [
        (("c",), "commands: you have none for containers yet"),
        (("f5",), "swarm: this engine is in no swarm"),
        (("D",), "no terminal is open; E opens one"),
        (("W",), "no terminal is open; E opens one"),
        (("2", "c"), "nothing is pulled, pushed, read or written now"),
        (("5", "v"), "values are hidden in Env and Config only"),
    ],
)
async def test_a_key_that_does_nothing_here_says_why(keys: tuple[str, ...], why: str) -> None:
    async with running(harbour()) as ui:
        await ui.press(*keys)
        await ui.until(lambda: any(why in toast for toast in ui.toasts()), why)


@pytest.mark.parametrize("pane, keys", [("1", "sSrpdEmuC"), ("2", "RdtP"), ("3", "df"), ("4", "dc")])
async def test_keys_in_an_empty_list_say_that_nothing_is_selected(pane: str, keys: str) -> None:
    async with running(FakeEngine()) as ui:
        await ui.press(pane)
        for key in keys:
            before = len(ui.toasts())
            await ui.press(key)
            assert ui.app.screen is ui.main
            assert len(ui.toasts()) == before + 1, key
            assert ui.toasts()[-1].endswith(": nothing is selected in this list")


async def test_what_needs_no_object_works_in_an_empty_list() -> None:
    async with running(FakeEngine()) as ui:
        await ui.press("2", "p")
        await ui.shows("Pull an image")
        await ui.press("escape", "1", "M")
        await ui.until(lambda: ui.toasts() == ["join logs: no container is in the list"])
        assert ui.app.screen is ui.main
        await ui.press("e")
        assert ui.main.lists.hide_stopped


async def test_a_key_that_would_change_something_says_that_it_may_not() -> None:
    async with running(harbour(), settings=Settings(readonly=True)) as ui:
        await ui.press("r")
        assert ui.toasts() == ["restart: read only: nothing can be changed here"]
        await ui.press("j", "o")  # what only looks works
        assert len(ui.toasts()) == 1
        assert not ui.engine.called("restart")


async def test_each_line_of_the_copy_menu_has_a_key_of_its_own() -> None:
    async with running(harbour()) as ui:
        await ui.press("y")
        menu = ui.app.screen
        assert isinstance(menu, MenuModal)
        keys = [key for entry in menu._entries for key in entry.keys]
        assert len(keys) == len(menu._entries) == len(set(keys))
        image = next(entry for entry in menu._entries if entry.label == "image")
        await ui.press(*image.keys)
        await ui.until(lambda: ui.app.clipboard == image.value)


async def test_a_narrow_list_still_says_that_stopped_ones_are_hidden() -> None:
    async with running(harbour(), size=(80, 24)) as ui:
        await ui.press("e", "o")
        await ui.until(lambda: ui.main.lists.panes[Noun.CONTAINERS].border_subtitle == "running only · 5 (8)")
        await ui.press("e")
        await ui.until(lambda: str(ui.main.lists.panes[Noun.CONTAINERS].border_subtitle).endswith("of 8"))


async def test_the_chosen_tab_is_named_whole_where_not_all_tabs_fit() -> None:
    async with running(harbour(), size=(56, 24)) as ui:
        await ui.shows("Logs - Stats - Env")
        for _ in range(5):
            await ui.press("right_square_bracket")
        await ui.until(lambda: "- Diff" in ui.text().split("\n")[0])
        title = ui.text().split("\n")[0]
        assert "… - " in title
        assert "Logs" not in title
        pane = ui.main.content.pane
        await ui.pilot.click(pane, offset=(title.index("Top") - pane.region.x, 0))
        await ui.until(lambda: ui.main.content.tab == "top")
        await ui.pilot.resize_terminal(120, 24)
        await ui.shows("Logs - Stats - Env - Config - Top - Diff")


async def test_the_word_that_the_disk_is_counted_comes_only_where_it_takes_a_while() -> None:
    engine = harbour()
    quick, gate = engine.system.disk_usage, asyncio.Event()

    async def slow(*, contents: bool = False) -> DiskUsage:
        await gate.wait()
        return await quick(contents=contents)

    async with running(engine) as ui:
        await ui.press("f8")
        await ui.shows("What lies on the disk")
        assert ui.toasts() == []
        await ui.press("escape")
        engine.system.disk_usage = slow  # type: ignore[method-assign]
        await ui.press("f8")
        await ui.until(lambda: ui.toasts() == ["disk usage: counting…"])
        gate.set()
        await ui.shows("What lies on the disk")


async def test_containers_without_numbers_stand_behind_those_that_do_nothing() -> None:
    engine = harbour()
    listed = await engine.containers.list(all=True)
    idle = next(one for one in listed if one.name == "web")

    class Sample:
        cpu_percent = 0.0

    found = arrange(listed, lambda id: Sample() if id == idle.id else None, sort="cpu", reverse=False, hide_stopped=False)  # type: ignore[arg-type, return-value]
    assert found[0] is idle


async def test_terminals_are_offered_only_where_something_runs() -> None:
    by_name = {one.name: one for one in await harbour().containers.list(all=True)}
    for action in ("containers.another", "containers.debug"):
        assert offered(action, by_name["web"])
        assert not offered(action, by_name["migrate"])
