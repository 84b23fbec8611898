"""Requests to a Docker Engine API: version negotiation, errors, streams.

httpx does the plain requests. What httpx can not do, connections that turn into raw streams, is in
:mod:`engine.backends.docker.hijack`. Failures of httpx become :mod:`engine.errors` here and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from engine.backends.docker.addresses import Address
from engine.backends.docker.ssh import Relay
from engine.dockerapi import failures
from engine.errors import CorruptData, LongshoreError, NotModified, NotSupported, TimedOut, Unavailable
from engine.registry.transport import load_httpx

if TYPE_CHECKING:
    import ssl

    import httpx

NEWEST = (1, 51)
OLDEST = (1, 24)
_QUERY_TIMEOUT = 120.0  # a daemon that is busy with a pull answers lists late, and still is alive
_CONNECT_TIMEOUT = 20.0
ANSWER_LIMIT = 256 << 20
"""Bytes of an answer that is read whole, unpacked: the longest list of a big host is a tenth of it. A far host may be anybody's."""
_KEEP_ALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
]
"""A host that is gone says nothing: an idle stream of events notices within 35 seconds, and the kernel does the asking."""

Parameters = Mapping[str, str | int | bool | Sequence[str] | None]


class Api:
    """A connection pool to one engine. Opened by the first request; belongs to the event loop that made it."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._client: httpx.AsyncClient | None = None
        self._relay: Relay | None = None
        self._version: tuple[int, int] | None = None
        self._podman = False
        self._lock = asyncio.Lock()
        self._opening = asyncio.Lock()

    async def version(self) -> tuple[int, int]:
        """The API version to speak: the newest that both sides know.

        Raises:
            Unavailable: nobody answers.
            NotSupported: the engine is too old.
        """
        async with self._lock:
            if self._version is None:
                self._version = await self._negotiate()
            return self._version

    async def need(self, version: tuple[int, int], what: str) -> None:
        """Refuse what an old engine would pass over in silence.

        Raises:
            NotSupported: the API that is spoken is older than ``version``, in docker's words.
        """
        if (found := await self.version()) < version:
            raise NotSupported(
                f"{what} requires API version {version[0]}.{version[1]}, but the Docker daemon API version is {found[0]}.{found[1]}"
            )

    async def is_podman(self) -> bool:
        """The engine is podman, which says so in its answer to a ping."""
        await self.version()
        return self._podman

    async def get(
        self,
        path: str,
        parameters: Parameters | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = _QUERY_TIMEOUT,
    ) -> bytes:
        """GET, and the body of the answer."""
        return await self.request("GET", path, parameters, headers=headers, timeout=timeout)

    async def post(
        self, path: str, parameters: Parameters | None = None, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """POST, without a time limit: a stop or a wait takes as long as it takes."""
        return await self.request("POST", path, parameters, body=body, headers=headers)

    async def delete(self, path: str, parameters: Parameters | None = None) -> bytes:
        """DELETE."""
        return await self.request("DELETE", path, parameters)

    async def request(
        self,
        method: str,
        path: str,
        parameters: Parameters | None = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> bytes:
        """One request and the body of its answer.

        Raises:
            LongshoreError: what the status stands for, with the engine's own words.
        """
        async with self.stream(method, path, parameters, body=body, headers=headers, timeout=timeout) as response:
            return await self._whole(response)

    @contextlib.asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        parameters: Parameters | None = None,
        *,
        body: bytes | None = None,
        archive: AsyncIterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        version: tuple[int, int] | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """A request whose answer is read piece by piece. Errors are raised as by :meth:`request`.

        ``body`` is JSON, ``archive`` a tar stream of any length; ``version`` of the API is spoken if both sides know it.
        """
        own = await self.version()
        major, minor = min(own, version or own)
        client = await self._open()
        sent = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = "application/json"
        if archive is not None:
            sent["Content-Type"] = "application/x-tar"
        content = body if archive is None else archive
        request = client.build_request(
            method, f"/v{major}.{minor}{path}", params=query(parameters), content=content, headers=sent, timeout=_timeouts(timeout)
        )
        try:
            with _translated(self.address):
                response = await client.send(request, stream=True)
        except Unavailable as error:
            raise await self._lost(error) from error
        try:
            if response.status_code >= 300:
                raise _failure(response.status_code, await self._whole(response), f"{method} {path} failed")
            yield response
        finally:
            await response.aclose()

    async def chunks(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        """The body of a streamed answer as it comes."""
        with _translated(self.address):
            async for chunk in response.aiter_raw():
                yield chunk

    async def _whole(self, response: httpx.Response) -> bytes:
        """The body of a streamed answer at once.

        Raises:
            CorruptData: it is longer than :data:`ANSWER_LIMIT`.
        """
        found = bytearray()
        with _translated(self.address):
            async for piece in response.aiter_bytes():
                found += piece
                if len(found) > ANSWER_LIMIT:
                    raise CorruptData(f"the answer of the engine at {self.address.url} is longer than {ANSWER_LIMIT} bytes")
        return bytes(found)

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection of one's own.

        Raises:
            Unavailable: nobody answers.
        """
        await self.version()
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                await self._open()
                if path := await self._socket_path():
                    return await asyncio.open_unix_connection(path)
                reader, writer = await asyncio.open_connection(self.address.host, self.address.port, ssl=_context(self.address))
                for option in _KEEP_ALIVE:
                    writer.get_extra_info("socket").setsockopt(*option)
                return reader, writer
        except (OSError, TimeoutError) as error:
            raise await self._lost(_unavailable(self.address, str(error))) from error

    async def _lost(self, error: Unavailable) -> Unavailable:
        """Nobody answers: what comes back may be another version, and ssh may know more about it."""
        self._version = None
        return (await self._relay.problem() if self._relay is not None else None) or error

    async def close(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        relay, self._relay = self._relay, None
        if client is not None:
            await client.aclose()
        if relay is not None:
            await relay.close()

    async def _negotiate(self) -> tuple[int, int]:
        client = await self._open()
        with _translated(self.address):
            response = await client.send(client.build_request("GET", "/_ping", timeout=_timeouts(_QUERY_TIMEOUT)), stream=True)
        try:
            answer = await self._whole(response)
        finally:
            await response.aclose()
        if response.status_code >= 300:
            raise _failure(response.status_code, answer, "the engine does not answer to a ping")
        self._podman = "Libpod-Api-Version" in response.headers
        if pinned := os.environ.get("DOCKER_API_VERSION", ""):
            return _pinned(pinned)
        found = _version(response.headers.get("Api-Version", "")) or OLDEST
        if found < OLDEST:
            raise NotSupported(f"the engine at {self.address.url} speaks API {found[0]}.{found[1]}, and we need 1.24 or newer")
        return min(found, NEWEST)

    async def _open(self) -> httpx.AsyncClient:
        async with self._opening:
            return await self._opened()

    async def _opened(self) -> httpx.AsyncClient:
        if self._relay is not None and not self._relay.alive:
            await self.close()  # ssh has lost the host: connect again
            self._version = None
        if self._client is None:
            load_httpx()
            import httpx

            path = await self._socket_path()
            scheme = "https" if self.address.tls else "http"
            # An engine is asked directly: proxies from the environment are for registries.
            transport = httpx.AsyncHTTPTransport(
                uds=path or None,
                verify=_context(self.address) or True,
                trust_env=False,
                socket_options=None if path else _KEEP_ALIVE,
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=8),
            )
            base = f"{scheme}://localhost" if path else f"{scheme}://{_host(self.address)}:{self.address.port}"
            self._client = httpx.AsyncClient(
                transport=transport, base_url=base, trust_env=False, headers={"User-Agent": "longshore"}, follow_redirects=False
            )
        return self._client

    async def _socket_path(self) -> str:
        if self.address.scheme == "ssh":
            if self._relay is None:
                self._relay = await Relay.start(self.address)
            return self._relay.path
        return self.address.path


