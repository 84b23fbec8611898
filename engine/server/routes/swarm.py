"""Swarm mode, where the engine that is served is a Docker host: requests are passed on to it, and answers back.

Nothing of it is ours: no document is looked at, so that what a newer Docker adds reaches the client as well.
"""

from __future__ import annotations

from engine.errors import NotSupported
from engine.model.passing import PassedRequest
from engine.server.messages import Request, Response
from engine.server.router import Route
from engine.server.service import Service

NOUNS = ("swarm", "services", "nodes", "tasks", "secrets", "configs")
_HEADERS = ("x-registry-auth",)


async def pass_on(service: Service, request: Request) -> Response:
    """The other engine's answer. Raises NotSupported where the engine knows no Swarm mode."""
    try:
        swarm = service.engine.swarm
    except NotSupported:
        raise NotSupported("this engine has no Swarm mode") from None
    answer = await swarm.pass_on(
        PassedRequest(
            method=request.method,
            path=request.path,
            version=request.version,
            query=request.query,
            headers={name: request.headers[name] for name in _HEADERS if name in request.headers},
            body=await request.json_bytes() if request.method == "POST" else b"",
        )
    )
    body = b"" if answer.status == 204 else answer.body
    return Response(answer.status, body, kind=answer.kind, patient=True, cleanup=answer.close)


ROUTES = tuple(
    Route(method=method, pattern=pattern, handler=pass_on)
    for noun in NOUNS
    for pattern in (f"/{noun}", f"/{noun}/{{rest*}}")
    for method in ("GET", "POST", "DELETE")
)
