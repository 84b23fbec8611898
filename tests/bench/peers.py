"""The engines that are compared, behind one small face: run a verb of their command line."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from engine.spawner import client as spawner
from tests.bench.place import sh
from tests.support import images
from tests.support.wait import until


@dataclass
class Peer:
    """One engine. ``command`` is what stands before a verb; ``prefix`` before image names."""

    name: str
    command: list[str]
    prefix: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words: str, output: int = subprocess.PIPE, check: bool = True) -> bytes:
        """Run a verb to its end; what it printed comes back."""
        done = subprocess.run(
            [*self.command, *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            env={**os.environ, **self.environment},
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"{self.name} {' '.join(words)}: {done.stderr.decode(errors='replace')}")
        return done.stdout or b""

    def image(self, name: str) -> str:
        """The image's name for this engine."""
        return self.prefix + name


@contextlib.contextmanager
def longshore(disk: str, registry: str) -> Iterator[Peer]:
    """Ourselves, with the registry as Hub's mirror."""
    config = f"{disk}/config.toml"
    with open(config, "w", encoding="utf-8") as file:
        file.write(f'[registries."docker.io"]\nmirrors = ["http://{registry}"]\n')
    script = os.path.join(os.path.dirname(sys.executable), "longshore")
    environment = {"LONGSHORE_RUN": f"{disk}/run", "PYTHONDONTWRITEBYTECODE": ""}
    peer = Peer("longshore", [script, "--root", f"{disk}/longshore", "--config", config], environment=environment)
    try:
        yield peer
    finally:
        left = peer("ps", "-aq", check=False).decode().split()
        if left:
            peer("rm", "-f", *left, check=False)
        spawner.dismiss(f"{disk}/run")


def podman(disk: str, netns: str) -> Peer:
    """podman with its own storage, in docker's network namespace, pulling from the registry that docker pulls from.

    With runc, as docker; and with limits that a machine without CAP_SYS_RESOURCE can set.
    """
    config = f"{disk}/containers.conf"
    with open(config, "w", encoding="utf-8") as file:
        file.write('[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n')
        file.write('[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
        file.write(f'[network]\nnetwork_config_dir = "{disk}/podman-networks"\n')
    command = ["nsenter", f"--net=/run/netns/{netns}", "podman", "--root", f"{disk}/podman", "--runroot", f"{disk}/podman-run"]
    return Peer("podman", command, prefix="127.0.0.1:5000/library/", environment={"CONTAINERS_CONF": config})


@contextlib.contextmanager
def docker(disk: str, netns: str) -> Iterator[Peer]:
    """A dockerd and a registry over the same data, in a network namespace of their own."""
    socket = f"{disk}/docker.sock"
    with open(f"{disk}/registry.yml", "w", encoding="utf-8") as file:
        file.write(
            f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {disk}/registry/data}}}}\nhttp: {{addr: '127.0.0.1:5000'}}\n"
        )
    inside = ["nsenter", f"--net=/run/netns/{netns}"]
    daemon = [
        "dockerd",
        "--data-root",
        f"{disk}/docker",
        "--exec-root",
        f"{disk}/docker-exec",
        "-p",
        f"{disk}/docker.pid",
        "-H",
        f"unix://{socket}",
    ]
    with open(f"{disk}/peers.log", "wb") as log:
        processes = [
            subprocess.Popen([*inside, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            for command in (["docker-registry", "serve", f"{disk}/registry.yml"], [*daemon, "--registry-mirror", "http://127.0.0.1:5000"])
        ]
    try:
        until(lambda: _ping(socket), timeout=60, what="dockerd")
        yield Peer("docker", ["docker", "-H", f"unix://{socket}"])
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _ping(socket: str) -> bool:
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=socket)) as client:
            return client.get("http://docker/_ping").status_code == 200
    except httpx.TransportError:
        return False


def make_images(url: str, disk: str, wanted: set[str]) -> None:
    """Fill the registry: busybox, and the images of the pull cases."""
    images.push(url, "library/busybox:latest", images.busybox())
    if "many" in wanted:
        images.push(url, "library/many:latest", images.many_layers(31, 200))
    if "transfer" in wanted:
        images.push(url, "library/moved:latest", _big(layers=2, files=57))
    if "big" in wanted:
        images.push(url, "library/big:latest", _big())
    if "debian" in wanted:
        rootfs = f"{disk}/debian"
        sh("debootstrap", "--variant=minbase", "stable", rootfs)
        images.push(url, "library/debian:latest", images.from_directory(rootfs))
        sh("rm", "-rf", rootfs)


def _big(layers: int = 4, files: int = 114) -> images.ImageSource:
    """Layers of files of one MiB that compress to about half: 457 MB, unless told otherwise."""
    made = [
        images.tar_of([(f"big/{layer}-{number}", os.urandom(1 << 19) + bytes(1 << 19), 0o644) for number in range(files)])
        for layer in range(layers)
    ]
    return images.ImageSource((images.busybox_layer(), *made), {"Cmd": ["true"]})
