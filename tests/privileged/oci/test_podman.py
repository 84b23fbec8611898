"""podman with our runtime: ``podman --runtime longshore-oci``."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.privileged.oci.box import wrapper
from tests.support.dockerd import remove_cgroups
from tests.support.images import busybox_layer
from tests.support.wait import until

LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096")
"""podman's own are above what a machine without CAP_SYS_RESOURCE can give."""


class Podman:
    """podman with storage of its own, and an image ``busybox``."""

    def __init__(self, base: Path) -> None:
        self._argv = ["podman", "--root", f"{base}/root", "--runroot", f"{base}/run", "--cgroup-manager", "cgroupfs"]
        self._argv += ["--events-backend", "file", "--runtime", str(wrapper(base / "longshore-oci"))]
        layer = base / "layer.tar"
        layer.write_bytes(busybox_layer())
        self.ok("import", str(layer), "busybox")

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run podman."""
        argv = [*self._argv, *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)

    def ok(self, *words: str) -> str:
        """The same where it must succeed: its standard output."""
        done = self.call(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """``podman run --rm``."""
        return self.call("run", "--rm", "--network", "none", *LIMITS, *words)

    def start(self, *words: str) -> str:
        """``podman run -d``: the id."""
        return self.ok("run", "-d", "--network", "none", *LIMITS, *words)


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    base = Path(tempfile.mkdtemp())
    base.chmod(0o755)  # for who is root in a user namespace; pytest's own directories are closed
    made = Podman(base)
    yield made
    made.ok("rm", "--all", "--force", "--time", "0")
    subprocess.run(["umount", "-q", f"{base}/root/overlay"], check=False)
    shutil.rmtree(base, ignore_errors=True)
    remove_cgroups("libpod_parent")


def test_run(podman: Podman) -> None:
    assert podman.run("busybox", "true").returncode == 0
    assert podman.run("busybox", "echo", "hello").stdout == "hello\n"
    assert podman.run("busybox", "sh", "-c", "exit 7").returncode == 7


def test_a_program_that_can_not_be_run(podman: Podman) -> None:
    missing = podman.run("busybox", "nothing")
    assert missing.returncode == 127 and "not found" in missing.stderr
    refused = podman.run("busybox", "/etc")
    assert refused.returncode == 126


def test_a_terminal(podman: Podman) -> None:
    done = podman.run("-t", "busybox", "sh", "-c", "tty; stty >/dev/null && echo set")
    assert done.stdout.split() == ["/dev/pts/0", "set"]


def test_stop_start_and_remove(podman: Podman) -> None:
    name = podman.start("busybox", "sh", "-c", "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done")
    until(lambda: podman.ok("logs", name) == "up")
    podman.ok("stop", "--time", "20", name)
    assert podman.ok("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name) == "exited 3"
    podman.ok("start", name)
    until(lambda: podman.ok("logs", name) == "up\nup")
    podman.ok("kill", name)
    assert podman.ok("wait", name) == "137"
    podman.ok("rm", name)


def test_exec(podman: Podman) -> None:
    name = podman.start("busybox", "sleep", "1000")
    assert podman.ok("exec", name, "echo", "inside") == "inside"
    assert podman.call("exec", name, "sh", "-c", "exit 6").returncode == 6
    assert podman.call("exec", name, "nothing").returncode == 127
    assert podman.ok("exec", "-t", "-e", "A=b", "-w", "/tmp", "-u", "5", name, "sh", "-c", "tty; echo $A $PWD $(id -u)").split()[1:] == [
        "b",
        "/tmp",
        "5",
    ]
    podman.ok("rm", "--force", "--time", "0", name)


def test_pause_and_update(podman: Podman) -> None:
    name = podman.start("--memory", "64m", "busybox", "sleep", "1000")
    podman.ok("pause", name)
    assert podman.ok("inspect", "--format", "{{.State.Status}}", name) == "paused"
    podman.ok("unpause", name)
    podman.ok("update", "--memory", "32m", "--memory-swap", "64m", name)
    assert podman.ok("exec", name, "cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes") == str(32 << 20)
    podman.ok("rm", "--force", "--time", "0", name)


def test_mounts_and_users(podman: Podman, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("bound")
    tmp_path.chmod(0o755)
    script = "cat /bound/file; touch /bound/x 2>&1 | grep -c 'Read-only'; touch /t/y && ls /t; id -u; cat /proc/1/oom_score_adj; hostname"
    flags = ["-v", f"{tmp_path}:/bound:ro", "--tmpfs", "/t", "--user", "12", "--hostname", "named", "--read-only", "--cap-drop", "all"]
    done = podman.run(*flags, "busybox", "sh", "-c", script)
    assert done.stdout.split() == ["bound1", "y", "12", "0", "named"], done.stderr


def test_a_tmpfs_starts_with_what_the_image_has_there(podman: Podman) -> None:
    done = podman.run("--tmpfs", "/etc:rw", "busybox", "sh", "-c", "mount | grep -c ' /etc type tmpfs'; ls /etc | grep passwd")
    assert done.stdout.split() == ["1", "passwd"], done.stderr


def test_privileged_host_network_and_init(podman: Podman) -> None:
    done = podman.call(
        "run", "--rm", "--network", "host", *LIMITS, "--privileged", "busybox", "sh", "-c", "ls /sys/class/net; ls /dev | wc -l"
    )
    assert done.returncode == 0, done.stderr
    assert "lo" in done.stdout.split() and int(done.stdout.split()[-1]) > 15


def test_a_user_namespace(podman: Podman) -> None:
    done = podman.run("--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536", "busybox", "sh", "-c", "id -u; cat /proc/self/uid_map")
    assert done.stdout.split() == ["0", "0", "100000", "65536"], done.stderr
