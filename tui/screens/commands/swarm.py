"""Commands on a swarm. They know a :class:`~tui.screens.swarm_desk.SwarmDesk` and no screen."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from engine.errors import LongshoreError
from engine.model.services import JOBS, Service, ServiceChange, Stack, short_image
from engine.model.swarm import Node, NodeChange, SwarmFile, Task
from tui.screens.commands.swarm_files import NOUNS, create, files_of
from tui.screens.confirm import ConfirmModal
from tui.screens.menu import Entry, MenuModal
from tui.screens.prompt import PromptModal
from tui.screens.swarm_desk import SwarmDesk
from tui.swarm_snapshot import SwarmNoun, SwarmThing, key_of
from tui.words import mark, tr, trn

SIDEWAYS = 8
_DEMOTE = (mark("Demote {name}?"), mark("demote {name}"), mark("demoting"))
_PROMOTE = (mark("Promote {name}?"), mark("promote {name}"), mark("promoting"))


def _service(desk: SwarmDesk) -> Service | None:
    """The service that is selected, or that the selected task belongs to."""
    thing = desk.selected
    if isinstance(thing, Task):
        return next((one for one in desk.snapshot.services if one.id == thing.service_id), None)
    return thing if isinstance(thing, Service) else None


async def _scale(desk: SwarmDesk) -> None:
    service = _service(desk)
    if service is None:
        return
    if service.replicas is None:
        desk.desk.tell(tr("scale {name}", name=service.name), tr("a {mode} service has a task on every node that fits", mode=service.mode))
        return
    about = tr("{running} of {desired} tasks run now", running=service.running, desired=service.desired)
    text = await desk.ask(PromptModal(tr("How many tasks of {name}?", name=service.name), text=str(service.replicas), about=about))
    if not text:
        return
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        desk.desk.tell(tr("scale {name}", name=service.name), tr("{text} is no number of tasks", text=text), bad=True)
        return
    consequence = tr("{running} tasks end.", running=service.running) if service.running else ""
    if text == "0" and not await desk.ask(ConfirmModal(tr("Stop all tasks of {name}?", name=service.name), consequence)):
        return
    work = desk.swarm.services.update(service.id, ServiceChange(replicas=int(text)))
    command = shlex.join(["service", "scale", f"{service.name}={text}"])
    await desk.perform(service, tr("scaling"), tr("scale {name}", name=service.name), work, command=command)


async def _image(desk: SwarmDesk) -> None:
    service = _service(desk)
    if service is None:
        return
    present = short_image(service.image)
    known = tuple(sorted({short_image(one.image) for one in desk.snapshot.services}))
    image = await desk.ask(
        PromptModal(tr("Image of {name}", name=service.name), text=present, known=known, about=tr("its tasks are replaced by and by"))
    )
    if not image:
        return
    work = desk.swarm.services.update(service.id, ServiceChange(image=image))
    command = shlex.join(["service", "update", "--image", image, service.name])
    await desk.perform(service, tr("updating"), tr("update {name}", name=service.name), work, command=command)


async def _rollback(desk: SwarmDesk) -> None:
    service = _service(desk)
    if service is None:
        return
    if not service.can_roll_back:
        desk.desk.tell(tr("roll back {name}", name=service.name), tr("there is no specification before this one"))
        return
    if await desk.ask(
        ConfirmModal(tr("Roll {name} back?", name=service.name), tr("It gets the specification that it had before its last update."))
    ):
        command = shlex.join(["service", "rollback", service.name])
        await desk.perform(
            service,
            tr("rolling back"),
            tr("roll back {name}", name=service.name),
            desk.swarm.services.rollback(service.id),
            command=command,
        )


async def _force(desk: SwarmDesk) -> None:
    service = _service(desk)
    if service is None or service.mode in JOBS:
        return
    if await desk.ask(
        ConfirmModal(
            tr("Start all tasks of {name} anew?", name=service.name),
            tr("{desired} tasks are replaced, as an update would.", desired=service.desired),
        )
    ):
        work = desk.swarm.services.update(service.id, ServiceChange(force=True))
        command = shlex.join(["service", "update", "--force", service.name])
        await desk.perform(service, tr("updating"), tr("restart {name}", name=service.name), work, command=command)


async def _remove(desk: SwarmDesk) -> None:
    thing, noun = desk.selected, desk.stage.noun
    if isinstance(thing, Stack):
        await _remove_stack(desk, thing)
    elif isinstance(thing, Service):
        if await desk.ask(ConfirmModal(tr("Remove service {name}?", name=thing.name), tr("{running} tasks end.", running=thing.running))):
            work = desk.swarm.services.remove(thing.id)
            await desk.perform(
                thing, tr("removing"), tr("remove {name}", name=thing.name), work, command=shlex.join(["service", "rm", thing.name])
            )
    elif isinstance(thing, Node):
        await _remove_node(desk, thing)
    elif isinstance(thing, SwarmFile):
        word = NOUNS[noun]
        files = files_of(desk, noun)
        named = f"{word} {thing.name}"
        if await desk.ask(ConfirmModal(tr("Remove {name}?", name=named), tr("Its content is lost."))):
            work = files.remove(thing.id)
            await desk.perform(
                thing, tr("removing"), tr("remove {name}", name=thing.name), work, command=shlex.join([word, "rm", thing.name])
            )
    elif isinstance(thing, Task):
        desk.desk.tell(tr("remove"), tr("a task goes when its service is scaled or removed, or its node drained"))


async def _remove_node(desk: SwarmDesk, node: Node) -> None:
    down = node.state == "down"
    consequence = tr("It has left.") if down else tr("It is still there: by force; it should leave the swarm itself.")
    if await desk.ask(ConfirmModal(tr("Remove node {title} from the swarm?", title=node.title), consequence)):
        words = ["node", "rm", *([] if down else ["--force"]), node.title]
        work = desk.swarm.nodes.remove(node.id, force=not down)
        await desk.perform(node, tr("removing"), tr("remove {title}", title=node.title), work, command=shlex.join(words))


async def _remove_stack(desk: SwarmDesk, stack: Stack) -> None:
    names = ", ".join(one.name for one in stack.services)
    others = [
        (files, one)
        for files, found in ((desk.swarm.secrets, desk.snapshot.secrets), (desk.swarm.configs, desk.snapshot.configs))
        for one in found
        if one.labels.get("com.docker.stack.namespace") == stack.name
    ]
    try:
        networks = await desk.desk.engine.networks.list(filters={"label": (f"com.docker.stack.namespace={stack.name}",)})
    except LongshoreError as error:
        desk.desk.tell_error(tr("remove {name}", name=stack.name), error)
        return
    more = [
        sentence.format(names=", ".join(found))
        for sentence, found in (
            (tr("its files {names}"), [one.name for _, one in others]),
            (tr("its networks {names}"), [one.name for one in networks]),
        )
        if found
    ]
    question = trn(
        "Remove stack {name} with {count} service?", "Remove stack {name} with {count} services?", len(stack.services), name=stack.name
    )
    if not await desk.ask(
        ConfirmModal(
            question, tr("{names}: {running} tasks end.\n{more}", names=names, running=stack.running, more="; ".join(more)).strip()
        )
    ):
        return

    async def work() -> None:
        for service in stack.services:
            await desk.swarm.services.remove(service.id)
        for files, one in others:
            await files.remove(one.id)
        for network in networks:
            await desk.desk.engine.networks.remove(network.id)

    await desk.perform(stack, tr("removing"), tr("remove {name}", name=stack.name), work(), command=shlex.join(["stack", "rm", stack.name]))


def _node(desk: SwarmDesk) -> Node | None:
    """The node that is selected, or that the selected task runs on."""
    thing = desk.selected
    if isinstance(thing, Task):
        return next((one for one in desk.snapshot.nodes if one.id == thing.node_id), None)
    return thing if isinstance(thing, Node) else None


async def _availability(desk: SwarmDesk) -> None:
    node = _node(desk)
    if node is None:
        return
    entries = (
        Entry(value="active", label="active", keys=("a",), hint=tr("it gets tasks")),
        Entry(value="pause", label="pause", keys=("p",), hint=tr("its tasks stay, it gets no new ones")),
        Entry(value="drain", label="drain", keys=("d",), hint=tr("its tasks go to other nodes")),
    )
    chosen = await desk.ask(MenuModal(tr("{title} is {availability}", title=node.title, availability=node.availability), entries))
    if not chosen or chosen == node.availability:
        return
    tasks = sum(one.node_id == node.id and one.state == "running" for one in desk.snapshot.tasks)
    if chosen == "drain" and not await desk.ask(
        ConfirmModal(tr("Drain {title}?", title=node.title), tr("{tasks} tasks go to other nodes, or wait for one.", tasks=tasks))
    ):
        return
    work = desk.swarm.nodes.update(node.id, NodeChange(availability=chosen))
    command = shlex.join(["node", "update", "--availability", chosen, node.title])
    await desk.perform(node, tr("changing"), tr("{verb} {name}", verb=chosen, name=node.title), work, command=command)


async def _role(desk: SwarmDesk) -> None:
    node = _node(desk)
    if node is None:
        return
    verb, role = ("demote", "worker") if node.role == "manager" else ("promote", "manager")
    question, title, word = _DEMOTE if verb == "demote" else _PROMOTE
    question, title, word = tr(question), tr(title), tr(word)
    managers = sum(one.role == "manager" for one in desk.snapshot.nodes) + (1 if role == "manager" else -1)
    tolerated = max(0, (managers - 1) // 2)
    consequence = tr("Then there are {managers} managers, and {tolerated} of them may fail.", managers=managers, tolerated=tolerated)
    if await desk.ask(ConfirmModal(question.format(name=node.title), consequence)):
        work = desk.swarm.nodes.update(node.id, NodeChange(role=role))
        await desk.perform(node, word, title.format(name=node.title), work, command=shlex.join(["node", verb, node.title]))


async def _tokens(desk: SwarmDesk) -> None:
    try:
        cluster = await desk.swarm.inspect()
    except LongshoreError as error:
        desk.desk.tell_error(tr("join tokens"), error)
        return
    address = next((one.manager_address for one in desk.snapshot.nodes if one.id == desk.snapshot.own), "")
    commands = {
        role: f"docker swarm join --token {token} {address}".strip()
        for role, token in (("worker", cluster.worker_token), ("manager", cluster.manager_token))
    }
    entries = (
        Entry(value="worker", label=tr("copy what makes a machine a worker"), keys=("w",), hint=commands["worker"]),
        Entry(value="manager", label=tr("copy what makes a machine a manager"), keys=("m",), hint=commands["manager"]),
    )
    chosen = await desk.ask(MenuModal(tr("Join tokens: whoever has one can join"), entries))
    if chosen:
        desk.desk.copy(commands[chosen])


async def _copy(desk: SwarmDesk) -> None:
    thing = desk.selected
    if thing is None:
        return
    found = [("name", desk.name(thing)), ("id", key_of(thing))]
    if isinstance(thing, Service | Task):
        found.append(("image", thing.image))
    if isinstance(thing, Task):
        found.append(("container", thing.container_id))
    if isinstance(thing, Node):
        found.append(("address", thing.address))
    entries = [Entry(value=value, label=label, keys=(label[0],), hint=value[:60]) for label, value in found if value]
    if text := await desk.ask(MenuModal(tr("Copy from {name}", name=desk.name(thing)), entries)):
        desk.desk.copy(text)


def _rows(desk: SwarmDesk, rows: int) -> None:
    """Move the cursor of the list, or scroll what has the focus."""
    if desk.stage.main_focused:
        desk.content.pane.view.go(rows)
        desk.content.status()
    else:
        desk.lists.panes[desk.stage.noun].move(rows)


def _edge(desk: SwarmDesk, *, last: bool) -> None:
    pane = desk.lists.panes[desk.stage.noun]
    if not desk.stage.main_focused:
        pane.move_to(len(pane.rows) - 1 if last else 0)
    elif last:
        desk.content.pane.view.go_bottom()
    else:
        desk.content.pane.view.go_top()


def _pages(desk: SwarmDesk, pages: int) -> None:
    desk.content.pane.view.go_page(pages)
    desk.content.status()


def _enter(desk: SwarmDesk) -> None:
    if not desk.stage.main_focused:
        desk.stage.focus_main()


def _logs(desk: SwarmDesk) -> None:
    desk.content.choose("logs")
    desk.stage.focus_main()


def _wrap(desk: SwarmDesk) -> None:
    view = desk.content.pane.view
    view.wrapped = not view.wrapped


def _times(desk: SwarmDesk) -> None:
    from tui.presenters.log_document import TIMES

    view = desk.content.pane.log_view
    view.times = TIMES[(TIMES.index(view.times) + 1) % len(TIMES)]


def _reveal(desk: SwarmDesk) -> None:
    desk.content.reveal = not desk.content.reveal
    desk.content.again()


def _pane(noun: SwarmNoun) -> Callable[[SwarmDesk], None]:
    return lambda desk: desk.stage.focus_list(noun)


SWARM_HANDLERS: Mapping[str, Callable[[SwarmDesk], Coroutine[Any, Any, None] | None]] = {
    **{f"swarm.{noun.value}": _pane(noun) for noun in SwarmNoun},
    "swarm.main": lambda desk: desk.stage.focus_main(),
    "swarm.up": lambda desk: _rows(desk, -1),
    "swarm.down": lambda desk: _rows(desk, 1),
    "swarm.first": lambda desk: _edge(desk, last=False),
    "swarm.last": lambda desk: _edge(desk, last=True),
    "swarm.previous_pane": lambda desk: desk.stage.step_list(-1),
    "swarm.next_pane": lambda desk: desk.stage.step_list(1),
    "swarm.enter": _enter,
    "swarm.logs": _logs,
    "swarm.previous_tab": lambda desk: desk.content.step(-1),
    "swarm.next_tab": lambda desk: desk.content.step(1),
    "swarm.page_up": lambda desk: _pages(desk, -1),
    "swarm.page_down": lambda desk: _pages(desk, 1),
    "swarm.scroll_left": lambda desk: desk.content.pane.view.go_sideways(-SIDEWAYS),
    "swarm.scroll_right": lambda desk: desk.content.pane.view.go_sideways(SIDEWAYS),
    "swarm.home": lambda desk: desk.content.pane.view.go_top(),
    "swarm.end": lambda desk: desk.content.pane.view.go_bottom(),
    "swarm.zoom": lambda desk: desk.stage.step_zoom(1),
    "swarm.unzoom": lambda desk: desk.stage.step_zoom(-1),
    "swarm.wrap": _wrap,
    "swarm.timestamps": _times,
    "swarm.reveal": _reveal,
    "swarm.scale": _scale,
    "swarm.image": _image,
    "swarm.rollback": _rollback,
    "swarm.force": _force,
    "swarm.remove": _remove,
    "swarm.availability": _availability,
    "swarm.role": _role,
    "swarm.tokens": _tokens,
    "swarm.copy": _copy,
    "swarm.create": create,
    "swarm.reload": lambda desk: desk.feed.reload(),
}
"""What the actions do, but for those that are the screen's own: the filter, the menu, and leaving."""


def offered(action: str, noun: SwarmNoun, thing: SwarmThing | None) -> bool:
    """The action can do something in this list and to this object, or needs none."""
    if action == "swarm.create":
        return noun in NOUNS
    kinds: Mapping[str, tuple[type, ...]] = {
        "swarm.scale": (Service, Task),
        "swarm.image": (Service, Task),
        "swarm.rollback": (Service, Task),
        "swarm.force": (Service, Task),
        "swarm.logs": (Service, Task),
        "swarm.remove": (Service, Node, Stack, SwarmFile),
        "swarm.availability": (Node, Task),
        "swarm.role": (Node, Task),
        "swarm.copy": (Service, Node, Task, Stack, SwarmFile),
    }
    return action not in kinds or isinstance(thing, kinds[action])
