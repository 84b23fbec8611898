"""Commands of a person's own: filled in, asked for where they want it, run in a box, in the terminal or silently."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from engine.model.containers import Container
from engine.model.images import Image
from engine.model.networks import Network
from tui.custom import CustomCommand, filled, placeholders
from tui.presenters.containers import PROJECT, SERVICE
from tui.screens.confirm import ConfirmModal
from tui.screens.desk import Desk
from tui.screens.menu import Entry, MenuModal
from tui.screens.prompt import PromptModal
from tui.snapshot import Noun, Thing, label_of
from tui.words import tr


def values_of(thing: Thing) -> Mapping[str, str]:
    """What an object fills into placeholders."""
    if isinstance(thing, Container):
        labels = thing.labels
        return {
            "name": thing.name,
            "id": thing.id,
            "image": thing.image,
            "project": labels.get(PROJECT, ""),
            "service": labels.get(SERVICE, ""),
        }
    if isinstance(thing, Image):
        return {"name": label_of(thing), "id": thing.id, "tag": thing.tags[0].rpartition(":")[2] if thing.tags else ""}
    if isinstance(thing, Network):
        return {"name": thing.name, "id": thing.id, "driver": thing.driver}
    return {"name": thing.name, "driver": thing.driver, "mountpoint": thing.mountpoint}


async def run(desk: Desk, command: CustomCommand) -> None:
    """Run a command for what is marked, else for what is under the cursor."""
    things: Sequence[Thing] = [] if command.scope == "global" else desk.lists.chosen(Noun(command.scope))
    if not things and command.scope != "global":
        desk.tell(command.name, tr("none of the {scope} is chosen", scope=command.scope))
        return
    answers: dict[str, str] = {}
    for placeholder in placeholders(command.command):
        if placeholder.startswith("ask:"):
            label = placeholder.removeprefix("ask:")
            answers[placeholder] = await desk.ask(PromptModal(f"{command.name}: {label}")) or ""
            if not answers[placeholder]:
                return
    lines = [filled(command.command, {**values_of(thing), **answers}) for thing in things] or [filled(command.command, answers)]
    if command.confirm and not await desk.ask(ConfirmModal(tr("Run {name}?", name=command.name), "\n".join(lines[:10]))):
        return
    await execute(desk, command.name, lines, command.output)


async def execute(desk: Desk, name: str, lines: Sequence[str], output: str) -> None:
    """Run command lines in the shell, one after the other."""
    journal = desk.operations.journal
    entries = [journal.begin(time.time(), line, own=True) for line in lines]
    if output == "terminal":
        codes = await desk.shell(lines)
    elif output == "pane":
        from tui.screens.output import OutputModal  # late: not needed for the first picture

        modal = OutputModal(name, lines)
        await desk.ask(modal)
        codes = modal.codes
    else:
        codes = [await _silent(line) for line in lines]
        bad = sum(code != 0 for code in codes)
        desk.tell(name, tr("{bad} of {count} ended badly", bad=bad, count=len(codes)) if bad else tr("done"), bad=bool(bad))
    for entry, code in zip(entries, [*codes, *[-1] * len(entries)], strict=False):
        problem = "" if code == 0 else tr("exit code {code}", code=code) if code > 0 else tr("given up")
        journal.end(entry, now=time.time(), problem=problem)


async def _silent(line: str) -> int:
    null = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_shell(line, stdin=null, stdout=null, stderr=null)
    return await process.wait()


async def menu(desk: Desk) -> None:
    """The commands for what is selected, those without an object, and one to type."""
    offered = [one for one in desk.commands if one.scope in (desk.noun.value, "global") and (one.readonly or not desk.readonly)]
    entries = [
        Entry(value=str(place), label=one.name, keys=(one.key,) if one.key else (), hint=one.command[:50])
        for place, one in enumerate(offered)
    ]
    entries.append(Entry(value="" if desk.readonly else "type", label=tr("type a command line…"), keys=("X",)))
    choice = await desk.ask(MenuModal(tr("Commands of your own"), entries))
    if choice == "type":
        line = await desk.ask(PromptModal(tr("Command line"), about=tr("for the shell of this machine; its output fills the terminal")))
        if line:
            await execute(desk, line, [line], "terminal")
    elif choice:
        await run(desk, offered[int(choice)])


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "containers.custom": menu,
    "global.custom": menu,
}
