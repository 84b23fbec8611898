"""Files of containers: archives in and out, what has changed, and images made of that."""

from __future__ import annotations

from engine.dockerapi import files as codec
from engine.errors import InvalidArgument
from engine.model.files import CommitConfig
from engine.server.messages import Request, Response, empty, json_answer
from engine.server.progress import archive
from engine.server.router import Route
from engine.server.service import Service

_STAT = "X-Docker-Container-Path-Stat"


async def stat(service: Service, request: Request) -> Response:
    """What is at a path, in a header."""
    found = await service.engine.containers.stat(request.place["id"], _path(request))
    return Response(headers={_STAT: codec.encode_stat(found)})


async def get(service: Service, request: Request) -> Response:
    """What is at a path, as an archive."""
    found = await service.engine.containers.stat(request.place["id"], _path(request))
    chunks = service.engine.containers.get_archive(request.place["id"], _path(request))
    return await archive(chunks, headers={_STAT: codec.encode_stat(found)})


async def put(service: Service, request: Request) -> Response:
    """Unpack the archive in the body. A directory is never replaced by something else, asked for or not."""
    copy_owner = request.flag("copyUIDGID")
    await service.engine.containers.put_archive(request.place["id"], _path(request), request.chunks(), copy_owner=copy_owner)
    return empty(200)


async def changes(service: Service, request: Request) -> Response:
    """What differs from the image."""
    return json_answer(codec.encode_changes(await service.engine.containers.changes(request.place["id"])))


async def export(service: Service, request: Request) -> Response:
    """The whole file system as an archive."""
    return await archive(service.engine.containers.export(request.place["id"]), kind="application/octet-stream")


async def commit(service: Service, request: Request) -> Response:
    """An image of what a container has changed."""
    body = await request.document(optional=True)
    repository, tag = request.text("repo"), request.text("tag")
    config = CommitConfig(
        reference=f"{repository}:{tag}" if repository and tag else repository,
        author=request.text("author"),
        comment=request.text("comment"),
        changes=(*codec.instructions(body), *(line for text in request.texts("changes") for line in text.splitlines() if line.strip())),
        pause=request.flag("pause", default=True),
    )
    return json_answer({"Id": await service.engine.containers.commit(request.text("container"), config)}, 201)


def _path(request: Request) -> str:
    path = request.text("path")
    if not path:
        raise InvalidArgument("bad parameter: path cannot be empty")
    return path


ROUTES = (
    Route(method="HEAD", pattern="/containers/{id}/archive", handler=stat),
    Route(method="GET", pattern="/containers/{id}/archive", handler=get),
    Route(method="PUT", pattern="/containers/{id}/archive", handler=put),
    Route(method="GET", pattern="/containers/{id}/changes", handler=changes),
    Route(method="GET", pattern="/containers/{id}/export", handler=export),
    Route(method="POST", pattern="/commit", handler=commit),
)
