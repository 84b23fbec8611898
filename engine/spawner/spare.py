"""A spare: a forked child that waits for a client, and becomes the supervisor that the client asks for.

::

    client ──connect──▶ accept ──"taken"──▶ spawner      REQUEST read, token right: TAKEN ──▶ client
                                                         another token: "leave" ──▶ spawner
                                                         "settled" ──▶ spawner: it may fork the next one
"""

from __future__ import annotations

import _socket as bare
import os
import select
import socket
from typing import Any, Final

from engine.errors import LongshoreError
from engine.spawner import wire

GONE: Final = b"t"
"""Said to the spawner by a spare that was taken."""

SETTLED: Final = b"s"
"""Said to the spawner by a spare that has done what its client waits for."""

LEAVE: Final = b"x"
"""Said to the spawner when a client comes from another version of the program."""

_REQUEST_TIMEOUT: Final = 5.0

Taken = tuple[socket.socket, dict[str, Any]]
"""A client's connection, and its request."""


class Spare:
    """Waits at ``listener`` until the other end of the pipe ``leash`` closes; what happens is written to the pipe ``report``."""

    __slots__ = ("_leash", "_listener", "_report", "_token")

    def __init__(self, listener: socket.socket, *, leash: int, report: int, token: str) -> None:
        self._listener = listener
        self._leash = leash
        self._report = report
        self._token = token

    def take(self) -> Taken | None:
        """Wait for a client; ``None`` when the leash was let go, or the client asked for nothing that can be had here."""
        connection = self._accept()
        if connection is None:
            return None
        try:
            os.write(self._report, GONE)
        except BrokenPipeError:
            return None  # the spawner has just left: a client that gets no TAKEN asks the next one
        self._listener.close()
        request = self._receive(connection)
        if request is None:
            return None
        connection.settimeout(None)
        return connection, request

    def settle(self) -> None:
        """The client has what it waited for."""
        try:
            os.write(self._report, SETTLED)
        except BrokenPipeError:
            pass  # the spawner has left meanwhile

    def let_go(self) -> None:
        """Close what only somebody who waits needs."""
        bare.socket.close(self._listener)
        os.close(self._report)
        os.close(self._leash)

    def _accept(self) -> socket.socket | None:
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.register(self._leash, select.POLLIN)
        while self._leash not in [fd for fd, _ in poll.poll()]:
            try:
                return self._listener.accept()[0]
            except (BlockingIOError, ConnectionError):
                continue  # the spare before took it
        return None

    def _receive(self, connection: socket.socket) -> dict[str, Any] | None:
        """The request, or ``None`` when there is none to be served."""
        connection.settimeout(_REQUEST_TIMEOUT)
        try:
            if not wire.peer_is_trusted(connection):
                return None
            got = wire.receive(connection)
            if got is None or got[0] != wire.REQUEST:
                return None
            request = wire.fields_of(got[1])
            if request.get("token") != self._token:
                os.write(self._report, LEAVE)
                return None
            connection.sendall(wire.frame(wire.TAKEN))
        except (OSError, LongshoreError):
            return None
        return request
