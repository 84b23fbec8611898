"""The terminal handed over: bytes both ways, detach keys, sizes, and a terminal that is as it was afterwards."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import Iterator

import pytest

from tests.tui.conftest import running
from tests.tui.fake import FakeSession, harbour
from tui.feed.detach_keys import DetachKeys
from tui.feed.shells import CANDIDATES
from tui.screens.terminal import RESET, bridge


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    yield master, slave
    os.close(master)
    os.close(slave)


def test_detach_keys_are_found_across_reads_and_nothing_else_is_lost() -> None:
    keys = DetachKeys()
    assert keys.feed(b"abc\x10") == (b"abc", False)
    assert keys.feed(b"\x11rest") == (b"", True)
    keys = DetachKeys()
    assert keys.feed(b"\x10x\x10\x10\x11") == (b"\x10x\x10", True)
    assert DetachKeys(b"").feed(b"\x10\x11") == (b"\x10\x11", False)


async def _output(master: int, until: bytes) -> bytes:
    seen = b""
    async with asyncio.timeout(30):
        while until not in seen:
            try:
                seen += os.read(master, 4096)
            except BlockingIOError:
                await asyncio.sleep(0.005)
    return seen


async def test_a_shell_gets_every_key_and_the_size(terminal: tuple[int, int]) -> None:
    master, slave = terminal
    before = termios.tcgetattr(slave)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    session = FakeSession()
    task = asyncio.create_task(bridge(session, stdin=slave, stdout=slave, tty=True, detach=False))
    await _output(master, b"/ # ")
    os.write(master, b"ls\x03\x10\x11\r")
    assert b"LS\x03\x10\x11\r" in await _output(master, b"\r")
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 132, 0, 0))
    os.kill(os.getpid(), signal.SIGWINCH)
    async with asyncio.timeout(30):
        while session.sizes[-1] != (132, 50):
            await asyncio.sleep(0.005)
    assert session.sizes[0] == (120, 40)
    os.write(master, b"exit\r")
    async with asyncio.timeout(30):
        assert await task is False
    assert bytes(session.written) == b"ls\x03\x10\x11\rexit\r"
    assert termios.tcgetattr(slave) == before
    assert signal.getsignal(signal.SIGWINCH) == signal.SIG_DFL


async def test_detaching_leaves_the_process_alone(terminal: tuple[int, int]) -> None:
    master, slave = terminal
    session = FakeSession()
    task = asyncio.create_task(bridge(session, stdin=slave, stdout=slave, tty=False, detach=True))
    await _output(master, b"/ # ")
    os.write(master, b"hello\r")
    assert b"HELLO" in await _output(master, b"HELLO")
    os.write(master, b"\x10")
    os.write(master, b"\x11")
    async with asyncio.timeout(30):
        assert await task is True
    assert bytes(session.written) == b"hello\n"


def test_the_reset_switches_off_what_a_program_may_have_left_on() -> None:
    for mode in (b"?1049l", b"?1000l", b"?1003l", b"?1006l", b"?2004l", b"?25h", b"[0m"):
        assert mode in RESET


async def test_shell_and_attach_refuse_what_does_not_run_and_say_when_there_is_no_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda *args: os.terminal_size((120, 40)))
    engine = harbour()
    engine.containers.no_shell.add(engine.containers.find("db").id)
    async with running(engine) as ui:
        await ui.select("migrate")
        await ui.press("E", "a")
        await ui.until(lambda: len(ui.toasts()) == 2)
        assert "it is exited; S starts it" in ui.toasts()[0]
        await ui.select("db")
        await ui.press("E")
        await ui.until(lambda: any("no shell in postgres:17" in toast for toast in ui.toasts()))
        assert [call.split()[-1] for call in engine.called("exec")] == [command[0] for command in CANDIDATES]
