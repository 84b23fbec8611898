"""Commands on volumes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from engine.model.volumes import Volume, VolumeSpec
from tui.presenters.text import decimal_size
from tui.screens.confirm import ConfirmModal
from tui.screens.desk import Desk
from tui.screens.menu import Entry, MenuModal
from tui.screens.prompt import PromptModal
from tui.snapshot import Noun


def _chosen(desk: Desk) -> Volume | None:
    thing = desk.lists.selected(Noun.VOLUMES)
    return thing if isinstance(thing, Volume) else None


def _users(desk: Desk, volume: Volume) -> list[str]:
    return [
        one.name
        for one in desk.lists.snapshot.containers
        if any(mount.kind == "volume" and mount.source == volume.name for mount in one.mounts)
    ]


async def _create(desk: Desk) -> None:
    name = await desk.ask(PromptModal("New volume", example="data"))
    if name:
        work = desk.engine.volumes.create(VolumeSpec(name=name))
        await desk.operations.perform(Noun.VOLUMES, "", "", f"create {name}", work)


async def _remove(desk: Desk) -> None:
    volume = _chosen(desk)
    if volume is None:
        return
    users = _users(desk, volume)
    used = f"Used by {', '.join(users)}: it will be refused." if users else "No container uses it. What is in it is gone for good."
    if await desk.ask(ConfirmModal(f"Remove volume {volume.name}?", used)):
        work = desk.engine.volumes.remove(volume.name)
        await desk.operations.perform(Noun.VOLUMES, volume.name, "removing", f"remove {volume.name}", work)


async def _bulk(desk: Desk) -> None:
    unused = [volume for volume in desk.lists.snapshot.volumes if not _users(desk, volume)]
    anonymous = [volume for volume in unused if volume.anonymous]
    entries = (
        Entry(value="anonymous" if anonymous else "", label=f"remove {len(anonymous)} unused anonymous", keys=("d",)),
        Entry(value="all" if unused else "", label=f"remove all {len(unused)} unused, named ones too", keys=("D",)),
        Entry(value="cancel", label="cancel"),
    )
    choice = await desk.ask(MenuModal("Prune volumes", entries))
    chosen = {"anonymous": anonymous, "all": unused}.get(choice or "")
    if not chosen:
        return
    names = ", ".join(volume.name[:24] for volume in chosen[:12]) + (f" and {len(chosen) - 12} more" if len(chosen) > 12 else "")
    if not await desk.ask(ConfirmModal(f"Remove {len(chosen)} volume{'s' if len(chosen) != 1 else ''} for good?", names)):
        return

    async def work() -> None:
        report = await desk.engine.volumes.prune({"all": ("true",)} if choice == "all" else {})
        desk.tell("prune volumes", f"{len(report.removed)} removed, {decimal_size(report.space_reclaimed)} came free")

    await desk.operations.perform(Noun.VOLUMES, "", "", "prune volumes", work())


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "volumes.create": _create,
    "volumes.remove": _remove,
    "volumes.bulk": _bulk,
}
