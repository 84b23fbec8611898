"""A menu: a key, what it does, and what that is on the command line. Enter or the key itself chooses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from engine.model.value import Value
from tui.actions import show_key
from tui.presenters.text import clip, pad, safe
from tui.screens.list_modal import ListModal
from tui.words import tr

_NAVIGATION = ("enter", "escape", "q", "up", "down", "j", "k", "space", "home", "end", "pageup", "pagedown")
"""Keys that move and leave in the menu itself, whatever they do outside."""


class Entry(Value):
    """One line of a menu.

    Attributes:
        value: what the menu answers with, ``""`` for a line that can not be chosen.
        keys: keys that choose it.
        hint: shown dimmed behind the label.
    """

    value: str
    label: str
    keys: tuple[str, ...] = ()
    hint: str = ""


class MenuModal(ListModal[str]):
    """Answers with the value of the chosen entry, ``""`` when none was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "close", id="menu.close"),
        Binding("space,y", "choose", "execute", id="menu.choose"),
        Binding("j", "move(1)", "down", id="menu.down"),
        Binding("k", "move(-1)", "up", id="menu.up"),
    ]

    def __init__(self, title: str, entries: Sequence[Entry]) -> None:
        super().__init__()
        self._title = title
        self._entries = tuple(entries)

    def compose(self) -> ComposeResult:
        keys = max((len(self._keys(entry)) for entry in self._entries), default=0)
        labels = max((len(entry.label) for entry in self._entries), default=0)
        width = min(self.app.size.width - 4, max(30, keys + labels + max((len(entry.hint) for entry in self._entries), default=0) + 10))
        with Vertical(classes="box menu") as box:
            box.styles.width = width
            box.border_title = Content(clip(safe(self._title), width - 4))
            box.border_subtitle = Content(tr("enter: execute  esc: close"))
            yield OptionList(*(self._option(entry, keys, labels) for entry in self._entries), markup=False)

    def _keys(self, entry: Entry) -> str:
        return show_key(entry.keys[0]) if entry.keys else ""

    def _option(self, entry: Entry, keys: int, labels: int) -> Option:
        prompt = Content.assemble(
            (pad(self._keys(entry), keys), "$primary bold"),
            ("  " if keys else "") + (pad(safe(entry.label), labels) if entry.hint else safe(entry.label)),
            (f"  {safe(entry.hint)}" if entry.hint else "", "$quiet"),
        )
        return Option(prompt, disabled=not entry.value)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._entries[event.option_index].value)

    def on_key(self, event: events.Key) -> None:
        chosen = next((entry for entry in self._entries if entry.value and event.key in entry.keys), None)
        if chosen is not None and event.key not in _NAVIGATION:
            event.stop()
            event.prevent_default()
            self.dismiss(chosen.value)

    def action_choose(self) -> None:
        """Choose the entry under the cursor."""
        self.query_one(OptionList).action_select()

    def action_close(self) -> None:
        """Choose nothing."""
        self.dismiss("")

    def give_up(self) -> None:
        self.dismiss("")
