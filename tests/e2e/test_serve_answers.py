"""Every answer with a body has the shape that the public description of its version gives it; statuses are those that clients look for."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.support import description
from tests.support.description import Answer
from tests.support.registry import Registry
from tests.support.server import running_server, said
from tests.support.shapes import ANSWERS, mismatches
from tests.support.stateroot import StateRoot, state_root
from tests.support.wait import until

VERSIONS = (24, 30, 41, 43, 44, 45, 47, 48, 49, 50, 51)


class Asker:
    """Asks with plain HTTP in one version of the API, and checks every answer that has a shape."""

    def __init__(self, path: str, minor: int) -> None:
        self._path = path
        self.minor = minor
        self.seen: set[str] = set()
        self.answers: list[Answer] = []

    def __call__(self, method: str, route: str, status: int, query: str = "", body: Any = None, **place: str) -> Any:
        """The answer's document, a list of them for a stream."""
        found, kind, data = self.ask(method, route, query, body, **place)
        assert found == status, f"{method} {route}: {found}: {data.decode()}"
        if kind != "application/json" or not data:
            assert status in (200, 201, 204, 304) or method == "HEAD", data
            return data
        request = f"{method} {route}"
        streams = status == 200 and request in ("GET /events", "POST /images/create")
        document = [json.loads(line) for line in data.splitlines()] if streams else json.loads(data)
        shapes = [
            answer.shape
            for answer in ANSWERS
            if answer.request in (request, "ERROR") and answer.status == status and answer.oldest <= self.minor <= answer.newest
        ]
        assert len(shapes) == 1, f"{request} {status} has {len(shapes)} shapes in 1.{self.minor}"
        assert mismatches(document, shapes[0], request) == []
        self.seen.add(request if status < 300 else "ERROR")
        return document

    def ask(self, method: str, route: str, query: str = "", body: Any = None, **place: str) -> tuple[int, str, bytes]:
        """Status, media type and body of an answer, which is kept."""
        path = route
        for name, value in place.items():
            path = path.replace(f"{{{name}}}", quote(value, safe="/:"))
        connection = http.client.HTTPConnection("docker", timeout=60)
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.settimeout(60)
            connection.sock.connect(self._path)
            sent = None if body is None else json.dumps(body).encode()
            connection.request(method, f"/v1.{self.minor}{path}?{query}", sent, {"Content-Type": "application/json"} if sent else {})
            answer = connection.getresponse()
            data, kind = answer.read(), answer.headers.get("Content-Type", "")
            self.answers.append(Answer(self.minor, method, path, answer.status, kind, data))
            return answer.status, kind, data
        finally:
            connection.close()


@pytest.fixture(scope="module")
def served(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StateRoot, str]]:
    with state_root(str(tmp_path_factory.mktemp("answers") / "m"), registry.host, ["busybox"]) as root, running_server(root) as url:
        yield root, url.removeprefix("unix://")


@pytest.mark.parametrize("minor", VERSIONS)
def test_answers(served: tuple[StateRoot, str], minor: int) -> None:
    ask = Asker(served[1], minor)
    try:
        everything(ask)
    finally:
        served[0].clean()
    described = {answer.request for answer in ANSWERS if answer.oldest <= minor <= answer.newest}
    assert described - ask.seen == set(), "answers that were not looked at"
    if minor in description.kept() and (oracle := description.described(minor)):
        strange = {place for answer in ask.answers for place in oracle.strange(answer)}
        assert sorted(place for place in strange if not any(re.fullmatch(pattern, place) for pattern in description.EXTRA)) == []


