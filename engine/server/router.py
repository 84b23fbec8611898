"""From a request to the handler that serves it.

Docker's paths come with and without a version (``/v1.43/info``). Image names have slashes in them, so that their routes are
told apart by what follows the name, as moby's router does it.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterable, Sequence

from engine.errors import InvalidArgument, LongshoreError, NotFound, NotSupported
from engine.model.value import Value
from engine.server.failures import failure
from engine.server.messages import Request, Response, Version, json_answer
from engine.server.service import Service

OLDEST: Version = (1, 24)
NEWEST: Version = (1, 51)

_VERSION = re.compile(r"/v(\d{1,3})\.(\d{1,3})(?=/)", re.ASCII)
_PLACES = re.compile(r"\{(\w+)(\*?)\}")

Handler = Callable[[Service, Request], Awaitable[Response]]


class Route(Value):
    """A method and a path. ``{id}`` stands for one component of it, ``{name*}`` for one or more."""

    method: str
    pattern: str
    handler: Handler


class Missing(Value):
    """A part of the API that is known and not served; ``reason`` is the sentence that the client gets."""

    method: str
    pattern: str
    reason: str


def split(path: str) -> tuple[Version | None, str]:
    """The version in a path, and the rest of it.

    Raises:
        InvalidArgument: we do not speak that version.
    """
    found = _VERSION.match(path)
    if not found:
        return None, path
    version = (int(found[1]), int(found[2]))
    spelled = f"client version {version[0]}.{version[1]}"
    if version < OLDEST:
        least = "Minimum supported API version is 1.24, please upgrade your client to a newer version"
        raise InvalidArgument(f"{spelled} is too old. {least}")
    if version > NEWEST:
        raise InvalidArgument(f"{spelled} is too new. Maximum supported API version is 1.51")
    return version, path[found.end() :]


class Router:
    """Finds handlers, and turns what they raise into answers. With ``debug`` tracebacks of defects are printed."""

    def __init__(self, service: Service, routes: Iterable[Route], missing: Iterable[Missing], *, debug: bool = False) -> None:
        self._service = service
        self._debug = debug
        self._routes: dict[str, list[tuple[re.Pattern[str], Handler]]] = {}
        for route in routes:
            self._routes.setdefault(route.method, []).append((compiled(route.pattern), route.handler))
        self._missing: Sequence[tuple[str, re.Pattern[str], str]] = [
            (absent.method, compiled(absent.pattern), absent.reason) for absent in missing
        ]

    async def answer(self, request: Request) -> Response:
        """The answer to a request; never raises."""
        try:
            return await self._handler(request)(self._service, request)
        except LongshoreError as error:
            return failure(error)
        except Exception as error:
            text = traceback.format_exc() if self._debug else f"{request.method} {request.path!r}: {type(error).__name__}: {str(error)!r}\n"
            sys.stderr.write(f"This is a defect of Longshore: {text}")
            return json_answer({"message": f"{type(error).__name__}: {error} (this is a defect of Longshore)"}, 500)

    def _handler(self, request: Request) -> Handler:
        for pattern, handler in self._routes.get(request.method, ()):
            if found := pattern.fullmatch(request.path):
                request.place = found.groupdict()
                return handler
        for method, pattern, reason in self._missing:
            if method in ("*", request.method) and pattern.fullmatch(request.path):
                raise NotSupported(reason)
        raise NotFound("page not found")


def compiled(pattern: str) -> re.Pattern[str]:
    """The expression that a route's path stands for."""
    found, end = "", 0
    for place in _PLACES.finditer(pattern):
        found += re.escape(pattern[end : place.start()]) + f"(?P<{place[1]}>{'.+' if place[2] else '[^/]+'})"
        end = place.end()
    return re.compile(found + re.escape(pattern[end:]))
