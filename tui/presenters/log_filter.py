"""Which lines of a log are shown: a regular expression over what a person sees, without colours. Pure.

``!`` at the beginning turns it round; a capital letter anywhere makes the case count; what is no regular expression is
taken letter by letter.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Za-z0-9 _/:,;=@%<>'\"-]+")
"""Patterns that mean nothing but their letters."""
_COLOURS = re.compile(rb"\x1b\[[0-9;:]*m")


class LogFilter:
    """What is typed behind ``only:``.

    Attributes:
        text: as it was typed.
        pattern: what is looked for, and marked in the lines.
        negated: lines that have it are left out.
        literal: it could not be read as a regular expression.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.negated = text.startswith("!")
        self.literal = False
        wanted = text[1:] if self.negated else text
        folded = not any(char.isupper() for char in re.sub(r"\\.", "", wanted))
        flags = re.IGNORECASE if folded else re.NOFLAG
        try:
            self.pattern = re.compile(wanted, flags)
        except re.error:
            self.literal = True
            wanted = re.escape(wanted)
            self.pattern = re.compile(wanted, flags)
        self._folded = folded
        self._word = wanted.encode() if _WORD.fullmatch(wanted) else b""
        self._ascii = re.compile(wanted.encode(), flags) if wanted.isascii() else None

    def __call__(self, data: bytes) -> bool:
        """The line is shown.

        Nearly all lines are ASCII: these are looked at as they are, and a plain word is not even a regular expression,
        which makes a million lines cost half a second.
        """
        if b"\x1b" in data:
            data = _COLOURS.sub(b"", data)
        if self._ascii is None or not data.isascii():
            found = self.pattern.search(data.rstrip(b"\r\n").decode("utf-8", "replace")) is not None
        elif self._word:
            found = self._word in (data.lower() if self._folded else data)
        else:
            found = self._ascii.search(data.rstrip(b"\r\n")) is not None
        return found != self.negated
