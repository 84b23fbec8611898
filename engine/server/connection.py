"""HTTP/1.1 on one connection.

h11 parses and checks; here are time and size limits, the order of things, and the two forms in which docker hands a connection over:

::

    POST …  Connection: Upgrade, Upgrade: tcp  ->
                                               <-  101 UPGRADED, then raw bytes
    POST …  (docker-py, older clients)         ->
                                               <-  200 OK without a length, then raw bytes

A client that goes while a stream is sent to it ends the stream; any other request is carried out to its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import parse_qs, unquote, urlsplit

import h11

from engine.errors import Forbidden, InvalidArgument, LongshoreError
from engine.server.channel import Channel
from engine.server.failures import failure
from engine.server.limits import Limits
from engine.server.messages import Hijack, Request, Response, Version

_LINGER = 2.0
"""Seconds for which what a client still sends is read after the last word: closing on unread bytes can destroy that word."""
_PIPELINED = 64 * 1024
_VERSIONS = (b"1.0", b"1.1")

Answer = Callable[[Request], Awaitable[Response]]
Split = Callable[[str], tuple[Version | None, str]]


class _Gone(Exception):
    """The client has left, or can not be told any more what went wrong."""


class Connection:
    """One client.

    Args:
        answer: gives the response to a request.
        common: headers of every response.
        exposed: whoever reaches the port is let in, so that pages in a browser have to be kept out.
    """

    def __init__(
        self, channel: Channel, answer: Answer, split: Split, common: dict[str, str], limits: Limits, *, exposed: bool = False
    ) -> None:
        self._exposed = exposed
        self._channel = channel
        self._answer = answer
        self._split = split
        self._common = common
        self._limits = limits
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head_bytes)
        self._begun = False
        self.idle_since: float | None = time.monotonic()
        """Since when there is no request, ``None`` while there is one. Part of a head is none: who dribbles makes room too."""

    async def serve(self) -> None:
        """Until one side has had enough."""
        try:
            while await self._exchange():
                self._http.start_next_cycle()
                self._begun = False
                self.idle_since = time.monotonic()
        except (OSError, TimeoutError, h11.ProtocolError, _Gone):
            pass  # whom should it be told
        finally:
            await self._channel.close()

    async def refuse(self, status: int, message: str) -> None:
        """Answer without having read anything, and close."""
        try:
            async with asyncio.timeout(_LINGER):
                await self._channel.write(self._error(status, message))
                await self._linger()
        except (OSError, TimeoutError):
            pass
        finally:
            await self._channel.close()

    async def _exchange(self) -> bool:
        """One request and its answer; whether another may follow."""
        try:
            head = await self._head()
        except h11.RemoteProtocolError as error:
            await self._complain(error.error_status_hint, str(error))
            return False
        except TimeoutError:
            if self._begun:
                await self._complain(408, "the request's head did not come in time")
            return False
        if head is None:
            return False
        self.idle_since = None
        request = self._request(head)
        response = failure(request) if isinstance(request, LongshoreError) else await self._answer(request)
        try:
            if isinstance(response, Hijack):
                await self._hand_over(head, response)
            else:
                await self._respond(head, response)
        finally:
            if response.cleanup is not None:
                await response.cleanup()
        if not isinstance(response, Hijack):
            return await self._settle()
        await self._linger()
        return False

    async def _head(self) -> h11.Request | None:
        """The next request; ``None`` when the client has left."""
        if not self._http.trailing_data[0]:
            async with asyncio.timeout(self._limits.idle_seconds):
                self._http.receive_data(await self._channel.read())
        self._begun = True
        async with asyncio.timeout(self._limits.head_seconds):
            event = await self._event()
        if not isinstance(event, h11.Request):
            return None
        if event.http_version not in _VERSIONS:
            raise h11.RemoteProtocolError("HTTP/1.1 is spoken here", error_status_hint=505)
        if _has_two_ends(event):
            raise h11.RemoteProtocolError("both Content-Length and Transfer-Encoding are given")
        if _has_no_body(event):
            await self._event()
        return event

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                go_on = self._http.send(h11.InformationalResponse(status_code=100, headers=[]))
                await self._channel.write(go_on or b"")
            self._http.receive_data(await self._channel.read())
        return event  # type: ignore[return-value]

    def _request(self, head: h11.Request) -> Request | LongshoreError:
        target, _, query = head.target.decode("latin-1").partition("?")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        if self._exposed and not _is_local(headers):
            return Forbidden("requests of web pages are not served")
        try:
            version, path = self._split(unquote(target, errors="strict"))
            parameters = parse_qs(query, keep_blank_values=True, errors="strict", max_num_fields=1000)
        except LongshoreError as error:
            return error
        except ValueError as error:
            return InvalidArgument(f"malformed request target: {error}")
        method = head.method.decode("latin-1")
        found = version or _NEWEST
        return Request(method, path, version=found, query=parameters, headers=headers, body=self, limits=self._limits)

    async def chunks(self, seconds: float) -> AsyncGenerator[bytes, None]:
        """The body of the request that is being answered; see :class:`engine.server.messages.Body`."""
        while self._http.their_state is h11.SEND_BODY:
            try:
                async with asyncio.timeout(seconds):
                    event = await self._event()
            except TimeoutError:
                raise InvalidArgument("the request's body stalled") from None
            except h11.RemoteProtocolError as error:
                raise InvalidArgument(f"the request's body is malformed or broke off: {error}") from None
            if isinstance(event, h11.Data):
                yield bytes(event.data)

    async def _respond(self, head: h11.Request, response: Response) -> None:
        body = response.body
        headers = [*self._common.items(), ("Date", formatdate(usegmt=True)), *response.headers.items()]
        if isinstance(body, bytes) and response.status not in (204, 304):
            headers.append(("Content-Length", str(len(body))))
        start = self._http.send(h11.Response(status_code=response.status, headers=headers, reason=_reason(response.status).encode())) or b""
        if isinstance(body, bytes):
            data = b"" if head.method == b"HEAD" or not body else self._http.send(h11.Data(data=body)) or b""
            async with asyncio.timeout(self._limits.write_seconds):
                await self._channel.write(start + data + (self._http.send(h11.EndOfMessage()) or b""))
            return
        async with contextlib.aclosing(body):
            await self._channel.write(start)
            await self._stream(body, None if response.patient else self._limits.write_seconds)

    async def _stream(self, body: AsyncGenerator[bytes, None], seconds: float | None) -> None:
        """Send the pieces, and give up as soon as the client has left."""
        sending = asyncio.create_task(self._send_all(body, seconds))
        watching = asyncio.create_task(self._watch())
        try:
            await asyncio.wait((sending, watching), return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
            if not sending.done():
                sending.cancel()
            await asyncio.gather(sending, watching, return_exceptions=True)
        if sending.cancelled():
            raise _Gone
        try:
            sending.result()
        except LongshoreError:
            raise _Gone from None  # the head is out: to break off is what is left to say

    async def _send_all(self, body: AsyncGenerator[bytes, None], seconds: float | None) -> None:
        async for piece in body:
            if piece:
                async with asyncio.timeout(seconds):
                    await self._channel.write(self._http.send(h11.Data(data=piece)) or b"")
        await self._channel.write(self._http.send(h11.EndOfMessage()) or b"")

    async def _watch(self) -> None:
        """Returns when the client has left. What it sends early is kept for the next request."""
        if self._http.their_state is h11.SEND_BODY:
            await asyncio.Event().wait()  # the handler reads
        with contextlib.suppress(OSError):
            while data := await self._channel.read():
                self._http.receive_data(data)
                if len(self._http.trailing_data[0]) > _PIPELINED:
                    await asyncio.Event().wait()

    async def _settle(self) -> bool:
        """Read what the handler left of the body, if it is little; whether the connection can be used again."""
        with contextlib.suppress(InvalidArgument, TimeoutError):
            async with asyncio.timeout(_LINGER):
                async for _ in self.chunks(_LINGER):
                    pass
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            return True
        await self._linger()
        return False

    async def _complain(self, status: int, message: str) -> None:
        """The last word to a client that does not speak HTTP."""
        async with asyncio.timeout(_LINGER):
            await self._channel.write(self._error(status, message))
        await self._linger()

    def _error(self, status: int, message: str) -> bytes:
        response = failure(InvalidArgument(message), status)
        assert isinstance(response.body, bytes)
        lines = [f"HTTP/1.1 {status} {_reason(status)}"]
        lines += [f"{name}: {value}" for name, value in {**self._common, **response.headers}.items()]
        lines += [f"Content-Length: {len(response.body)}", "Connection: close", "", ""]
        return "\r\n".join(lines).encode("latin-1") + response.body

    async def _hand_over(self, head: h11.Request, response: Hijack) -> None:
        async for _ in self.chunks(_LINGER):
            pass
        upgrade = any(name == b"upgrade" for name, _ in head.headers)
        lines = ["HTTP/1.1 101 UPGRADED", "Connection: Upgrade", "Upgrade: tcp"] if upgrade else ["HTTP/1.1 200 OK"]
        lines += [f"{name}: {value}" for name, value in {**self._common, **response.headers}.items()]
        await self._channel.write(response.head(self._common) if response.head else "\r\n".join((*lines, "", "")).encode("latin-1"))
        await response.talk(_Pipe(self._channel, self._http.trailing_data[0]))

    async def _linger(self) -> None:
        """Let the client take the last word before the connection is closed."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_LINGER):
                await self._channel.finish()
                while await self._channel.read():
                    pass


