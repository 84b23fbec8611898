"""A blob on its way from a registry.

httpx parses whatever comes in, 64 KiB at a time. Of a big body that is sent plainly, with its length, only the beginning goes through it;
the rest is read from the connection itself, which then can not be used for another request.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.registry import failures

if TYPE_CHECKING:
    import httpx

_PIECE = 256 << 10
_WORTHWHILE = 8 << 20
"""Bytes that are still to come from which on a connection of its own is cheaper."""


class Blob:
    """A blob's bytes while they arrive; iterate once, then :meth:`close`."""

    def __init__(self, response: httpx.Response, skip: int) -> None:
        """``skip`` bytes at the beginning are not wanted: the server could not begin later."""
        self._response = response
        self._skip = skip

    def __iter__(self) -> Iterator[bytes]:
        """Pieces as they come in.

        Raises:
            Unavailable: the connection was lost, or stalled; what came before is good.
        """
        import httpx

        skip = self._skip
        try:
            for chunk in self._pieces():
                if not skip:
                    yield chunk
                    continue
                rest = chunk[skip:]
                skip -= len(chunk) - len(rest)
                if rest:
                    yield rest
        except httpx.TransportError as error:
            raise failures.translate(error, "GET", str(self._response.url.copy_with(query=None))) from error

    def _pieces(self) -> Iterator[bytes]:
        left = self._length()
        parsed = self._response.iter_raw()
        for chunk in parsed:
            yield chunk
            # The parser gives out all that it holds each time, so that what is left is still in the connection.
            left -= len(chunk)
            if left >= _WORTHWHILE:
                yield from self._direct(left)
                return

    def _length(self) -> int:
        """The body's length, 0 unless it is all that follows in the connection."""
        response = self._response
        length = response.headers.get("Content-Length", "")
        plain = response.http_version == "HTTP/1.1" and "Transfer-Encoding" not in response.headers
        known = length.isascii() and length.isdigit() and len(length) < 20
        return int(length) if plain and known and "network_stream" in response.extensions else 0

    def _direct(self, left: int) -> Iterator[bytes]:
        import httpcore
        import httpx

        stream = self._response.extensions["network_stream"]
        timeout = self._response.request.extensions["timeout"]["read"]
        while left:
            try:
                chunk = stream.read(min(left, _PIECE), timeout=timeout)
            except httpcore.TimeoutException as error:
                raise httpx.ReadTimeout(str(error)) from error
            except httpcore.NetworkError as error:
                raise httpx.ReadError(str(error)) from error
            if not chunk:
                raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")
            left -= len(chunk)
            yield chunk

    def close(self) -> None:
        """Give the connection back or up. Idempotent."""
        self._response.close()
