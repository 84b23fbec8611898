"""``longshore serve`` before a manager: docker's own command line sees the swarm through it as if nothing stood between."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.server import running_server
from tests.support.stateroot import StateRoot
from tests.support.swarm import Swarm
from tests.support.wait import until


@pytest.fixture(scope="module")
def served(daemons: Swarm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = StateRoot(str(tmp_path_factory.mktemp("served")))
    with running_server(root, engine=daemons.manager.url) as url:
        yield url


def test_the_swarm_is_seen_and_driven_through_the_server(swarm: Swarm, served: str) -> None:
    def docker(*words: str, input: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        return swarm.run(["docker", "--host", served, *words], check=check, input=input)

    docker("secret", "create", "password", "-", input="hunter2")
    flags = ["--name", "web", "--secret", "password", "--stop-grace-period", "200ms", "--restart-delay", "100ms", "--no-resolve-image"]
    docker("service", "create", "-d", *flags, swarm.image, "sh", "-c", "cat /run/secrets/password; echo; sleep 1000")
    swarm.runs("web", 1)
    docker("service", "scale", "-d", "web=2")
    swarm.runs("web", 2)
    masked = re.compile(r"\d+ (second|minute)s? ago|less than a second ago|about a minute ago", re.IGNORECASE)
    for line in (
        "service ls",
        "service ps web",
        "service inspect web",
        "node ls",
        "node inspect self",
        "secret ls",
        "swarm join-token worker",
        "stack ls",
    ):
        through, direct = docker(*line.split()).stdout, swarm.docker(*line.split()).stdout
        assert masked.sub("", through).split() == masked.sub("", direct).split(), line
    until(lambda: docker("service", "logs", "--raw", "web").stdout.count("hunter2") == 2, what="the logs of both tasks")
    follower = subprocess.Popen(["docker", "--host", served, "service", "logs", "-f", "--raw", "web"], stdout=subprocess.PIPE, text=True)
    try:
        assert follower.stdout is not None and follower.stdout.readline() == "hunter2\n"
    finally:
        follower.kill()
        follower.wait()
        assert follower.stdout is not None
        follower.stdout.close()
    missing = [docker("service", "inspect", "nope", check=False), swarm.docker("service", "inspect", "nope", check=False)]
    assert missing[0].stderr == missing[1].stderr and missing[0].returncode == missing[1].returncode == 1
    ours = swarm.run([*swarm.command()[:-1], served, "service", "ls"], check=True, input=None)
    assert ours.stdout == swarm.docker("service", "ls").stdout
    docker("service", "rm", "web")
    until(lambda: not swarm.count("web"), what="the end of the service")
    until(lambda: docker("secret", "rm", "password", check=False).returncode == 0, what="the end of the secret")