def query(parameters: Parameters | None) -> dict[str, str | Sequence[str]]:
    """Query parameters as the API takes them; ``None``, ``False`` and ``""`` are left out, several texts repeated."""
    found: dict[str, str | Sequence[str]] = {}
    for key, value in (parameters or {}).items():
        if value is True:
            found[key] = "1"
        elif isinstance(value, (list, tuple)):
            found[key] = value
        elif value is not None and value is not False and value != "":
            found[key] = str(value)
    return found


def _version(text: str) -> tuple[int, int] | None:
    major, _, minor = text.partition(".")
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() and len(text) < 10 else None


def _pinned(text: str) -> tuple[int, int]:
    """``DOCKER_API_VERSION``: spoken whatever the engine says of itself, as docker's command line does it."""
    found = _version(text.removeprefix("v"))
    if found is None or not OLDEST <= found <= NEWEST:
        raise NotSupported(f"DOCKER_API_VERSION is {text!r}, and we speak 1.24 to {NEWEST[0]}.{NEWEST[1]}")
    return found


def _host(address: Address) -> str:
    return f"[{address.host}]" if ":" in address.host else address.host


def _timeouts(read: float | None) -> httpx.Timeout:
    import httpx

    return httpx.Timeout(None, connect=_CONNECT_TIMEOUT, read=read)


def _context(address: Address) -> ssl.SSLContext | None:
    if not address.tls:
        return None
    import ssl

    try:
        context = ssl.create_default_context(cafile=address.ca or None)
        if address.certificate and address.key:
            context.load_cert_chain(address.certificate, address.key)
    except OSError as error:
        raise Unavailable(f"the certificates for {address.url} can not be used: {error}") from error
    if not address.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _failure(status: int, body: bytes, fallback: str) -> LongshoreError:
    if status == 304:
        return NotModified(fallback)
    return failures.failure(status, body, fallback)


def _unavailable(address: Address, reason: str) -> Unavailable:
    return Unavailable(
        f"cannot connect to the Docker daemon at {address.url}: {reason or 'no answer'}",
        hint="is the engine running there, and may you use its socket?",
    )


@contextlib.contextmanager
def _translated(address: Address) -> Iterator[None]:
    import httpx

    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise _unavailable(address, str(error)) from error
    except httpx.TimeoutException as error:
        raise TimedOut(f"the engine at {address.url} did not answer in time") from error
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise Unavailable(f"the connection to the engine at {address.url} broke: {error or type(error).__name__}") from error
