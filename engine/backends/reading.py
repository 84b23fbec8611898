"""A stream of an engine, read by code that pulls its bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import TypeVar

from engine.backends.flow import Inflow

T = TypeVar("T")


async def in_thread(stream: AsyncGenerator[bytes, None], read: Callable[[Iterator[bytes]], T], moved: Callable[[int], object] | None) -> T:
    """What ``read`` makes of the stream's pieces in a thread of its own; it has to read them all. The stream is closed afterwards.

    Args:
        moved: told in this thread how many bytes have been given out.

    Raises:
        whatever ``stream`` and ``read`` raise.
    """
    found: list[T] = []
    given = 0
    flow = Inflow(lambda pieces: found.append(read(pieces)))
    try:
        async for piece in stream:
            await asyncio.to_thread(flow.write, piece)
            given += len(piece)
            if moved is not None:
                moved(given)
        await asyncio.to_thread(flow.finish)
        return found[0]
    finally:
        await asyncio.to_thread(flow.close)
        await stream.aclose()
