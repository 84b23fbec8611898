"""The keys of logs in the main pane of a swarm: search and filter, as in the log of a container."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from tui.screens.swarm_desk import SwarmDesk


async def seek(desk: SwarmDesk, step: int) -> None:
    """Go to the next match, or say that there is none."""
    if not await desk.content.seeker.seek(step):
        desk.desk.tell("search", f"no further match {'below' if step > 0 else 'above'}")


def _clear(desk: SwarmDesk) -> None:
    content = desk.content
    if content.pane.view.term:
        content.pane.view.term = ""
    else:
        content.keep_only("")
    content.status()


LOG_HANDLERS: Mapping[str, Callable[[SwarmDesk], Coroutine[Any, Any, None] | None]] = {
    "logs.search": lambda desk: desk.typing.open("search"),
    "logs.next": lambda desk: seek(desk, 1),
    "logs.previous": lambda desk: seek(desk, -1),
    "logs.only": lambda desk: desk.typing.open("only"),
    "logs.clear": _clear,
}


def applies(action: str, desk: SwarmDesk) -> bool:
    """One of these actions has something to do."""
    pane, content = desk.content.pane, desk.content
    if not desk.stage.main_focused:
        return False
    if action in ("logs.next", "logs.previous"):
        return bool(pane.view.term)
    if action == "logs.only":
        return pane.view is pane.log_view
    if action == "logs.clear":
        return bool(pane.view.term) or (pane.view is pane.log_view and content.only is not None)
    return True
