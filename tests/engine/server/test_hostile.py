"""Clients that are slow, stalled, broken or hostile: each is got rid of, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import os
import socket

import pytest

from engine.server import listeners
from engine.server.limits import Limits
from engine.server.listeners import Listener
from engine.server.service import Service
from engine.server.serving import Server
from tests.engine.server.conftest import HASTY, SMALL, Client, Harbour, message, within
from tests.support.wait import until_async
from tests.tui.fake import FakeEngine

hasty = pytest.mark.parametrize("limits", [HASTY], ids=["hasty"])


@hasty
async def test_a_head_that_comes_a_byte_at_a_time_is_cut_off(harbour: Harbour) -> None:
    slow = await harbour.connect()

    async def drip() -> None:
        try:
            for byte in b"GET /_ping HTTP/1.1\r\nX-Slow: " + b"a" * 1000:
                await slow.send(bytes((byte,)))
                await asyncio.sleep(0.02)
        except ConnectionError:
            return

    dripping = asyncio.create_task(drip())
    try:
        await harbour.alive()
        status, _, body = await slow.answer()
        assert status == 408 and "in time" in message(body)
        assert await slow.rest() == b""
    finally:
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)


async def test_a_head_that_fits_in_the_time_is_served(harbour: Harbour) -> None:
    client = await harbour.connect()
    for part in (b"GET /_pi", b"ng HTTP/1.1\r\nHo", b"st: x\r\n\r\n"):
        await client.send(part)
        await asyncio.sleep(0.05)
    assert (await client.answer())[2] == b"OK"


async def test_an_oversized_head_is_refused(harbour: Harbour) -> None:
    client = await harbour.connect()
    await client.send(b"GET /_ping HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * (SMALL.head_bytes + 100))
    status, _, _ = await client.answer()
    assert status == 431
    await harbour.alive()
    fits = await harbour.connect()
    assert (await fits.ask("GET", "/_ping", X_Big="a" * (SMALL.head_bytes - 1000)))[0] == 200


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300) + b"\r\n\r\n",
        b"\0" * 100 + b"\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=["tls", "zeros", "http2"],
)
async def test_garbage_is_refused(harbour: Harbour, garbage: bytes) -> None:
    client = await harbour.connect()
    await client.send(garbage)
    status, headers, body = await client.answer()
    assert status in (400, 505) and headers["content-type"] == "application/json" and message(body)
    assert await client.rest() == b""
    await harbour.alive()


async def test_two_lengths_are_refused(harbour: Harbour) -> None:
    """Request smuggling: what one reader takes for the body, another takes for the next request."""
    client = await harbour.connect()
    await client.send(b"POST /containers/web/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef")
    assert (await client.answer())[0] == 400
    assert not harbour.engine.called("stop")


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: identity\r\nContent-Length: 4",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Content-Length: +4",
        "Content-Length: -4",
        "Content-Length: 0x4",
        "Content-Length: 4, 5",
        "Content-Length: 99999999999999999999999",
        "X: a\0b",
    ],
)
async def test_one_request_is_not_taken_for_two(harbour: Harbour, head: str) -> None:
    """Request smuggling: where readers could differ about a body's end, nothing behind it is carried out."""
    client = await harbour.connect()
    behind = "0\r\n\r\nPOST /containers/web/stop HTTP/1.1\r\nHost: x\r\n\r\n"
    await client.send(f"POST /containers/prune HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n{behind}".encode())
    status, _, body = await client.answer()
    assert status in (400, 501) and message(body)
    assert await client.rest() == b""
    assert not harbour.engine.called("stop")
    await harbour.alive()


@hasty
@pytest.mark.parametrize("size", ["-1", "1g", "FFFFFFFFFFFFFFFFFFFFF", "5;" + "a" * 5000, ""])
async def test_a_chunk_of_a_senseless_size_is_refused(harbour: Harbour, size: str) -> None:
    client = await harbour.connect()
    await client.send(f"POST /images/load HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\nabcde\r\n".encode())
    status, _, body = await client.answer()
    assert status == 400 and ("malformed" in message(body) or "stalled" in message(body))
    assert await client.rest() == b""
    await harbour.alive()


