"""Commands on what is shown of the lists: columns, and which lists are there, in which order and how large."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from tui.presenters.layout import Layout
from tui.screens.desk import Desk
from tui.screens.menu import Entry, MenuModal
from tui.screens.row_maker import SHOWN, offered
from tui.snapshot import Noun

ROWS = 2
CELLS = 4


def _heighten(desk: Desk, by: int) -> None:
    if not desk.stage.heighten(desk.noun, by) and not desk.stage.tall:
        desk.tell("layout", "in a low or zoomed terminal the focused list has all the rows there are")


def _move(desk: Desk, step: int) -> None:
    desk.stage.relayout(desk.stage.layout.move(desk.noun, step))


def _widen(desk: Desk, by: int) -> None:
    desk.stage.widen(by)


def _hide(desk: Desk) -> None:
    noun = desk.noun
    if desk.stage.relayout(desk.stage.layout.toggle(noun)):
        desk.tell("layout", f"{noun.value} are hidden: their number shows them again, 0 is the menu")


def _reset(desk: Desk) -> None:
    desk.stage.relayout(Layout())


async def _layout(desk: Desk) -> None:
    stage = desk.stage
    hidden = stage.layout.hidden
    entries = [
        Entry(value=f"toggle {noun.value}", label=f"{'show' if noun in hidden else 'hide'} {noun.value}", keys=(noun.value[0],))
        for noun in stage.layout.order
    ]
    here = desk.noun.value
    entries += [
        Entry(value="", label=""),
        Entry(value="up", label=f"{here}: put above the list before", keys=("ctrl+up",)),
        Entry(value="down", label=f"{here}: put below the next list", keys=("ctrl+down",)),
        Entry(value="higher", label=f"{here}: higher", keys=("equals_sign",)),
        Entry(value="lower", label=f"{here}: lower", keys=("minus",)),
        Entry(value="wider", label="lists wider", keys=("greater_than_sign",)),
        Entry(value="narrower", label="lists narrower", keys=("less_than_sign",)),
        Entry(value="reset", label="as it was at first", keys=("r",)),
    ]
    chosen = await desk.ask(MenuModal("Layout", entries))
    if not chosen:
        return
    verb, _, name = chosen.partition(" ")
    if verb == "toggle":
        stage.relayout(stage.layout.toggle(Noun(name)))
    else:
        _ONCE[verb](desk)


async def _columns(desk: Desk) -> None:
    from tui.screens.columns import ColumnsModal  # late: for this only

    noun = desk.noun
    shown = [column.name for column in desk.lists.titles(noun)]
    chosen = await desk.ask(ColumnsModal(noun.value, offered(noun, hosts=bool(desk.lists.snapshot.hosts)), shown, SHOWN[noun]))
    if chosen is not None:
        desk.lists.choose_columns(noun, chosen, desk.settings.columns)
        desk.feed.count_sizes(desk.lists.sizes_wanted)


_ONCE: Mapping[str, Callable[[Desk], None]] = {
    "up": lambda desk: _move(desk, -1),
    "down": lambda desk: _move(desk, 1),
    "higher": lambda desk: _heighten(desk, ROWS),
    "lower": lambda desk: _heighten(desk, -ROWS),
    "wider": lambda desk: _widen(desk, CELLS),
    "narrower": lambda desk: _widen(desk, -CELLS),
    "reset": _reset,
}

HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "lists.columns": _columns,
    "lists.higher": _ONCE["higher"],
    "lists.lower": _ONCE["lower"],
    "lists.hide_pane": _hide,
    "lists.move_up": _ONCE["up"],
    "lists.move_down": _ONCE["down"],
    "global.layout": _layout,
    "global.wider": _ONCE["wider"],
    "global.narrower": _ONCE["narrower"],
}
