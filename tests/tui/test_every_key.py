"""Every key of every pane does what the key table says: each action of the registry has a step here, played with each of its keys.

The keys of the swarm's own screen and of a terminal in the main pane have their tests in ``test_swarm`` and ``test_terminal``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from engine.interface import Session
from tests.tui.conftest import Harness, running
from tests.tui.fake import harbour
from tui.actions import ACTIONS, Action, Scope
from tui.config import Settings
from tui.custom import CustomCommand
from tui.presenters.geometry import Zoom
from tui.screens.desk import Desk
from tui.snapshot import Noun
from tui.widgets.list_pane import ListPane

Look = Callable[[Harness], object]


def view(ui: Harness) -> Any:
    return ui.main.content.pane.view


class Seen:
    """What there was before the key."""

    def __init__(self, ui: Harness) -> None:
        self.calls = len(ui.engine.hub.calls)
        self.x, self.y = view(ui).scroll_offset
        self.current = view(ui).current
        self.size = pane(ui).size
        self.at = ui.main.content.picker.at
        self.lines = view(ui).line_count
        self.moving = ui.main.content.paging.locked()

    def same(self, other: Seen) -> bool:
        return vars(self) == vars(other)


Check = Callable[[Harness, Seen], object]


@dataclass
class Step:
    """``before`` leads to where the key does something, ``check`` is true when it did, ``after`` leads back."""

    check: Check
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def step(check: Look | str, before: str = "", after: str = "") -> Step:
    """Keys are separated by blanks; words instead of a check have to come on the screen."""

    def found(ui: Harness, _: Seen) -> object:
        return check in ui.text() if isinstance(check, str) else check(ui)

    return Step(found, tuple(before.split()), tuple(after.split()))


def box(title: str, before: str = "") -> Step:
    """A box opens; escape closes it."""
    return step(lambda ui: ui.app.screen is not ui.main and title in ui.text(), before, "escape")


def asked(call: str, before: str = "", after: str = "") -> Step:
    """The engine is asked for something."""
    return Step(
        lambda ui, seen: any(one.startswith(call) for one in ui.engine.hub.calls[seen.calls :]), tuple(before.split()), tuple(after.split())
    )


def told(words: str, before: str = "", after: str = "") -> Step:
    """A message comes."""
    return step(lambda ui: any(words in toast for toast in ui.toasts()), before, after)


def pane(ui: Harness) -> ListPane:
    return ui.main.lists.panes[ui.main.stage.noun]


def at(place: int) -> Look:
    """The cursor of the list is there."""
    return lambda ui: pane(ui).selected == pane(ui).rows[place].key


def marked(count: int) -> Look:
    return lambda ui: len(pane(ui).marks.keys) == count


def focused(noun: Noun | None) -> Look:
    """A list has the focus, or the main pane."""
    return lambda ui: ui.main.stage.main_focused if noun is None else not ui.main.stage.main_focused and ui.main.stage.noun is noun


def zoomed(zoom: Zoom) -> Look:
    return lambda ui: ui.main.stage.zoom is zoom


def tab(name: str) -> Look:
    return lambda ui: ui.main.content.tab == name


def theme(name: str) -> Look:
    return lambda ui: ui.app.theme == name


def moved(check: Check, before: str = "", after: str = "") -> Step:
    """Something is elsewhere than before."""
    return Step(check, tuple(before.split()), tuple(after.split()))


UP = moved(lambda ui, seen: view(ui).scroll_offset.y < seen.y, "", "end")
DOWN = moved(lambda ui, seen: view(ui).scroll_offset.y > seen.y, "pageup pageup", "end")
LEFT = moved(lambda ui, seen: view(ui).scroll_offset.x < seen.x, "5 w pause L", "5 w 1")
RIGHT = moved(lambda ui, seen: view(ui).scroll_offset.x > seen.x, "5 w pause", "H 5 w 1")
TOP = moved(lambda ui, seen: view(ui).scroll_offset.y == 0 < seen.y, "", "end")
END = moved(lambda ui, seen: view(ui).scroll_offset.y == view(ui).max_scroll_y > seen.y, "home", "")


LEAVE = "ctrl+right_square_bracket"
"""Out of the terminal in the main pane."""


def _status(ui: Harness, name: str) -> str:
    return next(one.state.status.value for one in ui.main.lists.snapshot.containers if one.name == name)


def _first_pane(ui: Harness) -> Noun:
    return min(ui.main.lists.panes, key=lambda noun: ui.main.lists.panes[noun].region.y)


STEPS: dict[str, Step] = {
    # --- lines picked in the main pane
    "pick.up": moved(lambda ui, seen: ui.main.content.picker.at < seen.at, "V", "escape"),
    "pick.down": moved(lambda ui, seen: ui.main.content.picker.at > seen.at, "V k k", "escape"),
    "pick.page_up": moved(lambda ui, seen: ui.main.content.picker.at < seen.at - 5, "V", "escape"),
    "pick.page_down": moved(lambda ui, seen: ui.main.content.picker.at > seen.at + 5, "V K K", "escape"),
    "pick.range": step(lambda ui: ui.main.content.picker._anchor >= 0, "V", "escape"),
    "pick.copy": told("copied", "V"),
    "pick.context": step(lambda ui: ui.main.content.only is None, "f 4 0 4 enter V", "escape"),
    "pick.leave": step(lambda ui: not ui.main.content.picker.active, "V"),
    # --- logs and texts
    "logs.search": step("search:", "", "escape"),
    "logs.next": moved(lambda ui, seen: view(ui).current > seen.current, "slash l o g i n enter N N", "escape"),
    "logs.previous": moved(lambda ui, seen: 0 <= view(ui).current < seen.current, "slash l o g i n enter", "escape"),
    "logs.only": step("only:", "", "escape"),
    "logs.pick": step(lambda ui: ui.main.content.picker.active, "", "escape"),
    "logs.copy": box("loaded lines"),
    "logs.solo": step(lambda ui: ui.main.content.solo, "escape M y pause enter", "escape escape"),
    "logs.since": box("Go to where began"),
    "logs.timestamps": step(lambda ui: view(ui).times != ""),
    "logs.look": box("How the log is drawn"),
    "logs.save": box("as they are shown"),
    "logs.pager": told("pager"),
    "logs.wrap": step(lambda ui: not view(ui).wrapped, "", "w"),
    "logs.reveal": step("not-for-everyone", "right_square_bracket right_square_bracket", "left_square_bracket left_square_bracket"),
    "logs.clear": step(lambda ui: view(ui).term == "", "slash l o g i n enter"),
    # --- the main pane
    "main.back": step(focused(Noun.CONTAINERS), "", "5"),
    "main.up": UP,
    "main.down": DOWN,
    "main.left": moved(LEFT.check, "w pause L", "w"),
    "main.right": moved(RIGHT.check, "w", "H w"),
    "main.top": TOP,
    "main.bottom": END,
    "main.previous_pane": step(focused(Noun.CONTAINERS), "", "5"),
    "main.next_pane": step(focused(Noun.IMAGES), "", "1 5"),
    # --- lists
    "lists.up": step(at(0), "g down"),
    "lists.down": step(at(1), "g"),
    "lists.first": step(at(0), "down"),
    "lists.last": step(at(-1), "g"),
    "lists.previous_pane": step(focused(Noun.NETWORKS), "", "1"),
    "lists.next_pane": step(focused(Noun.IMAGES), "", "1"),
    "lists.enter": step(focused(None), "", "escape"),
    "lists.filter": step("filter:", "", "escape"),
    "lists.clear": step(marked(0), "g space"),
    "lists.mark": step(marked(1), "g", "escape"),
    "lists.range": step(lambda ui: pane(ui).marks.ranging, "g", "escape"),
    "lists.extend_up": step(marked(2), "g down", "escape"),
    "lists.extend_down": step(marked(2), "g", "escape"),
    "lists.mark_all": step(marked(8), "g", "escape"),
    "lists.sort": step(lambda ui: ui.main.lists.sorts[Noun.CONTAINERS] != "state", "", ""),
    "lists.reverse": step(lambda ui: Noun.CONTAINERS in ui.main.lists.reverse, "", "O"),
    "lists.sort_menu": box("Sort by"),
    "lists.copy": box("Copy from", "g"),
    "lists.columns": box("olumns"),
    "lists.higher": moved(lambda ui, seen: pane(ui).size.height > seen.size.height, "", "minus"),
    "lists.lower": moved(lambda ui, seen: pane(ui).size.height < seen.size.height, "", "equals_sign"),
    "lists.hide_pane": step(lambda ui: not ui.main.lists.panes[Noun.CONTAINERS].display, "", "1"),
    "lists.move_up": step(lambda ui: _first_pane(ui) is Noun.IMAGES, "2", "ctrl+down 1"),
    "lists.move_down": step(lambda ui: _first_pane(ui) is Noun.IMAGES, "", "ctrl+up"),
    # --- containers
    "containers.stop": box("Stop web?"),
    "containers.start": asked("start"),
    "containers.restart": asked("restart"),
    "containers.pause": step(lambda ui: _status(ui, "web") == "paused", "", "p"),
    "containers.remove": box("Remove web"),
    "containers.shell": asked("exec", "", LEAVE),
    "containers.attach": asked("attach", "", LEAVE),
    "containers.another": asked("exec", f"E pause {LEAVE} pause", LEAVE),
    "containers.next_terminal": step(focused(None), f"E pause {LEAVE} pause", LEAVE),
    "containers.exec": box("web"),
    "containers.shell_screen": asked("exec"),
    "containers.attach_screen": asked("attach"),
    "containers.hang_up": box("Close t", f"E pause {LEAVE} pause"),
    "containers.files": step(lambda ui: ui.toasts() or ui.app.screen is not ui.main, "", "escape"),
    "containers.debug": box("Debug web"),
    "containers.kill": box("Kill web?"),
    "containers.logs": step(zoomed(Zoom.FULL), "", "escape escape"),
    "containers.mix": box("as one?"),
    "containers.open": box("Open web"),
    "containers.rename": box("Rename web"),
    "containers.hide": step(lambda ui: ui.main.lists.hide_stopped, "", "e"),
    "containers.bulk": box("Containers in the list"),
    "containers.commit": box("An image of web"),
    "containers.update": box("Limits of web"),
    "containers.networks": box("Networks of web"),
    "containers.custom": box("Commands of your own"),
    "containers.group": step(lambda ui: ui.main.lists.grouped, "", "P"),
    "containers.fold": told("there is no group here"),
    # --- images
    "images.pull": box("Pull an image"),
    "images.run": box("Run busybox"),
    "images.remove": box("Remove busybox"),
    "images.layers": asked("contents", "", "c"),
    "images.tag": box("A further name for busybox"),
    "images.bulk": box("Remove 1 image,"),
    "images.push": box("Push"),
    "images.save": box("Save"),
    "images.load": box("Load images from"),
    "images.cancel": step(lambda ui: not ui.main.pulls.running, "p h e l d enter", "escape"),
    # --- volumes, networks
    "volumes.create": box("New volume"),
    "volumes.remove": box("Remove volume pgdata?"),
    "volumes.bulk": box("Remove 1 volume?"),
    "volumes.files": step(lambda ui: ui.toasts() or ui.app.screen is not ui.main, "", "escape"),
    "networks.create": box("New network"),
    "networks.remove": box("Remove network shop?", "G"),
    "networks.bulk": told("prune networks"),
    "networks.connect": box("Connect to shop", "G"),
    "networks.disconnect": box("Disconnect from shop", "G"),
    # --- everywhere
    "global.containers": step(focused(Noun.CONTAINERS), "2"),
    "global.images": step(focused(Noun.IMAGES), "", "1"),
    "global.volumes": step(focused(Noun.VOLUMES), "", "1"),
    "global.networks": step(focused(Noun.NETWORKS), "", "1"),
    "global.main": step(focused(None), "", "1"),
    "global.log": step(focused(None), "", "1"),
    "global.previous_tab": step(tab("logs"), "right_square_bracket"),
    "global.next_tab": step(tab("stats"), "", "left_square_bracket"),
    "global.zoom": step(zoomed(Zoom.HALF), "", "underscore"),
    "global.unzoom": step(zoomed(Zoom.NORMAL), "plus"),
    "global.page_up": UP,
    "global.page_down": DOWN,
    "global.scroll_left": LEFT,
    "global.scroll_right": RIGHT,
    "global.home": TOP,
    "global.end": END,
    "global.menu": box("Open a shell inside"),
    "global.palette": step(lambda ui: ui.app.screen is not ui.main, "", "escape"),
    "global.journal": box("What was done"),
    "global.events": box("Events"),
    "global.usage": box("What lies on the disk"),
    "global.layout": box(""),
    "global.wider": moved(lambda ui, seen: pane(ui).size.width > seen.size.width, "", "less_than_sign"),
    "global.narrower": moved(lambda ui, seen: pane(ui).size.width < seen.size.width, "", "greater_than_sign"),
    "global.monitor": box("web"),
    "global.hosts": told("this engine was handed over"),
    "global.theme": step(theme("longshore-light"), "", "T"),
    "global.themes": box("Theme"),
    "global.custom": box("Commands of your own"),
    "global.suspend": told("stopped"),
    "global.reload": asked("list volumes"),
}

START = {
    Scope.PICK: ("1",),
    Scope.LOGS: ("1",),
    Scope.MAIN: ("1",),
    Scope.LISTS: ("1",),
    Scope.CONTAINERS: ("1",),
    Scope.IMAGES: ("2", "g"),
    Scope.VOLUMES: ("3", "g"),
    Scope.NETWORKS: ("4", "g"),
    Scope.GLOBAL: ("1",),
}


def test_every_action_has_a_step() -> None:
    known = {action.id for action in ACTIONS if action.scope not in (Scope.SWARM, Scope.TERMINAL)} - {"global.quit", "global.swarm"}
    assert known == set(STEPS), "add a step for a new action, take that of a gone one out"


@pytest.mark.parametrize("scope", START, ids=lambda scope: scope.name.lower())
async def test_the_keys_of(scope: Scope) -> None:
    failed: list[str] = []
    engine = harbour()
    engine.images.hold.clear()  # a pull stays
    own = CustomCommand(name="look", command="true", scope="containers")
    async with running(engine, size=(90, 40), settings=Settings(commands=(own,))) as ui:
        for action in ACTIONS:
            for key in action.keys if action.scope is scope and action.id in STEPS else ():
                if problem := await _play(ui, action, key):
                    failed.append(problem)
    assert not failed, "\n\n".join(failed)


async def _play(ui: Harness, action: Action, key: str) -> str:
    """Lead there, press the key, wait for what it does, lead back: what went wrong."""
    one = STEPS[action.id]
    ui.app.clear_notifications()
    await ui.press(*START[action.scope])
    if START[action.scope][0] == "1":
        await ui.select("web")
        await ui.until(lambda: ui.main.content.settled)
    if action.scope in (Scope.PICK, Scope.LOGS, Scope.MAIN):
        await ui.press("5")
    for word in one.before:
        if word == "pause":
            await ui.pilot.pause(0.1)  # what is cut has its width after the next drawing
        else:
            await ui.press(word)
    await ui.until(lambda: ui.main.content.settled)
    seen = Seen(ui)
    await asyncio.sleep(0.05)
    while not (again := Seen(ui)).same(seen) or again.moving:  # older lines come above, and a scroll takes a round of the loop
        seen = again
        await asyncio.sleep(0.05)
    await ui.press(key)
    deadline = time.monotonic() + 30
    while not one.check(ui, seen):
        if time.monotonic() > deadline:
            return f"{key} did not do {action.id} ({action.about}):\n{ui.text()}\n{ui.toasts()}"
        await asyncio.sleep(0.02)
    await ui.press(*one.after)
    await ui.until(lambda: ui.app.screen is ui.main)
    return ""


@pytest.mark.parametrize("key", next(action.keys for action in ACTIONS if action.id == "global.quit"))
async def test_the_keys_that_leave(key: str) -> None:
    async with running(harbour()) as ui:
        await ui.press(key)
        await ui.until(lambda: ui.app._exit)


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is none to hand over: sessions are opened, and a text is told instead of paged."""

    async def terminal(self: Desk, open_session: Callable[[int, int], Awaitable[Session]], *, title: str, tty: bool, detach: bool) -> None:
        await (await open_session(80, 24)).close()

    async def page_text(self: Desk, text: str) -> None:
        self.tell("pager", text[:20])

    monkeypatch.setattr(Desk, "suspend", lambda self: self.tell("suspend", "stopped"))
    monkeypatch.setattr(Desk, "terminal", terminal)
    monkeypatch.setattr(Desk, "page_text", page_text)


async def test_arrows_move_the_cursor_of_a_list_that_does_not_fit() -> None:
    engine = harbour()
    for number in range(60):
        engine.add(f"many-{number}", "busybox:latest")
    async with running(engine) as ui:
        await ui.press("1", "g", "down", "down", "down", "up")
        assert at(2)(ui)
        assert pane(ui).scroll_offset.y == 0
