"""The log: huge, hostile, live, and searched."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncGenerator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.message import Message

from engine.model.streams import LogBatch, LogLine, LogQuery, StreamName
from tests.tui.conftest import running
from tests.tui.fake import FakeEngine, FakeLog
from tui.feed.log_window import MAX_BYTES, MAX_ENTRIES, SPARE, LogWindow
from tui.feed.logs import BURST, Arrived, LogFeed
from tui.presenters.ansi import text_of
from tui.presenters.log_document import LogDocument


def lines(count: int, *, start: int = 0, time: int | None = None, size: int = 0) -> list[LogLine]:
    return [
        LogLine(time=index if time is None else time, stream=StreamName.STDOUT, data=b"%d\n" % index + b"x" * size)
        for index in range(start, start + count)
    ]


def engine_with(log: FakeLog) -> FakeEngine:
    engine = FakeEngine()
    engine.add_image("busybox:latest")
    engine.add("web", "busybox:latest", log=log)
    return engine


def numbers(window: LogWindow) -> list[int]:
    return [int(entry.data.split()[-1]) for entry in window.entries]


def test_the_window_is_bounded_in_lines_and_bytes_at_both_ends() -> None:
    window = LogWindow()
    window.replace(lines(MAX_ENTRIES), at_start=True, at_end=True)
    window.append(lines(500, start=MAX_ENTRIES), at_end=True)
    assert len(window.entries) == MAX_ENTRIES - SPARE
    assert (window.at_start, window.at_end) == (False, True)
    version = window.version
    window.append(lines(SPARE, start=MAX_ENTRIES + 500), at_end=True)
    assert (len(window.entries), window.version) == (MAX_ENTRIES, version), "growing alone lays nothing out anew"
    window.prepend(lines(500), at_start=True)
    assert len(window.entries) == MAX_ENTRIES
    assert (window.at_start, window.at_end) == (True, False)
    window.append(lines(200, start=10_000, size=1_000_000), at_end=True)
    assert sum(len(entry.data) for entry in window.entries) <= MAX_BYTES


async def test_pages_that_nobody_wants_are_passed_over() -> None:
    total = 60_000
    engine = engine_with(FakeLog(total, lambda index: b"line %d\n" % index))
    feed = LogFeed(engine, "web", lambda _: None)
    await feed.last()
    found = await feed.older(5000, lambda page: any(line.data == b"line 31000\n" for line in page))
    assert found == 30_000
    shown = numbers(feed.window)
    assert shown == list(range(29_000, 29_000 + len(shown)))
    found = await feed.newer(5000, lambda page: any(line.data == b"line 50000\n" for line in page))
    assert found % 5000 == 0
    shown = numbers(feed.window)
    assert 50_000 in shown
    assert shown == list(range(shown[0], shown[0] + len(shown)))
    assert await feed.older(5000, lambda _: False) == shown[0]
    assert feed.window.at_start
    await feed.close()


@pytest.mark.parametrize("stamp", [1, 7, 2500, 9000])
async def test_paging_up_and_down_shows_every_line_once(stamp: int) -> None:
    """Whatever number of lines shares one time, pages neither overlap nor leave gaps."""
    total = 20_000
    engine = engine_with(FakeLog(total, lambda index: b"line %d\n" % index, stamp=stamp))
    told: list[Message] = []
    feed = LogFeed(engine, "web", told.append)
    await feed.last()
    while not told:
        await _turn()
    assert numbers(feed.window) == list(range(total - 1000, total))
    for _ in range(60):
        await feed.older()
        shown = numbers(feed.window)
        assert shown == list(range(shown[0], shown[0] + len(shown)))
        assert len(shown) <= MAX_ENTRIES
        if feed.window.at_start:
            break
    assert numbers(feed.window)[0] == 0
    for _ in range(60):
        await feed.newer()
        shown = numbers(feed.window)
        assert shown == list(range(shown[0], shown[0] + len(shown)))
        if feed.window.at_end:
            break
    assert numbers(feed.window)[-1] == total - 1
    assert feed.following
    await engine.containers.log("web").write(b"line %d\n" % total)
    while numbers(feed.window)[-1] != total:
        await _turn()
    shown = numbers(feed.window)
    assert shown == list(range(shown[0], total + 1))
    await feed.close()
    assert engine.containers.open_streams == 0


async def _turn() -> None:
    await asyncio.sleep(0.01)


class HeldFeed(LogFeed):
    """A log whose end comes only when it is let through."""

    def __init__(self, engine: FakeEngine) -> None:
        super().__init__(engine, "web", lambda _: None)
        self.gate = asyncio.Event()
        self.gate.set()

    async def lines(self, query: LogQuery) -> AsyncGenerator[Sequence[LogLine], None]:
        if query.follow:
            await self.gate.wait()
        stream = super().lines(query)
        try:
            async for batch in stream:
                yield batch
        finally:
            await stream.aclose()


async def test_what_is_shown_stays_until_the_end_is_there() -> None:
    """A page up on the way to the end has something to go up in."""
    feed = HeldFeed(engine_with(FakeLog(20_000, lambda index: b"line %d\n" % index)))
    await feed.first()
    beginning = numbers(feed.window)
    feed.gate.clear()
    end = asyncio.create_task(feed.last())
    while not feed.following:
        await _turn()
    assert (numbers(feed.window), feed.ready, end.done()) == (beginning, False, False)
    feed.gate.set()
    await end
    assert (numbers(feed.window), feed.ready, feed.window.at_end) == (list(range(19_000, 20_000)), True, True)
    feed.gate.clear()
    end = asyncio.create_task(feed.last())
    while not feed.following or feed.ready:
        await _turn()
    await feed.close()  # somebody looks elsewhere before it is there
    await end
    assert (numbers(feed.window), feed.window.at_end) == (list(range(19_000, 20_000)), False)


async def test_a_log_without_a_line_goes_on_being_followed_when_somebody_scrolls_up() -> None:
    engine = engine_with(FakeLog(0))
    async with running(engine) as ui:
        await ui.shows("No output so far.")
        await ui.press("enter", "pageup", "up", "pageup")
        await ui.until(lambda: ui.main.content.settled)
        await engine.containers.log("web").write(b"hello there\n")
        await ui.shows("hello there")


async def test_the_first_line_of_two_million_is_near_and_memory_stays_bounded() -> None:
    log = FakeLog(2_000_000, lambda index: b"%d the quick brown fox jumps over the lazy dog\n" % index, stamp=50)
    engine = engine_with(log)
    async with running(engine) as ui:
        await ui.shows("1999999 the quick")
        tracemalloc.start()
        try:
            await ui.press("home")
            await ui.shows("│ 0 the quick brown fox")
            view = ui.main.content.pane.log_view
            await ui.until(lambda: view.scroll_offset.y == 0)
            await ui.press("enter", "pagedown", "pagedown")
            await ui.misses(" 0 the quick")
            await ui.press("G")
            await ui.shows("1999999 the quick")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 30_000_000
        assert log.made < 20_000
        await ui.press("g")
        await ui.shows("0 the quick brown fox")
        await ui.press("end")
        await ui.shows("1999999 the quick")
        assert ui.main.content.pane.focused
        await ui.press("home")  # with the focus in the log: the very first line, not the first one that is loaded
        await ui.shows("0 the quick brown fox")


async def test_scrolling_up_pauses_and_reaching_the_end_follows_again() -> None:
    log = FakeLog(300)
    engine = engine_with(log)
    async with running(engine) as ui:
        await ui.shows("line 299")
        await ui.shows("following")
        await ui.press("K")
        await ui.shows("End follows")
        await ui.until(lambda: not ui.main.content.log or not ui.main.content.log.following)
        top = ui.text().split("Logs")[1].split("line ")[1].split()[0]
        await log.write(*(b"line %d\n" % index for index in range(300, 320)))
        assert ui.text().split("Logs")[1].split("line ")[1].split()[0] == top
        while not ui.main.content.pane.log_view.following:
            await ui.press("J")
        await log.write(b"line 320\n")
        await ui.shows("line 320")


async def test_new_lines_appear_and_pieces_become_one_line() -> None:
    log = FakeLog(0)
    async with running(engine_with(log)) as ui:
        await ui.shows("No output so far.")
        await log.write(b"half ", b"a line\n")
        await ui.shows("half a line")
        await log.write(b"Downloading 10%\rDownloading 90%\n")
        await ui.shows("Downloading 90%")
        assert "10%" not in ui.text()
        await log.end()
        await ui.shows("end of the log")


async def test_a_stopped_silent_container_says_that_it_wrote_nothing() -> None:
    from engine.model.containers import ContainerStatus

    engine = FakeEngine()
    log = FakeLog(0)
    log.ended = True
    engine.add("job", "busybox:latest", ContainerStatus.EXITED, log=log)
    async with running(engine) as ui:
        await ui.shows("It wrote nothing.")


async def test_times_and_wrap_toggle() -> None:
    engine = engine_with(FakeLog(3, lambda index: b"%d " % index + b"word " * 60 + b"end\n"))
    async with running(engine) as ui:
        await ui.shows("0 word")
        await ui.press("enter", "t")
        await ui.shows("2026-11-25 09:59:59.99")
        view = ui.main.content.pane.log_view
        wrapped = view.row_count
        assert wrapped > 3
        await ui.press("w")
        await ui.until(lambda: view.row_count == 3)
        await ui.until(lambda: view.max_scroll_x > 100)
        await ui.press(*["L"] * 40)
        await ui.shows("word end")
        await ui.press("t", "w")
        await ui.until(lambda: view.row_count > 3)


async def test_search_marks_walks_and_looks_beyond_what_is_loaded() -> None:
    def line(index: int) -> bytes:
        return b"NEEDLE %d\n" % index if index % 10_000 == 5 else b"hay %d\n" % index

    engine = engine_with(FakeLog(30_000, line))
    async with running(engine) as ui:
        await ui.shows("hay 29999")
        await ui.press("enter", "slash")
        await ui.type("needle")
        await ui.press("enter")
        await ui.shows("NEEDLE 20005")
        await ui.press("N")
        await ui.shows("NEEDLE 10005")
        await ui.press("N")
        await ui.shows("NEEDLE 5")
        await ui.press("N")
        await ui.until(lambda: any("no further match above" in toast for toast in ui.toasts()))
        await ui.press("n", "n")
        await ui.shows("NEEDLE 20005")
        await ui.press("escape")
        assert ui.main.content.pane.view.term == ""
        assert ui.main.content.pane.focused
        await ui.press("escape")
        assert not ui.main.content.pane.focused


async def test_search_in_other_texts() -> None:
    async with running(engine_with(FakeLog(1))) as ui:
        await ui.press(*["right_square_bracket"] * 3)
        await ui.shows("Full details")
        await ui.press("enter", "slash")
        await ui.type("OOMKILLED")
        await ui.press("enter")
        await ui.shows("“oomkilled” 1 of 1")


async def test_another_container_another_log_and_streams_are_closed() -> None:
    engine = engine_with(FakeLog(5, lambda index: b"from web %d\n" % index))
    engine.add("xylophone", "busybox:latest", log=FakeLog(5, lambda index: b"from xylophone %d\n" % index))
    async with running(engine) as ui:
        await ui.shows("from web 4")
        await ui.press("j")
        await ui.shows("from xylophone 4")
        await ui.misses("from web")
        await ui.press("2")
        await ui.until(lambda: ui.main.content.log is None)


async def test_a_flood_does_not_block_and_only_the_end_is_kept() -> None:
    log = FakeLog(0)
    engine = engine_with(log)
    async with running(engine) as ui:
        await ui.shows("No output so far.")
        await log.write(*(b"flood %d\n" % index for index in range(60_000)))
        await ui.shows("flood 59999")
        assert len(ui.main.content.pane.log_view.document.lines) <= MAX_ENTRIES


def test_of_a_flood_that_waits_only_the_end_is_made() -> None:
    made: list[int] = []

    def batch(first: int) -> LogBatch:
        def end(count: int) -> list[LogLine]:
            made.append(count)
            return lines(count, start=first + 700 - count)

        return LogBatch(lambda: lines(700, start=first), (StreamName.STDOUT, b"\n" * 700), end=end)

    flood = Arrived()
    for place in range(10):
        flood.add(batch(700 * place), bounded=True)
    taken, whole = flood.taken()
    assert taken == lines(BURST, start=7000 - BURST) and not whole and made == [BURST - 700]
    few = Arrived()
    few.add(batch(0), bounded=True)
    few.add(lines(300, start=700), bounded=True)
    assert few.taken() == (lines(1000), True)
    wanted = Arrived()
    for place in range(3):
        wanted.add(batch(700 * place), bounded=False)
    assert wanted.taken() == (lines(2100), True) and made == [BURST - 700]


async def test_an_unreadable_log_says_why() -> None:
    from engine.errors import NotSupported

    engine = engine_with(FakeLog(5))
    engine.containers.log_error = NotSupported('configured logging driver "none" does not support reading')
    async with running(engine) as ui:
        await ui.shows('configured logging driver "none" does not support reading')


def test_streams_are_joined_separately_and_long_lines_are_capped() -> None:
    document = LogDocument()
    out, err = StreamName.STDOUT, StreamName.STDERR
    document.extend(
        [
            LogLine(time=1, stream=out, data=b"out "),
            LogLine(time=2, stream=err, data=b"err\n"),
            LogLine(time=3, stream=out, data=b"put\n"),
            LogLine(time=4, stream=out, data=b"x" * 90_000),
            LogLine(time=5, stream=out, data=b"y" * 90_000 + b"\n"),
        ]
    )
    assert [text_of(document.styled(index))[:8] for index in range(2)] == ["out put", "err"]
    long = text_of(document.styled(2))
    assert len(long) < 5000
    assert long.endswith(f"… {180_000 + 1 - 4096} more bytes")
    document.layout(width=80, times="")
    assert document.rows == 2 + -(-len(long) // 80)
    assert [document.locate(row) for row in (0, 1, 2, 3)] == [(0, 0), (1, 0), (2, 0), (2, 1)]


def test_layout_after_growth_is_that_of_a_fresh_document() -> None:
    grown, fresh = LogDocument(), LogDocument()
    everything = [
        LogLine(time=index, stream=StreamName.STDOUT, data=b"w" * (index * 13 % 200) + (b"\n" if index % 3 else b""))
        for index in range(200)
    ]
    for document in (grown, fresh):
        document.layout(width=40, times="")
    for start in range(0, 200, 7):
        grown.extend(everything[start : start + 7])
    fresh.reset(everything)
    assert grown.rows == fresh.rows
    assert [grown.locate(row) for row in range(grown.rows)] == [fresh.locate(row) for row in range(fresh.rows)]


@given(
    st.lists(
        st.tuples(st.lists(st.tuples(st.booleans(), st.integers(0, 90), st.booleans()), max_size=12), st.integers(0, 9)),
        min_size=1,
        max_size=8,
    )
)
def test_a_log_that_loses_its_beginning_is_laid_out_as_a_fresh_one(steps: list[tuple[list[tuple[bool, int, bool]], int]]) -> None:
    """Lines grow at the end in pieces of two streams and are cut at the beginning, also within a line."""
    grown, entries = LogDocument(), list[LogLine]()
    grown.layout(width=40, times="")
    for pieces, cut in steps:
        for err, length, whole in pieces:
            stream = StreamName.STDERR if err else StreamName.STDOUT
            entries.append(LogLine(time=len(entries), stream=stream, data=b"w" * length + (b"\n" if whole else b"")))
        del entries[:cut]
        grown.reset(entries)
        fresh = LogDocument()
        fresh.layout(width=40, times="")
        fresh.reset(entries)
        assert [line.data for line in grown.lines] == [line.data for line in fresh.lines]
        assert all(one.anchor is other.anchor for one, other in zip(grown.lines, fresh.lines, strict=True))
        assert [grown.row_of(index) for index in range(len(grown.lines) + 1)] == [
            fresh.row_of(index) for index in range(len(fresh.lines) + 1)
        ]


def test_what_a_flood_leaves_in_the_window_is_not_laid_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [LogLine(time=index, stream=StreamName.STDOUT, data=b"line %d\n" % index) for index in range(3000)]
    document = LogDocument()
    document.layout(width=40, times="")
    document.reset(entries[:2500])
    measured: list[int] = []
    height = LogDocument._height

    def counted(self: LogDocument, index: int) -> int:
        measured.append(index)
        return height(self, index)

    monkeypatch.setattr(LogDocument, "_height", counted)
    document.reset(entries[1000:])
    assert len(measured) == 500, "only the fresh ones"
    assert (document.rows, text_of(document.styled(0))) == (2000, "line 1000")
    document.reset(entries[:2000])
    assert len(measured) == 2500, "something else stands before them: all"
