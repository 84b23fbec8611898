"""The push side of the distribution protocol (OCI distribution-spec 1.1, "Push"): blobs in one piece, mounts, manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from engine.errors import CorruptData, Forbidden, NotFound, Unauthorized, Unavailable
from engine.model import digest as digests
from engine.registry.client import Content, RegistryClient

if TYPE_CHECKING:
    import httpx


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

    def begin(self, digest: str, mount: str = "") -> str:
        """Where to :meth:`send` a blob; ``""`` when the registry took it over from its repository ``mount``.

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
        return "" if mount and response.status_code == 201 else self._location(response, digest)

    def send(self, location: str, digest: str, size: int, content: Content) -> None:
        """Send a whole blob of ``size`` bytes to where :meth:`begin` said."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        self._client.request("PUT", location, headers, content).close()

    def manifest(self, tag: str, data: bytes, media_type: str) -> None:
        """Give the repository a manifest, under a tag.

        Raises:
            CorruptData: the registry has stored something else.
        """
        headers = {"Content-Type": media_type, "Content-Length": str(len(data))}
        response = self._client.request("PUT", f"manifests/{tag}", headers, lambda: (data,))
        response.close()
        said = str(response.headers.get("Docker-Content-Digest", ""))
        if digests.valid(said) and said.startswith("sha256:") and said != digests.of(data):
            raise CorruptData(f"the registry has stored the manifest as {said} instead of {digests.of(data)}")

    def _location(self, response: httpx.Response, digest: str) -> str:
        """The address of an upload with the digest added: below the registry where it is its own, else in full."""
        import httpx

        base = httpx.URL(self._client.url)
        try:
            target = response.url.join(response.headers.get("Location", "")).copy_merge_params({"digest": digest})
        except httpx.InvalidURL:
            target = httpx.URL("")
        if not response.headers.get("Location") or target.scheme not in ("http", "https") or not target.host:
            raise Unavailable(f'"{base}" names no valid address to send blobs to')
        if (target.scheme, target.host, target.port) == (base.scheme, base.host, base.port):
            return target.raw_path.decode("ascii")
        if base.scheme == "https" and target.scheme == "http":
            raise Unavailable(f'"{base}" wants blobs to be sent to plain HTTP at {target.host}, which is not allowed')
        return str(target)
