"""Pieces of the byte streams of containers."""

from __future__ import annotations

from enum import StrEnum

from engine.model.value import Value


class StreamName(StrEnum):
    """Which descriptor a piece came from."""

    STDOUT = "stdout"
    STDERR = "stderr"


class Output(Value):
    """Raw bytes of an attached process, split anywhere."""

    stream: StreamName
    data: bytes


class LogLine(Value):
    """One line of a log.

    Attributes:
        time: nanoseconds since the epoch.
        data: the bytes with their newline, if the container wrote one. A piece of a longer line has none.
    """

    time: int
    stream: StreamName
    data: bytes


class LogQuery(Value):
    """Which lines of a log.

    Attributes:
        tail: the last N lines, ``None`` for all; counted before ``follow`` begins.
        since, until: nanoseconds since the epoch, ``None`` for no bound; both inclusive.
    """

    follow: bool = False
    tail: int | None = None
    since: int | None = None
    until: int | None = None
    stdout: bool = True
    stderr: bool = True
