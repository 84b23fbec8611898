"""What is measured."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence

from tests.bench.clock import Table, median
from tests.bench.peers import Peer
from tests.support.tmux import Terminal as Screen
from tests.support.tmux import terminal

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
    """PSS of what looks after each idle container: our supervisor, containerd's shim, conmon."""
    table = Table(f"overhead of an idle container (of {count})", "MiB")
    processes = {"longshore": b"longshore", "docker": b"containerd-shim", "podman": b"conmon"}
    for peer in peers:
        before = _pids(processes[peer.name])
        names = [f"bench-idle-{number}" for number in range(count)]
        for name in names:
            peer("run", "-d", "--name", name, peer.image("busybox"), "sleep", "1000")
        time.sleep(5)  # our supervisors' helpers leave when there was nothing to do
        found = _pids(processes[peer.name]) - before
        sizes = [_pss(pid) for pid in found]
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


def tui(ours: Peer, count: int = 50) -> None:
    """The TUI with many containers: first useful paint, CPU at rest, and a log of two million lines open at its end."""
    names = [f"bench-tui-{number:02}" for number in range(count)]
    for name in names:
        ours("run", "-d", "--name", name, ours.image("busybox"), "sleep", "1000")
    paints, rest = [], 0.0
    for turn in range(3):
        start = time.perf_counter()
        with _tui(ours) as screen:
            screen.shows("bench-tui-00")
            paints.append(time.perf_counter() - start)
            if turn == 2:
                time.sleep(5)
                rest = _cpu_share(screen.pid, 10)
    ours("rm", "-f", *names)
    Table("TUI: first useful paint", "s", {"longshore": sorted(paints)[1]}).show()
    Table("TUI: CPU at rest", "% of a core", {"longshore": rest * 100}).show()
    if b"bench-log" in ours("ps", "-a"):
        with _tui(ours) as screen:
            screen.shows("bench-log")
            start = time.perf_counter()
            screen.shows(f"line number {LINES - 1}")
            taken = time.perf_counter() - start
            Table("TUI: log of 2M lines open at its end", "s", {"longshore": taken}).show()
            Table("TUI: memory with it (PSS)", "MB", {"longshore": _pss(screen.pid) / 1e6}).show()


@contextlib.contextmanager
def _tui(ours: Peer) -> Iterator[Screen]:
    """The program in a terminal, 160×48."""
    with (
        tempfile.TemporaryDirectory(prefix="lsbench") as place,
        terminal(place, ours.command, env={**os.environ, **ours.environment}) as screen,
    ):
        yield screen


def _cpu_share(pid: int, seconds: float) -> float:
    before, start = _cpu(pid), time.perf_counter()
    time.sleep(seconds)
    return (_cpu(pid) - before) / (time.perf_counter() - start)


def _cpu(pid: int) -> float:
    with open(f"/proc/{pid}/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _pids(name: bytes) -> set[int]:
    """Processes by the start of their command's name; ours run from a sealed memory file."""
    found = set()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/comm", "rb") as file:
                short = file.read()
            sealed = os.readlink(f"/proc/{entry}/exe").startswith("/memfd:longshore")
        except OSError:
            continue
        if sealed if name == b"longshore" else short.startswith(name[:15]):
            found.add(int(entry))
    return found


def _pss(pid: int) -> int:
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
