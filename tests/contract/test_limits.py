"""Volumes of other containers, and limits of memory, block devices and device nodes."""

from __future__ import annotations

import asyncio
import os
import uuid
from typing import Any

import pytest

from engine.errors import InvalidArgument, LongshoreError, NotFound, StartFailed
from engine.linux import cgroups
from engine.model.containers import Mount, ThrottleDevice, UpdateConfig, WeightDevice
from tests.contract.lab import Lab, sh, volume

MIB = 1 << 20
BLKIO = "/sys/fs/cgroup/blkio/blkio"


def block_device() -> tuple[str, str]:
    """A block device of this machine: its path, and ``major:minor``."""
    for name in sorted(os.listdir("/sys/block")):
        if os.path.exists(f"/dev/{name}"):
            number = os.stat(f"/dev/{name}").st_rdev
            return f"/dev/{name}", f"{os.major(number)}:{os.minor(number)}"
    pytest.skip("no block device on this machine")


async def test_volumes_from(lab: Lab) -> None:
    giver = await lab.create("true", mounts=(volume("shared", "/data"),), volumes=("/more",))
    named = (await lab.inspect(giver)).container.name
    assert (await lab.run(*sh("echo one >/data/a; echo two >/more/b"), volumes_from=(named,))).code == 0
    taker = await lab.create(*sh("cat /data/a /more/b; touch /data/x"), volumes_from=(f"{giver}:ro",))
    found = await lab.inspect(taker)
    assert found.host_config.volumes_from == (f"{giver}:ro",)
    assert {mount.target: mount.read_only for mount in found.container.mounts} == {"/data": True, "/more": True}
    refused = await lab.run(*sh("cat /data/a /more/b; touch /data/x"), volumes_from=(f"{giver}:ro",))
    assert refused.out == b"one\ntwo\n" and b"Read-only file system" in refused.err
    # What the other container may not write, nobody may who takes it over.
    narrow = await lab.create("true", mounts=(volume("shared", "/data", read_only=True),))
    assert (await lab.run(*sh("touch /data/x"), volumes_from=(f"{narrow}:rw",))).code != 0


async def test_which_mount_of_several_wins(lab: Lab) -> None:
    givers = [await lab.create("true", mounts=(volume(name, "/data"), volume(f"only-{name}", f"/{name}"))) for name in ("first", "second")]
    for name in ("first", "second", "own"):
        assert (await lab.run(*sh(f"echo {name} >/data/name"), mounts=(volume(name, "/data"),))).code == 0
    both = await lab.run(*sh("cat /data/name; ls -d /first /second"), volumes_from=tuple(givers))
    assert both.out == b"second\n/first\n/second\n"
    own = await lab.run("cat", "/data/name", volumes_from=tuple(givers), mounts=(volume("own", "/data"),))
    assert own.out == b"own\n"
    # The image's own volume is not made where another container's is.
    over = await lab.create("true", volumes_from=tuple(givers), volumes=("/data", "/fresh"))
    assert {mount.target: mount.source for mount in (await lab.inspect(over)).container.mounts}["/data"] == "second"


async def test_a_bind_is_taken_over_too(lab: Lab) -> None:
    giver = await lab.create("true", mounts=(Mount(kind="bind", source="/etc", target="/host", read_only=True),))
    assert (await lab.run(*sh("test -f /host/passwd && ! touch /host/x"), volumes_from=(giver,))).code == 0


async def test_anonymous_volumes_live_as_long_as_somebody_has_them(lab: Lab) -> None:
    giver = await lab.finished(*sh("echo kept >/data/a"), volumes=("/data",))
    taker = await lab.create("cat", "/data/a", volumes_from=(giver,))
    name = (await lab.inspect(taker)).container.mounts[0].source
    await lab.engine.containers.remove(giver, volumes=True)
    assert (await lab.engine.volumes.inspect(name)).name == name
    await lab.engine.containers.start(taker)
    await lab.engine.containers.wait(taker)
    assert [line.data.strip() for line in await lab.logs(taker)] == [b"kept"]
    await lab.engine.containers.remove(taker, volumes=True)
    with pytest.raises(NotFound):
        await lab.engine.volumes.inspect(name)


