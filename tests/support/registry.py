"""A real registry: Debian's docker-registry on a free loopback port, ended with the fixture."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
from collections.abc import Iterator

import httpx

from tests.support.wait import until


class Registry:
    """A running registry. ``host`` is ``127.0.0.1:PORT``, ``url`` that with ``http://``, ``config`` its configuration file."""

    def __init__(self, host: str, pid: int, config: str = "") -> None:
        self.host = host
        self.url = f"http://{host}"
        self.pid = pid
        self.config = config


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody has, and that nobody gets by chance before it is used: the kernel chooses from higher ones."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first_chosen = int(file.read().split()[0])
    while True:
        port = random.randrange(10000, max(first_chosen, 10100))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((host, port))
            return port


@contextlib.contextmanager
def running_registry(directory: str, *, address: str = "127.0.0.1", netns: str = "", htpasswd: str = "") -> Iterator[Registry]:
    """Start a registry with its data in ``directory``; with ``netns`` inside that named network namespace.

    With ``htpasswd``, lines of a password file with bcrypt hashes, it wants to see credentials.
    """
    os.makedirs(directory, exist_ok=True)
    config = os.path.join(directory, "config.yml")
    port = free_port() if not netns else 5000
    with open(config, "w", encoding="utf-8") as file:
        file.write(
            "version: 0.1\nlog: {level: error}\n"
            f"storage: {{filesystem: {{rootdirectory: {directory}/data}}, delete: {{enabled: true}}}}\n"
            f"http: {{addr: '{address}:{port}'}}\n"
        )
        if htpasswd:
            file.write(f"auth: {{htpasswd: {{realm: tests, path: {directory}/htpasswd}}}}\n")
    if htpasswd:
        with open(os.path.join(directory, "htpasswd"), "w", encoding="utf-8") as file:
            file.write(htpasswd)
    command = ["docker-registry", "serve", config]
    if netns:
        command = ["ip", "netns", "exec", netns, *command]
    with open(os.path.join(directory, "log"), "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    registry = Registry(f"{address}:{port}", process.pid, config)
    try:
        if not netns:
            until(lambda: _answers(registry.url), what=f"docker-registry on {registry.host}")
        yield registry
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/v2/", trust_env=False, timeout=30).status_code in (200, 401)
    except httpx.TransportError:
        return False
