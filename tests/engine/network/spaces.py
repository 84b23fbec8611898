"""Scratch network namespaces: a host, containers and a LAN neighbour, all inside one test process.

A socket stays in the namespace where it was made, so that a test holds both ends of a connection itself.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Sequence

from engine.linux.netlink import inside
from tests.support.wait import until

TIMEOUT = 60.0

Address = tuple[str, int] | tuple[str, int, int, int]
"""A socket's, of either family."""


class Space:
    """A network namespace that lives as long as a sleeping process of ours in it; or with ``pid`` that process's."""

    def __init__(self, pid: int = 0) -> None:
        here = os.readlink("/proc/self/ns/net")
        self._process = None if pid else subprocess.Popen(["unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL)
        self.pid = self._process.pid if self._process else pid
        until(lambda: os.readlink(f"/proc/{self.pid}/ns/net") != here, what="a network namespace")
        self.descriptor = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """End it; the kernel removes its interfaces and tables."""
        os.close(self.descriptor)
        if self._process:
            self._process.kill()
            self._process.wait()

    def run(self, *command: str) -> str:
        """Output of a program in the namespace."""
        with inside(self.descriptor):
            return subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT).stdout

    def ip(self, line: str) -> str:
        """``ip`` with the words of a line."""
        return self.run("ip", *line.split())

    def open(self, kind: int = socket.SOCK_STREAM, *, ipv6: bool = False) -> socket.socket:
        """A socket in the namespace, with a timeout."""
        with inside(self.descriptor):
            made = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, kind)
        made.settimeout(TIMEOUT)
        return made

    def listen(self, port: int, address: str = "0.0.0.0") -> socket.socket:
        """A listening TCP socket, of the address's family alone."""
        made = self.open(ipv6=":" in address)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if ":" in address:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind((address, port))
            made.listen()
        except OSError:
            made.close()
            raise
        return made


def peer_of(client: Space, address: Address, server: socket.socket) -> str:
    """Connect and exchange a byte each way; the address that the server sees comes back."""
    with client.open(ipv6=":" in address[0]) as one:
        one.connect(address)
        two, (peer, *_) = server.accept()
        with two:
            two.settimeout(TIMEOUT)
            one.sendall(b">")
            assert two.recv(1) == b">"
            two.sendall(b"<")
            assert one.recv(1) == b"<"
    return str(peer)


def blocked(client: Space, address: Address) -> bool:
    """A connection attempt is silently dropped or refused; half a second is enough for what is one hop away."""
    with client.open(ipv6=":" in address[0]) as one:
        one.settimeout(0.5)
        try:
            one.connect(address)
        except OSError:
            return True
    return False


def cable(one: Space, other: Space, name: str, addresses: Sequence[str]) -> None:
    """Connect two namespaces with a veth pair called ``name`` at both ends."""
    one.ip(f"link add {name} type veth peer name {name} netns {other.pid}")
    for space, address in zip((one, other), addresses, strict=True):
        space.ip(f"addr add {address} dev {name}")
        space.ip(f"link set {name} up")
        space.ip("link set lo up")
