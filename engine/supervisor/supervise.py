"""What a forked supervisor does first: take the container's lock, or make way for who holds it."""

from __future__ import annotations

import socket
import time
from typing import Any, Final

from engine.errors import EngineFault, InvalidArgument, LongshoreError
from engine.spawner import server, wire
from engine.store.locks import Lock
from engine.store.roots import Roots
from engine.supervisor import places
from engine.supervisor.clerk import Clerk
from engine.supervisor.errands import Errands
from engine.supervisor.facts import Facts
from engine.supervisor.requests import handle, on_frame
from engine.supervisor.supervisor import Supervisor

_TURN: Final = 10.0
"""Seconds to wait for a predecessor that is on its way out."""

_HEX: Final = frozenset("0123456789abcdef")


def rehearse(roots: Roots) -> server.Work:
    """In a spare: have a clerk ready, with the database open, before anybody waits for it."""
    clerk = Clerk(lambda: Errands(roots).run)
    clerk.ready()
    return lambda connection, request: supervise(roots, clerk, connection, request)


def supervise(roots: Roots, clerk: Clerk, connection: socket.socket, request: dict[str, Any]) -> None:
    """Be the supervisor of the requested container until it is over.

    Answers ``{"busy": true}`` when another supervisor serves it: the client then turns to that one.
    """
    container_id = str(request.get("id", ""))
    try:
        if len(container_id) != 64 or not _HEX.issuperset(container_id):
            raise InvalidArgument(f"invalid container id {container_id!r}")
        lock = _take_turn(roots, container_id)
        if lock is None:
            connection.sendall(wire.message(wire.REPLY, {"busy": True}))
            return
        facts = Facts.of(clerk.call("open", id=container_id)[0])
        supervisor = Supervisor(roots, container_id, facts, lock=lock, clerk=clerk, on_frame=on_frame)
    except LongshoreError as error:
        connection.sendall(wire.error_frame(error))
        return
    except OSError as error:
        connection.sendall(wire.error_frame(EngineFault(str(error))))
        return
    handle(supervisor, supervisor.adopt(connection), request)
    supervisor.serve()


def _take_turn(roots: Roots, container_id: str) -> Lock | None:
    """The container's lock, or ``None`` when a living supervisor answers.

    Raises:
        EngineFault: the holder neither answers nor leaves.
    """
    deadline = time.monotonic() + _TURN
    while (lock := places.try_lock(roots, container_id)) is None:
        other = wire.connect(places.socket_path(roots, container_id))
        if other is not None:
            other.close()
            return None
        if time.monotonic() > deadline:
            raise EngineFault(f"container {container_id[:12]} is held by a process that does not answer")
        time.sleep(0.001)  # it has given up its socket and releases the lock within microseconds
    return lock
