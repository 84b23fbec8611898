"""Sizes, durations and moments as docker reads and writes them (values out of docker/go-units' own tests)."""

from __future__ import annotations

import pytest

from engine.errors import InvalidArgument
from engine.model import units

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0B"),
        (999, "999B"),
        (1000, "1kB"),
        (1024, "1.024kB"),
        (1_000_000, "1MB"),
        (1_048_576, "1.049MB"),
        (2e12, "2TB"),
        (3.42 * 10**9, "3.42GB"),
    ],
)
def test_human_size(size: float, text: str) -> None:
    assert units.human_size(size) == text


@pytest.mark.parametrize(("size", "text"), [(1024, "1KiB"), (1024 * 1024, "1MiB"), (1.5 * 2**20, "1.5MiB"), (2**30 * 23.54, "23.54GiB")])
def test_bytes_size(size: float, text: str) -> None:
    assert units.bytes_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.45, "Less than a second"), (1, "1 second"), (45, "45 seconds"), (46, "46 seconds"), (59, "59 seconds"), (60, "About a minute"),
        (90, "About a minute"), (180, "3 minutes"), (3240, "54 minutes"), (3600, "About an hour"), (5340, "About an hour"), (5400, "2 hours"),
        (7200, "2 hours"), (3600 * 47, "47 hours"), (3600 * 48, "2 days"), (86400 * 13, "13 days"), (86400 * 14, "2 weeks"),
        (86400 * 35, "5 weeks"), (86400 * 60, "2 months"), (86400 * 365, "12 months"), (86400 * 730, "2 years"), (86400 * 365 * 3, "3 years"),
    ],
)  # fmt: skip
def test_human_duration(seconds: float, text: str) -> None:
    assert units.human_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "size"), [("32", 32), ("32b", 32), ("32k", 32 << 10), ("32KB", 32 << 10), ("32MiB", 32 << 20), ("1.5g", 3 << 29), ("-1", -1)]
)
def test_parse_size(text: str, size: int) -> None:
    assert units.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "hello", "32x", "-32", "1.2.3m", " 3 2 ", "9223372036854775808", "9000000000p", "9" * 400])
def test_parse_size_refuses(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid size"):
        units.parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("10s", 10), ("1h30m", 5400), ("500ms", 0.5), ("1.5h", 5400), ("-5m", -300), ("3us", 3e-6)]
)
def test_parse_duration(text: str, seconds: float) -> None:
    assert units.parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "invalid"),
        ("5", "missing unit in"),
        ("x", "invalid"),
        ("5x", 'unknown unit "x" in'),
        ("h", "invalid"),
        ("1h2", "missing unit in"),
        ("9999999999h", "invalid"),
        ("9" * 400 + "s", "invalid"),
    ],
)
def test_parse_duration_refuses(text: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=f'^time: {words} duration "{text}"$'):
        units.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("1136073845", 1136073845 * 10**9), ("1136073845.000000001", 1136073845 * 10**9 + 1), ("2006-01-02T15:04:05Z", 1136214245 * 10**9),
        ("2006-01-02T15:04:05.999999999Z", 1136214245999999999), ("2006-01-02T15:04:05.5+07:00", 1136189045500000000), ("42m", int((NOW - 2520) * 1e9)),
    ],
)  # fmt: skip
def test_parse_moment(text: str, nanos: int) -> None:
    assert units.parse_moment(text, now=NOW) == nanos


@pytest.mark.parametrize("text", ["9" * 20, "9" * 5000, "--5", "\u00b2", "9" * 400 + "h"])
def test_parse_moment_refuses(text: str) -> None:
    with pytest.raises(InvalidArgument):
        units.parse_moment(text)


def test_moments_are_written_as_go_writes_them() -> None:
    assert units.rfc3339_nano(1136214245999999999) == "2006-01-02T15:04:05.999999999Z"
    assert units.rfc3339_nano(1136214245 * 10**9) == "2006-01-02T15:04:05Z"
    assert units.rfc3339(0.0) == "0001-01-01T00:00:00Z"
