"""Capabilities, mount options, processes, and the raw calls that need no container."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.linux import capabilities, mounts, namespaces, processes, syscalls
from tests.support.wait import until


def test_capability_names() -> None:
    assert capabilities.mask(["chown", "CAP_SYS_ADMIN", "Checkpoint_Restore"]) == 1 | 1 << 21 | 1 << 40
    assert capabilities.names(0xA80425FB)[0] == "CAP_CHOWN"
    assert capabilities.mask(capabilities.names(0xA80425FB)) == capabilities.DEFAULT
    assert capabilities.normalise("cap_net_raw") == "NET_RAW"
    assert capabilities.normalise("nope") == ""
    with pytest.raises(KeyError):
        capabilities.mask(["nope"])


def test_our_own_capabilities() -> None:
    status = dict(line.split(":\t") for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("Cap"))
    effective, permitted, inheritable = syscalls.capget()
    assert (effective, permitted, inheritable) == tuple(int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh"))
    assert capabilities.available() == int(status["CapBnd"], 16)


def test_mount_options() -> None:
    options = mounts.Options(["nosuid", "noexec", "ro", "rslave", "size=1m", "mode=755", "rbind", "strictatime", "relatime", "rw"])
    assert options.attr_set == mounts.NOSUID | mounts.NOEXEC
    assert options.attr_clr & mounts.RDONLY
    assert (options.propagation, options.recursive_propagation, options.recursive) == (mounts.MS_SLAVE, True, True)
    assert options.data == ["size=1m", "mode=755"]
    assert mounts.Options(["exec", "private"]).attr_clr == mounts.NOEXEC


def test_a_pid_is_not_a_process() -> None:
    child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    try:
        started = processes.start_time(child.pid)
        assert started > 0
        assert processes.same(child.pid, started)
        assert not processes.same(child.pid, started + 1)
        assert not processes.kill_same(child.pid, started + 1)
        with pytest.raises(ProcessLookupError):
            processes.open_same(child.pid, started + 1)
        assert processes.kill_same(child.pid, started)
        assert child.wait(60) == -signal.SIGKILL
    finally:
        child.kill()
        child.communicate()
    assert processes.start_time(child.pid) == 0
    assert not processes.kill_same(child.pid, started)


def test_a_zombie_is_gone() -> None:
    pid = os.posix_spawn(sys.executable, [sys.executable, "-S", "-c", ""], {})
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert processes.start_time(pid) == 0
    os.waitpid(pid, 0)


def test_errors_name_their_object(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        syscalls.openat2(syscalls.AT_FDCWD, os.fsencode(tmp_path / "nowhere"), os.O_RDONLY, 0, 0)
    with pytest.raises(OSError, match="nofs"):
        mounts.detached("nofs")
    with pytest.raises(OSError, match="unshare"):
        syscalls.unshare(0x1000)


def test_file_system_types_and_limits(tmp_path: Path) -> None:
    fd = os.open("/proc", os.O_RDONLY)
    assert syscalls.filesystem_type(fd) == 0x9FA0
    os.close(fd)
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    syscalls.set_rlimit(resource.RLIMIT_CORE, soft, hard)
    assert resource.getrlimit(resource.RLIMIT_CORE) == (soft, hard)
    fd = os.open(tmp_path, os.O_RDONLY)
    syscalls.syncfs(fd)
    os.close(fd)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_detached_mounts(tmp_path: Path) -> None:
    """A tmpfs that is never attached: filled, made read-only, and gone with its descriptor."""
    fd = mounts.detached("tmpfs", "tmpfs", mounts.Options(["size=64k", "nodev"]))
    os.mkdir("x", dir_fd=fd)
    syscalls.mount_setattr(fd, recursive=False, attr_set=mounts.RDONLY)
    with pytest.raises(OSError, match="Read-only"):
        os.mkdir("y", dir_fd=fd)
    os.close(fd)
    with pytest.raises(OSError, match="size"):
        mounts.detached("tmpfs", "tmpfs", mounts.Options(["size=nonsense"]))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_overlay_says_why_it_refuses(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        mounts.overlay([str(tmp_path / "missing")], "", "")


def test_namespaces() -> None:
    assert namespaces.threads() >= 1
    assert namespaces.supported("mount")
    assert set(namespaces.FLAGS) == set(namespaces.FILES)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_process_that_ends_is_told_before_it_has_ended() -> None:
    """The first process of a PID namespace waits in exit_group for a zombie that only somebody outside can collect."""
    outer = subprocess.Popen(["unshare", "--pid", "--fork", "sleep", "1000"])
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    until(lambda: children.read_text().split(), what="the namespace has its first process")
    first = int(children.read_text())
    inside = subprocess.Popen(["nsenter", f"--pid=/proc/{first}/ns/pid", "--", "sleep", "1000"])
    try:
        within = Path(f"/proc/{inside.pid}/task/{inside.pid}/children")
        until(lambda: within.read_text().split(), what="the second process is inside")
        assert not processes.exiting(first)
        os.kill(inside.pid, signal.SIGSTOP)  # the parent of what is inside does not collect it
        os.kill(first, signal.SIGKILL)
        until(lambda: processes.exiting(first), what="the first process is on its way out")
        assert processes.start_time(first), "it is no zombie yet"
    finally:
        os.kill(inside.pid, signal.SIGCONT)
        inside.wait()
        outer.wait()
    assert processes.exiting(first)
    assert processes.exiting(0x7FFFFFFF)
