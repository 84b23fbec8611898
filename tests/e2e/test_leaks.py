"""The suite leaves nothing behind, also when a test fails in the middle: a test that fails is run, and the machine looked at."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support import leaks
from tests.support.registry import Registry

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

FAILING = """
from tests.support.stateroot import state_root

def test_that_fails(tmp_path):
    with state_root(str(tmp_path / "m"), {registry!r}, ["busybox"]) as machine:
        machine.out("network", "create", "leaky")
        machine.out("run", "-d", "-p", "127.0.0.1::80", "--name", "one", "busybox", "sleep", "1000")
        machine.out("run", "-d", "--network", "leaky", "-v", "vol:/data", "--name", "two", "busybox", "sleep", "1000")
        print("HALFWAY", machine.out("ps", "-q").split())
        raise AssertionError("on purpose")
"""


def test_a_failed_test_leaves_nothing(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "test_failing.py").write_text(FAILING.format(registry=registry.host))
    before = leaks.snapshot()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--basetemp={tmp_path}/base",
            f"--rootdir={tmp_path}",
            "-c",
            os.devnull,
            str(tmp_path / "test_failing.py"),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ROOT, "CI": ""},
        check=False,
    )
    assert done.returncode == 1 and "on purpose" in done.stdout and "HALFWAY" in done.stdout, done.stdout + done.stderr
    found = leaks.left_over(before)
    if not os.environ.get("CI"):
        # Others may work on this machine: only what names this test's folder is certainly ours.
        found = {kind: [name for name in names if str(tmp_path) in name] for kind, names in found.items()}
    assert not any(found.values()), found


def test_a_leak_would_be_seen(tmp_path: Path) -> None:
    before = leaks.snapshot()
    os.mkdir(tmp_path / "mount")
    subprocess.run(["mount", "-t", "tmpfs", "leak", str(tmp_path / "mount")], check=True)
    try:
        with subprocess.Popen(["sleep", "1000"]) as sleeper:
            try:
                found = leaks.left_over(before, timeout=0)
            finally:
                sleeper.kill()
    finally:
        subprocess.run(["umount", str(tmp_path / "mount")], check=True)
    assert any(str(tmp_path) in name for name in found["mounts"])
    assert any("sleep 1000" in name for name in found["processes"])
