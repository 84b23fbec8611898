"""Pulls, pushes and archives as lines: one for the whole, one for each layer with its bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.model.images import PullPhase, PullProgress, PushPhase, PushProgress
from tui.presenters.ansi import Styled, ink
from tui.presenters.text import clip, decimal_size, pad, safe
from tui.snapshot import FilePhase, FileProgress, PullState
from tui.words import mark, tr

DONE = frozenset((PullPhase.COMPLETE, PullPhase.EXISTS, PushPhase.PUSHED, PushPhase.EXISTS, PushPhase.MOUNTED, PushPhase.SKIPPED))
_DOING = {"pull": mark("pulling"), "push": mark("pushing"), "save": mark("saving"), "load": mark("loading"), "read": mark("reading")}
_DONE = {"pull": mark("pulled"), "push": mark("pushed"), "save": mark("saved"), "load": mark("loaded"), "read": mark("read")}
_FAILED = {
    "pull": mark("failed to pull"),
    "push": mark("failed to push"),
    "save": mark("failed to save"),
    "load": mark("failed to load"),
    "read": mark("failed to read"),
}
_COLOURS: Mapping[object, str] = {
    PullPhase.DOWNLOADING: "blue",
    PullPhase.EXTRACTING: "cyan",
    PullPhase.COMPLETE: "green",
    PullPhase.EXISTS: "green",
    PullPhase.RETRYING: "yellow",
    PushPhase.PUSHING: "blue",
    PushPhase.PUSHED: "green",
    PushPhase.EXISTS: "green",
    PushPhase.MOUNTED: "green",
    PushPhase.RETRYING: "yellow",
    FilePhase.WRITING: "blue",
    FilePhase.READING: "blue",
}
_MOVING = (PullPhase.DOWNLOADING, PushPhase.PUSHING, FilePhase.WRITING, FilePhase.READING)
_EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(part: float, width: int) -> str:
    """A bar of ``width`` cells, filled to ``part`` (0 to 1) in eighths of a cell."""
    eighths = round(max(0.0, min(1.0, part)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)[:width]


def _layer(layer: PullProgress | PushProgress | FileProgress, width: int) -> Styled:
    tint = ink(_COLOURS.get(layer.phase, "bright_black"))
    head = (f"{safe(layer.layer[:12]):<13}", ink("bright_black"))
    words = f"{tr(layer.phase.value)} {safe(layer.detail)}".strip()
    if layer.phase in DONE or not layer.total:
        return (head, (clip(words, max(0, width - 13)), tint))
    sizes = f"{decimal_size(layer.current)} / {decimal_size(layer.total)}"
    room = width - 13 - 17 - len(sizes) - 1
    drawn = bar(layer.current / layer.total, min(40, room)) if room >= 6 else ""
    return (head, (pad(words, 17), tint), (f"{drawn} " if drawn else "", tint), (sizes, ink()))


def title(state: PullState) -> str:
    """What is pulled and how far it is."""
    done = sum(layer.phase in DONE for layer in state.layers)
    count = tr(" · {done} of {count} layers", done=done, count=len(state.layers)) if state.layers else ""
    ends = {"done": _DONE[state.verb], "failed": _FAILED[state.verb], "cancelled": mark("cancelled")}
    words = ends.get(state.outcome, _DOING[state.verb])
    return f"{tr(words)} {safe(state.reference)}{count if not state.outcome else ''}"


def summary(state: PullState) -> Styled:
    """One line on the whole pull."""
    if state.outcome:
        tint = {"done": "green", "failed": "red", "cancelled": "yellow"}[state.outcome]
        return ((safe(state.note.split("\n")[0]) or tr(state.outcome), ink(tint)),)
    if not state.layers:
        return ((tr("asking the registry…") if state.verb in ("pull", "push") else tr("beginning…"), ink("bright_black")),)
    current = sum(layer.current for layer in state.layers if layer.phase in _MOVING)
    return ((tr("{size} on the way", size=decimal_size(current)), ink("bright_black")),)


def pull_lines(states: Sequence[PullState], *, width: int, height: int) -> list[Styled]:
    """What fits of the pulls: those that run before those that ended, unfinished layers before finished ones."""
    lines: list[Styled] = []
    for state in sorted(states, key=lambda one: bool(one.outcome)):
        if len(states) > 1 or state.outcome:
            mark = {"": "↓", "done": "✔", "failed": "✘", "cancelled": "−"}[state.outcome]
            told = summary(state) if state.outcome else ()
            if _tall(state):
                lines.append(((f"{mark} {title(state)}", ink("", bold=True)),))
                lines.append((("  ", ink()), *told))
            else:
                lines.append(((f"{mark} {title(state)}  ", ink("", bold=True)), *told))
        if not state.outcome:
            layers = sorted(state.layers, key=lambda layer: layer.phase in DONE)
            room = max(1, height - len(lines))
            shown = layers[:room] if len(layers) <= room else layers[: room - 1]
            lines += [_layer(layer, width) for layer in shown] or [summary(state)]
            if len(shown) < len(layers):
                lines.append(((tr("and {count} more layers", count=len(layers) - len(shown)), ink("bright_black")),))
    return lines[:height]


def _tall(state: PullState) -> bool:
    """What became of it needs a line of its own: a reason, or a path before it."""
    return state.outcome == "failed" or bool(state.outcome and state.verb in ("save", "load"))


def wanted_height(states: Sequence[PullState]) -> int:
    """Lines that the pulls would like to have."""
    running = [state for state in states if not state.outcome]
    heads = len(states) if len(states) > 1 else len(states) - len(running)
    heads += sum(_tall(state) for state in states)
    return heads + sum(max(1, len(state.layers)) for state in running)
