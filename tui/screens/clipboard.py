"""The clipboard of the machine that the TUI runs on, for terminals that do not hand OSC 52 on.

OSC 52 reaches the clipboard of the terminal that a person sits at, through ssh too, but tmux swallows it unless
``set-clipboard`` is on, and some terminals do not know it. So what the session has is asked as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

PATIENCE = 2.0
_TOOLS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("TMUX", ("tmux", "load-buffer", "-w", "-")),
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "-ib")),
)


def tools(environment: Mapping[str, str]) -> list[Sequence[str]]:
    """Commands that take a clipboard's text from their input: one for each clipboard that the session has."""
    found: dict[str, Sequence[str]] = {}
    for variable, command in _TOOLS:
        if environment.get(variable) and variable not in found and shutil.which(command[0], path=environment.get("PATH")):
            found[variable] = command
    return list(found.values())


async def copy(text: str) -> None:
    """Put a text on every clipboard of the session; what does not answer in time is left alone.

    In a thread, so that a text gets there also where Longshore is left at once.
    """
    await asyncio.to_thread(_hand_over, text.encode(), tools(os.environ))


def _hand_over(text: bytes, commands: Sequence[Sequence[str]]) -> None:
    for command in commands:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            null = subprocess.DEVNULL
            subprocess.run(command, input=text, stdout=null, stderr=null, timeout=PATIENCE, check=False)
