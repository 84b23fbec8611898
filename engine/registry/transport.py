"""HTTP for registries: clients, trust, proxies, redirects, and waking blocked reads.

httpx does the protocol. What it leaves to us, or does differently from what a registry needs:

- Redirects are followed here: ``Authorization`` goes to the registry's own origin only (a blob's storage refuses it with
  400, and a stranger must not see it), and nothing is led from TLS to plain HTTP.
- ``insecure`` turns verification off for the endpoint's own host, never for the hosts it redirects to.
- The system's certificates are trusted, as every other program of the host does, plus ``certs.d`` directories as docker
  has them; loopback is never asked through a proxy.
- Bodies are taken raw: a transparent gunzip would change the bytes that the digest is about.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from engine.errors import InvalidArgument, Unavailable
from engine.model.version import VERSION
from engine.registry.endpoints import loopback

if TYPE_CHECKING:
    import ssl

    import httpx

CERTIFICATES = ("/etc/longshore/certs.d", "/etc/docker/certs.d")
USER_AGENT = f"longshore/{VERSION}"
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 10
_CONNECT_TIMEOUT = 15.0
_STALL_TIMEOUT = 45.0


_UNUSED = ("httpx._main", "trio")
"""What httpx and httpcore import where it is installed, and nothing here uses: a command line program, which brings click, rich and
pygments along, and the library that they prefer to asyncio if it is the one that runs. Either costs as much as all the rest."""


def load_httpx() -> None:
    """Import httpx without :data:`_UNUSED`: 60 to 150 ms that a pull would wait for."""
    if "httpx" not in sys.modules:
        hidden: dict[str, Any] = sys.modules
        absent = [name for name in _UNUSED if name not in hidden]
        hidden.update(dict.fromkeys(absent))
        try:
            import httpcore  # noqa: F401  # which httpx imports late
            import httpx  # noqa: F401
        finally:
            for name in absent:
                del hidden[name]


class Transport:
    """Sends requests for one endpoint. Safe for threads."""

    def __init__(self, host: str, *, insecure: bool = False) -> None:
        """``host`` is the endpoint's, with its port; ``insecure`` leaves its certificate unverified."""
        load_httpx()
        self._host = host
        self._insecure = insecure
        self._lock = threading.Lock()
        self._clients: dict[tuple[bool, bool, bool], httpx.Client] = {}
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._aborted = False

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        form: Mapping[str, str] | None = None,
        content: Callable[[], Iterable[bytes]] | None = None,
        redirects: bool = True,
    ) -> httpx.Response:
        """Send a request and give back the answer with its body unread; the caller closes it.

        Raises:
            httpx.TransportError, httpx.InvalidURL: as httpx has them, for :func:`engine.registry.failures.translate`.
            Unavailable: the registry leads in circles, nowhere, or from TLS to plain HTTP.
        """
        import httpx

        sent = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
        target = httpx.URL(url)
        for _ in range(_MAX_REDIRECTS):
            client = self._client(target)
            body = content() if content else None
            request = client.build_request(method, target, headers=sent, data=form, content=body, extensions={"trace": self._trace})
            response = client.send(request, stream=True)
            if not redirects or response.status_code not in _REDIRECTS:
                return response
            response.close()
            following = self._follow(target, response.headers.get("Location", ""))
            if _origin(following) != _origin(target):
                sent.pop("Authorization", None)
            target = following
        raise Unavailable(f'{method.title()} "{url}": stopped after {_MAX_REDIRECTS} redirects')

    def _follow(self, target: httpx.URL, location: str) -> httpx.URL:
        import httpx

        try:
            following = target.join(location)
        except httpx.InvalidURL:
            following = httpx.URL("")
        if not location or following.scheme not in ("http", "https") or not following.host:
            raise Unavailable(f'"{target.copy_with(query=None)}" redirects to no valid address')
        if target.scheme == "https" and following.scheme == "http" and not self._insecure:
            raise Unavailable(f'"{target.copy_with(query=None)}" redirects to plain HTTP at {following.host}, which is not allowed')
        return following

    def _client(self, target: httpx.URL) -> httpx.Client:
        import httpx

        own = _origin(target) == _origin(httpx.URL(f"{target.scheme}://{self._host}"))
        key = (target.scheme == "https", loopback(target.host), own)
        with self._lock:
            if self._aborted:
                raise httpx.CloseError("closed")
            if key not in self._clients:
                self._clients[key] = httpx.Client(
                    verify=_trust(self._host if own else "", insecure=not key[0] or (own and self._insecure)),
                    trust_env=not key[1],
                    timeout=httpx.Timeout(_STALL_TIMEOUT, connect=_CONNECT_TIMEOUT),
                    follow_redirects=False,
                )
            return self._clients[key]

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            found = info["return_value"].get_extra_info("socket")
            if isinstance(found, socket.socket):
                self._sockets.add(found)

    def abort(self) -> None:
        """Wake whatever blocks in a connection: every read ends with an error. From any thread, idempotent."""
        with self._lock:
            self._aborted = True
            sockets = tuple(self._sockets)
        for each in sockets:
            try:
                # Not SSLSocket.shutdown: that takes the TLS object from under the reading thread.
                socket.socket.shutdown(each, socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self) -> None:
        """Give the connections up, when no thread uses them any more."""
        with self._lock:
            self._aborted = True
            clients = tuple(self._clients.values())
            self._clients.clear()
        for each in clients:
            each.close()


def read_bounded(response: httpx.Response, limit: int) -> bytes:
    """The whole body, which must not be longer than ``limit`` bytes; the response is closed.

    Raises:
        InvalidArgument: it is longer.
        httpx.TransportError: it can not be read.
    """
    found = bytearray()
    try:
        for chunk in response.iter_raw():
            found += chunk
            if len(found) > limit:
                raise InvalidArgument(f'the answer of "{response.url.host}" is larger than {limit} bytes')
    finally:
        response.close()
    return bytes(found)


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def _trust(host: str, *, insecure: bool) -> ssl.SSLContext:
    import ssl

    if insecure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context = ssl.create_default_context()
        if not context.cert_store_stats()["x509_ca"] and not os.environ.get("SSL_CERT_DIR") and not _has_directory():
            import certifi

            context.load_verify_locations(cafile=certifi.where())
    for authority, certificate, key in _certificates(host) if host else ():
        try:
            if authority:
                context.load_verify_locations(cafile=authority)
            else:
                context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise InvalidArgument(f"certificate {authority or certificate}: {error}") from None
    return context


def _has_directory() -> bool:
    """OpenSSL's hashed directory is read on demand, so that it does not show in the counts."""
    import ssl

    path = ssl.get_default_verify_paths().capath
    return bool(path and os.path.isdir(path) and os.listdir(path))


def _certificates(host: str) -> Iterator[tuple[str, str, str]]:
    """``certs.d/<host>``: ``*.crt`` are authorities, ``*.cert`` with ``*.key`` of the same name is our own."""
    if os.sep in host or host.startswith("."):
        return
    for directory in CERTIFICATES:
        path = os.path.join(directory, host)
        if not os.path.isdir(path):
            continue
        for name in sorted(os.listdir(path)):
            stem, extension = os.path.splitext(os.path.join(path, name))
            if extension == ".crt":
                yield stem + extension, "", ""
            elif extension == ".cert":
                yield "", stem + extension, f"{stem}.key"
