"""HTTP as docker's clients speak it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncGenerator

import pytest

from engine.server.messages import Request
from engine.server.router import compiled
from engine.server.routes import MISSING, ROUTES
from tests.engine.server.conftest import SMALL, Client, Harbour, message, within


@pytest.fixture
async def client(harbour: Harbour) -> Client:
    return await harbour.connect()


async def test_ping_has_docker_s_headers(client: Client) -> None:
    status, headers, body = await client.ask("GET", "/_ping")
    assert (status, body) == (200, b"OK")
    assert headers["api-version"] == "1.51" and headers["ostype"] == "linux" and headers["docker-experimental"] == "false"
    assert headers["builder-version"] == "1" and headers["swarm"] == "inactive" and headers["cache-control"].startswith("no-cache")
    assert headers["content-type"] == "text/plain; charset=utf-8"
    status, headers, _ = await client.ask("HEAD", "/_ping")
    assert status == 200 and headers["content-length"] == "0" and headers["api-version"] == "1.51"


@pytest.mark.parametrize("version", ["1.24", "1.30", "1.41", "1.51"])
async def test_versions_between_are_spoken(client: Client, version: str) -> None:
    assert (await client.ask("GET", f"/v{version}/containers/json"))[0] == 200


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("1.12", "client version 1.12 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version"),
        ("1.99", "client version 1.99 is too new. Maximum supported API version is 1.51"),
    ],
)
async def test_other_versions_are_refused(client: Client, version: str, says: str) -> None:
    status, headers, body = await client.ask("GET", f"/v{version}/info")
    assert (status, message(body)) == (400, says) and headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/nix", "/v1.40/nix", "/containers", "/", "/containers//json", "/v1.40", "/images/"])
async def test_unknown_pages(client: Client, path: str) -> None:
    status, _, body = await client.ask("GET", path)
    assert (status, message(body)) == (404, "page not found")


async def test_a_wrong_method_is_an_unknown_page(client: Client) -> None:
    assert (await client.ask("DELETE", "/info"))[0] == 404


@pytest.mark.parametrize("route", MISSING, ids=lambda route: f"{route.method} {route.pattern}")
async def test_what_is_not_served_says_so(client: Client, route: object) -> None:
    method, pattern = str(getattr(route, "method")), str(getattr(route, "pattern"))  # noqa: B009
    path = pattern.replace("{id}", "web").replace("{name}", "x").replace("{name*}", "a/b").replace("{rest*}", "x/y")
    status, _, body = await client.ask("GET" if method == "*" else method, f"/v1.44{path}")
    assert status == 501 and message(body) == getattr(route, "reason")  # noqa: B009
    assert len(message(body).split()) > 3


def test_no_route_hides_another() -> None:
    """Each path that a route's own placeholders can make leads to it: a greedy name above a plain one would not."""
    for route in ROUTES:
        path = route.pattern.replace("{id}", "one").replace("{name}", "one").replace("{name*}", "host:1/a/b:tag")
        first = next(other for other in ROUTES if other.method == route.method and compiled(other.pattern).fullmatch(path))
        assert first is route, (route.pattern, first.pattern)


async def test_image_names_keep_their_slashes(client: Client, harbour: Harbour) -> None:
    harbour.engine.add_image("registry.example:5000/team/app:1")
    for spelled in ("registry.example:5000/team/app:1", "registry.example:5000%2Fteam%2Fapp%3A1"):
        status, _, body = await client.ask("GET", f"/images/{spelled}/json")
        assert status == 200 and json.loads(body)["RepoTags"] == ["registry.example:5000/team/app:1"]


async def test_errors_have_docker_s_shape(client: Client) -> None:
    status, headers, body = await client.ask("GET", "/containers/nix/json")
    assert status == 404 and headers["content-type"] == "application/json"
    assert list(json.loads(body)) == ["message"]


async def test_requests_of_one_connection_are_answered_in_order(client: Client) -> None:
    await client.send(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\nGET /nix HTTP/1.1\r\nHost: x\r\n\r\nHEAD /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await client.answer())[0] == 200
    assert (await client.answer())[0] == 404
    assert (await client.answer(head=True))[0] == 200


async def test_http_1_0(client: Client) -> None:
    await client.send(b"GET /_ping HTTP/1.0\r\n\r\n")
    text = await client.rest()
    assert text.startswith(b"HTTP/1.1 200 OK\r\n") and text.endswith(b"\r\n\r\nOK")


async def test_a_client_that_waits_for_permission_gets_it(client: Client) -> None:
    body = b'{"Image":"nix"}'
    head = f"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    await client.send(head.encode() + b"Expect: 100-continue\r\n\r\n")
    assert await within(client.reader.readuntil(b"\r\n\r\n")) == b"HTTP/1.1 100 \r\n\r\n"
    await client.send(body)
    assert (await client.answer())[0] in (201, 404)


