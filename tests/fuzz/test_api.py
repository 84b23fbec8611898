"""Whatever a client of ``longshore serve`` sends: an answer or an error of ours, and the next client is served."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dockerapi import auth, files, filters, networks, requests, volumes
from engine.dockerapi.create import encode_create
from engine.dockerapi.document import Document
from engine.errors import LongshoreError
from engine.model.containers import ContainerConfig, ExecConfig, HostConfig
from engine.model.keys import Detacher, parse_keys
from engine.server import connection, listeners
from engine.server.limits import Limits
from engine.server.listeners import Listener
from engine.server.service import Service
from engine.server.serving import Server
from tests.tui.fake import FakeEngine

fuzz = settings(deadline=None, derandomize=True, database=None, max_examples=200)
LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=20)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=12
)

FIELDS = [
    *json.loads(encode_create(ContainerConfig(image="x", cmd=("x",)), HostConfig(privileged=True))),
    *("HostConfig", "NetworkingConfig", "Env", "Labels", "ExposedPorts", "Volumes", "Healthcheck", "Entrypoint", "StopTimeout"),
]
HOST_FIELDS = [
    *("Binds", "Mounts", "PortBindings", "RestartPolicy", "LogConfig", "Links", "DeviceRequests", "Memory", "Ulimits", "Devices", "Tmpfs"),
    *("BlkioWeightDevice", "VolumesFrom", "NetworkMode", "Runtime", "MemorySwappiness", "StorageOpt", "PidsLimit", "SecurityOpt"),
]
BODIES = st.dictionaries(
    st.sampled_from(FIELDS), ANYTHING | st.fixed_dictionaries({}, optional=dict.fromkeys(HOST_FIELDS, ANYTHING)), max_size=8
)


@fuzz
@given(BODIES)
def test_bodies_of_create(body: dict[str, Any]) -> None:
    try:
        asked = requests.decode_create(Document(body))
    except LongshoreError:
        return
    assert isinstance(asked.config.image, str)


@fuzz
@given(ANYTHING)
def test_other_bodies(body: Any) -> None:
    document = Document(body)
    for decode in (requests.decode_exec, requests.decode_update, networks.decode_create, networks.decode_connect, volumes.decode_create):
        try:
            decode(document)
        except LongshoreError:
            continue
    requests.decode_exec_start(document, ExecConfig(cmd=("x",)))
    files.instructions(document)
    auth.decode(document)
    assert auth.registry_of(document)


@fuzz
@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda data: data.decode("latin-1")))
def test_headers_and_parameters(text: str) -> None:
    auth.decode_header(text)
    for decode in (filters.decode, parse_keys):
        try:
            decode(text)
        except LongshoreError:
            continue


@fuzz
@given(st.lists(st.binary(max_size=12), max_size=8), st.binary(min_size=1, max_size=3))
def test_detach_keys_lose_and_invent_nothing(pieces: list[bytes], keys: bytes) -> None:
    detacher = Detacher(keys)
    sent = b""
    for index, piece in enumerate(pieces):
        data, left = detacher.feed(piece)
        sent += data
        if left:
            given_so_far = b"".join(pieces[: index + 1])
            assert given_so_far.startswith(sent + keys) or keys in given_so_far
            return
    typed = b"".join(pieces)
    assert typed.startswith(sent) and len(typed) - len(sent) < len(keys)


HEADS = st.sampled_from([b"GET", b"POST", b"HEAD", b"DELETE", b"PUT", b"\xff"])
PATHS = st.sampled_from(
    [
        *(b"/_ping", b"/info", b"/v1.41/containers/json", b"/containers/web/json", b"/containers/web/attach?stream=1&stdout=1", b"/%zz"),
        *(b"/containers/web/exec", b"/images/a%2Fb/json", b"/v9.9/x", b"//", b"/exec/x/start", b"/containers/create", b"/auth", b"*"),
    ]
)
HEADERS = st.lists(
    st.sampled_from(
        [
            *(b"Host: x", b"Content-Length: 4", b"Content-Length: -1", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip"),
            *(b"Connection: Upgrade", b"Upgrade: tcp", b"Expect: 100-continue", b"Content-Type: application/json", b"Connection: close"),
            *(b"X: " + b"y" * 9000, b"bad header", b": empty", b"X-Registry-Auth: %%%"),
        ]
    ),
    max_size=5,
)
STREAMS = st.builds(
    lambda head, path, headers, body: b"\r\n".join((b" ".join((head, path, b"HTTP/1.1")), *headers, b"", body)),
    HEADS,
    PATHS,
    HEADERS,
    st.binary(max_size=40) | st.just(b'{"Cmd":["x"]}') | st.just(b"4\r\nabcd\r\n0\r\n\r\n"),
)


@settings(fuzz, max_examples=80)
@given(st.lists(STREAMS | st.binary(max_size=200), min_size=1, max_size=3), st.booleans())
def test_streams_of_bytes(streams: list[bytes], leaves: bool) -> None:
    with mock.patch.object(connection, "_LINGER", 0.05):
        asyncio.run(_bombard(streams, leaves))


async def _bombard(streams: list[bytes], leaves: bool) -> None:
    engine = FakeEngine()
    engine.add("web", "nginx")
    limits = Limits(head_bytes=4096)
    server = Server(Service(engine), limits=limits)
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/s"
        await server.start([Listener(listeners.unix(path))])
        try:
            for stream in streams:
                reader, writer = await asyncio.open_unix_connection(path)
                try:
                    writer.write(stream)
                    if not leaves:
                        writer.write_eof()
                        async with asyncio.timeout(60):
                            answer = await _rest(reader)
                        assert not answer or answer.startswith(b"HTTP/1.1 "), answer[:100]
                        assert b" 500 " not in answer[:20], answer
                finally:
                    await _close(writer)
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            async with asyncio.timeout(60):
                assert (await reader.read()).endswith(b"OK")
            await _close(writer)
        finally:
            await server.close()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


def test_the_bombardment_would_notice(capsys: pytest.CaptureFixture[str]) -> None:
    engine = FakeEngine()
    engine.system.info = None  # type: ignore[method-assign,assignment]
    original, globals()["FakeEngine"] = FakeEngine, lambda: engine
    try:
        with pytest.raises(AssertionError, match="500"):
            asyncio.run(_bombard([b"GET /info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"], False))
    finally:
        globals()["FakeEngine"] = original
    assert "defect" in capsys.readouterr().err
