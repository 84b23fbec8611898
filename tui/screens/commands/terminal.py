"""Commands that give a process in a container a terminal: a tab of the main pane, or the whole screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from engine.errors import LongshoreError
from engine.interface import Session
from engine.model.containers import Container, ContainerDetails, ContainerStatus
from tui.feed.shells import ExecChoice, Shells, choice_of
from tui.feed.terminals import Open, Terminal
from tui.screens.commands.containers import chosen_one
from tui.screens.confirm import ConfirmModal
from tui.screens.desk import Desk
from tui.screens.form import Field, FormModal
from tui.snapshot import Noun
from tui.words import tr


def _shells(desk: Desk) -> Shells:
    return Shells(desk.engine, desk.memory)


def running_one(desk: Desk, what: str, *, paused: bool = False) -> Container | None:
    """The container under the cursor, if it runs; else it is said what it is."""
    one = chosen_one(desk)
    if one is None:
        return None
    if one.state.status is ContainerStatus.RUNNING or (paused and one.state.running):
        return one
    help = tr("p thaws it") if one.state.status is ContainerStatus.PAUSED else tr("S starts it")
    desk.tell(what.format(name=one.name), tr("it is {state}; {help}", state=one.state.status.value, help=help), bad=True)
    return None


def _look_at(desk: Desk) -> None:
    """Show the terminal of the selected container, and send it what is typed."""
    if desk.noun is Noun.CONTAINERS:
        desk.content.choose("shell")
        desk.stage.focus_main()


async def open_tab(desk: Desk, one: Container, terminal: Terminal, open_session: Open) -> None:
    """Open a session in a tab of the container, and go there; what is wrong is said."""
    room = desk.content.pane.content_size
    opening = desk.content.terminals.open(terminal, open_session, width=max(2, room.width), height=max(2, room.height))
    task = asyncio.ensure_future(opening)
    await asyncio.sleep(0)
    selected = desk.lists.selected(Noun.CONTAINERS)
    if isinstance(selected, Container) and selected.id == one.id:
        _look_at(desk)  # before it is open, so that what is typed meanwhile is not taken for keys of the list
    try:
        await task
    except LongshoreError as error:
        if desk.content.tab == "shell" or desk.content.terminals.get(one.id) is None:
            desk.stage.focus_list(desk.noun)
        desk.tell_error(tr("{title} in {name}", title=terminal.title, name=one.name), error)


def _exec_session(desk: Desk, one: Container, choice: ExecChoice) -> Open:
    shells = _shells(desk)

    async def open_session(width: int, height: int) -> Session:
        return await shells.open(one.id, one.image, choice, width, height)

    return open_session


async def _shell(desk: Desk) -> None:
    one = running_one(desk, tr("shell in {name}"))
    if one is None:
        return
    if not back_to(desk, one):
        choice = _shells(desk).chosen(one.image)
        await (_run_on_screen if choice.screen else _run_in_tab)(desk, one, choice)


async def _another(desk: Desk) -> None:
    one = running_one(desk, tr("shell in {name}"))
    if one is not None:
        await _run_in_tab(desk, one, _shells(desk).chosen(one.image))


def back_to(desk: Desk, one: Container, *, attached: bool = False, beside: bool = False) -> bool:
    """Go to the container's shell, to what is attached to it, or to the one beside it, if that goes on: the shown one, else the first."""
    terminals = desk.content.terminals
    shown, several = terminals.get(one.id), terminals.of(one.id)
    wanted = [terminal for terminal in several if terminal.alive and (terminal.attached, terminal.beside) == (attached, beside)]
    if not wanted:
        return False
    terminals.show(shown if shown is not None and shown in wanted else wanted[0])
    _look_at(desk)
    return True


def _next(desk: Desk) -> None:
    one = chosen_one(desk)
    if one is None:
        return
    if not desk.content.terminals.of(one.id):
        desk.tell(tr("terminals of {name}", name=one.name), tr("it has none; E opens one"))
        return
    desk.content.terminals.step(one.id, 1)
    _look_at(desk)


async def _shell_screen(desk: Desk) -> None:
    one = running_one(desk, tr("shell in {name}"))
    if one is not None:
        await _run_on_screen(desk, one, _shells(desk).chosen(one.image))


