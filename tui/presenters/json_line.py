"""A log line that is a JSON object, folded to what people read: time, level, message, then the other fields. Pure."""

from __future__ import annotations

import json

from tui.presenters.ansi import MAX_BYTES, Styled, ink
from tui.presenters.text import decode, safe

LEVELS = ("level", "lvl", "severity", "log.level", "levelname")
MESSAGES = ("msg", "message", "event", "text")
TIMES = ("time", "ts", "timestamp", "@timestamp", "t")
_TINTS = {"err": "red", "cri": "red", "fat": "red", "pan": "red", "eme": "red", "ale": "red", "war": "yellow", "inf": "green"}
_NUMBERS = {10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal"}
"""The levels of bunyan and pino."""


def folded(data: bytes) -> Styled:
    """The line as styled text, empty when it is no JSON object."""
    data = data.strip()
    if not data.startswith(b"{") or not data.endswith(b"}") or len(data) > MAX_BYTES:
        return ()
    try:
        found = json.loads(decode(data))
    except (ValueError, RecursionError):
        return ()
    if not isinstance(found, dict) or not found:
        return ()
    level = _take(found, LEVELS)
    name = str(_NUMBERS.get(level, level) if isinstance(level, int) else level)
    message = _take(found, MESSAGES)
    when = _take(found, TIMES)
    pieces = []
    if when != "":
        pieces.append((f"{safe(_text(when))} ", ink("bright_black")))
    if name:
        pieces.append((f"{safe(name.upper()):<5} ", ink(_TINTS.get(name.lower()[:3], "cyan"), bold=True)))
    if message != "":
        pieces.append((safe(_text(message)), ink()))
    for key, value in found.items():
        pieces += [(f"  {safe(str(key))}=", ink("cyan")), (safe(_text(value)), ink("bright_black"))]
    return tuple(pieces)


def _take(found: dict[str, object], names: tuple[str, ...]) -> object:
    """The first of these fields that is there, taken out; ``""`` when none is."""
    for name in names:
        if name in found and not isinstance(found[name], (dict, list)):
            return found.pop(name)
    return ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
