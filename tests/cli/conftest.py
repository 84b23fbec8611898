"""One registry, one state root and one dockerd for the tests of the command line."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.support import images
from tests.support.dockerd import RegistryFiles, running_dockerd
from tests.support.registry import Registry, running_registry
from tests.support.stateroot import StateRoot, state_root

Docker = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="package")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running_registry(str(tmp_path_factory.mktemp("registry"))) as running:
        images.push(running.url, "library/busybox:latest", images.busybox())
        images.push(running.url, "library/hello-world:latest", images.hello_world())
        yield running


@pytest.fixture(scope="package")
def machine(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateRoot]:
    """Longshore with the images that the tests' docker has too."""
    with state_root(str(tmp_path_factory.mktemp("machine") / "m"), registry.host, ["busybox", "hello-world"]) as root:
        yield root


@pytest.fixture
def longshore(machine: StateRoot) -> Iterator[StateRoot]:
    """Longshore without containers before and after the test."""
    yield machine
    machine.clean()


@pytest.fixture(scope="package")
def docker(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """The real docker command line on a real dockerd that has the same images."""
    directory = tmp_path_factory.mktemp("docker")
    files = RegistryFiles(registry.host, str(directory / "registry.yml"))
    # The same files, on the same address inside the daemon's network namespace.
    with open(f"/proc/{registry.pid}/cmdline", "rb") as file:
        config = file.read().split(b"\0")[2].decode()
    files = files._replace(config=config)
    with running_dockerd(str(directory / "d"), files) as daemon:

        def run(*words: str, input: str | None = None) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                ["docker", "--host", daemon.url, *words],
                input=input,
                stdin=subprocess.DEVNULL if input is None else None,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=120,
                env={**os.environ, "DOCKER_CONFIG": str(directory)},
                check=False,
            )

        for name in ("busybox", "hello-world"):
            fetch(run, registry, name)
        yield run


def fetch(docker: Docker, registry: Registry, name: str) -> None:
    """Bring an image of the registry to docker, as if it came from Docker Hub."""
    source = f"{registry.host}/library/{name}"
    for words in (("pull", source), ("tag", source, name), ("rmi", source)):
        assert docker(*words).returncode == 0
