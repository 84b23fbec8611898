"""Columns of a list fitted to a width: what matters least goes first, the flexible column takes what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style

from engine.model.value import Value
from tui.presenters.ansi import Styled
from tui.presenters.text import pad

WIDE = 64
"""From this width on columns stand beside one another instead of being spread to the right edge."""


class Column(Value):
    """A column.

    Attributes:
        name: what the settings call it.
        sort: the key to sort by when its title is clicked, ``""`` for none.
        title: shown above the list where there is room.
        priority: the column with the highest number goes first when it gets narrow; 0 never goes.
        flexible: takes the width that is left, and gives it up first.
        least: cells that a flexible column keeps.
    """

    title: str
    name: str = ""
    sort: str = ""
    priority: int = 0
    right: bool = False
    flexible: bool = False
    least: int = 10
    most: int = 200


Cell = tuple[str, Style]


class Row(Value):
    """One row: its key, a cell for each column, and the text that a filter looks at. A heading stands for those below it."""

    key: str
    cells: tuple[Cell, ...]
    search: str
    heading: bool = False


class Widths:
    """Cells that each column would like to have, kept while single rows change: by what changed, not by how many rows there are."""

    def __init__(self, columns: Sequence[Column], rows: Sequence[Row] = ()) -> None:
        self._most = [column.most for column in columns]
        self._counts: list[Counter[int]] = []
        for index in range(len(columns)):
            sizes: Counter[int] = Counter()
            for text, times in Counter(row.cells[index][0] for row in rows).items():
                sizes[cell_len(text)] += times
            self._counts.append(sizes)

    def change(self, before: Row, after: Row) -> None:
        """One row became another one."""
        for sizes, (old, _), (new, _) in zip(self._counts, before.cells, after.cells, strict=True):
            if old != new:
                size = cell_len(old)
                sizes[size] -= 1
                if not sizes[size]:
                    del sizes[size]
                sizes[cell_len(new)] += 1

    @property
    def natural(self) -> list[int]:
        """The width of each column, 0 for an empty one."""
        return [min(most, max(sizes, default=0)) for most, sizes in zip(self._most, self._counts, strict=True)]


def widths(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    """Cells for each column, 0 for those that are left out; empty columns are left out as well."""
    shown = [size > 0 for size in natural]

    def total() -> int:
        sizes = [
            min(size, column.least) if column.flexible else size for size, column, on in zip(natural, columns, shown, strict=True) if on
        ]
        return sum(sizes) + max(0, len(sizes) - 1)

    for _, index in sorted(((column.priority, index) for index, column in enumerate(columns) if column.priority), reverse=True):
        if total() <= width:
            break
        shown[index] = False
    result = [size if on else 0 for size, on in zip(natural, shown, strict=True)]
    flexible = next((index for index, column in enumerate(columns) if column.flexible and shown[index]), -1)
    if flexible >= 0:
        others = sum(result) - result[flexible] + max(0, sum(1 for size in result if size) - 1)
        right = any(size for size in result[flexible + 1 :])
        room = max(1, width - others)
        spread = right and width < WIDE
        result[flexible] = room if spread else min(natural[flexible] + 2 * right, room)
    return result


def column_at(columns: Sequence[Column], sizes: Sequence[int], cell: int) -> str:
    """What to sort by when the title above this cell is clicked."""
    start = 0
    for column, size in zip(columns, sizes, strict=True):
        if size and start <= cell <= start + size:
            return column.sort
        start += size + 1 if size else 0
    return ""


def render(columns: Sequence[Column], row: Row, sizes: Sequence[int]) -> Styled:
    """The row as one styled line."""
    pieces: list[tuple[str, Style]] = []
    for column, (text, style), size in zip(columns, row.cells, sizes, strict=True):
        if size:
            if pieces:
                pieces.append((" ", Style.null()))
            pieces.append((pad(text, size, right=column.right), style))
    return tuple(pieces)
