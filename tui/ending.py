"""How the TUI ends when nobody pressed ``q``: signals, a terminal that went away, a defect.

Textual puts the terminal back when its app ends, so signals end the app and not the process. What a defect
leaves to be read is a page of source with values in it: it goes to a file that only its owner reads, and the person gets two lines.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import time
from typing import Any

from rich.console import Console
from textual.app import App

from tui.memory import state_directory
from tui.words import tr

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
"""What a shell, a session or a lost connection send; ctrl-c is a key."""


def run_to_end(app: App[Any], *, mouse: bool) -> int:
    """Run the app until it ends: the exit code, 1 after a defect and 128 + n after signal n."""
    page = io.StringIO()
    app.error_console = Console(file=page, markup=False, highlight=False, width=160)
    try:
        app.run(mouse=mouse)
    except OSError:
        # EIO: the terminal is gone, as when a connection breaks; there is nobody to tell.
        if os.isatty(sys.__stdout__.fileno() if sys.__stdout__ else 1):
            raise
        return app.return_code or 128 + signal.SIGHUP
    text = page.getvalue()
    if app.return_code and text:
        _tell(text)
    return app.return_code or 0


def log_path() -> str:
    """Where a defect is written down."""
    return os.path.join(state_directory(), "tui.log")


def _tell(text: str) -> None:
    path = log_path()
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')}\n{text}")
        where = tr("What happened is in {path}.", path=path)
    except OSError as error:
        where = tr("{text}\nIt could not be written to {path}: {strerror}.", text=text, path=path, strerror=error.strerror)
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "").strip()
    with contextlib.suppress(OSError):
        sys.stderr.write(tr("Longshore ended by a defect of its own: {last}\n{where} Containers go on running.\n", last=last, where=where))
