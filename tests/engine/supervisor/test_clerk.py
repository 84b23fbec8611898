"""A supervisor's clerk: errands in a child, and what it does before it is asked."""

from __future__ import annotations

import _socket as bare
import os
import resource
import signal
import time
from collections.abc import Sequence
from typing import Any

import pytest

from engine.errors import NotFound
from engine.supervisor.clerk import Clerk, ClerkDied, reply, send


class Desk:
    """Answers with what it was asked; its descriptors are pipes' reading ends."""

    def run(self, fields: dict[str, Any]) -> tuple[dict[str, Any], Sequence[int]]:
        if fields["op"] == "die":
            os._exit(1)
        if fields["op"] == "miss":
            raise NotFound("no such thing")
        reader, writer = os.pipe2(os.O_CLOEXEC)
        os.write(writer, fields["op"].encode())
        os.close(writer)
        return {"asked": fields["op"]}, (reader,)

    def end(self) -> None:
        """Nothing is kept."""


def eager(line: bare.socket) -> Desk:
    """What a clerk does that takes a client in and goes ahead."""
    desk = Desk()
    send(line, {"request": "r", "ahead": "start"}, ())
    reply(line, desk.run, {"op": "start"})
    return desk


def read(descriptors: list[int]) -> bytes:
    data = b""
    for descriptor in descriptors:
        data += os.read(descriptor, 100)
        os.close(descriptor)
    return data


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_errands_and_their_descriptors() -> None:
    clerk = Clerk(Desk)
    answer, descriptors = clerk.call("open")
    assert answer["asked"] == "open"
    assert read(descriptors) == b"open"
    with pytest.raises(NotFound, match="no such thing"):
        clerk.call("miss")
    clerk.rest()


def test_an_errand_done_ahead_is_not_done_again() -> None:
    clerk = Clerk(Desk)
    clerk.ready(eager)
    said = clerk.hear()
    assert said is not None
    assert said[0]["request"] == "r"
    answer, descriptors = clerk.call("start")
    assert answer["asked"] == "start"
    assert read(descriptors) == b"start"
    assert read(clerk.call("ended")[1]) == b"ended"
    clerk.rest()


def test_another_errand_than_the_one_done_ahead() -> None:
    clerk = Clerk(Desk)
    clerk.ready(eager)
    clerk.hear()
    before = open_descriptors()
    answer, descriptors = clerk.call("clear")
    assert answer["asked"] == "clear"
    assert read(descriptors) == b"clear"
    assert open_descriptors() == before, "the answer that nobody wanted leaves nothing open"
    clerk.rest()


def test_a_clerk_that_leaves_without_a_client() -> None:
    clerk = Clerk(Desk)
    clerk.ready(lambda _line: None)
    assert clerk.hear() is None
    assert read(clerk.call("open")[1]) == b"open", "the next one is there for the asking"
    clerk.rest()


def test_death_over_an_errand() -> None:
    clerk = Clerk(Desk)
    with pytest.raises(ClerkDied):
        clerk.call("die")
    assert read(clerk.call("open")[1]) == b"open"
    clerk.rest()


def test_an_answer_whose_descriptors_there_is_no_room_for_fails_the_errand_and_ends_the_process_it_is_about() -> None:
    child = os.fork()
    if not child:
        time.sleep(1000)

    class Maker(Desk):
        def run(self, fields: dict[str, Any]) -> tuple[dict[str, Any], Sequence[int]]:
            answer, descriptors = super().run(fields)
            return {**answer, "pid": child}, descriptors

    clerk = Clerk(Maker)
    clerk.ready()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = open_descriptors()
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(ClerkDied):
            clerk.call("exec")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    assert open_descriptors() == before - 1, "but for the line to the clerk all is as it was"
    assert read(clerk.call("open")[1]) == b"open"
    clerk.rest()
