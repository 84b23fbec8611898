"""``python3 -m tests bench [-- CASE …]``: run the cases and print ratios."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Callable

from tests.bench import cases, crowd, peers, traffic, transfer, verbs
from tests.bench.frames import frames
from tests.bench.place import disk, namespace
from tests.bench.tui import tui
from tests.support.registry import running_registry

CASES = (
    "lifecycle",
    "run",
    "exec",
    "stop",
    "pull-debian",
    "pull-big",
    "pull-many",
    "transfer",
    "names",
    "throughput",
    "crowd",
    "idle",
    "logs",
    "ps",
    "list",
    "tui",
    "frames",
)


def main() -> int:
    """Run the named cases, or all."""
    wanted = sys.argv[1:] or list(CASES)
    unknown = [name for name in wanted if name not in CASES]
    if unknown:
        print(f"no case {', '.join(unknown)}; there are: {', '.join(CASES)}", file=sys.stderr)
        return 2
    if os.geteuid():
        print("the benchmarks need root: they mount a disk and run engines", file=sys.stderr)
        return 2
    load = os.getloadavg()[0]
    print(f"Linux {platform.release()}, Python {platform.python_version()}, {os.cpu_count()} CPUs, load {load:.1f}", flush=True)
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(disk())
        registry = stack.enter_context(running_registry(f"{place}/registry"))
        peers.make_images(registry.url, place, {name.removeprefix("pull-") for name in wanted})
        netns = stack.enter_context(namespace(f"lsbench{os.getpid()}"))
        ours = stack.enter_context(peers.longshore(place, registry.host))
        os.environ.update(ours.environment)
        others = [stack.enter_context(peers.docker(place, netns)), peers.podman(place, netns)]
        everyone = [ours, *others]
        for peer in everyone:
            tls = ["--tls-verify=false"] if peer.name == "podman" else []
            peer("pull", *tls, peer.image("busybox"))
        for name in CASES:
            if name in wanted:
                _run(name, everyone, ours, place, netns)
        for peer in everyone:
            leftover = peer("ps", "-aq").decode().split()
            if leftover:
                peer("rm", "-f", *leftover)
    return 0


def _run(name: str, everyone: list[peers.Peer], ours: peers.Peer, place: str, netns: str) -> None:
    table: dict[str, Callable[[], None]] = {
        "lifecycle": lambda: cases.lifecycle(everyone, ours, place),
        "run": lambda: cases.run_rm(everyone),
        "exec": lambda: verbs.execs(everyone, place),
        "stop": lambda: verbs.stop_rm(everyone, place),
        "transfer": lambda: transfer.transfer(everyone, netns, place),
        "names": lambda: traffic.names(everyone),
        "throughput": lambda: traffic.throughput(everyone, netns),
        "crowd": lambda: crowd.crowd(everyone),
        "idle": lambda: cases.idle(everyone),
        "logs": lambda: cases.logs(everyone),
        "ps": lambda: cases.list_many(everyone),
        "list": lambda: verbs.list_interface(everyone, place),
        "tui": lambda: tui(ours, next(peer for peer in everyone if peer.name == "docker"), place),
        "frames": frames,
    }
    table.get(name, lambda: cases.pull(everyone, name.removeprefix("pull-")))()


if __name__ == "__main__":
    sys.exit(main())
