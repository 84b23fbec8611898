"""Lists: filters by field and by letters, marks, and actions over everything that is marked."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len

from engine.errors import Conflict
from engine.model.containers import ContainerState, ContainerStatus
from engine.model.stats import Stats
from tests.tui.conftest import Harness, running
from tests.tui.fake import FakeEngine, FakeLog, harbour
from tui.presenters import query
from tui.presenters.fields import FIELDS, field_of
from tui.screens.menu import MenuModal
from tui.screens.preview import PreviewModal
from tui.screens.reader import ReaderModal
from tui.snapshot import Noun


def names(ui: Harness, noun: Noun = Noun.CONTAINERS) -> list[str]:
    return [row.cells[1][0] for row in ui.main.lists.panes[noun].rows]


def marked(ui: Harness) -> list[str]:
    return sorted(one.name for one in ui.main.lists.snapshot.containers if one.id in ui.main.lists.panes[Noun.CONTAINERS].marks.keys)


@pytest.mark.parametrize(
    "typed, found",
    [
        ("status:exited", ["import-2026-11", "migrate"]),
        ("status:paused,created", ["worker-2", "scratch"]),
        ("status:stopped", ["import-2026-11", "migrate", "scratch"]),
        ("image:worker !status:exited", ["worker-1", "worker-2"]),
        ("label:team=shop", ["web"]),
        ("health:unhealthy", ["worker-1"]),
        ("exit:137", ["import-2026-11"]),
        ("network:shop !name:cache", ["db", "web"]),
        ("port:8080", ["web"]),
        ("volume:pgdata", ["db"]),
        ("~wrk", ["worker-1", "worker-2"]),
        ("!~wrk !acme", ["cache", "db", "web", "scratch"]),
        ("wkr2", ["worker-2"]),
        ("name:", ["cache", "db", "web", "worker-1", "worker-2", "import-2026-11", "migrate", "scratch"]),
    ],
)
async def test_a_filter_knows_fields_alternatives_negation_and_letters(typed: str, found: list[str]) -> None:
    async with running(harbour()) as ui:
        await ui.press("slash")
        await ui.type(typed)
        assert names(ui) == found


async def test_letters_in_order_are_tried_where_words_find_nothing_and_the_title_says_so() -> None:
    async with running(harbour()) as ui:
        await ui.press("slash")
        await ui.type("imp26")
        assert names(ui) == ["import-2026-11"]
        await ui.shows("/~imp26")
        await ui.press(*["backspace"] * 5)
        await ui.type("zzz")
        await ui.shows("status:")


async def test_every_list_has_fields() -> None:
    async with running(harbour()) as ui:
        for key, noun, typed, found in (
            ("2", Noun.IMAGES, "name:postgres", 1),
            ("3", Noun.VOLUMES, "driver:local !~pg", 2),
            ("4", Noun.NETWORKS, "subnet:172.18", 1),
        ):
            await ui.press(key, "slash")
            await ui.type(typed)
            assert len(ui.main.lists.panes[noun].rows) == found
            await ui.press("enter")


def test_every_field_gives_lower_case_text_for_every_object() -> None:
    engine = harbour()
    things: dict[Noun, dict[str, Any]] = {
        Noun.CONTAINERS: engine.containers.all,
        Noun.IMAGES: engine.images.all,
        Noun.VOLUMES: engine.volumes.all,
        Noun.NETWORKS: engine.networks.all,
    }
    for noun, found in things.items():
        for field in FIELDS[noun]:
            texts = [field_of(thing, field) for thing in found.values()]
            assert all(text == text.lower() for text in texts)
            assert any(texts) or field in ("digest", "host", "label", "project", "service"), field


def test_a_word_with_a_colon_that_is_no_field_is_a_word() -> None:
    (term,) = query.parse("redis:7", FIELDS[Noun.CONTAINERS])
    assert (term.field, term.texts) == ("", ("redis:7",))
    assert query.parse("status: ! ~", FIELDS[Noun.CONTAINERS]) == ()


async def test_space_marks_ranges_grow_and_shrink_and_escape_forgets() -> None:
    async with running(harbour()) as ui:
        await ui.press("space", "space")
        assert marked(ui) == ["cache", "db"]
        await ui.shows("● 2")
        await ui.press("k", "space")
        assert marked(ui) == ["cache"]
        await ui.press("g", "j", "j", "v", "j", "j")
        assert marked(ui) == ["cache", "web", "worker-1", "worker-2"]
        await ui.shows("range")
        await ui.press("k")
        assert marked(ui) == ["cache", "web", "worker-1"]
        await ui.press("v", "j", "j")
        assert marked(ui) == ["cache", "web", "worker-1"]
        await ui.press("escape")
        assert marked(ui) == []
        await ui.press("G", "shift+up", "shift+up")
        assert marked(ui) == ["import-2026-11", "migrate", "scratch"]
        await ui.press("shift+down", "j", "k", "k")
        assert marked(ui) == ["migrate", "scratch"]
        await ui.press("asterisk")
        assert len(marked(ui)) == 8
        await ui.press("asterisk")
        assert marked(ui) == []


async def test_what_a_filter_shows_is_marked_at_once_and_stays_marked() -> None:
    async with running(harbour()) as ui:
        await ui.press("slash")
        await ui.type("image:worker")
        await ui.press("enter", "asterisk")
        await ui.press("slash", *["backspace"] * 12, "enter")
        assert len(names(ui)) == 8
        assert marked(ui) == ["import-2026-11", "migrate", "worker-1", "worker-2"]


async def test_a_batch_names_everything_lets_things_be_left_out_and_tells() -> None:
    async with running(harbour()) as ui:
        await ui.press("space", "space", "space", "s")
        await ui.until(lambda: isinstance(ui.app.screen, PreviewModal))
        await ui.shows("Stop 3 containers?")
        for name in ("cache", "db", "web"):
            await ui.shows(f"stop {name}")
        await ui.press("j", "space")
        await ui.shows("Stop 2 containers?")
        await ui.press("n")
        assert not ui.engine.called("stop")
        await ui.press("s", "j", "space", "y")
        await ui.until(lambda: len(ui.engine.called("stop")) == 2)
        assert ui.engine.containers.find("db").state.running
        await ui.until(lambda: any(toast.startswith("stopped 2 containers") for toast in ui.toasts()))
        assert marked(ui) == ["db"]
        assert [entry.command for entry in ui.main.desk.operations.journal.entries] == ["stop cache", "stop web"]


async def test_a_batch_leaves_out_what_needs_nothing_and_says_how_many() -> None:
    async with running(harbour()) as ui:
        await ui.press("asterisk", "S")
        await ui.shows("Start 4 containers?")
        await ui.shows("4 more of the marked ones need nothing.")
        await ui.press("y")
        await ui.until(lambda: len(ui.engine.called("start")) == 3 and len(ui.engine.called("unpause")) == 1)


async def test_failures_of_a_batch_are_listed_and_stay_marked() -> None:
    engine = harbour()
    remove = engine.containers.remove

    async def refusing(container: str, *, force: bool = False, volumes: bool = False) -> None:
        if container == engine.containers.find("migrate").id:
            raise Conflict("device or resource busy", hint="try again later")
        await remove(container, force=force, volumes=volumes)

    engine.containers.remove = refusing  # type: ignore[method-assign]
    async with running(engine) as ui:
        await ui.press("slash")
        await ui.type("status:exited")
        await ui.press("enter", "asterisk", "d")
        await ui.until(lambda: isinstance(ui.app.screen, MenuModal))
        await ui.shows("rm -v import-2026-11 migrate")
        await ui.press("v")
        await ui.shows("rm -v import-2026-11")
        await ui.press("y")
        await ui.until(lambda: isinstance(ui.app.screen, ReaderModal))
        await ui.shows("Remove: 1 done, 1 failed")
        await ui.shows("✘ migrate  device or resource busy")
        await ui.shows("try again later")
        await ui.shows("✔ import-2026-11")
        await ui.press("y")
        await ui.until(lambda: "✘ migrate" in ui.app.clipboard)
        await ui.press("escape")
        assert marked(ui) == ["migrate"]


@pytest.mark.parametrize(
    "key, answer, calls",
    [("r", "y", "restart"), ("p", "y", "pause"), ("ctrl+k", "y", "kill"), ("s", "enter", "stop")],
)
async def test_every_verb_works_on_marked_containers(key: str, answer: str, calls: str) -> None:
    async with running(harbour()) as ui:
        await ui.press("space", "space", key)
        await ui.until(lambda: isinstance(ui.app.screen, PreviewModal))
        await ui.press(answer)
        await ui.until(lambda: len(ui.engine.called(calls)) == 2)


async def test_marked_paused_ones_are_thawed() -> None:
    async with running(harbour()) as ui:
        await ui.select("worker-2")
        await ui.press("space", "p", "y")
        await ui.called("unpause")


@pytest.mark.parametrize(
    "pane, rows, title, call",
    [
        ("2", 2, "Remove 2 images, up to", "remove image"),
        ("3", 3, "Remove 3 volumes?", "remove volume"),
        ("4", 2, "Remove 2 networks?", "remove network"),
    ],
)
async def test_marks_and_removal_in_every_list(pane: str, rows: int, title: str, call: str) -> None:
    async with running(harbour()) as ui:
        await ui.press(pane, *["space"] * rows, "d")
        await ui.shows(title)
        await ui.press("y")
        await ui.until(lambda: len(ui.engine.called(call)) >= rows)


async def test_copying_takes_all_that_is_marked() -> None:
    async with running(harbour()) as ui:
        await ui.press("space", "space", "y")
        await ui.shows("Copy from 2 containers")
        await ui.press("n")
        await ui.until(lambda: ui.app.clipboard == "cache\ndb")


async def test_marks_of_what_vanished_are_forgotten_and_are_seen_without_colour() -> None:
    engine = harbour()
    async with running(engine) as ui:
        await ui.press("space")
        await ui.shows("● running")
        await engine.containers.remove("cache", force=True)
        await ui.misses("● running")
        assert marked(ui) == []


async def test_an_empty_list_has_nothing_to_mark() -> None:
    async with running(FakeEngine()) as ui:
        await ui.press("space", "v", "asterisk", "shift+down", "escape")
        assert marked(ui) == []


async def test_wide_letters_take_two_cells_in_lists_and_in_logs() -> None:
    engine = harbour()
    words = "漢字かな 🚀 e\u0301👍🏽 👩\u200d👩\u200d👧 "
    engine.add("漢字-コンテナ", "busybox:latest", minutes=1, log=FakeLog(30, lambda index: f"{words * 4}{index}\n".encode()))
    async with running(engine, size=(80, 24)) as ui:
        await ui.select("漢字-コンテナ")
        await ui.shows("🚀")
        assert "漢字-コンテナ" in ui.text()
        assert {cell_len(line) for line in ui.text().split("\n")} == {80}


async def test_a_move_and_new_numbers_cost_what_is_on_the_screen_and_not_what_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine()
    for number in range(2000):
        engine.add(f"one-{number:04}", "busybox:latest", cpu=number % 40, memory=1 << 24)
    async with running(engine) as ui:
        pane = ui.main.lists.panes[Noun.CONTAINERS]
        await ui.until(lambda: ui.main.content.settled)
        looked = 0

        def counted(state: ContainerState) -> bool:
            nonlocal looked
            looked += 1
            return state.status is ContainerStatus.RUNNING

        monkeypatch.setattr(ContainerState, "running", property(counted))
        assert 0 < len(ui.main.lists.sampled()) <= looked <= len(pane.visible_keys)
        before = pane.rows
        newer = Stats(container_id=before[1].key, read_at=1.0, online_cpus=2, cpu_percent=1234.5, memory_usage=1 << 30)
        monkeypatch.setattr(ui.main.lists._maker, "_stats", lambda id: newer if id == newer.container_id else None)
        looked = 0
        ui.main.lists.refresh_numbers()
        assert looked <= 10 * len(pane.visible_keys)
        assert pane.rows[2000 - 1] is before[2000 - 1], "rows below are not made anew"
        await ui.shows("1234.50%")
