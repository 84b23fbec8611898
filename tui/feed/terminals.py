"""Terminals of containers: sessions that go on while somebody looks at something else.

::

    engine session --read--> pieces --> Emulator --> TerminalChanged, at most FRAMES times a second
    keys, pastes, reports --> queue --write--> engine session

Output is emulated in pieces of a few milliseconds with the event loop between them, and no more of it is read before it was
emulated: a process that floods its terminal waits, as it would for a slow one. A container can have several, one of which is
shown; what has ended stays to be read until another one begins in its place, it is closed, or the container is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from textual.message import Message

from engine.errors import LongshoreError
from engine.interface import Session
from tui.feed.detach_keys import DetachKeys
from tui.messages import TerminalChanged
from tui.words import tr

if TYPE_CHECKING:
    from tui.feed.emulator import Emulator

FRAMES = 30
"""Pictures a second while output comes."""
SHARE = 0.5
"""Of the event loop's time, what emulating may take while output floods in."""
TURN = 0.006
"""Seconds of emulating after which others have a turn."""
MOST_TYPED = 1 << 20
"""Bytes that may wait for a process that does not read."""
EARLY = 1000
"""Keys kept that are pressed before the session is open."""
PARTING = 0.2
"""Seconds that a shell gets to end when its terminal is closed."""
ANSWER = 2.0
"""Seconds that the exit code may take once there is no more output; a connection may end without the process."""

Open = Callable[[int, int], Awaitable[Session]]
"""Opens a session, given columns and lines."""


