"""The command that opens the monitor."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from tui.screens.desk import Desk
from tui.screens.finding import go_to
from tui.snapshot import Noun


async def _monitor(desk: Desk) -> None:
    from tui.feed.host import is_here, look  # late: for this only
    from tui.screens.monitor import MonitorModal

    info, here = desk.lists.snapshot.info, is_here(desk.engine.url)
    host = partial(look, info.root if info else "") if here else lambda: None
    where = info.name if info else desk.engine.url
    modal = MonitorModal(
        lambda: desk.lists.snapshot.containers,
        desk.sampler.history,
        host,
        where=where,
        memory=desk.memory,
        now=desk.now,
        plain=desk.settings.screen_reader,
    )
    desk.lists.sample_all(True)
    try:
        chosen = await desk.ask(modal)
    finally:
        desk.lists.sample_all(False)
    if chosen:
        go_to(desk, Noun.CONTAINERS, chosen)
        desk.content.choose("stats")


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {"global.monitor": _monitor}
