"""The push side of the distribution protocol (OCI distribution-spec 1.1, "Push"): blobs whole or in parts, mounts, manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from engine.errors import CorruptData, Forbidden, NotFound, Unauthorized, Unavailable
from engine.model import digest as digests
from engine.model.value import Value
from engine.registry.client import Content, RegistryClient

if TYPE_CHECKING:
    import httpx

_TOO_LARGE = 413
_NO_PARTS = (400, 404, 405, _TOO_LARGE, 416, 501)
"""How registries say that they do not take this part: it is none that they expect, or they take blobs whole only."""


class Upload(Value):
    """A blob's upload that a registry has begun.

    Attributes:
        location: where the next request goes.
        offset: bytes that the registry has.
        least: the smallest part but the last that it takes (``OCI-Chunk-Min-Length``), 0 when it does not say.
    """

    location: str
    offset: int = 0
    least: int = 0


class Uploads:
    """Brings blobs and manifests to the repository of a client that may push. Safe for threads; raises as the client does."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client

    def ping(self) -> None:
        """See that the registry answers, and takes the credentials, before anything is sent."""
        self._client.request("GET", "/v2/", {}).close()

    def has(self, digest: str) -> bool:
        """The repository has the blob."""
        try:
            self._client.request("HEAD", f"blobs/{digests.check(digest)}", {}).close()
        except NotFound:
            return False
        return True

    def begin(self, digest: str, mount: str = "") -> Upload | None:
        """Begin to send a blob; ``None`` when the registry took it over from its repository ``mount``.

        Raises:
            Unavailable: the registry names no usable address.
        """
        query = f"?{urlencode({'mount': digest, 'from': mount})}" if mount else ""
        try:
            response = self._client.request("POST", f"blobs/uploads/{query}", {"Content-Length": "0"})
        except (Unauthorized, Forbidden, NotFound):
            if not mount:
                raise
            return self.begin(digest)  # the other repository is not ours to take from
        response.close()
        if mount and response.status_code == 201:
            return None
        return Upload(location=self._location(response), least=_number(response.headers.get("OCI-Chunk-Min-Length", "")))

    def send(self, upload: Upload, digest: str, size: int, content: Content) -> bool:
        """Send a whole blob of ``size`` bytes; ``False`` when the registry does not take so much at once."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        response = self._client.request("PUT", _with_digest(upload.location, digest), headers, content, answers=(_TOO_LARGE,))
        response.close()
        return response.status_code != _TOO_LARGE

    def part(self, upload: Upload, size: int, content: Content) -> Upload | None:
        """Send the next ``size`` bytes of a blob; ``None`` when the registry does not take this part.

        A part is never sent twice by itself: after trouble :meth:`ask` how much of it arrived.
        """
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size),
            "Content-Range": f"{upload.offset}-{upload.offset + size - 1}",
        }
        response = self._client.request("PATCH", upload.location, headers, content, answers=_NO_PARTS)
        response.close()
        if not response.is_success:
            return None
        end = upload.offset + size
        return upload.replace(location=self._location(response), offset=_stored(response, end) or end)

    def ask(self, upload: Upload) -> Upload | None:
        """How far an upload is; ``None`` when the registry knows nothing of it any more."""
        response = self._client.request("GET", upload.location, {}, answers=_NO_PARTS)
        response.close()
        if not response.is_success:
            return None
        location = self._location(response) if response.headers.get("Location") else upload.location
        return upload.replace(location=location, offset=_stored(response, 1 << 63))

    def finish(self, upload: Upload, digest: str) -> None:
        """Close an upload whose parts are all there: the registry compares the digest."""
        self._client.request("PUT", _with_digest(upload.location, digest), {"Content-Length": "0"}).close()

    def manifest(self, identifier: str, data: bytes, media_type: str) -> None:
        """Give the repository a manifest or index, under a tag or its digest.

        Raises:
            CorruptData: the registry has stored something else.
        """
        headers = {"Content-Type": media_type, "Content-Length": str(len(data))}
        response = self._client.request("PUT", f"manifests/{identifier}", headers, lambda: (data,))
        response.close()
        said = str(response.headers.get("Docker-Content-Digest", ""))
        if digests.valid(said) and said.startswith("sha256:") and said != digests.of(data):
            raise CorruptData(f"the registry has stored the manifest as {said} instead of {digests.of(data)}")

    def _location(self, response: httpx.Response) -> str:
        """The address of an upload: below the registry where it is its own, else in full."""
        import httpx

        base = httpx.URL(self._client.url)
        try:
            target = response.url.join(response.headers.get("Location", ""))
        except httpx.InvalidURL:
            target = httpx.URL("")
        if not response.headers.get("Location") or target.scheme not in ("http", "https") or not target.host:
            raise Unavailable(f'"{base}" names no valid address to send blobs to')
        if (target.scheme, target.host, target.port) == (base.scheme, base.host, base.port):
            return target.raw_path.decode("ascii")
        if base.scheme == "https" and target.scheme == "http":
            raise Unavailable(f'"{base}" wants blobs to be sent to plain HTTP at {target.host}, which is not allowed')
        return str(target)


def _with_digest(location: str, digest: str) -> str:
    import httpx

    return str(httpx.URL(location).copy_merge_params({"digest": digest}))


def _stored(response: httpx.Response, most: int) -> int:
    """How many bytes ``Range: 0-9`` stands for, not more than ``most``; 0 when it says none, or 0-0, which is docker's way to say so."""
    first, _, last = response.headers.get("Range", "").strip().removeprefix("bytes=").partition("-")
    end = _number(last)
    return min(end + 1, most) if first == "0" and end else 0


def _number(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
