"""The TUI's application and its entry.

``main`` connects and runs; ``LongshoreApp`` takes any engine, so that tests give it one of their own. Leaving closes
streams and connections, never a container.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.filter import LineFilter, NoColor

from engine.errors import LongshoreError
from engine.interface import Engine, Hosts
from engine.model.hosts import ALL, EMBEDDED
from tui import config as settings_file
from tui.background import ask
from tui.config import Settings
from tui.ending import SIGNALS, run_to_end
from tui.feed.config_watch import ConfigWatch
from tui.key_order import OrderedKeysApp
from tui.late import Late
from tui.messages import HostChosen
from tui.screens.main import MainScreen
from tui.screens.palette import ActionCommands
from tui.theme_files import directory as themes_directory
from tui.theme_files import theme_tables
from tui.themes import AUTO, THEMES, chosen, faint, fallbacks, own_theme, palettes
from tui.words import tr, use

SETTLED = 1.0
"""Seconds after the main screen came until garbage is looked for."""


GRACE = 5
"""Seconds for the app to end after a signal; the kernel ends it then."""


class LongshoreApp(OrderedKeysApp):
    """Longshore over an engine, or several: each host that was gone to has a mode of its own, whose lists stay as they were left."""

    DEFAULT_MODE: ClassVar[str] = "first"

    TITLE = "Longshore"
    COMMANDS: ClassVar = {ActionCommands}
    COMMAND_PALETTE_BINDING: ClassVar[str] = "f24"
    ENABLE_COMMAND_PALETTE: ClassVar[bool] = True
    CSS_PATH = "screens/main.tcss"
    leaves_on: tuple[signal.Signals, ...] = ()
    """Signals that end it, with the terminal put back."""

    def __init__(
        self,
        engine: Engine,
        *,
        settings: Settings | None = None,
        problem: str = "",
        now: Callable[[], float] = time.time,
        dark: bool = True,
        config: str = "",
        hosts: Hosts | None = None,
        host: str = EMBEDDED,
    ) -> None:
        """With ``config``, the path of the settings, they are read again when that file changes.

        ``problem`` is told at the start; ``dark`` is how the terminal's ground is; ``host`` is the name under which ``hosts``
        knows the engine.
        """
        super().__init__()
        self._engines = {host: engine}
        self._screens: dict[str, MainScreen] = {}
        self._hosts, self._first = hosts, host
        self._settings = settings or Settings()
        use(self._settings.language)
        self._problem = problem
        self._now = now
        self._dark = dark
        self._config = config
        self._watch: ConfigWatch | None = None
        for theme in THEMES:
            self.register_theme(theme)
        wrong = self._take_themes()
        self._problem = "\n".join(part for part in (self._problem, *wrong) if part)
        wish = chosen(self._settings.theme, dark=dark)
        theme_name = wish if wish in self.available_themes else chosen("auto", dark=dark)
        # Quietly: the theme, set right after, makes the style sheet anew as it is.
        for_dark, for_light = palettes(theme_name)
        self.set_reactive(LongshoreApp.ansi_theme_dark, for_dark)
        self.set_reactive(LongshoreApp.ansi_theme_light, for_light)
        self.theme = theme_name

    async def on_load(self) -> None:
        for number in self.leaves_on:
            asyncio.get_running_loop().add_signal_handler(number, self._leave_on, number)
        self._made(self._first)
        await asyncio.sleep(0)  # the engine is asked now; Textual's own start-up does not wait for anything

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Textual's own ctrl-q comes before every widget's keys, but a terminal in a tab has it first."""
        screen = self.screen_stack[-1] if self.screen_stack else None
        if action == "quit" and isinstance(screen, MainScreen) and screen.terminal_tab.typing:
            return False
        return super().check_action(action, parameters)

    def _leave_on(self, number: int) -> None:
        signal.alarm(GRACE)  # with a terminal that is gone, nobody takes what is still to be written, and whoever writes waits
        self.exit(None, 128 + number)

    def _made(self, host: str) -> MainScreen:
        """The screen of a host whose engine is open, in the host's mode."""
        screen = MainScreen(self._engines[host], self._settings, self._now, hosts=self._hosts, host=host)
        self._screens[host] = screen
        self.add_mode(self._mode(host), lambda: screen)
        screen.begin()
        return screen

    @property
    def _shown(self) -> MainScreen:
        """The screen of the host that is looked at."""
        return next(screen for name, screen in self._screens.items() if self._mode(name) == self.current_mode)

    def _mode(self, host: str) -> str:
        return self.DEFAULT_MODE if host == self._first else f"host {host}"

    async def on_host_chosen(self, message: HostChosen) -> None:
        """Show a host; the one that was shown goes on being watched, and costs its stream of events."""
        self.run_worker(Late(self._go_to, message.name), group="hosts", exclusive=True, exit_on_error=False)

    async def _go_to(self, host: str) -> None:
        left = self._shown
        if host not in self._engines:
            if self._hosts is None:
                return
            try:
                # Opening the embedded engine looks at the disk, and the first host elsewhere has httpx imported.
                opened = asyncio.to_thread(self._hosts.open_all) if host == ALL else asyncio.to_thread(self._hosts.open, host)
                self._engines[host] = await opened
            except LongshoreError as error:
                left.desk.tell_error(tr("host {name}", name=host), error)
                return
            self._made(host)
        screen = self._screens[host]
        if screen is left:
            return
        await self.switch_mode(self._mode(host))
        left.watch_samples()
        await left.content.close(rest=True)
        screen.watch_samples()
        screen.show_content()
        screen.show_keys()

    def on_mount(self) -> None:
        self.set_class(self._settings.screen_reader, "reader")
        self.set_timer(SETTLED, _collect_garbage)
        if self._problem:
            self._tell(tr("settings"), self._problem, bad=True)
        if self._config:
            self.set_timer(SETTLED, self._watch_settings)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual turns colours to greys for ``NO_COLOR``; that asks for none at all (no-color.org)."""
        return [NoColor()] if self.no_color else super().get_line_filters()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return fallbacks(self.current_theme)

    @property
    def watching(self) -> bool:
        """A change of the settings' file will be noticed."""
        return self._watch is not None

    def watch_theme(self, name: str) -> None:
        """The ANSI colours go with the theme."""
        self.ansi_theme_dark, self.ansi_theme_light = palettes(name)

    def on_settings_wanted(self) -> None:
        self.reread_settings()

    def reread_settings(self) -> None:
        """Read the settings again and go on with them; a file that is wrong changes nothing, and what is wrong is told."""
        if not self._config:
            return
        from tui.screens.retake import retake  # late: for this only

        found = settings_file.read(self._config)
        if found.problems:
            self._tell(tr("settings stay as they were"), found.told, bad=True)
            return
        before, self._settings = self._settings, found.settings
        use(found.settings.language)  # before anything is told
        wrong = self._take_themes()
        self.set_class(found.settings.screen_reader, "reader")
        changed: list[str] = []
        for screen in self._screens.values():
            changed = retake(screen.desk, found.settings)  # the same for each
        wish = chosen(found.settings.theme, dark=self._dark)
        if "theme" in changed and wish in self.available_themes:
            self.theme = wish
        elif "theme" in changed:
            wrong.append(tr("there is no theme {wish}", wish=wish))
        if wrong:
            self._tell(tr("settings"), "\n".join(wrong), bad=True)
        if before != found.settings:
            late = (
                tr(" (the mouse and the file of what is remembered: from the next start on)") if {"mouse", "remember"} & {*changed} else ""
            )
            self._tell(tr("settings"), tr("read again: {names}{late}", names=", ".join(changed), late=late))
        self._shown.show_keys()

    def _take_themes(self) -> list[str]:
        """Register a person's own themes, those in files too; the present one is drawn anew. What is wrong with them."""
        tables, problems = theme_tables(self._config) if self._config else ({}, [])
        for name, table in {**tables, **self._settings.themes}.items():
            try:
                theme = own_theme(name, table)
            except LongshoreError as error:
                problems.append(error.message)
                continue
            problems += faint(theme)
            if self.available_themes.get(name) != theme:
                self.register_theme(theme)
                if self.is_running and self.theme == name:
                    self.theme = chosen("auto", dark=self._dark)
                    self.theme = name
        return problems

    def _tell(self, title: str, text: str, *, bad: bool = False) -> None:
        self.notify(text, title=title, severity="warning" if bad else "information", timeout=10 if bad else 4, markup=False)

    def _watch_settings(self) -> None:
        self._watch = ConfigWatch([self._config, themes_directory(self._config)], self.reread_settings)
        self._watch.start()
        from tui.screens import newcomer  # late: looked at once, after the first picture

        main = self._shown
        if found := newcomer.wanted(main.desk, self._config):
            main.run_worker(Late(newcomer.offer, main.desk, self._config, found), group="commands", exit_on_error=False)

    async def on_unmount(self) -> None:
        if self._watch is not None:
            self._watch.close()
        await asyncio.gather(*(engine.close() for engine in self._engines.values()))


