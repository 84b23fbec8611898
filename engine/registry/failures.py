"""Docker's words for what goes wrong between us and a registry: the one place where httpx's errors and HTTP statuses
become the engine's.

Texts of a registry are hostile: control characters are taken out and the rest is cut.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import Forbidden, InvalidArgument, LongshoreError, NotFound, PullDenied, TooManyRequests, Unauthorized, Unavailable
from engine.model.reference import Reference
from engine.registry.challenge import Challenge

if TYPE_CHECKING:
    import httpx

MAX_ERROR_BODY = 64 << 10
_MAX_TEXT = 400
_DENIED = "requested access to the resource is denied"
_DEFAULTS = {
    "DENIED": _DENIED,
    "UNAUTHORIZED": "authentication required",
    "MANIFEST_UNKNOWN": "manifest unknown",
    "NAME_UNKNOWN": "repository name not known to registry",
    "BLOB_UNKNOWN": "blob unknown to registry",
    "TOOMANYREQUESTS": "too many requests",
}


class Refusal:
    """The first error of an answer's body. ``code`` is in upper case; both are ``""`` when the body says nothing."""

    def __init__(self, body: bytes) -> None:
        self.code, self.message = _first_error(body)

    def text(self, code: str) -> str:
        """``code: message`` as docker writes it, with ``code`` where the body named none."""
        shown = (self.code or code).upper()
        return f"{shown.lower().replace('_', ' ')}: {self.message or _DEFAULTS.get(shown, 'unknown error')}"


def clean(text: str) -> str:
    """A foreign text for a message: one line, printable, cut."""
    return "".join(c if c.isprintable() else " " for c in text[:_MAX_TEXT]).strip()


def _first_error(body: bytes) -> tuple[str, str]:
    import json

    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(document, dict):
        return "", ""
    errors = document.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        code, message = errors[0].get("code"), errors[0].get("message")
        return clean(code).upper() if isinstance(code, str) else "", clean(message) if isinstance(message, str) else ""
    for key in ("message", "details", "detail", "error"):
        if isinstance(document.get(key), str):
            return "", clean(document[key])
    return "", ""


def refused(
    status: int, headers: Mapping[str, str], body: bytes, reference: Reference, challenges: Iterable[Challenge] = (), *, push: bool = False
) -> LongshoreError:
    """The error for an answer that is no success."""
    refusal = Refusal(body)
    scope = any(each.parameters.get("error") == "insufficient_scope" for each in challenges)
    if refusal.code == "DENIED" or (status == 401 and scope):
        said = refusal.text("DENIED") if refusal.code == "DENIED" else f"denied: {_DENIED}"
        return Forbidden(said) if push else denied(reference, said)
    if status == 401:
        return Unauthorized(refusal.text("UNAUTHORIZED"))
    if status == 429:
        wait = clean(headers.get("Retry-After", ""))
        hint = f"the registry asks to try again in {wait} seconds" if wait.isdigit() else "log in for a higher limit, or use a mirror"
        return TooManyRequests(refusal.text("TOOMANYREQUESTS"), hint=hint)
    if refusal.code == "NAME_UNKNOWN":
        return NotFound(f"repository {reference.familiar_name} not found: {refusal.text('NAME_UNKNOWN')}")
    if refusal.code == "BLOB_UNKNOWN":
        return NotFound(refusal.text("BLOB_UNKNOWN"))
    if status == 404 or refusal.code == "MANIFEST_UNKNOWN":
        return NotFound(f"manifest for {reference.familiar} not found: {refusal.text('MANIFEST_UNKNOWN')}")
    if status == 403:
        return Forbidden(refusal.text("DENIED"))
    import http

    known = status in http.HTTPStatus.__members__.values()
    phrase = f" {http.HTTPStatus(status).phrase}" if known else ""
    more = f": {refusal.message}" if refusal.message else ""
    return Unavailable(f"received unexpected HTTP status: {status}{phrase}{more}")


