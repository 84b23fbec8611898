"""Practice for the spawner: run the supervisor's everyday code a few times before anybody is forked.

CPython 3.11 and later rewrite bytecode while it is young (PEP 659), and caches fill at first use. What is rewritten after a fork
is memory of its own for every supervisor; what was rewritten before is shared by all. The practice touches a directory that is
made for it and removed, and nothing else.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any, Final

from engine.errors import LongshoreError
from engine.model.containers import ContainerState, ContainerStatus
from engine.spawner import wire
from engine.store import codec
from engine.store.roots import Roots
from engine.supervisor import places
from engine.supervisor.clerk import Clerk
from engine.supervisor.facts import Facts
from engine.supervisor.requests import on_frame
from engine.supervisor.stdio import Stdio
from engine.supervisor.supervisor import Supervisor
from engine.supervisor.trees import remove_tree

_ROUNDS: Final = 4
_ID: Final = "0" * 64
_OPEN: Final = {
    "tty": False,
    "open_stdin": True,
    "stdin_once": False,
    "stop_signal": "",
    "stop_timeout": None,
    "auto_remove": False,
    "policy": "no",
    "max_retries": 0,
    "manually_stopped": False,
    "check": "",
    "state": codec.encode(ContainerState(status=ContainerStatus.CREATED)),
}


class _Understudy(Clerk):
    """Answers as a clerk would, without doing anything."""

    def __init__(self) -> None:
        super().__init__(lambda: _refuse)
        self.stdio: Stdio | None = None

    def ready(self) -> None:
        return

    def rest(self) -> None:
        return

    def call(self, op: str, **fields: Any) -> tuple[dict[str, Any], list[int]]:
        codec.loads(codec.dumps({"op": op, **fields}))
        if op == "open":
            return dict(_OPEN), []
        if op != "start":
            return {}, []
        self.stdio = Stdio(terminal=False, stdin=True)
        names = ["pidfd", "stdin", "stdout", "stderr"]
        descriptors = [os.pidfd_open(os.getpid()), *(self.stdio.take(name) for name in names[1:])]
        state = ContainerState(status=ContainerStatus.RUNNING, pid=os.getpid(), started_at=1.0)
        return {"pid": os.getpid(), "names": names, "pid_start": 1, "state": codec.encode(state), "fds": 4}, descriptors


def _refuse(_fields: dict[str, Any]) -> tuple[dict[str, Any], Sequence[int]]:
    raise NotADirectoryError


def practise(run: str) -> None:
    """Start and stop a container that is not there, several times over."""
    directory = os.path.join(run, "practice")
    remove_tree(directory)
    try:
        roots = Roots(state=directory, run=directory).ensure()
        for _ in range(_ROUNDS):
            _round(roots)
    except (LongshoreError, OSError) as error:
        os.write(2, f"practice: {error}\n".encode(errors="replace"))  # then the spares are as slow as the first
    finally:
        remove_tree(directory)


def _round(roots: Roots) -> None:
    lock = places.try_lock(roots, _ID)
    assert lock is not None
    clerk = _Understudy()
    supervisor = Supervisor(roots, _ID, Facts.of(clerk.call("open")[0]), lock=lock, clerk=clerk, on_frame=on_frame)
    client, connection = socket.socketpair()
    supervisor.adopt(connection)
    client.sendall(wire.message(wire.REQUEST, {"op": "start", "id": _ID}))
    supervisor.loop.once()
    wire.receive(client)
    other, connection = socket.socketpair()
    supervisor.adopt(connection)
    other.sendall(wire.message(wire.REQUEST, {"op": "wait", "id": _ID}))
    supervisor.loop.once()
    os.write(clerk.stdio.stdout if clerk.stdio else 2, b"practice\n")
    supervisor.loop.once()
    for sock in (client, other):
        sock.close()
    supervisor.loop.once()
    supervisor.abandon()
    if clerk.stdio is not None:
        clerk.stdio.close()
