"""Mechanisms against containers and images that work against us while they are being started."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from pathlib import Path

import pytest

from engine import errors
from engine.linux.cgroups import open_cgroup
from engine.linux.processes import same, start_time
from engine.model.containers import Mount
from tests.privileged.isolation.box import Box, Runner
from tests.support.wait import until


def test_a_volume_that_swaps_its_directories_while_others_mount_in_it(box: Box, tmp_path: Path) -> None:
    """CVE-2021-30465: a mount target inside a shared volume becomes a link to the host's root between check and mount."""
    volume, victim = tmp_path / "volume", tmp_path / "victim"
    (volume / "dir").mkdir(parents=True)
    (victim / "inner").mkdir(parents=True)
    (volume / "link").symlink_to(victim)
    (tmp_path / "other").mkdir()
    root = os.open(volume, os.O_RDONLY | os.O_DIRECTORY)
    done = threading.Event()

    def swap() -> None:
        exchange = ctypes.CDLL(None, use_errno=True).renameat2
        while not done.is_set():
            exchange(root, b"dir", root, b"link", 2)

    racer = threading.Thread(target=swap)
    racer.start()
    before = Path("/proc/self/mountinfo").read_text().count("\n")
    mounts = (
        Mount(kind="bind", path=str(volume), target="/volume"),
        Mount(kind="bind", path=str(tmp_path / "other"), target="/volume/dir/inner"),
        Mount(kind="tmpfs", target="/volume/dir/new"),
    )
    try:
        for _ in range(25):
            try:
                assert box.run("true", mounts=mounts).status == 0
            except errors.StartFailed:
                continue
    finally:
        done.set()
        racer.join()
        os.close(root)
    assert [entry.name for entry in victim.iterdir()] == ["inner"]
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert before > 0


@pytest.mark.parametrize("user", ["", "user"])
def test_a_container_dies_with_the_process_that_made_it(box: Box, user: str) -> None:
    maker = Runner()
    other = Box(maker, box.base, box.work)
    running = other.up("sleep", "1000", config={"user": user})
    started = start_time(running.pid)
    os.kill(maker.pid, signal.SIGKILL)
    maker.close()
    until(lambda: not same(running.pid, started))
    until(open_cgroup(f"/longshore/{other.last_id}").remove)


def test_the_environment_of_the_maker_does_not_leak(box: Box) -> None:
    names = {line.partition("=")[0] for line in box.run("env").lines()}
    assert names == {"PATH", "HOSTNAME", "HOME"}
    assert "LC_CTYPE" not in names


def test_names_that_are_not_text(box: Box) -> None:
    result = box.run("sh", "-c", 'printf %s "$1" | od -An -tx1', "sh", os.fsdecode(b"\xff\xfe\xc3\xa9"))
    assert result.out.split() == ["ff", "fe", "c3", "a9"]


def test_nothing_remains(box: Box) -> None:
    for argv in (("true",), ("false",), ("nope",)):
        try:
            box.run(*argv)
        except errors.LongshoreError:
            pass
        assert not open_cgroup(f"/longshore/{box.last_id}").exists()
    assert str(box.work) not in Path("/proc/self/mountinfo").read_text()
