"""Who is let in: secrets and checks, without a server.

=============================  =================================================================================================
another user of this machine   has neither token nor cookie: 256 random bits each, on no command line and in no environment
a page elsewhere (WebSocket,   ``Origin`` must be this server, and the cookie is ``SameSite``: browsers send both as they are, pages
CSRF, frames)                  can not choose them; no answer lets itself be framed or read from elsewhere
DNS rebinding                  without a certificate ``Host`` must be a name of the loopback interface; with one, the attacker's name
                               does not match it
a server on another port       cookies know no ports, but paths: ours goes to a secret path only, and the path alone opens nothing
the address in the history     carries the path, not the token, after the first redirection; ``Referrer-Policy`` keeps it at home
=============================  =================================================================================================

Sources: RFC 6455 section 10.2 (Origin), RFC 6265bis (SameSite; 8.5 "Weak Confidentiality": ports), Fetch (``Sec-Fetch-Site``).
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from urllib.parse import urlsplit

COOKIE = "longshore"


class Gate:
    """The secrets of one run.

    Attributes:
        token: what the printed address ends with.
        path: below which everything is, ``/SECRET/``.
        cookie: what the browser shows from then on.
    """

    def __init__(self, *, tls: bool = False) -> None:
        self.token, self.cookie = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.path = f"/{secrets.token_urlsafe(32)}/"
        self.tls = tls

    def is_here(self, host: str) -> bool:
        """A ``Host`` header names this server."""
        try:
            name = urlsplit(f"//{host}").hostname if _plain(host) else None
            return bool(name) and (self.tls or name == "localhost" or ipaddress.ip_address(name or "").is_loopback)
        except ValueError:
            return False

    def is_own(self, origin: str, host: str) -> bool:
        """An ``Origin`` header names this server as the ``Host`` header does."""
        return bool(host) and origin.lower() == f"http{'s' if self.tls else ''}://{host}".lower()

    def redeems(self, token: str) -> bool:
        """That is the token."""
        return _same(token, self.token)

    def admits(self, cookie: str) -> bool:
        """That is the cookie."""
        return _same(cookie, self.cookie)


def _plain(host: str) -> bool:
    return bool(host) and not set(host) & set("/?#@\\ \t")


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), secret.encode())
