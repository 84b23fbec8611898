"""A byte stream to a client, whatever is below it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import termios
from typing import Protocol

from engine.server.hangups import Hangups

CHUNK = 64 * 1024
_TAKEN_WITHIN = 0.25
"""Seconds for which a client is given the time to take what was sent."""
_LOOKS_EVERY = 0.001


class Channel(Protocol):
    """Both directions of a connection. One task may read while another writes."""

    async def read(self) -> bytes:
        """What comes next, ``b""`` at the end. Raises OSError."""

    async def write(self, data: bytes) -> None:
        """Send, and wait while the client does not keep up. Raises OSError."""

    async def taken(self) -> None:
        """Return when the client has read what was sent, as far as the kernel can tell at once, or after a moment."""

    async def gone(self) -> None:
        """Return when the client has closed both directions."""

    async def finish(self) -> None:
        """End our direction; the client's stays open. Raises OSError."""

    async def close(self) -> None:
        """Close both directions."""


class StreamChannel:
    """Over asyncio's streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hangups: Hangups) -> None:
        self._reader = reader
        self._writer = writer
        self._hangups = hangups

    async def read(self) -> bytes:
        return await self._reader.read(CHUNK)

    async def write(self, data: bytes) -> None:
        if self._writer.is_closing():
            raise ConnectionResetError("the client has gone")
        self._writer.write(data)
        await self._writer.drain()

    async def taken(self) -> None:
        connected = self._writer.get_extra_info("socket")
        if connected.family != socket.AF_UNIX:
            return  # TCP tells only that the peer's kernel has it
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_TAKEN_WITHIN):
                while not self._writer.is_closing() and any(fcntl.ioctl(connected.fileno(), termios.TIOCOUTQ, bytes(4))):  # noqa: ASYNC110
                    await asyncio.sleep(_LOOKS_EVERY)  # no event tells it

    async def gone(self) -> None:
        await self._hangups.wait(self._writer.get_extra_info("socket").fileno())

    async def finish(self) -> None:
        if self._writer.can_write_eof():
            self._writer.write_eof()
            await self._writer.drain()

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def abort(self) -> None:
        """Close at once; what the client has not taken is lost."""
        self._writer.transport.abort()
