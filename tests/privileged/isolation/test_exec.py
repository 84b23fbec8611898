"""Further processes in a running container."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from engine import errors
from tests.privileged.isolation.box import Running

Up = Callable[..., Running]


def test_exec_is_where_the_container_is(up: Up) -> None:
    running = up("sleep", "1000", config={"hostname": "here"})
    names = ("mnt", "net", "pid", "ipc", "uts", "cgroup", "time")
    inside = [running.exec("readlink", f"/proc/self/ns/{name}").out.strip() for name in names]
    assert inside == [os.readlink(f"/proc/{running.pid}/ns/{name}") for name in names]
    assert running.exec("hostname").out == "here\n"
    result = running.sh("cat /proc/1/cmdline | tr '\\0' ' '; cat /proc/self/cgroup")
    assert result.out.startswith("sleep 1000")
    assert f"/longshore/{running.box.last_id}" in result.out


def test_exec_has_the_containers_privileges(up: Up) -> None:
    running = up("sleep", "1000", cap_drop=("CHOWN",))
    status = running.exec("cat", "/proc/self/status").out
    assert f"CapEff:\t{0xA80425FA:016x}" in status
    assert f"CapBnd:\t{0xA80425FA:016x}" in status
    assert "CapInh:\t0000000000000000" in status
    assert "Seccomp:\t2" in status
    assert "SigIgn:\t0000000000000000" in status
    privileged = running.exec("cat", "/proc/self/status", privileged=True).out
    assert f"CapEff:\t{running.box.facts.capabilities:016x}" in privileged


def test_exec_user_environment_and_directory(up: Up) -> None:
    running = up("sleep", "1000", config={"env": ("A=1", "B=2"), "user": "user", "working_dir": "/tmp"})
    assert running.sh("id -u; pwd; echo $A $B $HOME").lines() == ["1000", "/tmp", "1 2 /home/user"]
    assert running.sh("id -u; id -G; pwd; echo $A$C", user="0:7", working_dir="/etc", env=("C=3", "A=9")).lines() == [
        "0",
        "7",
        "/etc",
        "93",
    ]
    with pytest.raises(errors.StartFailed, match="no such file or directory"):
        running.exec("pwd", working_dir="/no/such")
    with pytest.raises(errors.StartFailed, match="unable to find user x"):
        running.exec("pwd", user="x")
    with pytest.raises(errors.ExecutableNotFound, match="executable file not found"):
        running.exec("nope")


def test_exec_descriptors_and_terminal(up: Up) -> None:
    running = up("sleep", "1000")
    script = "i=0; while [ $i -lt 64 ]; do if [ -e /proc/$$/fd/$i ]; then echo $i; fi; i=$((i+1)); done; tty; stty size"
    assert running.sh(script).out.split()[:3] == ["0", "1", "2"]
    assert running.sh(script, tty=True, height=33, width=101).out.split() == ["0", "1", "2", "/dev/pts/0", "33", "101"]
    assert running.sh("exit 9").status == 9


def test_the_container_can_not_look_into_a_process_that_enters(up: Up) -> None:
    """Descriptors and memory of an exec are closed to the container until it is the new program (CVE-2016-9962)."""
    spy = """
    while :; do for p in /proc/[0-9]*; do
      case $p in /proc/1|/proc/$$) continue;; esac
      for f in $p/fd/*; do t=$(readlink $f) && case $t in /dev/*|/proc/*|pipe:*|/tmp/seen) ;; *) echo $t >> /tmp/seen;; esac; done
    done; done 2>/dev/null
    """
    running = up("sh", "-c", spy)
    for _ in range(20):
        running.exec("true")
    assert running.exec("cat", "/tmp/seen").status == 1


def test_exec_into_a_container_that_is_gone(up: Up) -> None:
    running = up("sleep", "1000")
    other = up("true")
    with pytest.raises(errors.StartFailed):
        while True:
            other.exec("true")
    assert running.exec("true").status == 0
