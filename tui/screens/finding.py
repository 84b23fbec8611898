"""Goes to an object wherever it is listed, whatever filter, fold or hidden list is in the way."""

from __future__ import annotations

from tui.screens.desk import Desk
from tui.snapshot import Noun


def go_to(desk: Desk, noun: Noun, key: str) -> bool:
    """Put the focus and the cursor on an object: whether it is there at all."""
    lists, pane = desk.lists, desk.lists.panes[noun]
    desk.stage.focus_list(noun)
    if not pane.select(key) and pane.filter:
        pane.filter = ""
        lists.refresh(noun)
    if not pane.select(key) and noun is Noun.CONTAINERS and lists.hide_stopped:
        lists.hide(False)
    if not pane.select(key) and noun is Noun.CONTAINERS:
        lists.unfold()
    return pane.select(key)
