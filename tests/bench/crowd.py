"""Many containers at the same time."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence

from tests.bench.clock import Table
from tests.bench.peers import Peer


def crowd(peers: Sequence[Peer], count: int = 200) -> None:
    """``run -d`` of many containers, all begun at once; every one of them must run."""
    table = Table(f"{count} containers started at once", "s")
    for peer in peers:
        if peer.name == "podman":
            continue  # minutes, and more memory than a small machine has
        names = [f"bench-crowd-{number}" for number in range(count)]
        environment = {**os.environ, **peer.environment}
        start = time.perf_counter()
        begun = [
            subprocess.Popen(
                [*peer.command, "run", "-d", "--name", name, peer.image("busybox"), "sleep", "1000"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment,
            )
            for name in names
        ]
        said = [process.communicate()[1].decode(errors="replace").strip() for process in begun]
        table.values[peer.name] = time.perf_counter() - start
        failed = [text for process, text in zip(begun, said, strict=True) if process.returncode]
        running = len(peer("ps", "-q", "--filter", "name=bench-crowd-").split())
        print(f"{peer.name}: {running} of {count} run, {len(failed)} failed{': ' + failed[0] if failed else ''}", flush=True)
        for place in range(0, count, 50):
            peer("rm", "-f", *names[place : place + 50])
        if peer.name == "longshore":
            assert running == count and not failed, "a start failed"
    table.show()
