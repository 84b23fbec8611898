"""How the docker backend reaches engines: addresses, contexts, sockets, TCP, ssh, and what goes wrong there."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest

from engine.backends.docker import addresses, api, contexts, ssh_words
from engine.backends.docker.engine import open_engine
from engine.errors import (
    CorruptData,
    InvalidArgument,
    LongshoreError,
    NotFound,
    NotSupported,
    Unavailable,
)
from engine.model.containers import ContainerConfig, HostConfig
from engine.model.events import EventQuery
from engine.model.streams import StreamName

Answers = dict[str, bytes]
Serve = Callable[[Answers], Awaitable[str]]


def answer(body: object, status: str = "200 OK", headers: str = "Api-Version: 1.41\r\n") -> bytes:
    """An HTTP answer that ends its connection."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {len(data)}\r\n\r\n".encode() + data


PING = answer(b"OK")


class FakeEngine:
    """Answers requests by their first line and notes them; a raw stream echoes what it gets until the half-close."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line = head.partition("\r\n")[0].removesuffix(" HTTP/1.1")
            self.asked.append(line)
            length = next((int(text[15:]) for text in head.lower().split("\r\n") if text.startswith("content-length:")), 0)
            await reader.readexactly(length)
            found = next((data for part, data in self.answers.items() if line.startswith(part)), answer({"message": line}, "404 Not Found"))
            writer.write(found)
            if b"101 UPGRADED" in found:
                while data := await reader.read(65536):
                    writer.write(b"\x01\0\0\0" + len(data).to_bytes(4, "big") + data)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncGenerator[tuple[FakeEngine, str], None]:
    engine = FakeEngine({"GET /_ping": PING})
    path = str(tmp_path / "engine.sock")
    server = await asyncio.start_unix_server(engine.serve, path)
    yield engine, path
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("unix:///run/x.sock", ("unix", "/run/x.sock", "", 0, "", False)),
        ("tcp://host", ("tcp", "", "host", 2375, "", False)),
        ("tcp://[::1]:99", ("tcp", "", "::1", 99, "", False)),
        ("https://host", ("tcp", "", "host", 2376, "", True)),
        ("ssh://me@host:22", ("ssh", "", "host", 22, "me", False)),
        ("ssh://host/run/other.sock", ("ssh", "/run/other.sock", "host", 0, "", False)),
        ("ssh://a%2Bb@Prod-1", ("ssh", "", "Prod-1", 0, "a+b", False)),
        ("ssh://me@[fe80::1]:22", ("ssh", "", "fe80::1", 22, "me", False)),
    ],
)
def test_addresses(url: str, expected: tuple[str, str, str, int, str, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_TLS_VERIFY", raising=False)
    found = addresses.parse(url)
    assert (found.scheme, found.path, found.host, found.port, found.user, found.tls) == expected


@pytest.mark.parametrize(
    "url",
    [
        "unix://",
        "tcp://",
        "ftp://x",
        "unix://relative",
        "ssh://-oProxyCommand=x",
        "ssh://u:p@host",
        "tcp://u:p@host",
        "ssh://-l@host",
        "ssh://@host",
        "ssh://%2doX=y@host",
        "ssh://h$(id)",
        "ssh://`id`@host",
        "ssh://a%20b@host",
        "ssh://u%0ax@host",
        "ssh://host/x?y",
        "tcp://x:port",
        "://",
    ],
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(InvalidArgument, match="unable to parse docker host"):
        addresses.parse(url)


def test_tls_comes_from_dockers_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    found = addresses.parse("tcp://host")
    assert (found.tls, found.port, found.ca, found.certificate) == (True, 2376, str(tmp_path / "ca.pem"), "")


def test_what_is_said_to_ssh_can_not_be_bent() -> None:
    address = addresses.parse("ssh://me@Host:2222/run/a b;c.sock")
    assert ssh_words.destination(address) == ["-l", "me", "-p", "2222", "--", "Host"], "patterns of ssh's configuration tell cases apart"
    socket, program = ssh_words.routes(address, ())
    assert socket.socket == "/run/a b;c.sock"
    assert ssh_words.dial_command(program.program) == "docker --host 'unix:///run/a b;c.sock' system dial-stdio"
    assert "'" not in ssh_words._PROBE and "!" not in ssh_words._PROBE and "\n" not in ssh_words._PROBE


def test_what_ssh_is_told_beyond_the_persons_configuration() -> None:
    silent = ssh_words.parse_settings("controlmaster false\nserveraliveinterval 0\nconnecttimeout none\n")
    assert ssh_words.options(silent)[2:] == [
        *("-o", "ConnectTimeout=30"), *("-o", "ServerAliveInterval=15"), *("-o", "ServerAliveCountMax=3"),
    ]  # fmt: skip
    spoken = ssh_words.parse_settings("controlmaster auto\ncontrolpath /x/%C\nserveraliveinterval 5\nconnecttimeout 3\n")
    assert ssh_words.options(spoken) == ["-o", "BatchMode=yes"]
    assert ssh_words.shares_connections(spoken) and not ssh_words.shares_connections(silent)


def test_only_engines_are_taken_from_the_far_side() -> None:
    address = addresses.parse("ssh://host")
    lines = ["Welcome!", "socket /run/x.sock", "socket ../x", "program docker", "program rm", "program longshore"]
    assert [route.name for route in ssh_words.routes(address, lines)] == ["/run/x.sock", "docker", "longshore"]
    assert [route.name for route in ssh_words.routes(address, ())] == ["docker"]


@pytest.mark.parametrize(
    ("said", "words", "hint"),
    [
        ("x\nHost key verification failed.", "does not know the host's key", "`ssh -l me h` shows its fingerprint"),
        (
            "@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
            "not the one that ssh knows",
            "-R h",
        ),
        ("me@h: Permission denied (publickey).", r"ssh: me@h: Permission denied \(publickey\)", "without a password"),
        ("ssh: connect to host h port 22: Connection refused", "Connection refused", "does `ssh -l me h` work"),
        ("", "without a word", "does"),
    ],
)
def test_what_ssh_says_is_told_with_what_to_do(said: str, words: str, hint: str) -> None:
    error = ssh_words.failure(addresses.parse("ssh://me@h"), said)
    with pytest.raises(Unavailable, match="cannot connect to the Docker daemon at ssh://me@h: .*" + words):
        raise error
    assert hint in error.hint


def test_contexts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_TLS_VERIFY", raising=False)
    for name, host in (("remote", "tcp://far:1234"), ("local", "unix:///x.sock"), ("empty", None)):
        digest = hashlib.sha256(name.encode()).hexdigest()
        meta = tmp_path / "contexts" / "meta" / digest
        meta.mkdir(parents=True)
        endpoints = {"docker": {"Host": host, "SkipTLSVerify": True}} if host else {}
        (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": endpoints}))
    certificates = tmp_path / "contexts" / "tls" / hashlib.sha256(b"remote").hexdigest() / "docker"
    certificates.mkdir(parents=True)
    (certificates / "ca.pem").write_text("")
    assert contexts.names() == ["default", "empty", "local", "remote"]
    remote = contexts.load("remote")
    assert (remote.host, remote.port, remote.tls, remote.verify, remote.ca) == ("far", 1234, True, False, str(certificates / "ca.pem"))
    assert contexts.load("local").path == "/x.sock"
    assert contexts.load("default").path == "/var/run/docker.sock"
    with pytest.raises(NotFound, match='context "nowhere" does not exist'):
        open_engine("nowhere")
    with pytest.raises(InvalidArgument, match="no docker endpoint"):
        open_engine("empty")


@pytest.mark.parametrize(("server", "spoken"), [("1.41", "1.41"), ("1.99", "1.51"), ("1.24", "1.24"), (None, "1.24")])
async def test_the_newest_version_that_both_know_is_spoken(fake: tuple[FakeEngine, str], server: str | None, spoken: str) -> None:
    engine, path = fake
    engine.answers = {"GET /_ping": answer(b"OK", headers=f"Api-Version: {server}\r\n" if server else ""), "GET /v": answer([])}
    docker = open_engine(f"unix://{path}")
    assert list(await docker.containers.list()) == []
    await docker.close()
    assert engine.asked == ["GET /_ping", f"GET /v{spoken}/containers/json"]


async def test_an_engine_that_is_too_old(fake: tuple[FakeEngine, str]) -> None:
    fake[0].answers = {"GET /_ping": answer(b"OK", headers="Api-Version: 1.12\r\n")}
    docker = open_engine(f"unix://{fake[1]}")
    with pytest.raises(NotSupported, match=r"speaks API 1\.12"):
        await docker.system.ping()
    await docker.close()


async def test_nobody_answers(tmp_path: Path) -> None:
    for url in (f"unix://{tmp_path}/none.sock", "tcp://127.0.0.1:1"):
        docker = open_engine(url)
        for question in (docker.system.ping(), docker.containers.attach("x")):
            with pytest.raises(Unavailable, match="cannot connect to the Docker daemon at " + url):
                await question
        await docker.close()


async def test_errors_have_the_engines_words(fake: tuple[FakeEngine, str]) -> None:
    engine, path = fake
    engine.answers["GET /v1.41/containers/json"] = answer({"message": "invalid filter 'x'"}, "400 Bad Request")
    engine.answers["GET /v1.41/info"] = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    engine.answers["GET /v1.41/version"] = answer(b"no json")
    engine.answers["GET /v1.41/images"] = b"not HTTP at all\r\n\r\n"
    docker = open_engine(f"unix://{path}")
    questions: list[tuple[Awaitable[object], type[LongshoreError], str]] = [
        (docker.containers.list(), InvalidArgument, "invalid filter 'x'"),
        (docker.system.info(), Unavailable, "broke"),
        (docker.system.version(), CorruptData, "not JSON"),
        (docker.images.list(), Unavailable, "broke"),
        (docker.containers.inspect("a/../b?x"), NotFound, "a%2F..%2Fb%3Fx/json"),
        (docker.containers.inspect(""), InvalidArgument, "invalid container name"),
        (docker.volumes.inspect(".."), InvalidArgument, "invalid volume name"),
    ]
    for question, kind, words in questions:
        with pytest.raises(kind, match=words):
            await question
    await docker.close()


async def test_what_a_hostile_engine_answers_is_bounded(fake: tuple[FakeEngine, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "ANSWER_LIMIT", 1 << 20)
    engine, path = fake
    engine.answers["GET /_ping"] = answer(b"OK", headers=f"Api-Version: {'9' * 5000}.1\r\n")
    bomb = gzip.compress(b" " * (8 << 20))
    engine.answers["GET /v1.24/info"] = answer(bomb, headers="Content-Encoding: gzip\r\n")
    engine.answers["GET /v1.24/version"] = answer(b" " * (2 << 20), "500 Internal Server Error")
    docker = open_engine(f"unix://{path}")
    for question in (docker.system.info(), docker.system.version()):
        with pytest.raises(CorruptData, match="longer than"):
            await question
    engine.answers["GET /_ping"] = answer(b" " * (2 << 20))
    await docker.close()
    docker = open_engine(f"unix://{path}")
    with pytest.raises(CorruptData, match="longer than"):
        await docker.system.ping()
    await docker.close()


async def test_a_raw_stream_in_both_directions(fake: tuple[FakeEngine, str]) -> None:
    engine, path = fake
    engine.answers["GET /v1.41/containers/c/json"] = answer({"Id": "c", "Config": {"OpenStdin": True}})
    engine.answers["POST /v1.41/containers/c/wait"] = answer({"StatusCode": 7})
    engine.answers["POST /v1.41/containers/c/attach"] = b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n\x02\0\0\0\0\0\0\x03err"
    docker = open_engine(f"unix://{path}")
    session = await docker.containers.attach("c", stdin=True)
    await session.write(b"echo me")
    await session.close_input()
    found = {StreamName.STDOUT: b"", StreamName.STDERR: b""}
    while output := await session.read():
        found[output.stream] += output.data
    assert found == {StreamName.STDOUT: b"echo me", StreamName.STDERR: b"err"}
    assert await session.exit_code() == 7
    await session.write(b"too late")
    await session.close()
    await docker.close()


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (answer({"message": "can not"}, "409 Conflict"), LongshoreError, "can not"),
        (
            b"HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n" + b'{"message":"cut"}' + b"\r\n0\r\n\r\n",
            LongshoreError,
            "cut",
        ),
        (b"", Unavailable, "without an answer"),
        (b"nonsense\r\n\r\n", CorruptData, "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, CorruptData, "too long"),
        (b"HTTP/1.1 " + b"9" * 5000 + b" OK\r\n\r\n", CorruptData, "not HTTP"),
        (b"HTTP/1.1 409 Conflict\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{", LongshoreError, "POST .* failed"),
        (b"HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\ncut", LongshoreError, "POST .* failed"),
        (b"HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 200_000, LongshoreError, "POST .* failed"),
    ],
    ids=("refused", "chunked", "silent", "nonsense", "long-head", "long-status", "long-length", "cut-off", "long-chunk"),
)
async def test_a_raw_stream_that_is_refused(fake: tuple[FakeEngine, str], data: bytes, kind: type[LongshoreError], words: str) -> None:
    engine, path = fake
    engine.answers["GET /v1.41/containers/c/json"] = answer({"Id": "c"})
    engine.answers["POST /v1.41/containers/c/wait"] = answer({"StatusCode": 0})
    engine.answers["POST /v1.41/containers/c/attach"] = data
    docker = open_engine(f"unix://{path}")
    with pytest.raises(kind, match=words):
        await docker.containers.attach("c")
    await docker.close()


async def test_a_stream_is_given_up_when_its_reader_leaves(fake: tuple[FakeEngine, str]) -> None:
    engine, path = fake
    event = json.dumps({"Type": "container", "Action": "start", "Actor": {"ID": "c"}, "timeNano": 5}).encode() + b"\n"
    engine.answers["GET /v1.41/events"] = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + event
    docker = open_engine(f"unix://{path}")
    events = docker.system.events(EventQuery())
    assert (await anext(events)).id == "c"
    await events.aclose()
    await docker.close()


async def test_over_tcp(fake: tuple[FakeEngine, str]) -> None:
    engine, _ = fake
    engine.answers["GET /v1.41/info"] = answer({"Name": "far"})
    engine.answers["POST /v1.41/containers/create"] = answer({"Id": "made"}, "201 Created")
    server = await asyncio.start_server(engine.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    docker = open_engine(f"tcp://127.0.0.1:{port}")
    assert (await docker.system.info()).name == "far"
    assert (await docker.containers.create(ContainerConfig(image="x"), HostConfig(), name="n")).id == "made"
    await docker.close()
    server.close()
    await server.wait_closed()
    assert engine.asked[-1] == "POST /v1.41/containers/create?name=n"


async def test_what_an_old_engine_would_pass_over_is_refused(fake: tuple[FakeEngine, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_API_VERSION", "1.24")
    docker = open_engine(f"unix://{fake[1]}")
    with pytest.raises(NotSupported, match=r"--rm\) requires API version 1\.25, but the Docker daemon API version is 1\.24"):
        await docker.containers.create(ContainerConfig(image="x"), HostConfig(auto_remove=True))
    with pytest.raises(NotSupported, match=r'"--platform" requires API version 1\.32'):
        await anext(docker.images.pull("x", platform="linux/arm64"))
    await docker.close()
    monkeypatch.setenv("DOCKER_API_VERSION", "9.9")
    docker = open_engine(f"unix://{fake[1]}")
    with pytest.raises(NotSupported, match=r"DOCKER_API_VERSION is '9\.9'"):
        await docker.system.ping()
    await docker.close()


async def test_old_engines_are_waited_for_by_their_events(fake: tuple[FakeEngine, str]) -> None:
    """Their answer to a wait begins when the container has ended: who starts it only then would wait for ever."""
    engine, path = fake
    engine.answers["GET /_ping"] = answer(b"OK", headers="Api-Version: 1.29\r\n")
    engine.answers["GET /v1.29/containers/c/json"] = answer({"Id": "c", "State": {"Status": "created"}})
    died = {"Type": "container", "Action": "die", "Actor": {"ID": "c", "Attributes": {"exitCode": "3"}}, "timeNano": 5}
    gone = {**died, "Action": "destroy", "Actor": {"ID": "c"}}
    engine.answers["GET /v1.29/events"] = answer(json.dumps(died).encode() + b"\n" + json.dumps(gone).encode() + b"\n")
    docker = open_engine(f"unix://{path}")
    for condition in ("next-exit", "removed"):
        told: list[str] = []
        assert (await docker.containers.wait("c", condition=condition, listening=lambda: told.append("now"))).exit_code == 3  # noqa: B023
        assert told == ["now"]
    engine.answers["POST /v1.29/containers/c/wait"] = answer({"StatusCode": 4})
    assert (await docker.containers.wait("c")).exit_code == 4
    await docker.close()
