"""``longshore serve`` with a tape beside every connection: ``python -m tests.support.recording FILE WORD…`` is ``longshore WORD…``.

What a tape holds is what went over the wire, so that the answers that real clients got can be held against the API's description
afterwards. The server behaves as ever: bytes are copied as they pass.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from typing import Any

import h11

from engine.server import serving
from engine.server.channel import Channel
from engine.server.connection import Connection
from engine.server.router import NEWEST, split
from tests.support.description import Answer

_MOST = 8 << 20
"""Bytes that are kept of one direction of one connection: every JSON document fits, archives do not have to."""


class Tape:
    """A channel whose bytes are kept."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.heard = bytearray()
        self.said = bytearray()
        self.taken = channel.taken
        self.gone = channel.gone
        self.finish = channel.finish
        self.close = channel.close

    async def read(self) -> bytes:
        """See :class:`engine.server.channel.Channel`."""
        data = await self._channel.read()
        if len(self.heard) < _MOST:
            self.heard += data
        return data

    async def write(self, data: bytes) -> None:
        """See :class:`engine.server.channel.Channel`."""
        if len(self.said) < _MOST:
            self.said += data
        await self._channel.write(data)


class RecordedConnection(Connection):
    """A connection that leaves its tape in :attr:`file`."""

    file = ""

    def __init__(self, channel: Channel, *arguments: Any, **options: Any) -> None:
        self._tape = Tape(channel)
        super().__init__(self._tape, *arguments, **options)

    async def serve(self) -> None:
        """See :class:`engine.server.connection.Connection`."""
        try:
            await super().serve()
        finally:
            with open(self.file, "a", encoding="ascii") as file:
                file.write(json.dumps([base64.b64encode(data).decode() for data in (self._tape.heard, self._tape.said)]) + "\n")


def answers(path: str) -> Iterator[Answer]:
    """All answers on the tapes in a file."""
    with open(path, encoding="ascii") as file:
        for line in file:
            heard, said = (base64.b64decode(text) for text in json.loads(line))
            yield from _dialogue(heard, said)


def _dialogue(heard: bytes, said: bytes) -> Iterator[Answer]:
    """Requests and their answers, up to where the connection was handed over or the tape ends."""
    server, client = (h11.Connection(role, max_incomplete_event_size=_MOST) for role in (h11.SERVER, h11.CLIENT))
    for connection, data in ((server, heard), (client, said)):
        connection.receive_data(data)
        if len(data) < _MOST:
            connection.receive_data(b"")
    try:
        while isinstance(request := server.next_event(), h11.Request):
            upgrade = [(name, value) for name, value in request.headers if name in (b"host", b"connection", b"upgrade")]
            client.send(h11.Request(method=request.method, target=request.target, headers=upgrade))
            client.send(h11.EndOfMessage())
            answer = _answer(request, client)
            if answer is None:
                return
            yield answer
            while not isinstance(server.next_event(), h11.EndOfMessage):
                pass
            server.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
            server.send(h11.EndOfMessage())
            for connection in (server, client):
                connection.start_next_cycle()
    except h11.ProtocolError:
        return  # its end, or what is no HTTP any more


def _answer(request: h11.Request, client: h11.Connection) -> Answer | None:
    """The answer that comes next; ``None`` when the connection is handed over, or the tape ends within it."""
    while isinstance(head := client.next_event(), h11.InformationalResponse):
        if head.status_code == 101:
            return None
    if not isinstance(head, h11.Response):
        return None
    kind = dict(head.headers).get(b"content-type", b"").decode("latin-1")
    if kind.startswith("application/vnd.docker."):
        return None
    body = b""
    while isinstance(piece := client.next_event(), h11.Data):
        body += piece.data
    if not isinstance(piece, h11.EndOfMessage):
        return None
    version, path = split(request.target.decode("latin-1").partition("?")[0])
    minor = version[1] if version else NEWEST[1]
    return Answer(minor, request.method.decode("ascii"), path, head.status_code, kind, body)


if __name__ == "__main__":
    from engine.cli.main import entry

    RecordedConnection.file = sys.argv.pop(1)
    setattr(serving, "Connection", RecordedConnection)  # noqa: B010
    entry()
