"""Requests and answers, as handlers see them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from engine.dockerapi import filters as filter_codec
from engine.dockerapi.asked import AskedDocument
from engine.errors import InvalidArgument
from engine.model.filters import Filters
from engine.model.jsontext import mend
from engine.server.limits import Limits

_NO = ("", "0", "no", "false", "none")  # moby, daemon/server/httputils/form.go: BoolValue

Version = tuple[int, int]


class Body(Protocol):
    """A request's body, which can be read once."""

    def chunks(self, seconds: float) -> AsyncGenerator[bytes, None]:
        """Its pieces; each is waited for ``seconds`` at most."""


class Request:
    """One request.

    Attributes:
        path: decoded, without the version.
        version: of the API that the client speaks; the newest when it names none.
        place: what the route's placeholders stand for.
    """

    def __init__(
        self,
        method: str,
        path: str,
        *,
        version: Version,
        query: Mapping[str, list[str]],
        headers: Mapping[str, str],
        body: Body,
        limits: Limits,
    ) -> None:
        self.method = method
        self.path = path
        self.version = version
        self.headers = headers
        self.place: Mapping[str, str] = {}
        self._query = query
        self._body = body
        self._limits = limits

    def text(self, key: str, default: str = "") -> str:
        """A query parameter."""
        return self._query.get(key, [default])[0]

    def texts(self, key: str) -> tuple[str, ...]:
        """A query parameter that may be repeated."""
        return tuple(self._query.get(key, ()))

    def has(self, key: str) -> bool:
        """The query parameter is there, maybe empty."""
        return key in self._query

    def flag(self, key: str, default: bool = False) -> bool:
        """A query parameter as docker reads booleans: everything but ``""``, ``0``, ``no``, ``false`` and ``none`` is true."""
        return self.text(key).strip().lower() not in _NO if key in self._query else default

    def integer(self, key: str, default: int = 0) -> int:
        """A query parameter that is a whole number.

        Raises:
            InvalidArgument: it is something else.
        """
        text = self.text(key).strip()
        if not text:
            return default
        if not text.removeprefix("-").isdecimal() or len(text) > 20:
            raise InvalidArgument(f'invalid value for {key}: "{text}" is not a whole number')
        return int(text)

    def extent(self) -> tuple[int, int]:
        """``h`` and ``w``, the size of a terminal in characters.

        Raises:
            InvalidArgument: one is missing, or no size.
        """
        found = []
        for key in ("h", "w"):
            text = self.text(key)
            if not (text.isdecimal() and text.isascii() and int(text[:10]) < 1 << 16):
                raise InvalidArgument(
                    f'invalid resize {"height" if key == "h" else "width"} "{text[:100]}": it must be a number below 65536'
                )
            found.append(int(text))
        return found[0], found[1]

    def filters(self) -> Filters:
        """The parameter ``filters``. Raises InvalidArgument."""
        return filter_codec.decode(self.text("filters"))

    @property
    def query(self) -> Mapping[str, Sequence[str]]:
        """All query parameters."""
        return self._query

    async def document(self, *, optional: bool = False) -> AskedDocument:
        """The body, which is a JSON object; an empty one when it may be missing and is.

        Raises:
            InvalidArgument: it is something else, too long, or says to be something else.
        """
        found = await self.json_bytes()
        if not found and not optional:
            raise InvalidArgument("got EOF while reading request body")
        try:
            value = json.loads(mend(found.decode("utf-8")) or "null")
        except (ValueError, RecursionError) as error:
            raise InvalidArgument(f"invalid JSON: {error}") from None
        if value is not None and not isinstance(value, dict):
            raise InvalidArgument("invalid JSON: the body must be an object")
        return AskedDocument(value)

    async def json_bytes(self) -> bytes:
        """The body, which says to be JSON, unread; ``b""`` when there is none.

        Raises:
            InvalidArgument: it is too long, comes too slowly, or says to be something else.
        """
        import asyncio

        found = bytearray()
        try:
            async with asyncio.timeout(self._limits.document_seconds):
                async for chunk in self.chunks():
                    found += chunk
                    if len(found) > self._limits.document_bytes:
                        raise InvalidArgument(f"the request's body is longer than {self._limits.document_bytes} bytes")
        except TimeoutError:
            raise InvalidArgument("the request's body did not come in time") from None
        if not found.strip():
            return b""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise InvalidArgument(f'unsupported Content-Type header ({kind}): must be "application/json"')
        return bytes(found)

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body in pieces, of any length together."""
        return self._body.chunks(self._limits.stall_seconds)


class Response:
    """An answer.

    Attributes:
        body: bytes, or pieces that are sent as they come. The head is sent before the first piece is asked for.
        patient: a client that does not take the pieces is waited for, since a person may have paused it.
        cleanup: called at the end, also when the body was never begun.
    """

    def __init__(
        self,
        status: int = 200,
        body: bytes | AsyncGenerator[bytes, None] = b"",
        *,
        kind: str = "",
        headers: Mapping[str, str] | None = None,
        patient: bool = False,
        cleanup: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = {**({"Content-Type": kind} if kind else {}), **(headers or {})}
        self.patient = patient
        self.cleanup = cleanup


class Pipe(Protocol):
    """A connection that has been handed over."""

    async def read(self) -> bytes:
        """Input of the client, ``b""`` at its end."""

    async def write(self, data: bytes) -> None:
        """Output for the client. Raises OSError when it has gone."""

    async def gone(self) -> None:
        """Return when the client has left, not only ended its input."""


class Hijack(Response):
    """An answer after which the connection is a raw stream in both directions; ``talk`` serves it, and returns at its end.

    ``head`` makes the answer's head of the headers that every answer has, where it is not docker's.
    """

    def __init__(
        self,
        kind: str,
        talk: Callable[[Pipe], Awaitable[None]],
        *,
        cleanup: Callable[[], Awaitable[None]] | None = None,
        head: Callable[[Mapping[str, str]], bytes] | None = None,
    ) -> None:
        super().__init__(101, kind=kind, cleanup=cleanup)
        self.talk = talk
        self.head = head


JSON = "application/json"
"""Exactly so: the docker command line shows errors raw when anything follows."""


def as_json(document: Any) -> bytes:
    """A JSON document in UTF-8."""
    return _utf8(json.dumps(document, ensure_ascii=False, separators=(",", ":")))


def _utf8(text: str) -> bytes:
    """Bytes that were no UTF-8 on somebody's command line, and are in the container as they were, are U+FFFD here: docker's
    client sends them so in the first place."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def json_answer(document: Any, status: int = 200) -> Response:
    """A JSON document."""
    return Response(status, as_json(document) + b"\n", kind=JSON)


def raw_answer(text: str, status: int = 200) -> Response:
    """A JSON document that is text already."""
    return Response(status, _utf8(text) + b"\n", kind=JSON)


def empty(status: int = 204) -> Response:
    """Nothing but a status."""
    return Response(status)
