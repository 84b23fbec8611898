"""The terminal interface of an ordinary user."""

from __future__ import annotations

from pathlib import Path

from tests.support.person import Person
from tests.support.tmux import terminal
from tests.support.wait import until


def test_the_screen_shows_and_stops_a_users_containers(anne: Person, tmp_path: Path) -> None:
    anne.out(
        "run", "-d", "--name", "shopkeeper", "busybox", "sh", "-c", "trap 'exit 3' TERM; echo all is well; while true; do sleep 0.1; done"
    )
    with terminal(str(tmp_path), anne.command()) as screen:
        screen.shows("shopkeeper")
        screen.shows("all is well")
        screen.keys("s")
        screen.shows("Stop")
        screen.keys("y")
        until(lambda: anne.out("inspect", "--format", "{{.State.ExitCode}}", "shopkeeper") == "3\n")
        anne.out("network", "create", "alley")
        screen.shows("alley")
        anne.out("rm", "shopkeeper")
        screen.misses("shopkeeper")
        screen.keys("q")
        until(screen.over, what="q ends it")
        assert screen.status == 0
