"""Every key does what the registry says, seen from outside: what the engine is asked for and what is on the screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from engine.errors import EngineFault
from engine.model.containers import ContainerStatus
from tests.tui.conftest import running
from tests.tui.fake import harbour
from tui import actions
from tui.config import Settings
from tui.presenters.geometry import Zoom
from tui.screens.commands import HANDLERS
from tui.screens.commands.swarm import SWARM_HANDLERS
from tui.screens.confirm import ConfirmModal
from tui.screens.menu import MenuModal
from tui.screens.prompt import PromptModal
from tui.screens.run_form import RunModal
from tui.snapshot import Noun
from tui.widgets.tick_box import TickBox


def test_every_action_has_a_handler_and_every_handler_an_action() -> None:
    own = {action.id for action in actions.ACTIONS if action.scope is actions.Scope.SWARM}
    assert {action.id for action in actions.ACTIONS} - own == set(HANDLERS)
    assert own - {f"swarm.{verb}" for verb in ("filter", "clear", "menu", "leave")} == set(SWARM_HANDLERS)


def test_the_key_table_tells_every_key() -> None:
    table = actions.key_table()
    for action in actions.ACTIONS:
        assert action.about in table
    assert "| `x` `?` | Menu of everything that can be done here |" in table


def test_no_key_has_two_meanings_in_one_place() -> None:
    for scope in actions.Scope:
        keys = [key for action in actions.ACTIONS if action.scope is scope for key in action.keys]
        assert len(keys) == len(set(keys)), scope


async def test_numbers_arrows_and_tab_move_between_panes() -> None:
    async with running(harbour()) as ui:
        for key, noun in zip("1234", Noun, strict=True):
            await ui.press(key)
            assert ui.app.focused is ui.main.lists.panes[noun]
        await ui.press("tab")
        assert ui.noun == Noun.CONTAINERS.value
        await ui.press("l", "right")
        assert ui.noun == Noun.VOLUMES.value
        await ui.press("h", "left", "shift+tab")
        assert ui.noun == Noun.NETWORKS.value
        await ui.press("5")
        assert ui.main.content.pane.focused
        await ui.press("escape")
        assert ui.app.focused is ui.main.lists.panes[Noun.NETWORKS]
        await ui.press("6")
        assert ui.noun == Noun.CONTAINERS.value
        assert ui.main.content.tab == "logs"
        assert ui.main.content.pane.focused


async def test_rows_are_walked_with_letters_and_arrows() -> None:
    async with running(harbour()) as ui:
        pane = ui.main.lists.panes[Noun.CONTAINERS]
        names = [row.cells[1][0] for row in pane.rows]
        assert names == ["cache", "db", "web", "worker-1", "worker-2", "import-2026-11", "migrate", "scratch"]
        await ui.press("j", "down", "k")
        assert pane.selected == pane.rows[1].key
        await ui.press("G")
        assert pane.selected == pane.rows[-1].key
        await ui.press("j", "g", "up")
        assert pane.selected == pane.rows[0].key


async def test_tabs_go_round_and_belong_to_their_list() -> None:
    async with running(harbour()) as ui:
        seen = []
        for _ in range(6):
            seen.append(ui.main.content.tab)
            await ui.press("right_square_bracket")
        assert seen == ["logs", "stats", "env", "config", "top", "diff"]
        await ui.press("left_square_bracket")
        assert ui.main.content.tab == "diff"
        await ui.press("2", "1", "j")
        assert ui.main.content.tab == "diff"


async def test_stop_asks_and_names_the_container() -> None:
    async with running(harbour()) as ui:
        await ui.select("web")
        await ui.press("s")
        await ui.until(lambda: isinstance(ui.app.screen, ConfirmModal))
        await ui.shows("Stop web?")
        await ui.press("n")
        assert not ui.engine.called("stop")
        await ui.press("s", "y")
        await ui.called("stop")
        await ui.shows("exited 143")


@pytest.mark.parametrize("name, word", [("web", "restart"), ("migrate", "restart")])
async def test_restart_does_not_ask(name: str, word: str) -> None:
    async with running(harbour()) as ui:
        await ui.select(name)
        await ui.press("r")
        await ui.called(word)
        await ui.until(lambda: ui.engine.containers.find(name).state.status is ContainerStatus.RUNNING)


async def test_start_starts_and_a_running_one_says_so() -> None:
    async with running(harbour()) as ui:
        await ui.select("scratch")
        await ui.press("S")
        await ui.called("start")
        await ui.until(lambda: ui.engine.containers.find("scratch").state.running)
        await ui.select("web")
        await ui.press("S")
        await ui.until(lambda: any("already running" in toast for toast in ui.toasts()))


async def test_pause_and_unpause_with_one_key() -> None:
    async with running(harbour()) as ui:
        await ui.select("web")
        await ui.press("p")
        await ui.called("pause")
        await ui.until(lambda: next(one for one in ui.main.lists.snapshot.containers if one.name == "web").state.status == "paused")
        await ui.press("p")
        await ui.called("unpause")


async def test_kill_asks_first() -> None:
    async with running(harbour()) as ui:
        await ui.select("db")
        await ui.press("ctrl+k", "y")
        await ui.called("kill")
        await ui.shows("exited 137")


@pytest.mark.parametrize(
    "name, keys, call",
    [
        ("migrate", ("enter",), "force=False volumes=False"),
        ("web", ("enter",), "force=True volumes=False"),
        ("web", ("v",), "force=True volumes=True"),
        ("db", ("y",), "force=True volumes=False"),
    ],
)
async def test_remove_is_a_menu_that_tells_the_force(name: str, keys: tuple[str, ...], call: str) -> None:
    async with running(harbour()) as ui:
        await ui.select(name)
        await ui.press("d")
        await ui.shows(f"Remove {name}")
        await ui.press(*keys)
        assert call in await ui.called("remove")
        await ui.until(lambda: all(one.name != name for one in ui.main.lists.snapshot.containers))


async def test_rename_hide_and_copy() -> None:
    async with running(harbour()) as ui:
        await ui.select("web")
        await ui.press("n")
        await ui.until(lambda: isinstance(ui.app.screen, PromptModal))
        await ui.type("2")
        await ui.press("enter")
        assert (await ui.called("rename")).endswith("web2")
        await ui.shows("web2")
        await ui.press("e")
        await ui.misses("migrate")
        await ui.shows("running only")
        await ui.press("e")
        await ui.shows("migrate")
        await ui.press("y")
        await ui.until(lambda: isinstance(ui.app.screen, MenuModal))
        await ui.press("n")
        await ui.until(lambda: ui.app.clipboard == "web2")


async def test_bulk_names_and_numbers_and_touches_only_what_is_listed() -> None:
    async with running(harbour()) as ui:
        await ui.press("slash")
        await ui.type("worker")
        await ui.press("enter", "b")
        await ui.shows("stop 2 running")
        await ui.press("s")
        await ui.shows("Stop 2 containers?")
        await ui.shows("stop worker-1")
        await ui.shows("stop worker-2")
        await ui.press("y")
        await ui.until(lambda: len(ui.engine.called("stop")) == 2)
        assert ui.engine.containers.find("web").state.running


async def test_the_browser_gets_a_link() -> None:
    async with running(harbour()) as ui:
        opened: list[str] = []
        ui.app.open_url = opened.append  # type: ignore[method-assign, assignment]
        await ui.select("web")
        await ui.press("w")
        await ui.shows("http://localhost:8080/")
        await ui.press("2")
        await ui.until(lambda: opened == ["https://localhost:8443/"])
        await ui.select("cache")
        await ui.press("w")
        await ui.until(lambda: any("no port of it is published" in toast for toast in ui.toasts()))


async def test_filter_is_case_blind_over_the_whole_row_and_stays() -> None:
    async with running(harbour()) as ui:
        pane = ui.main.lists.panes[Noun.CONTAINERS]
        await ui.press("slash")
        await ui.type("ACME")
        assert [row.cells[1][0] for row in pane.rows] == ["worker-1", "worker-2", "import-2026-11", "migrate"]
        await ui.press("enter", "2", "1")
        await ui.shows("[1] Containers /ACME")
        await ui.shows("1 of 4 (8)")
        await ui.press("slash")
        await ui.press(*["backspace"] * 4)
        await ui.type("team=shop")
        await ui.press("enter")
        assert [row.cells[1][0] for row in pane.rows] == ["web"]
        await ui.press("slash")
        await ui.type("zzz")
        await ui.shows("Nothing matches")
        await ui.press("escape")
        assert len(pane.rows) == 8
        await ui.press("slash")
        await ui.type("web")
        await ui.press("enter", "escape")
        assert len(pane.rows) == 8


async def test_sorting_and_turning_round() -> None:
    async with running(harbour()) as ui:
        pane = ui.main.lists.panes[Noun.CONTAINERS]
        await ui.until(lambda: ui.main.sampler.latest(pane.rows[0].key) is not None, "a sample")
        await ui.press("o", "o")
        await ui.until(lambda: pane.rows[0].cells[1][0] == "worker-1", "the busiest on top")
        await ui.shows("by cpu")
        await ui.press("O")
        await ui.until(lambda: pane.rows[-1].cells[1][0] == "worker-1", "the busiest at the bottom")
        await ui.shows("by cpu ↑")


async def test_zoom_goes_both_ways_and_swaps_in_the_main_pane() -> None:
    async with running(harbour()) as ui:
        await ui.press("plus")
        assert ui.zoom == Zoom.HALF.value
        await ui.until(lambda: not ui.main.lists.panes[Noun.IMAGES].display)
        await ui.press("plus")
        assert ui.zoom == Zoom.FULL.value
        await ui.until(lambda: ui.main.lists.panes[Noun.CONTAINERS].size.width > 110)
        await ui.shows("STATUS")
        await ui.press("underscore", "underscore")
        assert ui.zoom == Zoom.NORMAL.value
        await ui.press("enter", "underscore")
        assert ui.zoom == Zoom.HALF.value


async def test_logs_over_the_whole_screen() -> None:
    async with running(harbour()) as ui:
        await ui.select("web")
        await ui.press("m")
        await ui.until(lambda: ui.main.content.pane.log_view.size.width > 110)
        await ui.press("escape", "escape")
        assert ui.zoom == Zoom.NORMAL.value


async def test_the_menu_tells_and_executes() -> None:
    async with running(harbour()) as ui:
        await ui.select("web")
        await ui.press("question_mark")
        await ui.shows("Containers: web")
        await ui.shows("Open a shell inside")
        await ui.press("q")
        assert ui.app.screen is ui.main
        await ui.press("x", "r")
        await ui.called("restart")
        await ui.press("x")
        await ui.until(lambda: isinstance(ui.app.screen, MenuModal))
        await ui.press("j", "k", "enter")
        await ui.shows("Stop web?")


async def test_the_footer_tells_the_keys_of_what_has_the_focus() -> None:
    async with running(harbour(), size=(160, 48)) as ui:
        await ui.select("web")
        await ui.pilot.pause()
        keys = ui.main.query_one("#keys")
        assert "containers.stop" in keys.shown  # type: ignore[attr-defined]
        assert "containers.start" not in keys.shown  # type: ignore[attr-defined]
        await ui.press("2")
        assert "images.pull" in keys.shown  # type: ignore[attr-defined]
        await ui.press("1", "enter")
        assert "logs.search" in keys.shown  # type: ignore[attr-defined]


async def test_mouse_on_rows_tabs_and_hints() -> None:
    async with running(harbour()) as ui:
        await ui.pilot.click("#images", offset=(5, 3))
        await ui.pilot.pause()
        assert ui.noun == Noun.IMAGES.value
        assert ui.main.lists.panes[Noun.IMAGES].selected == ui.main.lists.panes[Noun.IMAGES].rows[2].key
        await ui.pilot.click("#containers", offset=(5, 2))
        await ui.pilot.pause()
        await ui.pilot.click("#main", offset=(11, 0))
        await ui.pilot.pause()
        assert ui.main.content.tab == "stats"
        await ui.press("escape")
        await ui.pilot.click("#keys", offset=(2, 0))
        await ui.shows("Stop db?")


async def test_an_error_is_a_toast_with_object_reason_and_hint() -> None:
    async with running(harbour()) as ui:
        await ui.press("2", "d", "enter")
        await ui.until(ui.toasts)
        assert ui.toasts()[0].startswith("remove busybox:latest: conflict: unable to remove repository reference")
        assert "remove the container first" in ui.toasts()[0]


async def test_a_pending_mark_stands_in_the_row_until_the_list_tells() -> None:
    import asyncio

    engine = harbour()
    engine.containers.gate = asyncio.Event()
    async with running(engine) as ui:
        await ui.select("web")
        await ui.press("r")
        await ui.shows("restarting…")
        engine.containers.gate.set()
        await ui.misses("restarting…")


async def test_images_run_tag_and_prune() -> None:
    async with running(harbour(), size=(120, 40)) as ui:
        await ui.press("2", "R")
        await ui.until(lambda: isinstance(ui.app.screen, RunModal))
        await ui.type("job")
        await ui.press("tab")
        await ui.type("echo hi")
        await ui.press("tab")
        await ui.type("http")
        await ui.press("enter")
        await ui.shows("ports: http is not")
        await ui.press(*["backspace"] * 4)
        await ui.type("8081:80")
        await ui.shows("[ ] remove it when it exits")
        await ui.press("shift+tab", "shift+tab", "shift+tab", "space")
        await ui.shows("[x] remove it when it exits")
        await ui.press("space")
        await ui.shows("[ ] remove it when it exits")
        await ui.press("enter")
        await ui.shows("[x] remove it when it exits")
        await ui.press("enter", "tab", "enter")
        await ui.called("create")
        await ui.until(lambda: ui.engine.called("start"))
        made = ui.engine.containers.find("job")
        assert made.command == "echo hi"
        assert made.ports[0].host_port == 8081
        await ui.until(lambda: ui.main.lists.panes[Noun.CONTAINERS].selected == made.id, "the cursor on the new container")
        await ui.until(lambda: ui.noun == Noun.CONTAINERS.value)
        await ui.press("2", "t")
        await ui.type("mine:1")
        await ui.press("enter")
        assert (await ui.called("tag")).endswith("mine:1")
        await ui.press("b")
        await ui.shows("Remove 1 image, up to 67MB?")
        await ui.press("y")
        await ui.called("remove image sha256:")


async def test_a_run_form_has_what_was_typed_the_last_time_but_no_name_and_no_secret(tmp_path: Path) -> None:
    memory = f"{tmp_path}/tui.json"
    for round in range(2):
        async with running(harbour(), settings=Settings(remember=memory)) as ui:
            await ui.press("2", "R")
            await ui.until(lambda: isinstance(ui.app.screen, RunModal))
            field = {one.id: one for one in ui.app.screen.query(Input)}
            if not round:
                await ui.type("first")
                for text in ("sleep 5", "80", "COLOR=red 'DB_PASSWORD=not kept' X='a b'"):
                    await ui.press("tab")
                    await ui.type(text)
                ui.app.screen.query_one("#run-create_only", TickBox).value = True
                await ui.press("enter")
                await ui.until(lambda: ui.engine.called("create"))
                await ui.shows("first")
                assert not ui.engine.called("start"), "it is only created"
                continue
            assert [field[f"run-{name}"].value for name in ("name", "command", "ports", "env")] == [
                "",
                "sleep 5",
                "80",
                "COLOR=red 'X=a b'",
            ]
            assert ui.app.screen.query_one("#run-create_only", TickBox).value
            await ui.shows("^n: empty")
            await ui.press("ctrl+n")
            assert not any(one.value for one in field.values()) and not any(box.value for box in ui.app.screen.query(TickBox))
            await ui.press("escape", "j", "R")
            await ui.until(lambda: isinstance(ui.app.screen, RunModal))
            assert not any(one.value for one in ui.app.screen.query(Input)), "another image has its own"
    with open(memory, encoding="utf-8") as file:
        assert "not kept" not in file.read()


async def test_volumes_and_networks_are_made_and_removed() -> None:
    async with running(harbour()) as ui:
        await ui.press("3", "n")
        await ui.type("scratchpad")
        await ui.press("enter")
        await ui.called("create volume scratchpad")
        await ui.shows("scratchpad")
        await ui.press("d")
        await ui.shows("Remove volume pgdata?")
        await ui.shows("Used by db")
        await ui.press("y")
        await ui.until(lambda: any("volume is in use" in toast for toast in ui.toasts()))
        await ui.press("b")
        await ui.shows("Remove 1 volume?")
        await ui.shows("Named ones are left out at first.")
        await ui.press("y")
        await ui.until(lambda: len(ui.engine.called("remove volume")) == 2)
        await ui.press("4", "n")
        await ui.type("back")
        await ui.press("enter")
        await ui.called("create network back")
        await ui.shows("172.20.0.0/16")
        await ui.select("bridge")
        await ui.press("d", "y")
        await ui.until(lambda: any("pre-defined network" in toast for toast in ui.toasts()))
        await ui.press("b", "y")
        await ui.until(lambda: len(ui.engine.called("remove network")) == 2)


async def test_theme_palette_reload_and_quit() -> None:
    engine = harbour()
    async with running(engine) as ui:
        await ui.press("T")
        assert ui.app.theme == "longshore-light"
        await ui.press("T")
        assert ui.app.theme == "longshore-dark"
        before = len(engine.called("list containers"))
        await ui.press("ctrl+r")
        await ui.until(lambda: len(engine.called("list containers")) > before)
        await ui.press("colon")
        await ui.until(lambda: ui.app.screen is not ui.main)
        await ui.type("restart")
        await ui.shows("containers: restart")
        await ui.press("escape")
        await ui.until(lambda: ui.app.screen is ui.main)
        await ui.press("q")
        assert ui.app._exit
    assert engine.closed
    assert engine.containers.open_streams == 0
    assert engine.containers.find("web").state.running


async def test_an_engine_that_does_not_answer_is_a_banner_and_comes_back() -> None:
    engine = harbour()
    async with running(engine) as ui:
        await engine.hub.fail(EngineFault("the socket is gone"))
        await ui.shows("engine unreachable: the socket is gone")
        await ui.shows("web")
        await engine.hub.fail(None)
        await ui.press("ctrl+r")
        await ui.misses("engine unreachable")


async def test_keys_of_a_persons_own() -> None:
    from tui.config import Settings

    async with running(harbour(), settings=Settings(keys={"containers.restart": "f5"})) as ui:
        await ui.select("web")
        await ui.press("r")
        assert not ui.engine.called("restart")
        await ui.press("f5")
        await ui.called("restart")


async def test_a_bug_in_a_command_is_told_and_ends_nothing() -> None:
    engine = harbour()

    async def broken(container: str, *, timeout: int | None = None, signal: str = "") -> None:
        raise RuntimeError("this should not happen")

    engine.containers.restart = broken  # type: ignore[method-assign]
    async with running(engine) as ui:
        await ui.press("r")
        await ui.until(lambda: any("internal error: RuntimeError: this should not happen" in toast for toast in ui.toasts()))
        await ui.press("j")
        await ui.misses("restarting…")
