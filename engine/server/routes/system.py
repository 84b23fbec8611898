"""``_ping``, ``version``, ``info``, ``system/df`` and ``auth``."""

from __future__ import annotations

import time

from engine.dockerapi import auth, show, show_containers
from engine.dockerapi import system as codec
from engine.errors import InvalidArgument
from engine.model.version import API_VERSION
from engine.server.messages import Request, Response, json_answer, raw_answer
from engine.server.router import Route
from engine.server.service import Service

_PING = {
    "Content-Type": "text/plain; charset=utf-8",
    "Builder-Version": "1",  # BuildKit needs /session and /grpc
    "Swarm": "inactive",
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
}

_KINDS = {"image": "Images", "container": "Containers", "volume": "Volumes", "build-cache": "BuildCache"}


async def ping(service: Service, request: Request) -> Response:
    """Alive, and which API; clients negotiate with the headers."""
    return Response(body=b"" if request.method == "HEAD" else b"OK", headers=_PING)


async def version(service: Service, request: Request) -> Response:
    """The engine's version, and the API's that is spoken here, which is ours also before another engine."""
    found = await service.engine.system.version()
    return raw_answer(show.version(found.replace(api_version=API_VERSION)))


async def info(service: Service, request: Request) -> Response:
    """Engine, host and counts."""
    return raw_answer((await service.engine.system.info()).raw)


async def disk_usage(service: Service, request: Request) -> Response:
    """What everything takes; since 1.42 a client may ask for some kinds only."""
    found = await service.engine.system.disk_usage()
    document = codec.encode_usage(found, show_containers.listing(found.containers, time.time()), request.version)
    if wanted := {_KINDS.get(kind, "") for kind in request.texts("type")}:
        if "" in wanted:
            raise InvalidArgument(f"unknown object type: {', '.join(request.texts('type'))}")
        document = {key: value for key, value in document.items() if key in wanted or (key == "LayersSize" and "Images" in wanted)}
    return json_answer(document)


async def login(service: Service, request: Request) -> Response:
    """Show credentials to a registry."""
    body = await request.document()
    return json_answer(auth.login_answer(await service.engine.system.login(auth.registry_of(body), auth.decode(body))))


async def plugins(service: Service, request: Request) -> Response:
    """Those that the engine manages: ours has none, another that is served may."""
    return raw_answer(f"[{','.join(plugin.raw for plugin in await service.engine.system.plugins(request.filters()))}]")


async def prune_builds(service: Service, request: Request) -> Response:
    """There is no build cache, so that ``docker system prune`` finds it empty."""
    return json_answer({"CachesDeleted": [], "SpaceReclaimed": 0})


ROUTES = (
    Route(method="POST", pattern="/build/prune", handler=prune_builds),
    Route(method="GET", pattern="/plugins", handler=plugins),
    Route(method="GET", pattern="/system/df", handler=disk_usage),
    Route(method="POST", pattern="/auth", handler=login),
    Route(method="GET", pattern="/_ping", handler=ping),
    Route(method="HEAD", pattern="/_ping", handler=ping),
    Route(method="GET", pattern="/version", handler=version),
    Route(method="GET", pattern="/info", handler=info),
)