@hasty
async def test_a_body_that_stalls_is_cut_off(harbour: Harbour) -> None:
    client = await harbour.connect()
    await client.send(b"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
    await harbour.alive()
    status, _, body = await client.answer()
    assert status == 400 and "in time" in message(body)
    assert await client.rest() == b""


async def test_an_oversized_document_is_refused(harbour: Harbour) -> None:
    client = await harbour.connect()
    status, _, body = await client.ask("POST", "/containers/create", b'{"Image":"' + b"x" * 5000 + b'"}')
    assert status == 400 and "longer than" in message(body)
    await harbour.alive()


async def test_a_document_that_nests_too_deep_is_refused(harbour: Harbour) -> None:
    client = await harbour.connect()
    status, _, body = await client.ask("POST", "/containers/create", b"[" * 4000)
    assert status == 400 and "invalid JSON" in message(body)


@hasty
async def test_an_archive_that_stalls_is_given_up(harbour: Harbour) -> None:
    client = await harbour.connect()
    await client.send(b"POST /images/load HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n")
    status, _, body = await client.answer()
    assert status == 400 and "stalled" in message(body)


async def test_an_archive_that_breaks_off_is_given_up(harbour: Harbour) -> None:
    client = await harbour.connect()
    await client.send(b"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabcde")
    client.writer.write_eof()
    status, _, body = await client.answer()
    assert status == 400 and "broke off" in message(body)


async def test_the_longest_idle_makes_room(harbour: Harbour) -> None:
    idle = [await harbour.connect() for _ in range(SMALL.connections)]
    for client in idle:
        assert (await client.ask("GET", "/_ping"))[0] == 200
    await harbour.alive()
    assert await idle[0].rest() == b"", "the first has been idle for longest"
    assert (await idle[-1].ask("GET", "/_ping"))[0] == 200


async def test_who_dribbles_a_head_makes_room_too(harbour: Harbour) -> None:
    for _ in range(3 * SMALL.connections):
        slow = await harbour.connect()
        await slow.send(b"GET /_ping HTTP/1.1\r\nX-Slow: ")
    await harbour.alive()


async def test_a_crowd_that_comes_at_once_is_let_in(harbour: Harbour) -> None:
    """All of them come between two looks of the server: on a unix socket the kernel turns away whom it can not keep waiting."""
    crowd = [socket.socket(socket.AF_UNIX) for _ in range(300)]
    try:
        for client in crowd:
            client.setblocking(False)
            client.connect(harbour.path)
        await harbour.alive()
    finally:
        for client in crowd:
            client.close()


async def test_too_many_at_work_are_told(harbour: Harbour) -> None:
    busy = [await harbour.connect() for _ in range(SMALL.connections)]
    for client in busy:
        await client.send(b"GET /containers/web/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await client.head())[0] == 200
    late = await harbour.connect()
    status, _, body = await late.answer()
    assert status == 503 and "connections" in message(body)
    await busy[0].close()
    await until_async(lambda: _served(harbour), what="somebody is served again")


async def _served(harbour: Harbour) -> bool:
    client = await harbour.connect()
    try:
        return (await client.ask("GET", "/_ping"))[0] == 200
    finally:
        await client.close()


async def test_a_client_that_leaves_a_stream_ends_it(harbour: Harbour) -> None:
    client = await harbour.connect()
    await client.send(b"GET /containers/web/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    await client.head()
    await _streams(harbour, 1)
    await client.close()
    await _streams(harbour, 0)


async def _streams(harbour: Harbour, count: int) -> None:
    async def look() -> bool:
        return harbour.engine.containers.open_streams == count

    await until_async(look, what=f"{count} open streams")


async def test_an_attached_client_that_dies_is_noticed_though_it_had_ended_its_input(harbour: Harbour) -> None:
    client = await harbour.connect()
    await client.send(b"POST /containers/shell/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
    assert (await client.head())[0] == 101
    assert await within(client.reader.readexactly(4)) == b"/ # "
    client.writer.write_eof()
    await asyncio.sleep(0.1)
    (session,) = harbour.engine.containers.sessions
    assert not session.closed, "the end of input alone is not the end"
    await client.close()

    async def look() -> bool:
        return session.closed

    await until_async(look, what="the session is left")


async def test_progress_that_nobody_takes_is_ended(tmp_path: str) -> None:
    """A pull is not held up for ever by a client that does not read; a log is, for a person may have paused it."""
    engine = FakeEngine()
    engine.add("web", "nginx")
    closed = asyncio.Event()

    async def endless(reference: str, **_: object):  # type: ignore[no-untyped-def]
        from engine.model.images import PullPhase, PullProgress

        try:
            while True:
                yield PullProgress(phase=PullPhase.DOWNLOADING, layer="a" * 12, current=1, total=2)
                await asyncio.sleep(0)
        finally:
            closed.set()

    engine.images.pull = endless  # type: ignore[method-assign]
    path = f"{tmp_path}/d.sock"
    server = Server(Service(engine), limits=Limits(write_seconds=0.3))
    await server.start([Listener(listeners.unix(path))])
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b"POST /images/create?fromImage=x&tag=1 HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(60):
                await closed.wait()
            harbour = Harbour(engine, server, path)
            await harbour.alive()
    finally:
        await server.close()


async def test_many_who_connect_and_go(harbour: Harbour) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for turn in range(200):
        client = await harbour.connect()
        await client.send((b"GET /_ping HTTP/1.1\r\n", b"", b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")[turn % 3])
        await client.close()
    await harbour.alive()

    async def look() -> bool:
        return len(os.listdir("/proc/self/fd")) <= before + 2

    await until_async(look, what="their descriptors are closed")


async def test_a_defect_is_an_answer(harbour: Harbour, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("oops")

    harbour.engine.containers.list = broken  # type: ignore[method-assign,assignment]
    client: Client = await harbour.connect()
    status, _, body = await client.ask("GET", "/containers/json")
    assert status == 500 and "oops" in json.loads(body)["message"]
    assert "oops" in capsys.readouterr().err
    assert (await client.ask("GET", "/_ping"))[0] == 200
