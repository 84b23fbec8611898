"""Limits are enforced, freezing freezes, killing kills."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import errors
from engine.linux.cgroups import detect, open_cgroup
from tests.privileged.isolation.box import Box, Running
from tests.support.wait import until

pytestmark = pytest.mark.skipif(detect().version == 0, reason="no cgroup hierarchy is mounted")

EAT = "dd if=/dev/zero of=/dev/shm/eat bs=1M count=60"


def test_memory(box: Box) -> None:
    result = box.sh(EAT, memory=16 << 20, memory_swap=16 << 20)
    assert result.status != 0
    assert result.oom_kills >= 1
    assert result.removed
    fine = box.sh(EAT)
    assert (fine.status, fine.oom_kills) == (0, 0)


def test_the_smallest_memory_limit_still_starts(box: Box) -> None:
    result = box.sh("echo started", memory=6 << 20, memory_swap=6 << 20)
    assert (result.out, result.oom_kills) == ("started\n", 0)


def test_pids(box: Box) -> None:
    script = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & done"
    assert "can't fork" in box.sh(script, pids_limit=5).err
    assert box.sh(script).err == ""


def test_files_say_what_was_asked_for(up: Callable[..., Running], box: Box) -> None:
    up("sleep", "1000", memory=64 << 20, nano_cpus=500_000_000, cpu_shares=512, cpuset_cpus="0", pids_limit=77)
    group = open_cgroup(f"/longshore/{box.last_id}")
    if detect().version == 1:
        wanted = {
            ("memory", "memory.limit_in_bytes"): str(64 << 20),
            ("memory", "memory.memsw.limit_in_bytes"): str(128 << 20),
            ("cpu", "cpu.cfs_quota_us"): "50000",
            ("cpu", "cpu.cfs_period_us"): "100000",
            ("cpu", "cpu.shares"): "512",
            ("cpuset", "cpuset.cpus"): "0",
            ("pids", "pids.max"): "77",
        }
    else:
        wanted = {
            ("memory", "memory.max"): str(64 << 20),
            ("memory", "memory.swap.max"): str(64 << 20),
            ("cpu", "cpu.max"): "50000 100000",
            ("cpu", "cpu.weight"): "59",
            ("cpuset", "cpuset.cpus"): "0",
            ("pids", "pids.max"): "77",
        }
    for (controller, file), value in wanted.items():
        path = Path(group.directory(controller), file)
        if path.exists() or not file.startswith(("memory.memsw", "memory.swap")):
            assert path.read_text().strip() == value, file


def test_cpu(up: Callable[..., Running], box: Box) -> None:
    running = up("sh", "-c", "while :; do :; done", nano_cpus=100_000_000)
    group = open_cgroup(f"/longshore/{box.last_id}")
    until(lambda: int(dict(_stat(group.directory("cpu"))).get("nr_throttled", "0")) > 2, what="throttling")
    assert running.pid in group.pids()


def _stat(directory: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (line.partition(" ") for line in Path(directory, "cpu.stat").read_text().splitlines())]


def test_freeze_and_thaw(up: Callable[..., Running], box: Box) -> None:
    running = up("sh", "-c", "while :; do echo . >> /tmp/count; done")
    group = open_cgroup(f"/longshore/{box.last_id}")
    count = Path(f"/proc/{running.pid}/root", "tmp/count")
    until(count.exists)
    group.freeze()
    size = count.stat().st_size
    assert all(count.stat().st_size == size for _ in range(200))
    group.thaw()
    until(lambda: count.stat().st_size > size)


def test_kill_reaches_everything_even_frozen(box: Box, up: Callable[..., Running]) -> None:
    up("sh", "-c", "sleep 1000 & sleep 1001 & trap '' TERM; while :; do sleep 1002; done")
    group = open_cgroup(f"/longshore/{box.last_id}")
    until(lambda: len(group.pids()) >= 4)
    group.freeze()
    group.kill()
    until(lambda: all(_state(pid) in ("Z", "") for pid in group.pids()))


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def test_a_group_is_refused_removal_while_it_lives(box: Box, up: Callable[..., Running]) -> None:
    up("sleep", "1000")
    group = open_cgroup(f"/longshore/{box.last_id}")
    assert group.exists()
    assert not group.remove()


@pytest.mark.parametrize("limit", [{"cpuset_cpus": "4000"}, {"cpuset_mems": "99"}])
def test_what_the_kernel_refuses(box: Box, limit: dict[str, Any]) -> None:
    with pytest.raises(errors.StartFailed, match="error setting the container's limits"):
        box.run("true", **limit)
    assert not os.path.exists(open_cgroup(f"/longshore/{box.last_id}").directory("pids"))
