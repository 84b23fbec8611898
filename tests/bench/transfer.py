"""Images out and in: push to an empty registry, save to a file, load from one."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from tests.bench.clock import Table, alternate
from tests.bench.peers import Peer
from tests.support.registry import free_port
from tests.support.wait import until

IMAGE = "moved"


def transfer(peers: Sequence[Peer], netns: str, place: str) -> None:
    """``save``, ``load`` and ``push`` of one image of two big layers, which no registry that is pushed to has seen."""
    by_name = {peer.name: peer for peer in peers}
    for peer in peers:
        tls = ["--tls-verify=false"] if peer.name == "podman" else []
        peer("pull", *tls, peer.image(IMAGE))
        os.makedirs(f"{place}/moved-{peer.name}", exist_ok=True)

    def path(name: str) -> str:
        return f"{place}/moved-{name}/archive.tar"

    def fresh(name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path(name))
        os.sync()

    saves: dict[str, Callable[[], object]] = {
        name: partial(peer, "save", "-o", path(name), peer.image(IMAGE)) for name, peer in by_name.items()
    }
    Table(f"save {IMAGE}", "ms", alternate(saves, times=3, before=fresh)).show()

    def forget(name: str) -> None:
        by_name[name]("rmi", "-f", by_name[name].image(IMAGE), check=False)
        os.sync()

    loads: dict[str, Callable[[], object]] = {name: partial(peer, "load", "-i", path(name)) for name, peer in by_name.items()}
    Table(f"load {IMAGE}", "ms", alternate(loads, times=3, before=forget)).show()
    with contextlib.ExitStack() as stack:
        port = free_port()
        targets = {}
        for name, inside in (("longshore", ""), ("docker", netns)):
            targets[name] = stack.enter_context(_registry(f"{place}/pushed-{name}", port, inside))
        targets["podman"] = targets["docker"]

        def empty(name: str) -> None:
            shutil.rmtree(f"{targets[name]}/data", ignore_errors=True)
            os.sync()

        pushes: dict[str, Callable[[], object]] = {}
        for name, peer in by_name.items():
            target = f"127.0.0.1:{port}/{IMAGE}:v1"
            peer("tag", peer.image(IMAGE), target)
            pushes[name] = partial(peer, "push", *(["--tls-verify=false"] if name == "podman" else []), target)
        Table(f"push {IMAGE} to an empty registry", "ms", alternate(pushes, times=3, before=empty)).show()
    for peer in peers:
        peer("rmi", "-f", peer.image(IMAGE), f"127.0.0.1:{port}/{IMAGE}:v1", check=False)


@contextlib.contextmanager
def _registry(directory: str, port: int, netns: str) -> Iterator[str]:
    """A registry on that loopback port, of a network namespace or ours; its directory, whose ``data`` may be removed at any time."""
    os.makedirs(directory)
    config = f"{directory}/config.yml"
    with open(config, "w", encoding="utf-8") as file:
        file.write(
            f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {directory}/data}}}}\n"
            f"http: {{addr: '127.0.0.1:{port}'}}\n"
        )
    inside = ["nsenter", f"--net=/run/netns/{netns}"] if netns else []
    with open(f"{directory}/log", "wb") as log:
        process = subprocess.Popen([*inside, "docker-registry", "serve", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait = [*inside, "sh", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"]
        wait[wait.index("sh")] = "bash"
        until(lambda: subprocess.run(wait, capture_output=True, check=False).returncode == 0, what=f"the registry on port {port}")
        yield directory
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
