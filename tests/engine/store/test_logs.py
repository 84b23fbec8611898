"""Logs: what is written comes back, wherever a query begins, whatever the size, and while it is being written."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from engine.errors import EngineFault
from engine.model.streams import LogBatch, LogLine, LogQuery, StreamName
from engine.store.inotify import Inotify
from engine.store.logs import reader, record
from engine.store.logs.reader import LogReader
from engine.store.logs.writer import LogWriter
from tests.support.wait import until

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def read(directory: Path, query: LogQuery | None = None, alive: Callable[[], bool] = lambda: False) -> list[LogLine]:
    source = LogReader(str(directory)).read(query or LogQuery(), alive)
    lines: list[LogLine] = []
    while (batch := source.next()) is not None:
        lines.extend(batch)
    source.close()
    return lines


def texts(lines: Sequence[LogLine]) -> list[bytes]:
    return [line.data for line in lines]


def write_numbers(directory: Path, count: int, *, max_size: int = 0, max_files: int = 1) -> None:
    """One line a second, from START on."""
    writer = LogWriter(str(directory), max_size, max_files)
    for number in range(count):
        writer.write("stdout", b"line %d\n" % number, START + number * SECOND)
    writer.close()


@pytest.mark.parametrize("time_ns", [0, 1, START, START + 123456789, 951782400 * SECOND, 4107542399 * SECOND])
def test_a_time_survives_its_text(time_ns: int) -> None:
    text = record.stamp(time_ns)
    assert len(text) == record.TIME_WIDTH
    assert record.time_of(text + b" ") == time_ns


def test_the_text_is_the_cri_format(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path))
    writer.write("stdout", b"one\ntwo\nthr", START + 5)
    writer.write("stderr", b"oops\n", START + 6)
    writer.close()
    assert (tmp_path / "00000001.log").read_bytes() == (
        b"2023-11-14T22:13:20.000000005Z stdout F one\n"
        b"2023-11-14T22:13:20.000000005Z stdout F two\n"
        b"2023-11-14T22:13:20.000000005Z stdout P thr\n"
        b"2023-11-14T22:13:20.000000006Z stderr F oops\n"
    )


def test_bytes_come_back_as_they_were(tmp_path: Path) -> None:
    every = bytes(range(256))
    chunks = [b"plain\n", b"\n", b"\n\n\n", every, every + b"\n", b"no end", b" here\r\n", b"\xff\xfe\n", b"last"]
    writer = LogWriter(str(tmp_path))
    for step, chunk in enumerate(chunks):
        writer.write("stdout", chunk, START + step)
    writer.close()
    assert b"".join(texts(read(tmp_path))) == b"".join(chunks)


def test_pieces_of_a_line_are_joined_across_the_other_stream(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path))
    writer.write("stdout", b"a", START)
    writer.write("stderr", b"err\n", START + 1)
    writer.write("stdout", b"b\n", START + 2)
    writer.close()
    assert read(tmp_path) == [
        LogLine(time=START + 1, stream=StreamName.STDERR, data=b"err\n"),
        LogLine(time=START + 2, stream=StreamName.STDOUT, data=b"ab\n"),
    ]


def test_streams_are_chosen(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path))
    writer.write("stdout", b"out\n", START)
    writer.write("stderr", b"err\n", START)
    writer.close()
    assert texts(read(tmp_path, LogQuery(stderr=False))) == [b"out\n"]
    assert texts(read(tmp_path, LogQuery(stdout=False))) == [b"err\n"]
    assert texts(read(tmp_path, LogQuery(stdout=False, tail=1))) == [b"err\n"]


@pytest.mark.parametrize("max_size", [0, 50_000], ids=["one file", "many files"])
@pytest.mark.parametrize("tail", [0, 1, 2, 999, 1500, 4999, 5000, 9000])
def test_tail(tmp_path: Path, tail: int, max_size: int) -> None:
    write_numbers(tmp_path, 5000, max_size=max_size, max_files=100)
    expected = [b"line %d\n" % number for number in range(5000)]
    assert texts(read(tmp_path, LogQuery(tail=tail))) == (expected[-tail:] if tail else [])


@pytest.mark.parametrize("max_size", [0, 50_000], ids=["one file", "many files"])
@pytest.mark.parametrize(
    ("since", "until_", "tail"), [(100, None, None), (None, 100, None), (4000, 4010, None), (4000, 4500, 7), (0, 3, 9)]
)
def test_bounds_are_inclusive_and_tail_counts_inside_them(
    tmp_path: Path, since: int | None, until_: int | None, tail: int | None, max_size: int
) -> None:
    write_numbers(tmp_path, 5000, max_size=max_size, max_files=100)
    query = LogQuery(
        since=None if since is None else START + since * SECOND,
        until=None if until_ is None else START + until_ * SECOND,
        tail=tail,
    )
    wanted = list(range(since or 0, 5000 if until_ is None else until_ + 1))
    if tail is not None:
        wanted = wanted[-tail:]
    assert texts(read(tmp_path, query)) == [b"line %d\n" % number for number in wanted]


def test_bounds_beyond_both_ends(tmp_path: Path) -> None:
    write_numbers(tmp_path, 10)
    assert read(tmp_path, LogQuery(since=START + 3600 * SECOND)) == []
    assert read(tmp_path, LogQuery(until=START - 1)) == []
    assert len(read(tmp_path, LogQuery(since=-5, until=1 << 70))) == 10


def test_lines_longer_than_every_buffer(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path))
    long = b"x" * 700_000
    for step in range(3):
        writer.write("stdout", long, START + step)
        writer.write("stdout", b"\nshort %d\n" % step, START + step)
    writer.close()
    assert b"".join(texts(read(tmp_path))) == b"".join(long + b"\nshort %d\n" % step for step in range(3))
    assert texts(read(tmp_path, LogQuery(tail=1))) == [b"short 2\n"]
    assert texts(read(tmp_path, LogQuery(since=START + 2)))[-1] == b"short 2\n"


def test_tail_of_a_huge_log_reads_its_end_only(tmp_path: Path) -> None:
    block = b"".join(b"%s stdout F %s\n" % (record.stamp(START), b"x" * 50) for _ in range(10_000))
    with (tmp_path / "00000001.log").open("wb") as file:
        file.write(block)
        file.truncate(1 << 37)  # a hole of 128 GiB: reading it through would take minutes
        file.seek(1 << 37)
        file.write(b"\n" + block)
    assert len(read(tmp_path, LogQuery(tail=100))) == 100


def test_rotation_keeps_the_newest_files(tmp_path: Path) -> None:
    write_numbers(tmp_path, 1000, max_size=10_000, max_files=3)
    logs = sorted(name for name in os.listdir(tmp_path) if name.endswith(".log"))
    assert len(logs) == 3
    assert len(os.listdir(tmp_path)) == 6
    lines = texts(read(tmp_path))
    assert lines[-1] == b"line 999\n"
    assert lines == [b"line %d\n" % number for number in range(1000 - len(lines), 1000)]
    assert len(lines) >= 400


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 16])
def test_rotation_cuts_between_lines(tmp_path: Path, size: int) -> None:
    """However much is read at once: a file is too long by less than a line, and none begins with the end of one."""
    text = b"".join(b"line %d %s\n" % (number, b"x" * (number % 40)) for number in range(3000))
    writer = LogWriter(str(tmp_path), 10_000, 3)
    for number, start in enumerate(range(0, len(text), size)):
        assert writer.write("stdout", text[start : start + size], number)
    writer.close()
    sizes = [(tmp_path / path).stat().st_size for path in sorted(os.listdir(tmp_path)) if path.endswith(".log")]
    longest = 100 if size > 100 else 100 * 45  # a line that came in pieces is a record for each
    assert len(sizes) == 3 and all(length < 10_000 + longest for length in sizes), sizes
    shown = b"".join(texts(read(tmp_path)))
    assert text.endswith(shown) and shown.startswith(b"line "), shown[:80]


def test_a_second_writer_goes_on(tmp_path: Path) -> None:
    write_numbers(tmp_path, 3000)
    torn = tmp_path / "00000001.log"
    with torn.open("ab") as file:
        file.write(b"2023-11-14T22:13")
    writer = LogWriter(str(tmp_path))
    for number in range(3000, 6000):
        writer.write("stdout", b"line %d\n" % number, 5)  # a clock that was put back
    writer.close()
    assert texts(read(tmp_path)) == [b"line %d\n" % number for number in range(6000)]
    times = [line.time for line in read(tmp_path)]
    assert times == sorted(times)
    assert texts(read(tmp_path, LogQuery(tail=2))) == [b"line 5998\n", b"line 5999\n"]
    entries = list(record.ENTRY.iter_unpack((tmp_path / "00000001.idx").read_bytes()))
    data = torn.read_bytes()
    assert len(entries) > 3
    for when, offset, lines in entries:
        assert data[offset : offset + record.TIME_WIDTH] == record.stamp(when)
        assert data[:offset].count(b" F ") == lines


def test_a_lost_index_costs_nothing_but_time(tmp_path: Path) -> None:
    write_numbers(tmp_path, 5000)
    (tmp_path / "00000001.idx").unlink()
    assert texts(read(tmp_path, LogQuery(since=START + 4998 * SECOND))) == [b"line 4998\n", b"line 4999\n"]


def test_a_full_disk_drops_output_and_says_so(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path))
    writer.write("stdout", b"before\n", START)
    handle = writer._handle
    full = os.open("/dev/full", os.O_RDWR)
    writer._handle = full
    assert writer.write("stdout", b"lost\n", START) is False
    writer._handle = handle
    os.close(full)
    assert writer.write("stdout", b"after\n", START) is True
    writer.close()
    assert texts(read(tmp_path)) == [
        b"before\n",
        b"longshore: 5 bytes of output are missing here: the log could not be written\n",
        b"after\n",
    ]


def test_a_log_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "none") == []
    assert read(tmp_path / "none", LogQuery(tail=5)) == []


class Follower:
    """Reads in a thread."""

    def __init__(self, directory: Path, query: LogQuery) -> None:
        self.alive = True
        self.lines: list[bytes] = []
        self.source = LogReader(str(directory)).read(query, lambda: self.alive)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        while (batch := self.source.next()) is not None:
            self.lines.extend(texts(batch))

    def end(self) -> None:
        self.thread.join(30)
        assert not self.thread.is_alive()


def test_follow_until_the_container_ends(tmp_path: Path) -> None:
    directory = tmp_path / "log"
    follower = Follower(directory, LogQuery(follow=True))
    writer = LogWriter(str(directory), max_size=2000, max_files=1000)
    for number in range(500):
        writer.write("stdout", b"line %d\n" % number, START + number)
    until(lambda: len(follower.lines) == 500)
    writer.write("stdout", b"no newline", START + 501)
    writer.close()
    follower.alive = False
    follower.end()
    assert follower.lines == [*(b"line %d\n" % number for number in range(500)), b"no newline"]


def test_a_follower_that_is_refused_keeps_no_descriptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refused(Inotify):
        def watch(self, path: str, mask: int) -> None:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    before = settled()
    monkeypatch.setattr(reader, "Inotify", Refused)
    with pytest.raises(EngineFault, match="follow log"):
        LogReader(str(tmp_path)).read(LogQuery(follow=True))
    assert settled() == before


def test_many_followers_take_one_inotify_instance(tmp_path: Path) -> None:
    """A user may have 128."""
    before = settled()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    followers: list[Follower] = []
    try:
        followers += [Follower(tmp_path / str(number % 50), LogQuery(follow=True)) for number in range(500)]
        assert instances() == 1
        for number in range(50):
            with contextlib.closing(LogWriter(str(tmp_path / str(number)))) as writer:
                writer.write("stdout", b"for %d\n" % number, START)
        for number, follower in enumerate(followers):
            until(lambda follower=follower: follower.lines, what="its line")  # type: ignore[misc]
            assert follower.lines == [b"for %d\n" % (number % 50)]
    finally:
        for follower in followers:
            follower.source.close()
        for follower in followers:
            follower.end()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert settled() == before


def settled() -> list[str]:
    """The descriptors that are open once the thread of followers that are gone has ended."""
    until(lambda: not instances(), what="nobody follows")
    return sorted(os.listdir("/proc/self/fd"))


def instances() -> int:
    """The inotify instances of this process."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found += os.readlink(f"/proc/self/fd/{name}") == "anon_inode:inotify"
    return found


