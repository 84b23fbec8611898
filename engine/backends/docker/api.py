"""Requests to a Docker Engine API: version negotiation, errors, streams.

httpx does the plain requests. What httpx can not do, connections that turn into raw streams, is in
:mod:`engine.backends.docker.hijack`. Failures of httpx become :mod:`engine.errors` here and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING

from engine.backends.docker.addresses import Address
from engine.backends.docker.ssh import Relay
from engine.dockerapi import failures
from engine.errors import LongshoreError, NotModified, NotSupported, TimedOut, Unavailable

if TYPE_CHECKING:
    import ssl

    import httpx

NEWEST = (1, 51)
OLDEST = (1, 24)
_QUERY_TIMEOUT = 120.0  # a daemon that is busy with a pull answers lists late, and still is alive
_CONNECT_TIMEOUT = 20.0

Parameters = Mapping[str, str | int | bool | None]


class Api:
    """A connection pool to one engine. Opened by the first request; belongs to the event loop that made it."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._client: httpx.AsyncClient | None = None
        self._relay: Relay | None = None
        self._version: tuple[int, int] | None = None
        self._podman = False
        self._lock = asyncio.Lock()

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

    async def is_podman(self) -> bool:
        """The engine is podman, which says so in its answer to a ping."""
        await self.version()
        return self._podman

    async def get(self, path: str, parameters: Parameters | None = None, *, timeout: float | None = _QUERY_TIMEOUT) -> bytes:
        """GET, and the body of the answer."""
        return await self.request("GET", path, parameters, timeout=timeout)

    async def post(self, path: str, parameters: Parameters | None = None, *, body: bytes | None = None) -> bytes:
        """POST, without a time limit: a stop or a wait takes as long as it takes."""
        return await self.request("POST", path, parameters, body=body)

    async def delete(self, path: str, parameters: Parameters | None = None) -> bytes:
        """DELETE."""
        return await self.request("DELETE", path, parameters)

    async def request(
        self, method: str, path: str, parameters: Parameters | None = None, *, body: bytes | None = None, timeout: float | None = None
    ) -> bytes:
        """One request and the body of its answer.

        Raises:
            LongshoreError: what the status stands for, with the engine's own words.
        """
        async with self.stream(method, path, parameters, body=body, timeout=timeout) as response:
            with _translated(self.address):
                return await response.aread()

    @contextlib.asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        parameters: Parameters | None = None,
        *,
        body: bytes | None = None,
        content: AsyncIterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """A request whose answer is read piece by piece; ``content`` is a tar stream to send. Errors are raised as by :meth:`request`."""
        major, minor = await self.version()
        client = await self._open()
        sent = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = "application/json"
        elif content is not None:
            sent["Content-Type"] = "application/x-tar"
        request = client.build_request(
            method,
            f"/v{major}.{minor}{path}",
            params=query(parameters),
            content=content if body is None else body,
            headers=sent,
            timeout=_timeouts(timeout),
        )
        with _translated(self.address):
            response = await client.send(request, stream=True)
        try:
            if response.status_code >= 300:
                with _translated(self.address):
                    answer = await response.aread()
                raise _failure(response.status_code, answer, f"{method} {path} failed")
            yield response
        finally:
            await response.aclose()

    async def chunks(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        """The body of a streamed answer as it comes."""
        with _translated(self.address):
            async for chunk in response.aiter_raw():
                yield chunk

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection of one's own.

        Raises:
            Unavailable: nobody answers.
        """
        await self.version()
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                if path := await self._socket_path():
                    return await asyncio.open_unix_connection(path)
                return await asyncio.open_connection(self.address.host, self.address.port, ssl=_context(self.address))
        except (OSError, TimeoutError) as error:
            raise _unavailable(self.address, str(error)) from error

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
            response = await client.get("/_ping", timeout=_timeouts(_QUERY_TIMEOUT))
        if response.status_code >= 300:
            raise _failure(response.status_code, response.content, "the engine does not answer to a ping")
        self._podman = "Libpod-Api-Version" in response.headers
        major, _, minor = response.headers.get("Api-Version", "").partition(".")
        found = (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else OLDEST
        if found < OLDEST:
            raise NotSupported(f"the engine at {self.address.url} speaks API {major}.{minor}, and we need 1.24 or newer")
        return min(found, NEWEST)

    async def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx

            path = await self._socket_path()
            scheme = "https" if self.address.tls else "http"
            # An engine is asked directly: proxies from the environment are for registries.
            transport = httpx.AsyncHTTPTransport(
                uds=path or None,
                verify=_context(self.address) or True,
                trust_env=False,
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


def query(parameters: Parameters | None) -> dict[str, str]:
    """Query parameters as the API takes them; ``None``, ``False`` and ``""`` are left out."""
    found = {}
    for key, value in (parameters or {}).items():
        if value is True:
            found[key] = "1"
        elif value is not None and value is not False and value != "":
            found[key] = str(value)
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
