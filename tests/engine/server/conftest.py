"""A server in the test's own loop, over the engine's double: what is tested is HTTP, and who may hold up whom."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest

from engine.server import listeners
from engine.server.limits import Limits
from engine.server.listeners import Listener
from engine.server.service import Service
from engine.server.serving import Server
from tests.tui.fake import FakeEngine

SMALL = Limits(connections=4, head_bytes=4096, document_bytes=4096)
"""Few connections and little room; the times are those of every day, so that a slow machine is not taken for a slow client."""

HASTY = SMALL.replace(head_seconds=0.4, document_seconds=0.4, stall_seconds=0.4, write_seconds=0.4)
"""For tests of what is cut off."""


class Client:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """A well-behaved request, and its answer."""
        lines = [f"{method} {path} HTTP/1.1", "Host: docker"]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.send("\r\n".join((*lines, "", "")).encode() + body)
        return await self.answer(head=method == "HEAD")

    async def answer(self, *, head: bool = False) -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers, body."""
        status, headers = await self.head()
        if head or status in (204, 304):
            return status, headers, b""
        if "content-length" in headers:
            return status, headers, await within(self.reader.readexactly(int(headers["content-length"])))
        body = b""
        while size := int(await within(self.reader.readline()), 16):
            body += (await within(self.reader.readexactly(size + 2)))[:-2]
        await within(self.reader.readline())
        return status, headers, body

    async def head(self) -> tuple[int, dict[str, str]]:
        """Status and headers of the next answer."""
        text = (await within(self.reader.readuntil(b"\r\n\r\n"))).decode()
        first, *rest = text.strip().split("\r\n")
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}

    async def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        try:
            found: bytes = await within(self.reader.read())
        except ConnectionError:
            return b""
        return found

    async def close(self) -> None:
        """Leave."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            pass


class Harbour:
    """A server and its engine."""

    def __init__(self, engine: FakeEngine, server: Server, path: str) -> None:
        self.engine = engine
        self.server = server
        self.path = path
        self._clients: list[Client] = []

    async def connect(self) -> Client:
        """Another client."""
        client = Client(*await asyncio.open_unix_connection(self.path))
        self._clients.append(client)
        return client

    async def alive(self) -> None:
        """Somebody else is served."""
        client = await self.connect()
        assert (await client.ask("GET", "/_ping"))[2] == b"OK"
        await client.close()

    async def leave(self) -> None:
        """Every client goes."""
        for client in self._clients:
            await client.close()


Open = Callable[..., Awaitable[Harbour]]


@pytest.fixture
def limits() -> Limits:
    """The server's; a test of what is cut off asks for :data:`HASTY` ones."""
    return SMALL


@pytest.fixture
async def harbour(tmp_path_factory: pytest.TempPathFactory, limits: Limits) -> AsyncGenerator[Harbour, None]:
    path = f"{tmp_path_factory.mktemp('s')}/d.sock"
    engine = FakeEngine()
    engine.add("web", "nginx", cmd=("nginx",))
    engine.add("shell", "busybox", tty=True)
    server = Server(Service(engine), limits=limits)
    await server.start([Listener(listeners.unix(path))])
    made = Harbour(engine, server, path)
    try:
        yield made
    finally:
        await made.leave()
        await server.close()


async def within(operation: Any) -> Any:
    """Await it, but not for ever."""
    async with asyncio.timeout(60):
        return await operation


def message(body: bytes) -> str:
    """What an error says."""
    return str(json.loads(body)["message"])
