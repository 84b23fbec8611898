"""Commands on containers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from engine.model.containers import Container, ContainerStatus, PortBinding
from tui.presenters.geometry import Zoom
from tui.presenters.text import clip
from tui.screens.commands.batch import Plan, counted, run_batch
from tui.screens.confirm import ConfirmModal
from tui.screens.desk import Desk
from tui.screens.lists import is_container
from tui.screens.menu import Entry, MenuModal
from tui.screens.prompt import PromptModal
from tui.snapshot import Noun
from tui.words import mark, tr

_WORDS = {
    "stop": mark("stopping"),
    "start": mark("starting"),
    "restart": mark("restarting"),
    "pause": mark("pausing"),
    "unpause": mark("unpausing"),
    "kill": mark("killing"),
    "remove": mark("removing"),
    "rename": mark("renaming"),
}
_TOLD = {
    "stop": mark("stopped"),
    "start": mark("started"),
    "restart": mark("restarted"),
    "pause": mark("paused"),
    "unpause": mark("unpaused"),
    "kill": mark("killed"),
    "remove": mark("removed"),
}
_VERBS = {
    "stop": mark("stop"),
    "start": mark("start"),
    "restart": mark("restart"),
    "pause": mark("pause"),
    "unpause": mark("unpause"),
    "kill": mark("kill"),
    "remove": mark("remove"),
    "rename": mark("rename"),
}
_TITLES = {
    "stop": mark("Stop"),
    "start": mark("Start"),
    "restart": mark("Restart"),
    "pause": mark("Pause"),
    "unpause": mark("Unpause"),
    "kill": mark("Kill"),
    "remove": mark("Remove"),
}
TYPED = 24
"""Cells for the names of several containers in a command line that a menu shows; the question after it has them all."""
STOPPED = (ContainerStatus.EXITED, ContainerStatus.CREATED, ContainerStatus.DEAD)
"""States in which a container has no process and can be removed without force."""


def chosen_one(desk: Desk) -> Container | None:
    """The container under the cursor; a heading is told to be none."""
    group = desk.lists.group(Noun.CONTAINERS)
    if group:
        desk.tell(group.title, tr("one container is meant: choose one of the group"))
    return is_container(desk.lists.selected(Noun.CONTAINERS))


async def _do(desk: Desk, one: Container, verb: str, work: Awaitable[object], *, command: str = "") -> bool:
    title = tr("{verb} {name}", verb=tr(_VERBS[verb]), name=one.name)
    typed = command or f"{verb} {one.name}"
    return await desk.operations.perform(Noun.CONTAINERS, one.id, tr(_WORDS[verb]), title, work, command=typed)


def _marked(desk: Desk) -> list[Container]:
    return [one for one in desk.lists.marked(Noun.CONTAINERS) if isinstance(one, Container)]


def _live(one: Container) -> bool:
    return one.state.running or one.state.status is ContainerStatus.RESTARTING


async def _stop(desk: Desk) -> None:
    if many := _marked(desk):
        await _each(desk, many, "stop", skip=lambda one: not _live(one))
        return
    one = chosen_one(desk)
    if one is None:
        return
    if not _live(one):
        desk.tell(tr("stop {name}", name=one.name), tr("it is {state} already", state=one.state.status.value))
        return
    question = ConfirmModal(
        tr("Stop {name}?", name=one.name),
        tr("{image} gets its stop signal, and 10 seconds later it is killed.", image=one.image),
        danger=False,
    )
    if await desk.ask(question):
        await _do(desk, one, "stop", desk.engine.containers.stop(one.id))


async def _start(desk: Desk) -> None:
    if many := _marked(desk):
        await _each(desk, many, "start", skip=lambda one: one.state.status is ContainerStatus.RUNNING)
        return
    one = chosen_one(desk)
    if one is None:
        return
    verb = "unpause" if one.state.status is ContainerStatus.PAUSED else "start"
    await _do(desk, one, verb, _work(desk, verb)(one))


async def _restart(desk: Desk) -> None:
    if many := _marked(desk):
        await _each(desk, many, "restart")
    elif (one := chosen_one(desk)) is not None:
        await _do(desk, one, "restart", desk.engine.containers.restart(one.id))


async def _pause(desk: Desk) -> None:
    if many := _marked(desk):
        thaw = all(one.state.status is ContainerStatus.PAUSED for one in many if one.state.running)
        skipped = ContainerStatus.RUNNING if thaw else ContainerStatus.PAUSED
        await _each(desk, many, "unpause" if thaw else "pause", skip=lambda one: not one.state.running or one.state.status is skipped)
        return
    one = chosen_one(desk)
    if one is None:
        return
    verb = "unpause" if one.state.status is ContainerStatus.PAUSED else "pause"
    await _do(desk, one, verb, _work(desk, verb)(one))


async def _kill(desk: Desk) -> None:
    if many := _marked(desk):
        await _each(desk, many, "kill", skip=lambda one: not _live(one))
        return
    one = chosen_one(desk)
    if one is None:
        return
    if await desk.ask(ConfirmModal(tr("Kill {name}?", name=one.name), tr("It ends at once (SIGKILL) and can not put anything in order."))):
        await _do(desk, one, "kill", desk.engine.containers.kill(one.id))


async def _remove(desk: Desk) -> None:
    many = _marked(desk)
    one = None if many else chosen_one(desk)
    if one is None and not many:
        return
    running = any(each.state.running for each in (many or [one] if one else many))
    verb = tr("kill and remove") if running else tr("remove")
    flag = "-f " if running else ""
    name = counted(len(many), Noun.CONTAINERS) if many else one.name if one else ""
    typed = clip(" ".join(each.name for each in many), TYPED) if many else name
    entries = (
        Entry(value="plain", label=verb, keys=("enter",), hint=f"rm {flag}{typed}"),
        Entry(value="volumes", label=tr("{verb}, with its anonymous volumes", verb=verb), keys=("v",), hint=f"rm {flag}-v {typed}"),
        Entry(value="cancel", label=tr("cancel"), keys=("escape",)),
    )
    title = tr("Remove {name}", name=name) + (f" ({one.state.status.value})" if one and not many else "")
    choice = await desk.ask(MenuModal(title, entries))
    if choice not in ("plain", "volumes"):
        return
    if many:
        await _each(desk, many, "remove", flags=flag + ("-v " if choice == "volumes" else ""))
    elif one is not None:
        work = desk.engine.containers.remove(one.id, force=running, volumes=choice == "volumes")
        await _do(desk, one, "remove", work, command=f"rm {flag}{'-v ' if choice == 'volumes' else ''}{one.name}")


async def _rename(desk: Desk) -> None:
    one = chosen_one(desk)
    if one is None:
        return
    name = await desk.ask(PromptModal(tr("Rename {name}", name=one.name), text=one.name))
    if name and name != one.name:
        await _do(desk, one, "rename", desk.engine.containers.rename(one.id, name))


def _logs(desk: Desk) -> None:
    marked = desk.lists.panes[Noun.CONTAINERS].marks.keys and _marked(desk)
    if marked:
        desk.content.mix_logs([one.id for one in marked])
    desk.content.choose("logs")
    desk.stage.zoom = Zoom.FULL
    desk.stage.focus_main()


async def _mix(desk: Desk) -> None:
    from tui.screens.preview import Item, PreviewModal  # late: not needed for the first picture

    if desk.content.mix and not _marked(desk):
        members = [one for one in desk.lists.snapshot.containers if one.id in desk.content.mix]
    else:
        members = _marked(desk)
    listed = [one for one in desk.lists.listed(Noun.CONTAINERS) if isinstance(one, Container)]
    if not listed:
        desk.tell(tr("join logs"), tr("no container is in the list"))
        return
    inside = {one.id for one in members}
    items = [Item(key=one.id, label=one.name, detail=one.state.status.value, inside=one.id in inside) for one in listed]
    if not inside:
        items = [item.replace(inside=True) for item in items]
    chosen = await desk.ask(
        PreviewModal(lambda kept: tr("Show the logs of {objects} as one?", objects=counted(len(kept), Noun.CONTAINERS)), items)
    )
    if chosen:
        desk.content.mix_logs(chosen)


def _address(port: PortBinding) -> str:
    host = port.host_ip if port.host_ip not in ("", "0.0.0.0", "::") else "localhost"
    scheme = "https" if port.container_port in (443, 8443) else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port.host_port}/"


async def _open(desk: Desk) -> None:
    one = chosen_one(desk)
    if one is None:
        return
    links = sorted({_address(port) for port in one.ports if port.host_port and port.protocol == "tcp"})
    if not links:
        desk.tell(tr("open {name}", name=one.name), tr("no port of it is published"), bad=True)
        return
    entries = [Entry(value=link, label=link, keys=(str(number),)) for number, link in enumerate(links, 1)]
    link: str | None = links[0]
    if len(links) > 1:
        link = await desk.ask(MenuModal(tr("Open {name}", name=one.name), entries))
    if link:
        desk.open_link(link)


def _hide(desk: Desk) -> None:
    desk.lists.hide(not desk.lists.hide_stopped)


def _fold(desk: Desk) -> None:
    if not desk.lists.fold():
        desk.tell(tr("fold"), tr("there is no group here; P groups the list by project"))


async def _bulk(desk: Desk) -> None:
    listed = [one for one in desk.lists.listed(Noun.CONTAINERS) if isinstance(one, Container)]
    running = [one for one in listed if one.state.running]
    stopped = [one for one in listed if one.state.status in STOPPED]
    entries = (
        Entry(value="stop" if running else "", label=tr("stop {count} running", count=len(running)), keys=("s",)),
        Entry(value="start" if stopped else "", label=tr("start {count} stopped", count=len(stopped)), keys=("S",)),
        Entry(value="prune" if stopped else "", label=tr("remove {count} stopped", count=len(stopped)), keys=("d",)),
        Entry(value="remove" if listed else "", label=tr("kill and remove all {count}", count=len(listed)), keys=("D",)),
        Entry(value="cancel", label=tr("cancel")),
    )
    match await desk.ask(MenuModal(tr("Containers in the list"), entries)):
        case "stop":
            await _each(desk, running, "stop")
        case "start":
            await _each(desk, stopped, "start")
        case "prune":
            await _each(desk, stopped, "remove")
        case "remove":
            await _each(desk, listed, "remove", flags="-f ")


def _work(desk: Desk, verb: str, flags: str = "") -> Callable[[Container], Awaitable[object]]:
    """What a verb does to one container."""
    containers = desk.engine.containers
    works: Mapping[str, Callable[[Container], Awaitable[object]]] = {
        "stop": lambda one: containers.stop(one.id),
        "start": lambda one: containers.start(one.id),
        "restart": lambda one: containers.restart(one.id),
        "pause": lambda one: containers.pause(one.id),
        "unpause": lambda one: containers.unpause(one.id),
        "kill": lambda one: containers.kill(one.id),
        "remove": lambda one: containers.remove(one.id, force="-f" in flags, volumes="-v" in flags),
    }
    return works[verb]


async def prune(desk: Desk, stopped: Sequence[Container], size: Callable[[Container], int]) -> None:
    """Remove stopped containers, each of which can be left out."""
    if not stopped:
        desk.tell(tr("prune containers"), tr("none is stopped"))
        return
    plan = Plan(
        noun=Noun.CONTAINERS,
        title=tr("Remove"),
        word=tr("removing"),
        told=tr("removed"),
        consequence=tr("What they wrote into their files is lost."),
    )
    await run_batch(desk, plan, stopped, work=_work(desk, "remove"), command=lambda one: f"rm {one.name}", size=size)


async def _each(
    desk: Desk, chosen: list[Container], verb: str, *, flags: str = "", skip: Callable[[Container], bool] = lambda _: False
) -> None:
    """Ask with names and number, then do it to all; what was listed then is what is touched.

    ``skip`` leaves out those that the verb has nothing to do for, and says so.
    """
    wanted = [one for one in chosen if not skip(one)]
    left = len(chosen) - len(wanted)
    if not wanted:
        desk.tell(tr(_VERBS[verb]), tr("there is nothing to do for {objects}", objects=counted(left, Noun.CONTAINERS)))
        return
    title = tr("Kill and remove") if verb == "remove" and "-f" in flags else tr(_TITLES[verb])
    consequence = tr("{left} more of the marked ones need nothing.", left=left) if left else ""
    plan = Plan(noun=Noun.CONTAINERS, title=title, word=tr(_WORDS[verb]), told=tr(_TOLD[verb]), consequence=consequence)
    typed = "rm" if verb == "remove" else verb

    def work(one: Container) -> Awaitable[object]:
        thaw = verb == "start" and one.state.status is ContainerStatus.PAUSED
        return _work(desk, "unpause" if thaw else verb, flags)(one)

    await run_batch(desk, plan, wanted, work=work, command=lambda one: f"{typed} {flags}{one.name}")


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "containers.stop": _stop,
    "containers.start": _start,
    "containers.restart": _restart,
    "containers.pause": _pause,
    "containers.remove": _remove,
    "containers.kill": _kill,
    "containers.logs": _logs,
    "containers.mix": _mix,
    "containers.open": _open,
    "containers.rename": _rename,
    "containers.hide": _hide,
    "containers.bulk": _bulk,
    "containers.group": lambda desk: desk.lists.group_or_flat(),
    "containers.fold": _fold,
}
