"""A machine for tests of the whole engine: a network namespace with a neighbour on its LAN."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.linux.netlink import inside
from tests.engine.network.spaces import TIMEOUT, Space, cable
from tests.support.images import busybox_layer
from tests.support.stateroot import StateRoot
from tests.support.wait import until

SERVE = "mkdir /www; echo served >/www/index.html; exec httpd -f -p '[::]:80' -h /www"
HOST6, LAN6 = "fd00:99::1", "fd00:99::2"


class Machine(StateRoot):
    """A machine with a network of its own, a neighbour on its LAN, and an image ``box``."""

    def __init__(self, directory: Path, host: Space, lan: Space) -> None:
        super().__init__(str(directory))
        self.host, self.lan = host, lan
        archive = directory / "box.tar"
        archive.write_bytes(busybox_layer())
        self.out("import", str(archive), "box")

    def __call__(self, *words: str, input: str | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        with inside(self.host.descriptor):
            return super().__call__(*words, input=input, timeout=timeout)

    def serve(self, name: str, *options: str) -> None:
        """A container that answers ``served`` on port 80."""
        self.out("run", "-d", "--name", name, *options, "box", "sh", "-c", SERVE)
        until(lambda: "0050" in self("exec", name, "cat", "/proc/net/tcp", "/proc/net/tcp6").stdout, what=f"{name} listens")

    def supervisor(self, name: str) -> int:
        """The pid of a container's supervisor."""
        pid = json.loads(self.out("inspect", name))[0]["State"]["Pid"]
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

    def children(self, name: str) -> list[str]:
        """The processes of a container's supervisor, but for the container."""
        supervisor = self.supervisor(name)
        return Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()[1:]

    def tables(self) -> list[str]:
        return self.host.run("nft", "list", "tables").split()


def get(client: Space, address: str, port: int, *, patience: float = TIMEOUT) -> bytes:
    """The page that a server at an address has; nothing when there is none, or it keeps silent for ``patience`` seconds."""
    try:
        with client.open(ipv6=":" in address) as one:
            one.settimeout(patience)
            one.connect((address, port))
            one.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return b"".join(iter(lambda: one.recv(1000), b"")).partition(b"\r\n\r\n")[2]
    except OSError:
        return b""


def silent(client: Space, address: str, port: int) -> bool:
    """Nobody answers there."""
    return get(client, address, port, patience=1) == b""


def served(client: Space, address: str, port: int) -> bool:
    """Somebody does, or will when this is asked again."""
    return get(client, address, port, patience=3) == b"served\n"


@contextmanager
def _space() -> Iterator[Space]:
    space = Space()
    try:
        yield space
    finally:
        space.close()


@contextmanager
def machine_of_its_own(directory: Path) -> Iterator[Machine]:
    """A machine that keeps everything in ``directory``; nothing is left of it afterwards."""
    with _space() as host, _space() as lan:
        cable(host, lan, "lan0", ("10.99.0.1/24", "10.99.0.2/24"))
        for space, address in ((host, HOST6), (lan, LAN6)):
            space.ip(f"addr add {address}/64 dev lan0 nodad")
        until(lambda: "tentative" not in host.ip("-6 addr") + lan.ip("-6 addr"), what="the LAN is settled")
        made = Machine(directory, host, lan)
        try:
            yield made
        finally:
            made.close()