WITHOUT_INOTIFY = """
import os, sys
from pathlib import Path
import pytest
from tests.engine.store.test_logs import START, Follower, instances
from engine.model.streams import LogQuery
from engine.store.logs.writer import LogWriter
from tests.support.wait import until

directory = Path(sys.argv[1])
follower = Follower(directory, LogQuery(follow=True))
writer = LogWriter(str(directory))
for number in range(3):
    writer.write("stdout", b"line\\n", START + number)
    until(lambda: len(follower.lines) == number + 1)
assert instances() == 0
follower.source.close()
follower.end()
print("followed")
"""


@pytest.mark.parametrize("kind", ["instances", "watches"])
def test_a_follower_looks_by_itself_where_the_kernel_has_no_more_for_it(tmp_path: Path, kind: str) -> None:
    """A user namespace in which nobody may have any."""
    limit = f'echo 0 >/proc/sys/user/max_inotify_{kind} && exec "$@"'
    script = WITHOUT_INOTIFY if kind == "instances" else WITHOUT_INOTIFY.replace("instances() == 0", "instances() == 1")
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", limit, "sh", sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "followed\n"), done.stderr


def test_follow_after_a_tail(tmp_path: Path) -> None:
    write_numbers(tmp_path, 100)
    follower = Follower(tmp_path, LogQuery(follow=True, tail=2))
    until(lambda: len(follower.lines) == 2)
    writer = LogWriter(str(tmp_path))
    writer.write("stdout", b"new\n", START + 200 * SECOND)
    writer.close()
    until(lambda: len(follower.lines) == 3)
    follower.source.close()
    follower.end()
    assert follower.lines == [b"line 98\n", b"line 99\n", b"new\n"]


