"""The distribution protocol (OCI distribution-spec 1.1) for one repository at one endpoint: requests, and the pull side.

Requests are tried again where that is safe and useful: once with a fresh token after 401, after a pause that the registry
asks for with 429 (a short one: longer ones are the person's decision), and when a server is overloaded or a connection was lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from engine.errors import CorruptData, InvalidArgument, LongshoreError, NotFound, TooManyRequests, Unauthorized, Unavailable
from engine.model import digest as digests
from engine.model.reference import Reference
from engine.model.value import Value
from engine.registry import challenge, failures, pacing
from engine.registry.blob import Blob
from engine.registry.cancel import Cancel
from engine.registry.credentials import Found
from engine.registry.endpoints import Endpoint
from engine.registry.tokens import TokenRefused, Tokens
from engine.registry.transport import Transport, load_httpx, read_bounded

if TYPE_CHECKING:
    import httpx

MANIFEST_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)
MAX_MANIFEST = 4 << 20
_ATTEMPTS = 3


Content = Callable[[], Iterable[bytes]]
"""Gives a request's body; called anew for each time that it is sent."""


class Document(Value):
    """A manifest or index as the registry sent it: raw bytes, their digest, and the media type of the answer."""

    data: bytes
    digest: str
    media_type: str


class RegistryClient:
    """Asks one endpoint about one repository. Safe for threads; :meth:`close` when all are done."""

    def __init__(
        self,
        endpoint: Endpoint,
        reference: Reference,
        found: Found,
        cancel: Cancel,
        *,
        scopes: Iterable[str] | None = None,
        push: bool = False,
    ) -> None:
        """``reference`` names the repository and appears in messages; ``found`` are the registry's credentials.

        ``scopes`` are what a token is asked for (``repository:x:pull``; ``None``: to pull); ``push`` changes messages.
        """
        self._endpoint = endpoint
        self._reference = reference
        self._found = Found() if endpoint.mirror else found
        self._cancel = cancel
        self._lock = threading.Lock()
        self._bases = list(endpoint.urls)
        self._settled = len(self._bases) == 1
        self._transports: dict[str, Transport] = {}
        self._tokens: dict[str, Tokens] = {}
        self._closed = False
        self._scopes = f"repository:{reference.path}:pull" if scopes is None else " ".join(scopes)
        self._push = push

    @property
    def url(self) -> str:
        """The base URL that is spoken to."""
        return self._bases[0]

    def head(self, identifier: str) -> str:
        """The digest that a tag points to, ``""`` when the registry does not say.

        HEAD does not count against Docker Hub's pull limit. Raises as :meth:`manifest` does.
        """
        try:
            response = self.request("HEAD", f"manifests/{identifier}", _accept())
        except NotFound:
            return ""  # its answer has no body to say what is unknown; GET will
        response.close()
        said = str(response.headers.get("Docker-Content-Digest", ""))
        return said if digests.valid(said) else ""

    def manifest(self, identifier: str) -> Document:
        """The manifest or index of a tag or digest, its digest computed here.

        Raises:
            NotFound, PullDenied, Unauthorized, Forbidden, TooManyRequests: the registry says no, in docker's words.
            Unavailable: it does not answer, or not sensibly.
            CorruptData: the digest is not the one that was asked for, or that the registry announced.
        """
        try:
            response = self.request("GET", f"manifests/{identifier}", _accept())
            data = self._read(response, MAX_MANIFEST)
        except InvalidArgument as error:
            raise CorruptData(f"manifest for {self._reference.familiar}: {error.message}") from None
        announced = str(response.headers.get("Docker-Content-Digest", ""))
        wanted = identifier if ":" in identifier else announced if digests.valid(announced) else ""
        if wanted:
            try:
                digests.verify(data, wanted)
            except CorruptData:
                raise CorruptData(f"manifest verification failed for digest {wanted}") from None
        media_type = str(response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()
        return Document(data=data, digest=wanted or digests.of(data), media_type=media_type)

    def page(self, path: str) -> tuple[bytes, str]:
        """A short document of the repository, such as ``tags/list``, and its ``Link`` header. Raises as :meth:`manifest`."""
        response = self.request("GET", path, {})
        return self._read(response, MAX_MANIFEST), str(response.headers.get("Link", ""))

    def blob(self, digest: str, offset: int = 0) -> Blob:
        """A blob's bytes from ``offset`` on.

        Raises:
            As :meth:`manifest`.
        """
        return self._open(f"blobs/{digests.check(digest)}", offset)

    def foreign(self, url: str, offset: int = 0) -> Blob:
        """A blob from an address that a manifest names (``urls``): never with credentials (CVE-2020-15157).

        Raises:
            As :meth:`manifest`; InvalidArgument unless it is an http or https URL.
        """
        if not url.startswith(("http://", "https://")):
            raise InvalidArgument(f'layer address "{failures.clean(url)}" must be an http:// or https:// URL')
        return self._open(url, offset)

    def close(self) -> None:
        """Give up connections."""
        with self._lock:
            self._closed = True
            transports = tuple(self._transports.values())
        for each in transports:
            each.close()

    def abort(self) -> None:
        """Wake every thread that waits for the registry."""
        with self._lock:
            self._closed = True
            transports = tuple(self._transports.values())
        for each in transports:
            each.abort()

    def _open(self, path: str, offset: int) -> Blob:
        ranged = {"Range": f"bytes={offset}-"} if offset else {}
        response = self.request("GET", path, ranged, answers=(416,) if offset else ())
        if response.status_code == 206 and _range_start(response.headers.get("Content-Range", "")) == offset:
            return Blob(response, 0)
        if response.status_code != 200:
            # 206 of another range, or 416: this server can not continue.
            response.close()
            response = self.request("GET", path, {})
        return Blob(response, offset)

    def _read(self, response: httpx.Response, limit: int) -> bytes:
        import httpx

        try:
            return read_bounded(response, limit)
        except httpx.TransportError as error:
            self._cancel.check()
            raise failures.translate(error, "GET", str(response.url.copy_with(query=None))) from error

    def request(
        self, method: str, path: str, headers: Mapping[str, str], content: Content | None = None, *, answers: Sequence[int] = ()
    ) -> httpx.Response:
        """A successful answer (2xx, or one of the statuses ``answers``), body unread; after as many attempts as are reasonable.

        ``path`` is below the repository, or with a leading slash below the registry, or the URL of somebody who gets no credentials.
        PATCH, which adds to what is there, is sent a second time only where the first was turned away.
        Raises as :meth:`manifest`.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            self._cancel.check()
            response = self._settle(method, path, headers, content)
            if response.is_success or response.status_code in answers:
                return response
            pause = pacing.pause(response.status_code, response.headers, attempt)
            error = self._refused(response)
            if attempt == _ATTEMPTS or pause is None or (method == "PATCH" and response.status_code != 429):
                raise error
            self._cancel.pause(pause)
        raise AssertionError("unreachable")

    def _refused(self, response: httpx.Response) -> LongshoreError:
        import httpx

        try:
            body = read_bounded(response, failures.MAX_ERROR_BODY)
        except (httpx.TransportError, InvalidArgument):
            body = b""
        asked = challenge.parse(response.headers.get_list("WWW-Authenticate"))
        error = failures.refused(response.status_code, response.headers, body, self._reference, asked, push=self._push)
        if isinstance(error, TooManyRequests):
            return error
        return self._explain(error) if response.status_code in (401, 403) or isinstance(error, Unauthorized) else error

    def _explain(self, error: LongshoreError) -> LongshoreError:
        """Say which credentials were refused, or why there were none."""
        if self._found.problem:
            error.hint = f"no stored credentials were used: {self._found.problem}"
        elif not self._found.credentials.anonymous:
            error.hint = f"the credentials for {self._reference.domain} were refused: log in again"
        elif not error.hint:
            error.hint = "store credentials for the registry with `longshore login`"
        return error

    def _settle(self, method: str, path: str, headers: Mapping[str, str], content: Content | None) -> httpx.Response:
        """Send to the base URL; where several are allowed, keep the first that speaks."""
        if self._settled:
            return self._authorised(self._bases[0], method, path, headers, content)
        with self._lock:
            candidates = tuple(self._bases) if not self._settled else (self._bases[0],)
        failure: LongshoreError | None = None
        for base in candidates:
            try:
                response = self._authorised(base, method, path, headers, content)
            except Unavailable as error:
                # The first scheme's reason is that of the plain connection, unless only TLS failed.
                failure = error if failure is None or base.startswith("http:") else failure
                continue
            if base.startswith("http:") and base != candidates[-1] and _wants_tls(response):
                response.close()
                continue
            with self._lock:
                self._bases, self._settled = [base], True
            return response
        raise failure or Unavailable(f'Get "{candidates[-1]}/v2/": http: server gave HTTP response to HTTPS client')

    def _authorised(self, base: str, method: str, path: str, headers: Mapping[str, str], content: Content | None) -> httpx.Response:
        load_httpx()
        import httpx

        foreign = path.startswith(("http://", "https://"))
        own = f"{base}{path}" if path.startswith("/") else f"{base}/v2/{self._reference.path}/{path}"
        url = path if foreign else own
        transport, tokens = self._parts(base)
        shown = url if foreign else f"{base}/v2/"
        try:
            sent = "" if foreign else tokens.current
            response = self._send(transport, method, url, headers, authorization=sent, content=content)
            asked = challenge.choose(challenge.parse(response.headers.get_list("WWW-Authenticate")))
            if response.status_code != 401 or foreign or asked is None or _final(asked, sent):
                return response
            response.close()
            shown = asked.parameters.get("realm", shown)
            authorization = tokens.answer(asked, self._scopes, sent)
            return self._send(transport, method, url, headers, authorization=authorization, content=content)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            self._cancel.check()
            raise failures.translate(error, method, shown) from error
        except TokenRefused as error:
            raise self._no_token(error) from error

    def _no_token(self, error: TokenRefused) -> LongshoreError:
        if self._found.credentials.anonymous and not self._push:
            return self._explain(failures.denied(self._reference, error.said))
        return self._explain(Unauthorized(error.said))

    def _send(
        self, transport: Transport, method: str, url: str, headers: Mapping[str, str], *, authorization: str, content: Content | None
    ) -> httpx.Response:
        import httpx

        sent = {**headers, "Authorization": authorization} if authorization else headers
        try:
            return transport.send(method, url, sent, content=content)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if method == "PATCH":
                raise
            # A kept connection that the server has closed meanwhile looks like this.
            self._cancel.check()
            return transport.send(method, url, sent, content=content)

    def _parts(self, base: str) -> tuple[Transport, Tokens]:
        with self._lock:
            if self._closed:
                self._cancel.check()
                raise Unavailable(f"the connection to {base} is closed")
            if base not in self._transports:
                host = base.partition("://")[2].partition("/")[0]
                transport = Transport(host, insecure=self._endpoint.insecure)
                self._transports[base] = transport
                self._tokens[base] = Tokens(transport, self._found.credentials, encrypted=base.startswith("https:"))
            return self._transports[base], self._tokens[base]


def _accept() -> dict[str, str]:
    return {"Accept": ", ".join(MANIFEST_TYPES)}


def _final(asked: challenge.Challenge, sent: str) -> bool:
    """Another try makes no sense: these very Basic credentials were refused."""
    return asked.scheme == "basic" and sent.startswith("Basic ")


def _wants_tls(response: httpx.Response) -> bool:
    """Go, nginx and OpenSSL servers answer plain HTTP on a TLS port with 400 (nginx: 497) and say so."""
    return response.status_code in (400, 497) and "Docker-Distribution-Api-Version" not in response.headers


def _range_start(header: str) -> int:
    """Where a ``Content-Range: bytes 5-9/10`` begins, -1 when it is none."""
    unit, _, rest = header.strip().partition(" ")
    start = rest.partition("-")[0]
    return int(start) if unit.lower() == "bytes" and start.isascii() and start.isdigit() and len(start) < 20 else -1
