"""The TUI's terminal on every engine: what is typed, drawn and resized, how it ends, and an attach that is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.errors import ExecutableNotFound, LongshoreError, NotFound
from engine.interface import Session
from engine.model.containers import ContainerStatus
from tests.contract.lab import Lab, sh, within
from tui.feed.debugging import LABEL, DebugChoice, beside
from tui.feed.shells import ExecChoice, Shells
from tui.feed.terminals import Terminal, Terminals
from tui.memory import Memory


def drawn(terminal: Terminal) -> str:
    emulator = terminal.emulator
    assert emulator is not None
    return "\n".join("".join(text for text, _ in emulator.row(y)) for y in range(emulator.height))


async def until(terminal: Terminal, condition: Callable[[], bool]) -> None:
    for _ in range(1500):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(drawn(terminal))


def typed(terminal: Terminal, text: str) -> None:
    for char in text:
        terminal.press("enter" if char == "\n" else char, char)


async def test_a_shell_draws_is_resized_and_ends(lab: Lab) -> None:
    container = await lab.start(*sh("sleep 1000"))
    shells, terminals = Shells(lab.engine, Memory()), Terminals(lambda message: None)
    terminal = Terminal(container, "shell")

    async def open_session(width: int, height: int) -> Session:
        return await shells.open(container, "busybox", ExecChoice(user="1:1", directory="/tmp"), width, height)

    await terminals.open(terminal, open_session, width=70, height=12)
    typed(terminal, "stty size; id -u; pwd\n")
    await until(terminal, lambda: "12 70" in drawn(terminal) and "\n1\n" in drawn(terminal) and "/tmp\n" in drawn(terminal))
    terminal.resize(50, 9)  # it goes another way than what is typed, and may be there later
    typed(terminal, "while [ \"$(stty size)\" != '9 50' ]; do sleep 0.05; done; clear; vi -R /etc/passwd\n")
    await until(terminal, lambda: "root:" in drawn(terminal) and bool(terminal.emulator and terminal.emulator.alternate))
    typed(terminal, ":q\n")
    await until(terminal, lambda: bool(terminal.emulator and not terminal.emulator.alternate))
    typed(terminal, "echo go$((1)); sleep 100\n")
    await until(terminal, lambda: "go1" in drawn(terminal))
    terminal.press("ctrl+c", "\x03")
    typed(terminal, "echo back$((2))\n")
    await until(terminal, lambda: "back2" in drawn(terminal))
    typed(terminal, "exit 5\n")
    await until(terminal, lambda: not terminal.alive)
    assert (terminal.exit_code, terminal.note) == (5, "ended with exit code 5")
    await terminals.close()


async def test_an_attach_is_left_and_its_process_goes_on(lab: Lab) -> None:
    container = await lab.start(*sh("echo here; read line; echo got $line; exec sleep 1000"), tty=True, open_stdin=True)
    terminals = Terminals(lambda message: None)
    terminal = Terminal(container, "attached", attached=True)

    async def open_session(width: int, height: int) -> Session:
        return await lab.engine.containers.attach(container, stdin=True)

    await terminals.open(terminal, open_session, width=60, height=10)
    typed(terminal, "words\n")
    await until(terminal, lambda: "got words" in drawn(terminal))
    for key, char in (("ctrl+p", "\x10"), ("ctrl+q", "\x11")):
        terminal.press(key, char)
    await until(terminal, lambda: not terminal.alive)
    assert "left" in terminal.note
    assert (await lab.engine.containers.inspect(container)).container.state.status is ContainerStatus.RUNNING
    await terminals.close()


async def test_a_second_container_beside_one_shows_its_processes_network_and_files_and_goes_with_the_terminal(lab: Lab) -> None:
    """The one that is looked at has no shell that could be asked, and runs as somebody else."""
    container = await lab.start("sleep", "1000", user="1000:1000", hostname="quay")
    terminals = Terminals(lambda message: None)
    choice = DebugChoice(image=lab.image)

    async def second() -> list[str]:
        return [one.id for one in await lab.engine.containers.list(all=True, filters={"label": (f"{LABEL}={container}",)})]

    async def opened() -> Terminal:
        terminal = Terminal(container, "debug", beside=True)
        await terminals.open(
            terminal, lambda width, height: beside(lab.engine, container, choice, width=width, height=height), width=70, height=12
        )
        return terminal

    terminal = await opened()
    typed(
        terminal,
        "stty size; tr '\\0' ' ' </proc/1/cmdline; echo; cat /proc/1/root/etc/hostname; "
        "for i in 1 self; do readlink /proc/$i/ns/net; done | uniq | wc -l\n",
    )
    await until(terminal, lambda: all(word in drawn(terminal) for word in ("12 70", "sleep 1000", "quay", "\n1\n")))
    assert len(await second()) == 1
    typed(terminal, "exit 3\n")
    await until(terminal, lambda: not terminal.alive)
    assert await within(_none(second))
    await opened()
    assert len(await second()) == 1
    await terminals.hang_up(container)
    assert not await second()
    assert (await lab.state(container)).running
    await opened()
    await terminals.close()
    assert not await second()


async def _none(listed: Callable[[], Awaitable[list[str]]]) -> bool:
    while await listed():
        await asyncio.sleep(0.02)
    return True


@pytest.mark.parametrize(("image", "command", "error"), [("nothing-of-this-name", "", NotFound), ("", "/no/such", ExecutableNotFound)])
async def test_nothing_is_left_of_a_second_container_that_can_not_be(
    lab: Lab, image: str, command: str, error: type[LongshoreError]
) -> None:
    container = await lab.sleeper()
    with pytest.raises(error):
        await beside(lab.engine, container, DebugChoice(image=image or lab.image, command=command), width=80, height=24)
    assert [one.id for one in await lab.engine.containers.list(all=True)] == [container]
