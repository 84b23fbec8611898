"""What an action on several objects is going to touch: every one by name, each of which can be left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from engine.model.value import Value
from tui.presenters.text import clip, pad, safe
from tui.screens.list_modal import ListModal
from tui.words import tr


class Item(Value):
    """An object that would be touched.

    Attributes:
        detail: its state, its size, what the action comes to on the command line.
        size: bytes that would come free, added up in the title.
        inside: it is taken in from the beginning.
    """

    key: str
    label: str
    detail: str = ""
    size: int = 0
    inside: bool = True


class PreviewModal(ListModal[tuple[str, ...]]):
    """Answers with the keys of what is to be touched, with nothing when it was given up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "go", "yes", id="preview.go", priority=True),
        Binding("n,escape,q", "close", "no", id="preview.close"),
        Binding("space", "flip", "leave out", id="preview.toggle"),
        Binding("asterisk", "flip_all", "all or none", id="preview.toggle_all"),
        Binding("j", "move(1)", "down", id="preview.down"),
        Binding("k", "move(-1)", "up", id="preview.up"),
    ]

    def __init__(self, title: Callable[[Sequence[Item]], str], items: Sequence[Item], consequence: str = "") -> None:
        """``title`` makes the question of the items that are in."""
        super().__init__()
        self._title = title
        self._items = tuple(items)
        self._consequence = consequence
        self._out = {index for index, item in enumerate(self._items) if not item.inside}

    def compose(self) -> ComposeResult:
        labels = min(40, max((len(item.label) for item in self._items), default=0))
        details = max((len(item.detail) for item in self._items), default=0)
        width = max(min(self.app.size.width - 4, 52), min(self.app.size.width - 4, labels + details + 12))
        self._labels = labels
        with Vertical(classes="box danger menu preview") as box:
            box.styles.width = width
            box.border_subtitle = Content(tr("y: yes  n: no  space: in or out  *: all"))
            if self._consequence:
                yield Static(Content(safe(self._consequence)), classes="consequence")
            yield OptionList(*(Option(self._prompt(index)) for index in range(len(self._items))), markup=False)

    def on_mount(self) -> None:
        self._retitle()

    def _prompt(self, index: int) -> Content:
        item, out = self._items[index], index in self._out
        return Content.assemble(
            ("  " if out else "● ", "$warning bold"),
            (pad(safe(item.label), self._labels), "$quiet" if out else "$foreground"),
            (f"  {safe(item.detail)}" if item.detail else "", "$quiet"),
        )

    def _retitle(self) -> None:
        box = self.query_one(".box")
        inside = [item for index, item in enumerate(self._items) if index not in self._out]
        box.border_title = Content(clip(safe(self._title(inside)), max(8, self.app.size.width - 10)))

    def _draw(self, indices: Sequence[int]) -> None:
        options = self.query_one(OptionList)
        for index in indices:
            options.replace_option_prompt_at_index(index, self._prompt(index))
        self._retitle()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click leaves an item out or takes it in again."""
        event.stop()
        self._out ^= {event.option_index}
        self._draw([event.option_index])

    def action_flip(self) -> None:
        """Leave the item under the cursor out, or take it in again."""
        index = self.query_one(OptionList).highlighted
        if index is not None:
            self._out ^= {index}
            self._draw([index])
            self.action_move(1)

    def action_flip_all(self) -> None:
        """Take all in; where all are in already, leave all out."""
        self._out = set() if self._out else set(range(len(self._items)))
        self._draw(range(len(self._items)))

    def action_go(self) -> None:
        """Answer with what is in."""
        self.dismiss(tuple(item.key for index, item in enumerate(self._items) if index not in self._out))

    def action_close(self) -> None:
        """Touch nothing."""
        self.dismiss(())

    def give_up(self) -> None:
        self.dismiss(())
