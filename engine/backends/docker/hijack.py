"""Attach and exec: an HTTP connection that turns into a raw stream in both directions.

::

    POST …  Connection: Upgrade, Upgrade: tcp  ->
                                               <-  101 UPGRADED (old engines: 200 OK, the same without a handshake)
    input ->                                   <-  output, framed unless there is a terminal
    half-close = end of input ->               <-  output goes on
                                               <-  close = the process ended
"""

from __future__ import annotations

import asyncio
import contextlib

from engine.backends.docker.api import Api, Parameters, query
from engine.dockerapi import failures
from engine.errors import CorruptData, Unavailable

_HEAD_LIMIT = 64 * 1024
_CHUNK = 64 * 1024


class RawStream:
    """The two directions of a connection after its hand-over."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._input_open = True

    async def read(self) -> bytes:
        """What comes next; ``b""`` at the end, also when the peer broke off."""
        try:
            return await self._reader.read(_CHUNK)
        except OSError:
            return b""

    async def write(self, data: bytes) -> None:
        """Send; dropped when the other side is gone."""
        if self._input_open and not self._writer.is_closing():
            self._writer.write(data)
            with contextlib.suppress(OSError):
                await self._writer.drain()

    async def close_input(self) -> None:
        """Half-close."""
        if self._input_open:
            self._input_open = False
            with contextlib.suppress(OSError):
                await self._writer.drain()
                if self._writer.can_write_eof():
                    self._writer.write_eof()

    async def close(self) -> None:
        """Close both directions."""
        self._input_open = False
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


async def open_stream(api: Api, path: str, parameters: Parameters | None = None, *, body: bytes = b"") -> RawStream:
    """POST and take the connection over.

    Raises:
        LongshoreError: what the status of the answer stands for.
        Unavailable: the engine broke off.
    """
    major, minor = await api.version()
    reader, writer = await api.dial()
    stream = RawStream(reader, writer)
    try:
        writer.write(_request(f"/v{major}.{minor}{path}", parameters, body))
        await writer.drain()
        status, headers = await _head(reader)
        if status in (101, 200):
            return stream
        answer = await _body(reader, headers)
        raise failures.failure(status, answer, f"POST {path} failed")
    except OSError as error:
        await stream.close()
        raise Unavailable(f"the connection to the engine at {api.address.url} broke: {error}") from error
    except BaseException:
        await stream.close()
        raise


def _request(path: str, parameters: Parameters | None, body: bytes) -> bytes:
    from urllib.parse import urlencode

    if found := query(parameters):
        path += "?" + urlencode(found)
    lines = [f"POST {path} HTTP/1.1", "Host: docker", "User-Agent: longshore", "Connection: Upgrade", "Upgrade: tcp"]
    if body:
        lines.append("Content-Type: application/json")
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("ascii") + body


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise Unavailable("the engine closed the connection without an answer") from error
    except asyncio.LimitOverrunError as error:
        raise CorruptData("the head of the engine's answer is too long") from error
    first, *rest = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdecimal() or len(words[1]) != 3:
        raise CorruptData("the engine's answer is not HTTP")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest if line)}
    return int(words[1]), headers


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    """The text of a failure: it is short, and followed by nothing that we want. ``b""`` where it is cut off or malformed."""
    length = headers.get("content-length", "")
    found = b""
    try:
        if length.isdecimal():
            return await reader.readexactly(min(int(length), _HEAD_LIMIT))
        if "chunked" not in headers.get("transfer-encoding", ""):
            return await reader.read(_HEAD_LIMIT)
        while len(found) < _HEAD_LIMIT:
            count = int((await reader.readline()).partition(b";")[0], 16)
            if not 0 < count <= _HEAD_LIMIT:
                break
            found += (await reader.readexactly(count + 2))[:-2]
    except (ValueError, asyncio.IncompleteReadError):  # no number, one of thousands of digits, a line without an end
        pass
    return found
