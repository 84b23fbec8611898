"""Foreign text made safe and short for a terminal cell, and sizes, ages and numbers for people.

Every string that comes from an image, a registry, a container or an API client passes :func:`safe` (or the SGR parser
in :mod:`tui.presenters.ansi`) on its way to the screen: controls become their pictures (``ESC`` is ``␛``), C1, bidi and
invisible format characters become ``�``, stacks of combining marks are cut. Nothing is ever read as markup.
"""

from __future__ import annotations

import re
import unicodedata

from rich.cells import cell_len, set_cell_size

MARKS = 4
"""Combining marks kept on one base character."""

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_PLAIN = re.compile(r"[ -~]*")


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def _thin_marks(text: str) -> str:
    kept: list[str] = []
    run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run <= MARKS:
            kept.append(char)
    return "".join(kept)


def safe(text: str) -> str:
    """One line of ``text`` without anything that a terminal would obey."""
    if _PLAIN.fullmatch(text):
        return text
    text = _UNSAFE.sub(_picture, text)
    return text if text.isascii() else _thin_marks(text)


def decode(data: bytes) -> str:
    """Bytes of a container as text: UTF-8, what is not becomes ``�``."""
    return data.decode("utf-8", "replace")


def clip(text: str, width: int) -> str:
    """``text`` cut to ``width`` cells, with an ellipsis where something is missing."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1) + "…"


def pad(text: str, width: int, *, right: bool = False) -> str:
    """``text`` clipped and filled with spaces to exactly ``width`` cells."""
    text = clip(text, width)
    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def decimal_size(count: float) -> str:
    """Bytes in powers of 1000, as ``docker images`` prints them: ``4.26MB``."""
    return _scaled(count, 1000.0, ("B", "kB", "MB", "GB", "TB", "PB"), 3)


def binary_size(count: float) -> str:
    """Bytes in powers of 1024, as ``docker stats`` prints memory: ``24.1MiB``."""
    return _scaled(count, 1024.0, ("B", "KiB", "MiB", "GiB", "TiB", "PiB"), 4)


def short_size(count: float) -> str:
    """Bytes in powers of 1024 with at most three digits, for a column: ``23MiB``."""
    return _scaled(count, 1024.0, ("B", "KiB", "MiB", "GiB", "TiB", "PiB"), 3)


def _scaled(count: float, base: float, units: tuple[str, ...], digits: int) -> str:
    index = 0
    while count >= base and index < len(units) - 1:
        count /= base
        index += 1
    return f"{count:.{digits}g}{units[index]}" if count < 1000 else f"{count:.0f}{units[index]}"


def rate(count: float) -> str:
    """Bytes a second."""
    return f"{decimal_size(count)}/s"


_STEPS = ((60.0, "s", 1.0), (3600.0, "m", 60.0), (86400.0, "h", 3600.0), (604800.0, "d", 86400.0), (31536000.0, "w", 604800.0))


def age(seconds: float) -> str:
    """A duration in its largest unit: ``42s``, ``3m``, ``5h``, ``2d``, ``6w``, ``1y``."""
    seconds = max(0.0, seconds)
    for limit, unit, size in _STEPS:
        if seconds < limit:
            return f"{int(seconds / size)}{unit}"
    return f"{int(seconds / 31536000.0)}y"


def rough_age(now: float, since: float) -> str:
    """An age for lists that are not drawn anew every second; ``""`` where the time is not known."""
    return "" if not since else "<1m" if now - since < 60 else age(now - since)


def percent(value: float) -> str:
    """A percentage as ``docker stats`` prints it."""
    return f"{value:.2f}%"


def numeric_address(address: str) -> tuple[object, ...]:
    """An address or a subnet as something to sort by, so that 172.9 comes before 172.18; IPv6 after IPv4."""
    try:
        return (0, *(int(part) for part in address.replace("/", ".").split(".")))
    except ValueError:
        return (1, address)
