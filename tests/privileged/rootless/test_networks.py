"""An ordinary user's networks: bridges and names as root's, pasta to the world, ports that the engine forwards."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from engine.network.ports import ipv6_works
from tests.support.person import Person
from tests.support.registry import free_port
from tests.support.wait import until

_SERVE = "echo served >/index.html; httpd -p 80; echo ready; sleep 1000"
_WORLD = f"10.97.{os.getpid() % 250}"


@pytest.fixture(scope="module")
def world() -> Iterator[str]:
    """The address of a web server that is not on this host."""
    name = f"anne{os.getpid()}"
    commands = (
        f"ip netns add {name}",
        f"ip link add {name[:13]}w type veth peer name eth0 netns {name}",
        f"ip addr add {_WORLD}.1/24 dev {name[:13]}w",
        f"ip link set {name[:13]}w up",
        f"ip -n {name} addr add {_WORLD}.2/24 dev eth0",
        f"ip -n {name} link set eth0 up",
    )
    try:
        for command in commands:
            subprocess.run(command.split(), check=True, capture_output=True)
        script = "mkdir -p /tmp/w && cd /tmp/w && echo outside >index.html && exec busybox httpd -f -p 80"
        server = subprocess.Popen(["ip", "netns", "exec", name, "unshare", "-m", "sh", "-c", f"mount -t tmpfs none /tmp && {script}"])
        try:
            yield f"{_WORLD}.2"
        finally:
            server.kill()
            server.wait()
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def fetch(port: int, host: str = "127.0.0.1") -> str:
    """What a web server says, or ``""``: nobody listens where nothing is published."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=60) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        data = b""
        while chunk := client.recv(4096):
            data += chunk
        return data.decode().rpartition("\r\n\r\n")[2]
    return ""


def test_pasta_leads_to_the_world_while_a_container_needs_it(anne: Person, world: str) -> None:
    assert anne.out("run", "--rm", "busybox", "wget", "-q", "-O", "-", f"http://{world}/") == "outside\n"
    until(lambda: not [pid for pid in anne.processes() if _comm(pid).startswith("pasta")], what="pasta leaves with the last container")


def _comm(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def test_published_ports_answer_on_the_host(anne: Person) -> None:
    port, local = free_port(), free_port()
    anne.out("run", "-d", "--name", "web", "-p", f"{port}:80", "-p", f"127.0.0.1:{local}:80", "busybox", "sh", "-c", _SERVE)
    until(lambda: "ready" in anne.out("logs", "web"))
    assert fetch(port) == fetch(local) == "served\n"
    own = next(address for address in _addresses() if not address.startswith("127."))
    assert fetch(port, own) == "served\n"
    assert fetch(local, own) == ""
    assert f"80/tcp -> 0.0.0.0:{port}" in anne.out("port", "web")
    if ipv6_works():
        assert fetch(port, "::1") == "served\n"
        assert f"80/tcp -> [::]:{port}" in anne.out("port", "web")
    taken = anne("run", "--rm", "-p", f"{port}:80", "busybox", "true")
    assert f"Bind for 0.0.0.0:{port} failed: port is already allocated" in taken.stderr and taken.returncode == 125
    anne.out("rm", "-f", "web")
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("0.0.0.0", port))
    privileged = anne("run", "--rm", "-p", "81:80", "busybox", "true")
    assert "bind: permission denied" in privileged.stderr and "net.ipv4.ip_unprivileged_port_start=81" in privileged.stderr


def _addresses() -> list[str]:
    done = subprocess.run(["ip", "-4", "-o", "addr"], capture_output=True, text=True, check=True)
    return [line.split()[3].partition("/")[0] for line in done.stdout.splitlines()]


def test_a_forwarded_stream_loses_nothing(anne: Person) -> None:
    """Both directions at once, half-closed in the end, many at a time."""
    port = free_port()
    anne.out("run", "-d", "--name", "echo", "-p", f"{port}:7", "busybox", "sh", "-c", "while true; do nc -l -p 7 -e cat; done")
    payload = os.urandom(4 << 20)

    def exchange() -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:

            def send() -> None:
                with contextlib.suppress(OSError):  # nobody listens yet
                    client.sendall(payload)
                    client.shutdown(socket.SHUT_WR)

            sender = threading.Thread(target=send)
            sender.start()
            got = bytearray()
            with contextlib.suppress(ConnectionResetError):
                while chunk := client.recv(1 << 16):
                    got += chunk
            sender.join()
        return bytes(got)

    assert until(lambda: exchange() or None) == payload


_ECHO = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("0.0.0.0", 53))
print("ready", flush=True)
while True:
    data, sender = server.recvfrom(100000)
    server.sendto(data.upper(), sender)
"""


def test_datagrams_are_forwarded_and_answered(anne: Person) -> None:
    """Several senders, each of whom gets the answers to what it sent; the host's Python is the server."""
    port = free_port()
    python = [word for place in ("/usr", "/lib", "/lib64") for word in ("-v", f"{place}:{place}:ro")]
    anne.out("run", "-d", "--name", "echo", "-p", f"{port}:53/udp", *python, "busybox", "/usr/bin/python3", "-c", _ECHO)
    until(lambda: "ready" in anne.out("logs", "echo"))
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
    with contextlib.ExitStack() as stack:
        for number, client in enumerate(map(stack.enter_context, clients)):
            client.settimeout(60)
            client.sendto(b"from %d" % number, ("127.0.0.1", port))
        assert [client.recv(100) for client in clients] == [b"FROM %d" % number for number in range(20)]
        clients[0].sendto(b"x" * 60000, ("127.0.0.1", port))
        assert clients[0].recv(100000) == b"X" * 60000


def test_containers_know_each_other_by_name(anne: Person) -> None:
    anne.out("network", "create", "front")
    anne.out("network", "create", "--internal", "back")
    anne.out("run", "-d", "--name", "web", "--network", "front", "--network-alias", "www", "busybox", "sh", "-c", _SERVE)
    anne.out("run", "-d", "--name", "client", "--network", "back", "busybox", "sleep", "1000")
    until(lambda: "ready" in anne.out("logs", "web"))
    assert anne("exec", "client", "wget", "-q", "-O", "-", "http://www/").returncode != 0
    anne.out("network", "connect", "front", "client")
    assert anne.out("exec", "client", "wget", "-q", "-O", "-", "http://www/") == "served\n"
    anne.out("network", "disconnect", "front", "client")
    assert anne("exec", "client", "wget", "-q", "-O", "-", "http://web/").returncode != 0


def test_ports_follow_a_container_into_its_first_network_that_leads_out(anne: Person) -> None:
    port = free_port()
    anne.out("network", "create", "--internal", "back")
    anne.out("network", "create", "front")
    anne.out("run", "-d", "--name", "web", "--network", "back", "-p", f"{port}:80", "busybox", "sh", "-c", _SERVE)
    until(lambda: "ready" in anne.out("logs", "web"))
    assert fetch(port) == ""
    anne.out("network", "connect", "front", "web")
    assert fetch(port) == "served\n"
    anne.out("network", "disconnect", "front", "web")
    assert fetch(port) == ""


def test_the_hosts_network_and_none(anne: Person) -> None:
    interfaces = anne.out("run", "--rm", "--network", "host", "busybox", "ls", "/sys/class/net").split()
    assert set(os.listdir("/sys/class/net")) <= set(interfaces)
    assert anne.out("run", "--rm", "--network", "none", "busybox", "ls", "/sys/class/net") == "lo\n"
