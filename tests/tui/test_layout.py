"""Lists are hidden, resized and put elsewhere, with keys and with the mouse; columns are chosen; all of it is remembered."""

from __future__ import annotations

import json
import os

import pytest

from tests.tui.conftest import Harness, running
from tests.tui.fake import FakeEngine, harbour
from tui.config import Settings
from tui.presenters.geometry import Zoom, arrange, divide, even_out
from tui.presenters.layout import Layout, layout_from
from tui.screens.columns import ColumnsModal
from tui.snapshot import Noun

A, B, C, D = Noun.CONTAINERS, Noun.IMAGES, Noun.VOLUMES, Noun.NETWORKS

# --- the value -----------------------------------------------------------------------------------------------------------


def test_a_layout_is_told_and_read_again_and_nonsense_is_the_usual_one() -> None:
    layout = Layout(order=(D, A, B, C), hidden=frozenset({B}), heights={A: 12, C: 5, D: 8}, width=412)
    assert layout_from(layout.to_text()) == layout
    assert Layout().to_text() == "" and layout_from("") == Layout()
    for text in (
        "[",
        "[1]",
        '{"order": ["pods"]}',
        '{"hidden": ["containers","images","volumes","networks"]}',
        '{"width": -4}',
        '{"heights": 3}',
    ):
        assert layout_from(text) == Layout(), text
    assert layout_from('{"order": ["volumes"]}').order == (C, A, B, D), "lists that a release adds come last"


def test_lists_move_among_those_that_are_shown_and_the_last_one_stays() -> None:
    layout = Layout().toggle(B)
    assert layout.move(A, 1).shown == [C, A, D] and layout.move(A, -1) == layout
    assert layout.move(A, 1).toggle(B).shown == [C, B, A, D]
    for noun in (A, C, D):
        layout = layout.toggle(noun)
    assert layout.shown == [D]


def test_rows_come_from_the_neighbour_and_three_always_stay() -> None:
    present = {A: 10, B: 10, C: 10, D: 9}
    assert Layout().resize(A, 4, present).heights == {A: 14, B: 6, C: 10, D: 9}
    assert Layout().resize(D, 2, present).heights == {A: 10, B: 10, C: 8, D: 11}
    assert Layout().resize(A, 99, present).heights[B] == 3
    assert Layout().resize(A, -99, present).heights[A] == 3


@pytest.mark.parametrize("total", range(28, 70, 3))
def test_heights_fill_the_column_and_keep_their_proportion(total: int) -> None:
    for weights in ([1, 1, 1, 1], [14, 6, 10, 9], [200, 3, 3, 3], [3, 4], [1, 1, 1, 1, 1, 1, 1, 90]):
        found = divide(total, weights)
        assert sum(found) == total and min(found) >= 3, weights
    assert divide(39, [14, 6, 10, 9]) == [14, 6, 10, 9]
    geometry = arrange(120, 40, count=3, focused=0, main_focused=False, zoom=Zoom.NORMAL, weights=[20, 10, 9], side_width=500)
    assert geometry.panes == (20, 10, 9) and (geometry.side_width, geometry.main_width) == (60, 60)


def test_rows_that_would_stay_empty_go_to_the_lists_that_are_cut() -> None:
    assert even_out([10, 10, 10, 9], [10, 8, 5, 6], 0) == [10, 10, 10, 9], "nothing is cut: nothing moves"
    assert even_out([9, 8, 8, 8], [10, 8, 5, 6], 0) == [10, 8, 7, 8], "as few rows as possible move"
    assert even_out([9, 8, 8, 8], [202, 8, 2, 6], 3) == [16, 8, 3, 6]
    assert even_out([8, 8, 8, 8], [90, 90, 4, 4], 0) == [16, 8, 4, 4], "the focused one is served first"
    assert even_out([8, 8, 8, 8], [90, 90, 4, 4], 1) == [8, 16, 4, 4]
    assert even_out([8, 8, 8, 8], [90, 90, 4, 4], 2) == [12, 12, 4, 4]
    assert even_out([8, 8], [90, 90], 0) == [8, 8]


# --- keys ----------------------------------------------------------------------------------------------------------------


