"""Pieces of the byte streams of containers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from itertools import groupby
from typing import overload

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


class LogBatch(Sequence[LogLine]):
    """Lines that somebody may only want as text.

    Args:
        lines: gives the lines, when one is first looked at.
        text: what :meth:`pieces` gives, when it is known without the lines.
        end: gives the last so many lines, or a few more.
    """

    def __init__(
        self,
        lines: Callable[[], Sequence[LogLine]],
        text: tuple[StreamName, bytes] | None = None,
        end: Callable[[int], Sequence[LogLine]] | None = None,
    ) -> None:
        self._make = lines
        self._text = text
        self._end = end
        self._lines: Sequence[LogLine] | None = None

    @property
    def least(self) -> int:
        """How many lines there are at least, without making them: a long line is several."""
        return len(self) if self._text is None or self._lines is not None else self._text[1].count(b"\n")

    def end(self, count: int) -> Sequence[LogLine]:
        """The last ``count`` lines, or a few more; the others are not made for it."""
        if self._end is None or self._lines is not None:
            return self[-count:]
        return self._end(count)

    def pieces(self) -> Iterator[tuple[StreamName, bytes]]:
        """The text, a piece for each run of lines of one stream."""
        if self._text is not None:
            yield self._text
            return
        for stream, run in groupby(self._made(), key=lambda line: line.stream):
            yield stream, b"".join(line.data for line in run)

    def _made(self) -> Sequence[LogLine]:
        if self._lines is None:
            self._lines = self._make()
        return self._lines

    def __bool__(self) -> bool:
        return self._text is not None or bool(self._made())

    def __len__(self) -> int:
        return len(self._made())

    @overload
    def __getitem__(self, index: int) -> LogLine: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[LogLine]: ...
    def __getitem__(self, index: int | slice) -> LogLine | Sequence[LogLine]:
        return self._made()[index]

    def __iter__(self) -> Iterator[LogLine]:
        return iter(self._made())


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


class TaskLine(LogLine):
    """A line of a service's log. ``details`` are further attributes that the log driver wrote, as ``key=value`` texts by key."""

    task_id: str
    node_id: str
    service_id: str
    details: tuple[str, ...]
