"""Where ``longshore serve`` listens, whom it lets in there, and what it serves: TCP, systemd's sockets, another engine."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_serve import CLIENTS, Docker
from tests.support import certificates
from tests.support.dockerd import running_dockerd
from tests.support.registry import Registry
from tests.support.server import running_server, said, text_of
from tests.support.stateroot import StateRoot, state_root
from tests.support.wait import until


@pytest.fixture(scope="module")
def machine(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateRoot]:
    with state_root(str(tmp_path_factory.mktemp("places") / "m"), registry.host, ["busybox"]) as root:
        yield root


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> str:
    return certificates.make(str(tmp_path_factory.mktemp("pki")))


def _port(machine: StateRoot, host: str) -> int:
    found = re.search(rf"API listen on {re.escape(host)}:(\d+)", text_of(f"{machine.directory}/serve.log"))
    assert found
    return int(found[1])


@pytest.mark.parametrize("program", CLIENTS)
def test_tcp_with_certificates(machine: StateRoot, pki: str, tmp_path: Path, program: str) -> None:
    tls = ("--tlscacert", f"{pki}/ca.pem", "--tlscert", f"{pki}/server.pem", "--tlskey", f"{pki}/server.key")
    with running_server(machine, "-H", "tcp://0.0.0.0:0", *tls):
        url = f"tcp://127.0.0.1:{_port(machine, '0.0.0.0')}"
        docker = Docker(program, url, str(tmp_path))
        docker.environment |= {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": pki}
        # The client ends its direction and still gets all of the other.
        data = os.urandom(3 << 20)
        assert docker("run", "-i", "--rm", "--network", "none", "busybox", "cat", input=data).stdout == data
        assert docker("run", "--rm", "--network", "none", "busybox", "sh", "-c", "exit 3").returncode == 3
        stranger = Docker(program, url, str(tmp_path))
        stranger.environment |= {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": f"{pki}/stranger"}
        refused = stranger("ps")
        assert refused.returncode == 1 and b"tls: " in refused.stderr
        nobody = Docker(program, url, str(tmp_path))
        assert nobody("ps").returncode == 1
        docker.out("ps")


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", ""])
def test_no_way_in_without_certificates(machine: StateRoot, pki: str, host: str) -> None:
    for tls in ((), ("--tlscert", f"{pki}/server.pem", "--tlskey", f"{pki}/server.key")):
        done = machine("serve", "-H", f"tcp://{host}:0", *tls)
        assert done.returncode == 1 and "refusing to listen" in done.stderr and "--tlscacert" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("-H", "tcp://127.0.0.1"), "must be HOST:PORT"),
        (("-H", "npipe://x"), "cannot listen on npipe://x"),
        (("-H", "unix://relative"), "must be absolute"),
        (("-H", "fd://"), "no sockets were handed over"),
        (("-H", "tcp://127.0.0.1:0", "--tlscert", "/nowhere"), "a certificate and its key"),
        (("-H", "tcp://127.0.0.1:0", "--tlscert", "/nowhere", "--tlskey", "/nowhere"), "can not be used"),
    ],
)
def test_addresses_that_make_no_sense(machine: StateRoot, words: tuple[str, ...], says: str) -> None:
    done = machine("serve", *words)
    assert done.returncode == 1 and says in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("tls", [False, True])
def test_no_page_in_a_browser_is_let_in(machine: StateRoot, pki: str, tls: bool) -> None:
    """Where a certificate is not asked for. Encryption alone keeps no page out."""
    options = ("--tlscert", f"{pki}/server.pem", "--tlskey", f"{pki}/server.key") if tls else ()
    with running_server(machine, "-H", "tcp://127.0.0.1:0", *options):
        port = _port(machine, "127.0.0.1")
        assert "is root, and so are containers with --network host" in text_of(f"{machine.directory}/serve.log")
        trust = ssl.create_default_context(cafile=f"{pki}/ca.pem")

        def status(**headers: str) -> int:
            connection: http.client.HTTPConnection
            if tls:
                connection = http.client.HTTPSConnection("127.0.0.1", port, context=trust)
            else:
                connection = http.client.HTTPConnection("127.0.0.1", port)
            try:
                connection.request("GET", "/info", headers=headers)
                return connection.getresponse().status
            finally:
                connection.close()

        assert status() == 200 and status(Host=f"localhost:{port}") == 200 and status(Host=f"[::1]:{port}") == 200
        assert status(Origin="https://evil.example") == 403
        assert status(**{"Sec-Fetch-Site": "cross-site"}) == 403 and status(**{"Sec-Fetch-Site": "none"}) == 200
        assert status(Host="evil.example") == 403 and status(Host=f"evil.example:{port}") == 403


def test_sockets_from_systemd(machine: StateRoot, tmp_path: Path) -> None:
    path = str(tmp_path / "handed.sock")
    log = tmp_path / "log"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        # As systemd does it: descriptor 3, and the process's own number in the environment.
        script = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); "
            "os.execv(sys.argv[2], sys.argv[2:])"
        )
        argv = [sys.executable, "-c", script, str(listener.fileno()), *machine.command, "serve", "-H", "fd://"]
        with open(log, "wb") as output:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=machine.environment, pass_fds=(listener.fileno(),)
            )
    try:
        until(lambda: process.poll() is not None or said(str(log), "API listen on"), what="the server")
        assert Docker(CLIENTS[0], f"unix://{path}", str(tmp_path)).out("version", "-f", "{{.Server.Version}}")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert os.path.exists(path), "it is systemd's"


def test_another_engine_is_served(machine: StateRoot, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A client of ours sees what a real dockerd has, through our docker backend and our server."""
    tmp_path = tmp_path_factory.mktemp("o")  # short, for the sockets of its containerd
    with running_dockerd(str(tmp_path / "d")) as daemon:
        straight = Docker(CLIENTS[0], daemon.url, str(tmp_path))
        saved = subprocess.run([*machine.command, "save", "busybox"], capture_output=True, env=machine.environment, check=True).stdout
        straight.out("load", input=saved)
        with running_server(machine, engine=daemon.url) as url:
            docker = Docker(CLIENTS[0], url, str(tmp_path))
            assert docker.out("images", "--format", "{{.Repository}}") == "busybox\n"
            assert (
                docker("run", "-i", "--rm", "--network", "none", "busybox", "sh", "-c", "cat; exit 3", input=b"through\n").stdout
                == b"through\n"
            )
            docker.out("run", "-d", "--name", "there", "--network", "none", "busybox", "sleep", "1000")
            assert straight.out("ps", "--format", "{{.Names}}") == "there\n"
            assert docker("exec", "there", "sh", "-c", "exit 4").returncode == 4
            assert docker("exec", "there", "nope").returncode in (126, 127)
            assert json.loads(docker.out("inspect", "there"))[0]["Name"] == "/there"
            assert docker.out("system", "df")
            docker.out("rm", "-f", "there")
            assert json.loads(docker.out("version", "-f", "{{json .Server}}"))["ApiVersion"] == "1.51"


