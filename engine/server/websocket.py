"""A hijacked connection that speaks websocket (RFC 6455): wsproto, h11's sibling, frames; bytes are the process's as on any other."""

from __future__ import annotations

from collections.abc import Mapping

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Request, TextMessage
from wsproto.utilities import ProtocolError

from engine.errors import InvalidArgument
from engine.server.messages import Pipe


class Websocket:
    """The server's side of one.

    Args:
        target: path and query of the request.
        headers: of the request.

    Raises:
        InvalidArgument: it asks for no websocket, or not properly.
    """

    def __init__(self, target: str, headers: Mapping[str, str]) -> None:
        self._frames = WSConnection(ConnectionType.SERVER)
        try:
            self._frames.initiate_upgrade_connection(_raw(headers), target)
            asked = next(self._frames.events(), None)
        except ProtocolError as error:
            raise InvalidArgument(f"bad websocket request: {error}") from None
        if not isinstance(asked, Request):
            raise InvalidArgument("bad websocket request: the connection is to be upgraded to a websocket")

    def head(self, headers: Mapping[str, str]) -> bytes:
        """The answer that accepts it, with further headers."""
        return self._frames.send(AcceptConnection(extra_headers=_raw(headers)))

    def over(self, pipe: Pipe) -> WebsocketPipe:
        """Its messages as a stream of bytes in both directions."""
        return WebsocketPipe(self._frames, pipe)


class WebsocketPipe:
    """See :class:`engine.server.messages.Pipe`. Output goes in binary messages; of input it does not matter which kind it is."""

    def __init__(self, frames: WSConnection, pipe: Pipe) -> None:
        self._frames = frames
        self._pipe = pipe
        self._closed = False

    async def read(self) -> bytes:
        while not self._closed:
            data = await self._pipe.read()
            try:
                self._frames.receive_data(data or None)
                if found := await self._taken():
                    return found
            except (ProtocolError, OSError):
                break
            self._closed = self._closed or not data
        return b""

    async def _taken(self) -> bytes:
        """The bytes of all messages that have come; what has to be answered is."""
        found = bytearray()
        for event in self._frames.events():
            if isinstance(event, BytesMessage):
                found += event.data
            elif isinstance(event, TextMessage):
                found += event.data.encode()
            elif isinstance(event, Ping):
                await self._pipe.write(self._frames.send(event.response()))
            elif isinstance(event, CloseConnection):
                self._closed = True
                await self._pipe.write(self._frames.send(event.response()))
        return bytes(found)

    async def write(self, data: bytes) -> None:
        if self._closed:
            raise ConnectionResetError("the websocket is closed")
        await self._pipe.write(self._frames.send(BytesMessage(data=data)))

    async def close(self) -> None:
        """Say that no more comes, unless the client has said it."""
        if not self._closed:
            self._closed = True
            await self._pipe.write(self._frames.send(CloseConnection(code=1000)))

    async def gone(self) -> None:
        if not self._closed:
            await self._pipe.gone()


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
