"""After a reboot containers come back, with the first command and once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.backends.embedded.boot import come_back
from engine.backends.embedded.recovery import sweep
from engine.model.containers import HostConfig, RestartPolicy
from engine.spawner import client as spawner
from engine.store.containers import ContainerRecord
from engine.supervisor import places
from engine.supervisor.restarts import comes_back
from engine.supervisor.trees import remove_tree
from tests.privileged.lab import CREATED, EXITED, RUNNING, Lab, alive, laboratory, unpack_busybox
from tests.support.wait import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with laboratory(tmp_path, unpack_busybox(tmp_path / "busybox")) as made:
        yield made


def policy(name: str, network_mode: str = "none") -> HostConfig:
    return HostConfig(network_mode=network_mode, restart_policy=RestartPolicy(name=name))


def reboot(lab: Lab) -> None:
    """Everything dies at once, and the run root is empty."""
    spawner.dismiss(lab.roots.run)
    for record in lab.containers.all():
        if supervisor := lab.supervisor(record.id):
            os.kill(supervisor, signal.SIGKILL)
            _gone(lab, record)
    remove_tree(lab.roots.run)
    lab.roots.ensure()


def _gone(lab: Lab, record: ContainerRecord) -> None:
    until(lambda: not alive(record.state.pid), what="the container dies with its supervisor")
    until(lambda: not places.alive(lab.roots, record.id))


def first_command(lab: Lab) -> None:
    assert sweep(lab.roots, lab.database) + come_back(lab.roots, lab.database) == []


def test_what_comes_back_after_a_reboot(lab: Lab) -> None:
    first_command(lab)
    always, unless, failing, plain = (
        lab.run("sleep", "1000", host=policy(name)) for name in ("always", "unless-stopped", "on-failure", "no")
    )
    guest = lab.run("sleep", "1000", host=policy("always", f"container:{always}"))
    stopped, kept = (lab.run("sleep", "1000", host=policy(name)) for name in ("always", "unless-stopped"))
    for container in (stopped, kept):
        lab.life.stop(container, timeout=0)
    never = lab.make("sleep", "1000", host=policy("always"))
    first_command(lab)  # no reboot, nothing to do
    assert lab.state(stopped).status is EXITED
    reboot(lab)
    first_command(lab)
    found = {container: lab.state(container).status for container in (always, unless, failing, plain, guest, stopped, kept, never)}
    assert found == {
        **dict.fromkeys((always, unless, failing, guest, stopped), RUNNING),
        **dict.fromkeys((plain, kept), EXITED),
        never: CREATED,
    }
    assert lab.state(plain).exit_code == 255
    lab.life.stop(stopped, timeout=0)
    first_command(lab)  # once in a boot
    assert lab.state(stopped).status is EXITED


def test_one_that_does_not_start_keeps_nobody_else(lab: Lab) -> None:
    broken, good = (lab.run("sleep", "1000", host=policy("always")) for _ in range(2))
    reboot(lab)
    Path(lab.roots.container_dir(broken), "config.json").unlink()
    sweep(lab.roots, lab.database)
    (error,) = come_back(lab.roots, lab.database)
    assert "config.json" in error.message
    assert lab.state(good).status is RUNNING
    assert (lab.state(broken).status, lab.state(broken).error) == (EXITED, error.message)
    assert come_back(lab.roots, lab.database) == []


@pytest.mark.parametrize(
    ("name", "retries", "code", "count", "stopped", "back"),
    [
        ("always", 0, 0, 0, True, True),
        ("unless-stopped", 0, 0, 0, False, True),
        ("unless-stopped", 0, 1, 0, True, False),
        ("on-failure", 0, 0, 0, False, False),
        ("on-failure", 0, 1, 99, False, True),
        ("on-failure", 3, 1, 3, False, False),
        ("on-failure", 3, 1, 2, True, False),
        ("no", 0, 1, 0, False, False),
    ],
)
def test_docker_rules(name: str, retries: int, code: int, count: int, stopped: bool, back: bool) -> None:
    assert comes_back(RestartPolicy(name=name, max_retries=retries), code, count=count, manually_stopped=stopped) is back
