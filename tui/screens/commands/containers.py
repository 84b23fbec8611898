"""Commands on containers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from engine.errors import ExecutableNotFound, LongshoreError, NotExecutable
from engine.interface import Session
from engine.model.containers import Container, ContainerStatus, ExecConfig, PortBinding
from tui.presenters.geometry import Zoom
from tui.screens.confirm import ConfirmModal
from tui.screens.desk import Desk
from tui.screens.lists import is_container
from tui.screens.menu import Entry, MenuModal
from tui.screens.prompt import PromptModal
from tui.snapshot import Noun

SHELL = "for s in bash zsh ash; do p=$(command -v $s) && exec $p; done; exec sh"
"""The first of bash, zsh, ash and sh that the image has."""
_FALLBACKS = (("/bin/bash",), ("/bin/ash",), ("/busybox/sh",))
_WORDS = {
    "stop": "stopping",
    "start": "starting",
    "restart": "restarting",
    "pause": "pausing",
    "unpause": "unpausing",
    "kill": "killing",
    "remove": "removing",
    "rename": "renaming",
}
_STOPPED = (ContainerStatus.EXITED, ContainerStatus.CREATED, ContainerStatus.DEAD)


def _chosen(desk: Desk) -> Container | None:
    return is_container(desk.lists.selected(Noun.CONTAINERS))


async def _do(desk: Desk, one: Container, verb: str, work: Awaitable[object]) -> bool:
    return await desk.operations.perform(Noun.CONTAINERS, one.id, _WORDS[verb], f"{verb} {one.name}", work)


async def _stop(desk: Desk) -> None:
    one = _chosen(desk)
    if one is None:
        return
    if not one.state.running and one.state.status is not ContainerStatus.RESTARTING:
        desk.tell(f"stop {one.name}", f"it is {one.state.status.value} already")
        return
    question = ConfirmModal(f"Stop {one.name}?", f"{one.image} gets its stop signal, and 10 seconds later it is killed.", danger=False)
    if await desk.ask(question):
        await _do(desk, one, "stop", desk.engine.containers.stop(one.id))


async def _start(desk: Desk) -> None:
    one = _chosen(desk)
    if one is None:
        return
    if one.state.status is ContainerStatus.PAUSED:
        await _do(desk, one, "unpause", desk.engine.containers.unpause(one.id))
    else:
        await _do(desk, one, "start", desk.engine.containers.start(one.id))


async def _restart(desk: Desk) -> None:
    if (one := _chosen(desk)) is not None:
        await _do(desk, one, "restart", desk.engine.containers.restart(one.id))


async def _pause(desk: Desk) -> None:
    one = _chosen(desk)
    if one is None:
        return
    if one.state.status is ContainerStatus.PAUSED:
        await _do(desk, one, "unpause", desk.engine.containers.unpause(one.id))
    else:
        await _do(desk, one, "pause", desk.engine.containers.pause(one.id))


async def _kill(desk: Desk) -> None:
    one = _chosen(desk)
    if one is None:
        return
    if await desk.ask(ConfirmModal(f"Kill {one.name}?", "It ends at once (SIGKILL) and can not put anything in order.")):
        await _do(desk, one, "kill", desk.engine.containers.kill(one.id))


async def _remove(desk: Desk) -> None:
    one = _chosen(desk)
    if one is None:
        return
    running = one.state.running
    verb = "kill and remove" if running else "remove"
    flag = "-f " if running else ""
    entries = (
        Entry(value="plain", label=verb, keys=("enter",), hint=f"rm {flag}{one.name}"),
        Entry(value="volumes", label=f"{verb}, with its anonymous volumes", keys=("v",), hint=f"rm {flag}-v {one.name}"),
        Entry(value="cancel", label="cancel", keys=("escape",)),
    )
    title = f"Remove {one.name} ({one.state.status.value})"
    choice = await desk.ask(MenuModal(title, entries))
    if choice in ("plain", "volumes"):
        work = desk.engine.containers.remove(one.id, force=running, volumes=choice == "volumes")
        await _do(desk, one, "remove", work)


async def _rename(desk: Desk) -> None:
    one = _chosen(desk)
    if one is None:
        return
    name = await desk.ask(PromptModal(f"Rename {one.name}", text=one.name))
    if name and name != one.name:
        await _do(desk, one, "rename", desk.engine.containers.rename(one.id, name))


async def _shell(desk: Desk) -> None:
    one = _chosen(desk)
    if one is None:
        return
    if one.state.status is not ContainerStatus.RUNNING:
        desk.tell(f"shell in {one.name}", f"it is {one.state.status.value}; S starts it", bad=True)
        return

    async def open_session(width: int, height: int) -> Session:
        commands = (("/bin/sh", "-c", SHELL), *_FALLBACKS)
        for command in commands:
            config = ExecConfig(cmd=command, tty=True, stdin=True, env=("TERM=xterm-256color",), width=width, height=height)
            try:
                return await desk.engine.containers.exec(one.id, config)
            except (ExecutableNotFound, NotExecutable):
                continue
        raise ExecutableNotFound(f"no shell in {one.image}", hint="images without a shell can only be looked at from outside")

    await desk.terminal(open_session, title=f"+ exec -it {one.name} sh   (exit or ctrl-d returns to Longshore)", tty=True, detach=False)


async def _attach(desk: Desk) -> None:
    one = _chosen(desk)
    if one is None:
        return
    if not one.state.running:
        desk.tell(f"attach to {one.name}", f"it is {one.state.status.value}; S starts it", bad=True)
        return
    try:
        details = await desk.engine.containers.inspect(one.id)
    except LongshoreError as error:
        desk.tell(f"attach to {one.name}", error.message, bad=True)
        return

    async def open_session(width: int, height: int) -> Session:
        return await desk.engine.containers.attach(one.id, stdin=details.config.open_stdin, logs=False)

    title = f"+ attach {one.name}   (ctrl-p ctrl-q returns to Longshore)"
    await desk.terminal(open_session, title=title, tty=details.config.tty, detach=True)


def _logs(desk: Desk) -> None:
    desk.content.choose("logs")
    desk.stage.zoom = Zoom.FULL
    desk.stage.focus_main()


def _address(port: PortBinding) -> str:
    host = port.host_ip if port.host_ip not in ("", "0.0.0.0", "::") else "localhost"
    scheme = "https" if port.container_port in (443, 8443) else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port.host_port}/"


async def _open(desk: Desk) -> None:
    one = _chosen(desk)
    if one is None:
        return
    links = sorted({_address(port) for port in one.ports if port.host_port and port.protocol == "tcp"})
    if not links:
        desk.tell(f"open {one.name}", "no port of it is published", bad=True)
        return
    entries = [Entry(value=link, label=link, keys=(str(number),)) for number, link in enumerate(links, 1)]
    link: str | None = links[0]
    if len(links) > 1:
        link = await desk.ask(MenuModal(f"Open {one.name}", entries))
    if link:
        desk.open_link(link)


def _hide(desk: Desk) -> None:
    desk.lists.hide_stopped = not desk.lists.hide_stopped
    desk.lists.refresh(Noun.CONTAINERS)


async def _bulk(desk: Desk) -> None:
    listed = [one for one in desk.lists.listed(Noun.CONTAINERS) if isinstance(one, Container)]
    running = [one for one in listed if one.state.running]
    stopped = [one for one in listed if one.state.status in _STOPPED]
    entries = (
        Entry(value="stop" if running else "", label=f"stop {len(running)} running", keys=("s",)),
        Entry(value="start" if stopped else "", label=f"start {len(stopped)} stopped", keys=("S",)),
        Entry(value="prune" if stopped else "", label=f"remove {len(stopped)} stopped", keys=("d",)),
        Entry(value="remove" if listed else "", label=f"kill and remove all {len(listed)}", keys=("D",)),
        Entry(value="cancel", label="cancel"),
    )
    containers = desk.engine.containers
    match await desk.ask(MenuModal("Containers in the list", entries)):
        case "stop":
            await _each(desk, running, "Stop", "stop", work=lambda one: containers.stop(one.id))
        case "start":
            await _each(desk, stopped, "Start", "start", work=lambda one: containers.start(one.id))
        case "prune":
            await _each(desk, stopped, "Remove", "remove", work=lambda one: containers.remove(one.id))
        case "remove":
            await _each(desk, listed, "Kill and remove", "remove", work=lambda one: containers.remove(one.id, force=True))


async def _each(desk: Desk, chosen: list[Container], title: str, verb: str, *, work: Callable[[Container], Awaitable[object]]) -> None:
    """Ask with names and number, then do it to one after the other; what was listed then is what is touched."""
    names = [one.name for one in chosen]
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    count = f"{len(chosen)} container{'s' if len(chosen) != 1 else ''}"
    if await desk.ask(ConfirmModal(f"{title} {count}?", shown)):
        await asyncio.gather(*(_do(desk, one, verb, work(one)) for one in chosen))


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "containers.stop": _stop,
    "containers.start": _start,
    "containers.restart": _restart,
    "containers.pause": _pause,
    "containers.remove": _remove,
    "containers.shell": _shell,
    "containers.attach": _attach,
    "containers.kill": _kill,
    "containers.logs": _logs,
    "containers.open": _open,
    "containers.rename": _rename,
    "containers.hide": _hide,
    "containers.bulk": _bulk,
}
