"""What containers' networks carry: names that are answered, and bytes through a published port."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from tests.bench.clock import Table
from tests.bench.peers import Peer

_ASK = """
import socket, struct, sys, time
seconds, flying = 3.0, 16
server = [line.split()[1] for line in open(f"/proc/{sys.argv[1]}/root/etc/resolv.conf") if line.startswith("nameserver")][0]
name = b"".join(bytes([len(part)]) + part for part in sys.argv[2].encode().split(b".")) + b"\\0"
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
    asking.settimeout(2)
    asking.connect((server, 53))
    def ask(number):
        asking.send(struct.pack(">HHHHHH", number & 0xFFFF, 0x100, 1, 0, 0, 0) + name + struct.pack(">HH", 1, 1))
    for number in range(flying):
        ask(number)
    answered, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        answer = asking.recv(512)
        assert answer[3] & 15 == 0 and answer[7] == 1, answer
        answered += 1
        ask(answered + flying)
print(answered / seconds)
"""
"""Asks a container's own server from inside its network, sixteen questions in the air; prints answers a second."""

_READ = """
import socket, sys, time
seconds, total = 3.0, 0
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as reading:
    store, start = bytearray(1 << 20), time.perf_counter()
    while time.perf_counter() - start < seconds:
        count = reading.recv_into(store)
        assert count
        total += count
print(total * 8 / seconds / 1e9)
"""
"""Reads from an address as fast as it can; prints Gbit/s."""


def names(peers: Sequence[Peer]) -> None:
    """Answers a second about a container's name, from the server in another container of the network."""
    table = Table("DNS answers (more is better)", "/s")
    rounds: dict[str, list[float]] = {}
    pids: dict[str, str] = {}
    some = _talking(peers)
    for peer in some:
        peer("network", "create", "bench-names")
        for name in ("bench-asker", "bench-asked"):
            peer("run", "-d", "--name", name, "--network", "bench-names", peer.image("busybox"), "sleep", "1000")
        pids[peer.name] = peer("inspect", "-f", "{{.State.Pid}}", "bench-asker").decode().strip()
    for _ in range(3):
        for peer in some:
            asking = ["nsenter", f"--net=/proc/{pids[peer.name]}/ns/net", sys.executable, "-c", _ASK, pids[peer.name], "bench-asked"]
            rounds.setdefault(peer.name, []).append(_number(asking))
    table.values = {name: sorted(values)[1] for name, values in rounds.items()}
    table.show()
    for peer in some:
        peer("rm", "-f", "bench-asker", "bench-asked")
        peer("network", "rm", "bench-names")


def throughput(peers: Sequence[Peer], netns: str) -> None:
    """Bytes out of a container: straight from its address, through its published port on an address of the host, and on loopback."""
    some = _talking(peers)
    ways = {"its own address": "", "a published port": "", "a published port on loopback": "127.0.0.1"}
    places: dict[str, dict[str, tuple[str, str]]] = {}
    for peer in some:
        serving = ("nc", "-ll", "-p", "80", "-e", "cat", "/dev/zero")
        peer("run", "-d", "--name", "bench-port", "-p", "18080:80", peer.image("busybox"), *serving)
        network = json.loads(peer("inspect", "bench-port"))[0]["NetworkSettings"]["Networks"]["bridge"]
        own = (network["IPAddress"], "80")
        places[peer.name] = dict(zip(ways, (own, (network["Gateway"], "18080"), ("127.0.0.1", "18080")), strict=True))
    for way in ways:
        rounds: dict[str, list[float]] = {}
        for _ in range(3):
            for peer in some:
                inside = [] if peer.name == "longshore" else ["nsenter", f"--net=/run/netns/{netns}"]
                rounds.setdefault(peer.name, []).append(_number([*inside, sys.executable, "-c", _READ, *places[peer.name][way]]))
        Table(f"bytes from {way} (more is better)", "Gbit/s", {name: sorted(values)[1] for name, values in rounds.items()}).show()
    for peer in some:
        peer("rm", "-f", "bench-port")


def _talking(peers: Sequence[Peer]) -> list[Peer]:
    """Those with a network of their own on the machine of the tests: podman's needs netavark and aardvark-dns."""
    return [peer for peer in peers if peer.name != "podman"]


def _number(command: Sequence[str]) -> float:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)
