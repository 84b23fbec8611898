"""Make containers and look at them."""

from __future__ import annotations

import json
import time

from engine.dockerapi import requests, show_containers
from engine.errors import InvalidArgument, LongshoreError
from engine.model.containers import CreatedContainer
from engine.server.messages import Request, Response, json_answer
from engine.server.router import Route
from engine.server.service import Service


async def create(service: Service, request: Request) -> Response:
    """A new container, in all the networks that are asked for."""
    asked = requests.decode_create(await request.document())
    if not asked.config.image:
        raise InvalidArgument("no image specified")
    if request.version < (1, 48) and any(mount.kind == "image" for mount in asked.host.mounts):
        raise InvalidArgument('Mount type "Image" needs API v1.48 or newer')
    containers = service.engine.containers
    made = await containers.create(asked.config, asked.host, name=request.text("name"), platform=request.text("platform"))
    try:
        for endpoint in asked.further:
            await service.engine.networks.connect(
                endpoint.network,
                made.id,
                ip=endpoint.requested_ip,
                ip6=endpoint.requested_ipv6,
                aliases=endpoint.aliases,
                options=endpoint.options.replace(mac_address=endpoint.mac_address),
            )
    except LongshoreError:
        await containers.remove(made.id, force=True, volumes=True)
        raise
    return json_answer(show_containers.created(CreatedContainer(id=made.id, warnings=(*made.warnings, *asked.warnings))), 201)


async def listing(service: Service, request: Request) -> Response:
    """Running containers, or all."""
    limit = max(0, request.integer("limit"))
    found = await service.engine.containers.list(all=request.flag("all"), filters=request.filters(), limit=limit, size=request.flag("size"))
    return json_answer(show_containers.listing(found, time.time()))


async def inspect(service: Service, request: Request) -> Response:
    """Everything about one."""
    details = await service.engine.containers.inspect(request.place["id"], size=request.flag("size"))
    document = json.loads(details.raw)
    if request.version < show_containers.NAMED:
        show_containers.add_aliases(document)
    if running := service.execs.of(details.container.id):
        document["ExecIDs"] = running
    return json_answer(document)


async def top(service: Service, request: Request) -> Response:
    """Its processes."""
    return json_answer(show_containers.top(await service.engine.containers.top(request.place["id"], ps_args=request.text("ps_args"))))


ROUTES = (
    Route(method="POST", pattern="/containers/create", handler=create),
    Route(method="GET", pattern="/containers/json", handler=listing),
    Route(method="GET", pattern="/containers/{id}/json", handler=inspect),
    Route(method="GET", pattern="/containers/{id}/top", handler=top),
)
