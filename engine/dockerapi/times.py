"""Docker's spellings of time: RFC 3339 with nanoseconds, and unix seconds with a fraction."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_AGO = re.compile(r"(?:(Less than a|About an?|\d+) )(second|minute|hour|day|week|month|year)s?", re.ASCII)
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 2592000, "year": 31536000}


def nanoseconds(text: str) -> int:
    """Nanoseconds since the epoch of an RFC 3339 time; 0 for Go's zero time and for what is no time."""
    found = _RFC3339.match(text)
    if not found:
        return 0
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    if year < 1970:
        return 0
    try:
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return 0
    zone = found[8]
    offset = 0
    if zone and zone != "Z":
        offset = (int(zone[1:3]) * 3600 + int(zone[-2:]) * 60) * (-1 if zone[0] == "-" else 1)
    return (int(moment.timestamp()) - offset) * 1_000_000_000 + int((found[7] or "0").ljust(9, "0"))


def seconds(text: str) -> float:
    """:func:`nanoseconds` as seconds."""
    return nanoseconds(text) / 1e9


def query(time_ns: int) -> str:
    """The ``since`` or ``until`` of a query: unix seconds, a dot, nine digits."""
    return f"{time_ns // 1_000_000_000}.{time_ns % 1_000_000_000:09d}"


def fixed(time_ns: int) -> str:
    """RFC 3339 in UTC with nine digits, as time stamps of log lines are written."""
    moment, fraction = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def ago(text: str) -> float | None:
    """Seconds in docker's words for a duration (go-units ``HumanDuration``), such as ``About a minute``."""
    found = _AGO.search(text)
    if not found:
        return None
    count = 0 if found[1].startswith("Less") else 1 if found[1].startswith("About") else int(found[1][:9])
    return float(count * _UNITS[found[2]])
