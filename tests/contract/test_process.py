"""What a container's process finds around it."""

from __future__ import annotations

import pytest

from engine.errors import InvalidArgument
from engine.model.containers import Mount, Ulimit
from engine.model.events import EventQuery
from tests.contract.lab import Lab, collect, sh


async def test_environment_and_identity(lab: Lab) -> None:
    result = await lab.run(*sh("env | sort; id; hostname; pwd; echo $$"), env=("B=2",), hostname="box", working_dir="/made/here")
    lines = result.out.decode().splitlines()
    assert "B=2" in lines and "HOSTNAME=box" in lines and "HOME=/root" in lines
    assert "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" in lines
    assert "TERM=xterm" not in lines
    assert lines[-4:] == ["uid=0(root) gid=0(root) groups=0(root)", "box", "/made/here", "1"]


async def test_users_and_groups(lab: Lab) -> None:
    named = await lab.run(*sh("id -u; id -g; id -G; echo $HOME"), user="nobody")
    assert named.out == b"65534\n65534\n65534 100\n/home\n"
    numeric = await lab.run(*sh("id -u; id -g; id -G; echo $HOME"), user="1234:100", group_add=("5",))
    assert numeric.out == b"1234\n100\n100 5\n/\n"


async def test_own_namespaces_and_mounts(lab: Lab) -> None:
    result = await lab.run(*sh("ps -o comm; ls /sys/class/net; cat /proc/sys/kernel/hostname; ls /dev; stat -f -c %T /dev/shm /proc /sys"))
    lines = result.out.decode().split()
    assert "lo" in lines and "eth0" not in lines
    for device in ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "mqueue", "stdin", "stdout", "stderr", "fd"):
        assert device in lines
    assert lines[-3:] == ["tmpfs", "proc", "sysfs"]


async def test_dangerous_files_are_out_of_reach(lab: Lab) -> None:
    result = await lab.run(
        *sh(
            "cat /proc/kcore | head -c 1 | wc -c; ls /proc/scsi 2>/dev/null | wc -l; "
            "echo 1 2>/dev/null >/proc/sys/kernel/panic || echo ro; mkdir /sys/x 2>/dev/null || echo ro; mount -t tmpfs x /mnt 2>/dev/null || echo no"
        )
    )
    assert result.out.split() == [b"0", b"0", b"ro", b"ro", b"no"]


async def test_capabilities_are_dockers(lab: Lab) -> None:
    script = sh("grep -E 'Cap(Eff|Bnd|Amb|Inh)' /proc/self/status | cut -f2")
    assert (await lab.run(*script)).out.split() == [b"0000000000000000", b"00000000a80425fb", b"00000000a80425fb", b"0000000000000000"]
    dropped = await lab.run(*script, cap_drop=("ALL",), cap_add=("CHOWN",))
    assert dropped.out.split()[1:3] == [b"0000000000000001"] * 2
    other = await lab.run(*script, user="1000")
    assert other.out.split()[1] == b"0000000000000000"


async def test_seccomp_and_new_privileges(lab: Lab) -> None:
    script = sh("grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | cut -f2; unshare -U true 2>/dev/null || echo refused")
    assert (await lab.run(*script)).out.split() == [b"0", b"2", b"refused"]
    assert (await lab.run(*script, security_opt=("no-new-privileges",))).out.split() == [b"1", b"2", b"refused"]


async def test_a_read_only_root(lab: Lab) -> None:
    result = await lab.run(
        *sh("touch /file 2>&1; touch /scratch/file /dev/shm/file && echo fine; stat -f -c %T /scratch"),
        read_only_rootfs=True,
        tmpfs={"/scratch": "size=1m,mode=700"},
    )
    assert b"Read-only file system" in result.out and result.out.endswith(b"fine\ntmpfs\n")


async def test_limits(lab: Lab) -> None:
    result = await lab.run(*sh("ulimit -n; ulimit -Hn"), ulimits=(Ulimit(name="nofile", soft=100, hard=200),))
    assert result.out == b"100\n200\n"


async def test_out_of_memory(lab: Lab) -> None:
    container = await lab.finished(*sh("tail /dev/zero"), memory=16 << 20, memory_swap=16 << 20)
    state = await lab.state(container)
    assert (state.exit_code, state.oom_killed) == (137, True)


async def test_a_process_that_is_killed_for_want_of_memory_is_told_of_at_once(lab: Lab) -> None:
    limits = {"memory": 16 << 20, "memory_swap": 16 << 20}
    container = await lab.start(*sh("tail -c 200m /dev/zero | cat >/dev/null; echo survived; sleep 1000"), **limits)
    query = EventQuery(since=0, filters={"container": (container,), "event": ("oom",)})
    (event,) = await collect(lab.engine.system.events(query), 1)
    assert (event.action, event.id) == ("oom", container)
    await lab.said(container, "survived")
    assert (await lab.state(container)).running


async def test_too_many_processes(lab: Lab) -> None:
    result = await lab.run(*sh("for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; echo all"), pids_limit=4)
    assert b"fork" in result.err and b"all" not in result.out


async def test_an_init_reaps(lab: Lab) -> None:
    container = await lab.start(*sh("sleep 1000 & sleep 1000"), init=True)
    assert b"init" in (await lab.exec(container, "cat", "/proc/1/comm")).out + (await lab.exec(container, "cat", "/proc/1/cmdline")).out


async def test_binds(lab: Lab, tmp_path: object) -> None:
    source = f"{tmp_path}/made"
    bind = Mount(kind="bind", source=source, target="/inside", create_source=True)
    assert (await lab.run(*sh("echo text >/inside/file"), mounts=(bind,))).code == 0
    with open(f"{source}/file", encoding="utf-8") as file:
        assert file.read() == "text\n"
    refused = await lab.run(*sh("cat /inside/file; touch /inside/x"), mounts=(bind.replace(read_only=True),))
    assert refused.code == 1 and refused.out == b"text\n" and b"Read-only" in refused.err
    with pytest.raises(InvalidArgument, match="bind source path does not exist"):
        await lab.create("true", mounts=(Mount(kind="bind", source=f"{tmp_path}/missing", target="/x"),))


async def test_mounts_must_make_sense(lab: Lab, tmp_path: object) -> None:
    twice = tuple(Mount(kind="bind", source=str(tmp_path), target="/same") for _ in range(2))
    with pytest.raises(InvalidArgument, match=r"(?i)duplicate mount point: /same"):
        await lab.create("true", mounts=twice)
    with pytest.raises(InvalidArgument):
        await lab.create("true", mounts=(Mount(kind="bind", source=str(tmp_path), target="relative"),))