def _places(ui: Harness) -> list[tuple[str, int, int]]:
    """The shown lists with their first row and their height, from the top."""
    panes = [pane for pane in ui.main.lists.panes.values() if pane.display]
    return sorted(((str(pane.id), pane.region.y, pane.region.height) for pane in panes), key=lambda one: one[1])


async def test_keys_resize_move_and_hide_lists_and_it_is_remembered(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "tui.json")
    async with running(harbour(), settings=Settings(remember=path)) as ui:
        assert _places(ui) == [("containers", 0, 10), ("images", 10, 10), ("volumes", 20, 10), ("networks", 30, 9)]
        await ui.press("equals_sign", "equals_sign", "greater_than_sign")
        await ui.until(lambda: _places(ui)[:2] == [("containers", 0, 14), ("images", 14, 6)])
        await ui.until(lambda: ui.main.lists.panes[A].region.width == 44)
        await ui.press("minus", "less_than_sign", "less_than_sign")
        await ui.until(lambda: ui.main.lists.panes[A].region.width == 36)
        await ui.until(lambda: _places(ui)[0] == ("containers", 0, 12))
        await ui.press("3", "Z")
        await ui.until(lambda: [name for name, _, _ in _places(ui)] == ["containers", "images", "networks"])
        assert ui.noun == "containers", "the focus is never on what is hidden"
        await ui.press("ctrl+down")
        await ui.until(lambda: [name for name, _, _ in _places(ui)] == ["images", "containers", "networks"])
        await ui.press("tab")
        assert ui.noun == "networks", "the order on the screen is that of tab"
        await ui.press("ctrl+up", "tab")
        await ui.until(lambda: [name for name, _, _ in _places(ui)] == ["images", "networks", "containers"])
        assert ui.noun == "containers"
        before = _places(ui)
    async with running(harbour(), settings=Settings(remember=path)) as ui:
        assert _places(ui) == before
        await ui.press("3")
        await ui.until(lambda: "volumes" in [name for name, _, _ in _places(ui)])
        assert ui.noun == "volumes", "its number shows it again"
        await ui.press("0")
        await ui.shows("hide volumes")
        await ui.press("n")
        await ui.until(lambda: "networks" not in [name for name, _, _ in _places(ui)])
        await ui.press("0", "r")
        await ui.until(lambda: _places(ui) == [("containers", 0, 10), ("images", 10, 10), ("volumes", 20, 10), ("networks", 30, 9)])
    with open(path, encoding="utf-8") as file:
        assert json.load(file) == {}


async def test_a_low_terminal_says_why_a_list_does_not_grow_and_others_still_hide() -> None:
    async with running(harbour(), size=(80, 24)) as ui:
        await ui.press("equals_sign")
        await ui.until(lambda: any("has all the rows there are" in toast for toast in ui.toasts()))
        await ui.press("4", "Z", "3", "Z", "1")
        await ui.until(lambda: _places(ui) == [("containers", 0, 20), ("images", 20, 3)])


async def test_lists_are_as_high_as_what_is_in_them_wants_until_somebody_says_otherwise() -> None:
    engine = harbour()
    async with running(engine, size=(60, 100)) as ui:
        await ui.until(lambda: [rows for _, _, rows in _places(ui)] == [10, 8, 7, 8])
        for number in range(30):
            engine.add(f"many-{number}", "busybox:latest")
        await ui.press("ctrl+r")
        await ui.until(lambda: [rows for _, _, rows in _places(ui)] == [14, 8, 5, 6])
        await ui.press("slash", *"web", "enter")
        await ui.shows("/web")
        assert [rows for _, _, rows in _places(ui)] == [14, 8, 5, 6], "a filter moves no list"
        await ui.press("escape", "minus")
        await ui.until(lambda: [rows for _, _, rows in _places(ui)] == [12, 10, 5, 6])


async def test_the_focused_list_can_be_larger_than_the_others() -> None:
    async with running(harbour(), settings=Settings(expand_focused=True, screen_mode="normal")) as ui:
        assert _places(ui)[0] == ("containers", 0, 15)
        await ui.press("4")
        await ui.until(lambda: _places(ui)[3][2] == 16)
    async with running(harbour(), settings=Settings(screen_mode="half")) as ui:
        assert [name for name, _, _ in _places(ui)] == ["containers"]


