"""Where that lies which children make: together.

What was freed before a fork leaves gaps in pages that are shared with the children. A child that fills one has a page of its own for
it, and what it makes is spread over as many pages as there are gaps. When they are filled before, it goes to fresh pages, one object
behind the other: that is eight per cent of what a supervisor holds.
"""

from __future__ import annotations

from typing import Final

_STEP: Final = 16
_LARGEST: Final = 512
"""CPython's own allocator gives out sizes up to this, each from pages of its own (``Objects/obmalloc.c``)."""

_FRESH: Final = 8
"""So many objects that lie one behind the other tell that no gap is left."""

_MOST: Final = 4096
"""Objects of one size that are tried: an interpreter may have another allocator."""

_OBJECT: Final = object().__sizeof__()
_BYTES: Final = b"".__sizeof__()


def fill_gaps() -> list[object]:
    """Objects in every gap, for as long as the list is kept."""
    return [each for size in range(_STEP, _LARGEST + 1, _STEP) for each in _fill(size)]


def _fill(size: int) -> list[object]:
    kept: list[object] = []
    run = last = 0
    while run < _FRESH:
        if len(kept) == _MOST:
            return []
        kept.append(_make(size))
        run = run + 1 if id(kept[-1]) - last == size else 0
        last = id(kept[-1])
    return kept


def _make(size: int) -> object:
    """A new object of that many bytes."""
    if size > _BYTES:
        return bytes(size - _BYTES)
    return object() if size == _OBJECT else complex(size, size)
