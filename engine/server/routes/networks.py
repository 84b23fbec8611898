"""Networks."""

from __future__ import annotations

from engine.dockerapi import networks as codec
from engine.dockerapi.host_config import decode_links
from engine.errors import InvalidArgument, NotSupported
from engine.model.units import boolean
from engine.server.messages import Request, Response, empty, json_answer, raw_answer
from engine.server.router import Route
from engine.server.service import Service


async def listing(service: Service, request: Request) -> Response:
    """All of them."""
    return json_answer(codec.encode_list(await service.engine.networks.list(filters=request.filters())))


async def inspect(service: Service, request: Request) -> Response:
    """One, with its members."""
    text = request.text("verbose")
    verbose = boolean(text or "false")
    if verbose is None:
        raise InvalidArgument(f'invalid value for verbose: {text}: strconv.ParseBool: parsing "{text}": invalid syntax')
    return raw_answer((await service.engine.networks.inspect(request.place["id"], verbose=verbose, scope=request.text("scope"))).raw)


async def create(service: Service, request: Request) -> Response:
    """A new one."""
    spec = codec.decode_create(await request.document())
    return json_answer({"Id": await service.engine.networks.create(spec), "Warning": ""}, 201)


async def remove(service: Service, request: Request) -> Response:
    """Remove one."""
    await service.engine.networks.remove(request.place["id"])
    return empty()


async def connect(service: Service, request: Request) -> Response:
    """Put a container into it."""
    body = await request.document()
    container, endpoint = codec.decode_connect(body)
    if not container:
        raise InvalidArgument("no container is named")
    if links := decode_links(body.document("EndpointConfig").texts("Links")):
        known = (await service.engine.containers.inspect(container)).host_config.links
        if not set(links) <= set(known):
            raise NotSupported("links are made with their container: create it with --link")
    await service.engine.networks.connect(
        request.place["id"],
        container,
        ip=endpoint.requested_ip,
        ip6=endpoint.requested_ipv6,
        aliases=endpoint.aliases,
        options=endpoint.options.replace(mac_address=endpoint.mac_address),
    )
    return empty(200)


async def disconnect(service: Service, request: Request) -> Response:
    """Take a container out of it."""
    body = await request.document()
    await service.engine.networks.disconnect(request.place["id"], body.text("Container"), force=body.flag("Force"))
    return empty(200)


async def prune(service: Service, request: Request) -> Response:
    """Remove what nobody is in."""
    return json_answer(codec.encode_prune(await service.engine.networks.prune(request.filters())))


ROUTES = (
    Route(method="GET", pattern="/networks", handler=listing),
    Route(method="GET", pattern="/networks/{id}", handler=inspect),
    Route(method="POST", pattern="/networks/create", handler=create),
    Route(method="POST", pattern="/networks/prune", handler=prune),
    Route(method="POST", pattern="/networks/{id}/connect", handler=connect),
    Route(method="POST", pattern="/networks/{id}/disconnect", handler=disconnect),
    Route(method="DELETE", pattern="/networks/{id}", handler=remove),
)
