"""Single operations: exec, stop, remove, and the list of many, through the interface and from the shell's view."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from engine.cli.runner import InlineRunner, LoopRunner, Runner
from engine.connect import connect
from engine.interface import Engine
from engine.model.containers import ExecConfig
from tests.bench.clock import Table, alternate
from tests.bench.peers import Peer

_POLITE = "trap 'exit 0' TERM; sleep 1000 & wait"
"""A first process that ends on TERM, by itself and at once."""


@contextlib.contextmanager
def interfaces(peers: Sequence[Peer], disk: str) -> Iterator[Mapping[str, tuple[Engine, Runner]]]:
    """Our engine, and docker's socket, by :mod:`engine.interface`: an engine without the start of a program."""
    found: dict[str, tuple[Engine, Runner]] = {"longshore": (connect("embedded:", root=f"{disk}/longshore"), InlineRunner())}
    for peer in peers:
        if peer.name == "docker":
            found["docker"] = (connect(peer.command[-1]), LoopRunner())
    try:
        yield found
    finally:
        for engine, runner in found.values():
            runner.run(engine.close())
            runner.close()


def execs(peers: Sequence[Peer], disk: str) -> None:
    """exec of ``true`` in a container that runs."""
    for peer in peers:
        peer("run", "-d", "--name", "bench-exec", peer.image("busybox"), "sleep", "1000")
    with interfaces(peers, disk) as engines:
        actions = {name: partial(_exec, engine, runner) for name, (engine, runner) in engines.items()}
        Table("exec of true, warm, through the interface", "ms", alternate(actions, times=25)).show()
    verbs = {peer.name: partial(peer, "exec", "bench-exec", "true") for peer in peers}
    Table("exec bench-exec true", "ms", alternate(verbs, times=15)).show()
    for peer in peers:
        peer("rm", "-f", "bench-exec")


def _exec(engine: Engine, runner: Runner) -> None:
    session = runner.run(engine.containers.exec("bench-exec", ExecConfig(cmd=("true",))))
    while runner.run(session.read()) is not None:
        pass
    code = runner.run(session.exit_code())
    runner.run(session.close())
    assert code == 0, f"true ended with {code}"


def stop_rm(peers: Sequence[Peer], disk: str) -> None:
    """``stop`` of a container whose process ends on TERM, and ``rm`` of it, the latter through the interface too."""
    by_name = {peer.name: peer for peer in peers}

    def run(name: str) -> None:
        by_name[name]("rm", "-f", "bench-stop", check=False)
        by_name[name]("run", "-d", "--name", "bench-stop", by_name[name].image("busybox"), "sh", "-c", _POLITE)

    def stopped(name: str) -> None:
        run(name)
        by_name[name]("stop", "bench-stop")

    stops: dict[str, Callable[[], object]] = {name: partial(peer, "stop", "bench-stop") for name, peer in by_name.items()}
    Table("stop of a process that ends on TERM", "ms", alternate(stops, times=9, before=run)).show()
    removals: dict[str, Callable[[], object]] = {name: partial(peer, "rm", "bench-stop") for name, peer in by_name.items()}
    Table("rm of a stopped container", "ms", alternate(removals, times=9, before=stopped)).show()
    with interfaces(peers, disk) as engines:
        removing: dict[str, Callable[[], object]] = {name: partial(_remove, engine, runner) for name, (engine, runner) in engines.items()}
        Table("remove of it through the interface", "ms", alternate(removing, times=9, before=stopped)).show()
    for peer in peers:
        peer("rm", "-f", "bench-stop", check=False)


def _remove(engine: Engine, runner: Runner) -> None:
    runner.run(engine.containers.remove("bench-stop"))


def list_interface(peers: Sequence[Peer], disk: str, count: int = 500) -> None:
    """The list of many containers through the interface."""
    made: dict[str, list[str]] = {}
    some = [peer for peer in peers if peer.name != "podman"]
    for peer in some:
        have = len(peer("ps", "-aq").split())
        made[peer.name] = [peer("create", peer.image("busybox"), "true").decode().strip() for _ in range(count - have)]
    with interfaces(peers, disk) as engines:

        def look(engine: Engine, runner: Runner) -> None:
            assert len(runner.run(engine.containers.list(all=True))) == count

        actions = {name: partial(look, engine, runner) for name, (engine, runner) in engines.items()}
        Table(f"list of {count} through the interface", "ms", alternate(actions, times=25)).show()
    for peer in some:
        for place in range(0, count, 50):
            if names := made[peer.name][place : place + 50]:
                peer("rm", *names)
