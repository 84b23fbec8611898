"""How the TUI goes away and comes back in a real terminal: signals, a lost terminal, job control, a defect; and characters of every width."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.support.registry import Registry
from tests.support.stateroot import StateRoot, state_root
from tests.support.tmux import terminal
from tests.support.wait import until

WORDS = (
    "日本語のログ",
    "👍 done",
    "👩‍👩‍👧 family",
    "⚠️ careful",
    "e\u0301tude",
    "한국어",
    "ｆｕｌｌ",
    "עברית",
    "🇩🇪 flag",
    "✔ ok",
)


@pytest.fixture(scope="module")
def machine(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateRoot]:
    with state_root(str(tmp_path_factory.mktemp("endings") / "m"), registry.host, ["busybox"]) as made:
        made.out("run", "-d", "--stop-signal", "KILL", "--name", "front", "busybox", "sleep", "1000")
        script = "\n".join(f"echo {shlex.quote(word + ' |')}" for word in WORDS)
        made.out("run", "--name", "letters", "busybox", "sh", "-c", script)
        yield made


def shell(machine: StateRoot, after: str = "") -> list[str]:
    """A line for a shell: the TUI, then its exit code, then a prompt that echoes what is typed."""
    return ["bash", "--norc", "-ic", f"{shlex.join(machine.command)}; echo status $?; {after} exec bash --norc -i"]


def pid_of(machine: StateRoot) -> int:
    """The TUI's process, known by its state root."""
    wanted = machine.roots.state.encode()
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:1] == [sys.executable.encode()] and wanted in words and b"engine.cli" in words:
            return int(name)
    return 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_puts_the_terminal_back(machine: StateRoot, tmp_path: Path, number: signal.Signals) -> None:
    with terminal(str(tmp_path), shell(machine, "stty -a | tr ';' '\\n' | grep -w icanon;"), env=machine.environment) as screen:
        screen.shows("front")
        os.kill(pid_of(machine), number)
        text = screen.shows(f"status {128 + number}")
        assert "[1] Containers" not in text, "the other screen is shown again"
        screen.shows(" icanon")
        screen.type("echo typed-$((40+2))")
        screen.keys("Enter")
        screen.shows("typed-42")
        assert "Traceback" not in screen.screen()
    assert machine.out("ps", "--format", "{{.Names}}") == "front\n"


def test_a_terminal_that_goes_away_ends_it_and_nothing_else(machine: StateRoot, tmp_path: Path) -> None:
    with terminal(str(tmp_path), machine.command, env=machine.environment) as screen:
        screen.shows("front")
        pid = screen.pid
        screen.tmux("kill-server")
        until(lambda: not os.path.exists(f"/proc/{pid}"), what="the end of the TUI")
    assert machine.out("ps", "--format", "{{.Names}}") == "front\n"


def test_stopped_with_ctrl_z_and_back_with_fg(machine: StateRoot, tmp_path: Path) -> None:
    with terminal(str(tmp_path), ["bash", "--norc", "-i"], env=machine.environment) as screen:
        screen.shows("bash-")
        screen.type(shlex.join(machine.command))
        screen.keys("Enter")
        screen.shows("[1] Containers")
        screen.keys("C-z")
        screen.shows("Stopped")
        assert "[1] Containers" not in screen.screen()
        screen.type("echo typed-$((40+2)); fg")
        screen.keys("Enter")
        screen.shows("[1] Containers")
        screen.keys("2")
        screen.keys("/")
        screen.type("busy")
        screen.shows("busy")
        screen.keys("Enter")
        screen.keys("q")
        screen.shows("typed-42")
        screen.misses("[1] Containers")


def test_a_defect_puts_the_terminal_back_and_says_where_it_is_written_down(machine: StateRoot, tmp_path: Path) -> None:
    code = "import tui.widgets.list_pane as m; m.ListPane.move = lambda *a, **k: 1 / 0; from engine.cli.main import entry; entry()"
    command = [sys.executable, "-c", code, *machine.command[3:]]
    line = f"{shlex.join(command)}; echo status $?; exec bash --norc -i"
    with terminal(str(tmp_path), ["bash", "--norc", "-ic", line], env=machine.environment) as screen:
        screen.shows("front")
        screen.keys("j")
        text = screen.shows("status 1")
        log = Path(machine.environment["XDG_STATE_HOME"]) / "longshore" / "tui.log"
        joined = re.sub(r"\s", "", text)
        assert "Longshoreendedbyadefectofitsown:ZeroDivisionError:divisionbyzero" in joined
        assert f"Whathappenedisin{log}.Containersgoonrunning." in joined
        assert "Traceback" not in text
        assert "ZeroDivisionError" in log.read_text()
        assert log.stat().st_mode & 0o777 == 0o600
        screen.type("echo typed-$((40+2))")
        screen.keys("Enter")
        screen.shows("typed-42")


def test_wide_and_joined_characters_move_nothing(machine: StateRoot, tmp_path: Path) -> None:
    with terminal(str(tmp_path), machine.command, width=120, height=30, env=machine.environment) as screen:
        screen.shows("letters")
        screen.keys("G")
        screen.shows("✔ ok |")
        try:
            until(lambda: not moved(screen.screen()))
        except AssertionError:
            raise AssertionError(f"{moved(screen.screen())} on\n{screen.screen()}") from None


def moved(screen: str) -> list[str]:
    """The words that are not on a screen, or whose lines do not end where all do."""
    found = []
    for word in WORDS:
        line = next((line.rstrip() for line in screen.split("\n") if word[:2] in line), "")
        drawn = line.replace("\ufe0f", "")  # tmux draws what it follows as it is without it
        if not drawn.endswith("│") or cell_len(drawn) != 120:
            found.append(f"{word}: {line!r}, {cell_len(drawn)} cells")
    return found
