"""``longshore serve`` under tools that others wrote: docker-compose, testcontainers, docker contexts, an editor's development container."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_serve import CLIENTS, Docker
from tests.support.registry import Registry
from tests.support.server import running_server
from tests.support.stateroot import StateRoot, state_root
from tests.support.wait import until

PROJECT = """
version: "2.4"
services:
  db:
    image: busybox
    command: ["sh", "-c", "sleep 0.5; touch /data/ready; exec httpd -f -p 8080 -h /data"]
    volumes: ["data:/data"]
    networks: {back: {aliases: [database]}}
    healthcheck: {test: ["CMD", "test", "-e", "/data/ready"], interval: 0.3s, retries: 50}
    stop_grace_period: 0s
  web:
    image: busybox
    command: ["sh", "-c", "wget -qO- http://database:8080/ready && wget -qO- http://store:8080/ready && echo reached; exec sleep 1000"]
    depends_on: {db: {condition: service_healthy}}
    links: ["db:store"]
    environment: {COLOR: red}
    networks: [back, front]
    ports: ["127.0.0.1::80"]
    stop_grace_period: 0s
  once:
    image: busybox
    command: ["sh", "-c", "echo oops >&2; exit 3"]
    network_mode: none
networks:
  back: {driver: bridge, internal: true, labels: {a: b}}
  front: {ipam: {config: [{subnet: 10.233.8.0/24}]}}
volumes:
  data: {labels: {kind: data}}
"""


@pytest.fixture(scope="module")
def machine(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StateRoot, str]]:
    directory = str(tmp_path_factory.mktemp("tools") / "m")
    with state_root(directory, registry.host, ["busybox"]) as root, running_server(root) as url:
        yield root, url


@pytest.fixture
def docker(machine: tuple[StateRoot, str], tmp_path: Path) -> Iterator[Docker]:
    yield Docker(CLIENTS[0], machine[1], str(tmp_path))
    machine[0].clean()


class Compose:
    """docker-compose 1, over docker-py."""

    def __init__(self, url: str, directory: Path) -> None:
        self._command = ["docker-compose", "--project-name", "shop", "--project-directory", str(directory), "--no-ansi"]
        (directory / "docker-compose.yml").write_text(PROJECT)
        self._command += ["--file", str(directory / "docker-compose.yml")]
        self._environment = {**os.environ, "DOCKER_HOST": url, "DOCKER_CONFIG": str(directory)}

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*self._command, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            env=self._environment,
            check=False,
        )

    def out(self, *words: str) -> str:
        """What a command that must succeed prints."""
        done = self(*words)
        assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}: {done.stderr}"
        return done.stdout


def test_docker_compose(docker: Docker, machine: tuple[StateRoot, str], tmp_path: Path) -> None:
    compose = Compose(machine[1], tmp_path)
    compose.out("up", "-d")
    assert sorted(docker.out("ps", "-a", "--format", "{{.Names}}").split()) == ["shop_db_1", "shop_once_1", "shop_web_1"]
    listed = compose.out("ps")
    assert "Up (healthy)" in listed and "->80/tcp" in listed and "Exit 3" in listed
    until(lambda: "web_1   | reached" in compose.out("logs", "--no-color"), what="what is found by an alias and by a link")
    assert "once_1  | oops" in compose.out("logs", "--no-color", "once")
    assert compose.out("exec", "-T", "web", "sh", "-c", "echo $COLOR; exit 0") == "red\n"
    assert compose("exec", "-T", "web", "sh", "-c", "exit 7").returncode == 7
    networks = docker.out("inspect", "-f", "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}", "shop_web_1")
    assert networks.split() == ["shop_back", "shop_front"]
    before = docker.out("inspect", "-f", "{{.Id}}", "shop_db_1", "shop_web_1")
    compose.out("up", "-d", "--scale", "web=2")
    assert docker.out("inspect", "-f", "{{.Id}}", "shop_db_1", "shop_web_1") == before, "nothing that has not changed is made again"
    assert compose.out("ps", "-q", "web").count("\n") == 2
    assert compose.out("port", "web", "80").startswith("127.0.0.1:")
    # A container of the service itself is linked to those that are there.
    assert (
        compose.out("run", "--rm", "web", "sh", "-c", "ping -c1 -W5 web_1 >/dev/null && ping -c1 -W5 store >/dev/null && echo both")
        == "both\n"
    )
    for words in (
        ("restart", "-t", "0", "once"),
        ("pause", "web"),
        ("unpause", "web"),
        ("top",),
        ("images",),
        ("kill", "db"),
        ("pull", "db"),
    ):
        compose.out(*words)
    compose.out("rm", "-f", "once")
    compose.out("down", "--volumes", "--timeout", "0")
    assert docker.out("ps", "-aq") == "" and docker.out("volume", "ls", "-q") == ""
    assert docker.out("network", "ls", "--format", "{{.Name}}").split() == ["bridge", "host", "none"]


_TESTCONTAINERS = """
import urllib.request
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

serve = "mkdir /w; echo hello >/w/index.html; echo serving; exec httpd -f -p 80 -h /w"
with Network() as network:
    server = DockerContainer("busybox").with_command(["sh", "-c", serve]).with_exposed_ports(80).with_network(network)
    with server.with_network_aliases("server").waiting_for(LogMessageWaitStrategy("serving")) as server:
        print(urllib.request.urlopen(f"http://{server.get_container_host_ip()}:{server.get_exposed_port(80)}/").read())
        print(server.exec(["cat", "/w/index.html"]).output, server.get_logs())
        client = DockerContainer("busybox").with_network(network).with_command(["wget", "-qO-", "http://server/"])
        with client:  # its strategies want a container that goes on: this one may be over before the first look
            print(client.get_wrapped_container().wait()["StatusCode"], client.get_logs())