class Terminal:
    """One session with a screen.

    Attributes:
        container: id of the container.
        title: what runs in it, for people.
        emulator: its screen, None until the session is open.
        alive: the session goes on, or is being opened.
        note: how it ended, in a few words.
        exit_code: of the process, None while it is not known.
        place: which of its container's terminals it is, for people; empty for the only one.
    """

    def __init__(self, container: str, title: str, *, tty: bool = True, attached: bool = False, beside: bool = False) -> None:
        """``attached`` to a main process: the detach keys leave it, and it is not ended with the terminal.

        ``beside``: it is that of a second container, which was made for it.
        """
        self.container = container
        self.title = title
        self.tty = tty
        self.attached = attached
        self.beside = beside
        self.emulator: Emulator | None = None
        self.alive = True
        self.note = ""
        self.exit_code: int | None = None
        self.place = ""
        self._session: Session | None = None
        self._keys = DetachKeys() if attached else None
        self._early: list[tuple[str, str | None]] = []
        self._typed: asyncio.Queue[bytes] = asyncio.Queue()
        self._waiting = 0
        self._size = (80, 24)
        self._resized = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._changed: Callable[[bool], None] = lambda state: None
        self._drawn = 0.0
        self._later: asyncio.TimerHandle | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def start(self, open_session: Open, *, width: int, height: int, changed: Callable[[bool], None]) -> None:
        """Open the session and follow it.

        Args:
            changed: called when there is something to draw, with whether the session began or ended.

        Raises:
            LongshoreError: the session can not be opened.
        """
        self._changed = changed
        self._size = (max(1, width), max(1, height))
        emulator = await asyncio.to_thread(_new_emulator, *self._size)  # the library takes a tenth of a second to load
        try:
            self._session = session = await open_session(*self._size)
        except BaseException:
            self.alive = False
            raise
        self.emulator = emulator
        if self._size != (emulator.width, emulator.height):
            emulator.resize(*self._size)
        self._resized.set()
        for key, character in self._early:
            self.press(key, character)
        self._tasks = [asyncio.create_task(work) for work in (self._output(session, emulator), self._input(session), self._sizes(session))]
        self._tell(state=True)

    def press(self, key: str, character: str | None) -> None:
        """Send what a key means; while the session is being opened it is kept."""
        if self.emulator is None:
            self._early = [*self._early, (key, character)][-EARLY:]
        elif data := self.emulator.key(key, character):
            self._send(data)

    def paste(self, text: str) -> bool:
        """Send pasted text: whether there was room for it."""
        return self.emulator is not None and self._send(self.emulator.paste(text))

    def resize(self, width: int, height: int) -> None:
        """Another size, in cells."""
        size = (max(1, width), max(1, height))
        if size != self._size:
            self._size = size
            if self.emulator is not None:
                self.emulator.resize(*size)
            self._resized.set()

    async def close(self) -> None:
        """Leave. A shell gets ctrl-c and ctrl-d first, as nobody could come back to it; a main process goes on."""
        session, self._session = self._session, None
        if session is None:
            return
        if self.alive and not self.attached:
            with contextlib.suppress(LongshoreError, OSError, TimeoutError):
                async with asyncio.timeout(PARTING):
                    await session.write(b"\x03")
                    await session.write(b"\x04")
                    await asyncio.wait(self._tasks[:1])
        await self._stop(session)

    def _send(self, data: bytes) -> bool:
        if not self.alive or self._waiting + len(data) > MOST_TYPED:
            return False
        left = False
        if self._keys is not None:
            data, left = self._keys.feed(data)
        if data and not self.tty and self.emulator is not None:
            data = data.replace(b"\r", b"\n")
            self.emulator.feed_all(data.replace(b"\n", b"\r\n"))  # without a terminal of its own nobody else shows what is typed
            self._tell()
        self._waiting += len(data)
        self._typed.put_nowait(data)
        if left:
            self._end(tr("left: its process goes on"))
            self._leaving = asyncio.create_task(self.close())
        return True

    async def _output(self, session: Session, emulator: Emulator) -> None:
        try:
            while (output := await session.read()) is not None:
                data = output.data if self.tty else output.data.replace(b"\n", b"\r\n")
                await self._emulate(data, emulator)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ANSWER):
                    self.exit_code = await session.exit_code()
            self._end("ended" if self.exit_code is None else tr("ended with exit code {exit_code}", exit_code=self.exit_code))
        except LongshoreError as error:
            self._end(tr("broken off: {message}", message=error.message))
        self._session = None
        for task in self._tasks[1:]:
            task.cancel()
        with contextlib.suppress(LongshoreError):
            await session.close()

    async def _emulate(self, data: bytes, emulator: Emulator) -> None:
        began = time.monotonic()
        for piece in emulator.pieces(data):
            emulator.feed(piece)
            if (took := time.monotonic() - began) > TURN:
                self._tell()
                await asyncio.sleep(took / SHARE - took)
                began = time.monotonic()
        if replies := emulator.outgoing():
            self._send(replies)
        self._tell()
        await asyncio.sleep(0)

    async def _input(self, session: Session) -> None:
        with contextlib.suppress(LongshoreError):
            while True:
                data = await self._typed.get()
                if data:
                    await session.write(data)
                self._waiting -= len(data)

    async def _sizes(self, session: Session) -> None:
        with contextlib.suppress(LongshoreError):
            while True:
                await self._resized.wait()
                self._resized.clear()
                width, height = self._size
                await session.resize(width=width, height=height)

    def _tell(self, *, state: bool = False) -> None:
        """Ask for a picture: at once after a pause, so that what is typed appears, else with the next frame."""
        now = time.monotonic()
        if state or now - self._drawn >= 1 / FRAMES:
            if self._later is not None:
                self._later.cancel()
                self._later = None
            self._drawn = now
            self._changed(state)
        elif self._later is None:
            self._later = asyncio.get_running_loop().call_later(self._drawn + 1 / FRAMES - now, self._frame)

    def _frame(self) -> None:
        self._later = None
        self._drawn = time.monotonic()
        self._changed(False)

    def _end(self, note: str) -> None:
        if self.alive:
            self.alive, self.note = False, note
            if self.emulator is not None:
                self.emulator.end_screen(f"[{note}]".translate(_NO_CONTROLS))
            self._tell(state=True)

    async def _stop(self, session: Session) -> None:
        if self._later is not None:
            self._later.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._end("closed")
        with contextlib.suppress(LongshoreError):
            await session.close()