def _connections(path: str) -> int:
    """How many clients a Unix socket has."""
    with open("/proc/net/unix", encoding="utf-8") as file:
        rows = [line.split() for line in file]
    return sum(row[-1] == path and row[5] == "03" for row in rows)


def test_an_end_is_clean_with_clients_connected(machine: StateRoot, tmp_path: Path) -> None:
    with running_server(machine) as url:
        docker = Docker(CLIENTS[0], url, str(tmp_path))
        script = "while :; do echo on; sleep 1; done"
        docker.out("run", "-d", "--name", "held", "--stop-signal", "KILL", "--network", "none", "busybox", "sh", "-c", script)
        talking = [docker.open("events", "--since", "1"), docker.open("logs", "-f", "held"), docker.open("attach", "held")]
        streams = [*talking, docker.open("wait", "held")]
        for stream in talking:
            assert stream.stdout and select.select([stream.stdout], [], [], 60)[0], stream.args
        until(lambda: _connections(url.removeprefix("unix://")) >= 4, what="all are connected")
    for stream in streams:
        with stream:
            stream.wait(60)
    assert machine.out("ps", "--format", "{{.Names}}") == "held\n"
    machine.clean()


def test_a_server_that_was_killed_leaves_nothing_in_the_way(machine: StateRoot, tmp_path: Path) -> None:
    path = f"{machine.roots.run}/docker.sock"
    with open(tmp_path / "log", "wb") as log:
        argv = [*machine.command, "serve", "-H", f"unix://{path}"]
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=machine.environment)
    until(lambda: said(str(tmp_path / "log"), "API listen on"), what="the server")
    docker = Docker(CLIENTS[0], f"unix://{path}", str(tmp_path))
    docker.out("run", "-d", "--name", "alone", "--network", "none", "busybox", "sleep", "1000")
    docker.out("exec", "-d", "alone", "sleep", "1000")
    process.kill()
    process.wait()
    assert os.path.exists(path)
    with running_server(machine):
        assert docker.out("ps", "--format", "{{.Names}}") == "alone\n"
        assert docker.out("top", "alone").count("sleep 1000") == 2
        docker.out("rm", "-f", "alone")