def test_close_wakes_a_follower(tmp_path: Path) -> None:
    follower = Follower(tmp_path, LogQuery(follow=True))
    follower.source.close()
    follower.source.close()
    follower.end()
    assert follower.source.next() is None


def test_sources_leave_no_descriptors(tmp_path: Path) -> None:
    write_numbers(tmp_path, 10)
    before = settled()
    for _ in range(5):
        read(tmp_path, LogQuery(follow=True))
    assert settled() == before


def test_long_lines_come_in_pieces_of_16_kib(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path))
    for size in (16383, 16384, 16385, 32768, 40000):
        for chunk in (b"a" * size + b"\n", b"b" * size, b"\n"):
            writer.write("stdout", chunk, START)
    writer.close()
    lines = texts(read(tmp_path))
    assert max(map(len, lines)) == 16385
    assert b"".join(lines) == b"".join(letter * size + b"\n" for size in (16383, 16384, 16385, 32768, 40000) for letter in (b"a", b"b"))
    assert all(line.endswith(b"\n") or len(line) == 16384 for line in lines)


def test_a_batch_that_is_only_wanted_as_text_is_the_same_text(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path))
    with contextlib.closing(writer):
        for number in range(2000):
            stream = StreamName.STDERR if number % 700 == 3 else StreamName.STDOUT
            end = b"" if number % 500 == 7 else b"\n"
            writer.write(stream.value, b"line %d%s" % (number, end), START + number)
            if number == 1000:
                writer.write("stdout", b"x" * 50_000 + b"\n", START + number)

    def batches() -> list[Sequence[LogLine]]:
        source = LogReader(str(tmp_path)).read(LogQuery())
        return list(iter(source.next, None))

    lines = [line for batch in batches() for line in batch]
    pieces = [
        piece
        for batch in batches()
        for piece in (batch.pieces() if isinstance(batch, LogBatch) else [(line.stream, line.data) for line in batch])
    ]
    for stream in StreamName:
        assert b"".join(text for name, text in pieces if name is stream) == b"".join(line.data for line in lines if line.stream is stream)


