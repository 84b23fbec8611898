"""A frozen clock, a frozen time zone, and an app over the fake engine."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import TypeVar

import pytest
from textual.pilot import Pilot

from tests.tui.fake import NOW, FakeEngine
from tui.app import LongshoreApp
from tui.config import Settings
from tui.screens.main import MainScreen

T = TypeVar("T")


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
        screen = self.app.screen_stack[1]
        assert isinstance(screen, MainScreen)
        return screen

    @property
    def noun(self) -> str:
        """The list that has the focus."""
        return self.main.noun.value

    @property
    def zoom(self) -> int:
        """The screen mode."""
        return self.main.stage.zoom.value

    async def press(self, *keys: str) -> None:
        """Press keys, and let what they begin come to an end."""
        for key in keys:
            await self.pilot.press(key)

    async def type(self, text: str) -> None:
        """Type letters."""
        names = {
            " ": "space",
            ":": "colon",
            "/": "slash",
            "-": "minus",
            ".": "full_stop",
            "=": "equals_sign",
            ",": "comma",
            "_": "underscore",
        }
        await self.press(*(names.get(char, char) for char in text))

    async def until(self, condition: Callable[[], T], what: str = "") -> T:
        """Wait for a condition."""
        deadline = time.monotonic() + 30
        while True:
            if found := condition():
                return found
            assert time.monotonic() < deadline, f"{what or 'the condition'} did not come; the screen:\n{self.text()}"
            await self.pilot.pause(0.01)

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
        pane = self.main.lists.panes[self.main.noun]
        key = next(row.key for row in pane.rows if any(cell[0] == name for cell in row.cells))
        pane.select(key)
        await self.pilot.pause()

    def text(self) -> str:
        """What is on the screen, as text."""
        screen = self.app.screen
        return "\n".join("".join(segment.text for segment in strip) for strip in screen._compositor.render_strips(screen.size))

    def toasts(self) -> list[str]:
        """Titles and texts of the messages shown."""
        return [f"{note.title}: {note.message}" for note in self.app._notifications]


@contextlib.asynccontextmanager
async def running(
    engine: FakeEngine, *, size: tuple[int, int] = (120, 40), settings: Settings | None = None
) -> AsyncGenerator[Harness, None]:
    """Run the app until its first lists are drawn."""
    app = LongshoreApp(engine, settings=settings, now=lambda: NOW)
    async with app.run_test(size=size, notifications=True) as pilot:
        harness = Harness(app, engine, pilot)
        await harness.until(lambda: len(app.screen_stack) > 1 and harness.main.lists.snapshot.loaded, "the first snapshot")
        await pilot.pause()
        yield harness
