"""What is said of limits that a machine can not set, for machines of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.linux import cgroup_limits
from engine.linux.cgroup_files import Layout

ALL: dict[str, Any] = {
    "memory": {"limit": 1, "swap": 2, "reservation": 1, "swappiness": 0, "disableOOMKiller": True},
    "cpu": {"quota": 1, "period": 1, "shares": 2, "cpus": "0", "mems": "0", "realtimePeriod": 1, "realtimeRuntime": 1},
    "pids": {"limit": 1},
    "blockIO": {"weight": 10, "weightDevice": [{}], "throttleReadBpsDevice": [{}], "throttleWriteIOPSDevice": [{}]},
    "devices": [{"allow": False}],
}


def ends(said: object) -> list[str]:
    """The last sentence of each."""
    return [text.removesuffix(".").rpartition(". ")[2] for text in said]  # type: ignore[attr-defined]


def test_without_control_groups_nothing_is_kept() -> None:
    assert ends(cgroup_limits.discarded(ALL, Layout())) == [
        "Limitation discarded",
        "Memory limited without swap",
        "Limitation discarded",
        "Memory swappiness discarded",
        "OomKillDisable discarded",
        "PIDs limit discarded",
        "Quota discarded",
        "Shares discarded",
        "Cpuset discarded",
        "Its limits are discarded",
        "Weight discarded",
        "Weight-device discarded",
        "Block I/O BPS read limit discarded",
        "Block I/O IOPS write limit discarded",
    ]
    assert not cgroup_limits.discarded({"memory": {}, "cpu": {"quota": None}, "devices": [{"allow": True}]}, Layout())


def test_version_2_has_what_is_delegated(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("memory pids\n")
    layout = Layout(v2=str(tmp_path))
    assert ends(cgroup_limits.discarded({"memory": {"limit": 1, "swap": 1}, "pids": {"limit": 1}}, layout)) == []
    assert ends(cgroup_limits.discarded(ALL, layout)) == [
        "Memory swappiness discarded",
        "OomKillDisable discarded",
        "Quota discarded",
        "Shares discarded",
        "Cpuset discarded",
        "Its limits are discarded",
        "Weight discarded",
        "Weight-device discarded",
        "Block I/O BPS read limit discarded",
        "Block I/O IOPS write limit discarded",
    ]


@pytest.mark.parametrize(("files", "kept"), [((), False), (("io.bfq.weight",), True), (("io.weight",), True)])
def test_version_2_and_weights(tmp_path: Path, files: tuple[str, ...], kept: bool) -> None:
    (tmp_path / "cgroup.controllers").write_text("io\n")
    (tmp_path / "below").mkdir()
    for name in ("cgroup.controllers", *files):
        (tmp_path / "below" / name).write_text("io\n")
    said = cgroup_limits.discarded({"blockIO": {"weight": 10, "throttleReadBpsDevice": [{}]}}, Layout(v2=str(tmp_path)))
    assert bool(said) is not kept


def test_version_1_has_what_its_groups_have(tmp_path: Path) -> None:
    for name in ("memory", "blkio"):
        (tmp_path / name / "below").mkdir(parents=True)
    for name in ("memory/below/memory.limit_in_bytes", "blkio/below/blkio.weight"):
        (tmp_path / name).write_text("")
    layout = Layout(v1={name: str(tmp_path / name) for name in ("memory", "blkio")})
    asked = {"memory": {"limit": 1, "swap": 2}, "blockIO": {"weight": 10}, "pids": {"limit": 3}}
    assert ends(cgroup_limits.discarded(asked, layout)) == ["Memory limited without swap", "PIDs limit discarded"]
    assert "PIDs limit" in cgroup_limits.sentence("pids.max") and "Weight discarded" in cgroup_limits.sentence("blkio.weight")