def test_lines_of_a_batch_are_the_same_whether_its_text_was_asked_for(tmp_path: Path) -> None:
    with contextlib.closing(LogWriter(str(tmp_path))) as writer:
        writer.write("stdout", b"a\nb\n", START)
    batch = LogReader(str(tmp_path)).read(LogQuery()).next()
    assert isinstance(batch, LogBatch) and batch and list(batch.pieces()) == [(StreamName.STDOUT, b"a\nb\n")]
    assert [line.data for line in batch] == [b"a\n", b"b\n"] and len(batch) == 2 and batch[0].time == START


@pytest.mark.parametrize("count", [1, 2, 3, 4, 100])
def test_the_end_of_a_batch_is_made_without_the_rest(tmp_path: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = LogWriter(str(tmp_path))
    for time, text in enumerate((b"a\n", b"b\nc\n", b"x" * 20_000 + b"\n", b"d\n")):
        writer.write("stdout", text, time)
    writer.close()
    batch, again = (LogReader(str(tmp_path)).read(LogQuery()).next() for _ in range(2))
    assert isinstance(batch, LogBatch) and isinstance(again, LogBatch)
    assert batch.least == 5
    end, whole = batch.end(count), list(again)
    assert len(whole) == 6 and end == whole[-len(end) :] and len(end) >= min(count, 6)
    assert list(batch) == whole and batch.least == 6 and batch.end(2) == whole[-2:]
    made: list[bytes] = []
    line = reader._line

    def counted(when: int, stream: StreamName, data: bytes) -> LogLine:
        made.append(data)
        return line(when, stream, data)

    monkeypatch.setattr(reader, "_line", counted)
    third = LogReader(str(tmp_path)).read(LogQuery()).next()
    assert isinstance(third, LogBatch) and third.end(1)[-1].data == b"d\n"
    assert made == [b"d\n"]
