"""Commands on volumes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from engine.model.volumes import Volume
from tui.screens.commands.batch import Plan, run_batch
from tui.screens.confirm import ConfirmModal
from tui.screens.desk import Desk
from tui.snapshot import Noun, users_of
from tui.words import tr


def _chosen(desk: Desk) -> Volume | None:
    thing = desk.lists.selected(Noun.VOLUMES)
    return thing if isinstance(thing, Volume) else None


async def _create(desk: Desk) -> None:
    from tui.feed.requests import volume_spec  # late: not needed for the first picture
    from tui.presenters import drivers
    from tui.screens.form import Field, FormModal

    known = drivers.of_volumes(desk.lists.snapshot.info)
    fields = (
        Field(name="name", label=tr("Name"), example="data"),
        Field(name="driver", label=tr("Driver"), example=drivers.example("local", known), known=known),
        Field(name="options", label=tr("Options"), example="type=tmpfs device=tmpfs o=size=64m"),
        Field(name="labels", label=tr("Labels"), example="team=shop"),
    )
    wanted = await desk.ask(FormModal(tr("New volume"), fields, volume_spec))
    if wanted:
        spec, command = wanted
        work = desk.engine.volumes.create(spec)
        await desk.operations.perform(Noun.VOLUMES, "", "", tr("create {name}", name=spec.name), work, command=command)


async def _remove(desk: Desk) -> None:
    if desk.lists.marked(Noun.VOLUMES):
        await _remove_marked(desk)
        return
    volume = _chosen(desk)
    if volume is None:
        return
    users = users_of(desk.lists.snapshot, volume)
    used = (
        tr("Used by {names}: it will be refused.", names=", ".join(users))
        if users
        else tr("No container uses it. What is in it is gone for good.")
    )
    if await desk.ask(ConfirmModal(tr("Remove volume {name}?", name=volume.name), used)):
        work = desk.engine.volumes.remove(volume.name)
        title = tr("remove {name}", name=volume.name)
        await desk.operations.perform(Noun.VOLUMES, volume.name, tr("removing"), title, work, command=f"volume rm {volume.name}")


async def _remove_marked(desk: Desk) -> None:
    chosen = [one for one in desk.lists.marked(Noun.VOLUMES) if isinstance(one, Volume)]
    used = sum(bool(users_of(desk.lists.snapshot, volume)) for volume in chosen)
    consequence = (
        tr("{used} of them are used by containers and will be refused.", used=used) if used else tr("What is in them is gone for good.")
    )
    plan = Plan(noun=Noun.VOLUMES, title=tr("Remove"), word=tr("removing"), told=tr("removed"), consequence=consequence)
    work = desk.engine.volumes.remove
    await run_batch(desk, plan, chosen, work=lambda one: work(one.name), command=lambda one: f"volume rm {one.name}")


async def prune(desk: Desk) -> None:
    """Remove volumes that no container uses: anonymous ones, and what else is chosen of the list."""
    unused = [volume for volume in desk.lists.snapshot.volumes if not users_of(desk.lists.snapshot, volume)]
    if not unused:
        desk.tell(tr("prune volumes"), tr("every volume is used by a container"))
        return
    unused.sort(key=lambda volume: (not volume.anonymous, volume.name))
    consequence = tr("No container uses them; what is in them is gone for good. Named ones are left out at first.")
    plan = Plan(noun=Noun.VOLUMES, title=tr("Remove"), word=tr("removing"), told=tr("removed"), consequence=consequence)
    remove = desk.engine.volumes.remove

    def command(one: Volume) -> str:
        return f"volume rm {one.name}"

    def inside(one: Volume) -> bool:
        return one.anonymous

    await run_batch(desk, plan, unused, work=lambda one: remove(one.name), command=command, inside=inside)


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "volumes.create": _create,
    "volumes.remove": _remove,
    "volumes.bulk": prune,
}
