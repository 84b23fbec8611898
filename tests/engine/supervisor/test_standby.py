"""Servers that stand by: a child for who asks, none for who does not, and no flood of them when it fails."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from engine.store.roots import Roots
from engine.supervisor.loop import Loop
from engine.supervisor.standby import Standby


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def turn(loop: Loop, condition: Callable[[], bool]) -> None:
    """Run the loop until something is so; a test that hangs here fails by its time limit."""
    while not condition():
        loop.once()


def test_a_child_serves_and_the_next_question_brings_another(loop: Loop, tmp_path: Path) -> None:
    here, there = socket.socketpair()

    def serve(_roots: Roots, container: str, sockets: Sequence[int]) -> None:
        os.write(sockets[0], os.read(sockets[0], 100) + container.encode())

    standby = Standby(loop, Roots(state=str(tmp_path), run=str(tmp_path)), "c", [there.fileno()], serve)
    assert standby.pid == 0
    for _ in range(2):
        here.send(b"question ")
        turn(loop, lambda: standby.pid != 0)
        turn(loop, lambda: standby.pid == 0)
        assert here.recv(100) == b"question c"
    standby.close()
    standby.close()
    here.close()
    there.close()


def test_one_that_fails_is_not_followed_at_once(loop: Loop, tmp_path: Path) -> None:
    here, there = socket.socketpair()

    def fail(_roots: Roots, _container: str, _sockets: Sequence[int]) -> None:
        os._exit(3)

    standby = Standby(loop, Roots(state=str(tmp_path), run=str(tmp_path)), "c", [there.fileno()], fail)
    here.send(b"question")  # nobody ever reads it
    turn(loop, lambda: standby.pid != 0)
    before = time.monotonic()  # the pause begins when its end is seen, which is later
    turn(loop, lambda: standby.pid == 0)
    turn(loop, lambda: standby.pid != 0)
    assert time.monotonic() - before > 0.9
    turn(loop, lambda: standby.pid == 0)
    standby.close()  # while it pauses
    here.close()
    there.close()
