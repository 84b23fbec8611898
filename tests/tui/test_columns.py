"""Columns that are chosen, orders that are remembered, and lists of thousands."""

from __future__ import annotations

import json
import os

import pytest

from engine.errors import InvalidArgument
from tests.tui.conftest import Harness, running
from tests.tui.fake import NOW, FakeEngine, harbour
from tui import config
from tui.config import Settings
from tui.memory import Memory
from tui.presenters.table import Column, column_at
from tui.screens.lists import SORTS
from tui.screens.row_maker import KNOWN, SHOWN, RowMaker, offered
from tui.snapshot import Noun


def names(ui: Harness, noun: Noun = Noun.CONTAINERS) -> list[str]:
    pane = ui.main.lists.panes[noun]
    place = [column.name for column in pane._columns].index("name")
    return [row.cells[place][0] for row in pane.rows]


def test_every_column_has_a_cell_and_every_sort_that_a_title_names_exists() -> None:
    engine = harbour()
    for noun in Noun:
        maker = RowMaker(lambda _: None, lambda: NOW, {noun.value: tuple(KNOWN[noun])}, hosts=True)
        assert maker.columns[noun] == tuple(offered(noun, hosts=True)) == tuple(KNOWN[noun])
        assert {column.sort for column in maker.titles(noun)} - {""} <= set(SORTS[noun])
        assert set(SHOWN[noun]) <= set(KNOWN[noun])
    maker = RowMaker(lambda _: None, lambda: NOW, {"containers": tuple(KNOWN[Noun.CONTAINERS])})
    assert "host" not in maker.columns[Noun.CONTAINERS] and "host" not in offered(Noun.CONTAINERS, hosts=False), "there is one host only"
    cells = {
        column.name: [row.cells[index][0] for row in maker.containers(list(engine.containers.all.values()), {}, width=80)]
        for index, column in enumerate(maker.titles(Noun.CONTAINERS))
    }
    assert "137" in cells["exit"] and "0" in cells["exit"]
    assert "unhealthy" in cells["health"]
    assert "shop" in cells["network"]
    assert "×3" in cells["restarts"]


async def test_columns_are_chosen_and_ordered_in_the_settings() -> None:
    settings = Settings(columns={"containers": ("name", "exit", "nonsense", "health"), "volumes": ("used",)})
    async with running(harbour(), settings=settings, size=(140, 40)) as ui:
        await ui.press("plus", "plus")
        await ui.shows("EXIT HEALTH")
        assert "STATUS" not in ui.text()
        await ui.press("3")
        assert [column.name for column in ui.main.lists.panes[Noun.VOLUMES]._columns] == ["name", "used"]
        assert ui.main.lists.panes[Noun.VOLUMES].rows[0].cells[1][0] == "db"


async def test_the_size_column_asks_the_engine_for_sizes_and_nothing_else_does() -> None:
    asked: list[bool] = []
    engine = harbour()
    listing = engine.containers.list

    async def spying(**words: object) -> object:
        asked.append(bool(words.get("size")))
        return [one.replace(size_rw=5_000_000) for one in await listing(all=True)]

    engine.containers.list = spying  # type: ignore[method-assign, assignment]
    async with running(engine, settings=Settings(columns={"containers": ("name", "size")})) as ui:
        await ui.shows("5MB")
    async with running(engine):
        pass
    assert (asked[0], asked[-1]) == (True, False)


@pytest.mark.parametrize("noun", Noun)
async def test_every_sort_orders_and_turns_round(noun: Noun) -> None:
    async with running(harbour()) as ui:
        await ui.press(str(list(Noun).index(noun) + 1))
        usual = names(ui, noun)
        for key in SORTS[noun][1:]:
            await ui.press("o")
            await ui.shows(f"by {key}")
            assert sorted(names(ui, noun)) == sorted(usual)
            await ui.press("O")
            await ui.shows(f"by {key} ↑")
        await ui.press("o")
        assert names(ui, noun) == usual


@pytest.mark.parametrize(
    "key, first",
    [("restarts", "worker-1"), ("exit", "import-2026-11"), ("health", "worker-1"), ("ports", "web"), ("image", "scratch")],
)
async def test_what_a_sort_puts_first(key: str, first: str) -> None:
    async with running(harbour()) as ui:
        ui.main.lists.sort_by(Noun.CONTAINERS, key)
        assert names(ui)[0] == first