async def test_a_chunked_body(client: Client, harbour: Harbour) -> None:
    harbour.engine.add_image("nginx:latest")
    await client.send(
        b"POST /containers/create?name=made HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'9\r\n{"Image":\r\n8\r\n"nginx"}\r\n0\r\n\r\n'
    )
    status, _, body = await client.answer()
    assert status == 201, body


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"{", "application/json", "invalid JSON"),
        (b'{"Image":"x"} trailing', "application/json", "invalid JSON"),
        (b"[]", "application/json", "must be an object"),
        (b'{"Image":"x"}', "text/plain", "unsupported Content-Type header (text/plain)"),
    ],
)
async def test_bodies_that_are_no_document(client: Client, body: bytes, kind: str, says: str) -> None:
    head = f"POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    await client.send(head.encode() + body)
    status, _, answer = await client.answer()
    assert status == 400 and says in message(answer)


class Once:
    """A body that came in one piece."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def chunks(self, seconds: float) -> AsyncGenerator[bytes, None]:
        yield self._data


async def test_halves_of_characters_in_a_body_are_replaced() -> None:
    body = Once(rb'{"half": "\ud800", "whole": "\ud83d\ude00"}')
    request = Request("POST", "/", version=(1, 51), query={}, headers={"content-type": "application/json"}, body=body, limits=SMALL)
    document = await request.document()
    assert (document.text("half"), document.text("whole")) == ("\ufffd", "\U0001f600")


async def test_bytes_of_a_command_line_that_are_no_characters_are_replaced(client: Client, harbour: Harbour) -> None:
    harbour.engine.add("bytes", "busybox", cmd=("echo", os.fsdecode(b"\xff")))
    status, _, answer = await client.ask("GET", "/containers/json")
    assert status == 200 and "echo \ufffd" in [each["Command"] for each in json.loads(answer)]


@pytest.mark.parametrize("filters", ["{", "[]", '{"name":1}', '{"name":[1]}', '"x"'])
async def test_malformed_filters(client: Client, filters: str) -> None:
    from urllib.parse import quote

    status, _, body = await client.ask("GET", f"/containers/json?filters={quote(filters)}")
    assert status == 400 and "invalid filter" in message(body)


@pytest.mark.parametrize("upgrade", [True, False], ids=["upgrade", "plain"])
async def test_both_forms_of_handing_over(harbour: Harbour, upgrade: bool) -> None:
    client = await harbour.connect()
    ask = "Connection: Upgrade\r\nUpgrade: tcp\r\n" if upgrade else ""
    # What comes in one packet with the head is input already.
    await client.send(
        f"POST /v1.41/containers/shell/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: x\r\n{ask}\r\n".encode() + b"early "
    )
    head = (await within(client.reader.readuntil(b"\r\n\r\n"))).decode()
    assert head.startswith("HTTP/1.1 101 UPGRADED\r\n" if upgrade else "HTTP/1.1 200 OK\r\n")
    assert ("Upgrade: tcp" in head) is upgrade and "Content-Type: application/vnd.docker.raw-stream" in head
    assert "Content-Length" not in head and "Transfer-Encoding" not in head
    await client.send(b"exit\n")
    text = await client.rest()
    assert text.startswith(b"/ # ")


async def test_frames_and_their_media_type(harbour: Harbour) -> None:
    for version, kind in (("1.41", "raw"), ("1.42", "multiplexed")):
        client = await harbour.connect()
        await client.send(f"POST /v{version}/containers/web/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        _, headers = await client.head()
        assert headers["content-type"] == f"application/vnd.docker.{kind}-stream"
        assert await within(client.reader.readexactly(12)) == b"\x01\0\0\0\0\0\0\x04/ # "
        await client.close()


async def test_output_waits_until_the_head_has_been_read(harbour: Harbour) -> None:
    """docker-py loses what it reads along with the head. A client that reads nothing is waited for only a moment."""
    request = b"POST /containers/web/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n"
    loop = asyncio.get_running_loop()
    for lateness, together in ((0.05, False), (1.0, True)):
        with socket.socket(socket.AF_UNIX) as client:
            client.setblocking(False)
            await loop.sock_connect(client, harbour.path)
            await loop.sock_sendall(client, request)
            await asyncio.sleep(lateness)
            data = await within(loop.sock_recv(client, 4096))
            assert data.startswith(b"HTTP/1.1 200 OK\r\n") and data.endswith(b"\r\n\r\n") is not together
            if not together:
                data += await within(loop.sock_recv(client, 4096))
            assert data.endswith(b"\r\n\r\n\x01\0\0\0\0\0\0\x04/ # ")


async def test_detach_keys_end_the_connection_and_not_the_process(harbour: Harbour) -> None:
    client = await harbour.connect()
    path = "/containers/shell/attach?stream=1&stdin=1&stdout=1&detachKeys=ctrl-a,z"
    await client.send(f"POST {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await client.head()
    await client.send(b"abc\x01")
    await client.send(b"z")
    await client.rest()
    (session,) = harbour.engine.containers.sessions
    assert session.closed and session.written == b"abc"
    bad = await harbour.connect()
    status, _, body = await bad.ask("POST", "/containers/shell/attach?stream=1&detachKeys=ctrl-")
    assert status == 400 and "Unknown character" in message(body)


async def test_a_size_goes_through_whoever_is_attached(harbour: Harbour) -> None:
    client = await harbour.connect()
    await client.send(b"POST /containers/shell/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    await client.head()
    other = await harbour.connect()
    assert (await other.ask("POST", "/containers/shell/resize?h=33&w=111"))[0] == 200
    (session,) = harbour.engine.containers.sessions
    assert session.sizes == [(111, 33)]
    await client.close()
