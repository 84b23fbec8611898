"""Keys that come in one burst."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Input

from tests.tui.conftest import NAMES, Harness, running
from tests.tui.fake import harbour
from tui.key_order import OrderedKeysApp
from tui.screens.menu import MenuModal
from tui.screens.modal import Modal
from tui.screens.prompt import PromptModal
from tui.screens.run_form import RunModal
from tui.snapshot import Noun


class _Box(ModalScreen[str]):
    def compose(self) -> ComposeResult:
        yield Input(id="asked")

    def on_key(self, event: events.Key) -> None:
        if event.key == "f1":  # kept, and the widget that had it goes
            event.stop()
            self.dismiss("")


class _Host(OrderedKeysApp):
    BINDINGS: ClassVar = [("f2", "ask", "ask")]

    def compose(self) -> ComposeResult:
        yield Input("before", select_on_focus=False, id="one")
        yield Input(select_on_focus=False, id="two")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.query_one("#two", Input).value = f"{event.value}!"

    def action_ask(self) -> None:
        self.push_screen(_Box())


@pytest.mark.parametrize(
    ("keys", "one", "two"),
    [
        ("ctrl+u a b c", "abc", ""),
        ("x backspace backspace y", "befory", ""),
        ("home x end y left left z", "xbeforzey", ""),
        ("ctrl+w a tab b shift+tab c", "ac", "b"),
        ("ctrl+u a enter b", "ab", "a!"),
        ("tab a tab b tab c", "beforeb", "ac"),
        ("a f2 b c f1 d", "beforead", ""),
        ("f2 f1 f2 f1 a tab b", "beforea", "b"),
    ],
)
async def test_each_takes_effect_before_the_next(keys: str, one: str, two: str) -> None:
    app = _Host()
    async with app.run_test() as pilot:
        await pilot.pause()
        for key in keys.split():
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        for _ in range(3):
            await pilot.pause(0.15)
        assert (app.query_one("#one", Input).value, app.query_one("#two", Input).value) == (one, two)
        assert len(app.screen_stack) == 1


def _burst(ui: Harness, *keys: str) -> None:
    """Post keys at once, names or words of letters."""
    for word in keys:
        known = word in NAMES.values() or word in ("enter", "escape", "tab") or "+" in word
        for key in [word] if known else list(word):
            letter = {name: char for char, name in NAMES.items()}.get(key, key if len(key) == 1 else None)
            ui.app.post_message(events.Key(NAMES.get(key, key), letter))


def _typed(ui: Harness, kind: type[Modal[Any]]) -> list[str]:
    return [field.value for field in ui.app.screen.query(Input)] if isinstance(ui.app.screen, kind) else []


async def test_text_that_follows_the_key_of_a_box_at_once_is_typed_into_it() -> None:
    async with running(harbour()) as ui:
        _burst(ui, "2", "p", "ghcr.io/a/b")
        await ui.until(lambda: _typed(ui, PromptModal) == ["ghcr.io/a/b"])


async def test_a_form_is_filled_in_one_burst() -> None:
    async with running(harbour()) as ui:
        _burst(ui, "2", "R", "box", "tab", "sleep", "tab", "80")
        await ui.until(lambda: _typed(ui, RunModal)[:3] == ["box", "sleep", "80"])


async def test_what_follows_the_end_of_a_box_at_once_goes_to_the_list() -> None:
    async with running(harbour()) as ui:
        _burst(ui, "2", "p", "x", "escape", "3", "n", "data", "escape", "1")
        await ui.until(lambda: len(ui.app.screen_stack) == 1 and ui.noun == "containers")


async def test_a_box_gets_what_was_typed_before_it_was_open() -> None:
    async with running(harbour()) as ui:
        _burst(ui, "2", "p", "alpine:3", "enter")
        assert (await ui.called("pull")).endswith("alpine:3")
        assert ui.app.screen is ui.main
        _burst(ui, "1", "g", "s", "y")
        assert (await ui.called("stop")) == f"stop {ui.main.lists.panes[Noun.CONTAINERS].rows[0].key}"
        _burst(ui, "n", "ctrl+u", "front-2", "enter")
        assert (await ui.called("rename")).endswith("front-2")
        _burst(ui, "3", "n", "fresh", "enter")
        assert (await ui.called("create volume")).startswith("create volume fresh")


async def test_the_bottom_line_and_the_palette_too() -> None:
    async with running(harbour()) as ui:
        _burst(ui, "slash", "acme", "enter", "G")
        await ui.until(lambda: ui.main.lists.panes[Noun.CONTAINERS].filter == "acme")
        await ui.shows("/acme")
        _burst(ui, "escape", "colon", "go to the last", "enter")
        pane = ui.main.lists.panes[Noun.CONTAINERS]
        await ui.until(lambda: len(pane.rows) > 5 and pane.selected == pane.rows[-1].key)


async def test_keys_of_a_burst_are_all_there_and_in_order() -> None:
    async with running(harbour()) as ui:
        _burst(ui, "2", "p", "abcdefghijklmnopqrstuvwxyz0123456789" * 4)
        await ui.until(lambda: [field.value for field in ui.app.screen.query(Input)] == ["abcdefghijklmnopqrstuvwxyz0123456789" * 4])


async def test_the_key_after_the_bottom_line_is_not_for_it() -> None:
    async with running(harbour()) as ui:
        for key in ("2", "slash", "b", "u", "s", "y", "enter", "x"):
            ui.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await ui.until(lambda: ui.main.lists.panes[Noun.IMAGES].filter == "busy")
        await ui.until(lambda: isinstance(ui.app.screen, MenuModal), "the menu")
