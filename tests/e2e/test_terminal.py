"""The real ``longshore`` in a real terminal on the real engine, as a newcomer uses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.registry import Registry
from tests.support.stateroot import state_root
from tests.support.tmux import Terminal, terminal
from tests.support.wait import until

CHATTY = "sh -c 'i=0; while :; do i=$((i+1)); echo message $i; sleep 0.2; done'"


def _next_field(screen: Terminal, before: str, first: str) -> str:
    """Go on from a field that holds ``before`` and type ``first`` into the next one; what the old field holds now comes back.

    A key that comes while the focus still moves lands in the old field: nobody types that fast, but tmux does.
    """
    screen.keys("Tab")
    screen.type(first)
    until(lambda: re.search(rf"{before}{first}|Command +{first}", screen.screen()), what="the typed letter")
    if f"{before}{first}" not in screen.screen():
        return before
    screen.type(first)
    until(lambda: re.search(rf"Command +{first}", screen.screen()), what="the letter in the next field")
    return before + first


@pytest.mark.parametrize(("width", "height"), [(160, 48), (80, 24)])
def test_pull_run_watch_stop_start_remove(registry: Registry, tmp_path: Path, width: int, height: int) -> None:
    with (
        state_root(str(tmp_path / "m"), registry.host) as machine,
        terminal(str(tmp_path), machine.command, width=width, height=height, env=machine.environment) as screen,
    ):
        screen.shows("[1] Containers")
        screen.keys("2", "p")
        screen.shows("Pull")
        screen.type("busybox")
        screen.keys("Enter")
        until(lambda: "busybox" in machine.out("images"), what="the pulled image")
        screen.shows("1.98MB")

        screen.keys("R")
        screen.shows("Run busybox")
        screen.type("chatty")
        screen.shows("chatty")
        name = _next_field(screen, "chatty", CHATTY[0])
        screen.type(CHATTY[1:])
        screen.keys("Enter")
        until(lambda: machine.out("ps", "--format", "{{.Names}}") == f"{name}\n", what=f"the running container\n{screen.screen()}")

        screen.keys("1")
        screen.shows(name)
        screen.shows("message 5")

        screen.keys("]")
        screen.shows("MEM USAGE / LIMIT")
        screen.keys("[")

        screen.keys("s")
        screen.shows(f"Stop {name}?")
        screen.keys("y")
        until(lambda: machine.out("inspect", "-f", "{{.State.Status}}", name) == "exited\n", what="the stop")
        screen.shows("S start")
        screen.keys("S")
        until(lambda: machine.out("inspect", "-f", "{{.State.Status}}", name) == "running\n", what="the start")

        screen.keys("q")
        until(screen.over)
        assert screen.status == 0
        assert machine.out("ps", "--format", "{{.Names}}") == f"{name}\n"
        lines = machine.out("logs", name).splitlines()
        assert lines[:5] == [f"message {number}" for number in range(1, 6)]


def test_a_shell_on_the_whole_screen_and_back(registry: Registry, tmp_path: Path) -> None:
    with state_root(str(tmp_path / "m"), registry.host, ["busybox"]) as machine:
        machine.out("run", "-d", "--name", "box", "busybox", "sleep", "1000")
        with terminal(str(tmp_path), machine.command, width=120, height=36, env=machine.environment) as screen:
            screen.shows("box")
            screen.keys("F")
            screen.shows("/ #")
            screen.type("echo shell-$((40+2)) > /made; stty size")
            screen.keys("Enter")
            screen.shows("36 120")
            screen.type("exit")
            screen.keys("Enter")
            screen.shows("[1] Containers")
            assert machine.out("exec", "box", "cat", "/made") == "shell-42\n"
            screen.keys("q")
            until(screen.over)


def test_errors_are_said_and_nothing_breaks(registry: Registry, tmp_path: Path) -> None:
    with (
        state_root(str(tmp_path / "m"), registry.host) as machine,
        terminal(str(tmp_path), machine.command, width=120, height=36, env=machine.environment) as screen,
    ):
        screen.shows("[1] Containers")
        screen.keys("2", "p")
        screen.shows("Pull")
        screen.type(f"{registry.host}/library/missing")
        screen.keys("Enter")
        screen.shows("failed to pull")
        screen.shows("manifest for")
        screen.keys("q")
        until(screen.over)
        assert screen.status == 0
        assert "Traceback" not in screen.screen()


@pytest.mark.parametrize(("image", "text"), [("zstd", "from zstd"), ("oci", "from oci"), ("many", "11")])
def test_images_of_every_kind_run(registry: Registry, tmp_path: Path, image: str, text: str) -> None:
    with state_root(str(tmp_path / "m"), registry.host) as machine:
        assert machine.out("run", "--rm", image).strip() == text
