"""The command log, the engine's events and what lies on the disk, as lines. Pure."""

from __future__ import annotations

import time
from collections.abc import Sequence

from engine.model.events import Event
from engine.model.system import DiskUsage
from tui.presenters.ansi import Styled, ink
from tui.presenters.text import decimal_size, pad, safe
from tui.snapshot import Done
from tui.words import tr

PROGRAM = "longshore"
_TINTS = {"die": "red", "oom": "red", "kill": "red", "destroy": "magenta", "delete": "magenta", "start": "green", "create": "cyan"}
_UNSAID = ("name", "image", "exitCode")


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def journal_lines(entries: Sequence[Done]) -> list[Styled]:
    """What was done, oldest first, with how it ended."""
    lines: list[Styled] = []
    for entry in entries:
        mark, tint = ("…", "yellow") if entry.took < 0 else ("✘", "red") if entry.problem else ("✔", "green")
        took = f" {entry.took:.1f}s" if entry.took >= 0.1 else ""
        command = (safe(_typed(entry)), ink("", bold=True))
        lines.append(((f"{_clock(entry.at)} ", ink("bright_black")), (f"{mark} ", ink(tint)), command, (took, ink("bright_black"))))
        if entry.problem:
            lines += [((f"           {safe(line)}", ink("red")),) for line in entry.problem.split("\n")]
    return lines or [((tr("Nothing was done yet in this session."), ink("bright_black")),)]


def commands_text(entries: Sequence[Done]) -> str:
    """The command lines to copy, one a line; what failed is left out."""
    return "\n".join(_typed(entry) for entry in entries if not entry.problem)


def _typed(entry: Done) -> str:
    return entry.command if entry.own else f"{PROGRAM} {entry.command}"


def event_line(event: Event) -> Styled:
    """One event: time, kind, what happened, to what, and its further attributes."""
    name = event.attributes.get("name", "") or event.id.removeprefix("sha256:")[:24]
    code = event.attributes.get("exitCode", "")
    rest = " ".join(f"{key}={value}" for key, value in sorted(event.attributes.items()) if key not in _UNSAID and "." not in key)
    action = event.action.partition(":")[0]
    return (
        (f"{_clock(event.time / 1e9)} ", ink("bright_black")),
        (pad(safe(event.kind), 10), ink("blue")),
        (pad(safe(event.action), 16), ink(_TINTS.get(action, ""), bold=True)),
        (f" {safe(name)}", ink()),
        (tr(" exit {code}", code=safe(code)) if code else "", ink("red" if code != "0" else "bright_black")),
        (f"  {safe(rest)}" if rest else "", ink("bright_black")),
    )


def usage_text(usage: DiskUsage, kind: str) -> str:
    """One kind of ``system df`` in a sentence, ``""`` when the engine does not count it."""
    for item in usage.items:
        if item.kind == kind:
            return tr(
                "{total} ({active} in use)  {size}, {free} can come free",
                total=item.total,
                active=item.active,
                size=decimal_size(item.size),
                free=decimal_size(item.reclaimable),
            )
    return ""
