"""The terminal in a tab: every key, what goes on behind, how it ends, and what is said when there is none."""

from __future__ import annotations

import asyncio
import time

import pytest
from textual import events
from textual.widgets import Input

from engine.errors import EngineFault
from engine.interface import Session
from engine.model.containers import ExecConfig
from engine.model.streams import Output, StreamName
from tests.tui.conftest import Harness, running
from tests.tui.fake import FakeSession, harbour
from tui.config import Settings
from tui.feed.debugging import LABEL
from tui.feed.terminals import FRAMES, Terminal, Terminals
from tui.feed.vt_filter import WEIGHT


def _shell(ui: Harness, name: str = "") -> FakeSession:
    """The session of a container's terminal, of the selected one without a name."""
    one = ui.engine.containers.find(name) if name else ui.main.lists.selected(ui.main.stage.noun)
    terminal = ui.main.content.terminals.get(one.id)  # type: ignore[union-attr]
    assert terminal is not None
    assert isinstance(terminal._session, FakeSession)
    return terminal._session


async def _another(ui: Harness, name: str = "", than: FakeSession | None = None) -> FakeSession:
    """The session of a container's terminal once it is open, and another one than an older one."""
    one = ui.engine.containers.find(name) if name else ui.main.lists.selected(ui.main.stage.noun)

    def found() -> bool:
        terminal = ui.main.content.terminals.get(one.id)  # type: ignore[union-attr]
        return terminal is not None and terminal._session not in (None, than)

    await ui.until(found)
    return _shell(ui, name)


def _output(session: FakeSession, data: bytes) -> None:
    session._out.put_nowait(Output(stream=StreamName.STDOUT, data=data))


async def test_every_key_goes_in_but_the_ones_that_the_border_tells() -> None:
    async with running(harbour()) as ui:
        await ui.press("E")
        await ui.shows("/ #")
        await ui.shows("^] leave")
        assert "Terminal" in ui.text()
        await ui.type("q1xs/")
        await ui.press("ctrl+c", "ctrl+q", "escape", "tab", "up", "enter")
        session = _shell(ui)
        await ui.until(lambda: bytes(session.written) == b"q1xs/\x03\x11\x1b\t\x1b[A\r")
        ui.app.post_message(events.Paste("a\nb"))
        await ui.until(lambda: bytes(session.written).endswith(b"a\rb"))
        size = ui.main._main.terminal_view.size
        await ui.until(lambda: session.sizes[-1] == (size.width, size.height))
        await ui.press("ctrl+right_square_bracket")
        assert ui.noun == "containers"
        assert not ui.main.stage.main_focused
        await ui.press("plus")  # another screen mode: the terminal is as wide as its pane
        await ui.until(lambda: session.sizes[-1] != (size.width, size.height))
        assert not ui.app._exit


async def test_what_is_typed_while_the_focus_moves_reaches_what_it_is_meant_for() -> None:
    async with running(harbour()) as ui:
        await ui.press("E")
        await ui.shows("/ #")
        session = _shell(ui)
        for key, character in (
            ("ctrl+right_square_bracket", None),
            ("down", None),
            ("up", None),
            ("enter", "\r"),
            ("ctrl+c", "\x03"),
            ("a", "a"),
        ):
            ui.app.post_message(events.Key(key, character))
        await ui.until(lambda: bytes(session.written) == b"\x03a")
        assert not ui.app._exit


async def test_keys_pressed_before_it_is_open_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = harbour()
    gate = asyncio.Event()
    usual = engine.containers.exec

    async def slow(container: str, config: ExecConfig) -> Session:
        await gate.wait()
        return await usual(container, config)

    monkeypatch.setattr(engine.containers, "exec", slow)
    async with running(engine) as ui:
        await ui.press("E")
        await ui.shows("opening…")
        await ui.type("rm")
        gate.set()
        await ui.shows("/ # RM")
        assert not engine.called("rm ")
        assert not engine.called("restart")


