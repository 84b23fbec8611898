"""A frozen clock, a frozen time zone, and an app over the fake engine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import TypeVar

import pytest
from textual import events
from textual._context import visible_screen_stack
from textual.message_pump import MessagePump
from textual.pilot import Pilot

from engine.interface import Hosts
from tests.tui.fake import NOW, FakeEngine
from tui.app import LongshoreApp
from tui.config import Settings
from tui.screens.main import MainScreen

T = TypeVar("T")
NAMES = {" ": "space", ":": "colon", "/": "slash", "-": "minus", ".": "full_stop", "=": "equals_sign", ",": "comma", "_": "underscore"}


@pytest.fixture(autouse=True)
def _utc() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


class Harness:
    """An app that runs, with the few things that tests do to it."""

    def __init__(self, app: LongshoreApp, engine: FakeEngine, pilot: Pilot[None]) -> None:
        self.app = app
        self.engine = engine
        self.pilot = pilot

    @property
    def main(self) -> MainScreen:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        return screen

    @property
    def noun(self) -> str:
        """The list that has the focus."""
        return self.main.stage.noun.value

    @property
    def zoom(self) -> int:
        """The screen mode."""
        return self.main.stage.zoom.value

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, each when the one before it has been worked off.

        The pilot waits until the whole process is idle, which takes longer than all the rest.
        """
        for key in keys:
            await self._send(events.Key(key, key if len(key) == 1 else None))

    async def type(self, text: str) -> None:
        """Type letters."""
        for char in text:
            await self._send(events.Key(NAMES.get(char, char), char))

    async def _send(self, key: events.Key) -> None:
        target = self.app.focused or self.app.screen
        self.app.post_message(key)
        for pump in (self.app, target, self.app, None, None):
            await self._reached(pump or self.app.focused or self.app.screen)
        await asyncio.sleep(0.002)
        await self.until(lambda: not self.app.keys_pending, f"the effect of {key.key}")

    async def _reached(self, pump: MessagePump) -> None:
        """Wait until everything that was sent to a part before now has been handled."""
        done = asyncio.Event()
        if pump.call_later(done.set):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), 2)

    async def until(self, condition: Callable[[], T], what: str = "") -> T:
        """Wait for a condition."""
        deadline = time.monotonic() + 30
        while True:
            if found := condition():
                return found
            assert time.monotonic() < deadline, f"{what or 'the condition'} did not come; the screen:\n{self.text()}\n{self._state()}"
            await asyncio.sleep(0.02)

    def _state(self) -> str:
        """What a person who looks for the reason wants to know."""
        content = self.main.content
        ready = content.log.ready if content.log is not None else None
        workers = [(worker.group, worker.state.name) for worker in self.app.workers]
        log = f"log ready: {ready}, loading: {content._loading}, paging: {content.paging.locked()}"
        return f"{log}, workers: {workers}, focus: {self.app.focused}, toasts: {self.toasts()}"

    async def shows(self, text: str) -> None:
        """Wait until a text is on the screen."""
        await self.until(lambda: text in self.text(), f"{text!r}")

    async def misses(self, text: str) -> None:
        """Wait until a text is not on the screen."""
        await self.until(lambda: text not in self.text(), f"the end of {text!r}")

    async def called(self, prefix: str) -> str:
        """Wait until the engine was asked for something: the newest such call."""
        return (await self.until(lambda: self.engine.called(prefix), f"the call {prefix!r}"))[-1]

    async def select(self, name: str) -> None:
        """Put the cursor on the container with that name."""
        pane = self.main.lists.panes[self.main.stage.noun]
        key = next(row.key for row in pane.rows if row.cells[1][0].partition(" ")[0] == name)  # marks of terminals follow
        pane.select(key)
        await self.pilot.pause()

    def text(self) -> str:
        """What is on the screen, as text."""
        screen = self.app.screen
        visible_screen_stack.set(self.app._background_screens)  # what shines through a box, as when it is drawn
        return "\n".join("".join(segment.text for segment in strip) for strip in screen._compositor.render_strips(screen.size))

    def toasts(self) -> list[str]:
        """Titles and texts of the messages shown."""
        return [f"{note.title}: {note.message}" for note in self.app._notifications]


@contextlib.asynccontextmanager
async def running(
    engine: FakeEngine, *, size: tuple[int, int] = (120, 40), settings: Settings | None = None, hosts: Hosts | None = None
) -> AsyncGenerator[Harness, None]:
    """Run the app until its first lists are drawn."""
    app = LongshoreApp(engine, settings=settings, now=lambda: NOW, hosts=hosts)
    async with app.run_test(size=size, notifications=True) as pilot:
        harness = Harness(app, engine, pilot)
        await harness.until(lambda: harness.main.lists.snapshot.loaded, "the first snapshot")
        await pilot.pause()
        yield harness


def numbers_drawn(ui: Harness) -> bool:
    """The numbers of the rows on the screen are there and drawn, and those of the other rows are gone."""
    containers, sampler = ui.engine.containers, ui.main.sampler
    running = {one.id for one in containers.all.values() if one.state.running}
    seen = running & ui.main.lists.sampled()
    there = all(len(sampler.history(id)) >= len(containers.samples.get(id, ())) for id in seen)
    return there and sampler._telling is None and not any(sampler.latest(id) for id in running - seen)


async def still(ui: Harness) -> str:
    """Wait until nothing more is drawn: what is on the screen then."""
    seen, same = "", 0
    while same < 5:
        await asyncio.sleep(0.06)
        now = ui.text()
        seen, same = now, same + 1 if now == seen else 0
    await ui.pilot.pause()
    return seen
