"""Where everything goes, by lazydocker's rules, as a pure function of the terminal's size, the focus and the zoom.

One row is the footer. The side takes one part in ``ratio`` of the width. From 28 rows on the panes share the height
equally, and what one of them leaves empty goes to those that are cut; from 21 on the unfocused ones have 3 rows; below
that they are a single line. An upright terminal (at most 84 columns, more than 45 rows) has the side on top. Half and
full mode show only the focused pane.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from itertools import pairwise

from engine.model.value import Value

TALL = 28
MIDDLING = 21
MIN_WIDTH = 20
MIN_HEIGHT = 9
LEAST_SIDE = 8


class Zoom(IntEnum):
    """Screen modes, in the order of ``+``."""

    NORMAL = 0
    HALF = 1
    FULL = 2


class Geometry(Value):
    """Sizes in cells; 0 means hidden.

    Attributes:
        panes: height of each side pane; 1 means that only its title line is drawn.
        strip: rows at the bottom of the main column for pulls.
        portrait: the side lies above the main pane.
        fits: there is room to draw at all.
    """

    side_width: int
    side_height: int
    panes: tuple[int, ...]
    main_width: int
    main_height: int
    strip: int = 0
    portrait: bool = False
    fits: bool = True


def share(total: int, parts: int) -> list[int]:
    """``total`` in equal parts; the first ones get what is left over."""
    size, rest = divmod(max(0, total), parts)
    return [size + (index < rest) for index in range(parts)]


def divide(total: int, parts: Sequence[int], least: int = 3) -> list[int]:
    """``total`` in proportion to the parts, none of them below ``least`` while there is room."""
    if len(set(parts)) < 2:
        return share(total, len(parts))
    whole, rest = sum(parts), max(0, total - least * len(parts))
    edges = [0]
    for part in parts:
        edges.append(edges[-1] + part)
    wanted = [total * after // whole - total * before // whole for before, after in pairwise(edges)]
    if min(wanted) >= least:
        return wanted
    extra = [max(0, size - least) for size in wanted]
    return [least + size for size in (divide(rest, extra, 0) if sum(extra) else share(rest, len(parts)))]


def even_out(heights: Sequence[int], wanted: Sequence[int], focused: int, least: int = 3) -> list[int]:
    """Rows that panes would leave empty, given to those that are cut: to the focused one first, then to the lowest.

    As few rows as possible move, so that lists stay where they are while there is room for all that is in them.
    """
    result = list(heights)
    while True:
        spare, giver = max((height - max(want, least), -index) for index, (height, want) in enumerate(zip(result, wanted, strict=True)))
        cut = [index for index, (height, want) in enumerate(zip(result, wanted, strict=True)) if height < want]
        if spare <= 0 or not cut:
            return result
        taker = focused if focused in cut else min(cut, key=lambda index: (result[index], index))
        result[-giver] -= 1
        result[taker] += 1


def pane_heights(total: int, weights: Sequence[int], focused: int, wanted: Sequence[int] = ()) -> list[int]:
    """Heights of the side panes in a column of ``total`` rows; where it is tall, by the weights and then by what is ``wanted``."""
    count = len(weights)
    if total >= TALL:
        heights = divide(total, weights)
        return even_out(heights, wanted, focused) if wanted else heights
    small = 3 if total >= MIDDLING else 1
    others = small * (count - 1)
    return [max(small, total - others) if index == focused else small for index in range(count)]


def arrange(
    width: int,
    height: int,
    *,
    count: int,
    focused: int,
    main_focused: bool,
    zoom: Zoom,
    strip: int = 0,
    ratio: int = 3,
    extra: int = 0,
    weights: Sequence[int] = (),
    wanted: Sequence[int] = (),
    side_width: int = 0,
) -> Geometry:
    """The whole screen.

    Args:
        count: how many side panes there are.
        focused: the side pane that has the focus, or had it last when the main pane has it.
        strip: rows that running pulls would like to have, borders included.
        extra: rows that a banner takes at the top.
        weights: heights of the panes in proportion to one another; equal ones where there are none.
        wanted: rows in which each pane shows all that it has; without them what is in a pane does not count.
        side_width: of the side, in thousandths of the width; 0 is one part in ``ratio``.
    """
    body = height - 1 - extra
    weights = weights or (1,) * count
    none = (0,) * count
    only = tuple(0 if index != focused else body for index in range(count))
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return Geometry(side_width=0, side_height=0, panes=none, main_width=0, main_height=0, fits=False)
    if zoom is Zoom.FULL and not main_focused:
        return Geometry(side_width=width, side_height=body, panes=only, main_width=0, main_height=0)
    if zoom is Zoom.FULL:
        return _with_strip(Geometry(side_width=0, side_height=0, panes=none, main_width=width, main_height=body), strip)
    if zoom is Zoom.HALF:
        half = width // 2
        return _with_strip(Geometry(side_width=half, side_height=body, panes=only, main_width=width - half, main_height=body), strip)
    if width <= 84 and height > 45:
        top = -(-body // 3)
        panes = tuple(pane_heights(top, weights, focused, wanted))
        return _with_strip(
            Geometry(side_width=width, side_height=top, panes=panes, main_width=width, main_height=body - top, portrait=True), strip
        )
    side = min(max(LEAST_SIDE, round(width * side_width / 1000)), width - LEAST_SIDE) if side_width else -(-width // ratio)
    panes = tuple(pane_heights(body, weights, focused, wanted))
    return _with_strip(Geometry(side_width=side, side_height=body, panes=panes, main_width=width - side, main_height=body), strip)


def _with_strip(plain: Geometry, wanted: int) -> Geometry:
    if not wanted:
        return plain
    rows = min(wanted, max(3, plain.main_height // 3))
    return plain.replace(main_height=plain.main_height - rows, strip=rows)


def visible(panes: Sequence[int]) -> list[int]:
    """Indices of the panes that are drawn."""
    return [index for index, height in enumerate(panes) if height]