async def test_terminals_go_on_behind_and_the_list_shows_them() -> None:
    async with running(harbour()) as ui:
        await ui.select("web")
        await ui.press("E")
        await ui.shows("/ #")
        first = _shell(ui, "web")
        await ui.press("ctrl+right_square_bracket")
        await ui.select("db")
        await ui.press("E")
        await _another(ui, "db")
        await ui.shows("web ❯")
        await ui.shows("db ❯")
        _output(first, b"written behind\r\n")
        await ui.press("ctrl+right_square_bracket")
        await ui.select("web")
        await ui.shows("written behind")
        await ui.press("E")  # not a second one
        assert _shell(ui, "web") is first
        assert ui.main.terminal_tab.typing
        await ui.press("ctrl+right_square_bracket", "left_square_bracket")
        await ui.misses("written behind")


async def test_a_container_has_several_terminals_that_all_go_on() -> None:
    async with running(harbour()) as ui:
        await ui.select("web")
        await ui.press("E")
        first = await _another(ui, "web")
        await ui.type("one")
        await ui.shows("/ # ONE")
        await ui.press("ctrl+right_square_bracket", "t")
        second = await _another(ui, "web", first)
        await ui.shows("2 of 2")
        await ui.shows("web ❯2")
        await ui.misses("ONE")
        await ui.type("two")
        await ui.shows("/ # TWO")
        _output(first, b" behind")
        await ui.press("ctrl+right_square_bracket", "W")
        await ui.shows("1 of 2")
        await ui.shows("/ # ONE behind")
        await ui.type("x")
        await ui.until(lambda: bytes(first.written) == b"onex" and bytes(second.written) == b"two")
        await ui.press("ctrl+right_square_bracket", "D")
        await ui.shows("Close terminal 1 of 2 of web?")
        await ui.press("y")
        await ui.until(lambda: first.closed)
        await ui.shows("/ # TWO")
        await ui.misses("1 of 2")
        assert not second.closed
        await ui.press("a")
        await ui.shows("^p ^q detaches · 2 of 2")
        await ui.press("ctrl+right_square_bracket", "E")
        await ui.until(lambda: _shell(ui, "web") is second)  # not a third one
        await ui.shows("1 of 2")
    assert second.closed


async def test_the_end_is_said_and_what_was_there_can_be_searched() -> None:
    async with running(harbour()) as ui:
        await ui.press("E")
        await ui.shows("/ #")
        session = _shell(ui)
        _output(session, b"\x1b[?1049h\x1b[2Jeditor")
        await ui.shows("editor")
        _output(session, b"\x1b[?1049l\r\nneedle\r\n")
        session.code = 3
        await ui.type("exit")
        await ui.shows("[ended with exit code 3]")
        await ui.misses("^] leave")
        await ui.press("slash")
        await ui.type("needle")
        await ui.press("enter")
        await ui.shows("1 of 1")
        await ui.press("E")
        await _another(ui, than=session)
        await ui.misses("needle")
        assert session.closed


async def test_the_history_is_scrolled_and_typing_ends_that() -> None:
    async with running(harbour()) as ui:
        await ui.press("E")
        await ui.shows("/ #")
        session = _shell(ui)
        _output(session, b"".join(b"line %d\r\n" % number for number in range(300)))
        await ui.shows("line 299")
        await ui.press("shift+pageup", "shift+pageup", "shift+pageup")
        await ui.misses("line 299")
        _output(session, b"line 300\r\n")
        await ui.shows("rows back")
        assert "line 300" not in ui.text()
        await ui.press("shift+pagedown")
        await ui.type("x")
        await ui.shows("line 300")


async def test_an_image_without_a_shell_is_told_and_the_list_has_the_keys_again() -> None:
    engine = harbour()
    engine.containers.no_shell.add(engine.containers.find("db").id)
    async with running(engine) as ui:
        await ui.select("db")
        await ui.press("E")
        await ui.until(lambda: any("no shell in postgres:17" in toast for toast in ui.toasts()))
        await ui.until(lambda: not ui.main.terminal_tab.typing)
        assert "Terminal" not in ui.text()