async def test_what_volumes_from_refuses(lab: Lab) -> None:
    giver = await lab.create("true")
    with pytest.raises(InvalidArgument, match="No such container: nobody"):
        await lab.create("true", volumes_from=("nobody",))
    with pytest.raises(LongshoreError, match=r"(?i)invalid mode"):
        await lab.create("true", volumes_from=(f"{giver}:wrong",))
    assert await lab.engine.volumes.list() == []


@pytest.mark.skipif(cgroups.detect().version != 1, reason="version 2 has weights, into which shares beyond the range are fitted")
async def test_shares_beyond_what_the_kernel_takes(lab: Lab) -> None:
    most = await lab.sleeper(cpu_shares=262144)
    assert (await lab.inspect(most)).host_config.cpu_shares == 262144
    with pytest.raises(LongshoreError, match="the maximum allowed cpu-shares is 262144"):
        await lab.engine.containers.update(most, UpdateConfig(cpu_shares=262145))
    assert (await lab.inspect(most)).host_config.cpu_shares == 262144
    for shares, why in ((262145, "the maximum allowed cpu-shares is 262144"), (1, "the minimum allowed cpu-shares is 2")):
        container = await lab.create("true", cpu_shares=shares)
        with pytest.raises(StartFailed, match=why):
            await lab.engine.containers.start(container)


async def test_throttled_devices(lab: Lab) -> None:
    path, number = block_device()
    limits = {
        "device_read_bps": (ThrottleDevice(path=path, rate=MIB),),
        "device_write_bps": (ThrottleDevice(path=path, rate=2 * MIB),),
        "device_read_iops": (ThrottleDevice(path=path, rate=300),),
        "device_write_iops": (ThrottleDevice(path=path, rate=400),),
    }
    container = await lab.sleeper(**limits)
    files = [f"{BLKIO}.throttle.{way}_{what}_device" for what in ("bps", "iops") for way in ("read", "write")]
    read = await lab.exec(container, "cat", *files)
    assert read.out.decode().split("\n")[:4] == [f"{number} {rate}" for rate in (MIB, 2 * MIB, 300, 400)]
    host = (await lab.inspect(container)).host_config
    assert {name: getattr(host, name) for name in limits} == limits


async def test_a_device_that_is_none(lab: Lab) -> None:
    with pytest.raises(LongshoreError, match=r"(?i)/dev/nothing-here.*|no such file"):
        container = await lab.create("true", device_read_bps=(ThrottleDevice(path="/dev/nothing-here", rate=1),))
        await lab.engine.containers.start(container)


async def test_block_io_weights(lab: Lab) -> None:
    """Where the host has no weights (docker looks for CFQ's alone) it is said, and the limit discarded."""
    path, _ = block_device()
    container = await lab.sleeper(blkio_weight=300, blkio_weight_device=(WeightDevice(path=path, weight=200),))
    host = (await lab.inspect(container)).host_config
    read = await lab.exec(container, *sh(f"cat {BLKIO}.weight {BLKIO}.bfq.weight 2>/dev/null"))
    assert (host.blkio_weight, read.out.decode().split()[:1]) in ((300, ["300"]), (0, []), (0, ["100"]))
    if host.blkio_weight:
        with pytest.raises(InvalidArgument, match=r"(?i)range of blkio weight is from 10 to 1000"):
            await lab.create("true", blkio_weight=9)
        await lab.engine.containers.update(container, UpdateConfig(blkio_weight=500))
        read = await lab.exec(container, *sh(f"cat {BLKIO}.weight {BLKIO}.bfq.weight 2>/dev/null"))
        assert read.out.decode().split()[:1] == ["500"]


async def test_memory_swappiness_and_the_oom_killer(lab: Lab) -> None:
    container = await lab.sleeper(memory=32 * MIB, memory_swappiness=7, oom_kill_disable=True)
    read = await lab.exec(container, *sh("cd /sys/fs/cgroup/memory; cat memory.swappiness; grep oom_kill_disable memory.oom_control"))
    assert read.out.decode().split() == ["7", "oom_kill_disable", "1"]
    host = (await lab.inspect(container)).host_config
    assert (host.memory_swappiness, host.oom_kill_disable) == (7, True)
    await lab.engine.containers.update(container, UpdateConfig(memory=48 * MIB, memory_swap=96 * MIB))
    assert (await lab.exec(container, "cat", "/sys/fs/cgroup/memory/memory.swappiness")).out == b"7\n"
    with pytest.raises(InvalidArgument, match=r"(?i)valid memory swappiness range is 0-100"):
        await lab.create("true", memory_swappiness=101)


