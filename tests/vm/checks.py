"""What the engine has to do with control groups of version 2: each check is a function of an engine with a busybox image.

They run inside the virtual machine, whose only hierarchy is the unified one; ``test_machine.py`` has a test for each.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Awaitable, Callable

from engine.errors import EngineFault
from engine.linux import cgroups
from engine.linux.cgroup_files import keyed
from engine.model.containers import (
    ContainerConfig,
    ContainerStatus,
    Device,
    HostConfig,
    PortBinding,
    ThrottleDevice,
    UpdateConfig,
    WeightDevice,
)
from engine.model.events import EventQuery
from engine.spawner import client as spawner
from tests.contract.lab import Lab, collect, sh
from tests.support.wait import until, until_async
from tests.vm import ordinary

Check = Callable[[Lab], Awaitable[None]]

CHECKS: dict[str, Check] = {}
ROOT = "/sys/fs/cgroup"
OURS = f"{ROOT}/longshore"
MIB = 1 << 20


def check(function: Check) -> Check:
    """Enter a function among the checks by its name."""
    CHECKS[function.__name__] = function
    return function


def value(container: str, file: str) -> str:
    """A control file of a container, seen from outside."""
    with open(f"{OURS}/{container}/{file}") as text:
        return text.read().strip()


def values(container: str, *files: str) -> list[str]:
    return [value(container, file) for file in files]


async def inside(lab: Lab, container: str, *files: str) -> list[str]:
    """Control files of a container, seen from inside."""
    result = await lab.exec(container, "cat", *(f"{ROOT}/{file}" for file in files))
    assert result.code == 0, result.err
    return result.out.decode().splitlines()


@check
async def the_machine_has_version_2(lab: Lab) -> None:
    assert cgroups.detect().version == 2 and not cgroups.detect().v1
    assert (await lab.engine.system.info()).cgroup_version == "2"


@check
async def memory_limits(lab: Lab) -> None:
    container = await lab.sleeper(memory=64 * MIB, memory_swap=96 * MIB, memory_reservation=32 * MIB)
    files = ("memory.max", "memory.swap.max", "memory.low")
    expected = [str(64 * MIB), str(32 * MIB), str(32 * MIB)]
    assert values(container, *files) == expected and await inside(lab, container, *files) == expected


@check
async def swap_as_docker_counts_it(lab: Lab) -> None:
    for swap, expected in ((0, str(16 * MIB)), (16 * MIB, "0"), (-1, "max")):
        container = await lab.sleeper(memory=16 * MIB, memory_swap=swap)
        assert values(container, "memory.max", "memory.swap.max") == [str(16 * MIB), expected], swap


@check
async def no_limits_without_asking(lab: Lab) -> None:
    container = await lab.sleeper()
    files = ("memory.max", "memory.swap.max", "memory.low", "cpu.max", "cpu.weight", "pids.max", "cpuset.cpus")
    assert values(container, *files) == ["max", "max", "0", "max 100000", "100", "max", ""]


@check
async def cpu_limits(lab: Lab) -> None:
    container = await lab.sleeper(nano_cpus=500_000_000, cpu_shares=512, cpuset_cpus="1")
    files = ("cpu.max", "cpu.weight", "cpuset.cpus", "cpuset.cpus.effective")
    expected = ["50000 100000", "59", "1", "1"]
    assert values(container, *files) == expected and await inside(lab, container, *files) == expected
    allowed = (await lab.exec(container, "grep", "Cpus_allowed_list", "/proc/self/status")).out.split()
    assert allowed == [b"Cpus_allowed_list:", b"1"]
    quota = await lab.sleeper(cpu_quota=25000, cpu_period=50000)
    assert value(quota, "cpu.max") == "25000 50000"


@check
async def a_busy_loop_is_throttled(lab: Lab) -> None:
    container = await lab.start(*sh("while :; do :; done"), nano_cpus=200_000_000)
    until(lambda: keyed(value(container, "cpu.stat"))["nr_throttled"] >= 5, what="it is throttled")
    first, start = keyed(value(container, "cpu.stat")), asyncio.get_running_loop().time()
    until(lambda: keyed(value(container, "cpu.stat"))["nr_periods"] >= first["nr_periods"] + 10, what="ten periods")
    used = keyed(value(container, "cpu.stat"))["usage_usec"] - first["usage_usec"]
    share = used / 1e6 / (asyncio.get_running_loop().time() - start)
    assert share < 0.35, f"it had {share:.2f} of a CPU"


@check
async def out_of_memory(lab: Lab) -> None:
    container = await lab.finished("tail", "/dev/zero", memory=16 * MIB, memory_swap=16 * MIB)
    state = await lab.state(container)
    assert (state.status, state.exit_code, state.oom_killed) == (ContainerStatus.EXITED, 137, True)
    fine = await lab.finished("true", memory=16 * MIB)
    assert not (await lab.state(fine)).oom_killed
    killed = await lab.finished(*sh("kill -9 $$"), memory=16 * MIB)
    assert not (await lab.state(killed)).oom_killed


@check
async def a_child_out_of_memory(lab: Lab) -> None:
    container = await lab.start(*sh("tail /dev/zero; echo child $?; sleep 1000"), memory=16 * MIB, memory_swap=16 * MIB)
    await lab.said(container, "child 137")
    query = EventQuery(since=0, filters={"container": (container,), "event": ("oom",)})
    event = (await collect(lab.engine.system.events(query), 1))[0]
    assert (event.action, event.id) == ("oom", container) and (await lab.state(container)).running


@check
async def a_fork_bomb_is_stopped(lab: Lab) -> None:
    beside = await lab.sleeper()
    container = await lab.start(*sh("f() { f | f & }; f; while :; do sleep 1; done"), pids_limit=24)
    assert value(container, "pids.max") == "24"
    until(lambda: keyed(value(container, "pids.events"))["max"] > 0, what="a fork is refused")
    assert int(value(container, "pids.current")) <= 24
    assert (await lab.exec(beside, "echo", "alive")).out == b"alive\n"
    await lab.engine.containers.remove(container, force=True)
    assert not os.path.exists(f"{OURS}/{container}")


@check
async def pause(lab: Lab) -> None:
    container = await lab.start(*sh("i=0; while :; do i=$((i+1)); echo $i >/n; done"))
    assert keyed(value(container, "cgroup.events"))["frozen"] == 0
    await lab.engine.containers.pause(container)
    assert (await lab.state(container)).status is ContainerStatus.PAUSED
    assert value(container, "cgroup.freeze") == "1" and keyed(value(container, "cgroup.events"))["frozen"] == 1
    used = keyed(value(container, "cpu.stat"))["usage_usec"]
    other = await lab.finished("true")  # time goes by
    assert (await lab.state(other)).exit_code == 0 and keyed(value(container, "cpu.stat"))["usage_usec"] == used
    await lab.engine.containers.unpause(container)
    assert value(container, "cgroup.freeze") == "0" and (await lab.state(container)).status is ContainerStatus.RUNNING
    until(lambda: keyed(value(container, "cpu.stat"))["usage_usec"] > used, what="it runs again")


@check
async def a_paused_container_can_be_killed(lab: Lab) -> None:
    container = await lab.sleeper()
    await lab.engine.containers.pause(container)
    await lab.engine.containers.remove(container, force=True)
    assert not os.path.exists(f"{OURS}/{container}")


@check
async def update_while_it_runs(lab: Lab) -> None:
    container = await lab.sleeper(memory=64 * MIB, pids_limit=100, cpu_shares=512)
    files = ("memory.max", "memory.swap.max", "pids.max", "cpu.weight", "cpu.max", "cpuset.cpus")
    assert values(container, *files) == [str(64 * MIB), str(64 * MIB), "100", "59", "max 100000", ""]
    update = UpdateConfig(memory=32 * MIB, memory_swap=48 * MIB, pids_limit=50, cpu_shares=1024, nano_cpus=500_000_000, cpuset_cpus="0")
    await lab.engine.containers.update(container, update)
    assert values(container, *files) == [str(32 * MIB), str(16 * MIB), "50", "100", "50000 100000", "0"]
    await lab.engine.containers.update(container, UpdateConfig(memory=128 * MIB, memory_swap=-1, pids_limit=-1))
    assert values(container, *files) == [str(128 * MIB), "max", "max", "100", "50000 100000", "0"]
    await lab.engine.containers.restart(container, timeout=0)
    assert values(container, *files) == [str(128 * MIB), "max", "max", "100", "50000 100000", "0"]


@check
async def a_limit_below_what_is_used_is_refused(lab: Lab) -> None:
    container = await lab.start(
        *sh("mkdir /t; mount -t tmpfs t /t; head -c 30000000 /dev/zero >/t/x; echo full; sleep 1000"),
        memory=64 * MIB,
        memory_swap=64 * MIB,
        cap_add=("SYS_ADMIN",),
        security_opt=("apparmor=unconfined",),
    )
    await lab.said(container, "full")
    try:
        await lab.engine.containers.update(container, UpdateConfig(memory=8 * MIB, memory_swap=8 * MIB))
    except EngineFault as error:
        refused = str(error)
    else:
        refused = ""
    assert "memory.max" in refused
    state = await lab.state(container)
    assert state.running and values(container, "memory.max", "memory.swap.max") == [str(64 * MIB), "0"]
    assert (await lab.inspect(container)).host_config.memory == 64 * MIB


@check
async def an_update_is_whole_or_not_at_all(lab: Lab) -> None:
    container = await lab.sleeper()
    asked = {"memory": {"limit": 32 * MIB, "swap": 64 * MIB}, "cpu": {"quota": 50000, "period": 100000, "cpus": "900"}}
    try:
        cgroups.open_cgroup(f"/longshore/{container}").update(asked)
    except OSError as error:
        refused = str(error.filename)
    else:
        refused = ""
    assert refused.endswith("/cpuset.cpus"), refused
    assert values(container, "memory.max", "memory.swap.max", "cpu.max", "cpuset.cpus") == ["max", "max", "max 100000", ""]


@check
async def block_devices(lab: Lab) -> None:
    with open("/sys/block/vda/dev") as file:
        device = file.read().strip()
    with open("/sys/block/vda/queue/scheduler", "w") as file:
        file.write("bfq")  # the one scheduler that knows weights of single devices
    container = await lab.sleeper(
        blkio_weight=500,
        blkio_weight_device=(WeightDevice(path="/dev/vda", weight=200),),
        device_write_bps=(ThrottleDevice(path="/dev/vda", rate=MIB),),
        device_read_iops=(ThrottleDevice(path="/dev/vda", rate=9),),
    )
    assert value(container, "io.bfq.weight").splitlines() == ["default 500", f"{device} 200"]
    assert sorted(value(container, "io.max").split()) == sorted([device, "rbps=max", f"wbps={MIB}", "riops=9", "wiops=max"])
    await lab.engine.containers.update(container, UpdateConfig(blkio_weight=300))
    assert value(container, "io.bfq.weight").splitlines() == ["default 300", f"{device} 200"]


@check
async def what_version_2_has_not_is_said(lab: Lab) -> None:
    host = HostConfig(network_mode="none", memory=32 * MIB, memory_swappiness=5, oom_kill_disable=True, cpu_rt_runtime=1000)
    created = await lab.engine.containers.create(ContainerConfig(image=lab.image, cmd=("true",)), host)
    assert [warning.split("support ")[1].split()[0] for warning in created.warnings] == ["memory", "OomKillDisable.", "CPU"]
    await lab.engine.containers.start(created.id)
    assert await lab.engine.containers.wait(created.id) is not None


@check
async def file_cache_gives_way_to_a_lower_limit(lab: Lab) -> None:
    container = await lab.start(*sh("head -c 30000000 /dev/zero >/x; sync; echo full; sleep 1000"), memory=64 * MIB)
    await lab.said(container, "full")
    assert int(value(container, "memory.current")) > 12 * MIB
    await lab.engine.containers.update(container, UpdateConfig(memory=8 * MIB, memory_swap=8 * MIB))
    assert value(container, "memory.max") == str(8 * MIB) and int(value(container, "memory.current")) <= 8 * MIB


@check
async def statistics(lab: Lab) -> None:
    script = "head -c 8000000 /dev/zero >/x; sync; ping -c 1 $(ip route | cut -d' ' -f3 | head -1) >/dev/null; echo go; while :; do :; done"
    container = await lab.start(*sh(script), memory=64 * MIB, pids_limit=50, nano_cpus=500_000_000, network_mode="bridge")
    await lab.said(container, "go")
    found = (await collect(lab.engine.containers.stats(container), 3))[-1]
    assert (found.memory_limit, found.pids_limit, found.online_cpus) == (64 * MIB, 50, 2)
    assert 0 < found.memory_usage < 64 * MIB and 1 <= found.pids <= 3, found
    assert 10 < found.cpu_percent < 80 and found.cpu_total > 0 and found.cpu_user > 0, found
    assert found.block_write >= 7_000_000 and found.network_tx > 0, found


@check
async def devices_that_are_not_given(lab: Lab) -> None:
    container = await lab.sleeper()
    script = "mknod /disk b 254 0 && head -c 1 /disk"
    result = await lab.exec(container, *sh(script))
    assert result.code != 0 and b"/disk: Operation not permitted" in result.err, result
    usual = await lab.exec(container, *sh("head -c 1 /dev/zero | od -An -c; echo x >/dev/null; mknod /n c 1 3; echo y >/n"))
    assert (usual.code, usual.out.split()) == (0, [b"\\0"]), usual


@check
async def a_device_that_is_given_to_read(lab: Lab) -> None:
    container = await lab.sleeper(devices=(Device(path_on_host="/dev/vda", path_in_container="/dev/disk", permissions="r"),))
    assert (await lab.exec(container, *sh("head -c 512 /dev/disk | wc -c"))).out == b"512\n"
    written = await lab.exec(container, *sh("true >>/dev/disk"))
    assert written.code != 0 and b"not permitted" in written.err, written


@check
async def privileged_has_every_device(lab: Lab) -> None:
    container = await lab.sleeper(privileged=True)
    assert (await lab.exec(container, *sh("mknod /disk b 254 0 && head -c 512 /disk | wc -c"))).out == b"512\n"


@check
async def a_rule_against_mknod(lab: Lab) -> None:
    group = cgroups.open_cgroup("/longshore/rules")
    group.create()
    group.apply({"devices": [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rw"}]})
    script = f"echo $$ >{OURS}/rules/cgroup.procs; echo ok >/dev/null && echo null; busybox head -c 1 /dev/zero; busybox mknod /tmp/n c 1 3"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "null\n" and done.returncode != 0 and done.stderr.count("Operation not permitted") == 2, done
    assert group.remove()


@check
async def a_namespace_of_its_own(lab: Lab) -> None:
    container = await lab.sleeper()
    assert (await lab.exec(container, "cat", "/proc/self/cgroup")).out == b"0::/\n"
    listed = (await lab.exec(container, *sh(f"cat {ROOT}/cgroup.procs; mkdir {ROOT}/x"))).err
    assert b"Read-only file system" in listed
    shared = await lab.sleeper(cgroupns_mode="host")
    assert (await lab.exec(shared, "cat", "/proc/self/cgroup")).out == f"0::/longshore/{shared}\n".encode()
    assert (await lab.exec(shared, "cat", f"{ROOT}/longshore/{shared}/pids.max")).out == b"max\n"


@check
async def processes(lab: Lab) -> None:
    container = await lab.start(*sh("sleep 1000 & sleep 1000"))
    session = await lab.exec(container, *sh("sleep 1001 >/dev/null 2>&1 & cat /proc/self/cgroup"))
    assert session.out == b"0::/\n"
    table = await lab.engine.containers.top(container)
    assert len(table.rows) == len(value(container, "cgroup.procs").split()) == 3, table


NESTED = f"cd {ROOT} && mkdir init && for p in $(cat cgroup.procs); do echo $p >init/cgroup.procs; done; echo '+pids +memory' >cgroup.subtree_control"


@check
async def an_init_that_makes_groups_below(lab: Lab) -> None:
    """As systemd does: its group has no processes then, and an exec goes to where the first process is."""
    container = await lab.start(*sh(f"{NESTED} && echo nested; sleep 1000"), security_opt=("writable-cgroups=true",), memory=64 * MIB)
    await lab.said(container, "nested")
    assert value(container, "cgroup.procs") == "" and value(container, "init/cgroup.procs")
    assert (await lab.exec(container, "cat", "/proc/self/cgroup")).out == b"0::/init\n"
    await lab.engine.containers.update(container, UpdateConfig(memory=32 * MIB, memory_swap=32 * MIB))
    assert value(container, "memory.max") == str(32 * MIB)
    found = (await collect(lab.engine.containers.stats(container), 1))[-1]
    assert found.memory_limit == 32 * MIB and found.pids == 1
    await lab.engine.containers.pause(container)
    assert keyed(value(container, "init/cgroup.events"))["frozen"] == 1
    await lab.engine.containers.unpause(container)
    await lab.engine.containers.restart(container, timeout=0)
    await lab.said(container, "nested")
    await lab.engine.containers.remove(container, force=True)
    assert not os.path.exists(OURS)


@check
async def the_default_network(lab: Lab) -> None:
    ports = (PortBinding(container_port=80, host_port=8080),)
    server = await lab.start(*sh("while :; do nc -l -p 80 -e echo hello; done"), network_mode="bridge", port_bindings=ports)
    address = (await lab.inspect(server)).container.networks[0].ip_address
    client = await lab.sleeper(network_mode="bridge")

    async def answered() -> bool:
        return (await lab.exec(client, "nc", "-w", "5", address, "80")).out == b"hello\n"

    await until_async(answered, what="one container reaches the other")

    def published() -> bool:
        asked = subprocess.run(["busybox", "nc", "-w", "5", "127.0.0.1", "8080"], capture_output=True, check=False)
        return asked.stdout == b"hello\n"

    until(published, what="the published port answers")


def longshore(*arguments: str, prefix: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line's verb, after a shell's ``prefix``."""
    line = f"{prefix}exec {sys.executable} -c 'from engine.cli.main import entry; entry()' \"$@\""
    together = {**os.environ, **environment}
    return subprocess.run(["sh", "-ec", line, "sh", *arguments], capture_output=True, text=True, env=together, check=False)


