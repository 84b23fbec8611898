"""What is printed: nothing that came out of an image, a container, a registry or another host may be an order to the terminal.

Escape sequences can type for the person, set the clipboard and hide what follows; so can the 8-bit controls, and characters that turn the
direction of writing. In a pipe text goes on as it is. The output of a container itself (``logs``, ``attach``, ``exec``) does not
come by here: that is the person's to look at, as with docker's command line.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

_BROKEN = "\N{REPLACEMENT CHARACTER}"


def harmless(text: str, *, keep: str = "\n\t") -> str:
    """``text`` with every character replaced that shows nothing by itself, but those of ``keep``."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _BROKEN for char in text)


def one_line(text: str) -> str:
    """The same for what is a line or a part of one."""
    return harmless(text, keep="")


class Screen:
    """A standard stream that keeps a terminal from being ordered about. Has what :func:`print` and the verbs need of a file."""

    def __init__(self, below: TextIO) -> None:
        self._below = below
        self._live = below.isatty()

    def write(self, text: str) -> int:
        """Print text that may be anybody's."""
        return self._below.write(harmless(text) if self._live else text)

    def writelines(self, lines: Iterable[str]) -> None:
        """The same for several."""
        self.write("".join(lines))

    def order(self, text: str) -> None:
        """Print our own orders to the terminal, with nobody else's text among them."""
        self._below.write(text)

    def flush(self) -> None:
        """Hand on what was printed."""
        self._below.flush()

    def isatty(self) -> bool:
        """A person sees it at once."""
        return self._live

    def fileno(self) -> int:
        """The descriptor, for bytes."""
        return self._below.fileno()
