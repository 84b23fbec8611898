"""From an action's id to what it does: its handler, a person's own command, and the question that the settings want before."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from tui.actions import conflicts, custom_actions, unknown_ids, with_keys
from tui.config import Settings
from tui.presets import keymap
from tui.screens.desk import Desk, acting
from tui.words import tr

TOLD = 8
"""Conflicts of keys that are named; the others are counted."""


def start(desk: Desk, action: str) -> Coroutine[Any, Any, None] | None:
    """Do an action; what takes time comes back to be awaited."""
    acting.set(action)
    if desk.settings.confirm.get(action) in ("ask", "name"):
        return _asked(desk, action)
    return _handle(desk, action)


def _handle(desk: Desk, action: str) -> Coroutine[Any, Any, None] | None:
    if action.startswith("custom."):
        from tui.screens.commands.custom import run  # late: most people have none

        return run(desk, desk.commands[int(action.removeprefix("custom."))])
    from tui.screens.commands import HANDLERS  # late: the first picture needs no command

    return HANDLERS[action](desk)


async def _asked(desk: Desk, action: str) -> None:
    if await desk.permitted(action):
        outcome = _handle(desk, action)
        if outcome is not None:
            await outcome


def use_keys(desk: Desk, settings: Settings) -> None:
    """Take the keys of the settings and a person's commands, and say what a changed keymap made unreachable."""
    actions = (*with_keys(keymap(settings.preset, settings.keys)), *custom_actions(settings.commands))
    harmless = [f"custom.{place}" for place, one in enumerate(settings.commands) if one.readonly]
    desk.keys.use(actions, readonly=settings.readonly, harmless=harmless)
    if settings.keys or settings.commands:
        wrong = [tr("{name} is no action", name=name) for name in unknown_ids(settings.keys)] + conflicts(actions)
        if wrong:
            more = [tr("and {count} more", count=len(wrong) - TOLD)] if len(wrong) > TOLD else []
            desk.tell(tr("keys"), "\n".join(wrong[:TOLD] + more), bad=True)
