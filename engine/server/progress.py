"""Streams whose failures are told by the status as long as nothing was sent, and by a last line after."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any, TypeVar

from engine.dockerapi import show_images
from engine.errors import LongshoreError
from engine.server.messages import JSON, Response, as_json

T = TypeVar("T")


async def told(events: AsyncGenerator[T, None], lines: Callable[[T], Iterable[dict[str, Any]]]) -> Response:
    """Progress, a JSON document a line. Raises what the stream raises before its first event."""

    async def body(first: T | None) -> AsyncGenerator[bytes, None]:
        if first is not None:
            yield encoded(lines(first))
        try:
            async for event in events:
                yield encoded(lines(event))
        except LongshoreError as error:
            yield encoded((show_images.error_line(error),))

    return Response(body=body(await _first(events)), kind=JSON, cleanup=events.aclose)


async def archive(
    chunks: AsyncGenerator[bytes, None], *, kind: str = "application/x-tar", headers: dict[str, str] | None = None
) -> Response:
    """Bytes as they come. Raises what the stream raises before its first piece; later the connection breaks off."""

    async def body(first: bytes | None) -> AsyncGenerator[bytes, None]:
        if first is not None:
            yield first
        async for chunk in chunks:
            yield chunk

    return Response(body=body(await _first(chunks)), kind=kind, headers=headers, patient=True, cleanup=chunks.aclose)


def encoded(lines: Iterable[dict[str, Any]]) -> bytes:
    """Documents as clients read them from a stream: each ends with CR LF."""
    return b"".join(as_json(line) + b"\r\n" for line in lines)


async def _first(items: AsyncGenerator[T, None]) -> T | None:
    try:
        return await anext(items, None)
    except BaseException:
        with contextlib.suppress(LongshoreError):
            await items.aclose()
        raise
