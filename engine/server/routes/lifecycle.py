"""The life of containers: start, stop, wait, remove and the like."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

from engine.dockerapi import requests, show_containers
from engine.errors import InvalidArgument, LongshoreError
from engine.model.containers import ContainerExit
from engine.server.messages import JSON, Request, Response, empty, json_answer
from engine.server.router import Route
from engine.server.service import Service

_CONDITIONS = ("not-running", "next-exit", "removed")


async def start(service: Service, request: Request) -> Response:
    """Start it."""
    if int(request.headers.get("content-length") or 0) > 7:
        raise InvalidArgument("starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24")
    await service.engine.containers.start(request.place["id"])
    return empty()


async def stop(service: Service, request: Request) -> Response:
    """Stop it, with a signal and patience of the client's choice."""
    signal = request.text("signal") if request.version >= (1, 42) else ""
    await service.engine.containers.stop(request.place["id"], timeout=_patience(request), signal=signal)
    return empty()


async def restart(service: Service, request: Request) -> Response:
    """Stop and start."""
    await service.engine.containers.restart(request.place["id"], timeout=_patience(request), signal=request.text("signal"))
    return empty()


async def kill(service: Service, request: Request) -> Response:
    """Send it a signal."""
    await service.engine.containers.kill(request.place["id"], signal=request.text("signal") or "KILL")
    return empty()


async def pause(service: Service, request: Request) -> Response:
    """Freeze it."""
    await service.engine.containers.pause(request.place["id"])
    return empty()


async def unpause(service: Service, request: Request) -> Response:
    """Thaw it."""
    await service.engine.containers.unpause(request.place["id"])
    return empty()


async def rename(service: Service, request: Request) -> Response:
    """Another name."""
    await service.engine.containers.rename(request.place["id"], request.text("name"))
    return empty()


async def update(service: Service, request: Request) -> Response:
    """Other limits."""
    config = requests.decode_update(await request.document())
    return json_answer(show_containers.updated(await service.engine.containers.update(request.place["id"], config)))


async def remove(service: Service, request: Request) -> Response:
    """Remove it."""
    if request.flag("link"):
        raise InvalidArgument("a link is part of its container, and can not be removed without it")
    await service.engine.containers.remove(request.place["id"], force=request.flag("force"), volumes=request.flag("v"))
    return empty()


async def prune(service: Service, request: Request) -> Response:
    """Remove what does not run."""
    return json_answer(show_containers.pruned(await service.engine.containers.prune(request.filters())))


async def wait(service: Service, request: Request) -> Response:
    """Wait for its end. The head of the answer is sent once no exit can be missed: docker's client starts the container then."""
    condition = request.text("condition") or "not-running"
    if condition not in _CONDITIONS:
        raise InvalidArgument(f'invalid condition: "{condition}"')
    listening = asyncio.Event()
    found = service.engine.containers.wait(request.place["id"], condition=condition, listening=listening.set)
    ended = asyncio.create_task(found)
    begun = asyncio.create_task(listening.wait())
    try:
        await asyncio.wait((ended, begun), return_when=asyncio.FIRST_COMPLETED)
        if ended.done() and not listening.is_set():
            return json_answer(show_containers.ended(ended.result()))
    except BaseException:
        await _cancelled(ended)
        raise
    finally:
        begun.cancel()
    return Response(body=_end(ended), kind=JSON, patient=True, cleanup=lambda: _cancelled(ended))


async def _end(ended: asyncio.Task[ContainerExit]) -> AsyncGenerator[bytes, None]:
    try:
        found = await asyncio.shield(ended)
    except LongshoreError as error:
        found = ContainerExit(exit_code=-1, error=error.message)
    yield json.dumps(show_containers.ended(found)).encode() + b"\n"


async def _cancelled(task: asyncio.Task[ContainerExit]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _patience(request: Request) -> int | None:
    return request.integer("t") if request.text("t") else None


ROUTES = (
    Route(method="POST", pattern="/containers/prune", handler=prune),
    Route(method="POST", pattern="/containers/{id}/start", handler=start),
    Route(method="POST", pattern="/containers/{id}/stop", handler=stop),
    Route(method="POST", pattern="/containers/{id}/restart", handler=restart),
    Route(method="POST", pattern="/containers/{id}/kill", handler=kill),
    Route(method="POST", pattern="/containers/{id}/pause", handler=pause),
    Route(method="POST", pattern="/containers/{id}/unpause", handler=unpause),
    Route(method="POST", pattern="/containers/{id}/rename", handler=rename),
    Route(method="POST", pattern="/containers/{id}/update", handler=update),
    Route(method="POST", pattern="/containers/{id}/wait", handler=wait),
    Route(method="DELETE", pattern="/containers/{id}", handler=remove),
)
