"""A real dockerd (or podman service) that leaves nothing on the host.

It runs as PID 1 of its own PID, mount and network namespaces, with its own roots and sockets, so that its bridge, its
firewall rules and its mounts end with it, and killing it ends all it started. The registry of the tests listens on the
host's loopback, which it can not see: a second registry process over the same files listens on the same address inside.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tests.support.wait import until

_UNSHARE = ("unshare", "--net", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc", "--propagation", "private")


class RegistryFiles(NamedTuple):
    """A registry that is to be seen inside too: its ``host:port``, and its configuration file."""

    host: str
    config: str


class Daemon:
    """A running engine. ``url`` is its address, ``pid`` a process in its network namespace."""

    def __init__(self, socket_path: str, pid: int) -> None:
        self.socket = socket_path
        self.url = f"unix://{socket_path}"
        self.pid = pid

    def command(self, argv: Sequence[str]) -> list[str]:
        """``argv`` as it has to be called to run in the engine's network namespace."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *argv]


@contextlib.contextmanager
def running_dockerd(
    directory: str, registry: RegistryFiles | None = None, flags: Sequence[str] = (), *, hostname: str = ""
) -> Iterator[Daemon]:
    """Start dockerd with everything it writes in ``directory`` and further ``flags``, and end it; ``hostname`` is its machine's name."""
    os.makedirs(directory, exist_ok=True)
    parent = f"longshore-dockerd-{os.getpid()}{f'-{hostname}' if hostname else ''}"
    executing = tempfile.mkdtemp(prefix="dockerd-", dir="/tmp")  # paths of sockets may have 104 characters
    path = os.path.join(executing, "docker.sock")
    argv = ["dockerd", "-H", f"unix://{path}", "--data-root", f"{directory}/data", "--exec-root", executing]
    argv += ["--pidfile", f"{directory}/pid", "--config-file", f"{directory}/daemon.json", "--cgroup-parent", f"/{parent}"]
    argv += ["--userland-proxy=false", "--shutdown-timeout", "1", "--log-level", "warn", *flags]
    with open(f"{directory}/daemon.json", "w", encoding="utf-8") as file:
        file.write('{"experimental": true, "ip6tables": true}')  # what later versions do by themselves
    try:
        with _running(argv, directory, path, {"NODE": hostname} if hostname else {}, registry) as daemon:
            yield daemon
    finally:
        shutil.rmtree(executing, ignore_errors=True)
        until(lambda: remove_cgroups(parent), what=f"the cgroups of {parent}")


@contextlib.contextmanager
def running_podman(directory: str, registry: RegistryFiles | None = None) -> Iterator[Daemon]:
    """Start ``podman system service`` with everything it writes in ``directory``, and end it."""
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, "podman.sock")
    argv = ["podman", "--runtime", "runc", "--root", f"{directory}/root", "--runroot", f"{directory}/run"]
    argv += ["--cgroup-manager", "cgroupfs", "--events-backend", "file", "--network-config-dir", f"{directory}/networks"]
    argv += ["system", "service", "--time", "0", f"unix://{path}"]
    config = os.path.join(directory, "registries.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write('unqualified-search-registries = ["docker.io"]\n')
        if registry:
            file.write(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')
    try:
        with _running(argv, directory, path, {"CONTAINERS_REGISTRIES_CONF": config}, registry) as daemon:
            yield daemon
    finally:
        remove_cgroups("libpod_parent")  # its name can not be chosen; another podman's groups are not empty


@contextlib.contextmanager
def _running(argv: list[str], directory: str, path: str, env: dict[str, str], registry: RegistryFiles | None) -> Iterator[Daemon]:
    # dockerd of before 27 leaves it to the host's administrator to forward IPv6.
    script = 'ip link set lo up; if [ "$NODE" ]; then hostname "$NODE"; fi; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; exec "$@"'
    with open(os.path.join(directory, "log"), "wb") as log:
        unshared = subprocess.Popen(
            [*_UNSHARE, "sh", "-c", script, "sh", *argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, **env, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"},
        )
    daemon = Daemon(path, unshared.pid)
    inside: subprocess.Popen[bytes] | None = None
    try:
        until(lambda: unshared.poll() is not None or _answers(path), timeout=120, what=f"{argv[0]} on {path}")
        if unshared.poll() is not None:
            with open(os.path.join(directory, "log"), encoding="utf-8", errors="replace") as log_text:
                raise AssertionError(f"{argv[0]} ended: {log_text.read()[-4000:]}")
        if registry:
            inside = _registry_inside(daemon, directory, registry)
        yield daemon
    finally:
        if inside:
            _end(inside, inside.pid)
        _end(unshared, _child(unshared.pid))
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def registry_inside(daemon: Daemon, directory: str, registry: RegistryFiles, login: str = "") -> Iterator[None]:
    """Another registry where only a running daemon sees it, ended before the daemon; ``login`` is a ``NAME:PASSWORD`` that it takes."""
    process = _registry_inside(daemon, directory, registry, login)
    try:
        yield
    finally:
        _end(process, process.pid)


def _registry_inside(daemon: Daemon, directory: str, registry: RegistryFiles, login: str = "") -> subprocess.Popen[bytes]:
    command = daemon.command(["docker-registry", "serve", registry.config])
    with open(os.path.join(directory, "registry.log"), "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    probe = daemon.command(["busybox", "wget", "-q", "-O", "/dev/null", f"http://{login}{'@' if login else ''}{registry.host}/v2/"])
    until(lambda: subprocess.run(probe, capture_output=True, check=False).returncode == 0, what="the registry inside")
    return process


def _answers(path: str) -> bool:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(30)
            client.connect(path)
            client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in client.recv(64)
    except OSError:
        return False


def _child(pid: int) -> int:
    """The daemon itself: the only child of unshare."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return int((file.read().split() or ["0"])[0])
    except OSError:
        return 0


def _end(process: subprocess.Popen[bytes], target: int) -> None:
    """Ask ``target`` to end, then end ``process``, which takes a whole PID namespace along."""
    if target and process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(target, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
    if process.poll() is None:
        process.kill()
        process.wait()


def remove_cgroups(parent: str) -> bool:
    """Remove the empty control groups below ``parent`` in every hierarchy; true when none is left."""
    left = False
    for top in (f"/sys/fs/cgroup/{name}/{parent}" for name in ("", *os.listdir("/sys/fs/cgroup"))):
        for directory, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(directory)
        left = left or os.path.isdir(top)
    return not left
