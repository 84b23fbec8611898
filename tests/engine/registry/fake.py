"""A registry in this process that can be told to misbehave, and that remembers what it was asked.

The behaviours a real registry never shows on demand: rate limits, lost connections, wrong bytes, redirects, challenges.
"""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.images import Packed

CERTIFICATE = os.path.join(os.path.dirname(__file__), "loopback.pem")
"""Key and self-signed certificate for 127.0.0.1 and localhost, good for a century and for nothing else."""


@dataclass(frozen=True)
class Asked:
    """One request. ``host`` is what its Host header says."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def authorization(self) -> str:
        return self.headers.get("Authorization", "")


@dataclass
class Answer:
    """What is sent back. With ``cut`` only so many bytes of the body, then the connection is closed."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = -1
    stall: threading.Event | None = None


Rule = Callable[[Asked], Answer | None]


def error(status: int, code: str, message: str, **headers: str) -> Answer:
    """The distribution-spec's error document."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Answer(status, body, {"Content-Type": "application/json", **headers})


class FakeRegistry:
    """Repositories in memory behind a list of rules; the first rule that answers wins."""

    def __init__(self, scheme: str, port: int) -> None:
        self.host = f"127.0.0.1:{port}"
        self.url = f"{scheme}://{self.host}"
        self.rules: list[Rule] = []
        self.asked: list[Asked] = []
        self.manifests: dict[str, tuple[bytes, str]] = {}
        self.blobs: dict[str, bytes] = {}
        self.ranges = True

    def add(self, name: str, image: Packed) -> str:
        """Offer an image as ``repository:tag``; the manifest's digest comes back."""
        repository, _, tag = name.partition(":")
        for identifier in (tag, image.digest):
            self.manifests[f"/v2/{repository}/manifests/{identifier}"] = (image.manifest, image.media_type)
        for digest, data in image.blobs.items():
            self.blobs[f"/v2/{repository}/blobs/{digest}"] = data
        return image.digest

    def paths(self, method: str = "GET") -> list[str]:
        """What was asked for, in order."""
        return [each.path for each in self.asked if each.method == method]

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        for rule in self.rules:
            if (answer := rule(asked)) is not None:
                return answer
        if found := self.manifests.get(asked.path):
            from tests.support.images import digest

            data, media_type = found
            return Answer(200, data, {"Content-Type": media_type, "Docker-Content-Digest": digest(data)})
        if (blob := self.blobs.get(asked.path)) is not None:
            return self.blob(asked, blob)
        return error(404, "MANIFEST_UNKNOWN" if "/manifests/" in asked.path else "BLOB_UNKNOWN", "unknown to registry")

    def blob(self, asked: Asked, data: bytes) -> Answer:
        """A blob, or the rest of it that a Range asks for."""
        wanted = asked.headers.get("Range", "")
        if not wanted or not self.ranges:
            return Answer(200, data)
        start = int(wanted.removeprefix("bytes=").partition("-")[0])
        return Answer(206, data[start:], {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    registry: FakeRegistry

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away, or speak the wrong protocol, are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length", "0"))
        asked = Asked(self.command, parts.path, parse_qs(parts.query), dict(self.headers.items()), self.rfile.read(length))
        answer = self.server.registry.answer(asked)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(answer.body if answer.cut < 0 else answer.body[: answer.cut])
        if answer.stall is not None:
            self.wfile.flush()
            answer.stall.wait(30)
        if answer.cut >= 0:
            self.close_connection = True

    do_HEAD = do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815  the base class's names

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextlib.contextmanager
def fake_registry(*, tls: bool = False) -> Iterator[FakeRegistry]:
    """A running fake on a free loopback port."""
    server = _Server(("127.0.0.1", 0), _Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.registry = FakeRegistry("https" if tls else "http", server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