"""


def test_testcontainers(docker: Docker, machine: tuple[StateRoot, str], tmp_path: Path) -> None:
    """Without its reaper, whose image is only on the Docker Hub."""
    environment = {**os.environ, "DOCKER_HOST": machine[1], "TESTCONTAINERS_RYUK_DISABLED": "true", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", _TESTCONTAINERS], capture_output=True, text=True, timeout=120, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "b'hello\\n'\nb'hello\\n' (b'serving\\n', b'')\n0 (b'hello\\n', b'')\n"
    assert docker.out("ps", "-aq") == "", "what a test brought is gone with it"


@pytest.mark.parametrize("program", CLIENTS)
def test_docker_contexts(machine: tuple[StateRoot, str], tmp_path: Path, program: str) -> None:
    environment = {**os.environ, "DOCKER_CONFIG": str(tmp_path)}
    environment.pop("DOCKER_HOST", None)

    def docker(*words: str) -> str:
        return subprocess.run([program, *words], capture_output=True, text=True, timeout=60, env=environment, check=True).stdout

    docker("context", "create", "harbour", "--docker", f"host={machine[1]}")
    docker("context", "use", "harbour")
    assert docker("version", "--format", "{{.Server.Platform.Name}}") == "Longshore\n"
    assert docker("run", "--rm", "busybox", "echo", "here") == "here\n"
    assert "harbour *" in docker("context", "ls") and docker("context", "inspect", "--format", "{{.Name}}") == "harbour\n"


def test_links_in_the_default_network(docker: Docker) -> None:
    """Nobody has a name there but for who is linked, at whatever address it is."""
    docker.out("run", "-d", "--name", "store", "busybox", "sleep", "1000")
    docker.out("run", "-d", "--name", "shop", "--link", "store:db", "--link", "store", "busybox", "sleep", "1000")
    docker.out("run", "-d", "--name", "alone", "busybox", "sleep", "1000")
    for name in ("db", "store"):
        docker.out("exec", "shop", "ping", "-c1", "-W5", name)
    assert docker("exec", "alone", "ping", "-c1", "-W5", "store").returncode != 0
    assert docker.out("inspect", "-f", "{{json .HostConfig.Links}}", "shop") == '["/store:/shop/db","/store:/shop/store"]\n'
    docker.out("stop", "-t", "0", "store")
    taken = docker.out("run", "-d", "busybox", "sleep", "1000").strip()
    docker.out("start", "store")
    address = docker.out("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "store").strip()
    assert f"({address})" in docker.out("exec", "shop", "ping", "-c1", "-W5", "db")
    docker.out("rm", "-f", taken)
    missing = docker("create", "--link", "nobody:x", "busybox")
    assert b"could not get container for nobody: No such container: nobody" in missing.stderr


def test_a_development_container(docker: Docker, tmp_path: Path) -> None:
    """What an editor's remote extension does: a container that waits, its files, its environment and a server in it."""
    label = f"devcontainer.local_folder={tmp_path}"
    (tmp_path / "main.py").write_text("print('hi')\n")
    run = ["run", "--sig-proxy=false", "-a", "STDOUT", "-a", "STDERR", "-l", label]
    wait = "echo Container started; trap 'exit 0' 15; while sleep 1 & wait $!; do :; done"
    mount = f"type=bind,source={tmp_path},target=/workspaces/app"
    started = docker.open(*run, "--mount", mount, "--entrypoint", "/bin/sh", "busybox", "-c", wait, "-")
    assert started.stdout is not None and started.stdout.readline() == b"Container started\n"
    try:
        found = docker.out("ps", "-q", "-a", "--filter", f"label={label}").strip()
        details = docker.out("inspect", "--type", "container", "-f", "{{.State.Status}} {{.Config.User}} {{(index .Mounts 0).Type}}", found)
        assert details == "running  bind\n"
        script = b"echo $((6 * 7)); cat /workspaces/app/main.py; exit 3\n"
        shell = docker("exec", "-i", "-u", "root", "-e", "REMOTE=1", "-w", "/workspaces/app", found, "/bin/sh", input=script)
        assert (shell.returncode, shell.stdout) == (3, b"42\nprint('hi')\n")
        server = tmp_path / "server.sh"
        server.write_text("mkdir -p /srv/www; echo up >/srv/www/index.html; exec httpd -f -p 127.0.0.1:7000 -h /srv/www\n")
        docker.out("cp", str(server), f"{found}:/root/server.sh")
        docker.out("exec", "-d", found, "sh", "/root/server.sh")
        # The port is forwarded through an exec that talks to it.
        request = b"GET / HTTP/1.0\r\n\r\n"
        until(lambda: b"up\n" in docker("exec", "-i", found, "nc", "127.0.0.1", "7000", input=request).stdout, what="the server")
        docker.out("commit", found, "dev:1")
        assert docker.out("images", "-q", "dev:1")
        docker.out("rmi", "dev:1")
        docker.out("stop", found)
        assert started.wait(60) == 0
        docker.out("start", found)
    finally:
        if started.poll() is None:
            started.kill()
        started.wait()
        started.stdout.close()
