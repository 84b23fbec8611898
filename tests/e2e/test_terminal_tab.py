"""A terminal in a tab on the real engine: programs that draw, keys that must not end the TUI, output that goes on behind."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.registry import Registry
from tests.support.stateroot import state_root
from tests.support.tmux import terminal
from tests.support.wait import until


def test_shell_editor_and_monitor_in_a_tab(registry: Registry, tmp_path: Path) -> None:
    with state_root(str(tmp_path / "m"), registry.host, ["busybox"]) as machine:
        machine.out("run", "-d", "--name", "box", "busybox", "sleep", "1000")
        machine.out("run", "-d", "--name", "other", "busybox", "sleep", "1000")
        with terminal(str(tmp_path), machine.command, width=120, height=36, env=machine.environment) as screen:
            screen.shows("box")
            screen.keys("E")
            screen.shows("/ #")
            screen.shows("^] leave")
            screen.type("stty size")
            screen.keys("Enter")
            size = until(lambda: re.search(r"│ (\d+) (\d+) ", screen.screen()), what="the size")
            assert size is not None
            rows, columns = size.groups()
            screen.type("i=0; while :; do i=$((i+1)); echo round $i; sleep 0.1; done")
            screen.keys("Enter")
            screen.shows("round 2")
            assert 25 < int(rows) < 36
            assert 60 < int(columns) < 90

            screen.keys("C-]", "j")  # it goes on while something else is looked at
            screen.misses("round")
            screen.keys("k")
            screen.shows("round 12")
            screen.keys("Enter", "C-c")
            screen.type("echo still-$((40+2))")
            screen.keys("Enter")
            screen.shows("still-42")

            screen.type("vi /note")
            screen.keys("Enter")
            screen.shows("/note")
            screen.type("iwritten inside")
            screen.keys("Escape")
            screen.shows("- /note [Modified]")
            screen.type(":wq")
            screen.keys("Enter")
            screen.shows("still-42")
            until(lambda: machine("exec", "box", "test", "-s", "/note").returncode == 0, what="the file that vi writes")
            assert machine.out("exec", "box", "cat", "/note") == "written inside\n"

            screen.type("top -d 1")
            screen.keys("Enter")
            screen.shows("Load average")
            screen.keys("q")
            screen.type("exit 7")
            screen.keys("Enter")
            screen.shows("[ended with exit code 7]")
            screen.keys("1", "f")  # its files, without a program in it
            screen.shows("box: /")
            screen.keys("End")
            screen.shows("note")
            screen.keys("Home", "Down")
            screen.type("c")
            screen.shows("Copy ")
            screen.keys("C-u")
            screen.type(f"{tmp_path}/copied")
            screen.keys("Enter")
            until((tmp_path / "copied").exists, what="the copied directory")
            screen.shows("box: /")
            screen.keys("Escape")
            screen.misses("box: /")
            screen.keys("q")
            until(screen.over)
            assert screen.status == 0
