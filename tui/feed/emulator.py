"""A screen of cells with its history: the one place that knows the VT emulator library, `bittty`.

::

    bytes of the container -> VtFilter -> bittty.Board -> rows of styled text, cursor      (drawn by widgets.terminal_view)
    keys and pastes        -> bittty.Board -> bytes for the container, reports included    (`outgoing`)

The library emulates; this class limits. What it reads was filtered, so none of its devices but screen, cursor, modes and
keyboard is ever reached; what it writes is bounded; a row whose widths the TUI's tables see otherwise is mended.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from bittty import BITTTY, Board, KeyEvent, KeyModifiers  # type: ignore[import-untyped]  # it carries annotations, but no py.typed
from bittty.present import RowsScrolledOff, ScrollbackCleared  # type: ignore[import-untyped]
from rich.cells import cell_len
from rich.color import Color
from rich.style import Style
from textual.keys import key_to_character

from tui.feed.vt_filter import VtFilter

HISTORY = 2000
"""Rows kept of what scrolled off the top."""
WIDEST, TALLEST = 500, 200
MOST_REPLIES = 4096
"""Bytes of reports that may wait to be sent; a process that asks on without reading gets no more answers."""

Row = tuple[tuple[str, Style], ...]

_CONTROLS = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f]")
"""What a paste may not hold: whoever wrote the text could end the brackets around it, and type."""
_MODIFIERS = {"ctrl": KeyModifiers.CTRL, "shift": KeyModifiers.SHIFT, "alt": KeyModifiers.ALT, "meta": KeyModifiers.ALT}
_NAMED = {"at": "@", "slash": "/", "backslash": "\\", "minus": "-", "plus": "+", "underscore": "_"}
"""Textual's own names of characters."""
_KEYS = frozenset(
    ("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete", "enter", "tab", "backspace", "escape")
)


class Emulator:
    """A terminal without a window.

    Attributes:
        history: rows that scrolled off the top, oldest first.
        version: another one whenever something may have changed on the screen.
    """

    keeps_scrollback = True

    def __init__(self, width: int = 80, height: int = 24) -> None:
        self.history: deque[Row] = deque(maxlen=HISTORY)
        self.version = 0
        self._board = Board(width=_within(width, WIDEST), height=_within(height, TALLEST), model=BITTTY)
        self._board.parser.feed("\x1b[?2027h")  # a base with its marks, or an emoji made of several, is one cell or two
        self._board.attach_display(self)
        self._replies = _Line()
        self._board.host.attach(self._replies)
        self._filter = VtFilter()
        self._rows: dict[int, Row] = {}
        self._page: Any = None
        self._seen = 0

    # --- what comes from the container ---------------------------------------------------------------------------------

    def pieces(self, data: bytes) -> Sequence[str]:
        """What may be emulated of a chunk, in pieces that each cost a few milliseconds at most."""
        return self._filter.feed(data)

    def feed(self, piece: str) -> None:
        """Emulate a piece that :meth:`pieces` gave."""
        self._board.parser.feed(piece)
        self.version += 1

    def feed_all(self, data: bytes) -> None:
        """Filter and emulate at once."""
        for piece in self.pieces(data):
            self.feed(piece)

    def end_screen(self, note: str) -> None:
        """Go back to the usual screen, the cursor off, and write a note below what is there."""
        feed = self._board.parser.feed
        if self.alternate:
            feed("\x1b[?1049l")
        feed("\x1b[?2004l\x1b[?25l")
        column, row = self._board.cursor.display_x, self._board.cursor.y
        feed(f"\x1b[?6l\x1b[r\x1b[{row + 1};{column + 1}H" + ("\r\n" if column else "") + f"\x1b[0;2m{note}\x1b[0m")
        self.version += 1

    # --- the screen ----------------------------------------------------------------------------------------------------

    @property
    def width(self) -> int:
        """Columns."""
        return int(self._board.width)

    @property
    def height(self) -> int:
        """Rows of the screen, the history not counted."""
        return int(self._board.height)

    @property
    def alternate(self) -> bool:
        """The alternate screen is shown, to which no history belongs."""
        return bool(self._board.blitter.in_alt_screen)

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Column and row of the cursor, None where it is hidden."""
        place = self._board.display.cursor
        return None if place is None else (min(place[0], self.width - 1), min(place[1], self.height - 1))

    def row(self, y: int) -> Row:
        """A row of the screen; those that did not change are made once."""
        page = self._board.display.page
        if page is not self._page:
            self._rows.clear()
        elif self._seen:
            for changed in page.dirty_rows(self._seen):
                self._rows.pop(changed, None)
        self._page, self._seen = page, page.observe()
        found = self._rows.get(y)
        if found is None:
            found = self._rows[y] = _row(page.grid[y][: self.width]) if 0 <= y < len(page.grid) else ()
        return found

    def resize(self, width: int, height: int) -> None:
        """Another size, in cells; what is beyond a sane one is cut."""
        self._board.resize(_within(width, WIDEST), _within(height, TALLEST))
        self._rows.clear()
        self.version += 1

    # --- what goes to the container ------------------------------------------------------------------------------------

    def key(self, key: str, character: str | None) -> bytes:
        """What a key means to the process: Textual's name of it and the character it gives, to bytes."""
        *held, name = key.split("+") if key != "+" else ["+"]
        modifiers = KeyModifiers.NONE
        for one in held:
            modifiers |= _MODIFIERS.get(one, KeyModifiers.NONE)
        if character is not None and character.isprintable() and not modifiers & (KeyModifiers.CTRL | KeyModifiers.ALT):
            return character.encode()
        if name not in _KEYS and not (name[:1] == "f" and name[1:].isdigit()) and len(name) != 1:
            named = key_to_character(name) or _NAMED.get(name) or character
            if named is None or len(named) != 1 or not named.isprintable():
                return b""
            name = named
        prefix = b""
        if modifiers & KeyModifiers.ALT and len(name) == 1:
            modifiers, prefix = modifiers & ~KeyModifiers.ALT, b"\x1b"
        text = name if len(name) == 1 and name.isprintable() and not modifiers & KeyModifiers.CTRL else None
        return prefix + self._made(lambda: self._board.input_key_event(KeyEvent(name, modifiers, text=text)))

    def paste(self, text: str) -> bytes:
        """Pasted text, in brackets where the process wants that; controls in it do nothing."""
        text = _CONTROLS.sub("", text.replace("\r\n", "\r").replace("\n", "\r"))
        return self._made(lambda: self._board.input_paste(text))

    def outgoing(self) -> bytes:
        """Reports that the process asked for, once."""
        return self._replies.take()

    def _made(self, send: Callable[[], object]) -> bytes:
        """What the library writes for what a person does, apart from reports."""
        line = _Line()
        line.room = 1 << 30
        self._board.host.attach(line)
        try:
            send()
            return line.take()
        finally:
            self._board.host.attach(self._replies)

    def present(self, event: object) -> None:
        """The library tells what happened beside the screen; only rows that scrolled off are of interest."""
        if isinstance(event, RowsScrolledOff):
            self.history.extend(_row(line.cells) for line in event.lines[-HISTORY:])
        elif isinstance(event, ScrollbackCleared):
            self.history.clear()