async def test_command_and_user_are_asked_for_and_remembered_for_the_image(tmp_path: object) -> None:
    memory = f"{tmp_path}/tui.json"
    for round in range(2):
        engine = harbour()
        async with running(engine, settings=Settings(remember=memory)) as ui:
            await ui.select("web")
            if not round:
                await ui.press("ctrl+e")
                await ui.shows("Run in web")
                await ui.type("python -i 'a b'")
                await ui.press("tab")
                await ui.type("1000:50")
                await ui.press("enter")
            else:
                await ui.press("E")
            await ui.shows("python -i 'a b' as 1000:50")
            config = (await ui.until(lambda: ui.engine.containers.executed))[-1]
            assert (config.cmd, config.user) == (("python", "-i", "a b"), "1000:50")
            assert "TERM=xterm-256color" in config.env
            await ui.press("ctrl+right_square_bracket")
            await ui.select("db")
            await ui.press("E")
            await ui.until(lambda: ui.engine.containers.executed[-1].cmd[0] == "/bin/sh")
            assert engine.containers.executed[-1].user == ""


async def test_wrong_fields_are_told_in_the_form() -> None:
    async with running(harbour()) as ui:
        await ui.press("ctrl+e")
        await ui.shows("Run in")
        await ui.type("sh 'open")
        await ui.press("enter")
        await ui.shows("command: No closing quotation")
        await ui.press("escape")
        assert not ui.engine.called("exec")


async def test_attach_in_a_tab_leaves_by_the_detach_keys_and_does_not_end_the_process() -> None:
    engine = harbour()
    async with running(engine) as ui:
        await ui.select("web")
        await ui.press("a")
        await ui.shows("^p ^q detaches")
        session = await _another(ui, "web")
        await ui.type("hi")
        await ui.press("ctrl+p", "ctrl+q")
        await ui.shows("[left: its process goes on]")
        await ui.until(lambda: session.closed)
        assert b"\x03" not in session.written
        assert b"\x04" not in session.written


async def test_a_terminal_is_closed_after_asking_and_a_shell_is_told_to_end() -> None:
    async with running(harbour()) as ui:
        await ui.press("E")
        await ui.shows("/ #")
        session = _shell(ui)
        await ui.press("ctrl+right_square_bracket", "D")
        await ui.shows("Close the terminal of")
        await ui.press("n", "D", "y")
        await ui.until(lambda: session.closed)
        assert bytes(session.written) == b"\x03\x04"
        await ui.misses("Terminal")


async def test_a_container_that_is_gone_takes_its_terminal_along() -> None:
    engine = harbour()
    async with running(engine) as ui:
        await ui.select("web")
        await ui.press("E")
        await ui.shows("/ #")
        session = _shell(ui, "web")
        await engine.containers.remove(engine.containers.find("web").id, force=True)
        await ui.until(lambda: session.closed)
        await ui.until(lambda: not ui.main.terminal_tab.typing)


async def test_read_only_has_no_terminal() -> None:
    async with running(harbour(), settings=Settings(readonly=True)) as ui:
        await ui.press("E", "a", "ctrl+e", "F", "A")
        assert not ui.engine.called("exec")
        assert not ui.engine.called("attach")


async def test_another_key_to_leave() -> None:
    async with running(harbour(), settings=Settings(keys={"terminal.leave": "f12"})) as ui:
        await ui.press("E")
        await ui.shows("f12 leave")
        await ui.press("ctrl+right_square_bracket")
        session = await _another(ui)
        await ui.until(lambda: bytes(session.written) == b"\x1d")
        await ui.press("f12")
        assert not ui.main.terminal_tab.typing


