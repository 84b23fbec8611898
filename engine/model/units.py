"""Sizes, durations and times as docker writes them (``docker/go-units``), which scripts and eyes are used to.

``humanize`` words them differently (``an hour`` for ``About an hour``, two digits for four significant ones), so
that output meant to equal docker's can not use it.
"""

from __future__ import annotations

import time

from engine.errors import InvalidArgument

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_DIGITS = 18
INT64 = (1 << 63) - 1
"""The largest number of Go's int64, in which docker counts bytes, and nanoseconds too."""
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")


def _scaled(size: float, base: float, names: tuple[str, ...], digits: int) -> str:
    index = 0
    while size >= base and index < len(names) - 1:
        size /= base
        index += 1
    return f"{_significant(size, digits)}{names[index]}"


def _significant(value: float, digits: int) -> str:
    """C's ``%.{digits}g`` without an exponent."""
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e" in text else text


def human_size(size: float, digits: int = 4) -> str:
    """Decimal units with ``digits`` significant digits: ``192.0MB`` is written ``192MB``."""
    return _scaled(size, 1000.0, _DECIMAL, digits)


def bytes_size(size: float) -> str:
    """Binary units with four significant digits: ``1.5MiB``."""
    return _scaled(size, 1024.0, _BINARY, 4)


def human_duration(seconds: float) -> str:
    """``Less than a second``, ``5 minutes``, ``About an hour``, ``3 weeks``, …"""
    whole = int(seconds)
    if whole < 60:
        return "Less than a second" if whole < 1 else "1 second" if whole == 1 else f"{whole} seconds"
    minutes, hours = whole // 60, round(seconds / 3600)
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    if hours < 24 * 7 * 2:
        return f"{hours // 24} days"
    if hours < 24 * 30 * 2:
        return f"{hours // 24 // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{int(seconds / 3600) // 24 // 365} years"


def ago(moment: float, now: float | None = None) -> str:
    """``5 minutes ago``; ``N/A`` when it never happened."""
    if moment <= 0:
        return "N/A"
    return f"{human_duration(max(0.0, (time.time() if now is None else now) - moment))} ago"


def rfc3339(moment: float) -> str:
    """A time in seconds as RFC 3339 in UTC with nanoseconds; ``0001-01-01T00:00:00Z`` when it never happened."""
    return rfc3339_nano(int(moment * 1_000_000) * 1000) if moment > 0 else "0001-01-01T00:00:00Z"


def rfc3339_nano(moment: int) -> str:
    """A time in nanoseconds as RFC 3339 in UTC, trailing zeros of the fraction dropped (Go's RFC3339Nano)."""
    seconds, nanos = divmod(moment, 1_000_000_000)
    fraction = f".{nanos:09d}".rstrip("0").rstrip(".") if nanos else ""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + fraction + "Z"


def rfc3339_fixed(moment: int) -> str:
    """A time in nanoseconds as RFC 3339 in UTC with nine digits, as docker stamps log lines (moby, ``RFC3339NanoFixed``)."""
    seconds, nanos = divmod(moment, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{nanos:09d}Z"


_SIZES = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}


def parse_size(text: str) -> int:
    """Bytes out of ``64m``, ``1.5g``, ``1024``: binary units, as docker's ``--memory`` reads them; ``-1`` stays.

    Raises:
        InvalidArgument: ``invalid size: '…'``.
    """
    lowered = text.strip().lower()
    if lowered == "-1":
        return -1
    unit = lowered.lstrip("0123456789.")
    number, short = lowered[: len(lowered) - len(unit)], unit.strip().removesuffix("b").removesuffix("i")
    try:
        size = int(float(number) * _SIZES[short])
    except (ValueError, OverflowError, KeyError):
        size = -1
    if not 0 <= size <= INT64:
        raise InvalidArgument(f"invalid size: '{text}'")
    return size


_DURATIONS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_duration(text: str) -> float:
    """Seconds out of a Go duration such as ``1h30m`` or ``500ms``.

    Raises:
        InvalidArgument: Go's words: ``time: invalid duration "…"``, or which unit is missing or unknown.
    """
    rest, total = text.strip(), 0.0
    sign = -1.0 if rest.startswith("-") else 1.0
    rest = rest.lstrip("+-")
    if rest == "0":
        return 0.0
    if not rest:
        raise InvalidArgument(f'time: invalid duration "{text}"')
    while rest:
        tail = rest.lstrip("0123456789.")
        number = rest[: len(rest) - len(tail)]
        length = next((place for place, char in enumerate(tail) if char in "0123456789."), len(tail))
        unit, rest = tail[:length], tail[length:]
        try:
            value = float(number)
        except ValueError:
            raise InvalidArgument(f'time: invalid duration "{text}"') from None
        if not unit:
            raise InvalidArgument(f'time: missing unit in duration "{text}"')
        if unit not in _DURATIONS:
            raise InvalidArgument(f'time: unknown unit "{unit}" in duration "{text}"')
        total += value * _DURATIONS[unit]
    if total * 1e9 > INT64:
        raise InvalidArgument(f'time: invalid duration "{text}"')
    return sign * total


def parse_moment(text: str, *, now: float | None = None) -> int:
    """Nanoseconds since the epoch out of what ``--since`` takes: RFC 3339 (also a date alone), unix seconds, or a duration back.

    Raises:
        InvalidArgument: it is none of them.
    """
    current = time.time() if now is None else now
    value = text.strip()
    seconds, dot, fraction = value.partition(".")
    if seconds.removeprefix("-").isdecimal() and (not dot or fraction.isdecimal()) and len(seconds) <= _DIGITS:
        return int(seconds) * 1_000_000_000 + int((fraction + "0" * 9)[:9])
    if len(value) >= 10 and value[4:5] == "-":
        return _parse_rfc3339(value)
    return int((current - parse_duration(value)) * 1e9)


def _parse_rfc3339(value: str) -> int:
    from datetime import datetime

    main, dot, tail = value.partition(".")
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
    zone = tail[len(digits) :] if dot else ""
    try:
        moment = datetime.fromisoformat((main + zone).replace("Z", "+00:00"))
    except ValueError:
        raise InvalidArgument(f'failed to parse value as time or duration: "{value}"') from None
    # A time without a zone is the person's own, as docker takes it.
    return int(moment.timestamp()) * 1_000_000_000 + int((digits + "0" * 9)[:9] or 0)


def whole(text: str, default: int = 0) -> int:
    """The whole number, not negative and of 18 digits at most, that somebody else wrote; ``default`` for anything else.

    int() raises ValueError for what :meth:`str.isdecimal` takes for a number, when it has thousands of digits.
    """
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else default


_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}


def boolean(text: str) -> bool | None:
    """Yes or no, as Go's ``strconv.ParseBool`` knows them; ``None`` for anything else."""
    return _BOOLEANS.get(text)
