"""The HTTP server: gate, page, and textual-serve's WebSocket behind them.

Of textual-serve the parts that carry a terminal are used: its handler of the WebSocket with the process behind it, and its JavaScript. Its
page is not: it loads a font from another server, and its routes know no gate.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import ssl
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from textual_serve.server import Server

from engine.errors import InvalidArgument, Unavailable
from tui.web.address import Address
from tui.web.gate import COOKIE, Gate

SESSIONS = 16
"""Pages at a time: each has a TUI process of its own."""

FONT = 15
PATIENCE = 1.0
"""Seconds for open sessions to end when the server does."""

_DRIVER = "tui.web.driver:BrowserDriver"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self' {websocket}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_KEY_NEEDED = "Open the address that longshore --web printed: it ends with a token.\n"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """The application for one gate; ``command`` is run, in a shell, once for each page."""

    def __init__(self, command: Sequence[str], gate: Gate) -> None:
        self._gate = gate
        self._carrier = Server(f"TEXTUAL_DRIVER={_DRIVER} exec {shlex.join(command)}", title="Longshore")
        with open(os.path.join(os.path.dirname(__file__), "page.html"), encoding="utf-8") as file:
            self._page = file.read()
        self._sessions = 0

    def application(self) -> web.Application:
        """What aiohttp serves."""
        made = web.Application(middlewares=[self._guard])
        made.router.add_get("/", self._enter)
        made.router.add_get(self._gate.path, self._show)
        made.router.add_get(f"{self._gate.path}ws", self._carry)
        made.router.add_static(f"{self._gate.path}static", self._carrier.statics_path)
        made.on_response_prepare.append(self._seal)
        return made

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._gate.is_here(request.host):
            raise web.HTTPMisdirectedRequest(text=f"{request.host} is not this server\n")
        origin = request.headers.get("Origin")
        if origin is not None and not self._gate.is_own(origin, request.host):
            raise web.HTTPForbidden(text=f"{origin} may not use this server\n")
        if request.path != "/" and not self._gate.admits(request.cookies.get(COOKIE, "")):
            raise web.HTTPForbidden(text=_KEY_NEEDED)
        return await handler(request)

    async def _seal(self, request: web.Request, response: web.StreamResponse) -> None:
        for name, value in _HEADERS.items():
            response.headers[name] = value.replace("{websocket}", self._websocket(request))
        response.headers.popall("Server", None)

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        if not self._gate.redeems(request.query.get("token", "")):
            raise web.HTTPForbidden(text=_KEY_NEEDED)
        answer = web.Response(status=303, headers={"Location": self._gate.path})
        # Lax: a link in a chat window is how people come here. Whatever could do harm needs the Origin as well.
        answer.set_cookie(COOKIE, self._gate.cookie, path=self._gate.path, httponly=True, samesite="Lax", secure=self._gate.tls)
        return answer

    async def _show(self, request: web.Request) -> web.StreamResponse:
        size = request.query.get("fontsize", "")
        text = self._page.format(
            path=self._gate.path,
            websocket=f"{self._websocket(request)}{self._gate.path}ws",
            size=min(max(int(size), 6), 60) if size.isdecimal() and len(size) < 4 else FONT,
        )
        return web.Response(text=text, content_type="text/html")

    async def _carry(self, request: web.Request) -> web.StreamResponse:
        if "Origin" not in request.headers:
            raise web.HTTPForbidden(text="only browsers may open a session: there is no Origin header\n")
        if self._sessions >= SESSIONS:
            raise web.HTTPServiceUnavailable(text=f"there are {SESSIONS} sessions; close one\n")
        self._sessions += 1
        try:
            return await self._carrier.handle_websocket(request)
        finally:
            self._sessions -= 1

    def _websocket(self, request: web.Request) -> str:
        return f"ws{'s' if self._gate.tls else ''}://{request.host}"


def serve(command: Sequence[str], address: Address, *, certificate: str = "", key: str = "", tell: Callable[[str], None]) -> None:
    """Serve until a signal ends it; ``tell`` gets the line with the address to open.

    Args:
        command: the TUI, as it would be started in a terminal.
        certificate, key: PEM files, for HTTPS.

    Raises:
        InvalidArgument: certificate or key can not be used.
        Unavailable: the address can not be listened on.
    """
    context = _tls(certificate, key) if certificate else None
    asyncio.run(_serve(command, address, context, tell))


async def _serve(command: Sequence[str], address: Address, context: ssl.SSLContext | None, tell: Callable[[str], None]) -> None:
    gate = Gate(tls=context is not None)
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    # The token stands in the first address: no log of requests.
    runner = web.AppRunner(Site(command, gate).application(), access_log=None, shutdown_timeout=PATIENCE)
    await runner.setup()
    try:
        site = web.TCPSite(runner, address.host, address.port, ssl_context=context)
        try:
            await site.start()
        except OSError as error:
            reason = os.strerror(error.errno).lower() if error.errno else str(error)
            hint = "give another one: --web 127.0.0.1:0 takes any free port" if "in use" in reason else ""
            raise Unavailable(f"listen tcp {address.host}:{address.port}: {reason}", hint=hint) from None
        port = runner.addresses[0][1]
        tell(f"{address.url(port, tls=gate.tls)}/?token={gate.token}")
        await over.wait()
    finally:
        await runner.cleanup()


def _tls(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise InvalidArgument(f"--web-cert {certificate}, --web-key {key}: {error}") from None
    return context
