"""A real swarm: two dockerds on machines of their own, as far as the kernel goes, joined by a cable.

Each daemon has its own network, mount, PID and UTS namespaces (see :mod:`tests.support.dockerd`); the cable is a veth pair between
the two network namespaces, which ends with them. So nothing is left on the host, and what nodes say to each other is real.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

from engine.cli.main import main
from tests.support.dockerd import Daemon, RegistryFiles, running_dockerd
from tests.support.wait import until

ADDRESSES = ("10.98.76.1", "10.98.76.2")


class Swarm:
    """Two daemons that know each other and are not in a swarm yet. ``image`` is a busybox that both can pull."""

    def __init__(self, nodes: tuple[Daemon, Daemon], image: str) -> None:
        self.manager, self.worker = nodes
        self.image = image

    def docker(self, *words: str, node: int = 0, check: bool = True, input: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run the real docker command line on a node. A test that waits calls it again and again, so it does so in no haste."""
        time.sleep(0.05)
        url = (self.manager, self.worker)[node].url
        return self.run(["docker", "--host", url, *words], check=check, input=input)

    def longshore(self, *words: str, node: int = 0, check: bool = False, input: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run ours on a node."""
        return self.run(self.command(*words, node=node), check=check, input=input)

    def command(self, *words: str, node: int = 0) -> list[str]:
        """The command line of ours for a node."""
        return [sys.executable, "-m", "engine.cli", "-H", (self.manager, self.worker)[node].url, *words]

    def inside(self, *words: str, node: int = 0) -> subprocess.CompletedProcess[str]:
        """Run ours in this process, which takes a tenth of the time. Not for what writes bytes, or waits for long."""
        out, err = io.StringIO(), io.StringIO()
        url = (self.manager, self.worker)[node].url
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(["-H", url, *words])
        return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())

    def run(self, argv: list[str], *, check: bool, input: str | None) -> subprocess.CompletedProcess[str]:
        """A command line with its output as text."""
        done = subprocess.run(
            argv,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=120,
            env={**os.environ, "DOCKER_CONFIG": "/nonexistent"},
            check=False,
        )
        assert not check or done.returncode == 0, f"{argv}: {done.stderr}"
        return done

    def form(self) -> None:
        """Make the swarm, with docker's own command line."""
        self.docker("swarm", "init", "--advertise-addr", ADDRESSES[0])
        token = self.docker("swarm", "join-token", "-q", "worker").stdout.strip()
        self.docker("swarm", "join", "--token", token, "--advertise-addr", ADDRESSES[1], f"{ADDRESSES[0]}:2377", node=1)
        until(
            lambda: self.docker("node", "ls", "--format", "{{.Status}}").stdout.split() == ["Ready"] * 2,
            timeout=120,
            what="two nodes that are ready",
        )

    def service(self, name: str, *words: str, replicas: int = 2) -> str:
        """Make a service that writes lines for ever, wait until its tasks run; its id."""
        script = "i=0; while :; do i=$((i+1)); echo out $i; echo err $i >&2; sleep 1; done"
        flags = ["--name", name, "--replicas", str(replicas), "--restart-delay", "100ms", *words]
        made = self.docker("service", "create", "-d", "-q", "--stop-grace-period", "200ms", *flags, self.image, "sh", "-c", script)
        self.runs(name, replicas)
        return made.stdout.strip()

    def runs(self, name: str, replicas: int) -> None:
        """Wait until a service has that many tasks that run."""
        wanted = f"{replicas}/{replicas}"
        until(lambda: self.count(name) == wanted, timeout=120, what=f"{wanted} tasks of {name}")

    def count(self, name: str) -> str:
        """How many tasks of a service run, of how many: ``2/3``; ``""`` when there is no such service."""
        found = self.docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}").stdout.splitlines()
        return next((words[1] for line in found if (words := line.split())[0] == name), "")

    def settled(self, name: str, state: str) -> None:
        """Wait until all tasks of a service are in a state, such as ``Failed``."""

        def states() -> set[str]:
            shown = self.docker("service", "ps", name, "--format", "{{.CurrentState}}", check=False).stdout.splitlines()
            return {line.partition(" ")[0] for line in shown}

        until(lambda: states() == {state}, timeout=120, what=f"tasks of {name} that are {state}")

    def node(self, place: int) -> dict[str, object]:
        """A node's document."""
        found = json.loads(self.docker("node", "inspect", f"node{place + 1}").stdout)[0]
        assert isinstance(found, dict)
        return found

    def clean(self) -> None:
        """Remove all services, secrets and configs, and let both nodes work."""
        for noun in ("service", "secret", "config"):
            if ids := self.docker(noun, "ls", "-q").stdout.split():
                self.docker(noun, "rm", *ids)
        self.docker("node", "update", "--availability", "active", "node1")
        self.docker("node", "update", "--availability", "active", "node2")


@contextlib.contextmanager
def two_daemons(directory: str, registry: RegistryFiles) -> Iterator[Swarm]:
    """Start both and lay the cable."""
    with (
        running_dockerd(os.path.join(directory, "1"), registry, hostname="node1") as first,
        running_dockerd(os.path.join(directory, "2"), registry, hostname="node2") as second,
    ):
        ends = (("cable", "netns", str(first.pid)), ("cable", "netns", str(second.pid)))
        subprocess.run(["ip", "link", "add", *ends[0], "type", "veth", "peer", "name", *ends[1]], check=True)
        for daemon, address in zip((first, second), ADDRESSES, strict=True):
            subprocess.run(daemon.command(["ip", "address", "add", f"{address}/24", "dev", "cable"]), check=True)
            subprocess.run(daemon.command(["ip", "link", "set", "cable", "up"]), check=True)
        yield Swarm((first, second), f"{registry.host}/busybox:latest")
