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

SIDEWAYS = 8


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
        desk.desk.tell(f"scale {service.name}", f"a {service.mode} service has a task on every node that fits")
        return
    about = f"{service.running} of {service.desired} tasks run now"
    text = await desk.ask(PromptModal(f"How many tasks of {service.name}?", text=str(service.replicas), about=about))
    if not text:
        return
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        desk.desk.tell(f"scale {service.name}", f"{text} is no number of tasks", bad=True)
        return
    consequence = f"{service.running} tasks end." if service.running else ""
    if text == "0" and not await desk.ask(ConfirmModal(f"Stop all tasks of {service.name}?", consequence)):
        return
    work = desk.swarm.services.update(service.id, ServiceChange(replicas=int(text)))
    command = shlex.join(["service", "scale", f"{service.name}={text}"])
    await desk.perform(service, "scaling", f"scale {service.name}", work, command=command)


async def _image(desk: SwarmDesk) -> None:
    service = _service(desk)
    if service is None:
        return
    present = short_image(service.image)
    known = tuple(sorted({short_image(one.image) for one in desk.snapshot.services}))
    image = await desk.ask(PromptModal(f"Image of {service.name}", text=present, known=known, about="its tasks are replaced by and by"))
    if not image:
        return
    work = desk.swarm.services.update(service.id, ServiceChange(image=image))
    command = shlex.join(["service", "update", "--image", image, service.name])
    await desk.perform(service, "updating", f"update {service.name}", work, command=command)


async def _rollback(desk: SwarmDesk) -> None:
    service = _service(desk)
    if service is None:
        return
    if not service.can_roll_back:
        desk.desk.tell(f"roll back {service.name}", "there is no specification before this one")
        return
    if await desk.ask(ConfirmModal(f"Roll {service.name} back?", "It gets the specification that it had before its last update.")):
        command = shlex.join(["service", "rollback", service.name])
        await desk.perform(service, "rolling back", f"roll back {service.name}", desk.swarm.services.rollback(service.id), command=command)


async def _force(desk: SwarmDesk) -> None:
    service = _service(desk)
    if service is None or service.mode in JOBS:
        return
    if await desk.ask(
        ConfirmModal(f"Start all tasks of {service.name} anew?", f"{service.desired} tasks are replaced, as an update would.")
    ):
        work = desk.swarm.services.update(service.id, ServiceChange(force=True))
        command = shlex.join(["service", "update", "--force", service.name])
        await desk.perform(service, "updating", f"restart {service.name}", work, command=command)


async def _remove(desk: SwarmDesk) -> None:
    thing, noun = desk.selected, desk.stage.noun
    if isinstance(thing, Stack):
        await _remove_stack(desk, thing)
    elif isinstance(thing, Service):
        if await desk.ask(ConfirmModal(f"Remove service {thing.name}?", f"{thing.running} tasks end.")):
            work = desk.swarm.services.remove(thing.id)
            await desk.perform(thing, "removing", f"remove {thing.name}", work, command=shlex.join(["service", "rm", thing.name]))
    elif isinstance(thing, Node):
        await _remove_node(desk, thing)
    elif isinstance(thing, SwarmFile):
        word = NOUNS[noun]
        files = files_of(desk, noun)
        if await desk.ask(ConfirmModal(f"Remove {word} {thing.name}?", "Its content is lost.")):
            work = files.remove(thing.id)
            await desk.perform(thing, "removing", f"remove {thing.name}", work, command=shlex.join([word, "rm", thing.name]))
    elif isinstance(thing, Task):
        desk.desk.tell("remove", "a task goes when its service is scaled or removed, or its node drained")


async def _remove_node(desk: SwarmDesk, node: Node) -> None:
    down = node.state == "down"
    consequence = "It has left." if down else "It is still there: by force; it should leave the swarm itself."
    if await desk.ask(ConfirmModal(f"Remove node {node.title} from the swarm?", consequence)):
        words = ["node", "rm", *([] if down else ["--force"]), node.title]
        work = desk.swarm.nodes.remove(node.id, force=not down)
        await desk.perform(node, "removing", f"remove {node.title}", work, command=shlex.join(words))


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
        desk.desk.tell_error(f"remove {stack.name}", error)
        return
    more = [
        f"its {kind}s {', '.join(found)}"
        for kind, found in (("file", [one.name for _, one in others]), ("network", [one.name for one in networks]))
        if found
    ]
    question = f"Remove stack {stack.name} with {len(stack.services)} services?"
    if not await desk.ask(ConfirmModal(question, f"{names}: {stack.running} tasks end.\n{'; '.join(more)}".strip())):
        return

    async def work() -> None:
        for service in stack.services:
            await desk.swarm.services.remove(service.id)
        for files, one in others:
            await files.remove(one.id)
        for network in networks:
            await desk.desk.engine.networks.remove(network.id)

    await desk.perform(stack, "removing", f"remove {stack.name}", work(), command=shlex.join(["stack", "rm", stack.name]))


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
        Entry(value="active", label="active", keys=("a",), hint="it gets tasks"),
        Entry(value="pause", label="pause", keys=("p",), hint="its tasks stay, it gets no new ones"),
        Entry(value="drain", label="drain", keys=("d",), hint="its tasks go to other nodes"),
    )
    chosen = await desk.ask(MenuModal(f"{node.title} is {node.availability}", entries))
    if not chosen or chosen == node.availability:
        return
    tasks = sum(one.node_id == node.id and one.state == "running" for one in desk.snapshot.tasks)
    if chosen == "drain" and not await desk.ask(ConfirmModal(f"Drain {node.title}?", f"{tasks} tasks go to other nodes, or wait for one.")):
        return
    work = desk.swarm.nodes.update(node.id, NodeChange(availability=chosen))
    command = shlex.join(["node", "update", "--availability", chosen, node.title])
    await desk.perform(node, "changing", f"{chosen} {node.title}", work, command=command)


async def _role(desk: SwarmDesk) -> None:
    node = _node(desk)
    if node is None:
        return
    verb, role = ("demote", "worker") if node.role == "manager" else ("promote", "manager")
    managers = sum(one.role == "manager" for one in desk.snapshot.nodes) + (1 if role == "manager" else -1)
    tolerated = max(0, (managers - 1) // 2)
    consequence = f"Then there are {managers} managers, and {tolerated} of them may fail."
    if await desk.ask(ConfirmModal(f"{verb.capitalize()} {node.title}?", consequence)):
        work = desk.swarm.nodes.update(node.id, NodeChange(role=role))
        await desk.perform(node, f"{verb[:-1]}ing", f"{verb} {node.title}", work, command=shlex.join(["node", verb, node.title]))


async def _tokens(desk: SwarmDesk) -> None:
    try:
        cluster = await desk.swarm.inspect()
    except LongshoreError as error:
        desk.desk.tell_error("join tokens", error)
        return
    address = next((one.manager_address for one in desk.snapshot.nodes if one.id == desk.snapshot.own), "")
    commands = {
        role: f"docker swarm join --token {token} {address}".strip()
        for role, token in (("worker", cluster.worker_token), ("manager", cluster.manager_token))
    }
    entries = (
        Entry(value="worker", label="copy what makes a machine a worker", keys=("w",), hint=commands["worker"]),
        Entry(value="manager", label="copy what makes a machine a manager", keys=("m",), hint=commands["manager"]),
    )
    chosen = await desk.ask(MenuModal("Join tokens: whoever has one can join", entries))
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
    if text := await desk.ask(MenuModal(f"Copy from {desk.name(thing)}", entries)):
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
