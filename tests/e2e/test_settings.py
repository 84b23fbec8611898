"""Settings in the real program, in a real terminal: the file is taken up while it runs, and what was changed by hand is remembered."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.registry import Registry
from tests.support.stateroot import state_root
from tests.support.tmux import Terminal, terminal
from tests.support.wait import until


def side(screen: Terminal) -> int:
    """The width of the lists."""
    return screen.screen().partition("\n")[0].find("╮")


def write(path: Path, text: str) -> None:
    """Replace a file whole, as editors do: the program may look at any moment."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def test_the_file_is_taken_up_and_the_layout_is_remembered(registry: Registry, tmp_path: Path) -> None:
    with state_root(str(tmp_path / "m"), registry.host) as machine:
        environment = {**machine.environment, "XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}
        environment.pop("CONFIG_DIR", None)
        command = [sys.executable, "-m", "engine.cli", "--root", machine.roots.state]  # without --config: the file of the person
        path = tmp_path / "config" / "longshore" / "config.toml"
        lazydocker = tmp_path / "config" / "lazydocker"
        lazydocker.mkdir(parents=True)
        (lazydocker / "config.yml").write_text("gui:\n  sidePanelWidth: 0.5\n  language: de\n")
        with terminal(str(tmp_path), command, width=120, height=40, env=environment) as screen:
            screen.shows("Take over your settings of lazydocker?")
            screen.keys("y")
            screen.shows("3: gui.language: not taken")
            screen.keys("Escape")
            screen.misses("not taken")
            assert path.is_file()
            until(lambda: side(screen) == 59, what="half of the width, as lazydocker's file wants it")
            screen.keys("6")
            screen.shows("[4] Networks")
            screen.keys("Z")
            screen.misses("[4] Networks")
            write(path, "[tui]\nside_ratio = 3\n[tui.keys]\n'global.quit' = 'f5'\n")
            screen.shows("read again: side_ratio, preset, keys")
            until(lambda: side(screen) == 39, what="a third of the width")
            write(path, "[tui]\nside_ratio = 'x'\n")
            screen.shows("config.toml:2:")
            screen.shows("settings stay as they were")
            screen.keys("q")
            screen.keys("F6")
            screen.shows("over 1, 5, 15 min")
            screen.keys("Escape")
            screen.misses("over 1, 5, 15 min")
            assert not screen.over(), "q is no key any more"
            screen.keys("F5")
            until(screen.over)
            assert screen.status == 0
        path.write_text("")
        with terminal(str(tmp_path), command, width=120, height=40, env=environment) as screen:
            screen.shows("[3] Volumes")
            assert "[4] Networks" not in screen.screen()
            screen.keys("4")
            screen.shows("[4] Networks")
            screen.keys("q")
            until(screen.over)
