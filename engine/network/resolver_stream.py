"""The embedded name server over TCP (RFC 7766): one client's connection, and the one upstream that a question may need."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Callable
from typing import Protocol

_LARGEST = 65535


class Server(Protocol):
    """What a connection needs of :class:`engine.network.resolver.Resolver`."""

    def watch(self, one: socket.socket, call: Callable[[], None], events: int = select.EPOLLIN) -> None:
        """Call when a socket is ready."""

    def forget(self, one: socket.socket) -> None:
        """Stop watching a socket, which stays open."""

    def drop(self, one: socket.socket) -> None:
        """Forget and close a socket."""

    def answer(self, message: bytes) -> bytes | None:
        """The reply, ``b""`` for none, ``None`` to forward."""

    def connect_upstream(self) -> socket.socket:
        """A connection to an upstream server."""

    def ended(self, connection: Connection) -> None:
        """The connection is closed."""


class Connection:
    """A client that asks over TCP, one question after another (RFC 7766); forwarded ones get a connection upstream."""

    def __init__(self, resolver: Server, client: socket.socket) -> None:
        self._resolver = resolver
        self._client = client
        self._server: socket.socket | None = None
        self._question = bytearray()
        self._response = bytearray()
        resolver.watch(client, self._read)

    def close(self) -> None:
        """Close both sides."""
        self._drop_server()
        self._resolver.drop(self._client)
        self._resolver.ended(self)

    def _drop_server(self) -> None:
        if self._server is not None:
            self._resolver.drop(self._server)
            self._server = None

    def _read(self) -> None:
        if not _receive(self._client, self._question):
            self.close()
        elif self._server is None:
            self._serve()

    def _serve(self) -> None:
        while (message := _take(self._question)) is not None:
            response = self._resolver.answer(message)
            if response is None:
                self._forward(message)
                return
            if not response or not self._send(response):
                self.close()
                return

    def _send(self, response: bytes) -> bool:
        framed = struct.pack(">H", len(response)) + response
        try:
            return self._client.send(framed) == len(framed)  # a client that does not read is not waited for
        except OSError:
            return False

    def _forward(self, message: bytes) -> None:
        try:
            server = self._server = self._resolver.connect_upstream()
        except OSError:
            self.close()
            return
        framed = struct.pack(">H", len(message)) + message

        def connected() -> None:
            self._resolver.forget(server)
            try:
                server.sendall(framed)
            except OSError:
                self.close()
                return
            self._resolver.watch(server, self._relay)

        self._resolver.watch(server, connected, select.EPOLLOUT)

    def _relay(self) -> None:
        assert self._server is not None
        if not _receive(self._server, self._response):
            self.close()
        elif (response := _take(self._response)) is not None:
            self._drop_server()
            if self._send(response):
                self._serve()
            else:
                self.close()


def _receive(one: socket.socket, buffer: bytearray) -> bool:
    """Append what has arrived; false at the end, or when more comes than a message may have."""
    try:
        data = one.recv(_LARGEST)
    except BlockingIOError:
        return True
    except OSError:
        return False
    buffer += data
    return bool(data) and len(buffer) <= 2 * _LARGEST


def _take(buffer: bytearray) -> bytes | None:
    """Take one whole message out of a stream."""
    if len(buffer) < 2:
        return None
    end = 2 + int.from_bytes(buffer[:2], "big")
    if len(buffer) < end:
        return None
    message = bytes(buffer[2:end])
    del buffer[:end]
    return message