def everything(ask: Asker) -> None:
    """Every route once, with statuses that an engine gives on either side of its rules."""
    ask("GET", "/version", 200)
    ask("GET", "/info", 200)
    network = ask("POST", "/networks/create", 201, body={"Name": "lan", "Labels": {"a": "b"}})["Id"]
    ask("POST", "/networks/create", 409, body={"Name": "lan", "CheckDuplicate": True})
    ask("POST", "/volumes/create", 201, body={"Name": "data", "Labels": {"a": "b"}})
    container = ask("POST", "/containers/create", 201, "name=one", _container())["Id"]
    ask("POST", "/containers/create", 409, "name=one", {"Image": "busybox"})
    ask("POST", "/containers/create", 404, body={"Image": "nope"})
    ask("POST", "/containers/create", 400, body={"Image": "busybox", "HostConfig": {"Runtime": "nope"}})
    ask("POST", "/containers/create", 400, body={"Image": "busybox", "HostConfig": {"Links": ["nobody:b"]}})
    ask("POST", "/containers/create", 501, body={"Image": "busybox", "HostConfig": {"DeviceRequests": [{"Count": -1}]}})
    ask("POST", "/containers/{id}/start", 204, id=container)
    ask("POST", "/containers/{id}/start", 304, id=container)
    ask("POST", "/networks/{id}/connect", 200, body={"Container": container}, id=network)
    ask("POST", "/networks/{id}/connect", 403, body={"Container": container}, id=network)
    until(lambda: ask("GET", "/containers/{id}/json", 200, id=container)["State"]["Health"]["Log"], what="a look at its health")
    for query in ("size=1", "filters=" + quote('{"name":{"one":true}}')):
        assert [one["Id"] for one in ask("GET", "/containers/json", 200, query)] == [container]
    ask("GET", "/containers/json", 400, "filters=" + quote('{"nope":["x"]}'))
    _inside(ask, container)
    _networks_and_volumes(ask, container, network)
    _images(ask, container)
    ask("GET", "/events", 200, f"since=0&until={time.time():.3f}")
    ask("GET", "/events", 400, "filters=" + quote('{"nope":["x"]}'))
    ask("GET", "/swarm", 501)
    ask("GET", "/nope", 404)
    _ends(ask, container)
    ask("POST", "/networks/{id}/disconnect", 404, body={"Container": container}, id="lan")
    for noun in ("containers", "networks", "volumes", "images"):
        ask("POST", f"/{noun}/prune", 200)


def _container() -> dict[str, Any]:
    return {
        "Image": "busybox",
        "Cmd": ["sh", "-c", "echo hi; touch /made; sleep 1000"],
        "Labels": {"x": "y"},
        "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 200_000_000},
        "HostConfig": {
            "Binds": ["data:/data", "/tmp:/host:ro"],
            "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]},
            "Mounts": [{"Type": "tmpfs", "Target": "/fast"}],
        },
    }


def _inside(ask: Asker, container: str) -> None:
    ask("GET", "/containers/{id}/top", 200, id=container)
    ask("GET", "/containers/{id}/stats", 200, "stream=0&one-shot=1", id=container)
    ask("GET", "/containers/{id}/logs", 400, id=container)
    assert b"hi\n" in ask("GET", "/containers/{id}/logs", 200, "stdout=1", id=container)
    ask("GET", "/containers/{id}/changes", 200, id=container)
    exec = ask("POST", "/containers/{id}/exec", 201, body={"Cmd": ["true"]}, id=container)["Id"]
    ask("POST", "/containers/{id}/exec", 400, body={"Cmd": []}, id=container)
    assert ask("GET", "/exec/{id}/json", 200, id=exec)["ExitCode"] is None
    ask("POST", "/exec/{id}/start", 200, body={"Detach": True}, id=exec)
    until(lambda: ask("GET", "/exec/{id}/json", 200, id=exec)["ExitCode"] == 0, what="the exit code")
    ask("GET", "/exec/{id}/json", 404, id="nope")
    ask("HEAD", "/containers/{id}/archive", 200, "path=/etc", id=container)
    ask("HEAD", "/containers/{id}/archive", 404, "path=/nope", id=container)
    ask("GET", "/containers/{id}/archive", 400, id=container)
    ask("GET", "/containers/{id}/archive", 404, "path=/nope", id=container)
    ask("POST", "/containers/{id}/resize", 400, "h=x&w=1", id=container)
    ask("POST", "/containers/{id}/resize", 200, "h=10&w=10", id=container)
    ask("POST", "/containers/{id}/update", 200, body={"CpuShares": 512}, id=container)
    ask("POST", "/containers/{id}/rename", 204, "name=two", id="one")
    ask("POST", "/containers/{id}/pause", 204, id=container)
    ask("POST", "/containers/{id}/pause", 409, id=container)
    ask("POST", "/containers/{id}/unpause", 204, id=container)


def _networks_and_volumes(ask: Asker, container: str, network: str) -> None:
    ask("GET", "/networks", 200)
    assert container in ask("GET", "/networks/{id}", 200, id=network)["Containers"]
    assert ask("GET", "/networks/{id}", 200, "scope=local&verbose=true", id=network)["Id"] == network
    ask("GET", "/networks/{id}", 404, "scope=swarm", id=network)
    ask("GET", "/networks/{id}", 400, "verbose=maybe", id=network)
    ask("GET", "/networks/{id}", 404, id="nope")
    ask("DELETE", "/networks/{id}", 403, id="bridge")
    ask("DELETE", "/networks/{id}", 403, id=network)
    ask("POST", "/networks/{id}/disconnect", 200, body={"Container": container}, id=network)
    ask("DELETE", "/networks/{id}", 204, id=network)
    ask("GET", "/volumes", 200)
    ask("GET", "/volumes/{name}", 200, name="data")
    ask("GET", "/volumes/{name}", 404, name="nope")
    ask("DELETE", "/volumes/{name}", 409, name="data")
    if ask.minor >= 25:
        ask("GET", "/system/df", 200)