def limits_hold(image: str, *, prefix: str, **environment: str) -> None:
    """A container that is run after ``prefix`` sees the limits that it was given."""
    limits = ("-m", "32m", "--pids-limit", "9")
    look = f"cat {ROOT}/memory.max {ROOT}/pids.max"
    ran = longshore("run", "--rm", "--network", "none", *limits, image, "sh", "-c", look, prefix=prefix, **environment)
    assert (ran.stdout.split(), ran.returncode) == ([str(32 * MIB), "9"], 0), ran


@check
async def an_oci_bundle(lab: Lab) -> None:
    """``longshore oci``: limits, devices, exec, pause, update and delete of a bundle, whose group is where it says."""
    with tempfile.TemporaryDirectory() as base:
        with tarfile.open("/busybox.tar") as tar:
            tar.extractall(f"{base}/rootfs")
        assert longshore("oci", "spec", "--bundle", base).returncode == 0
        with open(f"{base}/config.json") as file:
            spec = json.load(file)
        spec["process"] |= {"terminal": False, "args": ["sleep", "1000"]}
        limits = {"memory": {"limit": 32 * MIB, "swap": 48 * MIB}, "pids": {"limit": 9}, "unified": {"memory.high": str(24 * MIB)}}
        spec["linux"] |= {"cgroupsPath": "/longshore-bundle/one", "resources": limits}
        with open(f"{base}/config.json", "w") as file:
            json.dump(spec, file)

        def oci(*words: str) -> str:
            ran = longshore("oci", "--root", f"{base}/state", *words)
            assert ran.returncode == 0, ran
            return ran.stdout

        # The process keeps what it is given for its output: not our pipes.
        oci_create = longshore(
            "oci", "--root", f"{base}/state", "create", "--bundle", base, "one", prefix="exec </dev/null >/dev/null 2>&1; "
        )
        assert oci_create.returncode == 0, oci_create
        group = f"{ROOT}/longshore-bundle/one"

        def read(file: str) -> str:
            with open(f"{group}/{file}") as text:
                return text.read().strip()

        assert [read(f"memory.{name}") for name in ("max", "swap.max", "high")] == [str(size * MIB) for size in (32, 16, 24)]
        assert read("pids.max") == "9" and json.loads(oci("state", "one"))["status"] == "created"
        oci("start", "one")
        seen = oci("exec", "one", "sh", "-c", f"cat {ROOT}/memory.max; mknod /dev/d b 254 0; cat /dev/d 2>&1 | grep -c permitted")
        assert seen.split() == [str(32 * MIB), "1"]
        oci("pause", "one")
        assert json.loads(oci("state", "one"))["status"] == "paused"
        oci("resume", "one")
        oci("update", "--pids-limit", "5", "one")
        assert read("pids.max") == "5"
        oci("delete", "--force", "one")
        assert not os.path.exists(f"{ROOT}/longshore-bundle")


