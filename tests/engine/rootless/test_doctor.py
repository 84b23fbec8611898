"""What an ordinary user is told of missing limits, on machines of every kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.linux import cgroups
from engine.linux.cgroup_files import Layout
from engine.rootless import doctor


@pytest.mark.parametrize(
    ("controllers", "lacking"),
    [("cpuset cpu io memory pids hugetlb", ""), ("memory pids", "cpu, cpuset, io"), ("", "cpu, cpuset, io, memory, pids")],
)
def test_what_is_not_delegated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controllers: str, lacking: str) -> None:
    """systemd gives its users memory and pids alone unless somebody says otherwise."""
    (tmp_path / "cgroup.controllers").write_text(controllers + "\n")
    monkeypatch.setattr(cgroups, "detect", lambda: Layout(v2=str(tmp_path)))
    said = doctor.cgroup()
    assert bool(said) is bool(lacking)
    if lacking:
        assert f"the cgroup controllers {lacking} are not delegated" in said
        assert "Delegate=cpu cpuset io memory pids" in said and "user@.service.d/delegate.conf" in said


def test_nothing_is_delegated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "detect", Layout)
    assert any(words in doctor.cgroup() for words in ("systemd.unified_cgroup_hierarchy=1", "--property Delegate=yes"))