def _images(ask: Asker, container: str) -> None:
    ask("POST", "/images/create", 200, "fromImage=busybox&tag=latest")
    ask("POST", "/images/create", 400)
    ask("POST", "/images/create", 200, "fromImage=busybox")  # all its tags
    ask("POST", "/images/create", 501, "fromSrc=http%3A%2F%2F127.0.0.1%3A1%2Fx.tar")
    ask("GET", "/images/json", 200)
    ask("GET", "/images/{name}/json", 200, name="busybox")
    ask("GET", "/images/{name}/json", 404, name="nope/nope:1")
    ask("POST", "/commit", 201, f"container={container}&repo=made&tag=1")
    ask("GET", "/images/{name}/history", 200, name="made:1")
    ask("POST", "/images/{name}/tag", 201, "repo=made&tag=2", name="made:1")
    ask("POST", "/images/{name}/tag", 400, "repo=MADE", name="made:1")
    ask("DELETE", "/images/{name}", 200, name="made:1")
    ask("DELETE", "/images/{name}", 200, name="made:2")
    ask("DELETE", "/images/{name}", 404, name="made:2")
    ask("DELETE", "/images/{name}", 409, name="busybox")


def _ends(ask: Asker, container: str) -> None:
    ask("DELETE", "/containers/{id}", 409, id=container)
    ask("POST", "/containers/{id}/kill", 400, "signal=NOPE", id=container)
    ask("POST", "/containers/{id}/kill", 204, id=container)
    assert ask("POST", "/containers/{id}/wait", 200, id=container)["StatusCode"] == 137
    ask("POST", "/containers/{id}/wait", 400, "condition=nope", id=container)
    ask("POST", "/containers/{id}/kill", 409, id=container)
    ask("POST", "/containers/{id}/stop", 304, id=container)
    ask("GET", "/containers/{id}/top", 409, id=container)
    ask("POST", "/containers/{id}/exec", 409, body={"Cmd": ["true"]}, id=container)
    ask("POST", "/containers/{id}/restart", 204, "t=0", id=container)
    ask("DELETE", "/containers/{id}", 204, "force=1&v=1", id=container)
    ask("DELETE", "/containers/{id}", 404, id=container)


def test_what_newer_versions_ask_for(served: tuple[StateRoot, str]) -> None:
    """Annotations in the list, options of a tmpfs, and an image's configuration without what belongs to containers."""
    root, path = served
    ask, older = Asker(path, 51), Asker(path, 49)
    host = {
        "Annotations": {"org.example.role": "db"},
        "Mounts": [{"Type": "tmpfs", "Target": "/fast", "TmpfsOptions": {"SizeBytes": 1 << 20, "Options": [["exec"], ["uid", "7"]]}}],
    }
    try:
        made = ask(
            "POST", "/containers/create", 201, body={"Image": "busybox", "Cmd": ["grep", " /fast ", "/proc/mounts"], "HostConfig": host}
        )
        ask("POST", "/containers/{id}/start", 204, id=made["Id"])
        ask("POST", "/containers/{id}/wait", 200, id=made["Id"])
        log = ask("GET", "/containers/{id}/logs", 200, "stdout=1", id=made["Id"])
        assert b"size=1024k" in log and b"uid=7" in log and b"noexec" not in log
        (listed,) = ask("GET", "/containers/json", 200, "all=1")
        assert listed["HostConfig"]["Annotations"] == {"org.example.role": "db"}
        new, old = (asked("GET", "/images/{name}/json", 200, name="busybox") for asked in (ask, older))
        assert {"Hostname", "Tty", "Image"} <= set(old["Config"]) and not {"Hostname", "Tty", "Image"} & set(new["Config"])
        assert new["Config"]["Cmd"] == old["Config"]["Cmd"] and "VirtualSize" not in old | new
    finally:
        root.clean()


def test_images_as_mounts(served: tuple[StateRoot, str]) -> None:
    """Since 1.48; an older client is told."""
    root, path = served
    ask, older = Asker(path, 51), Asker(path, 47)
    mount = {"Type": "image", "Source": "busybox", "Target": "/i", "ImageOptions": {"Subpath": "bin"}}
    body = {"Image": "busybox", "Cmd": ["/i/busybox", "true"], "HostConfig": {"Mounts": [mount]}}
    try:
        refused = older("POST", "/containers/create", 400, body=body)
        assert refused["message"] == 'Mount type "Image" needs API v1.48 or newer'
        made = ask("POST", "/containers/create", 201, body=body)["Id"]
        ask("POST", "/containers/{id}/start", 204, id=made)
        assert ask("POST", "/containers/{id}/wait", 200, id=made)["StatusCode"] == 0
        shown = json.loads(ask.ask("GET", "/containers/{id}/json", id=made)[2])
        assert shown["HostConfig"]["Mounts"] == [mount]
        (point,) = shown["Mounts"]
        assert (point["Type"], point["Name"], point["Destination"], point["RW"]) == ("image", "busybox", "/i", False)
        assert ask("DELETE", "/images/{name}", 409, name="busybox")["message"]
    finally:
        root.clean()


