"""The form of a log: ``TIME STREAM P|F TEXT``, the CRI log format (kubernetes ``kuberuntime/logs``), at fixed columns.

``F`` ends a line, ``P`` is a piece of one that goes on. The time is RFC 3339 in UTC with nine digits of nanoseconds, always
30 bytes wide, so that texts compare as times do. Both stream names have six letters: the text begins at byte 40.

A directory holds files ``00000001.log``, ``00000002.log``, …; a higher number is newer. Beside each lies an index with the
suffix ``.idx``: an entry about every 64 KiB, three little-endian 64 bit numbers: the time (nanoseconds) and offset of
a record, and how many ``F`` records lie before it in the file.
"""

from __future__ import annotations

import os
import time
from struct import Struct

TIME_WIDTH = 30
STREAM = slice(31, 37)
TAG = 38
TEXT = 40
ENTRY = Struct("<QQQ")
INDEX_EVERY = 65536
"""Bytes of log between two index entries: what a seek has to read at most."""

_SECOND = 1_000_000_000
_LAST = 253402300799 * _SECOND  # the end of the year 9999, where the columns would move


def stamp(time_ns: int) -> bytes:
    """Nanoseconds since the epoch as the 30 bytes of a record's time. Times beyond the years 1970 to 9999 are clamped."""
    seconds, rest = divmod(min(max(time_ns, 0), _LAST), _SECOND)
    return b"%s.%09dZ" % (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode(), rest)


def seconds_of(text: bytes) -> int:
    """Seconds since the epoch of ``YYYY-MM-DDTHH:MM:SS``. Raises ValueError.

    Source: the days-from-civil algorithm; :mod:`calendar` and :mod:`datetime` would have to be imported.
    """
    year, month, day = int(text[0:4]), int(text[5:7]), int(text[8:10])
    year -= month <= 2
    era_day = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    days = year * 365 + year // 4 - year // 100 + year // 400 + era_day - 719468
    return days * 86400 + int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])


def time_of(line: bytes) -> int:
    """The time of a record in nanoseconds since the epoch. Raises ValueError."""
    return seconds_of(line[:19]) * _SECOND + int(line[20:29])


def well_formed(line: bytes) -> bool:
    """The record has its columns. A machine that went down can leave a torn one."""
    return (
        len(line) >= TEXT
        and line[29:31] == b"Z "
        and line[37:38] == line[39:40] == b" "
        and line[TAG] in b"PF"
        and line[STREAM] in (b"stdout", b"stderr")
    )


def numbers(directory: str) -> list[int]:
    """The numbers of a log's files, oldest first; none when the directory does not exist."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    return sorted(int(name[:-4]) for name in names if name.endswith(".log") and name[:-4].isdecimal())


def path_of(directory: str, number: int, suffix: str = "log") -> str:
    """The file with a number."""
    return f"{directory}/{number:08d}.{suffix}"
