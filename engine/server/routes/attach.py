"""Attach to a container's main process, and tell its terminal's size."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from engine.dockerapi.frames import OutputEncoder
from engine.errors import Conflict, LongshoreError
from engine.interface import Session
from engine.model.containers import ContainerDetails
from engine.model.streams import LogQuery, StreamName
from engine.server.joining import Terms, join, keys_of, kind_of
from engine.server.messages import Hijack, Pipe, Request, Response, empty
from engine.server.router import Route
from engine.server.service import Service


async def attach(service: Service, request: Request) -> Response:
    """The connection becomes the process's; also before it is started."""
    details = await service.engine.containers.inspect(request.place["id"])
    terms = Terms(
        tty=details.config.tty,
        stdin=request.flag("stdin") and details.config.open_stdin,
        streams=frozenset(name for name in StreamName if request.flag(name.value)),
        keys=keys_of(request.text("detachKeys")),
    )
    return await _attached(service, request, details, terms)


async def attach_websocket(service: Service, request: Request) -> Response:
    """The same over a websocket, whose output is never multiplexed. Only what comes is sent, unless the log is asked for too."""
    from engine.server.websocket import Websocket  # late: hardly anybody asks for one

    socket = Websocket(request.path, request.headers)
    details = await service.engine.containers.inspect(request.place["id"])
    asked = frozenset(name for name in StreamName if request.flag(name.value))
    terms = Terms(
        tty=True, stdin=request.flag("stdin") and details.config.open_stdin, streams=asked, keys=keys_of(request.text("detachKeys"))
    )
    answer = await _attached(service, request, details, terms)

    async def talk(pipe: Pipe) -> None:
        framed = socket.over(pipe)
        await answer.talk(framed)
        with contextlib.suppress(OSError):
            await framed.close()

    return Hijack("", talk, cleanup=answer.cleanup, head=socket.head)


async def _attached(service: Service, request: Request, details: ContainerDetails, terms: Terms) -> Hijack:
    kind = kind_of(request, tty=terms.tty)
    container = details.container.id
    if not request.flag("stream"):
        return Hijack(kind, lambda pipe: _past(service, details, terms, pipe) if request.flag("logs") else _nothing())
    session = await service.engine.containers.attach(container, stdin=terms.stdin, logs=request.flag("logs"))
    terminals = service.terminals.setdefault(container, [])
    terminals.append(session)

    async def talk(pipe: Pipe) -> None:
        await join(session, pipe, terms)

    async def leave() -> None:
        terminals.remove(session)
        if not terminals and service.terminals.get(container) is terminals:
            del service.terminals[container]
        await session.close()

    return Hijack(kind, talk, cleanup=leave)


async def resize(service: Service, request: Request) -> Response:
    """A new size of the terminal, through whoever is attached, or by attaching for a moment."""
    height, width = request.extent()
    details = await service.engine.containers.inspect(request.place["id"])
    if not details.container.state.running:
        raise Conflict(f"container {details.container.id} is not running")
    for session in service.terminals.get(details.container.id, ()):
        await session.resize(width=width, height=height)
        return empty(200)
    async with _visiting(service, details.container.id) as session:
        await session.resize(width=width, height=height)
    return empty(200)


@contextlib.asynccontextmanager
async def _visiting(service: Service, container: str) -> AsyncGenerator[Session, None]:
    session = await service.engine.containers.attach(container)
    try:
        yield session
    finally:
        await session.close()


async def _past(service: Service, details: ContainerDetails, terms: Terms, pipe: Pipe) -> None:
    encoder = OutputEncoder(terms.tty)
    query = LogQuery(stdout=StreamName.STDOUT in terms.streams, stderr=StreamName.STDERR in terms.streams)
    lines = service.engine.containers.logs(details.container.id, query)
    async with contextlib.aclosing(lines):
        with contextlib.suppress(OSError, LongshoreError):
            async for batch in lines:
                for line in batch:
                    await pipe.write(encoder.encode(line.stream, line.data))


async def _nothing() -> None:
    """Neither what was nor what comes is wanted."""


ROUTES = (
    Route(method="POST", pattern="/containers/{id}/attach", handler=attach),
    Route(method="GET", pattern="/containers/{id}/attach/ws", handler=attach_websocket),
    Route(method="POST", pattern="/containers/{id}/resize", handler=resize),
)
