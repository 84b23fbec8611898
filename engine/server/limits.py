"""How much of everything one client may take."""

from __future__ import annotations

from engine.model.value import Value


class Limits(Value):
    """Bounds that keep a slow, stalled or hostile client from harming the others.

    Attributes:
        connections: open at once. Above it the one that has been without a request for longest is closed, or the new one is
            refused.
        head_bytes: request line and headers; an ``X-Registry-Config`` with many tokens is the longest that is sent in earnest.
        head_seconds: from a request's first byte to the end of its headers.
        idle_seconds: between two requests of one connection.
        document_bytes: a JSON body, which is kept in memory.
        document_seconds: from the headers to the end of a JSON body.
        stall_seconds: between two pieces of an archive that is sent to us.
        write_seconds: for a client to take a piece of an answer, where it is no stream that a person may pause.
    """

    connections: int = 512
    head_bytes: int = 128 * 1024
    head_seconds: float = 20.0
    idle_seconds: float = 300.0
    document_bytes: int = 4 << 20
    document_seconds: float = 60.0
    stall_seconds: float = 600.0
    write_seconds: float = 120.0
