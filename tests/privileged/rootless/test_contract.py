"""The contract suite holds for an ordinary user's engine, but for what the kernel keeps from users."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.person import Person

_SOURCES = Path(__file__).resolve().parents[3]

_HOST = ("test_networks.py::test_a_container_in_the_default_network",)
"""The host reaches containers by published ports only, not by their addresses."""

_CGROUP = (
    "test_process.py::test_out_of_memory",
    "test_process.py::test_a_process_that_is_killed_for_want_of_memory_is_told_of_at_once",
    "test_process.py::test_too_many_processes",
    "test_lifecycle.py::test_pause_freezes_and_unpause_thaws",
    "test_lifecycle.py::test_a_paused_container_can_be_killed",
)
"""Needs a cgroup, which version 1 gives to root only."""


@pytest.mark.parametrize("part", ["process", "lifecycle", "networks", "connect", "volumes", "exec"])
def test_contract(anne: Person, part: str) -> None:
    left_out = [f"--deselect=tests/contract/{name}" for name in (*_HOST, *_CGROUP)]
    program = [sys.executable, "-m", "tests.privileged.rootless.contract", f"--rootdir={_SOURCES}", "-c", f"{_SOURCES}/pyproject.toml"]
    done = anne.execute(anne.any_command(*program, *left_out, f"{_SOURCES}/tests/contract/test_{part}.py"), timeout=300)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout and " skipped" not in done.stdout
