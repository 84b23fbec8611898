"""Attaching over a websocket, by another implementation of it and by one that does not keep to it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

import pytest
import websocket

from tests.engine.server.conftest import Client, Harbour, message, within
from tests.support.wait import until_async

T = TypeVar("T")

_TARGET = "/v1.43/containers/shell/attach/ws?stream=1&stdin=1&stdout=1"


async def _elsewhere(work: Callable[[], T]) -> T:
    async with asyncio.timeout(60):
        return await asyncio.to_thread(work)


@contextlib.asynccontextmanager
async def _opened(harbour: Harbour) -> AsyncGenerator[websocket.WebSocket, None]:
    with socket.socket(socket.AF_UNIX) as connected:
        connected.settimeout(60)
        connected.connect(harbour.path)
        yield await _elsewhere(lambda: websocket.create_connection(f"ws://docker{_TARGET}", socket=connected))


async def test_both_directions(harbour: Harbour) -> None:
    async with _opened(harbour) as client:
        assert (client.getheaders() or {})["api-version"] == "1.51"
        assert await _elsewhere(client.recv) == b"/ # ", "as it is, not multiplexed"
        await _elsewhere(lambda: client.send("ls\n"))
        assert await _elsewhere(client.recv) == b"LS\n"
        await _elsewhere(lambda: client.send_binary(b"\xff\n"))
        assert await _elsewhere(client.recv) == b"\xff\n"
        await _elsewhere(lambda: client.ping("there?"))
        opcode, _ = await _elsewhere(lambda: client.recv_data(control_frame=True))
        assert opcode == websocket.ABNF.OPCODE_PONG
        await _elsewhere(lambda: client.send("exit\n"))
        assert await _elsewhere(client.recv) == b"EXIT\n"
        opcode, data = await _elsewhere(lambda: client.recv_data(control_frame=True))
        assert opcode == websocket.ABNF.OPCODE_CLOSE and data[:2] == (1000).to_bytes(2, "big")
        await _elsewhere(client.close)


async def test_who_closes_it_leaves_the_session(harbour: Harbour) -> None:
    async with _opened(harbour) as client:
        assert await _elsewhere(client.recv) == b"/ # "
        await _elsewhere(client.close)
        (session,) = harbour.engine.containers.sessions

        async def look() -> bool:
            return session.closed

        await until_async(look, what="the session is left")


@pytest.mark.parametrize("frames", [b"\x82\x02ab", b"\xf2\x82\0\0\0\0ab", b"\x83\x80\0\0\0\0", b"\x82\xff" + b"\xff" * 12])
async def test_senseless_frames_end_it(harbour: Harbour, frames: bytes) -> None:
    """Unmasked, with unknown bits, of an unknown kind, of an impossible length."""
    client = await harbour.connect()
    await client.send(_request())
    assert (await client.head())[0] == 101
    await client.send(frames)
    await client.rest()
    (session,) = harbour.engine.containers.sessions
    assert session.closed and session.written == b""
    await harbour.alive()


async def test_what_asks_for_no_websocket_is_refused(harbour: Harbour) -> None:
    client: Client = await harbour.connect()
    status, _, body = await client.ask("GET", _TARGET)
    assert status == 400 and "websocket" in message(body)
    old = await harbour.connect()
    await old.send(_request(version=8))
    status, _, body = await old.answer()
    assert status == 400 and "websocket" in message(body)
    missing = await harbour.connect()
    await missing.send(_request(container="nope"))
    assert (await within(missing.answer()))[0] == 404


def _request(*, version: int = 13, container: str = "shell") -> bytes:
    head = (
        f"GET /containers/{container}/attach/ws?stream=1&stdin=1&stdout=1 HTTP/1.1",
        "Host: docker",
        "Connection: Upgrade",
        "Upgrade: websocket",
        f"Sec-WebSocket-Version: {version}",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    return "\r\n".join((*head, "", "")).encode()
