"""The TUI's application and its entry.

``main`` connects and runs; ``LongshoreApp`` takes any engine, so that tests give it one of their own. Leaving closes
streams and connections, never a container.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual.app import App

from engine.errors import LongshoreError
from engine.interface import Engine
from tui import config as settings_file
from tui.config import Settings
from tui.screens.main import MainScreen
from tui.screens.palette import ActionCommands
from tui.themes import DARK, DARK_PALETTE, LIGHT, LIGHT_PALETTE


class LongshoreApp(App[None]):
    """Longshore over an engine."""

    TITLE = "Longshore"
    COMMANDS: ClassVar = {ActionCommands}
    COMMAND_PALETTE_BINDING: ClassVar[str] = "f24"
    ENABLE_COMMAND_PALETTE: ClassVar[bool] = True

    def __init__(
        self, engine: Engine, *, settings: Settings | None = None, problem: str = "", now: Callable[[], float] = time.time
    ) -> None:
        super().__init__()
        self._engine = engine
        self._settings = settings or Settings()
        self._problem = problem
        self._now = now
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.ansi_theme_dark = DARK_PALETTE
        self.ansi_theme_light = LIGHT_PALETTE
        self.theme = self._settings.theme if self._settings.theme in self.available_themes else DARK.name
        self.set_keymap(dict(self._settings.keys))

    async def on_mount(self) -> None:
        await self.push_screen(MainScreen(self._engine, self._settings, self._now))
        if self._problem:
            self.notify(self._problem, title="settings", severity="warning", timeout=10, markup=False)

    async def on_unmount(self) -> None:
        await self._engine.close()


def main(url: str = "", root: str = "", config: str = "") -> int:
    """Connect to an engine and run the TUI until the person leaves: the exit code.

    Args:
        url: which engine, as :func:`engine.connect.connect` takes it.
        root: the embedded engine's state root.
        config: path of the engine's configuration file; the TUI's settings are read from it too when it is given.

    Raises:
        LongshoreError: there is no such engine.
    """
    from engine.connect import connect

    engine = connect(url, root=root, config=config)
    try:
        settings, problem = settings_file.load(config), ""
    except LongshoreError as error:
        settings, problem = Settings(), error.message
    app = LongshoreApp(engine, settings=settings, problem=problem)
    app.run(mouse=settings.mouse)
    return app.return_code or 0


def run(engine: Engine, settings: Settings | None = None) -> int:
    """Run the TUI over an engine that is connected already."""
    app = LongshoreApp(engine, settings=settings)
    app.run(mouse=settings.mouse if settings else True)
    return app.return_code or 0