@check
async def an_engine_in_a_delegated_group(lab: Lab) -> None:
    """As in a scope of systemd with ``Delegate=yes``: the processes of that scope are not disturbed, limits hold."""
    scope = f"{ROOT}/user.slice/app.scope"
    os.makedirs(scope)
    try:
        limits_hold("vm/busybox", prefix=f"echo $$ >{scope}/cgroup.procs; ")
    finally:
        until(lambda: _emptied(scope), what="the scope is empty")
        os.rmdir(scope)
        os.rmdir(os.path.dirname(scope))


def _emptied(scope: str) -> bool:
    """Send what stays (the warm spawner) to the root."""
    with open(f"{scope}/cgroup.procs") as file:
        pids = file.read().split()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError), open(f"{ROOT}/cgroup.procs", "w") as root:
            root.write(pid)
    return not pids


@check
async def an_engine_in_a_container(lab: Lab) -> None:
    """The root that it sees is a group with processes, its own among them: they make room, and limits hold."""
    box = f"{ROOT}/box"
    os.makedirs(box)
    prefix = f'echo $$ >{box}/cgroup.procs; exec {sys.executable} -m tests.vm.boxed "$@"; '
    try:
        environment = {"LONGSHORE_ROOT": "/var/lib/longshore-box", "LONGSHORE_RUN": "/run/longshore-box"}
        loaded = longshore("import", "/busybox.tar", "box", prefix=prefix, **environment)
        assert loaded.returncode == 0, loaded
        limits_hold("box", prefix=prefix, **environment)
    finally:
        with open(f"{box}/cgroup.kill", "w") as file:
            file.write("1")
        until(lambda: cgroups.open_cgroup("/box").remove(), what="the box is gone")