def _collect_garbage() -> None:
    """Turn the collector on where the start-up turned it off; what is here by now stays, and is never looked through again."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def main(url: str = "", root: str = "", config: str = "") -> int:
    """Connect to an engine and run the TUI until the person leaves: the exit code.

    Args:
        url: which engine, as :func:`engine.connect.connect` takes it.
        root: the embedded engine's state root.
        config: path of the engine's configuration file; the TUI's settings are read from it too when it is given.

    Raises:
        LongshoreError: there is no such engine.
    """
    from engine.connect import connect, hosts

    found = settings_file.read(config)
    answer = ask() if found.settings.theme == AUTO else None
    try:
        engine = connect(url, root=root, config=config)
    finally:
        dark = answer() if answer else True
    known = hosts(root=root, config=config)
    app = LongshoreApp(engine, settings=found.settings, problem=found.told, dark=dark, config=found.path, hosts=known, host=_name(url))
    app.leaves_on = SIGNALS
    return run_to_end(app, mouse=found.settings.mouse)


def _name(url: str) -> str:
    return EMBEDDED if url in ("", "embedded:") else url


def run(engine: Engine, settings: Settings | None = None) -> int:
    """Run the TUI over an engine that is connected already."""
    app = LongshoreApp(engine, settings=settings)
    app.run(mouse=settings.mouse if settings else True)
    return app.return_code or 0
