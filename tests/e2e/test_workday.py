"""What somebody does all day: find, mark, act on many, read many logs as one, save images, on the real engine in a real terminal."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.registry import Registry
from tests.support.stateroot import StateRoot, state_root
from tests.support.tmux import terminal
from tests.support.wait import until

TALK = 'i=0; while :; do i=$((i+1)); echo "$NAME fine $i"; [ $((i % 5)) = 0 ] && echo "$NAME error $i" >&2; sleep 0.2; done'


def _project(machine: StateRoot, name: str, service: str, number: int) -> None:
    labels = [f"com.docker.compose.project={name}", f"com.docker.compose.service={service}"]
    words = [part for label in labels for part in ("--label", label)]
    one = f"{name}-{service}-{number}"
    machine.out("run", "-d", "--name", one, *words, "-e", f"NAME={one}", "busybox", "sh", "-c", TALK)


def test_projects_joined_and_filtered_logs_and_many_at_once(registry: Registry, tmp_path: Path) -> None:
    with state_root(str(tmp_path / "m"), registry.host, ["busybox"]) as machine:
        for service, number in (("web", 1), ("web", 2), ("db", 1)):
            _project(machine, "blog", service, number)
        machine.out("run", "-d", "--name", "lonely", "busybox", "sleep", "1000")
        with terminal(str(tmp_path), machine.command, width=130, height=36, env=machine.environment) as screen:
            screen.shows("lonely")
            screen.keys("P", "g")
            screen.shows("3/3")
            screen.shows("no project")
            screen.shows("blog-db-1  │ blog-db-1 fine")
            screen.shows("blog-web-2 │ blog-web-2 fine")
            screen.shows("3 logs · following")

            screen.keys("Enter")
            screen.keys("f")
            screen.shows("only:")
            screen.type("error")
            screen.keys("Enter")
            screen.shows("only “error” · 3 logs")
            screen.misses("fine")
            screen.shows("blog-db-1  │ blog-db-1 error 10")
            screen.keys("V", "Enter")
            screen.shows("fine")
            screen.shows("1 line ·")
            screen.keys("Escape")  # one at a time: a terminal that is read late makes alt-s of escape and s
            screen.misses("1 line ·")
            screen.keys("g")
            screen.keys("s")
            screen.shows("Stop 3 containers?")
            screen.keys("j", "Space")
            screen.shows("Stop 2 containers?")
            screen.keys("y")
            until(lambda: len(machine.out("ps", "-q").split()) == 2, 60, what=f"two that were stopped\n{screen.screen()}")
            screen.shows("1/3")

            screen.keys("@")
            screen.shows("✔ longshore stop blog-")
            screen.keys("q")

            archive = str(tmp_path / "box.tar")
            screen.keys("2", "S")
            screen.shows("Save busybox:latest to")
            screen.keys("C-u")
            screen.type(archive)
            screen.keys("Enter")
            until(lambda: os.path.exists(archive), 60, what="the archive")
            screen.shows("saved")
            screen.keys("i")
            screen.shows("Load images from")
            screen.type(archive)
            screen.keys("Enter")
            screen.shows("loaded")
            screen.keys("F8")
            screen.shows("What lies on the disk")
            screen.keys("Escape")
            screen.misses("What lies on the disk")
            screen.keys("q")
            until(screen.over)
            assert screen.status == 0


def test_order_and_grouping_come_back_and_own_commands_run(registry: Registry, tmp_path: Path) -> None:
    with state_root(str(tmp_path / "m"), registry.host, ["busybox"]) as machine:
        machine.out("run", "-d", "--name", "box", "busybox", "sleep", "1000")
        with open(machine.config, "a", encoding="utf-8") as file:
            file.write(
                '[tui]\nreadonly = true\n[[tui.commands]]\nname = "hello"\nkey = "f3"\ncommand = "echo hello {name}"\nreadonly = true\n'
            )
        for expected in ("", "by name"):
            place = tmp_path / f"terminal-{len(expected)}"
            place.mkdir()
            with terminal(str(place), machine.command, width=130, height=36, env=machine.environment) as screen:
                screen.shows("box")
                screen.shows("read only")
                screen.shows(expected)
                if not expected:
                    screen.keys("o")
                    screen.shows("by name")
                screen.keys("d", "F3")
                screen.shows("$ echo hello box")
                screen.shows("hello: done")
                screen.keys("q")
                screen.misses("hello: done")
                screen.keys("q")
                until(screen.over)
        assert machine.out("ps", "-q")
