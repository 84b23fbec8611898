"""Signals by docker's spelling: ``TERM``, ``SIGTERM``, ``sigterm``, ``15``, ``RTMIN+3``, ``SIGRTMAX-2``."""

from __future__ import annotations

import signal
from typing import Final

from engine.errors import InvalidArgument

DEFAULT_STOP: Final = int(signal.SIGTERM)

_RT_MIN: Final = 34  # the C library keeps 32 and 33; docker counts from here
_RT_MAX: Final = 64

_EXTRA: Final = {"RTMIN": _RT_MIN, "RTMAX": _RT_MAX, "IOT": 6, "CLD": 17, "POLL": 29, "UNUSED": 31, "STKFLT": 16}


def parse(text: str) -> int:
    """The number of a signal.

    Raises:
        InvalidArgument: no such signal, in docker's words.
    """
    cleaned = text.strip()
    if cleaned.isascii() and cleaned.isdigit():
        number = int(cleaned) if len(cleaned) < 4 else 0
        if 1 <= number <= _RT_MAX:
            return number
        raise InvalidArgument(f"invalid signal: {text}")
    name = cleaned.upper().removeprefix("SIG")
    known = _EXTRA.get(name) or _by_name(name)
    if known:
        return known
    for base, sign in (("RTMIN+", 1), ("RTMAX-", -1)):
        offset = name[len(base) :]
        if name.startswith(base) and offset.isascii() and offset.isdigit() and len(offset) < 3:
            number = (_RT_MIN if sign > 0 else _RT_MAX) + sign * int(offset)
            if _RT_MIN <= number <= _RT_MAX:
                return number
    raise InvalidArgument(f"invalid signal: {text}")


def _by_name(name: str) -> int:
    try:
        return int(signal.Signals[f"SIG{name}"])
    except KeyError:
        return 0
