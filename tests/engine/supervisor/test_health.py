"""What a probe's result means, as arithmetic, and what is kept of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.model.health import HEALTHY, STARTING, UNHEALTHY, Healthcheck, HealthProbe, HealthReport, go_duration
from engine.store import health
from engine.store.roots import Roots
from engine.supervisor.health import judge, pause_before


def test_failures_add_up_and_one_success_forgives_all() -> None:
    check = Healthcheck(retries=2)
    assert judge(check, STARTING, 0, exit_code=1, age=1.0) == (STARTING, 1)
    assert judge(check, STARTING, 1, exit_code=-1, age=1.0) == (UNHEALTHY, 2)
    assert judge(check, UNHEALTHY, 2, exit_code=5, age=1.0) == (UNHEALTHY, 3)
    assert judge(check, UNHEALTHY, 3, exit_code=0, age=1.0) == (HEALTHY, 0)
    assert judge(check, HEALTHY, 0, exit_code=1, age=1.0) == (HEALTHY, 1)
    default = Healthcheck()
    assert judge(default, HEALTHY, 1, exit_code=1, age=1.0) == (HEALTHY, 2)
    assert judge(default, HEALTHY, 2, exit_code=1, age=1.0) == (UNHEALTHY, 3)


def test_the_start_period_counts_no_failures_and_ends_with_a_success() -> None:
    check = Healthcheck(retries=1, start_period=10.0)
    assert judge(check, STARTING, 0, exit_code=1, age=9.9) == (STARTING, 0)
    assert judge(check, STARTING, 0, exit_code=1, age=10.0) == (UNHEALTHY, 1)
    assert judge(check, STARTING, 0, exit_code=0, age=1.0) == (HEALTHY, 0)
    assert judge(check, HEALTHY, 0, exit_code=1, age=2.0) == (UNHEALTHY, 1)


def test_pauses() -> None:
    assert pause_before(Healthcheck(), STARTING, age=0.0) == 30.0
    assert pause_before(Healthcheck(interval=1.0), STARTING, age=0.0) == 1.0
    patient = Healthcheck(interval=60.0, start_period=10.0)
    assert pause_before(patient, STARTING, age=1.0) == 5.0
    assert pause_before(patient.replace(start_interval=2.0), STARTING, age=1.0) == 2.0
    assert pause_before(patient, STARTING, age=11.0) == pause_before(patient, HEALTHY, age=1.0) == 60.0
    assert pause_before(patient.replace(interval=1.0), STARTING, age=1.0) == 1.0


def test_commands() -> None:
    assert Healthcheck(test=("CMD", "a", "b")).command() == ("a", "b")
    assert Healthcheck(test=("CMD-SHELL", "a b")).command() == ("/bin/sh", "-c", "a b")
    assert Healthcheck(test=("CMD-SHELL", "a b")).command(("/bin/ash", "-ec")) == ("/bin/ash", "-ec", "a b")
    for test in ((), ("NONE",), ("CMD",), ("CMD-SHELL",), ("BOGUS", "a")):
        assert Healthcheck(test=test).command() == ()
    image = Healthcheck(test=("CMD", "a"), interval=5.0, retries=9)
    assert Healthcheck(retries=1).over(image) == Healthcheck(test=("CMD", "a"), interval=5.0, retries=1)
    assert Healthcheck(retries=1).over(None) == Healthcheck(retries=1)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.3, "300ms"), (1, "1s"), (1.5, "1.5s"), (30, "30s"), (90, "1m30s"), (3600, "1h0m0s"), (0.0015, "1.5ms")],
)
def test_durations_as_go_writes_them(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


def test_the_last_five_probes_are_kept(tmp_path: Path) -> None:
    roots = Roots(state=str(tmp_path / "s"), run=str(tmp_path / "r")).ensure()
    identity = "a" * 64
    assert health.read(roots, identity) == HealthReport()
    health.begin(roots, identity)  # nothing to begin with
    Path(roots.container_dir(identity)).mkdir()
    for number in range(7):
        probe = HealthProbe(started_at=1.0 + number, finished_at=2.0 + number, exit_code=1, output="\u00e4\n")
        health.add(roots, identity, probe, number + 1)
    report = health.read(roots, identity)
    assert report.failing_streak == 7 and [probe.started_at for probe in report.log] == [3.0, 4.0, 5.0, 6.0, 7.0]
    assert report.log[0].output == "\u00e4\n"
    health.begin(roots, identity)
    assert health.read(roots, identity) == report.replace(failing_streak=0)
    Path(roots.container_dir(identity), "health.json").write_text("{half")
    assert health.read(roots, identity) == HealthReport()
