"""A stream of an engine read by code that pulls its bytes, in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import CancelledError, Future
from typing import TypeVar

from engine.errors import Cancelled

T = TypeVar("T")


async def in_thread(stream: AsyncGenerator[bytes, None], read: Callable[[Iterator[bytes]], T], moved: Callable[[int], object] | None) -> T:
    """What ``read`` makes of the stream's pieces, which are asked for one by one; the stream is closed afterwards.

    Args:
        moved: told in this thread how many bytes have been given out.

    Raises:
        whatever ``stream`` and ``read`` raise.
    """
    loop = asyncio.get_running_loop()
    waiting: list[Future[bytes]] = []
    given = 0
    over = False

    async def piece() -> bytes:
        nonlocal given
        data = await anext(stream, b"")
        given += len(data)
        if moved is not None:
            moved(given)
        return data

    def pieces() -> Iterator[bytes]:
        while not over:
            future = asyncio.run_coroutine_threadsafe(piece(), loop)
            waiting[:] = [future]
            try:
                data = future.result()
            except CancelledError:
                break
            if not data:
                return
            yield data
        raise Cancelled("the reader has left")

    work = asyncio.ensure_future(asyncio.to_thread(read, pieces()))
    try:
        return await asyncio.shield(work)
    finally:
        over = True
        for future in waiting:
            future.cancel()
        await asyncio.gather(work, return_exceptions=True)  # the thread has to end before its source does
        await stream.aclose()
