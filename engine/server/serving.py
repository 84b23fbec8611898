"""Connections: accepted, counted, and ended."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from functools import partial

from engine.model.version import VERSION
from engine.server.channel import StreamChannel
from engine.server.connection import Connection
from engine.server.hangups import Hangups
from engine.server.limits import Limits
from engine.server.listeners import BACKLOG, Listener
from engine.server.router import NEWEST, Router, split
from engine.server.routes import MISSING, ROUTES
from engine.server.service import Service
from engine.server.tls import TlsChannel

COMMON = {
    "Api-Version": f"{NEWEST[0]}.{NEWEST[1]}",
    "Docker-Experimental": "false",
    "Ostype": "linux",
    "Server": f"Longshore/{VERSION} (linux)",
}
"""Headers of every answer."""

_PARTING = 5.0
"""Seconds that connections get to end when the server ends."""


class Server:
    """Serves an engine on sockets that listen already."""

    def __init__(self, service: Service, *, limits: Limits | None = None, debug: bool = False) -> None:
        self._service = service
        self._limits = limits or Limits()
        self._router = Router(service, ROUTES, MISSING, debug=debug)
        self._open: dict[asyncio.Task[None], Connection] = {}
        self._servers: list[asyncio.Server] = []
        self._hangups: Hangups | None = None
        self._idle: tuple[float, Callable[[], None]] | None = None
        self._leaving: asyncio.TimerHandle | None = None

    def when_idle(self, seconds: float, leave: Callable[[], None]) -> None:
        """Call ``leave`` when there has been no connection for so long, from now on."""
        self._idle = seconds, leave
        self._count()

    def _count(self) -> None:
        """A connection came or went."""
        if self._idle is None:
            return
        if self._leaving is not None:
            self._leaving.cancel()
        self._leaving = None if self._open else asyncio.get_running_loop().call_later(*self._idle)

    async def start(self, listeners: Sequence[Listener]) -> None:
        """Begin to accept."""
        self._hangups = Hangups()
        for listener in listeners:
            opened = asyncio.start_unix_server if listener.socket.family == socket.AF_UNIX else asyncio.start_server
            self._servers.append(await opened(partial(self._accepted, listener), sock=listener.socket, backlog=BACKLOG))

    async def close(self) -> None:
        """Stop accepting, end every connection, and leave the engine's processes."""
        for server in self._servers:
            server.close()
        for task in self._open:
            task.cancel()
        if self._open:
            await asyncio.wait(tuple(self._open), timeout=_PARTING)
        await self._service.close()
        if self._hangups is not None:
            self._hangups.close()

    async def _accepted(self, listener: Listener, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._hangups is not None
        plain = StreamChannel(reader, writer, self._hangups)
        if listener.socket.family != socket.AF_UNIX:
            _keep_alive(writer.get_extra_info("socket"))
        channel = plain if listener.context is None else TlsChannel(plain, listener.context)
        connection = Connection(channel, self._router.answer, split, COMMON, self._limits, exposed=listener.exposed)
        if len(self._open) >= self._limits.connections and not self._make_room():
            await connection.refuse(503, f"there are {len(self._open)} connections already")
            return
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = connection
        self._count()
        try:
            if isinstance(channel, TlsChannel):
                await channel.handshake()
            await connection.serve()
        except (OSError, TimeoutError):
            plain.abort()  # no client of ours
        except asyncio.CancelledError:
            plain.abort()  # we end it, and asyncio would report the cancellation as a failure
        finally:
            del self._open[task]
            self._count()

    def _make_room(self) -> bool:
        """End the connection that has been without a request for longest; false when all of them are busy."""
        idle = [(connection.idle_since, id(task), task) for task, connection in self._open.items() if connection.idle_since is not None]
        if not idle:
            return False
        leaving = min(idle)[2]
        self._open[leaving].idle_since = None  # it makes room for one only, though it is gone a moment later
        leaving.cancel()
        return True


def _keep_alive(connected: socket.socket) -> None:
    """Find out within a minute or two that a client's machine is gone."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4)):
        connected.setsockopt(socket.IPPROTO_TCP, option, seconds)