async def test_subnets_are_ordered_as_numbers_and_users_by_their_count() -> None:
    engine = harbour()
    async with running(engine) as ui:
        ui.main.lists.sort_by(Noun.NETWORKS, "used")
        assert names(ui, Noun.NETWORKS)[0] == "shop"
        ui.main.lists.sort_by(Noun.IMAGES, "used")
        assert names(ui, Noun.IMAGES)[0] == "ghcr.io/acme/worker"


async def test_the_menu_of_sorts() -> None:
    async with running(harbour()) as ui:
        await ui.press("ctrl+o")
        await ui.shows("Sort by")
        await ui.press("j", "j", "j", "enter")
        await ui.shows("by memory")


async def test_a_click_on_a_title_sorts_and_another_turns_round() -> None:
    async with running(harbour(), size=(160, 48)) as ui:
        await ui.press("plus", "plus")
        await ui.shows("IMAGE")
        pane = ui.main.lists.panes[Noun.CONTAINERS]
        line = ui.text().splitlines()[1]
        for _ in range(2):
            await ui.pilot.click(pane, offset=(line.index("IMAGE") + 1, 1))
        await ui.shows("by image ↑")
        await ui.pilot.click(pane, offset=(3, 4))
        assert pane.selected == pane.rows[2].key


def test_the_cell_of_a_title() -> None:
    columns = (Column(title="A", sort="a"), Column(title="B", sort="b"), Column(title="C"))
    assert [column_at(columns, [3, 0, 4], cell) for cell in (0, 3, 4, 7, 20)] == ["a", "a", "", "", ""]


async def test_order_and_hidden_rows_are_remembered(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "deep", "tui.json")
    async with running(harbour(), settings=Settings(remember=path)) as ui:
        assert not os.path.exists(path)
        await ui.press("o", "O", "e", "2", "o")
    async with running(harbour(), settings=Settings(remember=path), size=(160, 48)) as ui:
        await ui.shows("by name ↑ · running only")
        await ui.shows("by size")
        await ui.press("e", *["o"] * (len(SORTS[Noun.CONTAINERS]) - 1), "2", *["o"] * (len(SORTS[Noun.IMAGES]) - 1))
    with open(path, encoding="utf-8") as file:
        assert json.load(file) == {}


@pytest.mark.parametrize("content", ["{broken", "[1]", '{"sort.containers": 7, "sort.images": "nonsense"}'])
async def test_a_broken_memory_is_an_empty_one(content: str, tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "tui.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    async with running(harbour(), settings=Settings(remember=path)) as ui:
        assert ui.main.lists.sorts[Noun.CONTAINERS] == "state"
        assert ui.main.lists.sorts[Noun.IMAGES] == "name"


def test_a_memory_that_can_not_be_written_is_forgotten() -> None:
    memory = Memory("/proc/nowhere/tui.json")
    memory.put("a", "b")
    assert memory.get("a") == "b"
    assert Memory("/proc/nowhere/tui.json").get("a") == ""


def test_settings_of_columns_are_checked(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "config.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("[tui.columns]\ncontainers = ['name', 'exit']\n")
    assert config.load(path).columns == {"containers": ("name", "exit")}
    with open(path, "w", encoding="utf-8") as file:
        file.write("[tui.columns]\ncontainers = 'name'\n")
    with pytest.raises(InvalidArgument, match="a list is wanted, not a text"):
        config.load(path)


async def test_of_a_list_of_two_thousand_only_what_changed_is_made_anew() -> None:
    engine = FakeEngine()
    engine.add_image("busybox:latest")
    for index in range(2000):
        engine.add(f"web-{index:04d}", "busybox:latest", minutes=60 + index, labels={"team": f"t{index % 20}"})
    async with running(engine) as ui:
        lists, pane = ui.main.lists, ui.main.lists.panes[Noun.CONTAINERS]

        assert len(pane.rows) == 2000
        before = pane.rows
        lists.refresh(Noun.CONTAINERS)
        below = slice(100, None)  # samples come in for what is on the screen
        assert all(one is other for one, other in zip(pane.rows[below], before[below], strict=True)), "what is as it was is not made anew"
        await ui.press("G", "asterisk")
        assert len(lists.marked(Noun.CONTAINERS)) == 2000
        await ui.press("slash")
        await ui.type("team=t7")
        assert len(pane.rows) == 100
        await ui.press("escape")
        await ui.pilot.click(pane, offset=(5, 2))
