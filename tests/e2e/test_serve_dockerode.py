"""``longshore serve`` driven by dockerode, the client that editors and tools written for Node.js have."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from tests.support import npm
from tests.support.registry import Registry
from tests.support.server import running_server
from tests.support.stateroot import StateRoot, state_root

_SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dockerode.js")


class Node(Protocol):
    """Runs one function of ``dockerode.js``."""

    def __call__(self, name: str, version: str = "v1.51") -> Any:
        """What it found."""


@pytest.fixture(scope="module")
def machine(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StateRoot, str]]:
    directory = str(tmp_path_factory.mktemp("dockerode") / "m")
    with state_root(directory, registry.host, ["busybox"]) as root, running_server(root) as url:
        yield root, url.removeprefix("unix://")


@pytest.fixture
def node(machine: tuple[StateRoot, str], registry: Registry) -> Iterator[Node]:
    environment = {**os.environ, "NODE_PATH": npm.fetch(), "REGISTRY": registry.host}

    def run(name: str, version: str = "v1.51") -> Any:
        command = ["node", _SCRIPT, machine[1], version, name]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    yield run
    machine[0].clean()


def test_life(node: Node) -> None:
    found = node("life")
    assert found["states"] == ["created", "running", "paused", "running"]
    assert found["titles"][:2] == ["USER", "PID"] and found["ended"]["StatusCode"] == 137
    assert (found["listed"], found["none"], found["gone"]) == ([["/two"]], [], 404)


def test_run(node: Node) -> None:
    assert node("run") == {"code": 4, "said": ["out\n", "err\n"]}


def test_attach(node: Node) -> None:
    """A hijacked connection: both outputs apart, a megabyte through, and the client's end of input is the process's."""
    assert node("attach") == {"code": 0, "err": "begun\n", "length": 9, "tail": "end\nover\n"}


def test_exec(node: Node) -> None:
    assert node("exec") == {"both": ["SHOUT", "red\n"], "ExitCode": 5, "Running": False, "echoed": True, "shell": 6}


def test_logs(node: Node) -> None:
    found = node("logs")
    assert found["lines"][:2] == ["first", "last"] and found["err"] == "wrong\n" and found["stamped"] and found["whole"] == "last\n"


def test_events(node: Node) -> None:
    seen = node("events")
    assert [action for action, _ in seen] == ["create", "start", "kill", "die", "destroy"]
    assert {name for _, name in seen} == {"told"}


def test_pull(node: Node) -> None:
    found = node("pull")
    assert found.pop("pulled") == 11 and found.pop("last") == "Status: Downloaded newer image for many:latest"
    assert found == {"same": True, "counted": True, "layers": 12, "history": 12, "missing": 404, "removed": True}


def test_archives(node: Node) -> None:
    found = node("archives")
    assert found["said"] == "carried\n" and found["stat"] == ["a.txt", 8] and found["missing"] == 404
    assert found["found"]["in/"][0] == "directory" and found["found"]["in/a.txt"] == ["file", "640", "carried\n"]
    assert "/in/a.txt" in found["changes"] and found["exported"] and found["tags"] == ["made:1"]


def test_stats(node: Node) -> None:
    assert node("stats") == {"name": "/busy", "order": True, "chained": True, "cpu": True, "networks": ["eth0"]}


def test_networks_and_volumes(node: Node) -> None:
    found = node("places")
    assert found == {
        "volume": "data",
        "members": ["10.231.7.9/24"],
        "listed": ["lan"],
        "volumes": ["data"],
        "used": 409,
        "pruned": ["lan"],
    }


def test_failures(node: Node) -> None:
    """dockerode tells what went wrong by its status alone."""
    assert node("failures") == {
        **{"noImage": 404, "noContainer": 404, "nameTaken": 409, "runs": 409, "filter": 400, "notRunning": 409},
        **{"noExec": 404, "noNetwork": 404, "again": 304, "swarm": 501, "build": 501},
    }


@pytest.mark.parametrize("version", ["v1.24", "v1.35", "v1.41", "v1.45", "v1.51"])
def test_versions(node: Node, version: str) -> None:
    assert node("run", version) == {"code": 4, "said": ["out\n", "err\n"]}
    if version != "v1.24":  # there is no disk usage in it
        found = node("system", version)
        assert found == {"ping": "OK", "api": "1.51", "type": "linux", "images": 1, "pruned": 0}
