"""Container output to styled text: SGR is parsed and re-emitted as styles, every other control is dropped or shown.

A hand-written tokeniser over one line. Cursor movement, OSC (titles, clipboard, links), DCS and their 8-bit C1 forms
vanish; a carriage return keeps what was written last, as a terminal would show a progress bar; tabs become spaces.
Lines are cut at a fixed length, so that a line of a gigabyte costs as much as a line of a page.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rich.cells import cell_len
from rich.color import Color
from rich.style import Style

from tui.presenters.text import decode, safe
from tui.words import tr

Styled = tuple[tuple[str, Style], ...]
"""A line: pieces of text with their styles."""

MAX_BYTES = 16 * 1024
MAX_CHARS = 4096
TAB = 8
PLAIN = Style.null()
_CUT = Style(dim=True)

_TOKEN = re.compile(
    r"(?:\x1b\[|\x9b)(?P<sgr>[0-9;:]*)m"  # colours and attributes
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*(?:[@-~]|$)"  # other CSI: cursor, erase, modes
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)?"  # OSC, DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]?"  # two-character escapes, a lone ESC
)
_SIMPLE = re.compile(rb"[ -~]*")
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_FLAGS = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike", 21: "underline"}
_OFF = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("reverse",), 29: ("strike",)}


class _Pen:
    """The graphic state while a line is read."""

    __slots__ = ("background", "flags", "foreground")

    foreground: Color | None
    background: Color | None
    flags: dict[str, bool]

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.foreground = self.background = None
        self.flags = {}

    def style(self) -> Style:
        if not (self.flags or self.foreground or self.background):
            return PLAIN
        return Style(color=self.foreground, bgcolor=self.background, **self.flags)  # type: ignore[arg-type]  # only boolean flags

    def apply(self, codes: list[int]) -> None:
        index = 0
        while index < len(codes):
            code = codes[index]
            index += 1
            if code in (38, 48):
                colour, used = _extended(codes[index:])
                index += used
                if code == 38:
                    self.foreground = colour or self.foreground
                else:
                    self.background = colour or self.background
            else:
                self._simple(code)

    def _simple(self, code: int) -> None:
        if code == 0:
            self.reset()
        elif code in _FLAGS:
            self.flags[_FLAGS[code]] = True
        elif code in _OFF:
            for flag in _OFF[code]:
                self.flags.pop(flag, None)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            self.foreground = _named(code - 30 if code < 90 else code - 90, bright=code >= 90)
        elif 40 <= code <= 47 or 100 <= code <= 107:
            self.background = _named(code - 40 if code < 100 else code - 100, bright=code >= 100)
        elif code == 39:
            self.foreground = None
        elif code == 49:
            self.background = None


def _named(index: int, *, bright: bool) -> Color:
    return Color.parse(f"bright_{_COLOURS[index]}" if bright else _COLOURS[index])


def _extended(rest: list[int]) -> tuple[Color | None, int]:
    """``38;5;n`` and ``38;2;r;g;b``: the colour and how many codes it took."""
    if len(rest) >= 2 and rest[0] == 5:
        return Color.from_ansi(min(rest[1], 255)), 2
    if len(rest) >= 4 and rest[0] == 2:
        red, green, blue = (min(value, 255) for value in rest[1:4])
        return Color.from_rgb(red, green, blue), 4
    return None, len(rest)


def _codes(text: str) -> list[int]:
    return [int(part[:4]) if part else 0 for part in text.replace(":", ";").split(";")[:32]]


def _last_written(text: str) -> str:
    """What is left after carriage returns: the last part that has something to show."""
    text = text.rstrip("\r\n")
    if "\r" not in text:
        return text
    return next((part for part in reversed(text.split("\r")) if part), "")


def _expand(text: str, column: int) -> str:
    if "\t" not in text:
        return text
    out = ""
    for part in text.split("\t")[:-1]:
        out += part
        out += " " * (TAB - (column + cell_len(out)) % TAB)
    return out + text.rsplit("\t", 1)[1]


def parse(text: str, *, missing: int = 0) -> Styled:
    """One line of output as styled pieces.

    Args:
        text: the line, with or without its end.
        missing: bytes that the caller already cut off, added to the note at the end.
    """
    text = _last_written(text)
    pen = _Pen()
    pieces: list[tuple[str, Style]] = []
    column = at = 0

    def put(raw: str) -> None:
        nonlocal column, missing
        room = MAX_CHARS - column
        if raw and room > 0:
            shown = safe(_expand(raw[:room], column))[:room]
            pieces.append((shown, pen.style()))
            column += len(shown)
        missing += max(0, len(raw) - room)

    for found in _TOKEN.finditer(text):
        put(text[at : found.start()])
        at = found.end()
        codes = found["sgr"]
        if codes is not None:
            pen.apply(_codes(codes))
    put(text[at:])
    if missing:
        pieces.append((tr(" … {missing} more bytes", missing=missing), _CUT))
    return tuple(pieces)


def parse_bytes(data: bytes, *, missing: int = 0) -> Styled:
    """:func:`parse` for raw output; what is over :data:`MAX_BYTES` is counted, not read."""
    if len(data) > MAX_BYTES:
        missing += len(data) - MAX_BYTES
        data = data[:MAX_BYTES]
    return parse(decode(data), missing=missing)


def is_simple(data: bytes) -> bool:
    """Printable ASCII only: as many cells as bytes."""
    return len(data) <= MAX_CHARS and _SIMPLE.fullmatch(data) is not None


def text_of(line: Styled) -> str:
    """The line without its styles."""
    return "".join(text for text, _ in line)


@lru_cache(maxsize=256)
def ink(colour: str = "", *, bold: bool = False, dim: bool = False) -> Style:
    """A style by ANSI colour name; the theme decides what that looks like."""
    return Style(color=colour or None, bold=bold or None, dim=dim or None)
