"""TLS to a client, with the half-close that docker's clients need.

asyncio's own TLS ends a connection in both directions as soon as the client has ended one: ``docker run -i`` over TCP would lose its
output with its input. OpenSSL lets the other direction go on, so that its state machine (:class:`ssl.SSLObject`) is driven here.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl

from engine.server.channel import CHUNK, Channel

_HANDSHAKE = 20.0
"""Seconds that a client gets to prove who it is."""


class TlsChannel:
    """A :class:`~engine.server.channel.Channel` over another one. :meth:`handshake` comes first."""

    def __init__(self, below: Channel, context: ssl.SSLContext) -> None:
        self._below = below
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._sending = asyncio.Lock()

    async def handshake(self) -> None:
        """Agree on keys, and see the client's certificate.

        Raises:
            OSError: the client has none that our authority signed, or speaks no TLS; ``ssl.SSLError`` is an OSError.
            TimeoutError: it does not answer.
        """
        async with asyncio.timeout(_HANDSHAKE):
            while True:
                try:
                    self._tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    await self._flush()
                    await self._more()
                except ssl.SSLError:
                    with contextlib.suppress(OSError):
                        await self._flush()  # the alert says why
                    raise
            await self._flush()

    async def read(self) -> bytes:
        while True:
            try:
                return self._tls.read(CHUNK)
            except ssl.SSLWantReadError:
                await self._flush()
                await self._more()
            except ssl.SSLZeroReturnError:
                return b""  # the client has ended its direction
            except ssl.SSLEOFError:
                return b""  # so has one that just hung up

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._tls.write(view[:CHUNK]) :]
            await self._flush()

    async def taken(self) -> None:
        await self._below.taken()

    async def gone(self) -> None:
        await self._below.gone()

    async def finish(self) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        await self._flush()

    async def close(self) -> None:
        await self._below.close()

    async def _more(self) -> None:
        data = await self._below.read()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        async with self._sending:
            if data := self._outgoing.read():
                await self._below.write(data)
