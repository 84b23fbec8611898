"""The front ends' side: ask a container's supervisor, bring one into being, open a session with one.

A supervisor may end between our look and our request. It then says ``gone`` (or a rival says ``busy``), and we look again.
"""

from __future__ import annotations

import os
import sys
import time
from _socket import socket
from typing import Any, Final

from engine.errors import Unavailable
from engine.spawner import client as spawner
from engine.spawner import wire
from engine.store.roots import Roots
from engine.supervisor import places

_ENTRY: Final = "engine.supervisor.entry"
_PATIENCE: Final = 30.0
"""Seconds during which a container whose supervisors come and go is asked again."""

Answer = tuple[socket, dict[str, Any]]


def ask(roots: Roots, container_id: str, op: str, **fields: Any) -> dict[str, Any] | None:
    """Put a request to a container's supervisor and wait for its answer; ``None`` when it has no supervisor.

    Raises:
        LongshoreError: what the supervisor answers.
    """
    answer = _ask_existing(roots, {"op": op, "id": container_id, **fields})
    if answer is None:
        return None
    answer[0].close()
    return answer[1]


def open_session(roots: Roots, container_id: str, op: str, *, spawn: bool, **fields: Any) -> Answer | None:
    """Put a request whose connection stays open; with ``spawn`` a supervisor is brought into being when there is none.

    The caller closes the socket.

    Raises:
        LongshoreError: what the supervisor answers.
        Unavailable: it ended before it answered, or no spawner can be had.
    """
    request = {"op": op, "id": container_id, **fields}
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        answer = _ask_existing(roots, request)
        if answer is not None or not spawn:
            return answer
        answer = _ask_spawner(roots, request)
        if answer is not None:
            return answer
        time.sleep(0.001)  # a rival has taken the container, or is just leaving it
    raise Unavailable(f"container {container_id[:12]} does not come to rest: its supervisors come and go")


def start(roots: Roots, container_id: str) -> None:
    """Start a container. Raises what the supervisor answers: NotModified, Conflict, StartFailed and its kinds."""
    answer = open_session(roots, container_id, "start", spawn=True)
    if answer is not None:
        answer[0].close()


def subscribe(roots: Roots, container_id: str) -> socket | None:
    """A connection that becomes readable at the container's next exit, or when its supervisor dies; ``None`` without one."""
    sock = wire.connect(places.socket_path(roots, container_id))
    if sock is None:
        return None
    try:
        sock.sendall(wire.message(wire.REQUEST, {"op": "wait", "id": container_id}))
    except OSError:
        sock.close()
        return None
    return sock


def token() -> str:
    """What program this is: a spawner that was started from another one makes way."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return f"1 {sys.version} {package} {os.stat(package + '/__init__.py').st_mtime_ns}"


def _ask_existing(roots: Roots, request: dict[str, Any]) -> Answer | None:
    sock = wire.connect(places.socket_path(roots, request["id"]))
    if sock is None:
        return None
    try:
        sock.sendall(wire.message(wire.REQUEST, request))
    except OSError:
        sock.close()
        return None
    try:
        return _answer(sock)
    except _Silence:
        return None  # it was leaving, or was killed: whoever looks next finds out


def _ask_spawner(roots: Roots, request: dict[str, Any]) -> Answer | None:
    """The answer of a supervisor that was forked for us; ``None`` when another one serves the container."""
    mark = token()
    log = f"{roots.run}/{spawner.LOG}"
    arguments = [roots.state, roots.run, mark, str(spawner.IDLE)]
    for _attempt in range(5):
        sock = spawner.connect(roots.run, _ENTRY, arguments)
        try:
            sock.sendall(wire.message(wire.REQUEST, {**request, "token": mark}))
            got = wire.receive(sock)
        except OSError:
            got = None
        if got is None:
            sock.close()  # it was leaving
            continue
        if got[0] != wire.TAKEN:
            sock.close()
            raise wire.error_of(got[1])
        try:
            return _answer(sock)
        except _Silence:
            raise Unavailable(f"the supervisor of container {request['id'][:12]} ended before it answered", hint=f"see {log}") from None
    raise Unavailable(f"the spawner of {roots.run} does not take requests", hint=f"see {log}")


class _Silence(Exception):
    """The other end closed the connection without an answer."""


def _answer(sock: socket) -> Answer | None:
    try:
        got = wire.receive(sock)
        if got is None:
            raise _Silence
        if got[0] == wire.ERROR:
            raise wire.error_of(got[1])
        fields = wire.fields_of(got[1])
    except BaseException:
        sock.close()
        raise
    if "gone" in fields or "busy" in fields:
        sock.close()
        return None
    return sock, fields
