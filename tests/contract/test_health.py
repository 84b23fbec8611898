"""Health checks: what the probes say, and what becomes of it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from engine.errors import InvalidArgument
from engine.model.containers import ContainerDetails
from engine.model.events import EventQuery
from engine.model.files import CommitConfig
from engine.model.health import Healthcheck
from tests.contract.lab import TIMEOUT, Lab
from tests.support.wait import until_async

QUICK = 0.2


def check(script: str, **settings: Any) -> Healthcheck:
    return Healthcheck(test=("CMD-SHELL", script), **{"interval": QUICK, **settings})


async def becomes(lab: Lab, container: str, health: str) -> ContainerDetails:
    """Wait until a container has a health."""

    async def look() -> ContainerDetails | None:
        details = await lab.inspect(container)
        return details if details.container.state.health == health else None

    found = await until_async(look, TIMEOUT, f"{container} becomes {health}")
    assert found is not None
    return found


async def probed(lab: Lab, container: str, count: int) -> ContainerDetails:
    """Wait until a container was probed ``count`` times."""

    async def look() -> ContainerDetails | None:
        details = await lab.inspect(container)
        return details if details.health is not None and len(details.health.log) >= count else None

    found = await until_async(look, TIMEOUT, f"{container} is probed {count} times")
    assert found is not None and found.health is not None
    return found


async def test_unhealthy_then_healthy(lab: Lab) -> None:
    """Failures count up to the retries, one success makes it healthy; list, inspect, filters and events tell."""
    container = await lab.sleeper(name="patient", healthcheck=check("echo looked; test -e /ok", retries=3))
    assert (await lab.state(container)).health in ("starting", "unhealthy")
    sick = await becomes(lab, container, "unhealthy")
    assert sick.health is not None and sick.health.failing_streak >= 3
    probe = sick.health.log[-1]
    assert (probe.exit_code, probe.output) == (1, "looked\n") and 0 < probe.started_at <= probe.finished_at <= time.time() + 1
    assert sick.container.state.running  # nobody restarts it
    assert await lab.names(filters={"health": ("unhealthy",)}) == ["patient"]
    assert (await lab.exec(container, "touch", "/ok")).code == 0
    well = await becomes(lab, container, "healthy")
    assert well.health is not None and well.health.failing_streak == 0 and len(well.health.log) <= 5
    shown = json.loads(well.raw)["State"]["Health"]
    assert shown["Status"] == "healthy" and {"Start", "End", "ExitCode", "Output"} == set(shown["Log"][-1])
    (row,) = await lab.engine.containers.list(filters={"health": ("healthy",)})
    assert row.state.health == "healthy"
    assert await lab.names(filters={"health": ("none",)}) == []
    query = EventQuery(since=0, until=time.time_ns(), filters={"container": (container,)})
    actions = [event.action async for event in lab.engine.system.events(query)]
    assert [action for action in actions if action.startswith("health_status")] == ["health_status: unhealthy", "health_status: healthy"]
    assert "exec_start: /bin/sh -c echo looked; test -e /ok" in actions and "exec_die" in actions


async def test_what_an_image_asks_for(images_lab: Lab) -> None:
    lab = images_lab
    image = f"{lab.host}/checked:latest"
    async for _ in lab.engine.images.pull(image):
        pass
    asked = (await lab.engine.images.inspect(image)).config.healthcheck
    assert asked == Healthcheck(test=("CMD-SHELL", "echo looked; test -e /ok"), interval=QUICK, retries=2)
    plain = await lab.start(image=image)
    assert (await lab.inspect(plain)).config.healthcheck == asked
    other = await lab.create(image=image, healthcheck=Healthcheck(retries=7, timeout=1.5))
    assert (await lab.inspect(other)).config.healthcheck == asked.replace(retries=7, timeout=1.5)
    never = await lab.start(image=image, healthcheck=Healthcheck(test=("NONE",)))
    state = await lab.inspect(never)
    assert state.container.state.health == "" and state.health is None
    await becomes(lab, plain, "unhealthy")


async def test_the_start_period_forgives(lab: Lab) -> None:
    container = await lab.sleeper(healthcheck=check("test -e /ok", retries=1, start_period=1000.0, start_interval=QUICK))
    details = await probed(lab, container, 3)
    assert details.health is not None and details.health.failing_streak == 0
    assert details.container.state.health == "starting"
    assert (await lab.exec(container, "touch", "/ok")).code == 0
    await becomes(lab, container, "healthy")
    assert (await lab.exec(container, "rm", "/ok")).code == 0
    await becomes(lab, container, "unhealthy")  # a success ended it


async def test_a_probe_that_takes_too_long(lab: Lab) -> None:
    container = await lab.sleeper(healthcheck=Healthcheck(test=("CMD", "sleep", "1000"), interval=QUICK, timeout=0.3, retries=1))
    details = await becomes(lab, container, "unhealthy")
    assert details.health is not None
    probe = details.health.log[0]
    assert (probe.exit_code, probe.output) == (-1, "Health check exceeded timeout (300ms)")


async def test_a_probe_that_is_not_there(lab: Lab) -> None:
    container = await lab.sleeper(healthcheck=Healthcheck(test=("CMD", "nothing-like-that"), interval=QUICK, retries=1))
    details = await becomes(lab, container, "unhealthy")
    assert details.health is not None and details.health.log[0].exit_code != 0
    assert "executable file not found" in details.health.log[0].output


async def test_a_probe_runs_like_the_container_and_its_output_is_bounded(lab: Lab) -> None:
    script = "id -u; echo $COLOR; pwd; yes | head -c 9000"
    container = await lab.sleeper(user="1234", env=("COLOR=red",), working_dir="/tmp", healthcheck=check(script))
    details = await becomes(lab, container, "healthy")
    assert details.health is not None
    output = details.health.log[0].output
    assert output.startswith("1234\nred\n/tmp\n")
    assert len(output) == 4096 + len("...") and output.endswith("...")


async def test_pause_stop_and_start(lab: Lab) -> None:
    """What is not looked after counts as unhealthy, until a probe says otherwise."""
    container = await lab.sleeper(healthcheck=check("echo well >&2"))
    details = await becomes(lab, container, "healthy")
    assert details.health is not None and details.health.log[0].output == "well\n"
    await lab.engine.containers.pause(container)
    assert (await lab.state(container)).health == "unhealthy"
    await lab.engine.containers.unpause(container)
    await becomes(lab, container, "healthy")
    await lab.engine.containers.stop(container, timeout=0)
    assert (await lab.state(container)).health == "unhealthy"
    await lab.engine.containers.start(container)
    assert (await lab.state(container)).health in ("starting", "healthy")
    await becomes(lab, container, "healthy")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"interval": 1e-6}, "Interval in Healthcheck cannot be less than"),
        ({"timeout": 1e-6}, "Timeout in Healthcheck cannot be less than"),
        ({"start_period": 1e-6}, "StartPeriod in Healthcheck cannot be less than"),
        ({"retries": -1}, "Retries in Healthcheck cannot be negative"),
    ],
)
async def test_what_is_refused(lab: Lab, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        await lab.create("true", healthcheck=Healthcheck(test=("CMD", "true"), **settings))


async def test_a_commit_keeps_the_check(images_lab: Lab) -> None:
    lab = images_lab
    asked = check("test -e /ok", retries=4)
    container = await lab.create(healthcheck=asked)
    await lab.engine.containers.commit(container, CommitConfig(reference="checked:1"))
    assert (await lab.engine.images.inspect("checked:1")).config.healthcheck == asked
