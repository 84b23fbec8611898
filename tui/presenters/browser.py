"""Rows of the file browser, and the text of a file. Pure; every name and byte of a container is made safe."""

from __future__ import annotations

import stat
import time
from collections.abc import Sequence

from engine.model.files import Directory, DirectoryEntry
from tui.presenters.ansi import Styled, ink, parse_bytes
from tui.presenters.text import decimal_size, safe
from tui.words import tr, trn

MOST_LINES = 20_000
_COLOURS = {stat.S_IFDIR: "blue", stat.S_IFLNK: "cyan", stat.S_IFCHR: "yellow", stat.S_IFBLK: "yellow", stat.S_IFIFO: "magenta"}
_BINARY = 4096
"""Bytes at the beginning that are looked at for what no text has."""


def entry_line(entry: DirectoryEntry) -> Styled:
    """Mode, owner, size, time and name, as ``ls -ln`` has them."""
    kind = stat.S_IFMT(entry.mode)
    device = kind in (stat.S_IFCHR, stat.S_IFBLK)
    colour = _COLOURS.get(kind, "green" if entry.mode & 0o111 else "")
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.mtime)) if 0 < entry.mtime < 1e11 else ""
    size = "" if device or kind == stat.S_IFDIR else decimal_size(entry.size)
    facts = f"{stat.filemode(entry.mode)} {entry.uid:>5} {entry.gid:>5} {size:>8} {when:>16} "
    name = (safe(entry.name) + ("/" if kind == stat.S_IFDIR else ""), ink(colour, bold=kind == stat.S_IFDIR))
    link = ((f" -> {safe(entry.link_target)}", ink("bright_black")),) if kind == stat.S_IFLNK else ()
    return ((facts, ink("bright_black")), name, *link)


def ordered(directory: Directory) -> Sequence[DirectoryEntry]:
    """Directories first, then by name."""
    return sorted(directory.entries, key=lambda entry: (not stat.S_ISDIR(entry.mode), entry.name))


def summary(directory: Directory) -> str:
    """What is in a directory, in a few words."""
    files = sum(entry.size for entry in directory.entries if stat.S_ISREG(entry.mode))
    count = len(directory.entries)
    told = trn("{count} entry, {size} in files", "{count} entries, {size} in files", count, size=decimal_size(files))
    return told if directory.complete else tr("{told}; not all: the engine packs a whole directory, of which 64 MiB were read", told=told)


def text_lines(data: bytes, size: int) -> list[Styled]:
    """A file's beginning as lines; what is no text as bytes in hex."""
    lines: list[Styled]
    if b"\0" in data[:_BINARY]:
        lines = [_hex(data[start : start + 16], start) for start in range(0, min(len(data), 16 * 4096), 16)]
        shown = min(len(data), 16 * 4096)
    else:
        pieces = data.split(b"\n")
        if pieces and not pieces[-1]:
            pieces.pop()
        lines = [parse_bytes(piece) for piece in pieces[:MOST_LINES]]
        shown = len(data) if len(pieces) <= MOST_LINES else sum(len(piece) + 1 for piece in pieces[:MOST_LINES])
    if shown < size:
        lines.append(((tr("… {size} more; c in the list copies the file out", size=decimal_size(size - shown)), ink("yellow")),))
    return lines or [((tr("the file is empty"), ink("bright_black")),)]


def _hex(part: bytes, start: int) -> Styled:
    digits = " ".join(f"{value:02x}" for value in part)
    text = "".join(chr(value) if 32 <= value < 127 else "." for value in part)
    return ((f"{start:08x}  ", ink("bright_black")), (f"{digits:<47}  ", ink()), (text, ink("cyan")))
