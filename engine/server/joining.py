"""A hijacked connection joined to a process: its output goes to the client, the client's input to it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from engine.dockerapi.frames import OutputEncoder
from engine.interface import Session
from engine.model.keys import DETACH_KEYS, Detacher, parse_keys
from engine.model.streams import StreamName
from engine.model.value import Value
from engine.server.messages import Pipe, Request

RAW = "application/vnd.docker.raw-stream"
MULTIPLEXED = "application/vnd.docker.multiplexed-stream"

BOTH = frozenset(StreamName)


class Terms(Value):
    """How a client is joined to a process.

    Attributes:
        streams: what the client wants to see; nothing leaves it waiting for the end.
        keys: bytes that end the connection when they are typed on a terminal.
    """

    tty: bool
    stdin: bool
    streams: Collection[StreamName] = BOTH
    keys: bytes = b""


def kind_of(request: Request, *, tty: bool) -> str:
    """The media type of a stream of output; which of both it is, is told since 1.42."""
    return RAW if tty or request.version < (1, 42) else MULTIPLEXED


def keys_of(text: str) -> bytes:
    """Detach keys as they are asked for, docker's own when they are not. Raises InvalidArgument."""
    return parse_keys(text or DETACH_KEYS)


async def join(session: Session, pipe: Pipe, terms: Terms) -> bool:
    """Move bytes until the process ends (true), or the client leaves or detaches (false)."""
    output = asyncio.create_task(_output(session, pipe, terms))
    typed = asyncio.create_task(_input(session, pipe, terms))
    try:
        await asyncio.wait((output, typed), return_when=asyncio.FIRST_COMPLETED)
        return await output if output.done() else False
    finally:
        for task in (output, typed):
            task.cancel()
        await asyncio.gather(output, typed, return_exceptions=True)


async def _output(session: Session, pipe: Pipe, terms: Terms) -> bool:
    """Whether the process has ended, rather than the client left."""
    encoder = OutputEncoder(terms.tty)
    while (piece := await session.read()) is not None:
        if piece.stream in terms.streams:
            try:
                await pipe.write(encoder.encode(piece.stream, piece.data))
            except OSError:
                return False
    return True


async def _input(session: Session, pipe: Pipe, terms: Terms) -> None:
    """Returns when the client has left or typed the detach keys. The end of its input alone is not the end."""
    detacher = Detacher(terms.keys) if terms.tty and terms.keys else None
    while data := await pipe.read():
        if not terms.stdin:
            continue
        left = False
        if detacher is not None:
            data, left = detacher.feed(data)
        if data:
            await session.write(data)
        if left:
            return
    if terms.stdin:
        await session.close_input()
    await pipe.gone()