# --- the mouse -----------------------------------------------------------------------------------------------------------


async def _drag(ui: Harness, start: tuple[int, int], end: tuple[int, int]) -> None:
    await ui.pilot.mouse_down(offset=start)
    for step in (1, 2):
        await ui.pilot.hover(offset=tuple((a * (2 - step) + b * step) // 2 for a, b in zip(start, end, strict=True)))  # type: ignore[arg-type]
    await ui.pilot.mouse_up(offset=end)


async def test_borders_are_dragged() -> None:
    async with running(harbour()) as ui:
        await _drag(ui, (20, 9), (20, 12))
        await ui.until(lambda: [rows for _, _, rows in _places(ui)] == [13, 7, 10, 9])
        await _drag(ui, (20, 20), (20, 16))
        await ui.until(lambda: [rows for _, _, rows in _places(ui)] == [13, 3, 14, 9])
        await _drag(ui, (39, 5), (49, 5))
        await ui.until(lambda: ui.main.lists.panes[A].region.width == 50)
        await _drag(ui, (50, 5), (30, 5))
        await ui.until(lambda: ui.main.lists.panes[A].region.width == 30)
        await _drag(ui, (10, 2), (10, 8))
        await ui.pilot.pause()
        assert [rows for _, _, rows in _places(ui)] == [13, 3, 14, 9], "inside a list nothing is dragged"


# --- columns -------------------------------------------------------------------------------------------------------------


def _columns(ui: Harness, noun: Noun) -> list[str]:
    return [column.name for column in ui.main.lists.titles(noun)]


async def test_columns_are_chosen_and_ordered_in_a_dialog_and_remembered(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "tui.json")
    settings = Settings(remember=path, columns={"images": ("name", "size")})
    async with running(harbour(), settings=settings, size=(160, 48)) as ui:
        await ui.press("2", "comma")
        await ui.until(lambda: isinstance(ui.app.screen, ColumnsModal))
        await ui.shows("● size")
        await ui.shows("○ digest")
        assert "○ host" not in ui.text(), "there is one host only"
        # The name can not be taken away; size goes in front of it; of the others the first is added.
        await ui.press("space", "j", "K", "j", "j", "space", "enter")
        await ui.until(lambda: _columns(ui, B) == ["size", "name", "tag"])
        await ui.shows("48.2MB nginx")
        await ui.press("comma", "space", "escape")
        assert _columns(ui, B) == ["size", "name", "tag"], "esc changes nothing"
    async with running(harbour(), settings=settings, size=(160, 48)) as ui:
        assert _columns(ui, B) == ["size", "name", "tag"]
        await ui.press("2", "comma", "u", "enter")
        await ui.until(lambda: _columns(ui, B) == ["name", "size"])
    with open(path, encoding="utf-8") as file:
        assert json.load(file) == {}, "the usual ones are not remembered, so the settings' are back"


async def test_the_size_of_containers_is_asked_for_once_its_column_is_there() -> None:
    engine = harbour()
    async with running(engine, size=(160, 48)) as ui:
        assert not any("size" in call for call in engine.called("list"))
        selected = ui.main.lists.panes[A].selected
        await ui.press("j", "comma", "G", *["k"] * 2, "space", "enter")
        await ui.until(lambda: len(_columns(ui, A)) == 9)
        assert ui.main.lists.panes[A].selected != selected, "the cursor stays on its row"


async def test_every_column_can_be_sorted_by() -> None:
    engine = FakeEngine()
    for index, name in enumerate(("b", "a", "c")):
        engine.add_image(f"img{index}:latest")
        engine.add(name, f"img{index}:latest", minutes=10 + index, labels={"com.docker.compose.service": f"s{3 - index}"})
    async with running(engine) as ui:
        for noun in Noun:
            for column in ui.main.lists.panes[noun]._columns:
                assert column.sort, (noun, column.name)
                ui.main.lists.sort_by(noun, column.sort)
        ui.main.lists.sort_by(A, "service")
        assert [row.cells[1][0] for row in ui.main.lists.panes[A].rows] == ["c", "a", "b"]
