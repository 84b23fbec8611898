"""What one does with logs: filter, join, pick, copy, save, go back in time."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.message import Message

from engine.model.streams import LogLine, StreamName
from tests.tui.conftest import Harness, running
from tests.tui.fake import NOW, SECOND, FakeEngine, FakeLog, harbour
from tui.config import Settings
from tui.feed.mixed_log import MixedLog
from tui.presenters.ansi import PLAIN, text_of
from tui.presenters.json_line import folded
from tui.presenters.lines import found_by
from tui.presenters.log_document import LogDocument, delta, stamp
from tui.presenters.log_filter import LogFilter
from tui.snapshot import MixedLine
from tui.widgets.log_view import LogView


def engine_with(**logs: FakeLog) -> FakeEngine:
    engine = FakeEngine()
    engine.add_image("busybox:latest")
    for name, log in logs.items():
        engine.add(name, "busybox:latest", log=log)
    return engine


def view(ui: Harness) -> LogView:
    return ui.main.content.pane.log_view


def numbers(log: MixedLog) -> list[tuple[int, int]]:
    return [(line.source, int(line.data.split()[1])) for line in log.window.entries if isinstance(line, MixedLine)]


@pytest.mark.parametrize(
    "text, line, shown",
    [
        ("error", b"an ERROR here\n", True),
        ("Error", b"an ERROR here\n", False),
        ("!error", b"an ERROR here\n", False),
        ("5\\d\\d$", b"GET / 503\r\n", True),
        (r"\Wget", b" GET\n", True),
        ("a(b", b"f(a(b)\n", True),
        ("green", b"\x1b[32mgr\x1b[1meen\x1b[0m\n", True),
        ("é", "É\n".encode(), True),
    ],
)
def test_a_filter_is_a_regular_expression_over_what_is_seen(text: str, line: bytes, shown: bool) -> None:
    assert LogFilter(text)(line) is shown


def test_a_filter_that_is_no_expression_is_taken_by_its_letters() -> None:
    assert LogFilter("a(b").literal
    assert not LogFilter("a.b").literal


def test_marks_of_empty_matches_are_none() -> None:
    assert found_by((("abc", PLAIN),), re.compile("x*")) == []


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("stamps", [(1, 1), (7, 3), (2500, 1), (1, 4000)])
async def test_joined_logs_show_every_line_once_in_order_wherever_one_goes(stamps: tuple[int, int]) -> None:
    total = 9000
    line: Callable[[int], bytes] = lambda index: b"line %d\n" % index  # noqa: E731
    engine = engine_with(a=FakeLog(total, line, stamp=stamps[0]), b=FakeLog(total, line, stamp=stamps[1], end=NOW - 1))
    told: list[Message] = []
    log = MixedLog(engine, ["a", "b"], told.append)
    await log.last()
    seen = numbers(log)
    assert seen[-1][1] == total - 1
    for _ in range(80):
        if not await log.older() and log.window.at_start:
            break
        check_order(log)
    assert numbers(log)[0][1] == 0
    everything: dict[tuple[int, int], int] = dict.fromkeys(numbers(log), 1)
    for _ in range(80):
        await log.newer()
        check_order(log)
        everything.update(dict.fromkeys(numbers(log), 1))
        if log.window.at_end:
            break
    assert len(everything) == 2 * total
    assert log.following
    await engine.containers.log("b").write(b"line %d\n" % total)
    await _until(lambda: (1, total) in numbers(log))
    assert len(set(numbers(log))) == len(numbers(log))
    await log.close()
    assert engine.containers.open_streams == 0


def check_order(log: MixedLog) -> None:
    times = [line.time for line in log.window.entries]
    assert times == sorted(times)
    found = numbers(log)
    assert len(set(found)) == len(found), "no line twice"
    for source in (0, 1):
        own = [number for which, number in found if which == source]
        assert not own or own == list(range(own[0], own[0] + len(own))), "no gap"


async def test_a_filter_over_a_million_lines_finds_the_few_and_keeps_only_them() -> None:
    log = FakeLog(300_000, lambda index: b"%s %d\n" % (b"needle" if index % 50_000 == 7 else b"hay", index))
    mixed = MixedLog(engine_with(a=log), ["a"], lambda _: None, keep=LogFilter("needle"))
    await mixed.last()
    so_far = mixed.reached
    assert so_far is not None, "not all of it was looked at"
    while not mixed.window.at_start:
        await mixed.older()
    assert mixed.reached is None
    assert [int(line.data.split()[1]) for line in mixed.window.entries] == [7, 50_007, 100_007, 150_007, 200_007, 250_007]
    await mixed.first()
    assert int(mixed.window.entries[0].data.split()[1]) == 7
    await mixed.close()


async def test_lines_that_come_late_are_put_in_their_place() -> None:
    engine = engine_with(a=FakeLog(0), b=FakeLog(0))
    mixed = MixedLog(engine, ["a", "b"], lambda _: None)
    await mixed.last()
    at = int(NOW * SECOND)
    await engine.containers.log("a").write(b"line 2\n", time=at + 2000)
    await _until(lambda: len(mixed.window.entries) == 1)
    await engine.containers.log("b").write(b"line 1\n", time=at + 1000)
    await _until(lambda: len(mixed.window.entries) == 2)
    assert numbers(mixed) == [(1, 1), (0, 2)]
    await engine.containers.log("a").end()
    await engine.containers.log("b").end()
    await _until(lambda: mixed.ended)
    await mixed.close()


async def test_only_matching_lines_live_then_one_of_them_in_its_place() -> None:
    log = FakeLog(5000, lambda index: b"%s %d\n" % (b"ERROR" if index % 1000 == 500 else b"fine", index))
    async with running(engine_with(web=log)) as ui:
        await ui.shows("fine 4999")
        await ui.press("enter", "f")
        await ui.type("error")
        await ui.shows("ERROR 4500")
        await ui.shows("ERROR 500")
        await ui.misses("fine")
        await ui.press("enter")
        await ui.shows("only “error” · following")
        await log.write(b"fine 5000\n", b"ERROR 5001\n")
        await ui.shows("ERROR 5001")
        assert "fine 5000" not in ui.text()
        await ui.press("V", "k", "k")
        await ui.shows("enter shows it in its place")
        await ui.press("enter")
        await ui.shows("fine 3499")
        await ui.shows("fine 3501")
        picker = ui.main.content.picker
        assert view(ui).document.lines[picker.at].data == b"ERROR 3500\n"
        await ui.press("escape", "G")
        await ui.shows("ERROR 5001")
        await ui.press("f")
        await ui.type("!fine")
        await ui.shows("only “!fine”")
        await ui.misses("fine 4")
        await ui.press("enter", "escape")
        await ui.shows("fine 4999")


async def test_a_filter_that_finds_nothing_says_so() -> None:
    async with running(engine_with(web=FakeLog(300))) as ui:
        await ui.shows("line 299")
        await ui.press("enter", "f")
        await ui.type("zebra")
        await ui.press("enter")
        await ui.shows("No line with “zebra”.")
        await ui.press("escape")
        await ui.shows("line 299")


async def test_marked_containers_are_one_log_with_names_until_escape() -> None:
    line_a: Callable[[int], bytes] = lambda index: b"from a %d\n" % index  # noqa: E731
    line_b: Callable[[int], bytes] = lambda index: b"from b %d\n" % index  # noqa: E731
    engine = engine_with(alpha=FakeLog(20, line_a), beta=FakeLog(20, line_b), gamma=FakeLog(5))
    async with running(engine) as ui:
        await ui.press("space", "space", "m")
        await ui.shows("alpha │ from a 19")
        await ui.shows("beta  │ from b 19")
        await ui.shows("2 logs · following")
        await engine.containers.log("beta").write(b"late\n")
        await ui.shows("beta  │ late")
        await ui.press("escape")
        await ui.shows("line 4")
        assert ui.main.content.mix == ()


async def test_which_logs_are_joined_is_chosen_in_a_box() -> None:
    engine = engine_with(alpha=FakeLog(3), beta=FakeLog(3), gamma=FakeLog(3))
    async with running(engine) as ui:
        await ui.press("M")
        await ui.shows("Show the logs of 3 containers as one?")
        await ui.press("space", "y")
        await ui.shows("gamma │ line 2")
        await ui.shows("2 logs")
        await ui.misses("alpha │")
        await ui.press("M", "j", "space")
        await ui.shows("Show the logs of 1 container as one?")
        await ui.press("n")
        await engine.containers.stop(engine.containers.find("gamma").id)
        await ui.shows("beta  │ line 2")


async def test_of_joined_logs_one_alone_then_the_next_then_all_again() -> None:
    engine = engine_with(alpha=FakeLog(3), beta=FakeLog(3), gamma=FakeLog(3))
    async with running(engine) as ui:
        await ui.press("M", "space", "y", "enter")
        await ui.shows("2 logs")
        await ui.press("o")
        await ui.shows("beta of 2 logs")
        await ui.misses("gamma │")
        await ui.press("o")
        await ui.shows("gamma of 2 logs")
        await ui.misses("beta  │")
        await ui.press("o")
        await ui.shows("2 logs · following")
        await ui.shows("beta  │ line 2")
        await ui.press("M", "j", "space", "y")  # the chooser mutes too: the one that is left is shown, whichever row is selected
        await ui.shows("of 2 logs")
        alone = ui.main.content.solo
        assert engine.containers.find(alone).name in ui.text()
        await ui.press("escape")
        await ui.until(lambda: not ui.main.content.mix)
        await ui.shows("following")
        assert "of 2 logs" not in ui.text()


async def test_a_line_a_range_and_the_screen_are_copied() -> None:
    async with running(engine_with(web=FakeLog(100))) as ui:
        await ui.shows("line 99")
        await ui.press("enter", "V", "k", "y")
        await ui.until(lambda: ui.app.clipboard == "line 98")
        await ui.press("V", "v", "K", "J", "k", "space")
        await ui.shows("1 line ·")
        await ui.press("v", "k", "k")
        await ui.shows("3 lines ·")
        await ui.press("y")
        await ui.until(lambda: ui.app.clipboard.count("\n") == 2)
        await ui.press("y", "s")
        await ui.until(lambda: ui.app.clipboard.count("line ") == view(ui).size.height)
        await ui.press("y", "a")
        await ui.until(lambda: ui.app.clipboard.count("line ") == 100)
        await ui.press("slash")
        await ui.type("line 42")
        await ui.press("enter", "y", "l")
        await ui.until(lambda: ui.app.clipboard == "line 42")
        await ui.press("V")
        assert ui.main.content.picker.at == 42
        await ui.press("pagedown", "pageup", "down", "up", "escape")
        assert not ui.main.content.picker.active


async def test_the_picked_line_stays_while_older_ones_are_loaded() -> None:
    async with running(engine_with(web=FakeLog(4000))) as ui:
        await ui.shows("line 3999")
        await ui.press("enter", "V")
        picker = ui.main.content.picker
        picker.move(-995)
        wanted = view(ui).document.lines[picker.at].data
        await ui.until(lambda: len(view(ui).document.lines) > 1000, "older lines")
        await ui.until(lambda: view(ui).document.lines[picker.at].data == wanted, "the same line")


async def test_times_go_round_and_the_look_menu_changes_everything() -> None:
    log = FakeLog(0)
    async with running(engine_with(web=log)) as ui:
        await log.write(b'{"level":"warn","msg":"slow query","ms":412,"time":"10:00"}\n', time=int(NOW * SECOND))
        await log.write(b"broken pipe\n", stream=StreamName.STDERR, time=int(NOW * SECOND) + 1_500_000_000)
        await ui.shows("broken pipe")
        await ui.press("enter", "t")
        await ui.shows("2026-11-25 10:00:00.000 ")
        await ui.press("t")
        await ui.shows("2026-11-25 10:00:00.000Z")
        await ui.press("t")
        await ui.shows("+1.500s broken")
        await ui.press("t")
        await ui.misses("+1.500s")
        await ui.press("O", "f")
        await ui.shows("10:00 WARN  slow query  ms=412")
        await ui.press("O")
        await ui.shows("stderr red")
        await ui.press("e")
        assert not view(ui).tinted
        await ui.press("O", "w")
        assert not view(ui).wrapped
        await ui.press("O", "t")
        assert view(ui).times == "local"


async def test_going_to_where_the_last_hour_began() -> None:
    import time

    log = FakeLog(3_600_000, lambda index: b"line %d\n" % index, end=time.time())
    async with running(engine_with(web=log)) as ui:
        await ui.shows("line 3599999")
        await ui.press("enter", "i")
        await ui.shows("the last 5 minutes")
        await ui.press("5")
        await ui.misses("line 3599999")
        first = int(view(ui).document.lines[0].data.split()[1])
        assert abs(first - 3_300_000) < 100_000
        await ui.press("i", "0")
        await ui.shows("line 0")
        await ui.press("G")
        await ui.shows("line 3599999")


async def test_a_moment_after_the_last_line_is_the_end() -> None:
    async with running(engine_with(web=FakeLog(30, end=NOW - 100_000_000))) as ui:
        await ui.shows("line 29")
        await ui.press("enter", "i", "1")
        await ui.until(lambda: any("nothing was written since then" in toast for toast in ui.toasts()))
        await ui.shows("line 29")


async def test_a_log_is_saved_as_shown_or_whole(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "a.log")
    async with running(engine_with(web=FakeLog(2500)), settings=Settings(log_lines=50)) as ui:
        await ui.shows("line 2499")
        await ui.press("enter", "ctrl+s", "a")
        await ui.shows("Save to")
        await ui.press("ctrl+u")
        await ui.type(path)
        await ui.press("enter")
        await ui.until(lambda: os.path.exists(path) and os.path.getsize(path) and any("2500 lines" in toast for toast in ui.toasts()))
        with open(path, encoding="utf-8") as file:
            assert file.read().splitlines() == [f"line {index}" for index in range(2500)]
        await ui.press("ctrl+s", "s", "ctrl+u")
        await ui.type(path)
        await ui.press("enter")
        await ui.shows("What is in it is lost.")
        await ui.press("y")
        await ui.until(lambda: any("50 lines" in toast for toast in ui.toasts()))
        await ui.press("ctrl+s", "s", "ctrl+u")
        await ui.type("/nowhere/a.log")
        await ui.press("enter")
        await ui.until(lambda: any("No such file or directory" in toast for toast in ui.toasts()))


async def test_the_pager_gets_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    async with running(engine_with(web=FakeLog(20))) as ui:

        async def page(text: str) -> None:
            given.append(text)

        monkeypatch.setattr(ui.main.desk, "page_text", page)
        await ui.shows("line 19")
        await ui.press("enter", "vertical_line")
        await ui.until(lambda: given == ["".join(f"line {index}\n" for index in range(20))])


def test_json_lines_are_folded_and_others_are_not() -> None:
    assert text_of(folded(b'{"level":30,"msg":"up","pid":7,"deep":{"a":[1]}}\n')) == 'INFO  up  pid=7  deep={"a": [1]}'
    assert text_of(folded(b'{"a":"\\u001b[2J"}')) == "  a=␛[2J"
    for data in (b"plain\n", b"{broken}\n", b"[1]\n", b"{}\n", b"{" * 5000 + b"}"):
        assert folded(data) == ()


def test_stderr_without_colours_is_red_and_its_own_colours_stay() -> None:
    document = LogDocument()
    document.extend(
        [LogLine(time=0, stream=StreamName.STDERR, data=b"bad\n"), LogLine(time=1, stream=StreamName.STDERR, data=b"\x1b[32mgood\x1b[0m\n")]
    )
    assert [str(style) for _, style in document.styled(0)] == ["red"]
    assert "green" in str(document.styled(1)[0][1])
    document.layout(width=0, times="", tinted=False)
    assert [str(style) for _, style in document.styled(0)] == ["none"]


def test_names_and_times_count_in_the_height_of_a_line() -> None:
    document = LogDocument()
    document.names = ("a", "somewhat-longer")
    document.layout(width=40, times="utc")
    document.extend([MixedLine(time=0, stream=StreamName.STDOUT, data=b"x" * 30 + b"\n", source=1)])
    assert document.margin == len("somewhat-longer │ ") + len(stamp(0))
    assert document.rows == 2
    assert text_of(document.styled(0)).startswith("1970-01-01 00:00:00.000Zsomewhat-longer │ x")
    assert (delta(12_000_000), delta(5000 * SECOND)) == ("  +0.012s ", "   +5000s ")


async def test_the_harbour_can_be_joined_whole() -> None:
    async with running(harbour()) as ui:
        await ui.press("asterisk", "m")
        await ui.shows("web            │ ")
        await ui.shows("8 logs")


async def test_what_the_mouse_selected_is_copied_at_once() -> None:
    async with running(engine_with(web=FakeLog(20))) as ui:
        await ui.shows("line 19")
        await ui.press("enter")
        log = view(ui)
        await ui.pilot.mouse_down(log, offset=(0, 2))
        await ui.pilot.hover(log, offset=(6, 3))
        await ui.pilot.mouse_up(log, offset=(6, 3))
        await ui.until(ui.main.get_selected_text, "a selection")
        await ui.press("y")
        await ui.until(lambda: ui.app.clipboard.startswith("line 2\nline"))
        assert not ui.main.get_selected_text()


async def test_the_sessions_own_clipboards_get_the_text_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tui.screens import clipboard

    for name in ("wl-copy", "xsel"):
        path = os.path.join(tmp_path, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\ncat > {path}.text\n")
        os.chmod(path, 0o755)
    assert clipboard.tools({"PATH": str(tmp_path)}) == []
    for name, value in (("PATH", f"{tmp_path}:{os.environ['PATH']}"), ("WAYLAND_DISPLAY", "w"), ("DISPLAY", ":0")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TMUX", raising=False)
    found = clipboard.tools({"PATH": str(tmp_path), "WAYLAND_DISPLAY": "w", "DISPLAY": ":0"})
    assert found == [("wl-copy",), ("xsel", "-ib")]
    async with running(engine_with(web=FakeLog(5))) as ui:
        await ui.shows("line 4")
        await ui.press("enter", "V", "y")
        taken = [tmp_path / f"{name}.text" for name in ("wl-copy", "xsel")]
        await ui.until(lambda: all(path.exists() and path.read_text() == "line 4" for path in taken))


@pytest.mark.parametrize("text", ["error", "Error 5", "!fine", "e.r", "^ERR", "5$", r"\d+", "a/b:c", "é", "(", "x|y", "[", "Ünï", "k"])
def test_the_short_ways_find_what_the_long_one_finds(text: str) -> None:
    """``K`` (Kelvin sign) and ``ſ`` fold to ASCII letters: only lines that are not ASCII can have them, and these go the long way."""
    wanted = LogFilter(text)
    plain = text.removeprefix("!")
    for line in ("an ERROR 5", "Error 5", "fine", "a/b:c", "ex", "é É", "\N{KELVIN SIGN}", "e\u0301rr", "a(b[", "ünï ÜNÏ", "y", ""):
        for end in ("\n", "\r\n", ""):
            expected = (wanted.pattern.search(line) is not None) != text.startswith("!")
            assert wanted((line + end).encode()) is expected, (plain, line)


async def test_a_reader_stays_where_they_are_when_a_container_ends_or_comes_back() -> None:
    log = FakeLog(5000, lambda index: b"%s %d\n" % (b"ERROR" if index == 2500 else b"fine", index))
    engine = engine_with(web=log, other=FakeLog(50))
    async with running(engine) as ui:
        await ui.select("web")
        await ui.press("enter", "f")
        await ui.type("ERROR")
        await ui.press("enter")
        await ui.shows("ERROR 2500")
        await ui.until(lambda: ui.main.content.settled)
        await ui.press("V", "enter")
        await ui.shows("fine 2501")
        await ui.pilot.pause()
        await engine.containers.stop(engine.containers.find("web").id)
        await ui.until(lambda: not next(one for one in ui.main.lists.snapshot.containers if one.name == "web").state.running)
        await ui.until(lambda: ui.main.content.settled)
        assert "fine 2501" in ui.text()
        await ui.press("escape", "escape", "g", "space", "space", "m")
        await ui.shows("2 logs")
        await ui.until(lambda: ui.main.content.settled)
        await ui.press("K", "K")
        await ui.shows("End follows")
        await ui.pilot.pause()
        seen = top_line(ui)
        await engine.containers.restart(engine.containers.find("web").id)
        await ui.until(lambda: next(one for one in ui.main.lists.snapshot.containers if one.name == "web").state.running)
        await ui.until(lambda: ui.main.content.settled)
        assert top_line(ui) == seen


async def test_a_picked_line_stays_picked_while_the_log_is_read_once_more() -> None:
    log = FakeLog(5000, lambda index: b"%s %d\n" % (b"ERROR" if index == 2500 else b"fine", index))
    async with running(engine_with(web=log)) as ui:
        await ui.press("enter", "f")
        await ui.type("ERROR")
        await ui.press("enter")
        await ui.shows("ERROR 2500")
        await ui.until(lambda: ui.main.content.settled)
        await ui.press("V")
        picker, shown = ui.main.content.picker, view(ui)
        lines = list(shown.document.lines)
        picker.across(lambda: shown.update_log([], -1))
        assert picker.active and not shown.line_count
        await ui.press("enter")  # there is nothing to be seen in its place
        assert picker.active
        ui.main.content.log_changed()
        assert picker.active and picker.count == 1 and len(lines) == shown.line_count
        await ui.press("enter")
        await ui.shows("fine 2501")


def top_line(ui: Harness) -> bytes:
    log = view(ui)
    return log.document.lines[log.locate(log.scroll_offset.y)[0]].data
