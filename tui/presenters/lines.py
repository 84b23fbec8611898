"""Geometry of styled lines: width, wrapping, cropping and marking of matches. All in terminal cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from rich.cells import cell_len, get_character_cell_size
from rich.style import Style

from tui.presenters.ansi import Styled, text_of

_SHOWN_AS_IT_IS = bytes((*range(32, 127), 10))


def width_of(line: Styled) -> int:
    """Cells that the line takes."""
    return sum(cell_len(text) for text, _ in line)


def wrap(line: Styled, width: int) -> list[Styled]:
    """The line folded to rows of at most ``width`` cells; an empty line is one empty row."""
    if width <= 0 or width_of(line) <= width:
        return [line]
    rows: list[Styled] = []
    row: list[tuple[str, Style]] = []
    used = 0
    for text, style in line:
        start = 0
        for index, char in enumerate(text):
            size = get_character_cell_size(char)
            if used + size > width:
                if start < index:
                    row.append((text[start:index], style))
                rows.append(tuple(row))
                row, used, start = [], 0, index
            used += size
        if start < len(text):
            row.append((text[start:], style))
    if row:
        rows.append(tuple(row))
    return rows


def matches(line: Styled, term: str) -> list[tuple[int, int]]:
    """Where ``term`` (lower case) occurs in the line's text, as character spans, whatever the case."""
    if not term:
        return []
    text = text_of(line).lower()
    spans: list[tuple[int, int]] = []
    at = text.find(term)
    while at >= 0:
        spans.append((at, at + len(term)))
        at = text.find(term, at + len(term))
    return spans


def may_hold(pieces: Sequence[bytes], term: str) -> bool:
    """Whether ``term`` (lower case) can occur in lines made of these pieces, as they are shown: of plain text that is known unparsed."""
    if not pieces or not pieces[-1].endswith(b"\n"):
        return True  # its line goes on elsewhere
    text = b"".join(pieces)
    return term.encode() in text.lower() or bool(text.translate(None, _SHOWN_AS_IT_IS))


def found_by(line: Styled, pattern: re.Pattern[str]) -> list[tuple[int, int]]:
    """Where a pattern occurs in the line's text, as character spans."""
    return [span for found in pattern.finditer(text_of(line)) if (span := found.span()) != (found.start(), found.start())]


def restyle(line: Styled, spans: Sequence[tuple[int, int]], style: Style) -> Styled:
    """The line with ``style`` laid over some character spans (sorted, not overlapping)."""
    if not spans:
        return line
    out: list[tuple[str, Style]] = []
    at = 0
    for text, own in line:
        cuts = sorted({0, len(text), *(min(max(edge - at, 0), len(text)) for span in spans for edge in span)})
        for begin, end in pairwise(cuts):
            inside = any(low <= at + begin < high for low, high in spans)
            out.append((text[begin:end], own + style if inside else own))
        at += len(text)
    return tuple(out)
