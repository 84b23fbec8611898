"""What has the focus, in words: for the line that screen readers read."""

from __future__ import annotations

from collections.abc import Sequence

from tui.presenters.table import Column, Row
from tui.words import tr


def row_words(columns: Sequence[Column], row: Row) -> str:
    """A row with the name of each column before its cell: ``name db, status running, cpu 1.02%``."""
    pairs = [(column.name, text.strip()) for column, (text, _) in zip(columns, row.cells, strict=True)]
    ordered = sorted(pairs, key=lambda pair: pair[0] != "name")
    return ", ".join(f"{tr(name)} {text}" for name, text in ordered if text)


def list_words(label: str, columns: Sequence[Column], rows: Sequence[Row], key: str, marks: int) -> str:
    """A list and the row under its cursor: ``Containers, 2 of 8: name db, status running``."""
    at = next((place for place, row in enumerate(rows) if row.key == key), -1)
    if at < 0:
        return tr("{label}, empty", label=label)
    marked = tr(", {marks} marked", marks=marks) if marks else ""
    return tr(
        "{label}, {at} of {count}{marked}: {row}",
        label=label,
        at=at + 1,
        count=len(rows),
        marked=marked,
        row=row_words(columns, rows[at]),
    )


def pane_words(tab: str, name: str, status: str) -> str:
    """The main pane: ``Logs of db, following``."""
    return f"{tab}{tr(' of {name}', name=name) if name else ''}{f', {status}' if status else ''}"