async def _exec(desk: Desk) -> None:
    one = running_one(desk, tr("exec in {name}"))
    if one is None:
        return
    shells = _shells(desk)
    last = shells.chosen(one.image)
    fields = (
        Field(
            name="command",
            label=tr("Command"),
            text=last.command,
            example=tr("a shell when empty"),
            known=("bash", "zsh", "fish", "ash", "sh"),
        ),
        Field(name="user", label=tr("User"), text=last.user, example=tr("the container's; root, 1000:1000"), known=("root",)),
        Field(name="directory", label=tr("Directory"), text=last.directory, example=tr("the container's")),
        Field(name="where", label=tr("Where"), text="screen" if last.screen else "tab", known=("tab", "screen")),
    )
    about = tr("It is remembered for {image}: E does the same next time.", image=one.image)
    choice = await desk.ask(FormModal(tr("Run in {name}", name=one.name), fields, choice_of, about=about))
    if choice is not None:
        shells.choose(one.image, choice)
        await (_run_on_screen if choice.screen else _run_in_tab)(desk, one, choice)


async def _run_in_tab(desk: Desk, one: Container, choice: ExecChoice) -> None:
    await open_tab(desk, one, Terminal(one.id, _words(choice)), _exec_session(desk, one, choice))


async def _run_on_screen(desk: Desk, one: Container, choice: ExecChoice) -> None:
    title = tr("+ exec -it {name} {words}   (exit or ctrl-d returns to Longshore)", name=one.name, words=_words(choice))
    await desk.terminal(_exec_session(desk, one, choice), title=title, tty=True, detach=False)


def _words(choice: ExecChoice) -> str:
    return f"{choice.command or 'shell'}{tr(' as {user}', user=choice.user) if choice.user else ''}"


async def _details(desk: Desk, one: Container) -> ContainerDetails | None:
    try:
        return await desk.engine.containers.inspect(one.id)
    except LongshoreError as error:
        desk.tell(tr("attach to {name}", name=one.name), error.message, bad=True)
        return None


def _attach_session(desk: Desk, one: Container, details: ContainerDetails) -> Open:
    async def open_session(width: int, height: int) -> Session:
        return await desk.engine.containers.attach(one.id, stdin=details.config.open_stdin, logs=False)

    return open_session


async def _attach(desk: Desk) -> None:
    one = running_one(desk, tr("attach to {name}"), paused=True)
    if one is None:
        return
    if not back_to(desk, one, attached=True) and (details := await _details(desk, one)) is not None:
        terminal = Terminal(one.id, tr("attached · ^p ^q detaches"), tty=details.config.tty, attached=True)
        await open_tab(desk, one, terminal, _attach_session(desk, one, details))


async def _attach_screen(desk: Desk) -> None:
    one = running_one(desk, tr("attach to {name}"), paused=True)
    if one is not None and (details := await _details(desk, one)) is not None:
        title = tr("+ attach {name}   (ctrl-p ctrl-q returns to Longshore)", name=one.name)
        await desk.terminal(_attach_session(desk, one, details), title=title, tty=details.config.tty, detach=True)


async def _hang_up(desk: Desk) -> None:
    one = chosen_one(desk)
    if one is None:
        return
    terminal = desk.content.terminals.get(one.id)
    if terminal is None:
        desk.tell(tr("close the terminal of {name}", name=one.name), tr("it has none; E opens one"))
        return
    if terminal.alive and not terminal.attached:
        if terminal.place:
            title = tr("Close terminal {place} of {name}?", place=terminal.place, name=one.name)
        else:
            title = tr("Close the terminal of {name}?", name=one.name)
        question = ConfirmModal(title, tr("{title} ends: it gets ctrl-c and ctrl-d.", title=terminal.title), danger=False)
        if not await desk.ask(question):
            return
    await desk.content.terminals.hang_up(one.id)


def _leave(desk: Desk) -> None:
    desk.stage.focus_list(desk.noun)


HANDLERS: Mapping[str, Callable[[Desk], Coroutine[Any, Any, None] | None]] = {
    "terminal.leave": _leave,
    "terminal.page_up": lambda desk: desk.content.pane.terminal_view.go_page(-1),
    "terminal.page_down": lambda desk: desk.content.pane.terminal_view.go_page(1),
    "containers.shell": _shell,
    "containers.another": _another,
    "containers.next_terminal": _next,
    "containers.attach": _attach,
    "containers.exec": _exec,
    "containers.shell_screen": _shell_screen,
    "containers.attach_screen": _attach_screen,
    "containers.hang_up": _hang_up,
}
