"""A request of a client that is passed on to another engine as it is, and the answer that comes back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

from engine.model.value import EMPTY, Value


class PassedRequest(Value):
    """What the client wants.

    Attributes:
        path: of the Docker Engine API, decoded and without a version: ``/services/create``.
        version: of the API that the client speaks; the engine's own where that is older.
        query: parameters with their values; ``headers``: those that mean something to an engine.
        body: a JSON document, ``b""`` for none.
    """

    method: str
    path: str
    version: tuple[int, int]
    query: Mapping[str, Sequence[str]] = EMPTY
    headers: Mapping[str, str] = EMPTY
    body: bytes = b""


class PassedAnswer:
    """What the engine says. Whoever has it reads ``body`` or calls ``close``, which is always right."""

    def __init__(self, status: int, kind: str, body: AsyncGenerator[bytes, None], close: Callable[[], Awaitable[None]]) -> None:
        self.status = status
        self.kind = kind
        self.body = body
        self.close = close
