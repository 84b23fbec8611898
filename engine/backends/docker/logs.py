"""Logs of a Docker Engine API.

dockerd takes the last ``tail`` messages of the whole log and only then looks at ``since`` and ``until``; ours counts among the
lines inside the bounds. So with bounds the tail is taken here. Nor does it end a followed log at ``until`` before a
later message arrives: the clock ends it here.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from urllib.parse import quote

from engine.backends.docker.api import Api
from engine.dockerapi import containers as codec
from engine.dockerapi import times
from engine.dockerapi.frames import LogDecoder
from engine.errors import InvalidArgument
from engine.model.streams import LogLine, LogQuery


async def read(api: Api, container: str, query: LogQuery) -> AsyncGenerator[Sequence[LogLine], None]:
    """Batches of lines, see :meth:`engine.interface.ContainerStreams.logs`."""
    if not container:
        raise InvalidArgument("no container is named")
    if not (query.stdout or query.stderr):
        raise InvalidArgument("you must choose at least one stream")
    path = f"/containers/{quote(container, safe='')}"
    tty = codec.decode_details(await api.get(f"{path}/json")).config.tty
    if query.until is not None and query.until <= time.time_ns():
        query = query.replace(follow=False)
    if query.tail is not None and (query.since is not None or query.until is not None):
        source = _tail_inside(api, path, query, tty)
    else:
        source = _stream(api, path, query, tty)
    came = False
    async with contextlib.aclosing(source):
        async for batch in source:
            came = True
            yield batch
    if query.follow and query.until is not None and not came:
        # The engine may have needed longer for its answer than the clock had left.
        async with contextlib.aclosing(read(api, container, query.replace(follow=False))) as again:
            async for batch in again:
                yield batch


async def _tail_inside(api: Api, path: str, query: LogQuery, tty: bool) -> AsyncGenerator[Sequence[LogLine], None]:
    last: deque[LogLine] = deque(maxlen=query.tail)
    newest, at_newest = query.since, 0
    async with contextlib.aclosing(_stream(api, path, query.replace(follow=False, tail=None), tty)) as lines:
        async for batch in lines:
            last.extend(batch)
            for line in batch:
                at_newest = at_newest + 1 if line.time == newest else 1
                newest = line.time
    if last:
        yield list(last)
    if not query.follow:
        return
    # Go on where the first reading ended: lines with the very time of its last one come again.
    async with contextlib.aclosing(_stream(api, path, query.replace(tail=None, since=newest), tty)) as lines:
        async for batch in lines:
            again = sum(line.time == newest for line in batch[:at_newest])
            at_newest -= again
            if batch[again:]:
                yield batch[again:]


async def _stream(api: Api, path: str, query: LogQuery, tty: bool) -> AsyncGenerator[Sequence[LogLine], None]:
    parameters = {
        "timestamps": True,
        "stdout": query.stdout,
        "stderr": query.stderr,
        "follow": query.follow,
        "tail": None if query.tail is None else str(query.tail),
        "since": None if query.since is None else times.query(query.since),
        "until": None if query.until is None else times.query(query.until),
    }
    decoder = LogDecoder(tty)
    async with api.stream("GET", f"{path}/logs", parameters) as response:
        async with contextlib.aclosing(api.chunks(response)) as chunks:
            async for chunk in _until(chunks, query.until if query.follow else None):
                if lines := _inside(decoder.feed(chunk), query):
                    yield lines
        if lines := _inside(decoder.finish(), query):
            yield lines


async def _until(chunks: AsyncGenerator[bytes, None], until: int | None) -> AsyncGenerator[bytes, None]:
    while True:
        limit = None if until is None else max((until - time.time_ns()) / 1e9, 0)
        try:
            async with asyncio.timeout(limit):
                chunk = await anext(chunks)
        except (StopAsyncIteration, TimeoutError):
            return
        yield chunk


def _inside(lines: list[LogLine], query: LogQuery) -> list[LogLine]:
    """A followed log goes on a little past ``until``."""
    return lines if query.until is None else [line for line in lines if line.time <= query.until]
