"""The operations of runtime-spec ``runtime.md`` on real bundles."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from pathlib import Path

import pytest

from tests.privileged.oci.box import Box, hook
from tests.support.wait import until

_F_GET_SEALS = 1034


def test_a_bundle_from_create_to_delete(box: Box) -> None:
    output = box.create("one", "/bin/echo", "hello")
    created = box.state("one")
    assert created["status"] == "created" and created["id"] == "one"
    assert created["bundle"] == str(box.bundle) and created["ociVersion"] == box.spec["ociVersion"]
    assert os.path.exists(f"/proc/{created['pid']}")
    assert output.read_text() == ""  # nothing of the program before start
    box.ok("start", "one")
    until(lambda: box.state("one")["status"] == "stopped")
    assert output.read_text() == "hello\n"
    assert box.state("one")["pid"] == 0
    box.ok("delete", "one")
    assert os.listdir(box.root) == []
    gone = box.call("state", "one")
    assert gone.returncode == 1 and "does not exist" in gone.stderr


def test_what_the_state_forbids(box: Box) -> None:
    box.create("one", "/bin/sleep", "1000")
    again = box.call("create", "--bundle", str(box.bundle), "one")
    assert again.returncode == 1 and "already exists" in again.stderr
    assert "not stopped: created" in box.call("delete", "one").stderr
    box.ok("start", "one")
    assert "cannot start an already running container" in box.call("start", "one").stderr
    assert "not stopped: running" in box.call("delete", "one").stderr
    box.ok("kill", "one", "KILL")
    until(lambda: box.state("one")["status"] == "stopped")
    assert "cannot start a container that has stopped" in box.call("start", "one").stderr
    assert "not running" in box.call("kill", "one", "KILL").stderr
    box.ok("delete", "one")
    assert box.call("delete", "one").returncode == 1
    box.ok("delete", "--force", "one")


def test_force_kills(box: Box) -> None:
    box.create("one", "/bin/sleep", "1000")
    pid = box.state("one")["pid"]
    box.ok("delete", "--force", "one")
    until(lambda: not os.path.exists(f"/proc/{pid}/exe"))
    assert os.listdir(box.root) == []


@pytest.mark.parametrize("spelled", ["TERM", "SIGTERM", "15"])
def test_signals(box: Box, spelled: str) -> None:
    output = box.create("one", "/bin/sh", "-c", "trap 'echo got it; exit' TERM; echo ready; while :; do sleep 0.05; done")
    box.ok("start", "one")
    until(lambda: "ready" in output.read_text())
    box.ok("kill", "one", spelled)
    until(lambda: box.state("one")["status"] == "stopped")
    assert "got it" in output.read_text()


def test_a_pid_file(box: Box, tmp_path: Path) -> None:
    box.create("one", "/bin/true", options=("--pid-file", str(tmp_path / "pid")))
    assert int((tmp_path / "pid").read_text()) == box.state("one")["pid"]


def test_changes_of_the_bundle_after_create_do_not_matter(box: Box) -> None:
    output = box.create("one", "/bin/echo", "first")
    box.write("/bin/echo", "second")
    box.ok("start", "one")
    box.finish("one")
    assert output.read_text() == "first\n"


def test_the_interpreter_in_a_created_container_is_a_sealed_copy(box: Box) -> None:
    """CVE-2019-5736: until execve it is visible inside as ``/proc/1/exe``."""
    box.create("one", "/bin/true")
    exe = f"/proc/{box.state('one')['pid']}/exe"
    assert os.readlink(exe).startswith("/memfd:")
    with open(exe, "rb") as file:
        assert fcntl.fcntl(file, _F_GET_SEALS) == 0xF  # SEAL, SHRINK, GROW and WRITE


def test_a_missing_program_is_known_at_create(box: Box, tmp_path: Path) -> None:
    box.write("/bin/nothing")
    failed = box.call("create", "--bundle", str(box.bundle), "one", flags=("--log", str(tmp_path / "log"), "--log-format", "json"))
    assert failed.returncode == 1
    entry = json.loads((tmp_path / "log").read_text())
    assert entry["level"] == "error" and "no such file or directory" in entry["msg"]
    assert os.listdir(box.root) == []  # nothing half-made stays


def test_what_the_kernel_refuses_at_execve_is_start_s_error(box: Box, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/no-interpreter\n")
    script.chmod(0o755)
    box.spec["mounts"].append({"destination": "/tmp", "type": "bind", "source": str(tmp_path), "options": ["bind"]})
    box.create("one", "/tmp/script")
    failed = box.call("start", "one")
    assert failed.returncode == 1 and "exec /tmp/script: no such file or directory" in failed.stderr
    assert box.state("one")["status"] == "stopped"


def test_create_dies_and_so_does_the_container(box: Box, tmp_path: Path) -> None:
    """Killed in a hook, before there is a state to find the container by: init must not wait for ever."""
    box.spec["hooks"] = {"prestart": [hook(f"cat > {tmp_path}/state; kill -9 $PPID; sleep 100")]}
    box.write("/bin/true")
    assert box.call("create", "--bundle", str(box.bundle), "one").returncode == -signal.SIGKILL
    pid = json.loads((tmp_path / "state").read_text())["pid"]
    until(lambda: not os.path.exists(f"/proc/{pid}/exe"))
    assert box.state("one")["status"] == "stopped"
    box.ok("delete", "one")


def test_run_in_the_foreground(box: Box) -> None:
    box.write("/bin/sh", "-c", "echo said; exit 6")
    done = box.call("run", "--bundle", str(box.bundle), "one")
    assert (done.returncode, done.stdout) == (6, "said\n"), done.stderr
    assert os.listdir(box.root) == []
    box.write("/bin/sleep", "1000")
    with open(os.devnull, "r+b") as nothing:
        box.run_detached("one", nothing)
    assert box.state("one")["status"] == "running"
    assert [row["id"] for row in json.loads(box.ok("list", "--format", "json"))] == ["one"]
    assert box.ok("list", "-q") == "one\n"


def test_features_and_a_bundle_to_start_from(box: Box, tmp_path: Path, rootfs: Path) -> None:
    found = json.loads(box.ok("features"))
    assert found["ociVersionMin"] == "1.0.0" and "createContainer" in found["hooks"] and "tmpcopyup" in found["mountOptions"]
    assert {"mount", "pid", "user"} <= set(found["linux"]["namespaces"])
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "rootfs").symlink_to(rootfs)
    box.ok("spec", "--bundle", str(tmp_path / "new"))
    assert "exists" in box.call("spec", "--bundle", str(tmp_path / "new")).stderr
    spec = json.loads((tmp_path / "new" / "config.json").read_text())
    spec["process"] |= {"terminal": False, "args": ["/bin/echo", "made"]}
    (tmp_path / "new" / "config.json").write_text(json.dumps(spec))
    assert box.call("run", "--bundle", str(tmp_path / "new"), "one").stdout == "made\n"
