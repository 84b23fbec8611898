"""dockerd with our runtime: ``dockerd --add-runtime`` and ``docker run --runtime``, over containerd's shim."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.privileged.oci.box import wrapper
from tests.support.dockerd import running_dockerd
from tests.support.images import busybox_layer

Docker = Callable[..., subprocess.CompletedProcess[str]]
RUN = ("run", "--rm", "--runtime", "longshore")


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    with tempfile.TemporaryDirectory() as base:
        runtime = wrapper(Path(base, "longshore-oci"))
        with running_dockerd(f"{base}/d", flags=("--add-runtime", f"longshore={runtime}")) as daemon:

            def call(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[str]:
                done = subprocess.run(
                    ["docker", "-H", daemon.url, *words],
                    capture_output=True,
                    timeout=120,
                    check=False,
                    input=given,
                    env={**os.environ, "DOCKER_CONTEXT": ""},
                )
                return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

            assert call("import", "-", "busybox", given=busybox_layer()).returncode == 0
            yield call


def test_run(docker: Docker) -> None:
    done = docker(*RUN, "--network", "none", "busybox", "sh", "-c", "echo out; exit 3")
    assert (done.returncode, done.stdout) == (3, "out\n"), done.stderr
    missing = docker(*RUN, "--network", "none", "busybox", "nothing")
    assert missing.returncode == 127 and 'exec: "nothing": executable file not found in $PATH' in missing.stderr


def test_the_bridge_is_wired_by_a_hook(docker: Docker) -> None:
    """libnetwork moves the interface in from a prestart hook, which gets the pid by its standard input."""
    done = docker(*RUN, "busybox", "ip", "addr", "show", "eth0")
    assert done.returncode == 0 and "inet 172." in done.stdout, done.stderr


def test_a_container_s_whole_life(docker: Docker) -> None:
    started = docker("run", "-d", "--runtime", "longshore", "--name", "one", "-m", "64m", "--network", "none", "busybox", "sleep", "1000")
    assert started.returncode == 0, started.stderr
    assert docker("exec", "one", "sh", "-c", "id -u; exit 4").returncode == 4
    assert docker("exec", "-t", "one", "tty").stdout.strip() == "/dev/pts/0"
    assert "sleep 1000" in docker("top", "one").stdout
    assert docker("pause", "one").returncode == 0
    assert docker("inspect", "--format", "{{.State.Status}}", "one").stdout == "paused\n"
    assert docker("unpause", "one").returncode == 0
    assert docker("update", "-m", "32m", "--memory-swap", "64m", "one").returncode == 0
    assert docker("exec", "one", "cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes").stdout == f"{32 << 20}\n"
    assert docker("stop", "-t", "0", "one").returncode == 0
    assert docker("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "one").stdout == "exited 137\n"
    assert docker("start", "one").returncode == 0
    assert docker("rm", "-f", "one").returncode == 0


def test_a_terminal_and_privileges(docker: Docker) -> None:
    done = docker(*RUN, "--network", "none", "-t", "--privileged", "busybox", "sh", "-c", "tty; ls /dev | wc -l")
    assert done.stdout.split()[0] == "/dev/pts/0" and int(done.stdout.split()[1]) > 15, done.stderr
