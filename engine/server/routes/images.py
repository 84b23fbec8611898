"""Images: fetched, looked at, moved and removed."""

from __future__ import annotations

import contextlib

from engine.dockerapi import auth, images, show_images
from engine.errors import InvalidArgument, NotFound, NotSupported
from engine.model import reference as references
from engine.model.images import PullProgress
from engine.server.messages import JSON, Request, Response, empty, json_answer
from engine.server.progress import archive, encoded, told
from engine.server.router import Route
from engine.server.service import Service


async def listing(service: Service, request: Request) -> Response:
    """Images, newest first."""
    filters = dict(request.filters())
    if request.text("filter") and request.version < (1, 41):
        filters["reference"] = (request.text("filter"),)
    found = await service.engine.images.list(all=request.flag("all"), filters=filters)
    if request.flag("shared-size"):
        counted = {image.id: image.shared_size for image in (await service.engine.system.disk_usage()).images}
        found = [image.replace(shared_size=counted.get(image.id, image.shared_size)) for image in found]
    shown = show_images.listing(found, request.version)
    if request.version >= (1, 47) and request.flag("manifests"):
        for document in shown:
            with contextlib.suppress(NotFound, NotSupported):  # removed meanwhile, or of another host that tells nothing of them
                document["Manifests"] = show_images.manifests(await service.engine.images.manifests(document["Id"]))
    return json_answer(shown)


async def inspect(service: Service, request: Request) -> Response:
    """Everything about one."""
    platform = _platform(request, (1, 49))
    manifests = request.version >= (1, 48) and request.flag("manifests")
    if platform and manifests:
        raise InvalidArgument("conflicting options: manifests and platform options cannot both be set")
    found = await service.engine.images.inspect(request.place["name"], platform=platform)
    shown = show_images.details(found.raw, request.version)
    if manifests:
        shown["Manifests"] = show_images.manifests(await service.engine.images.manifests(found.image.id))
    return json_answer(shown)


async def history(service: Service, request: Request) -> Response:
    """Its layers."""
    layers = await service.engine.images.history(request.place["name"], platform=_platform(request, (1, 48)))
    return json_answer(show_images.history(layers))


async def create(service: Service, request: Request) -> Response:
    """Pull, or import the archive in the body."""
    if request.text("fromSrc"):
        return await _import(service, request)
    if not request.text("fromImage"):
        raise InvalidArgument("Bad parameters: fromImage or fromSrc is missing")
    credentials = auth.decode_header(request.headers.get("x-registry-auth", ""))
    wanted, all_tags = _wanted(request)
    pulling = service.engine.images.pull(wanted, platform=request.text("platform"), all_tags=all_tags, credentials=credentials)
    return await told(pulling, _pull_lines)


async def push(service: Service, request: Request) -> Response:
    """Bring an image, or with no tag all of its repository, to a registry."""
    name, tag = request.place["name"], request.text("tag")
    credentials = auth.decode_header(request.headers.get("x-registry-auth", ""))
    platform = _platform(request, (1, 46))
    pushing = service.engine.images.push(f"{name}:{tag}" if tag else name, all_tags=not tag, platform=platform, credentials=credentials)
    return await told(pushing, show_images.push_lines)


async def distribution(service: Service, request: Request) -> Response:
    """What a registry has under a name."""
    credentials = auth.decode_header(request.headers.get("x-registry-auth", ""))
    found = await service.engine.images.distribution(request.place["name"], credentials=credentials)
    return json_answer(show_images.distribution(found))


async def tag(service: Service, request: Request) -> Response:
    """Another name."""
    repository, tag = request.text("repo"), request.text("tag")
    await service.engine.images.tag(request.place["name"], f"{repository}:{tag}" if tag else repository)
    return empty(201)


async def remove(service: Service, request: Request) -> Response:
    """Remove a name, and the image with its last one."""
    wanted = tuple(map(images.decode_platform, request.texts("platforms"))) if request.version >= (1, 50) else ()
    removed = await service.engine.images.remove(
        request.place["name"], force=request.flag("force"), prune=not request.flag("noprune"), platforms=wanted
    )
    return json_answer(show_images.removed(removed))


async def prune(service: Service, request: Request) -> Response:
    """Remove what is not used."""
    return json_answer(show_images.pruned(await service.engine.images.prune(request.filters())))


async def search(service: Service, request: Request) -> Response:
    """Ask a registry's index."""
    limit = request.integer("limit") or 25
    return json_answer(show_images.found(await service.engine.images.search(request.text("term"), limit=limit, filters=request.filters())))


async def save(service: Service, request: Request) -> Response:
    """Some images as an archive."""
    names = [request.place["name"]] if "name" in request.place else [name for text in request.texts("names") for name in text.split(",")]
    if not names:
        raise InvalidArgument("no images are named")
    return await archive(service.engine.images.save(names, platform=_platform(request, (1, 48))))


async def load(service: Service, request: Request) -> Response:
    """Take images from the archive in the body."""
    loaded = await service.engine.images.load(request.chunks(), platform=_platform(request, (1, 48)))
    return Response(body=encoded(show_images.loaded_lines(loaded)), kind=JSON)


def _platform(request: Request, since: tuple[int, int]) -> str:
    """``platform`` of a request, which clients of API versions before ``since`` may send without meaning it.

    Raises:
        InvalidArgument: it is none, or there are several.
    """
    given = request.texts("platform") if request.version >= since else ()
    if len(given) > 1:
        raise InvalidArgument("multiple platform parameters are not supported in this API version; use API version 1.52 or later")
    return images.decode_platform(given[0]) if given else ""


async def _import(service: Service, request: Request) -> Response:
    if request.text("fromSrc") != "-":
        raise NotSupported("importing from an address is not served: fetch it, and send the archive")
    repository, tag = request.text("repo"), request.text("tag")
    made = await service.engine.images.import_(
        request.chunks(),
        reference=f"{repository}:{tag}" if repository and tag else repository,
        changes=request.texts("changes"),
        message=request.text("message"),
        platform=request.text("platform"),
    )
    return Response(body=encoded(({"status": made},)), kind=JSON)


def _wanted(request: Request) -> tuple[str, bool]:
    """What is to be pulled: without a tag every tag of the repository."""
    name, tag = request.text("fromImage"), request.text("tag")
    if tag:
        return f"{name}@{tag}" if ":" in tag else f"{name}:{tag}", False
    parsed = references.parse(name)
    return name, not parsed.tag and not parsed.digest


def _pull_lines(event: PullProgress) -> tuple[dict[str, object], ...]:
    return (show_images.pull_line(event),)


ROUTES = (
    Route(method="GET", pattern="/distribution/{name*}/json", handler=distribution),
    Route(method="GET", pattern="/images/json", handler=listing),
    Route(method="GET", pattern="/images/search", handler=search),
    Route(method="GET", pattern="/images/get", handler=save),
    Route(method="GET", pattern="/images/{name*}/get", handler=save),
    Route(method="GET", pattern="/images/{name*}/json", handler=inspect),
    Route(method="GET", pattern="/images/{name*}/history", handler=history),
    Route(method="POST", pattern="/images/create", handler=create),
    Route(method="POST", pattern="/images/load", handler=load),
    Route(method="POST", pattern="/images/prune", handler=prune),
    Route(method="POST", pattern="/images/{name*}/push", handler=push),
    Route(method="POST", pattern="/images/{name*}/tag", handler=tag),
    Route(method="DELETE", pattern="/images/{name*}", handler=remove),
)
