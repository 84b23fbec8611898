"""Hostile strings: nothing that a container, an image or a registry says reaches the terminal as a control or as markup."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import EngineFault
from engine.model.containers import PortBinding
from engine.model.images import ImageLayer, PullPhase, PullProgress
from engine.model.networks import Network
from engine.model.volumes import Volume
from tests.tui.conftest import running
from tests.tui.fake import NOW, FakeEngine, FakeLog, sha
from tui.presenters import details, pulls
from tui.presenters.ansi import MAX_CHARS, parse, parse_bytes, text_of
from tui.presenters.lines import width_of, wrap
from tui.presenters.text import clip, safe
from tui.presenters.yaml_view import yaml_lines
from tui.snapshot import PullState

CORPUS = (
    "\x1b[2J\x1b[H",
    "\x1b]0;owned\x07",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",
    "\x1bP$qm\x1b\\",
    "\x1b[6n",
    "\x1b[?1049h",
    "\x1bc",
    "\x9b31m\x9d0;owned\x9c",
    "\u202egnp.exe",
    "\u2066\u2069\u200b\u200e",
    "a\rb",
    "\x08\x08\x08",
    "\x07\x00\x7f",
    "z" + "\u0301" * 500,
    "[bold red]x[/]",
    "[@click=app.bell]x[/]",
    "[link=http://evil]x[/link]",
    "[/nothing]",
    "\\[escaped",
    "\ud800",
    "\u2028line\u2029",
    "\U000e0041\U000e007f",
)
FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e0fff]")


@pytest.mark.parametrize("text", CORPUS)
def test_no_control_survives(text: str) -> None:
    assert not FORBIDDEN.search(safe(text))
    assert not FORBIDDEN.search(text_of(parse(text)))
    raw = text.encode("utf-8", "surrogatepass")
    assert not FORBIDDEN.search(text_of(parse_bytes(raw)))


@given(st.text(alphabet=st.characters(codec=None), max_size=300))
def test_no_text_brings_a_control_through(text: str) -> None:
    assert not FORBIDDEN.search(safe(text))
    assert not FORBIDDEN.search(text_of(parse(text)))


@given(st.binary(max_size=400), st.integers(1, 50))
def test_any_bytes_are_wrapped_within_the_width(data: bytes, width: int) -> None:
    line = parse_bytes(data)
    assert not FORBIDDEN.search(text_of(line))
    rows = wrap(line, width)
    assert "".join(text_of(row) for row in rows) == text_of(line)
    assert all(width_of(row) <= max(width, 2) for row in rows)


@pytest.mark.parametrize(
    "text, colour",
    [
        ("\x1b[31mred", "red"),
        ("\x1b[91mred", "bright_red"),
        ("\x1b[38;5;196mred", "color(196)"),
        ("\x1b[38;2;255;0;0mred", "#ff0000"),
        ("\x1b[38:2:255:0:0mred", "#ff0000"),
        ("\x9b31mred", "red"),
        ("\x1b[1;31mred", "red"),
    ],
)
def test_colours_are_kept(text: str, colour: str) -> None:
    ((shown, style),) = parse(text)
    assert shown == "red"
    assert style.color is not None
    assert style.color.name == colour


def test_attributes_end_and_reset() -> None:
    pieces = parse("\x1b[1;4;44mloud\x1b[22;24m less\x1b[0m plain\x1b[39;49m\x1b[3")
    assert [text for text, _ in pieces] == ["loud", " less", " plain"]
    assert pieces[0][1].bold and pieces[0][1].underline and pieces[0][1].bgcolor is not None
    assert not pieces[1][1].bold
    assert pieces[2][1].bgcolor is None


def test_cursor_movement_vanishes_and_tabs_become_spaces() -> None:
    assert text_of(parse("a\x1b[10Cb\x1b[2Kc\tq\n")) == "abc     q"
    assert text_of(parse("10%\r50%\r100%\r\n")) == "100%"
    assert text_of(parse("\x1b]0;title")) == ""


def test_long_lines_are_cut_and_counted() -> None:
    text = text_of(parse("x" * 10_000_000))
    assert len(text) < MAX_CHARS + 40
    assert text.endswith(f"… {10_000_000 - MAX_CHARS} more bytes")


def test_a_document_of_any_shape_is_shown() -> None:
    nested = "[" * 500 + "]" * 500
    for raw in (nested, "{", "", '{"a": "\\u001b[31m", "b": [1, {"c": null}], "Env": ["DB_PASSWORD=x"], "k\\u202e": true}'):
        assert not FORBIDDEN.search("".join(text_of(line) for line in yaml_lines(raw)))
    shown = "\n".join(text_of(line) for line in yaml_lines('{"Env": ["DB_PASSWORD=hunter2"]}'))
    assert "hunter2" not in shown
    assert "hunter2" in "\n".join(text_of(line) for line in yaml_lines('{"Env": ["DB_PASSWORD=hunter2"]}', reveal=True))


def test_registry_words_are_safe() -> None:
    evil = "".join(CORPUS)
    state = PullState(reference=evil, layers=(PullProgress(phase=PullPhase.RETRYING, layer=evil, detail=evil),), note=evil)
    for outcome in ("", "failed", "done"):
        lines = pulls.pull_lines([state.replace(outcome=outcome)], width=80, height=5)
        assert not FORBIDDEN.search("".join(text_of(line) for line in lines) + pulls.title(state))


def test_one_line_and_clip_count_cells() -> None:
    assert clip("容器管理", 5) == "容器…"
    assert details.one_line("a\nb\x1b[31m", 80) == "a b␛[31m"


@pytest.mark.parametrize("evil", CORPUS[15:19])
async def test_markup_in_names_is_text(evil: str) -> None:
    await _everything(evil, quick=True)


async def test_the_joined_corpus_everywhere() -> None:
    await _everything("".join(CORPUS).encode("utf-8", "replace").decode(), quick=False)


async def _everything(evil: str, *, quick: bool) -> None:
    engine = FakeEngine()
    engine.add_image(f"{evil}:latest")
    log = FakeLog(3, lambda index: evil.encode() + b"\n")
    engine.add(
        evil, f"{evil}:latest", health="healthy", cpu=1, memory=1, ports=(PortBinding(container_port=80, host_port=81, host_ip=evil),),
        env=(f"{evil}={evil}",), labels={evil: evil}, cmd=(evil,), log=log,
    )  # fmt: skip
    engine.volumes.all[evil] = Volume(name=evil, driver=evil, labels={evil: evil}, created_at=NOW)
    engine.networks.all[sha("n")] = Network(id=sha("n"), name=evil, driver=evil, options={evil: evil})
    engine.images.history = lambda image, **_: _history(evil)  # type: ignore[method-assign]
    async with running(engine, size=(140, 30)) as ui:
        bells: list[int] = []
        ui.app.bell = lambda: bells.append(1)  # type: ignore[method-assign]
        tabs = ("right_square_bracket",) * (1 if quick else 5)
        for key in (*tabs, "2", "3", "4", "1") if not quick else (*tabs, "2", "1"):
            await ui.press(key)
            assert not FORBIDDEN.search(ui.text().replace("\n", ""))
        for key in ("d", "s", "y") if not quick else ("d",):
            await ui.press(key)
            assert not FORBIDDEN.search(ui.text().replace("\n", ""))
            await ui.press("escape")
        ui.main.desk.tell(evil, evil, bad=True)
        await engine.hub.fail(EngineFault(evil))
        await ui.shows("engine unreachable")
        assert not FORBIDDEN.search(ui.text().replace("\n", ""))
        assert not bells


async def _history(evil: str) -> list[ImageLayer]:
    return [ImageLayer(created_by=evil, comment=evil)]
