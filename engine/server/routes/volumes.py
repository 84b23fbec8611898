"""Volumes."""

from __future__ import annotations

from engine.dockerapi import volumes as codec
from engine.server.messages import Request, Response, empty, json_answer, raw_answer
from engine.server.router import Route
from engine.server.service import Service

_PRUNES_ANONYMOUS = (1, 42)


async def listing(service: Service, request: Request) -> Response:
    """All of them."""
    return json_answer(codec.encode_list(await service.engine.volumes.list(filters=request.filters())))


async def inspect(service: Service, request: Request) -> Response:
    """One."""
    return raw_answer((await service.engine.volumes.inspect(request.place["name"])).raw)


async def create(service: Service, request: Request) -> Response:
    """A new one, or the one that has the name."""
    return raw_answer((await service.engine.volumes.create(codec.decode_create(await request.document()))).raw, 201)


async def remove(service: Service, request: Request) -> Response:
    """Remove one."""
    await service.engine.volumes.remove(request.place["name"], force=request.flag("force"))
    return empty()


async def prune(service: Service, request: Request) -> Response:
    """Remove what is not used; clients before 1.42 mean named volumes too."""
    filters = dict(request.filters())
    if request.version < _PRUNES_ANONYMOUS:
        filters["all"] = ("true",)
    return json_answer(codec.encode_prune(await service.engine.volumes.prune(filters)))


ROUTES = (
    Route(method="GET", pattern="/volumes", handler=listing),
    Route(method="GET", pattern="/volumes/{name}", handler=inspect),
    Route(method="POST", pattern="/volumes/create", handler=create),
    Route(method="POST", pattern="/volumes/prune", handler=prune),
    Route(method="DELETE", pattern="/volumes/{name}", handler=remove),
)
