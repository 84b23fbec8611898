"""Commands on the engine as a whole: what was done, what happens, what lies on the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from engine.errors import LongshoreError
from engine.model.containers import Container
from tui.presenters.activity import commands_text, journal_lines, usage_text
from tui.screens.commands import containers, images, volumes
from tui.screens.desk import Desk
from tui.screens.menu import Entry, MenuModal
from tui.words import mark, tr

SOON = 0.3
"""Seconds within which an answer needs no word that it is waited for; the word would outlast the wait."""


async def _journal(desk: Desk) -> None:
    from tui.screens.reader import ReaderModal  # late: not needed for the first picture

    entries = desk.operations.journal.entries
    await desk.ask(
        ReaderModal(tr("What was done, and what to type for it"), journal_lines(entries), copied=commands_text(entries), bottom=True)
    )


async def _events(desk: Desk) -> None:
    from tui.screens.events import EventsModal  # late: not needed for the first picture

    await desk.ask(EventsModal(desk.engine))


async def _usage(desk: Desk) -> None:
    counted = asyncio.ensure_future(desk.engine.system.disk_usage())
    try:
        await asyncio.wait({counted}, timeout=SOON)
        if not counted.done():
            desk.tell(tr("disk usage"), tr("counting…"))
        usage = await counted
    except LongshoreError as error:
        desk.tell_error(tr("disk usage"), error)
        return
    finally:
        counted.cancel()
    if desk.readonly:
        kinds = (mark("Images"), mark("Containers"), mark("Local Volumes"), mark("Build Cache"))
        await desk.ask(
            MenuModal(tr("What lies on the disk"), [Entry(value="", label=tr(kind), hint=usage_text(usage, kind)) for kind in kinds])
        )
        return
    entries = (
        Entry(value="images", label=tr("remove images…"), keys=("i",), hint=usage_text(usage, "Images")),
        Entry(value="containers", label=tr("remove stopped containers…"), keys=("c",), hint=usage_text(usage, "Containers")),
        Entry(value="volumes", label=tr("remove volumes…"), keys=("v",), hint=usage_text(usage, "Local Volumes")),
        Entry(value="", label=tr("build cache"), hint=usage_text(usage, "Build Cache")),
    )
    match await desk.ask(MenuModal(tr("What lies on the disk"), entries)):
        case "images":
            await images.prune(desk)
        case "containers":
            await _prune_containers(desk)
        case "volumes":
            await volumes.prune(desk)


async def _prune_containers(desk: Desk) -> None:
    """Every stopped container with what it wrote, which costs the engine a look at their files."""
    try:
        listed = await desk.engine.containers.list(all=True, size=True)
    except LongshoreError as error:
        desk.tell_error(tr("prune containers"), error)
        return
    stopped = [one for one in listed if one.state.status in containers.STOPPED]
    sizes = {one.id: one.size_rw or 0 for one in stopped}

    def size(one: Container) -> int:
        return sizes[one.id]

    await containers.prune(desk, stopped, size)


async def _swarm(desk: Desk) -> None:
    await desk.open_swarm()


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "global.swarm": _swarm,
    "global.journal": _journal,
    "global.events": _events,
    "global.usage": _usage,
}
