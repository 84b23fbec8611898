"""Docker's multiplexed streams, and log lines in them.

A frame is ``stream, 0, 0, 0, length (big endian, 4 bytes)`` and then the payload; stream 1 is stdout, 2 stderr, and 3
an error of the engine itself. Streams of a terminal are not framed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.dockerapi import times
from engine.errors import CorruptData, EngineFault
from engine.model.streams import LogLine, Output, StreamName

_HEADER = 8
_NAMES = {0: StreamName.STDOUT, 1: StreamName.STDOUT, 2: StreamName.STDERR}
_SYSTEM_ERROR = 3
MESSAGE_LIMIT = 16 * 1024 * 1024
"""The longest log message that is put together."""
_PIECE = 16 * 1024  # docker's log drivers cut lines into pieces of this size (moby, daemon/logger/copier.go)
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) ")


class Demultiplexer:
    """Cuts a framed stream into output; payloads are passed on as they come, a frame may come in several pieces."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._stream = 0
        self._left = 0

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes, bool]]:
        """(stream, payload, whether that ends the frame) for all that ``chunk`` brings.

        Raises:
            CorruptData: this is no framed stream.
        """
        position = 0
        while position < len(chunk):
            if not self._left:
                take = _HEADER - len(self._header)
                self._header += chunk[position : position + take]
                position += take
                if len(self._header) < _HEADER:
                    return
                self._stream, self._left = self._header[0], int.from_bytes(self._header[4:], "big")
                if self._stream > _SYSTEM_ERROR or any(self._header[1:4]):
                    raise CorruptData("the engine's stream is not framed as Docker frames streams")
                self._header.clear()
                if not self._left:
                    yield self._stream, b"", True
                continue
            payload = chunk[position : position + self._left]
            position += len(payload)
            self._left -= len(payload)
            yield self._stream, payload, not self._left


class OutputDecoder:
    """Output of attach and exec out of a stream that is framed, or raw with a terminal."""

    def __init__(self, tty: bool) -> None:
        self._frames = None if tty else Demultiplexer()

    def feed(self, chunk: bytes) -> Iterator[Output]:
        """The output in ``chunk``. An error of the engine comes as stderr, as docker's own client shows it."""
        if self._frames is None:
            yield Output(stream=StreamName.STDOUT, data=chunk)
            return
        for stream, payload, _ in self._frames.feed(chunk):
            if payload:
                yield Output(stream=_NAMES.get(stream, StreamName.STDERR), data=payload)


class LogDecoder:
    """Log lines out of ``GET /containers/{id}/logs?timestamps=1``.

    Without a terminal one frame is one message. With one, messages follow each other unframed: one ends at its newline,
    or after 16 KiB when the next time stamp follows.
    """

    def __init__(self, tty: bool) -> None:
        self._tty = tty
        self._frames = Demultiplexer()
        self._message = bytearray()

    def feed(self, chunk: bytes) -> list[LogLine]:
        """The lines that ``chunk`` completes.

        Raises:
            EngineFault: the engine reports in the stream that it can not go on.
            CorruptData: this is no log stream.
        """
        if self._tty:
            self._message += chunk
            return list(self._terminal_lines())
        lines = []
        for stream, payload, ends in self._frames.feed(chunk):
            self._message += payload
            self._check_size()
            if ends:
                lines.append(_line(stream, bytes(self._message)))
                self._message.clear()
        return lines

    def finish(self) -> list[LogLine]:
        """What is left when the stream ends: with a terminal, a line without a newline."""
        rest = bytes(self._message)
        self._message.clear()
        return [_line(1, rest)] if self._tty and rest else []

    def _terminal_lines(self) -> Iterator[LogLine]:
        start = 0
        while (end := self._message_end(start)) > start:
            yield _line(1, bytes(self._message[start:end]))
            start = end
        del self._message[:start]
        self._check_size()

    def _message_end(self, start: int) -> int:
        newline = self._message.find(b"\n", start) + 1
        stamp = _STAMP.match(self._message, start)
        piece = (stamp.end() if stamp else start) + _PIECE
        if (not newline or newline > piece) and _STAMP.match(self._message, piece):
            return piece
        return newline

    def _check_size(self) -> None:
        if len(self._message) > MESSAGE_LIMIT:
            raise CorruptData(f"a message of the engine's log stream is longer than {MESSAGE_LIMIT} bytes")


def _line(stream: int, message: bytes) -> LogLine:
    if stream == _SYSTEM_ERROR:
        raise EngineFault(message.decode("utf-8", "replace").strip())
    stamp = _STAMP.match(message)
    if not stamp:
        return LogLine(time=0, stream=_NAMES[stream], data=message)
    return LogLine(time=times.nanoseconds(stamp[0].decode()), stream=_NAMES[stream], data=message[stamp.end() :])


def frame(stream: StreamName, payload: bytes) -> bytes:
    """One frame."""
    return (b"\x02" if stream is StreamName.STDERR else b"\x01") + b"\0\0\0" + len(payload).to_bytes(4, "big") + payload


class OutputEncoder:
    """Output of attach, exec and logs as clients get it: framed, or raw with a terminal."""

    def __init__(self, tty: bool) -> None:
        self._tty = tty

    def encode(self, stream: StreamName, payload: bytes) -> bytes:
        """The bytes for a piece."""
        return payload if self._tty else frame(stream, payload)

    def line(self, line: LogLine) -> bytes:
        """The bytes for a log line with its time stamp."""
        return self.encode(line.stream, f"{times.fixed(line.time)} ".encode() + line.data)
