"""For all eyes and none: colours that everyone tells apart, light or dark as the terminal is, no colours, screen readers."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
import time
from itertools import combinations

import pytest
from rich.terminal_theme import TerminalTheme
from textual.color import Color
from textual.strip import Strip

from tests.tui.conftest import Harness, running
from tests.tui.fake import harbour
from tui.background import PATIENCE, is_dark, told_by_environment
from tui.config import Settings
from tui.snapshot import Noun
from tui.themes import (
    AUTO,
    CONTRAST,
    SAFE_DARK_PALETTE,
    SAFE_LIGHT_PALETTE,
    THEMES,
    chosen,
    contrast,
    counterpart,
    faint,
)

# --- colours that everyone tells apart -------------------------------------------------------------------------------------

# What the three kinds of dichromats see of a linear colour: Machado, Oliveira and Fernandes, 2009, severity 1.0.
DICHROMATS = {
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def _lab(colour: tuple[int, int, int], kind: str) -> tuple[float, float, float]:
    """CIE L*a*b* (D65) of what somebody sees of a colour."""
    linear = [(part / 12.92) if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (value / 255 for value in colour)]
    if kind:
        linear = [min(1.0, max(0.0, sum(a * b for a, b in zip(row, linear, strict=True)))) for row in DICHROMATS[kind]]
    red, green, blue = linear
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883
    fx, fy, fz = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def _apart(one: tuple[int, int, int], other: tuple[int, int, int], kind: str) -> float:
    """Their difference (ΔE, CIE 1976); 2.3 can just be seen side by side."""
    return float(sum((a - b) ** 2 for a, b in zip(_lab(one, kind), _lab(other, kind), strict=True)) ** 0.5)


@pytest.mark.parametrize("kind", ["", *DICHROMATS])
@pytest.mark.parametrize("palette", [SAFE_DARK_PALETTE, SAFE_LIGHT_PALETTE], ids=["dark", "light"])
def test_states_differ_in_colour_for_every_kind_of_colour_vision(palette: TerminalTheme, kind: str) -> None:
    states = [palette.ansi_colors[index] for index in (1, 2, 3, 4)]
    for one, other in combinations(states, 2):
        assert _apart((one[0], one[1], one[2]), (other[0], other[1], other[2]), kind) > 15, (one, other)


def test_the_usual_red_and_green_would_not_pass() -> None:
    """So the test above can fail."""
    assert _apart((170, 110, 60), (110, 130, 60), "deutan") < 15


@pytest.mark.parametrize("theme", THEMES, ids=[theme.name for theme in THEMES])
def test_our_themes_are_legible_everywhere(theme: object) -> None:
    one = next(each for each in THEMES if each is theme)
    assert faint(one) == []


@pytest.mark.parametrize("palette", [SAFE_DARK_PALETTE, SAFE_LIGHT_PALETTE], ids=["dark", "light"])
def test_what_containers_write_in_colours_is_legible_in_the_safe_themes(palette: TerminalTheme) -> None:
    ground = Color(*palette.background_color)
    for index in (*range(1, 7), *range(9, 15)):
        assert contrast(Color(*palette.ansi_colors[index]), ground) >= CONTRAST, index


async def test_the_colours_of_states_go_with_the_theme() -> None:
    async with running(harbour(), settings=Settings(theme="longshore-safe-dark")) as ui:
        assert ui.app.ansi_theme is SAFE_DARK_PALETTE
        await ui.press("T")
        assert ui.app.theme == "longshore-safe-light" and ui.app.ansi_theme is SAFE_LIGHT_PALETTE
        await ui.press("T")
        assert ui.app.theme == "longshore-safe-dark"


# --- light or dark ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data, dark",
    [
        (b"\x1b]11;rgb:1111/1515/1c1c\x1b\\\x1b[?62;c", True),
        (b"\x1b]11;rgb:fb/fb/f8\x07", False),
        (b"\x1b]11;rgba:ffff/ffff/ffff/8000\x1b\\", False),
        (b"\x1b]11;rgb:f/f/f\x1b\\", False),
        (b"\x1b[?1;2c", None),
        (b"", None),
    ],
)
def test_the_terminals_answer_is_understood(data: bytes, dark: bool | None) -> None:
    assert is_dark(data) is dark


def test_without_an_answer_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, dark in (("15;0", True), ("0;15", False), ("0;default;7", False), ("", True)):
        monkeypatch.setenv("COLORFGBG", value)
        assert told_by_environment() is dark
    assert (
        chosen(AUTO, dark=False) == "longshore-light"
        and chosen(AUTO, dark=True) == "longshore-dark"
        and chosen("nord", dark=False) == "nord"
    )
    assert counterpart("nord", dark=True) == "longshore-light"


def _asked(answer: bytes) -> tuple[str, bytes, float, bool]:
    """Ask with a terminal that answers so: what came out, what it was asked, seconds, whether it echoes afterwards as before."""
    master, slave = pty.openpty()
    code = "import sys, time; from tui.background import ask; a = ask(); b = time.monotonic(); d = a(); print('dark' if d else 'light', time.monotonic() - b, file=sys.stderr)"
    environment = {**os.environ, "COLORFGBG": "0;15"}
    child = subprocess.Popen(
        [sys.executable, "-c", f"import fcntl, termios; fcntl.ioctl({slave}, termios.TIOCSCTTY, 0); {code}"],
        stdin=slave, stdout=slave, stderr=subprocess.PIPE, text=True, start_new_session=True, pass_fds=(slave,), env=environment,
    )  # fmt: skip
    asked = b""
    deadline = time.monotonic() + 30
    while b"\x1b[c" not in asked:
        assert time.monotonic() < deadline
        if select.select([master], [], [], 0.2)[0]:
            asked += os.read(master, 100)
    if answer:
        os.write(master, answer)
    _, out = child.communicate(timeout=30)
    echo = bool(termios.tcgetattr(slave)[3] & termios.ECHO)
    os.close(slave)
    os.close(master)
    word, seconds = out.split()
    return word, asked, float(seconds), echo


@pytest.mark.parametrize(
    "answer, word",
    [
        (b"\x1b]11;rgb:0000/0000/0000\x1b\\\x1b[?62c", "dark"),
        (b"\x1b]11;rgb:ffff/ffff/ffff\x07\x1b[?62c", "light"),
        (b"\x1b[?62c", "light"),
        (b"", "light"),
    ],
    ids=["dark", "light", "knows no OSC 11", "answers nothing"],
)
def test_a_terminal_is_asked_without_a_trace_and_never_waited_for_long(answer: bytes, word: str) -> None:
    told, asked, seconds, echo = _asked(answer)
    assert told == word
    assert asked == b"\x1b]11;?\x1b\\\x1b[c", "nothing of the answer is echoed"
    assert echo, "the terminal is as it was"
    if not answer:
        assert seconds <= PATIENCE + 5, "also on a busy machine"


# --- no colours ------------------------------------------------------------------------------------------------------------


async def test_without_colours_there_are_none_and_the_cursor_and_the_focus_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running(harbour()) as ui:
        await ui.shows("worker-1")
        await ui.shows("╔")
        screen = ui.app.screen
        strips = [strip.apply_filter(line_filter, Color(0, 0, 0)) for line_filter in ui.app.get_line_filters() for strip in _strips(ui)]
        styles = [segment.style for strip in strips for segment in strip if segment.style]
        assert styles and not [style for style in styles if style.color and not style.color.is_default]
        assert not [style for style in styles if style.bgcolor and not style.bgcolor.is_default]
        cursor = [segment for strip in strips for segment in strip if segment.style and segment.style.reverse and "cache" in segment.text]
        assert cursor, "the row under the cursor is reversed"
        await ui.press("x")
        await ui.until(lambda: ui.app.screen is not screen)
        assert any(segment.style and segment.style.reverse for strip in _strips(ui) for segment in strip)


def _strips(ui: Harness) -> list[Strip]:
    return list(ui.app.screen._compositor.render_strips(ui.app.screen.size))


# --- screen readers --------------------------------------------------------------------------------------------------------

_DRAWN = "╭╮╰╯─│║═╔╗╚╝█▁▂▃▄▅▆▇▉▊▋░┤"


async def test_a_screen_reader_gets_plain_lines_and_changes_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(harbour(), settings=Settings(screen_reader=True), size=(100, 30)) as ui:
        await ui.shows("Containers, 1 of 8: name cache, status running")
        said = ui.main.query_one("#said").region
        await ui.until(lambda: ui.app.cursor_position == said.offset, "the cursor on what is said")
        await ui.press("j")
        await ui.shows("Containers, 2 of 8: name db")
        await ui.press("space")
        await ui.shows("1 marked: ")
        assert not set(ui.text()) & set(_DRAWN), ui.text()
        await ui.press("escape", "2")
        await ui.shows("Images, 1 of 6: name busybox")
        await ui.press("1", "g", "enter")
        await ui.shows("logs of cache")
        await ui.press("right_square_bracket")
        await ui.shows("stats of cache")
        await ui.shows("CPU %: 0.31%")
        assert not set(ui.text()) & set(_DRAWN), ui.text()
        await ui.press("escape", "x")
        await ui.shows("Stop it, after asking")
        assert not set(ui.text()) & set(_DRAWN), ui.text()
        await ui.press("escape", "f6")
        await ui.shows("NET OUT")
        assert not set(ui.text()) & set(_DRAWN), ui.text()


# --- the palette and the mouse ---------------------------------------------------------------------------------------------


def _chosen(ui: Harness, noun: Noun) -> str:
    pane = ui.main.lists.panes[noun]
    return next((" ".join(text for text, _ in row.cells) for row in pane.rows if row.key == pane.selected), "")


async def test_the_palette_finds_every_object_and_goes_there_whatever_is_in_the_way() -> None:
    async with running(harbour(), settings=Settings(hide_stopped=True)) as ui:
        ui.main.lists.panes[Noun.CONTAINERS].filter = "web"
        ui.main.lists.refresh(Noun.CONTAINERS)
        for words, noun, found in (
            ("migrate", Noun.CONTAINERS, "migrate"),
            ("pgdata", Noun.VOLUMES, "pgdata"),
            ("postgres", Noun.IMAGES, "postgres"),
        ):
            await ui.press("colon")
            await ui.until(lambda: ui.app.screen is not ui.main)
            await ui.type(words)
            await ui.shows(f"{noun.value.removesuffix('s')}: {found}")
            await ui.press("enter")
            await ui.until(lambda: ui.app.screen is ui.main)
            await ui.until(lambda noun=noun: ui.noun == noun.value)  # type: ignore[misc]  # bound at once
            await ui.until(lambda noun=noun, found=found: found in _chosen(ui, noun))  # type: ignore[misc]


async def test_the_mouse_opens_marks_and_asks_for_the_menu() -> None:
    async with running(harbour()) as ui:
        pane = ui.main.lists.panes[Noun.CONTAINERS]
        await ui.pilot.click(pane, offset=(5, 3), control=True)
        await ui.until(lambda: len(pane.marks.keys) == 1)
        await ui.pilot.click(pane, offset=(5, 2), times=2)
        await ui.until(lambda: ui.main.stage.main_focused)
        await ui.pilot.click(pane, offset=(5, 2), button=3)
        await ui.shows("Containers: ")