@check
async def an_ordinary_user_in_a_delegated_group(lab: Lab) -> None:
    """As in a session of a user whose manager systemd has given a group: limits hold, pause works, nothing is left in the group."""
    slice_, home = f"{ROOT}/user.slice", "/tmp/home"
    session = f"{slice_}/session"
    with open(f"{ROOT}/cgroup.subtree_control", "w") as file:
        file.write("+memory +pids")
    os.makedirs(session)
    os.makedirs(home)
    for path in (home, *(f"{group}{file}" for group in (slice_, session) for file in ("", "/cgroup.procs", "/cgroup.subtree_control"))):
        os.chown(path, ordinary.USER, ordinary.USER)
    prefix = f'cd {home}; echo $$ >{session}/cgroup.procs; exec {sys.executable} -m tests.vm.ordinary "$@"; '
    environment = {"HOME": home, "LONGSHORE_ROOT": f"{home}/state", "LONGSHORE_RUN": f"{home}/run"}

    def verb(*words: str) -> str:
        done = longshore(*words, prefix=prefix, **environment)
        assert done.returncode == 0, done
        return done.stdout

    try:
        verb("import", "/busybox.tar", "own")
        limits_hold("own", prefix=prefix, **environment)
        verb("run", "-d", "--name", "box", "--network", "none", "own", "sleep", "1000")
        verb("pause", "box")
        assert verb("inspect", "--format", "{{.State.Status}}", "box") == "paused\n"
        verb("rm", "-f", "box")
        until(lambda: not os.path.exists(f"{slice_}/longshore"), what="its groups go with the last container")
        with open(f"{home}/run/engine.log") as file:
            assert not (text := file.read()), text
    finally:
        with open(f"{slice_}/cgroup.kill", "w") as file:
            file.write("1")
        until(lambda: cgroups.open_cgroup("/user.slice").remove(), what="the user has gone")


@check
async def nothing_went_wrong_unseen(lab: Lab) -> None:
    """The last one: the spawner and its supervisors have complained of nothing all the time."""
    logs = [f"{run}/{spawner.LOG}" for run in ("/run/longshore", "/run/longshore-box")]
    assert os.path.isdir("/run/longshore")
    for log in filter(os.path.exists, logs):
        with open(log) as file:
            assert not (text := file.read()), text
