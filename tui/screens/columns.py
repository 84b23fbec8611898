"""The dialog of columns: which are shown and in which order. Answers with their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.presenters.table import Column
from tui.screens.modal import Modal
from tui.words import tr

NEEDED = "name"
"""The column that is always there."""


class ColumnsModal(Modal[tuple[str, ...] | None]):
    """Answers with the names of the shown columns in their order, empty for the usual ones, None when it is given up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "close", id="columns.close"),
        Binding("enter", "take", "take", id="columns.take", priority=True),
        Binding("space,x", "show", "show or hide", id="columns.show", priority=True),
        Binding("j", "step(1)", "down", id="columns.down"),
        Binding("k", "step(-1)", "up", id="columns.up"),
        Binding("J,ctrl+down", "move('right')", "further right", id="columns.right", priority=True),
        Binding("K,ctrl+up", "move('left')", "further left", id="columns.left", priority=True),
        Binding("u", "usual", "the usual ones", id="columns.usual"),
    ]

    def __init__(self, noun: str, known: Mapping[str, Column], shown: Sequence[str], usual: Sequence[str]) -> None:
        super().__init__()
        self._noun = noun
        self._known = known
        self._usual = tuple(usual)
        self._order = [*shown, *(name for name in known if name not in shown)]
        self._shown = set(shown)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box menu") as box:
            box.styles.width = min(self.app.size.width - 4, 62)
            box.border_title = Content(tr("Columns of {lists}", lists=self._noun))
            box.border_subtitle = Content.from_markup(
                tr(
                    "[@click=screen.show]space: show[/]  [@click=screen.move('left')]K[/]/[@click=screen.move('right')]J: "
                    "order[/]  [@click=screen.usual]u: usual[/]  [@click=screen.take]enter: take[/]"
                )
            )
            yield OptionList(*map(self._option, self._order), markup=False)

    def _option(self, name: str) -> Option:
        sign = "●" if name in self._shown else "○"
        title = self._known[name].title
        return Option(Content.assemble((f"{sign} ", "$success"), f"{name:<12}", (f"  {title}", "$quiet")))

    @property
    def _list(self) -> OptionList:
        return self.query_one(OptionList)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_show()

    def action_show(self) -> None:
        """Show the column under the cursor, or hide it."""
        at = self._list.highlighted
        if at is not None and self._order[at] != NEEDED:
            self._shown ^= {self._order[at]}
            self._draw(at)

    def action_move(self, side: str) -> None:
        """Put the column under the cursor one place further to the ``left`` or to the ``right``."""
        step = -1 if side == "left" else 1
        at = self._list.highlighted
        if at is not None and 0 <= at + step < len(self._order):
            self._order[at], self._order[at + step] = self._order[at + step], self._order[at]
            self._draw(at + step)

    def action_step(self, step: int) -> None:
        """Move the cursor."""
        if step > 0:
            self._list.action_cursor_down()
        else:
            self._list.action_cursor_up()

    def action_usual(self) -> None:
        """Choose the columns that are there at first."""
        self._order = [*self._usual, *(name for name in self._known if name not in self._usual)]
        self._shown = set(self._usual)
        self._draw(0)

    def _draw(self, highlighted: int) -> None:
        options = self._list
        options.clear_options()
        options.add_options(map(self._option, self._order))
        options.highlighted = highlighted

    def action_take(self) -> None:
        """Answer with what is chosen."""
        chosen = tuple(name for name in self._order if name in self._shown)
        self.dismiss(() if chosen == self._usual else chosen)

    def action_close(self) -> None:
        """Change nothing."""
        self.dismiss(None)

    def give_up(self) -> None:
        self.dismiss(None)
