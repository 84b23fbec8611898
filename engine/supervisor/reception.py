"""How a spare becomes a supervisor: its clerk takes the client in, so that the supervisor, which stays, has little to do.

::

    client            spare's clerk                                     spare
      connect    ->   TAKEN                                             waits
      REQUEST    ->   lock, record made true, socket
                      {request, facts, ahead} + descriptors        ->   is the supervisor
                 <-   a start: done, answered, and told            ->   takes the process over, serves whoever connects
                      anything else is the supervisor's to answer

A start that is done here saves ways to and fro, and the supervisor pages that it would touch once in its life.
"""

from __future__ import annotations

import _socket as bare
import socket
import time
from typing import Any, Final

from engine.errors import EngineFault, InvalidArgument, LongshoreError
from engine.linux import userns
from engine.model.containers import ContainerStatus
from engine.runtime import process
from engine.spawner import wire
from engine.spawner.spare import Spare
from engine.store.locks import Lock
from engine.store.roots import Roots
from engine.supervisor import places
from engine.supervisor.clerk import Desk, reply, send
from engine.supervisor.errands import Errands
from engine.supervisor.facts import Facts, state_of
from engine.supervisor.journal import Journal

_TURN: Final = 10.0
"""Seconds to wait for a predecessor that is on its way out."""

_HEX: Final = frozenset("0123456789abcdef")


def receive(roots: Roots, spare: Spare, line: bare.socket) -> Desk | None:
    """Wait for a client, and hand it over to the supervisor at the other end of ``line``; gives the desk for its errands.

    ``None`` when there is nobody to be supervised. A client whose container another supervisor serves is told ``{"busy": true}``
    and turns to that one.
    """
    reserve = _reserve()
    try:
        errands: Errands | None = Errands(roots, reserve)  # with the database open, before anybody waits for it
    except LongshoreError:
        errands = None  # whoever comes is told, unless it is better by then
    served = False
    taken = spare.take()
    if taken is not None:
        with taken[0] as connection:
            errands = errands or _late(roots, reserve, connection)
            served = errands is not None and _hand_over(roots, errands, line, connection, taken[1])
    if errands is None or not served:
        if reserve is not None:
            reserve.dismiss()
        return None
    spare.settle()
    spare.let_go()
    return errands


def _late(roots: Roots, reserve: process.Reserve | None, connection: socket.socket) -> Errands | None:
    """The desk, for a client that came when it could not be had; one that still can not have it is told why."""
    try:
        return Errands(roots, reserve)
    except LongshoreError as error:
        _tell(connection, wire.error_frame(error))
    return None


def _tell(connection: socket.socket, frame: bytes) -> None:
    try:
        connection.sendall(frame)
    except OSError:
        pass  # it did not wait


def _reserve() -> process.Reserve | None:
    """The process for the first start; that start makes its own when there is none."""
    if userns.contained():  # the fork that goes ahead there would stay unreaped until the start
        return None
    try:
        return process.Reserve()
    except LongshoreError:
        return None


def _hand_over(roots: Roots, errands: Errands, line: bare.socket, connection: socket.socket, request: dict[str, Any]) -> bool:
    """Give the supervisor what it needs, and go ahead; false when there is no supervisor to be."""
    try:
        ahead = _introduce(roots, errands, line, connection, request)
    except LongshoreError as error:
        _tell(connection, wire.error_frame(error))
        return False
    except OSError as error:
        _tell(connection, wire.error_frame(EngineFault(str(error))))
        return False
    if ahead:
        failure = reply(line, errands.run, {"op": ahead, "id": request["id"], "size": None, "restart_count": 0})
        _tell(connection, wire.message(wire.REPLY, {}) if failure is None else wire.error_frame(failure))
    return ahead is not None


def _introduce(roots: Roots, errands: Errands, line: bare.socket, connection: socket.socket, request: dict[str, Any]) -> str | None:
    """Say who the supervisor is to be. What is gone ahead with comes back, ``None`` when somebody else serves the client."""
    container_id = str(request.get("id", ""))
    if len(container_id) != 64 or not _HEX.issuperset(container_id):
        raise InvalidArgument(f"invalid container id {container_id!r}")
    lock = _take_turn(roots, container_id)
    if lock is None:
        _tell(connection, wire.message(wire.REPLY, {"busy": True}))
        return None
    try:
        facts, _ = errands.run({"op": "open", "id": container_id})
        ahead = "start" if request.get("op") == "start" and _can_start(roots, container_id, facts) else ""
        with wire.listen(places.socket_path(roots, container_id)) as listener:
            descriptors = [lock.fileno(), listener.fileno()]
            if not ahead:
                descriptors.append(connection.fileno())
            send(line, {"request": request, "facts": facts, "ahead": ahead}, descriptors)
    finally:
        lock.release()
    return ahead


def _can_start(roots: Roots, container_id: str, facts: dict[str, Any]) -> bool:
    """The supervisor will ask for a start: a state that allows one, and a log that can be written."""
    if state_of(facts["state"]).status not in (ContainerStatus.CREATED, ContainerStatus.EXITED):
        return False
    journal = Journal(roots.log_dir(container_id), *Facts.of(facts).log)
    try:
        journal.open()
    except LongshoreError:
        return False  # it finds that out by itself, and says so
    journal.close()
    return True


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
