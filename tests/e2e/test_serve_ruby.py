"""``longshore serve`` driven by docker-api, the client that tools written in Ruby have."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from tests.support.registry import Registry
from tests.support.server import running_server
from tests.support.stateroot import StateRoot, state_root

_SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "docker_api.rb")


class Ruby(Protocol):
    """Runs one method of ``docker_api.rb``."""

    def __call__(self, name: str) -> Any:
        """What it found."""


@pytest.fixture(scope="module")
def machine(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StateRoot, str]]:
    directory = str(tmp_path_factory.mktemp("ruby") / "m")
    with state_root(directory, registry.host, ["busybox"]) as root, running_server(root) as url:
        yield root, url


@pytest.fixture
def ruby(machine: tuple[StateRoot, str], registry: Registry) -> Iterator[Ruby]:
    environment = {**os.environ, "DOCKER_URL": machine[1], "REGISTRY": registry.host}

    def run(name: str) -> Any:
        command = ["ruby", _SCRIPT, name]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    yield run
    machine[0].clean()


def test_life(ruby: Ruby) -> None:
    found = ruby("life")
    assert found["states"] == ["created", "running", "paused", "running", "running"] and found["titles"] == ["UID", "PID"]
    assert (found["listed"], found["memory"], found["ended"]) == ([["/two"]], 64 << 20, 137)
    assert found["gone"] == ["Docker::Error::NotFoundError", '{"message":"No such container: two"}\n']


def test_output(ruby: Ruby) -> None:
    """A connection that is taken over without a word of it beforehand, and the log of the same."""
    assert ruby("output") == {
        **{"live": [["ready\n", "out\n"], ["err\n"]], "code": 4},
        **{"logs": ["err\n", "out\n", "ready\n"], "err": "err\n"},
    }


def test_input(ruby: Ruby) -> None:
    """The client's end of input is the process's."""
    assert ruby("input") == {"attached": [["1000000\n"], []], "code": 0}


def test_exec(ruby: Ruby) -> None:
    assert ruby("exec") == {"both": [["out\n"], ["err\n"], 5], "fed": [["through\n"], [], 0], "terminal": [["yes\r\n"], [], 0]}


def test_files(ruby: Ruby) -> None:
    assert ruby("files") == {
        **{"seen": [["a\nb\n"], [], 0], "changed": ["/etc", "/etc/told"]},
        **{"packed": True, "exported": True},
    }


def test_images(ruby: Ruby) -> None:
    assert ruby("images") == {
        **{"pulled": True, "said": True, "same": True, "tags": ["own:one", "own:two"]},
        **{"history": "by ruby", "saved": True, "gone": False},
    }


def test_networks_and_volumes(ruby: Ruby) -> None:
    """The gem writes the names of fields in small letters."""
    assert ruby("networks") == {"inside": ["moored"], "left": {}, "volume": True, "after": 0}


def test_events(ruby: Ruby) -> None:
    found = ruby("events")
    assert found["seen"] == ["create", "start", "kill", "die", "destroy"]
    assert (found["version"], found["up"]) == ("1.51", "OK") and found["driver"]


def test_refusals(ruby: Ruby) -> None:
    """Each is an error of the class that the gem has for it, with docker's words."""
    found = {name: (kind.removeprefix("Docker::Error::"), json.loads(text)["message"]) for name, (kind, text) in ruby("refusals").items()}
    assert found["name"][0] == "ConflictError" and 'name "/there" is already in use' in found["name"][1]
    assert found["image"] == ("NotFoundError", "No such image: nothing-of-it:latest")
    assert found["running"][0] == "ConflictError" and "stop the container before removing or force remove" in found["running"][1]
    assert found["mode"] == ("ClientError", "Invalid network mode: invalid container format container:<name|id>")
