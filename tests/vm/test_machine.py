"""The engine on a machine with control groups of version 2, and no others, under AppArmor and under SELinux.

See :mod:`tests.vm.checks` and :mod:`tests.vm.confinement` for what is checked.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vm.boots import STEPS
from tests.vm.checks import CHECKS
from tests.vm.confinement import SELINUX
from tests.vm.machine import Disks, Report, build, run
from tests.vm.systemd import INIT

USUAL = [name for name in CHECKS if name not in SELINUX]


@pytest.fixture(scope="session")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disks]:
    directory = tmp_path_factory.mktemp("vm")
    try:
        yield build(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def report(disks: Disks, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The machine as Debian has it, with AppArmor."""
    return run(disks, _where(tmp_path_factory), USUAL)


@pytest.fixture(scope="session")
def selinux_report(disks: Disks, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The machine with SELinux in AppArmor's place."""
    return run(disks, _where(tmp_path_factory), SELINUX, options="security=selinux")


@pytest.fixture(scope="session")
def boots_report(disks: Disks, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The machine with systemd as its init, booted twice."""
    return run(disks, _where(tmp_path_factory), (), options=f"BOOT={INIT}", boots=True)


def _where(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("boot")


@pytest.mark.parametrize("name", USUAL)
def test_check(report: Report, name: str) -> None:
    _judge(report, name)


@pytest.mark.parametrize("name", SELINUX)
def test_under_selinux(selinux_report: Report, name: str) -> None:
    _judge(selinux_report, name)


@pytest.mark.parametrize("name", STEPS)
def test_under_systemd(boots_report: Report, name: str) -> None:
    _judge(boots_report, name)


def _judge(report: Report, name: str) -> None:
    record = report.records.get(name)
    if record is None:
        pytest.fail(f"the machine did not come to {name}; its console:\n{report.console}", pytrace=False)
    if record["error"]:
        pytest.fail(f"{record['error']}\nthe machine's console:\n{report.console}", pytrace=False)
