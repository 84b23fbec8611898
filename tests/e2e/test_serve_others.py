"""``longshore serve`` under more tools that others wrote: lazydocker on its screen, and a reaper of testcontainers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_serve import CLIENTS, Docker
from tests.support import images
from tests.support.registry import Registry
from tests.support.server import running_server
from tests.support.stateroot import StateRoot, state_root
from tests.support.tmux import terminal
from tests.support.wait import until

LIBRARIES = ("/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6")
"""What Debian's docker command line needs, beside itself; others need nothing."""

# The protocol of testcontainers' ryuk: a line of filters is answered with ACK, and when the client has gone, all that they find is removed.
REAPS = """#!/bin/sh
read -r filter
echo ACK
while read -r _; do :; done
filter=$(printf %s "$filter" | tr -d '\\r')
for kind in container network volume; do
    ls="$kind ls -q --filter $filter"
    [ $kind = container ] && ls="$ls --all" && rm="rm -f -v" || rm=rm
    for found in $(docker $ls); do docker $kind $rm "$found" >/dev/null; done
done
"""

FORSAKEN = """
import os, sys
from testcontainers.core.container import DockerContainer

for number in range(2):
    DockerContainer("busybox").with_command(["sleep", "1000"]).with_name(f"forsaken{number}").start()
print("started", flush=True)
sys.stdin.read()
os._exit(1)
"""


@pytest.fixture(scope="module")
def machine(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StateRoot, str]]:
    directory = str(tmp_path_factory.mktemp("others") / "m")
    with state_root(directory, registry.host, ["busybox"]) as root, running_server(root) as url:
        yield root, url


@pytest.fixture
def docker(machine: tuple[StateRoot, str], tmp_path: Path) -> Iterator[Docker]:
    yield Docker(CLIENTS[0], machine[1], str(tmp_path))
    machine[0].clean()


def test_lazydocker(docker: Docker, machine: tuple[StateRoot, str], tmp_path: Path) -> None:
    """Its lists, a log, the numbers of a container, a stop and a removal."""
    docker.out("volume", "create", "cargo")
    docker.out("run", "-d", "--name", "ship", "busybox", "sh", "-c", "echo sails are set; trap exit 15; while :; do sleep 0.1; done")
    environment = {**os.environ, "DOCKER_HOST": machine[1], "DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path)}
    program = shutil.which("lazydocker") or str(Path(sys.executable).with_name("lazydocker"))
    with terminal(str(tmp_path), [program], env=environment) as screen:
        shown = screen.shows("sails are set")
        assert all(word in shown for word in ("ship", "busybox", "cargo", "bridge")), shown
        screen.keys("]")
        screen.shows("CPU (%)")
        screen.keys("s")
        screen.shows("stop this container")
        screen.keys("Enter")
        until(lambda: docker.out("ps", "-aq", "--filter", "status=exited"), what="the stop")
        screen.shows("exited")
        screen.keys("d")
        screen.shows("remove")
        screen.keys("Enter")
        until(lambda: docker.out("ps", "-aq") == "", what="the removal")
        screen.misses("ship")
        screen.keys("q")
        until(screen.over, what="its end")
        assert screen.status == 0
    docker.out("volume", "rm", "cargo")


@pytest.fixture(scope="module")
def reaper(registry: Registry) -> str:
    """An image that stands in for ryuk: the published one is on the Docker Hub only."""
    entries: list[tuple[str, bytes | str, int]] = [
        ("reaps", REAPS.encode(), 0o755),
        ("usr/bin/docker", Path(CLIENTS[0]).read_bytes(), 0o755),
    ]
    entries += [(path.lstrip("/"), Path(path).read_bytes(), 0o755) for path in LIBRARIES if os.path.exists(path)]
    layers = (images.busybox_layer(), images.tar_of(entries))
    serve = ["sh", "-c", "echo Started!; exec nc -l -p 8080 -e /reaps"]
    name = "library/reaper:1"
    images.push(registry.url, name, images.ImageSource(layers, {"Cmd": serve, "Env": ["PATH=/usr/bin:/bin"]}, compression="zstd"))
    return "reaper:1"


def test_what_a_killed_test_leaves_is_reaped(docker: Docker, machine: tuple[StateRoot, str], tmp_path: Path, reaper: str) -> None:
    """The reaper has the served socket inside its container, and hears through a published port that its test is no more."""
    environment = {**os.environ, "DOCKER_HOST": machine[1], "HOME": str(tmp_path), "RYUK_CONTAINER_IMAGE": reaper}
    environment |= {"TESTCONTAINERS_RYUK_DISABLED": "false", "TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE": machine[1].removeprefix("unix://")}
    with open(tmp_path / "said", "wb") as said:
        test = subprocess.Popen(
            [sys.executable, "-c", FORSAKEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=environment
        )
    assert test.stdin is not None and test.stdout is not None
    try:
        assert test.stdout.readline() == b"started\n", (tmp_path / "said").read_text()
        assert len(docker.out("ps", "-q").split()) == 3
        docker.out("run", "-d", "--name", "other", "busybox", "sleep", "1000")
    finally:
        test.kill()
        test.communicate()
    until(lambda: docker.out("ps", "-a", "--format", "{{.Names}}") == "other\n", what="the end of the forsaken and of the reaper")
