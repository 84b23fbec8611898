"""A spawner whose supervisors only say who they are: run by ``test_spawner`` in a process of its own."""

from __future__ import annotations

import os

from engine.spawner import server, wire
from engine.spawner.spare import Spare


def main(arguments: list[str]) -> None:
    run, token, idle = arguments
    server.serve(run, token, lambda: (_answer, lambda: None), idle=float(idle))


def _answer(spare: Spare) -> None:
    taken = spare.take()
    if taken is None:
        return
    spare.let_go()
    connection, request = taken
    facts = {
        "pid": os.getpid(),
        "spawner": os.getppid(),
        "session": os.getsid(0),
        "threads": len(os.listdir("/proc/self/task")),
        "exe": os.readlink("/proc/self/exe"),
        "environment": sorted(os.environ),
        "files": sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")),
        "request": request,
    }
    connection.sendall(wire.message(wire.REPLY, facts))
    wire.receive(connection)  # until the client goes
