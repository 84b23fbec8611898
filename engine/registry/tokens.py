"""Answers to a registry's challenges: Basic credentials, or a bearer token from the server that it names.

distribution-spec's token and OAuth2 authentication, as docker and containerd do it: a password is shown to the token server
by GET with Basic, an identity token by POST. Tokens are kept for as long as they say, minus a tenth.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidArgument, LongshoreError, TooManyRequests, Unauthorized, Unavailable
from engine.model.auth import Credentials
from engine.registry import failures
from engine.registry.challenge import Challenge
from engine.registry.transport import Transport, read_bounded

if TYPE_CHECKING:
    import httpx

_MAX_ANSWER = 1 << 20
_MIN_LIFETIME = 60.0
_MAX_LIFETIME = 86400.0
_CLIENT_ID = "longshore"


class TokenRefused(Unauthorized):
    """The token server said no to ``credentials``; ``said`` is the reason as ``code: message``."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


class Tokens:
    """The ``Authorization`` values of one endpoint. Safe for threads: two that are refused at once fetch one token."""

    def __init__(self, transport: Transport, credentials: Credentials, *, encrypted: bool) -> None:
        """``encrypted``: the registry is spoken to with TLS, so that its token server must be too."""
        self._transport = transport
        self._credentials = credentials
        self._encrypted = encrypted
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str, str], tuple[str, float]] = {}
        self._current = ""

    @property
    def current(self) -> str:
        """What was last found to be wanted; sent with every request, ``""`` for nothing."""
        return self._current

    def answer(self, challenge: Challenge, scope: str, refused: str) -> str:
        """The ``Authorization`` for a challenge. ``scope`` are texts apart by spaces; ``refused`` has just been turned down.

        Raises:
            Unauthorized: there are no credentials, or the token server refuses them.
            httpx.TransportError: the token server can not be reached.
        """
        with self._lock:
            if self._current and self._current != refused:
                return self._current
            if challenge.scheme == "basic":
                self._current = self._basic()
            elif self._credentials.registry_token:
                self._current = f"Bearer {self._credentials.registry_token}"
            else:
                self._current = "Bearer " + self._token(challenge, scope, refused)
            return self._current

    def _basic(self) -> str:
        import base64

        if not self._credentials.username:
            raise Unauthorized("no basic auth credentials", hint="store credentials for the registry with `longshore login`")
        pair = f"{self._credentials.username}:{self._credentials.password}"
        return "Basic " + base64.b64encode(pair.encode()).decode("ascii")

    def _token(self, challenge: Challenge, scope: str, refused: str) -> str:
        realm, service = challenge.parameters.get("realm", ""), challenge.parameters.get("service", "")
        self._check_realm(realm)
        scopes = " ".join(dict.fromkeys((*challenge.parameters.get("scope", "").split(), *scope.split())))
        token, expires = self._kept.get((realm, service, scopes), ("", 0.0))
        if token and time.monotonic() < expires and refused != f"Bearer {token}":
            return token
        token, lifetime = self._fetch(realm, service, scopes)
        self._kept[realm, service, scopes] = (token, time.monotonic() + lifetime * 0.9)
        return token

    def _check_realm(self, realm: str) -> None:
        if not realm.startswith(("https://", "http://")):
            raise Unauthorized(f'the registry names no valid token server: "{failures.clean(realm)}"')
        if self._encrypted and realm.startswith("http://"):
            raise Unauthorized(f'the registry names a token server without TLS, "{failures.clean(realm)}": nothing is sent to it')

    def _fetch(self, realm: str, service: str, scopes: str) -> tuple[str, float]:
        import httpx

        have = self._credentials
        headers: dict[str, str] = {}
        form: Mapping[str, str] | None = None
        if have.identity_token:
            form = {
                "grant_type": "refresh_token", "refresh_token": have.identity_token, "service": service,
                "scope": scopes, "client_id": _CLIENT_ID,
            }  # fmt: skip
            url = realm
        else:
            query: list[tuple[str, str | int | float | bool | None]] = [("service", service)] if service else []
            query += [("scope", each) for each in scopes.split()]
            if have.username:
                query.append(("account", have.username))
                headers["Authorization"] = self._basic()
            try:
                url = str(httpx.URL(realm).copy_merge_params(query))
            except httpx.InvalidURL as error:
                raise Unauthorized(f'the registry names no valid token server: "{failures.clean(realm)}"') from error
        method = "POST" if form else "GET"
        response = self._transport.send(method, url, headers, form=form, redirects=form is None)
        return self._read(response, realm)

    def _read(self, response: httpx.Response, realm: str) -> tuple[str, float]:
        import json

        try:
            body = read_bounded(response, _MAX_ANSWER)
        except InvalidArgument as error:
            raise Unauthorized(error.message) from None
        if response.status_code != 200:
            raise _refusal(response.status_code, body, realm)
        try:
            answer: Any = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        token = (answer.get("access_token") or answer.get("token")) if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise Unauthorized(f'"{failures.clean(realm)}": authorization server did not include a token in the response')
        lifetime = answer.get("expires_in")
        seconds = float(lifetime) if isinstance(lifetime, (int, float)) and abs(lifetime) < _MAX_LIFETIME else _MIN_LIFETIME
        return token, max(seconds, _MIN_LIFETIME)


def _refusal(status: int, body: bytes, realm: str) -> LongshoreError:
    refusal = failures.Refusal(body)
    if status in (400, 401, 403):
        return TokenRefused(refusal.text("UNAUTHORIZED" if status == 401 else "DENIED"))
    if status == 429:
        return TooManyRequests(refusal.text("TOOMANYREQUESTS"))
    return Unavailable(f'Get "{failures.clean(realm)}": received unexpected HTTP status: {status}')
