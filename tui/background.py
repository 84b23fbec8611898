"""Whether the terminal's ground is dark or light: asked with OSC 11, as xterm defined it.

The question is followed by one for the device attributes (DA1), which every terminal answers: once that answer is there, one
that does not know OSC 11 has been found out, without a wait. The terminal works while the program goes on; ``answer`` reads
what has come. Without an answer ``COLORFGBG`` (rxvt, Konsole) decides, else the ground counts as dark.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
import termios
import time
from collections.abc import Callable

PATIENCE = 0.15
"""Seconds that a terminal which answers nothing at all is waited for."""

_QUESTION = b"\033]11;?\033\\\033[c"
_COLOUR = re.compile(rb"\033\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")
_ATTRIBUTES = re.compile(rb"\033\[\?[0-9;]*c")
_LIGHT = ("7", "15")
_MOST = 4096


def ask() -> Callable[[], bool]:
    """Ask the terminal; the function that comes back waits for the answer and is true for a dark ground. Call it once."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return told_by_environment  # served to a browser: the terminal is that of the server
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return told_by_environment
    try:
        before = termios.tcgetattr(terminal)
        quiet = termios.tcgetattr(terminal)
        quiet[3] &= ~(termios.ECHO | termios.ICANON)
        quiet[6][termios.VMIN], quiet[6][termios.VTIME] = 0, 0
        termios.tcsetattr(terminal, termios.TCSANOW, quiet)
        os.write(terminal, _QUESTION)
    except (OSError, termios.error):
        os.close(terminal)
        return told_by_environment
    asked = time.monotonic()

    def answer() -> bool:
        try:
            dark = is_dark(_read(terminal, asked + PATIENCE))
        finally:
            with contextlib.suppress(OSError, termios.error):
                termios.tcsetattr(terminal, termios.TCSANOW, before)
            os.close(terminal)
        return told_by_environment() if dark is None else dark

    return answer


def _read(terminal: int, deadline: float) -> bytes:
    """What the terminal says until it has told its attributes."""
    data = b""
    while not _ATTRIBUTES.search(data) and len(data) < _MOST:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        chunk = os.read(terminal, 1024) if ready else b""
        if not chunk:
            break
        data += chunk
    return data


def is_dark(data: bytes) -> bool | None:
    """Whether the colour in a terminal's answer is a dark one; None where there is no colour in it."""
    found = _COLOUR.search(data)
    if not found:
        return None
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
    return bool(0.299 * red + 0.587 * green + 0.114 * blue < 0.5)


def told_by_environment() -> bool:
    """Whether the ground is dark by ``COLORFGBG``, which names the colours as numbers; true where it is not set."""
    return os.environ.get("COLORFGBG", "").rpartition(";")[2] not in _LIGHT
