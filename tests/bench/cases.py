"""What is measured."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Sequence

from engine.spawner import client as spawner
from tests.bench.clock import Table, median
from tests.bench.peers import Peer
from tests.bench.tui import pss

LINES = 2_000_000


def lifecycle(peers: Sequence[Peer], ours: Peer, disk: str) -> None:
    """create + start + wait + remove of ``true`` through the engine interface, without process start-up."""
    from engine.cli.runner import InlineRunner, LoopRunner, Runner
    from engine.connect import connect
    from engine.interface import Engine
    from engine.model.containers import ContainerConfig, HostConfig

    def once(engine: Engine, runner: Runner, network: str) -> None:
        config = ContainerConfig(image="busybox", cmd=("true",))
        made = runner.run(engine.containers.create(config, HostConfig(network_mode=network))).id
        runner.run(engine.containers.start(made))
        runner.run(engine.containers.wait(made))
        runner.run(engine.containers.remove(made))

    engines: list[tuple[str, Engine, Runner]] = [("longshore", connect("embedded:", root=f"{disk}/longshore"), InlineRunner())]
    engines += [("docker", connect(peer.command[-1]), LoopRunner()) for peer in peers if peer.name == "docker"]
    for title, network in (("lifecycle of true, no network", "none"), ("lifecycle of true, default network", "default")):
        table = Table(title, "ms")
        for name, engine, runner in engines:
            once(engine, runner, network)

            def action(engine: Engine = engine, runner: Runner = runner, network: str = network) -> None:
                once(engine, runner, network)

            table.values[name] = 1000 * median(action, times=20 if name == "longshore" else 7)
        table.show()
    for _, engine, runner in engines:
        runner.run(engine.close())
        runner.close()


def run_rm(peers: Sequence[Peer]) -> None:
    """``run --rm busybox true`` from the shell's view."""
    table = Table("run --rm busybox true", "ms")
    for peer in peers:
        words = ("run", "--rm", peer.image("busybox"), "true")
        peer(*words)
        table.values[peer.name] = 1000 * median(lambda peer=peer, words=words: peer(*words), times=9)  # type: ignore[misc]
    table.show()


def pull(peers: Sequence[Peer], image: str) -> None:
    """Pull and unpack, from a registry on loopback whose files are in the page cache."""
    table = Table(f"pull {image}", "s")
    for peer in peers:
        name = peer.image(image)
        tls = ["--tls-verify=false"] if peer.name == "podman" else []

        def forget(peer: Peer = peer, name: str = name) -> None:
            peer("rmi", "-f", name, check=False)
            os.sync()

        peer("pull", *tls, name)
        table.values[peer.name] = median(lambda peer=peer, tls=tls, name=name: peer("pull", *tls, name), times=3, before=forget)  # type: ignore[misc]
    table.show()


def idle(peers: Sequence[Peer], count: int = 20) -> None:
    """PSS of what looks after each idle container: our supervisor, containerd's shim, conmon.

    The spawner leaves by itself after a minute without a start. Here it is sent away, so that what its memory shares with the
    supervisors counts as theirs.
    """
    table = Table(f"overhead of an idle container (of {count})", "MiB")
    processes = {"longshore": b"longshore", "docker": b"containerd-shim", "podman": b"conmon"}
    for peer in peers:
        peer("run", "--rm", peer.image("busybox"), "true")  # the first of a spawner is larger than the others
        run = peer.environment.get("LONGSHORE_RUN", "")
        before = _pids(processes[peer.name], run)
        names = [f"bench-idle-{number}" for number in range(count)]
        for name in names:
            peer("run", "-d", "--name", name, peer.image("busybox"), "sleep", "1000")
        time.sleep(5)  # our supervisors' helpers leave when there was nothing to do
        if run:
            spawner.dismiss(run)
        found = _pids(processes[peer.name], run) - before
        sizes = []
        for pid in found:
            with contextlib.suppress(ProcessLookupError):  # a helper that was just leaving
                sizes.append(pss(pid))
        table.values[peer.name] = sum(sizes) / count / (1 << 20)
        peer("rm", "-f", *names)
    table.show()


def logs(peers: Sequence[Peer]) -> None:
    """2,000,000 lines of one write each, then all of them through ``logs``."""
    written, read = Table(f"{LINES:,} lines written", "s"), Table("logs | wc -l of them", "s")
    script = f"awk 'BEGIN {{ for (i = 0; i < {LINES}; i++) {{ print \"line number \" i; fflush() }} }}'"
    for peer in peers:
        peer("rm", "-f", "bench-log", check=False)
        start = time.perf_counter()
        peer("run", "-d", "--name", "bench-log", peer.image("busybox"), "sh", "-c", script)
        peer("wait", "bench-log")
        written.values[peer.name] = time.perf_counter() - start

        def count(peer: Peer = peer) -> None:
            with subprocess.Popen([*peer.command, "logs", "bench-log"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as reading:
                pipe = reading.stdout
                assert pipe
                lines = sum(chunk.count(b"\n") for chunk in iter(lambda: pipe.read(1 << 20), b""))
            assert lines == LINES, f"{peer.name} shows {lines} lines"

        read.values[peer.name] = median(count, times=1)
        if peer.name != "longshore":
            peer("rm", "-f", "bench-log")
    written.show()
    read.show()


def list_many(peers: Sequence[Peer], count: int = 500) -> None:
    """``ps -a`` of many containers."""
    table = Table(f"ps -a of {count}", "ms")
    for peer in peers:
        have = len(peer("ps", "-aq").split())
        made = [peer("create", peer.image("busybox"), "true").decode().strip() for _ in range(count - have)]
        table.values[peer.name] = 1000 * median(lambda peer=peer: peer("ps", "-a"), times=7)  # type: ignore[misc]
        for place in range(0, len(made), 50):
            peer("rm", *made[place : place + 50])
    table.show()


def _pids(name: bytes, run: str) -> set[int]:
    """Processes by the start of their command's name; ours run from a sealed memory file and are told their run root."""
    found = set()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/comm", "rb") as file:
                short = file.read()
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            sealed = os.readlink(f"/proc/{entry}/exe").startswith("/memfd:longshore")
        except OSError:
            continue
        if sealed and run.encode() in words if run else short.startswith(name[:15]):
            found.add(int(entry))
    return found
