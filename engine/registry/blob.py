"""A blob on its way from a registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.registry import failures

if TYPE_CHECKING:
    import httpx


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
            for chunk in self._response.iter_raw():
                if not skip:
                    yield chunk
                    continue
                rest = chunk[skip:]
                skip -= len(chunk) - len(rest)
                if rest:
                    yield rest
        except httpx.TransportError as error:
            raise failures.translate(error, "GET", str(self._response.url.copy_with(query=None))) from error

    def close(self) -> None:
        """Give the connection back or up. Idempotent."""
        self._response.close()
