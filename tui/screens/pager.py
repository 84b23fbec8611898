"""The terminal handed to a program of this machine: the person's pager with a text in it, or command lines."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from textual.app import App

from tui.presenters.text import safe
from tui.words import tr


async def read_in_pager(app: App[object], text: str) -> str:
    """Suspend the TUI and show ``text`` in ``$PAGER`` (``less`` without one): why it could not be, else ``""``."""
    command = os.environ.get("PAGER") or "less -R"
    with tempfile.NamedTemporaryFile("w", prefix="longshore-", suffix=".log", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        try:
            words = [*shlex.split(command), file.name]
            with app.suspend(), app.batch_update():
                code = await asyncio.to_thread(lambda: subprocess.run(words, check=False).returncode)
        except (OSError, ValueError) as error:
            return f"{command}: {error}"
    return tr("{command} ended with {code}", command=command, code=code) if code else ""


async def run_in_terminal(app: App[object], lines: Sequence[str]) -> list[int]:
    """Suspend the TUI and run command lines in the shell, one after the other: their exit codes."""

    def work() -> list[int]:
        codes: list[int] = []
        for line in lines:
            os.write(1, f"\x1b[34m$ {safe(line)}\x1b[0m\n".encode())
            codes.append(subprocess.run(["/bin/sh", "-c", line], check=False).returncode)
        os.write(1, b"\n\x1b[32mPress enter to return to Longshore.\x1b[0m ")
        sys.stdin.readline()
        return codes

    with app.suspend(), app.batch_update():
        return await asyncio.to_thread(work)
