"""Textual's driver for the browser, with an end: without it a TUI whose server was killed would stay for ever, unseen."""

from __future__ import annotations

import contextlib

from textual.drivers.web_driver import WebDriver


class BrowserDriver(WebDriver):
    """Leaves when nobody can send keys any more."""

    def write(self, data: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            super().write(data)

    def stop_application_mode(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            super().stop_application_mode()

    def run_input_thread(self) -> None:
        super().run_input_thread()
        if not self.exit_event.is_set():
            self._app.call_from_thread(self._app.exit)
