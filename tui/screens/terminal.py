"""The raw terminal handed to a process in a container: a shell, or attach.

::

    keyboard -> stdin (raw) -> detach keys? -> session.write
    screen   <- stdout      <- session.read
    SIGWINCH -> session.resize

The TUI is suspended meanwhile. What the process writes drives the real terminal, knowingly, as ``docker exec -it`` does;
afterwards the terminal is put back: modes that a program may have left on are switched off before the TUI returns.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
from collections.abc import Awaitable, Callable

from textual.app import App

from engine.interface import Session
from tui.feed.detach_keys import DetachKeys

RESET = (
    b"\x1b[0m\x1b[?1l\x1b>\x1b[?7h\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\x1b[?1015l"
    b"\x1b[?1004l\x1b[?2004l\x1b[?1049l\x1b[r\x1b(B\x0f\r\n"
)
"""Attributes, keypad and cursor modes, mouse, focus and paste reports, alternate screen, scroll region, charset."""


async def hand_over(
    app: App[object], open_session: Callable[[int, int], Awaitable[Session]], *, title: str, tty: bool, detach: bool
) -> None:
    """Suspend the TUI and give the terminal to a session until it ends or the person leaves.

    Args:
        open_session: opens the session, given columns and lines.
        title: printed first.
        tty: the process has a terminal of its own; without one, keys are echoed and lines ended here.
        detach: the detach keys leave.

    Raises:
        LongshoreError: the session could not be opened; nothing was changed.
    """
    size = os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1)
    session = await open_session(size.columns, size.lines)
    try:
        with app.suspend(), app.batch_update():
            _write(1, f"\x1b[H\x1b[2J\x1b[34m{title}\x1b[0m\r\n".encode())
            await bridge(session, stdin=0, stdout=1, tty=tty, detach=detach)
            _write(1, RESET)
    finally:
        await session.close()


async def bridge(session: Session, *, stdin: int, stdout: int, tty: bool, detach: bool) -> bool:
    """Copy both ways between a session and a terminal: whether the person left by the detach keys."""
    loop = asyncio.get_running_loop()
    saved = termios.tcgetattr(stdin)
    before = signal.getsignal(signal.SIGWINCH)
    typed: asyncio.Queue[bytes | None] = asyncio.Queue()
    resized = asyncio.Event()

    def readable() -> None:
        try:
            data = os.read(stdin, 4096)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            loop.remove_reader(stdin)
        typed.put_nowait(data or None)

    _raw(stdin, tty=tty)
    loop.add_reader(stdin, readable)
    loop.add_signal_handler(signal.SIGWINCH, resized.set)
    output = asyncio.create_task(_output(session, stdout))
    keys = asyncio.create_task(_input(session, typed, DetachKeys() if detach else DetachKeys(b"")))
    sizes = asyncio.create_task(_sizes(session, stdout, resized))
    try:
        await asyncio.wait((output, keys), return_when=asyncio.FIRST_COMPLETED)
        left = keys.done() and not keys.cancelled() and keys.exception() is None and keys.result()
        if not left and not output.done():
            await asyncio.wait((output,))
        return bool(left)
    finally:
        for task in (output, keys, sizes):
            task.cancel()
        await asyncio.gather(output, keys, sizes, return_exceptions=True)
        loop.remove_reader(stdin)
        loop.remove_signal_handler(signal.SIGWINCH)
        signal.signal(signal.SIGWINCH, before)
        termios.tcsetattr(stdin, termios.TCSADRAIN, saved)


def _raw(descriptor: int, *, tty: bool) -> None:
    """Every key goes to the process, ctrl-c too. A process without a terminal gets lines echoed and ended for it."""
    mode = termios.tcgetattr(descriptor)
    mode[0] &= ~(termios.IXON | termios.IXOFF)  # ctrl-q is a key: it ends the detach sequence
    if tty:
        mode[0] &= ~(termios.BRKINT | termios.ICRNL | termios.INPCK | termios.ISTRIP)
        mode[1] &= ~termios.OPOST
        mode[3] &= ~termios.ECHO
    mode[3] &= ~(termios.ICANON | termios.IEXTEN | termios.ISIG)
    mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
    termios.tcsetattr(descriptor, termios.TCSAFLUSH, mode)


async def _output(session: Session, stdout: int) -> None:
    while (piece := await session.read()) is not None:
        await asyncio.to_thread(_write, stdout, piece.data)


async def _input(session: Session, typed: asyncio.Queue[bytes | None], keys: DetachKeys) -> bool:
    """Forward what is typed until the end of input (``False``) or the detach keys (``True``)."""
    while (data := await typed.get()) is not None:
        forward, left = keys.feed(data)
        if forward:
            await session.write(forward)
        if left:
            return True
    await session.close_input()
    return False


async def _sizes(session: Session, stdout: int, resized: asyncio.Event) -> None:
    while True:
        size = os.get_terminal_size(stdout)
        await session.resize(width=size.columns, height=size.lines)
        await resized.wait()
        resized.clear()


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            os.sched_yield()
