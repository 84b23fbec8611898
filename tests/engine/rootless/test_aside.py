"""Work in another network namespace, by a thread that does not come back."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from engine.errors import Conflict
from engine.linux import namespaces
from engine.rootless import aside

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def netns() -> Iterator[str]:
    name = f"aside{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        yield f"/run/netns/{name}"
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def here() -> int:
    """The network namespace of this thread."""
    return os.stat("/proc/thread-self/ns/net").st_ino


def test_the_work_is_there_and_the_caller_stays(netns: str) -> None:
    home, threads = here(), namespaces.threads()
    assert aside.run(netns, here) == os.stat(netns).st_ino != home
    assert here() == home and namespaces.threads() == threads


def test_what_is_asked_at_home_is_done_by_who_waits(netns: str) -> None:
    home = here()
    assert aside.at_home(here) == home

    def work() -> tuple[int, int, int, int]:
        return here(), aside.at_home(here), aside.run(netns, here), here()

    there = os.stat(netns).st_ino
    assert aside.run(netns, work) == (there, home, there, there)


def test_errors_come_back_from_both_sides(netns: str) -> None:
    def fails() -> None:
        raise Conflict("taken")

    with pytest.raises(Conflict, match="taken"):
        aside.run(netns, fails)
    with pytest.raises(Conflict, match="taken"):
        aside.run(netns, lambda: aside.at_home(fails))
    with pytest.raises(FileNotFoundError):
        aside.run("/run/netns/none", here)
    assert aside.at_home(here) == here()
