"""A swarm that pulls from a registry which wants a login: what ``--with-registry-auth`` sends reaches the nodes, and nobody else."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_login import PASSWORD, PASSWORDS
from tests.support import images
from tests.support.dockerd import RegistryFiles, registry_inside
from tests.support.registry import Registry, running_registry
from tests.support.server import running_server, text_of
from tests.support.stateroot import StateRoot
from tests.support.swarm import Swarm
from tests.support.wait import until
from tests.swarm.test_screen import looking

AUTH = base64.b64encode(f"ann:{PASSWORD}".encode()).decode()
FLAGS = ("--stop-grace-period", "200ms", "--restart-delay", "100ms", "--restart-max-attempts", "1", "--constraint", "node.hostname==node2")
SLEEP = ("sleep", "1000")
IMAGE = "{{.Spec.TaskTemplate.ContainerSpec.Image}}"


class Person:
    """Somebody with a docker configuration of their own."""

    def __init__(self, swarm: Swarm, directory: Path) -> None:
        self.swarm = swarm
        self.environment = {**os.environ, "DOCKER_CONFIG": str(directory), "LONGSHORE_RUN": str(directory)}
        self.told: list[str] = []
        """All that commands printed."""

    def __call__(self, *words: str, check: bool = True, url: str = "", input: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run our command line on the manager, or on ``url``, with everything shown."""
        return self._run([sys.executable, "-m", "engine.cli", "--debug", "-H", url or self.swarm.manager.url, *words], check, input)

    def docker(self, *words: str, url: str) -> subprocess.CompletedProcess[str]:
        """Run docker's own on ``url``."""
        return self._run(["docker", "--debug", "--host", url, *words], True, None)

    def _run(self, argv: list[str], check: bool, input: str | None) -> subprocess.CompletedProcess[str]:
        stdin = subprocess.DEVNULL if input is None else None
        done = subprocess.run(
            argv, stdin=stdin, input=input, capture_output=True, text=True, timeout=120, env=self.environment, check=False
        )
        self.told += [done.stdout, done.stderr]
        assert not check or done.returncode == 0, f"{argv}: {done.stderr}"
        return done


@pytest.fixture(scope="module")
def private(formed: Swarm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry of one's own that both nodes reach, with ``app:1`` and ``app:2``."""
    directory = str(tmp_path_factory.mktemp("private"))
    with running_registry(directory, htpasswd=PASSWORDS) as registry:
        for tag in ("1", "2"):
            images.push(registry.url, f"app:{tag}", images.busybox(Labels={"tag": tag}), ("ann", PASSWORD))
        files, login = RegistryFiles(registry.host, registry.config), f"ann:{PASSWORD}"
        (first := Path(directory, "first")).mkdir()
        (second := Path(directory, "second")).mkdir()
        with registry_inside(formed.manager, str(first), files, login), registry_inside(formed.worker, str(second), files, login):
            yield registry


@pytest.fixture
def ann(swarm: Swarm, private: Registry, tmp_path: Path) -> Iterator[Person]:
    """Somebody who is logged in there."""
    person = Person(swarm, tmp_path)
    person("login", "-u", "ann", "--password-stdin", private.host, url="embedded:", input=PASSWORD)
    yield person
    swarm.docker("service", "rm", "app", check=False)
    for node in (0, 1):
        own = ("ps", "-aq", "--filter", "label=com.docker.swarm.service.name=app")
        until(lambda node=node, own=own: not swarm.docker(*own, node=node).stdout, what="the end of all tasks")  # type: ignore[misc]
        names = swarm.docker("images", "-q", f"{private.host}/app", node=node).stdout.split()
        if names:
            swarm.docker("rmi", "-f", *set(names), node=node)


def test_a_service_from_a_private_registry(ann: Person, swarm: Swarm, private: Registry) -> None:
    image = f"{private.host}/app"
    refused = ann("service", "create", "-d", "--name", "app", *FLAGS, f"{image}:1", *SLEEP)
    assert f"image {image}:1 could not be accessed on a registry to record" in refused.stderr
    until(lambda: "Rejected" in swarm.docker("service", "ps", "app").stdout, what="a node without credentials")
    ann("service", "rm", "app")
    until(lambda: not swarm.count("app"), what="the end of the service")

    done = ann("service", "create", "-d", "--name", "app", "--with-registry-auth", *FLAGS, f"{image}:1", *SLEEP)
    assert done.stderr == "", "its digest is asked for with the credentials too"
    swarm.runs("app", 1)
    assert swarm.docker("service", "inspect", "-f", IMAGE, "app").stdout.startswith(f"{image}:1@sha256:")
    ann("service", "update", "-d", "--with-registry-auth", "--image", f"{image}:2", "app")
    until(
        lambda: "Running" in swarm.docker("service", "ps", "-f", "desired-state=running", "app").stdout and _runs(swarm, f"{image}:2"),
        what="2",
    )
    # What the manager was given once stays with the service: a change of another kind needs no login.
    ann("service", "scale", "-d", "app=2")
    swarm.runs("app", 2)
    missing = ann("service", "update", "-d", "--with-registry-auth", "--image", f"{image}:none", "app", check=False)
    assert "could not be accessed on a registry to record" in missing.stderr
    _keeps_the_secret(ann.told)


async def test_the_screen_changes_to_another_tag(ann: Person, swarm: Swarm, private: Registry) -> None:
    """The service keeps the credentials that it was made with."""
    image = f"{private.host}/app"
    ann("service", "create", "-d", "--name", "app", "--with-registry-auth", *FLAGS, f"{image}:1", *SLEEP)
    swarm.runs("app", 1)

    async with looking(swarm) as person:
        await person.sees("app")
        await person.boxed("i")
        await person.fill(f"{image}:2")
        await person.until_docker(lambda: _runs(swarm, f"{image}:2"), "the other image")
        _keeps_the_secret([person.text()])


def test_through_the_server(ann: Person, swarm: Swarm, private: Registry, tmp_path: Path) -> None:
    """docker's own command line before ``longshore serve``: the header goes through, and is in no log of the server's."""
    image = f"{private.host}/app"
    os.mkdir(tmp_path / "served")
    root = StateRoot(str(tmp_path / "served"))
    with running_server(root, engine=swarm.manager.url) as url:
        ann.docker("service", "create", "-d", "-q", "--name", "app", "--with-registry-auth", *FLAGS, f"{image}:1", *SLEEP, url=url)
        swarm.runs("app", 1)
        ann("service", "update", "-d", "--with-registry-auth", "--image", f"{image}:2", "app", url=url)
        until(lambda: _runs(swarm, f"{image}:2"), what="the other image")
    _keeps_the_secret([*ann.told, text_of(f"{root.directory}/serve.log")])


def _runs(swarm: Swarm, image: str) -> bool:
    shown = swarm.docker("service", "ps", "-f", "desired-state=running", "--format", "{{.Image}} {{.CurrentState}}", "app").stdout
    return any(line.startswith(f"{image} Running") for line in shown.replace("@", " @").splitlines())


def _keeps_the_secret(texts: list[str]) -> None:
    for text in texts:
        assert PASSWORD not in text and AUTH.rstrip("=") not in text and "Registry-Auth" not in text
