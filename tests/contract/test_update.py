"""Other limits for containers that run and that do not."""

from __future__ import annotations

import pytest

from engine.errors import LongshoreError, NotFound
from engine.model.containers import ContainerStatus, RestartPolicy, UpdateConfig
from engine.model.events import EventQuery
from tests.contract.lab import Lab, collect, sh

MIB = 1 << 20
READ = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/cpu/cpu.cfs_quota_us"


async def limits(lab: Lab, container: str) -> list[str]:
    return (await lab.exec(container, *sh(READ))).out.decode().split()


async def test_a_running_container(lab: Lab) -> None:
    container = await lab.sleeper(memory=64 * MIB, pids_limit=100, cpu_shares=512)
    assert (await limits(lab, container))[:3] == [str(64 * MIB), "100", "512"]
    update = UpdateConfig(memory=32 * MIB, memory_swap=48 * MIB, pids_limit=50, cpu_shares=256, nano_cpus=500_000_000)
    await lab.engine.containers.update(container, update)
    assert await limits(lab, container) == [str(32 * MIB), "50", "256", "50000"]
    await lab.engine.containers.update(container, UpdateConfig(memory=128 * MIB, memory_swap=256 * MIB, pids_limit=-1))
    assert await limits(lab, container) == [str(128 * MIB), "max", "256", "50000"]
    host = (await lab.inspect(container)).host_config
    assert (host.memory, host.memory_swap, host.cpu_shares, host.nano_cpus) == (128 * MIB, 256 * MIB, 256, 500_000_000)
    await lab.engine.containers.restart(container, timeout=0)
    assert await limits(lab, container) == [str(128 * MIB), "max", "256", "50000"]
    event = (await collect(lab.engine.system.events(EventQuery(since=1, filters={"event": ("update",), "container": (container,)})), 1))[0]
    assert (event.kind, event.action, event.id) == ("container", "update", container)


async def test_a_stopped_container(lab: Lab) -> None:
    container = await lab.create("sleep", "1000", memory=64 * MIB)
    await lab.engine.containers.update(container, UpdateConfig(memory=16 * MIB, cpuset_cpus="0"))
    host = (await lab.inspect(container)).host_config
    assert (host.memory, host.cpuset_cpus) == (16 * MIB, "0")
    await lab.engine.containers.start(container)
    assert (await limits(lab, container))[0] == str(16 * MIB)


async def test_a_restart_policy(lab: Lab) -> None:
    container = await lab.start(*sh("read x; exit 3"), open_stdin=True)
    await lab.engine.containers.update(container, UpdateConfig(restart_policy=RestartPolicy(name="on-failure", max_retries=1)))
    assert (await lab.inspect(container)).host_config.restart_policy == RestartPolicy(name="on-failure", max_retries=1)
    session = await lab.engine.containers.attach(container, stdin=True)
    await session.write(b"\n")
    while await session.read():
        pass
    await session.close()

    async def restarted() -> bool:
        state = await lab.state(container)
        return state.status is ContainerStatus.RUNNING and state.restart_count == 1

    from tests.support.wait import until_async

    await until_async(restarted, 60, "the container is restarted")


@pytest.mark.parametrize(
    "update",
    [
        UpdateConfig(memory=1),
        UpdateConfig(memory=1024 * MIB),
        UpdateConfig(memory=32 * MIB, memory_swap=16 * MIB),
        UpdateConfig(cpu_period=1),
        UpdateConfig(cpu_period=50_000),
        UpdateConfig(nano_cpus=10**15),
        UpdateConfig(cpuset_cpus="4000"),
        UpdateConfig(restart_policy=RestartPolicy(name="bogus")),
    ],
)
async def test_what_can_not_be(lab: Lab, update: UpdateConfig) -> None:
    container = await lab.sleeper(memory=64 * MIB, nano_cpus=500_000_000)
    before = await limits(lab, container), (await lab.inspect(container)).host_config
    with pytest.raises(LongshoreError):
        await lab.engine.containers.update(container, update)
    assert (await limits(lab, container), (await lab.inspect(container)).host_config) == before


async def test_nobody(lab: Lab) -> None:
    with pytest.raises(NotFound, match="No such container"):
        await lab.engine.containers.update("nope", UpdateConfig(memory=64 * MIB))
