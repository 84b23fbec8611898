"""Commands on networks."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from engine.model.containers import Container
from engine.model.networks import Network
from tui.screens.commands.batch import Plan, run_batch
from tui.screens.confirm import ConfirmModal
from tui.screens.desk import Desk
from tui.screens.menu import Entry, MenuModal
from tui.snapshot import Noun
from tui.words import tr

PREDEFINED = ("bridge", "host", "none")


def _chosen(desk: Desk) -> Network | None:
    thing = desk.lists.selected(Noun.NETWORKS)
    return thing if isinstance(thing, Network) else None


def _members(desk: Desk, network: Network) -> list[str]:
    return [one.name for one in desk.lists.snapshot.containers if any(network.name == end.network for end in one.networks)]


async def _create(desk: Desk) -> None:
    from tui.feed.requests import network_spec  # late: not needed for the first picture
    from tui.presenters import drivers
    from tui.screens.form import Field, FormModal

    known = drivers.of_networks(desk.lists.snapshot.info)
    fields = (
        Field(name="name", label=tr("Name"), example="backend"),
        Field(name="driver", label=tr("Driver"), example=drivers.example("bridge", known), known=known),
        Field(name="subnet", label=tr("Subnet"), example=tr("picked when empty; 172.30.0.0/16")),
        Field(name="gateway", label=tr("Gateway"), example=tr("the first address when empty")),
        Field(name="internal", label=tr("Internal"), example=tr("no; yes keeps it from the outside")),
        Field(name="labels", label=tr("Labels"), example="team=shop"),
    )
    wanted = await desk.ask(FormModal(tr("New network"), fields, network_spec))
    if wanted:
        spec, command = wanted
        work = desk.engine.networks.create(spec)
        await desk.operations.perform(Noun.NETWORKS, "", "", tr("create {name}", name=spec.name), work, command=command)


async def _remove(desk: Desk) -> None:
    if desk.lists.marked(Noun.NETWORKS):
        await _remove_marked(desk)
        return
    network = _chosen(desk)
    if network is None:
        return
    members = _members(desk, network)
    used = tr("Used by {names}: it will be refused while they run.", names=", ".join(members)) if members else tr("No container is in it.")
    if await desk.ask(ConfirmModal(tr("Remove network {name}?", name=network.name), used)):
        work = desk.engine.networks.remove(network.id)
        title = tr("remove {name}", name=network.name)
        await desk.operations.perform(Noun.NETWORKS, network.id, tr("removing"), title, work, command=f"network rm {network.name}")


async def _remove_marked(desk: Desk) -> None:
    chosen = [one for one in desk.lists.marked(Noun.NETWORKS) if isinstance(one, Network)]
    used = sum(bool(_members(desk, network)) for network in chosen)
    consequence = tr("{used} of them have containers and will be refused while those run.", used=used) if used else ""
    plan = Plan(noun=Noun.NETWORKS, title=tr("Remove"), word=tr("removing"), told=tr("removed"), consequence=consequence)
    work = desk.engine.networks.remove
    await run_batch(desk, plan, chosen, work=lambda one: work(one.id), command=lambda one: f"network rm {one.name}")


async def prune(desk: Desk) -> None:
    """Remove networks without containers, each of which can be left out."""
    unused = [network for network in desk.lists.snapshot.networks if network.name not in PREDEFINED and not _members(desk, network)]
    if not unused:
        desk.tell(tr("prune networks"), tr("every network has a container or is predefined"))
        return
    plan = Plan(noun=Noun.NETWORKS, title=tr("Remove"), word=tr("removing"), told=tr("removed"), consequence=tr("No container is in them."))
    remove = desk.engine.networks.remove
    await run_batch(desk, plan, unused, work=lambda one: remove(one.id), command=lambda one: f"network rm {one.name}")


async def _connect(desk: Desk) -> None:
    network = _chosen(desk)
    if network is None:
        return
    inside = _members(desk, network)
    entries = [
        Entry(value=one.id, label=one.name, hint=one.state.status.value) for one in desk.lists.snapshot.containers if one.name not in inside
    ]
    await _join(desk, tr("Connect to {name}", name=network.name), entries, lambda key: (network, key), leave=False)


async def _disconnect(desk: Desk) -> None:
    network = _chosen(desk)
    if network is None:
        return
    inside = _members(desk, network)
    entries = [Entry(value=one.id, label=one.name) for one in desk.lists.snapshot.containers if one.name in inside]
    await _join(desk, tr("Disconnect from {name}", name=network.name), entries, lambda key: (network, key), leave=True)


async def networks_of(desk: Desk, container: Container) -> None:
    """Put a container into a network, or take it out of one."""
    inside = {end.network for end in container.networks}
    known = {network.id: network for network in desk.lists.snapshot.networks}
    entries = [
        Entry(
            value=network.id,
            label=tr("leave {network}", network=network.name) if network.name in inside else tr("join {network}", network=network.name),
            hint=network.driver,
        )
        for network in sorted(known.values(), key=lambda one: (one.name not in inside, one.name))
        if network.name not in ("host", "none")
    ]
    chosen = await desk.ask(MenuModal(tr("Networks of {name}", name=container.name), entries))
    if chosen:
        await _move(desk, known[chosen], container.id, leave=known[chosen].name in inside)


async def _join(desk: Desk, title: str, entries: Sequence[Entry], found: Callable[[str], tuple[Network, str]], *, leave: bool) -> None:
    if not entries:
        desk.tell(title, tr("there is no container for it"))
        return
    chosen = await desk.ask(MenuModal(title, entries))
    if chosen:
        network, container = found(chosen)
        await _move(desk, network, container, leave=leave)


async def _move(desk: Desk, network: Network, container: str, *, leave: bool) -> None:
    verb = "disconnect" if leave else "connect"
    name = next((one.name for one in desk.lists.snapshot.containers if one.id == container), container[:12])
    work = desk.engine.networks.disconnect(network.id, container) if leave else desk.engine.networks.connect(network.id, container)
    title = tr("disconnect {name}", name=name) if leave else tr("connect {name}", name=name)
    word = tr("disconnecting") if leave else tr("connecting")
    sentence = tr("{name} left {network}") if leave else tr("{name} is in {network}")
    told = sentence.format(name=name, network=network.name)
    await desk.operations.perform(Noun.CONTAINERS, container, word, title, work, told=told, command=f"network {verb} {network.name} {name}")


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "networks.create": _create,
    "networks.remove": _remove,
    "networks.bulk": prune,
    "networks.connect": _connect,
    "networks.disconnect": _disconnect,
}