class _Line:
    """The library's way to the process: bytes are kept until somebody takes them.

    Attributes:
        room: bytes that may be kept.
    """

    closed = False

    def __init__(self) -> None:
        self.kept = bytearray()
        self.room = MOST_REPLIES

    def take(self) -> bytes:
        """What was written since the last time."""
        data = bytes(self.kept)
        self.kept.clear()
        return data

    def write(self, data: str) -> int:
        """Text for the process."""
        return self.write_bytes(data.encode("utf-8", "replace"))

    def write_bytes(self, data: bytes) -> int:
        """Bytes for the process."""
        if len(self.kept) + len(data) <= self.room:
            self.kept += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    async def read_bytes_async(self, size: int) -> bytes:
        """Output is given to the emulator by :meth:`Emulator.feed` instead."""
        return b""

    def configure_line(self, line: object) -> None:
        """There is no serial line."""

    def resize(self, rows: int, cols: int) -> None:
        """The session is told its size by who set it."""

    def close(self) -> None:
        """There is nothing to close."""


def _within(value: int, most: int) -> int:
    return max(1, min(value, most))


def _row(cells: Sequence[tuple[Any, str]]) -> Row:
    """Cells as runs of one style; blank ones at the end are left out."""
    end = len(cells)
    blank = cells[-1] if cells else None
    if blank is not None and _is_blank(blank):
        for cell in reversed(cells):
            if cell is not blank and not _is_blank(cell):  # as a rule they are one and the same object
                break
            end -= 1
    row: list[tuple[str, Style]] = []
    text: list[str] = []
    last: Any = None
    for place in range(end):
        style, char = cells[place]
        if style is not last and style != last and text:
            row.append(("".join(text), _style(last)))
            text = []
        last = style
        if not char.isascii():
            wide = place + 1 < len(cells) and cells[place + 1][1] == ""
            char = _fit(str(char), 2 if wide else 1)
        text.append(char)
    if text:
        row.append(("".join(text), _style(last)))
    return tuple(row)


def _is_blank(cell: tuple[Any, str]) -> bool:
    style, char = cell
    return char == " " and not (style.bg or style.reverse or style.underline)


@lru_cache(maxsize=4096)
def _fit(char: str, width: int) -> str:
    """A character that takes the cells that the emulator gave it, for the TUI too."""
    for shown in (char, char[0]):
        if cell_len(shown) == width:
            return shown
    return "\N{REPLACEMENT CHARACTER}".ljust(width)


@lru_cache(maxsize=2048)
def _style(style: Any) -> Style:
    return Style(
        color=_colour(style.fg),
        bgcolor=_colour(style.bg),
        bold=style.bold or None,
        dim=style.dim or None,
        italic=style.italic or None,
        underline=style.underline or None,
        reverse=style.reverse or None,
        conceal=style.conceal or None,
        strike=style.strike or None,
    )


def _colour(colour: Any) -> Color | None:
    if colour is None or colour.mode == "default":
        return None
    if colour.mode == "indexed":
        return Color.from_ansi(max(0, min(255, int(colour.value))))
    red, green, blue = (max(0, min(255, int(part))) for part in colour.value)
    return Color.from_rgb(red, green, blue)
