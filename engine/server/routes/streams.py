"""What is followed: logs, statistics, events."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from engine.dockerapi import show, show_stats
from engine.dockerapi.frames import OutputEncoder
from engine.errors import InvalidArgument, NotSupported
from engine.model.containers import NO_LOG
from engine.model.events import Event, EventQuery
from engine.model.stats import Stats
from engine.model.streams import LogBatch, LogLine, LogQuery
from engine.model.units import parse_moment
from engine.server.joining import kind_of
from engine.server.messages import JSON, Request, Response, as_json, json_answer
from engine.server.router import Route
from engine.server.service import Service


async def logs(service: Service, request: Request) -> Response:
    """What a container has written, and writes."""
    if not (request.flag("stdout") or request.flag("stderr")):
        raise InvalidArgument("Bad parameters: you must choose at least one stream")
    details = await service.engine.containers.inspect(request.place["id"])
    if details.host_config.log_driver == NO_LOG:  # known before the head of the answer is out
        raise NotSupported("configured logging driver does not support reading")
    tail = request.text("tail")
    query = LogQuery(
        follow=request.flag("follow"),
        tail=int(tail) if tail.isdecimal() and tail.isascii() else None,
        since=_moment(request, "since"),
        until=_moment(request, "until") or None,
        stdout=request.flag("stdout"),
        stderr=request.flag("stderr"),
    )
    batches = service.engine.containers.logs(details.container.id, query)
    body = _lines(batches, OutputEncoder(details.config.tty), stamped=request.flag("timestamps"))
    return Response(body=body, kind=kind_of(request, tty=details.config.tty), patient=True)


async def stats(service: Service, request: Request) -> Response:
    """A sample a second; or one, with a predecessor unless the client wants no waiting."""
    container = (await service.engine.containers.inspect(request.place["id"])).container.id
    stream = request.flag("stream", default=True)
    samples = service.engine.containers.stats(container, stream=True)
    if stream:
        return Response(body=_samples(samples), kind=JSON, patient=True)
    async with contextlib.aclosing(samples):
        before = None
        now = await anext(samples, Stats(container_id=container))
        if now.system_total and not request.flag("one-shot"):
            before, now = now, await anext(samples, now)
    return json_answer(show_stats.document(now, before))


async def events(service: Service, request: Request) -> Response:
    """What happens, from the answer's head on."""
    query = EventQuery(since=_moment(request, "since"), until=_moment(request, "until"), filters=request.filters())
    query.check()
    if query.since is None and service.engine.url == "embedded:":
        # Its clock is ours: nothing that happens between the head and the first look is missed.
        now = time.time_ns()
        query = query.replace(since=now if query.until is None else min(now, query.until))
    return Response(body=_events(service.engine.system.events(query)), kind=JSON, patient=True)


async def _lines(batches: AsyncGenerator[Sequence[LogLine], None], encoder: OutputEncoder, *, stamped: bool) -> AsyncGenerator[bytes, None]:
    async with contextlib.aclosing(batches):
        async for batch in batches:
            if stamped:
                yield b"".join(map(encoder.line, batch))
            elif isinstance(batch, LogBatch):
                yield b"".join(encoder.encode(stream, data) for stream, data in batch.pieces())
            else:
                yield b"".join(encoder.encode(line.stream, line.data) for line in batch)


async def _samples(samples: AsyncGenerator[Stats, None]) -> AsyncGenerator[bytes, None]:
    before = None
    async with contextlib.aclosing(samples):
        async for sample in samples:
            yield _line(show_stats.document(sample, before))
            before = sample


async def _events(found: AsyncGenerator[Event, None]) -> AsyncGenerator[bytes, None]:
    async with contextlib.aclosing(found):
        async for event in found:
            yield _line(show.event(event))


def _line(document: dict[str, Any]) -> bytes:
    return as_json(document) + b"\n"


def _moment(request: Request, key: str) -> int | None:
    text = request.text(key).strip()
    return parse_moment(text) if text else None


ROUTES = (
    Route(method="GET", pattern="/containers/{id}/logs", handler=logs),
    Route(method="GET", pattern="/containers/{id}/stats", handler=stats),
    Route(method="GET", pattern="/events", handler=events),
)
