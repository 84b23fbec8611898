"""The bridge to the VT emulator: what is let through, what is dropped, and that nothing which a container writes breaks or swells it."""

from __future__ import annotations

import gc
import tracemalloc
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import Color

from tui.feed.emulator import HISTORY, MOST_REPLIES, Emulator
from tui.feed.vt_filter import LONGEST, SKIPPED, WEIGHT, VtFilter


def _text(screen: Emulator, y: int = 0) -> str:
    return "".join(text for text, _ in screen.row(y))


def _all(data: bytes) -> str:
    return "".join(VtFilter().feed(data))


HOSTILE = {
    "title": b"\x1b]0;evil\x07",
    "title, ended by ST": b"\x1b]2;evil\x1b\\",
    "clipboard": b"\x1b]52;c;ZXZpbA==\x07",
    "link": b"\x1b]8;;http://evil\x1b\\",
    "notification": b"\x1b]9;evil\x07",
    "palette": b"\x1b]4;1;#ffffff\x07",
    "window size": b"\x1b[8;9999;9999t",
    "title report": b"\x1b[21t",
    "answerback": b"\x05",
    "status string": b"\x1bP$qm\x1b\\",
    "sixel": b"\x1bPq#0;2;0;0;0\x1b\\",
    "macro": b"\x1bP0;0;0!zrm\x1b\\\x1b[0*z",
    "printer": b"\x1b[5i",
    "checksum": b"\x1b[1;1;1;1;1;1*y",
    "leds": b"\x1b[1q",
    "cursor shape": b"\x1b[6 q",
    "mouse": b"\x1b[?1000h\x1b[?1003h\x1b[?1006h",
    "focus reports": b"\x1b[?1004h",
    "132 columns": b"\x1b[?40h\x1b[?3h",
    "mode report": b"\x1b[?2004$p",
    "kitty keyboard": b"\x1b[>31u\x1b[=1;1u",
    "modify other keys": b"\x1b[>4;2m",
    "version report": b"\x1b[>0q",
    "application program": b"\x1b_Gf=24;AAAA\x1b\\",
    "privacy message": b"\x1b^evil\x1b\\",
    "start of string": b"\x1bXevil\x1b\\",
    "vt52": b"\x1b[?2l\x1bY  ",
    "8-bit controls": "\x9b8;9;9t\x9d0;evil\x9c".encode(),
    "bell": b"\x07",
    "alignment": b"\x1b#8\x1b#3",
    "character sets by escape": b"\x1b%@\x1b%G",
    "turned text": "\u202egnp.exe\u202c".encode(),
    "invisible text": "\u200b\u2060\ufeff".encode(),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_reaches_out_of_the_screen_is_dropped(name: str) -> None:
    """The outcome is nothing but text: no sequence of these is let through, and nothing is answered."""
    outcome = _all(b"A" + HOSTILE[name] + b"B")
    assert outcome[0] == "A"
    assert outcome[-1] == "B"
    assert outcome.isprintable()
    assert not set(outcome) & set("\u202e\u202c\u200b\u2060\ufeff")
    screen = Emulator(40, 4)
    screen.feed_all(b"A" + HOSTILE[name] + b"B")
    assert (screen.width, screen.height) == (40, 4)
    assert screen.outgoing() == b""


def test_what_programs_draw_with_is_let_through() -> None:
    screen = Emulator(20, 5)
    screen.feed_all(b"\x1b[1;31mred\x1b[0m \x1b[38;5;208mmore\x1b[38;2;1;2;3mtrue\x1b[m")
    pieces = screen.row(0)
    assert [text for text, _ in pieces] == ["red", " ", "more", "true"]
    assert pieces[0][1].bold
    assert pieces[0][1].color == Color.from_ansi(1)
    assert pieces[3][1].color is not None
    assert tuple(pieces[3][1].color.triplet or ()) == (1, 2, 3)
    screen.feed_all(b"\x1b[2;3Hx\x1b[?25l")
    assert _text(screen, 1) == "  x"
    assert screen.cursor is None
    screen.feed_all(b"\x1b[?25h\x1b[3;1H\x1b(0qqq\x1b(B")
    assert _text(screen, 2) == "───"
    assert screen.cursor == (3, 2)


def test_the_alternate_screen_leaves_what_was_there() -> None:
    screen = Emulator(20, 3)
    screen.feed_all(b"before\r\n\x1b[?1049h\x1b[2J\x1b[Heditor")
    assert screen.alternate
    assert _text(screen) == "editor"
    screen.feed_all(b"\x1b[?1049l")
    screen.end_screen("over")
    assert _text(screen, 1) == "over"
    assert _text(screen) == "before"
    assert not screen.history


def test_wide_combined_and_joined_characters_take_the_cells_that_the_tui_gives_them() -> None:
    screen = Emulator(20, 3)
    screen.feed_all("e\u0301世x👨\u200d👩\u200d👧y❤\ufe0fz\u0300\u0301\u0302\u0303\u0304".encode())
    assert screen.cursor is not None
    assert cell_len(_text(screen)) == screen.cursor[0]


def test_keys_mean_what_they_mean_in_xterm_and_follow_the_programs_modes() -> None:
    screen = Emulator()
    expected = {
        ("up", None): b"\x1b[A",
        ("ctrl+c", "\x03"): b"\x03",
        ("ctrl+q", "\x11"): b"\x11",
        ("a", "a"): b"a",
        ("left_square_bracket", "["): b"[",
        ("é", "é"): "é".encode(),
        ("enter", "\r"): b"\r",
        ("backspace", "\x7f"): b"\x7f",
        ("tab", "\t"): b"\t",
        ("shift+tab", None): b"\x1b[Z",
        ("escape", "\x1b"): b"\x1b",
        ("delete", None): b"\x1b[3~",
        ("f5", None): b"\x1b[15~",
        ("ctrl+left", None): b"\x1b[1;5D",
        ("alt+x", None): b"\x1bx",
        ("alt+colon", None): b"\x1b:",
        ("ctrl+at", "\x00"): b"\x00",
        ("ctrl+underscore", "\x1f"): b"\x1f",
        ("ctrl+backslash", "\x1c"): b"\x1c",
        ("a_key_that_nobody_knows", None): b"",
    }
    assert {key: screen.key(*key) for key in expected} == expected
    screen.feed_all(b"\x1b[?1h")
    assert screen.key("up", None) == b"\x1bOA"


def test_a_paste_can_not_end_its_brackets() -> None:
    screen = Emulator()
    assert screen.paste("one\ntwo") == b"one\rtwo"
    screen.feed_all(b"\x1b[?2004h")
    pasted = screen.paste("rm -rf /\x1b[201~\n")
    assert pasted.startswith(b"\x1b[200~")
    assert pasted.endswith(b"\x1b[201~")
    assert pasted.count(b"\x1b") == 2


def test_reports_are_answered_with_nothing_that_the_container_chose_and_not_without_end() -> None:
    screen = Emulator(80, 24)
    screen.feed_all(b"\x1b]0;rm -rf /\x07\x1b[5;7H\x1b[6n\x1b[5n")
    assert screen.outgoing() == b"\x1b[5;7R\x1b[0n"
    screen.feed_all(b"\x1b[c" * 100_000)
    assert len(screen.outgoing()) <= MOST_REPLIES
    assert screen.key("a", "a") == b"a"


def test_the_history_is_bounded_and_can_be_cleared() -> None:
    screen = Emulator(20, 3)
    for start in range(0, HISTORY + 500, 100):
        screen.feed_all(b"".join(b"line %d\r\n" % number for number in range(start, start + 100)))
    assert len(screen.history) == HISTORY
    assert "".join(text for text, _ in screen.history[-1]) == f"line {HISTORY + 497}"
    screen.feed_all(b"\x1b[3J")
    assert not screen.history


def test_endless_sequences_take_no_memory_and_do_not_silence_it_for_ever() -> None:
    for start in (b"\x1b]0;", b"\x1bP", b"\x1b[", b"\x1b[1;", b"\x1b ", b"\x1b_", b"a\xcc\x81"):
        screen = Emulator(80, 24)
        chunk = {b"\x1b[": b"1" * 65536, b"\x1b[1;": b"1;" * 32768, b"\x1b ": b" " * 65536, b"a\xcc\x81": b"\xcc\x81" * 32768}.get(
            start, b"A" * 65536
        )
        screen.feed_all(start + chunk)
        tracemalloc.start()
        for _ in range(2):
            screen.feed_all(chunk)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(10):
            screen.feed_all(chunk)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert grown < 5 * len(chunk), (start, grown)
        screen.feed_all(b"\x18\x1b\\\x1b[H\x1b[2Jhere")
        assert "here" in _text(screen), start

    screen = Emulator(80, 24)
    screen.feed_all(b"\x1bP" + b"\n" * (SKIPPED + 1) + b"here")
    screen.feed_all(b"again")
    assert "again" in _text(screen)


def test_what_takes_long_is_cut_into_pieces() -> None:
    for dear in (b"\x1bc", b"\x1b[2J", b"a\x1b[9999b", b"\x1b[9999I", b"\x1b[9999S", b"\x1b[?1049h\x1b[?1049l", b"\n"):
        screen = Emulator(200, 60)
        plain = max(map(len, screen.pieces(b"x" * 4096)))
        assert max(map(len, screen.pieces(dear * (4096 // len(dear))))) <= plain // 2, dear


WORDS = b"\x1b[|\x1b]|\x1bP|\x1b|\\|;|:|?|99999|1049|2004|h|l|m|H|J|K|L|r|abc|\r\n|\xff|$|*|!|p| |(|0|b|t|c|\x07".split(b"|")
PARTS = st.sampled_from([*WORDS, "世".encode(), "👨\u200d👩\u200d👧".encode(), "\x9b".encode()])


CONTROLS = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories of what does something; a code point that nobody has given a meaning is harmless."""


@settings(max_examples=100, deadline=None)
@given(st.lists(PARTS | st.binary(max_size=8), max_size=60), st.integers(1, 40), st.integers(1, 12), st.data())
def test_any_output_in_any_chunks_keeps_the_screen_a_screen(parts: list[bytes], width: int, height: int, data: st.DataObject) -> None:
    """However it is cut, the outcome is the same; rows fit; the cursor is on the screen; only what is known was let through."""
    output = b"".join(parts)
    whole, cut = Emulator(width, height), Emulator(width, height)
    whole.feed_all(output)
    at = 0
    while at < len(output):
        step = data.draw(st.integers(1, 7))
        cut.feed_all(output[at : at + step])
        at += step
    for screen in (whole, cut):
        assert (screen.width, screen.height) == (width, height)
        for y in range(height):
            assert cell_len(_text(screen, y)) <= width
            assert all(unicodedata.category(one) not in CONTROLS for one in _text(screen, y).replace("\u200d", ""))
        place = screen.cursor
        assert place is None or (0 <= place[0] < width and 0 <= place[1] < height)
    assert [whole.row(y) for y in range(height)] == [cut.row(y) for y in range(height)]
    assert whole.cursor == cut.cursor
    assert list(whole.history) == list(cut.history)
    filtered = VtFilter()
    pieces = filtered.feed(output)
    assert filtered.held <= LONGEST
    assert all(len(piece) <= WEIGHT + LONGEST for piece in pieces)
    whole.resize(data.draw(st.integers(0, 600)), data.draw(st.integers(0, 40)))
    whole.feed_all(output)
    assert whole.width <= 500
    assert all(cell_len(_text(whole, y)) <= whole.width for y in range(whole.height))
