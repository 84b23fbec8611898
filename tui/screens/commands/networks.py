"""Commands on networks."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from engine.model.networks import Network, NetworkSpec
from tui.screens.confirm import ConfirmModal
from tui.screens.desk import Desk
from tui.screens.menu import Entry, MenuModal
from tui.screens.prompt import PromptModal
from tui.snapshot import Noun

PREDEFINED = ("bridge", "host", "none")


def _chosen(desk: Desk) -> Network | None:
    thing = desk.lists.selected(Noun.NETWORKS)
    return thing if isinstance(thing, Network) else None


def _members(desk: Desk, network: Network) -> list[str]:
    return [one.name for one in desk.lists.snapshot.containers if any(network.name == end.network for end in one.networks)]


async def _create(desk: Desk) -> None:
    name = await desk.ask(PromptModal("New network", example="backend", about="a bridge with a subnet of its own"))
    if name:
        work = desk.engine.networks.create(NetworkSpec(name=name))
        await desk.operations.perform(Noun.NETWORKS, "", "", f"create {name}", work)


async def _remove(desk: Desk) -> None:
    network = _chosen(desk)
    if network is None:
        return
    members = _members(desk, network)
    used = f"Used by {', '.join(members)}: it will be refused while they run." if members else "No container is in it."
    if await desk.ask(ConfirmModal(f"Remove network {network.name}?", used)):
        work = desk.engine.networks.remove(network.id)
        await desk.operations.perform(Noun.NETWORKS, network.id, "removing", f"remove {network.name}", work)


async def _bulk(desk: Desk) -> None:
    unused = [network for network in desk.lists.snapshot.networks if network.name not in PREDEFINED and not _members(desk, network)]
    entries = (
        Entry(value="unused" if unused else "", label=f"remove {len(unused)} without containers", keys=("d",)),
        Entry(value="cancel", label="cancel"),
    )
    if await desk.ask(MenuModal("Prune networks", entries)) != "unused":
        return
    names = ", ".join(network.name for network in unused[:12]) + (f" and {len(unused) - 12} more" if len(unused) > 12 else "")
    if not await desk.ask(ConfirmModal(f"Remove {len(unused)} network{'s' if len(unused) != 1 else ''}?", names)):
        return

    async def work() -> None:
        report = await desk.engine.networks.prune()
        desk.tell("prune networks", f"{len(report.removed)} removed")

    await desk.operations.perform(Noun.NETWORKS, "", "", "prune networks", work())


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "networks.create": _create,
    "networks.remove": _remove,
    "networks.bulk": _bulk,
}