_NO_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), " ")


def _new_emulator(width: int, height: int) -> Emulator:
    from tui.feed.emulator import Emulator  # late: the first picture needs no terminal

    return Emulator(width, height)


class Terminals:
    """The terminals of each container, in the order in which they were opened; one of them is shown."""

    def __init__(self, post: Callable[[Message], object]) -> None:
        self._post = post
        self._all: dict[str, list[Terminal]] = {}
        self._shown: dict[str, Terminal] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def get(self, container: str) -> Terminal | None:
        """The one that is shown of a container, alive or ended; None where it has none."""
        return self._shown.get(container)

    def of(self, container: str) -> Sequence[Terminal]:
        """All of a container."""
        return tuple(self._all.get(container, ()))

    def alive(self) -> Iterator[Terminal]:
        """Those whose session goes on."""
        return (one for several in self._all.values() for one in several if one.alive)

    def show(self, terminal: Terminal) -> None:
        """Show this one of its container's."""
        if terminal in self._all.get(terminal.container, ()):
            self._arrange(terminal.container, terminal)

    def step(self, container: str, step: int) -> None:
        """Show the next or the one before."""
        several, shown = self._all.get(container, ()), self._shown.get(container)
        if shown is not None and shown in several:
            self.show(several[(several.index(shown) + step) % len(several)])

    async def open(self, terminal: Terminal, open_session: Open, *, width: int, height: int) -> None:
        """Open a terminal beside those of its container, and show it. It takes the place of the shown one if that has ended.

        Raises:
            LongshoreError: the session can not be opened; what was there stays.
        """
        container = terminal.container

        def changed(state: bool) -> None:
            if state or self._shown.get(container) is terminal:  # nobody looks at what the others write
                self._post(TerminalChanged(container, state))

        before = self._shown.get(container)
        self._all.setdefault(container, []).append(terminal)
        self._arrange(container, terminal)
        try:
            await terminal.start(open_session, width=width, height=height, changed=changed)
        except BaseException:
            self._drop(terminal, before)
            raise
        if before is not None and not before.alive and self._drop(before):
            await before.close()
        if terminal not in self._all.get(container, ()):
            await terminal.close()

    def forget(self, present: Collection[str]) -> None:
        """Give up those of containers that are gone."""
        for container in [one for one in self._all if one not in present]:
            self._shown.pop(container, None)
            for terminal in self._all.pop(container):
                task = asyncio.create_task(terminal.close())
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)

    async def hang_up(self, container: str) -> None:
        """Close the one that is shown of a container and forget it; the next one is shown."""
        terminal = self._shown.get(container)
        if terminal is not None and self._drop(terminal):
            await terminal.close()
            self._post(TerminalChanged(container, True))

    async def close(self) -> None:
        """Close all of them."""
        everyone = [one for several in self._all.values() for one in several]
        self._all, self._shown = {}, {}
        await asyncio.gather(*(one.close() for one in everyone), *self._ending)

    def _drop(self, terminal: Terminal, instead: Terminal | None = None) -> bool:
        """Take one out; ``instead`` is shown where that was, or a neighbour. Whether it was there."""
        container = terminal.container
        several = self._all.get(container, [])
        if terminal not in several:
            return False
        place = several.index(terminal)
        del several[place]
        shown = self._shown[container]
        if not several:
            del self._all[container], self._shown[container]
            self._post(TerminalChanged(container, True))
        elif shown is not terminal:
            self._arrange(container, shown)
        else:
            self._arrange(container, instead if instead in several else several[min(place, len(several) - 1)])
        return True

    def _arrange(self, container: str, shown: Terminal | None) -> None:
        several = self._all[container]
        if shown is not None:
            self._shown[container] = shown
        for number, one in enumerate(several, 1):
            one.place = tr("{at} of {count}", at=number, count=len(several)) if len(several) > 1 else ""
        self._post(TerminalChanged(container, True))
