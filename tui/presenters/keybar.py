"""The footer: the keys that work here and now, as many as fit."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from tui.actions import Action, footer, show_key
from tui.words import tr

GAP = "  "


def hints(active: Sequence[Action], width: int) -> list[tuple[Action, str, str]]:
    """Actions with the key and the label to show; menu and quit stay whatever the width."""
    wanted = [(action, show_key(action.keys[0]), tr(action.label)) for action in footer(active) if action.keys]
    kept = [hint for hint in wanted if hint[0].rank >= 50]
    used = sum(_size(hint) for hint in kept)
    front: list[tuple[Action, str, str]] = []
    for hint in wanted:
        if hint[0].rank < 50:
            if used + _size(hint) > width:
                break
            front.append(hint)
            used += _size(hint)
    return front + kept


def _size(hint: tuple[Action, str, str]) -> int:
    return cell_len(hint[1]) + 1 + cell_len(hint[2]) + len(GAP)