class _Pipe:
    """See :class:`engine.server.messages.Pipe`. ``first`` came together with the head.

    docker-py reads the head of the answer through a buffer and what follows from the socket below it: output that is read along with
    the head is lost to it. So the first piece waits until the head has been taken.
    """

    def __init__(self, channel: Channel, first: bytes) -> None:
        self._channel = channel
        self._first = first
        self._begun = False

    async def read(self) -> bytes:
        first, self._first = self._first, b""
        if first:
            return first
        try:
            return await self._channel.read()
        except OSError:
            return b""

    async def write(self, data: bytes) -> None:
        if not self._begun:
            self._begun = True
            await self._channel.taken()
        await self._channel.write(data)

    async def gone(self) -> None:
        await self._channel.gone()


_NEWEST: Version = (1, 51)


def _is_local(headers: Mapping[str, str]) -> bool:
    """No page in a browser sent it: such a request has an origin, says that it comes from another site (Fetch Metadata), or has a host
    whose name was made to point here (DNS rebinding)."""
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        return False
    try:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    return host in ("", "localhost", "docker") or _is_address(host)


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _has_two_ends(head: h11.Request) -> bool:
    """What stands between us and the client may take another of both lengths for the body's (RFC 9112 section 6.3)."""
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in head.headers}


def _has_no_body(head: h11.Request) -> bool:
    return not any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in head.headers)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"  # 499, nginx's for a client that has gone
