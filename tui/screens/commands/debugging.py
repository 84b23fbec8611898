"""The command that opens a terminal beside a container, in a second one with tools of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from engine.errors import LongshoreError, NotFound
from engine.interface import Session
from engine.model.containers import Container
from tui.feed.debugging import FILES, TOOLS, DebugChoice, beside, debug_choice, names_of, remember, remembered
from tui.feed.terminals import Open, Terminal
from tui.screens.commands.terminal import back_to, open_tab, running_one
from tui.screens.desk import Desk
from tui.screens.form import Field, FormModal
from tui.words import tr


async def _debug(desk: Desk) -> None:
    one = running_one(desk, tr("debug {name}"))
    if one is None or back_to(desk, one, beside=True):
        return
    names = names_of(desk.lists.snapshot.images, one.host)
    last = remembered(desk.memory, names)
    known = tuple(dict.fromkeys((*names, *TOOLS)))
    fields = (
        Field(name="image", label=tr("Image"), text=last.image, example="busybox", known=known),
        Field(name="command", label=tr("Command"), text=last.command, example=tr("a shell when empty")),
        Field(name="user", label=tr("User"), text=last.user, example=tr("the image's; root, 1000:1000"), known=("root",)),
    )
    about = tr(
        "A second container with the processes and the network of {name}, whose files are in {files}. It goes with its terminal.",
        name=one.name,
        files=FILES,
    )
    choice = await desk.ask(FormModal(tr("Debug {name}", name=one.name), fields, debug_choice, about=about))
    if choice is None:
        return
    remember(desk.memory, choice)
    if one.host:
        choice = choice.replace(image=f"{choice.image}@{one.host}")
    if await _there(desk, one, choice):
        await open_tab(desk, one, Terminal(one.id, tr("debug with {image}", image=choice.image), beside=True), _opening(desk, one, choice))


async def _there(desk: Desk, one: Container, choice: DebugChoice) -> bool:
    """Whether the image is there, after pulling it if need be."""
    try:
        await desk.engine.images.inspect(choice.image)
    except NotFound:
        desk.tell(tr("debug {name}", name=one.name), tr("{image} is pulled first", image=choice.image))
        return await desk.pulls.start(choice.image)
    except LongshoreError as error:
        desk.tell_error(tr("debug {name}", name=one.name), error)
        return False
    return True


def _opening(desk: Desk, one: Container, choice: DebugChoice) -> Open:
    async def open_session(width: int, height: int) -> Session:
        journal = desk.operations.journal
        entry, problem = journal.begin(time.time(), choice.typed(one.name)), tr("given up")
        try:
            session = await beside(desk.engine, one.id, choice, width=width, height=height)
            problem = ""
        except LongshoreError as error:
            problem = error.message
            raise
        finally:
            journal.end(entry, now=time.time(), problem=problem)
        return session

    return open_session


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {"containers.debug": _debug}