def test_the_shapes_can_fail() -> None:
    shape = {"a": int, "b": [str], "c": {"*": bool}, "d": (str, type(None))}
    good = {"a": 1, "b": ["x"], "c": {"y": True}, "d": None, "more": 1}
    assert mismatches(good, shape) == []
    for key, wrong in (("a", True), ("a", "1"), ("b", "x"), ("b", [1]), ("c", {"y": 1}), ("c", []), ("d", 1)):
        assert len(mismatches({**good, key: wrong}, shape)) == 1
    assert mismatches({"a": 1}, shape) == [": b is missing", ": c is missing", ": d is missing"]


def test_many_who_wait_hold_nobody_up(served: tuple[StateRoot, str]) -> None:
    """Every follower takes a thread of the engine; a question must find one all the same."""
    root, path = served
    root.out("run", "-d", "--name", "quiet", "--network", "none", "busybox", "sleep", "1000")
    waiting: list[socket.socket] = []
    try:
        for number in range(500):  # nearly as many as there may be connections, and more than a user may have inotify instances
            client = socket.socket(socket.AF_UNIX)
            waiting.append(client)
            client.settimeout(60)
            client.connect(path)
            route = ("GET /containers/quiet/logs?stdout=1&follow=1", "POST /containers/quiet/wait", "GET /events")[number % 3]
            client.sendall(f"{route} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert client.recv(12) == b"HTTP/1.1 200"
        ask = Asker(path, 44)
        ask("GET", "/containers/json", 200)  # the others never end: held up is for ever
        ask("GET", "/info", 200)
    finally:
        for client in waiting:
            client.close()
        root.clean()


def test_who_does_not_read_holds_nobody_up(served: tuple[StateRoot, str]) -> None:
    """Clients that ask for streams and take nothing of them. A container waits for one that is attached to it, as docker's does, and for no other."""
    root, path = served
    size = 8 << 20
    root.out("create", "--name", "loud", "--network", "none", "busybox", "sh", "-c", f"head -c {size} /dev/zero | tr '\\0' x; echo end")
    root.out("run", "-d", "--name", "other", "--network", "none", "busybox", "sleep", "1000")
    ask = Asker(path, 44)
    stalled: list[socket.socket] = []

    def stall(route: str) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        stalled.append(client)
        client.settimeout(60)
        client.connect(path)
        client.sendall(f"{route} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 200"
        return client

    try:
        attached = stall("POST /containers/loud/attach?stream=1&stdout=1")
        for route in ("GET /events", "GET /containers/other/stats", "GET /containers/loud/logs?stdout=1&follow=1"):
            stall(route)
        ask("POST", "/containers/{id}/start", 204, id="loud")
        assert len(ask("GET", "/containers/json", 200)) == 2
        ask("POST", "/containers/{id}/restart", 204, "t=0", id="other")
        attached.close()
        assert ask("POST", "/containers/{id}/wait", 200, id="loud")["StatusCode"] == 0
        log = ask("GET", "/containers/{id}/logs", 200, "stdout=1&follow=1", id="loud")
        assert log.endswith(b"end\n") and log.count(b"x") >= size
    finally:
        for client in stalled:
            client.close()
        root.clean()


def test_the_group_docker_reaches_the_socket_of_a_private_directory(served: tuple[StateRoot, str]) -> None:
    """The run root is 0700: with its own socket in it, the group gets through, and sees nothing else there."""
    with open("/etc/group", encoding="utf-8") as file:
        groups = {name: int(gid) for name, _, gid, _ in (line.split(":") for line in file)}
    os.makedirs(f"{served[0].directory}/second")
    root = StateRoot(f"{served[0].directory}/second")
    os.makedirs(root.roots.run, mode=0o700)
    with open(f"{root.directory}/log", "wb") as log:
        process = subprocess.Popen([*root.command, "serve"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=root.environment)
    try:
        path = f"{root.roots.run}/docker.sock"
        until(lambda: said(f"{root.directory}/log", "API listen on"), what="the server")
        assert oct(os.stat(path).st_mode & 0o777) == "0o660"
        assert oct(os.stat(root.roots.run).st_mode & 0o777) == ("0o710" if "docker" in groups else "0o700")
        assert os.stat(root.roots.run).st_gid == os.stat(path).st_gid == groups.get("docker", 0)
    finally:
        process.terminate()
        assert process.wait(60) == 0
