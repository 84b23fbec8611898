"""A pull or push on the terminal: docker's lines in a pipe, docker's redrawn lines on a tty."""

from __future__ import annotations

from collections.abc import Iterable

from engine.cli.screen import Screen, one_line
from engine.model.images import PullPhase, PullProgress, PushPhase, PushProgress
from engine.model.units import human_size

_MOVING: frozenset[PullPhase | PushPhase] = frozenset((PullPhase.DOWNLOADING, PullPhase.EXTRACTING, PushPhase.PUSHING))
_WHOLE = (PullPhase.PULLING, PushPhase.DIGEST)


def show_progress(events: Iterable[PullProgress | PushProgress], out: Screen, *, quiet: bool = False) -> None:
    """Print events until they end."""
    live = out.isatty()
    order: dict[str, int] = {}
    for event in events:
        if quiet:
            continue
        if not live:
            if event.phase not in _MOVING:
                out.write(event.line() + "\n")
                out.flush()
        elif not event.layer or event.phase in _WHOLE:
            out.write(event.line() + "\n")
            out.flush()
        else:
            _redraw(out, order, event)


def _redraw(out: Screen, order: dict[str, int], event: PullProgress | PushProgress) -> None:
    if event.layer not in order:
        order[event.layer] = len(order)
        out.write("\n")
    up = len(order) - order[event.layer]
    out.order(f"\x1b[{up}A\x1b[2K\r{one_line(event.line())}{_bar(event)}\x1b[{up}B\r")
    out.flush()


def _bar(event: PullProgress | PushProgress) -> str:
    if event.phase not in _MOVING or not event.current:
        return ""
    if not event.total:
        return f"  {human_size(event.current)}"
    done = min(50, event.current * 50 // event.total)
    bar = "=" * done + (">" if done < 50 else "") + " " * (49 - done)
    return f" [{bar}]  {human_size(event.current)}/{human_size(event.total)}"
