"""The life of a spare: have a clerk wait for a client, and be the supervisor that the client asks for."""

from __future__ import annotations

import _socket as bare
from typing import Any

from engine.errors import LongshoreError
from engine.linux import open_files
from engine.spawner.spare import Spare
from engine.store.locks import Lock
from engine.store.roots import Roots
from engine.supervisor import places
from engine.supervisor.clerk import Clerk
from engine.supervisor.errands import Errands
from engine.supervisor.facts import Facts
from engine.supervisor.reception import receive
from engine.supervisor.requests import handle, on_frame
from engine.supervisor.supervisor import Supervisor


def live(roots: Roots, spare: Spare) -> None:
    """Wait, and supervise a container until it is over. Returns when that is done, or nobody is to be served any more."""
    clerk = Clerk(lambda: Errands(roots))
    clerk.ready(lambda line: receive(roots, spare, line))
    spare.let_go()
    supervise(roots, clerk)


def supervise(roots: Roots, clerk: Clerk) -> None:
    """Be the supervisor of the container whose client ``clerk`` takes in."""
    taken = clerk.hear()
    if taken is None:
        return
    said, (lock, listener, *clients) = taken
    request, facts = said["request"], said["facts"]
    container_id = request["id"]
    failure: LongshoreError | None = None
    started: tuple[dict[str, Any], list[int]] | None = None
    if clerk.ahead:
        try:
            started = clerk.call("start")
            facts["state"] = started[0]["state"]
        except LongshoreError as error:
            failure = error
    open_files.allow_many()  # each session has some; what the clerk starts gets the limit as it was
    supervisor = Supervisor(
        roots,
        container_id,
        Facts.of(facts),
        lock=Lock.adopt(places.lock_path(roots, container_id), lock),
        listener=bare.socket(fileno=listener),
        clerk=clerk,
        on_frame=on_frame,
    )
    if started is not None:
        supervisor.take_over(*started)
    elif failure is not None:
        supervisor.not_started(failure)
    for client in clients:
        handle(supervisor, supervisor.adopt(bare.socket(fileno=client)), request)
    supervisor.serve()
