"""Multiplexed streams and log lines, cut in every possible way."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dockerapi.frames import MESSAGE_LIMIT, Demultiplexer, LogDecoder, OutputDecoder
from engine.errors import CorruptData, EngineFault
from engine.model.streams import LogLine, StreamName

STAMP = b"2024-05-01T12:00:00.000000001Z "
NANOSECONDS = 1714564800_000000001


def frame(stream: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(payload)) + payload


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=8), st.lists(st.integers(0, 400)))
def test_output_survives_every_cut(pieces: list[tuple[int, bytes]], places: list[int]) -> None:
    decoder = OutputDecoder(tty=False)
    found: dict[StreamName, bytes] = {StreamName.STDOUT: b"", StreamName.STDERR: b""}
    for chunk in cut(b"".join(frame(*piece) for piece in pieces), places):
        for output in decoder.feed(chunk):
            found[output.stream] += output.data
    assert found[StreamName.STDOUT] == b"".join(data for stream, data in pieces if stream == 1)
    assert found[StreamName.STDERR] == b"".join(data for stream, data in pieces if stream == 2)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=8), st.lists(st.integers(0, 800)))
def test_a_frame_is_a_log_line_however_it_is_cut(pieces: list[tuple[int, bytes]], places: list[int]) -> None:
    decoder = LogDecoder(tty=False)
    found: list[LogLine] = []
    for chunk in cut(b"".join(frame(stream, STAMP + data) for stream, data in pieces), places):
        found += decoder.feed(chunk)
    assert [(line.time, line.stream is StreamName.STDERR, line.data) for line in found] == [
        (NANOSECONDS, stream == 2, data) for stream, data in pieces
    ]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 200_000), max_size=10))
def test_a_terminals_long_lines_are_cut_where_the_engine_cut_them(places: list[int]) -> None:
    lines = [b"short\r\n", b"a" * 16384, b"b" * 16384, b"c" * 100 + b"\r\n", b"no newline"]
    decoder = LogDecoder(tty=True)
    found: list[LogLine] = []
    for chunk in cut(b"".join(STAMP + line for line in lines), places):
        found += decoder.feed(chunk)
    found += decoder.finish()
    assert [(line.time, line.data) for line in found] == [(NANOSECONDS, line) for line in lines]


def test_lines_without_a_time_are_kept() -> None:
    assert LogDecoder(tty=False).feed(frame(1, b"odd\n")) == [LogLine(time=0, stream=StreamName.STDOUT, data=b"odd\n")]


def test_the_engines_own_errors() -> None:
    with pytest.raises(EngineFault, match="log driver failed"):
        LogDecoder(tty=False).feed(frame(3, b"log driver failed\n"))
    (output,) = OutputDecoder(tty=False).feed(frame(3, b"went away"))
    assert output.stream is StreamName.STDERR


@pytest.mark.parametrize("data", [b"HTTP/1.1 200", b"\x04\x00\x00\x00\x00\x00\x00\x01x", b"\x01\x00\x01\x00\x00\x00\x00\x01x"])
def test_what_is_not_framed_is_refused(data: bytes) -> None:
    with pytest.raises(CorruptData):
        list(Demultiplexer().feed(data))


def test_a_log_message_has_a_limit() -> None:
    decoder = LogDecoder(tty=False)
    decoder.feed(struct.pack(">BxxxL", 1, 0xFFFFFFFF))
    with pytest.raises(CorruptData, match="longer than"):
        for _ in range(MESSAGE_LIMIT // (1 << 20) + 1):
            decoder.feed(b"x" * (1 << 20))