async def test_a_flood_leaves_the_others_their_turn_and_is_not_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """While output pours in, others have their turn as soon as the time is used up, and the process waits for the screen."""
    monkeypatch.setattr("tui.feed.terminals.TURN", 0.0)
    posted: list[object] = []
    session = FakeSession()
    terminal = Terminal("id", "flood")
    terminals = Terminals(posted.append)

    async def open_session(width: int, height: int) -> Session:
        return session

    await terminals.open(terminal, open_session, width=120, height=40)
    emulator = terminal.emulator
    assert emulator is not None
    fed: list[int] = []
    feed = emulator.feed

    def counted(piece: str) -> None:
        fed.append(len(piece))
        feed(piece)

    monkeypatch.setattr(emulator, "feed", counted)
    for _ in range(6):
        _output(session, b"y\r\n" * 1300)
    began = time.monotonic()
    most, turns = 0, 0
    while session._out.qsize():
        seen = len(fed)
        await asyncio.sleep(0)
        most, turns = max(most, len(fed) - seen), turns + 1
    assert most == 1
    assert turns > sum(fed) / WEIGHT
    assert max(fed) <= WEIGHT
    assert len(posted) < 10 + FRAMES * (time.monotonic() - began)
    await terminals.close()
    assert session.closed


async def test_a_connection_that_breaks_is_said() -> None:
    class Broken(FakeSession):
        async def read(self) -> Output | None:
            raise EngineFault("the engine went away\x1b[2J")

    terminals = Terminals(lambda message: None)
    terminal = Terminal("id", "broken")

    async def open_session(width: int, height: int) -> Session:
        return Broken()

    await terminals.open(terminal, open_session, width=60, height=4)
    async with asyncio.timeout(30):
        while terminal.alive:
            await asyncio.sleep(0.01)
    assert terminal.note == "broken off: the engine went away\x1b[2J"
    assert terminal.emulator is not None
    assert "".join(text for text, _ in terminal.emulator.row(0)) == "[broken off: the engine went away [2J]"
    await terminals.close()


async def test_a_terminal_beside_a_container_is_of_an_image_with_tools_and_is_gone_when_it_is_closed(tmp_path: object) -> None:
    memory = f"{tmp_path}/tui.json"
    async with running(harbour(), settings=Settings(remember=memory)) as ui:
        await ui.select("web")
        await ui.press("B")
        await ui.shows("Debug web")
        await ui.shows("/proc/1/root")
        assert ui.app.screen.query_one("#field-image", Input).value == "busybox:latest"
        await ui.press("tab")
        await ui.type("top -d 1")
        await ui.press("enter")
        await ui.shows("debug with busybox:latest")
        await ui.shows("/ #")
        web = ui.engine.containers.find("web").id
        (second,) = [id for id, (config, _) in ui.engine.containers.configs.items() if LABEL in config.labels]
        config, host = ui.engine.containers.configs[second]
        assert (config.entrypoint, config.cmd, config.labels[LABEL]) == (("top",), ("-d", "1"), web)
        assert {host.network_mode, host.pid_mode} == {f"container:{web}"}
        await ui.type("x")
        await ui.press("ctrl+right_square_bracket", "B")  # back to it, nothing is asked
        await ui.until(lambda: ui.main.terminal_tab.typing)
        await ui.press("ctrl+right_square_bracket", "D")
        await ui.shows("Close the terminal of web?")
        await ui.press("y")
        await ui.until(lambda: second not in ui.engine.containers.all)
        await ui.press("at")
        await ui.shows("run -it --rm --pid container:web --network container:web --cap-add")  # folded here
        await ui.shows("--entrypoint top busybox:latest -d 1")
    async with running(harbour(), settings=Settings(remember=memory)) as ui:
        await ui.press("B")
        await ui.shows("top -d 1")


async def test_an_image_for_a_terminal_beside_is_pulled_where_it_is_not_there() -> None:
    async with running(harbour()) as ui:
        await ui.press("B")
        await ui.shows("Debug ")
        await ui.press("ctrl+u")
        await ui.type("netshoot")
        await ui.press("enter")
        await ui.until(lambda: ui.engine.called("pull netshoot"))
        await ui.until(lambda: any("netshoot is pulled first" in toast for toast in ui.toasts()))
        await ui.shows("debug with netshoot")
        await ui.shows("/ #")