async def test_device_rules(lab: Lab) -> None:
    script = sh("mknod /tmp/disk b 7 0 && dd if=/tmp/disk of=/dev/null count=1")
    refused = await lab.run(*script)
    assert refused.code and b"not permitted" in refused.err
    assert (await lab.run(*script, device_cgroup_rules=("b 7:* r",))).code == 0
    container = await lab.create("true", device_cgroup_rules=("b 7:* r", "c *:1 rwm"))
    assert (await lab.inspect(container)).host_config.device_cgroup_rules == ("b 7:* r", "c *:1 rwm")
    with pytest.raises(LongshoreError, match=r"(?i)invalid device cgroup"):
        await lab.start("true", device_cgroup_rules=("x 1:1 r",))


async def test_another_parent_for_the_control_group(lab: Lab) -> None:
    parent = f"/longshore-test-{uuid.uuid4().hex[:8]}"
    try:
        container = await lab.sleeper(cgroup_parent=parent, memory=32 * MIB)
        groups = (await lab.exec(container, "cat", "/proc/self/cgroup")).out.decode().splitlines()
        assert any(line.endswith(f":memory:{parent}/{container}") for line in groups)
        assert (await lab.inspect(container)).host_config.cgroup_parent == parent
        assert (await lab.exec(container, "cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes")).out == f"{32 * MIB}\n".encode()
        await lab.engine.containers.remove(container, force=True)
    finally:
        for hierarchy in os.listdir("/sys/fs/cgroup"):
            if os.path.isdir(f"/sys/fs/cgroup/{hierarchy}{parent}"):
                os.rmdir(f"/sys/fs/cgroup/{hierarchy}{parent}")


async def test_a_log_that_begins_new_files(lab: Lab) -> None:
    line = "echo line $i 0123456789012345678901234567890123456789012345678901234567890123456789"
    script = sh(f"i=0; while [ $i -lt 6000 ]; do {line}; i=$((i+1)); done")
    options = {"max-size": "100k", "max-file": "2"}
    container = await lab.finished(*script, log_driver="json-file", log_options=options)
    lines = [int(each.data.split()[1]) for each in await lab.logs(container)]
    assert 300 < len(lines) < 3500 and lines == list(range(6000 - len(lines), 6000))
    host = (await lab.inspect(container)).host_config
    assert (host.log_driver, dict(host.log_options)) == ("json-file", options)
    everything = await lab.finished(*script)
    assert len(await lab.logs(everything)) == 6000


async def test_a_container_without_a_log(lab: Lab) -> None:
    assert (await lab.run(*sh("echo seen"), log_driver="none")).out == b"seen\n"
    container = await lab.finished(*sh("echo kept by nobody"), log_driver="none")
    assert (await lab.state(container)).exit_code == 0 and (await lab.inspect(container)).log_path == ""
    with pytest.raises(LongshoreError, match="configured logging driver does not support reading"):
        await lab.logs(container)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"log_driver": "json-file", "log_options": {"nothing": "1"}}, "unknown log opt 'nothing' for json-file log driver"),
        ({"log_driver": "json-file", "log_options": {"max-file": "0"}}, "max-file cannot be less than 1"),
        ({"log_driver": "json-file", "log_options": {"max-size": "much"}}, "(?i)invalid size: 'much'"),
        ({"runtime": "nothing"}, "(?i)unknown.* runtime.*nothing"),
    ],
)
async def test_settings_of_drivers_that_make_no_sense(lab: Lab, settings: dict[str, Any], why: str) -> None:
    with pytest.raises(LongshoreError, match=why):
        await lab.start("true", **settings)


async def test_drivers_that_are_not_there(lab: Lab) -> None:
    """Both at the same time: dockerd looks for a plugin for fifteen seconds."""

    async def refused(**settings: Any) -> None:
        with pytest.raises(LongshoreError, match='plugin "nothing" not found'):
            await lab.start("true", **settings)

    await asyncio.gather(refused(log_driver="nothing"), refused(volume_driver="nothing", mounts=(volume("v", "/v"),)))