def denied(reference: Reference, said: str = f"denied: {_DENIED}", hint: str = "") -> PullDenied:
    """The registry will not say whether the repository exists."""
    return PullDenied(
        f"pull access denied for {reference.familiar_name}, repository does not exist or may require 'docker login': {said}",
        hint=hint or "check the name; for a private repository store credentials with `longshore login`",
    )


def translate(error: httpx.TransportError | httpx.InvalidURL, method: str, url: str) -> LongshoreError:
    """The error for a request that got no (whole) answer, in the words of docker's HTTP client."""
    import httpx

    shown = f'{method.title()} "{clean(url)}"'
    if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol)):
        return InvalidArgument(f"{shown}: {clean(str(error))}")
    where = _address(url)
    if isinstance(error, httpx.ProxyError):
        return Unavailable(f"{shown}: proxyconnect tcp: {clean(str(error))}", hint="check HTTPS_PROXY, HTTP_PROXY and NO_PROXY")
    if isinstance(error, httpx.ConnectTimeout):
        return Unavailable(f"{shown}: dial tcp {where}: i/o timeout", hint="check the network, or configure a mirror")
    if isinstance(error, httpx.TimeoutException):
        return Unavailable(f"{shown}: net/http: request canceled (Client.Timeout exceeded while reading)")
    if isinstance(error, httpx.ConnectError):
        return _not_connected(error, shown, where)
    return Unavailable(f"{shown}: unexpected EOF")


def _not_connected(error: httpx.ConnectError, shown: str, where: str) -> LongshoreError:
    import ssl

    cause = _system_error(error)
    if isinstance(cause, ssl.SSLError):
        return _no_trust(cause, shown, where)
    if isinstance(cause, socket.gaierror):
        reason = "no such host" if cause.errno == socket.EAI_NONAME else (cause.strerror or "").lower()
        text = f"{shown}: dial tcp: lookup {where.rpartition(':')[0]}: {reason}"
        return Unavailable(text, hint="check the network and the name of the registry, or configure a mirror")
    reason = (cause.strerror or str(cause)).lower() if cause else clean(str(error))
    return Unavailable(f"{shown}: dial tcp {where}: connect: {reason}", hint="check that the registry runs and can be reached")


def _no_trust(cause: Any, shown: str, where: str) -> LongshoreError:
    import ssl

    host = where.rpartition(":")[0]
    if isinstance(cause, ssl.SSLCertVerificationError):
        said = str(cause.verify_message)
        if "expired" in said or "not yet valid" in said:
            reason = "x509: certificate has expired or is not yet valid"
        elif "mismatch" in said or "not valid for" in said:
            reason = f"x509: certificate is not valid for {host}"
        else:
            reason = "x509: certificate signed by unknown authority"
        return Unavailable(
            f"{shown}: tls: failed to verify certificate: {reason}",
            hint=f"put its authority into /etc/longshore/certs.d/{where}/ca.crt, or set insecure = true for the registry",
        )
    if speaks_no_tls(cause):
        return Unavailable(
            f"{shown}: http: server gave HTTP response to HTTPS client",
            hint=f'if this is meant, set insecure = true for [registries."{where}"] in config.toml',
        )
    return Unavailable(f"{shown}: tls: {clean((cause.reason or 'handshake failed').lower().replace('_', ' '))}")


def speaks_no_tls(error: BaseException) -> bool:
    """The other side answered the TLS handshake with something else, most likely plain HTTP."""
    import ssl

    cause = _system_error(error) if not isinstance(error, ssl.SSLError) else error
    return isinstance(cause, ssl.SSLError) and cause.reason in (
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "UNEXPECTED_MESSAGE",
        "RECORD_LAYER_FAILURE",
    )


def _system_error(error: BaseException) -> OSError | None:
    """The operating system's error at the root of httpx's."""
    found: OSError | None = None
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError):
            found = seen
        seen = seen.__cause__ or seen.__context__
    return found


def _address(url: str) -> str:
    """``host:port`` of a URL, the port always there."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return clean(url)
    host = parts.hostname or ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
