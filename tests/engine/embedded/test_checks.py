"""What create refuses, with docker's words, and what names are allowed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.backends.embedded import checks, names
from engine.errors import InvalidArgument
from engine.model.containers import ContainerConfig, Device, HostConfig, Mount, PortBinding, RestartPolicy, ThrottleDevice, Ulimit

MEBI = 1 << 20


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ({"memory": 4 * MEBI}, "Minimum memory limit allowed is 6MB"),
        ({"memory": -5}, "Minimum memory limit allowed is 6MB"),
        ({"memory_swap": 64 * MEBI}, "You should always set the Memory limit when using Memoryswap limit"),
        ({"memory": 64 * MEBI, "memory_swap": 32 * MEBI}, "Minimum memoryswap limit should be larger than memory limit"),
        ({"memory": 64 * MEBI, "memory_reservation": 65 * MEBI}, "can not be less than memory reservation limit"),
        ({"nano_cpus": 10**15}, "Range of CPUs is from 0.01 to"),
        ({"nano_cpus": -1}, "Range of CPUs is from 0.01 to"),
        ({"nano_cpus": 1, "cpu_period": 1000}, "Nano CPUs and CPU Period cannot both be set"),
        ({"nano_cpus": 1, "cpu_quota": 1000}, "Nano CPUs and CPU Quota cannot both be set"),
        ({"cpu_period": 10}, "CPU cfs period can not be less than 1ms"),
        ({"cpu_quota": 10}, "CPU cfs quota can not be less than 1ms"),
        ({"cpu_shares": -1}, "invalid CPU shares"),
        ({"cpuset_cpus": "0-9999999"}, "Invalid value 0-9999999 for cpuset cpus"),
        ({"cpuset_cpus": "8000"}, "Requested CPUs are not available - requested 8000"),
        ({"cpuset_mems": "x"}, "Invalid value x for cpuset mems"),
        ({"oom_score_adj": 1001}, r"range for oom score adj is \[-1000, 1000\]"),
        ({"shm_size": -1}, "SHM size"),
        ({"ulimits": (Ulimit(name="nofile", soft=5, hard=4),)}, "ulimit soft limit must be less"),
        ({"restart_policy": RestartPolicy(name="sometimes")}, "invalid restart policy 'sometimes'"),
        ({"restart_policy": RestartPolicy(name="always", max_retries=1)}, "maximum retry count cannot be used with restart policy 'always'"),
        ({"restart_policy": RestartPolicy(name="on-failure", max_retries=-1)}, "cannot be negative"),
        ({"restart_policy": RestartPolicy(name="always"), "auto_remove": True}, "can't create 'AutoRemove' container with restart policy"),
        ({"cap_add": ("NET_ADMIN", "NOPE")}, 'invalid CapAdd: unknown capability: "CAP_NOPE"'),
        ({"cap_drop": ("cap_nope",)}, 'invalid CapDrop: unknown capability: "CAP_NOPE"'),
        ({"security_opt": ("seccomp=unconfined", "colour=red")}, 'invalid --security-opt 2: "colour=red"'),
        ({"devices": (Device(path_on_host="/dev/null", path_in_container="/x", permissions="rwx"),)}, "invalid device mode: rwx"),
        ({"network_mode": "container:x", "port_bindings": (PortBinding(container_port=1),)}, "port publishing and the container type network mode"),
        ({"network_mode": "container:x", "dns": ("1.1.1.1",)}, "conflicting options: dns and the network mode"),
        ({"mounts": (Mount(kind="bind", source="/a\0b", target="/x"),)}, r"invalid NUL character in path '/a\\x00b'"),
        ({"mounts": (Mount(kind="volume", target="/a\0b"),)}, "invalid NUL character in path"),
        ({"tmpfs": {"/a\0b": ""}}, "invalid NUL character in path"),
        ({"devices": (Device(path_on_host="/dev/a\0b", path_in_container="/x"),)}, "invalid NUL character in path"),
        ({"device_read_bps": (ThrottleDevice(path="/dev/a\0b", rate=1),)}, "invalid NUL character in path"),
    ],
)  # fmt: skip
def test_wishes_that_contradict_themselves(host: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        checks.check(ContainerConfig(image="i", cmd=("x",)), HostConfig(**host))


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ({"pid_mode": "hots"}, "Invalid PID mode: hots"),
        ({"pid_mode": "private"}, "Invalid PID mode: private"),
        ({"ipc_mode": "hots"}, "Invalid IPC mode: hots"),
        ({"uts_mode": "container:x"}, "Invalid UTS mode: container:x"),
        ({"uts_mode": "private"}, "Invalid UTS mode: private"),
        ({"cgroupns_mode": "container:x"}, "invalid cgroup namespace mode: container:x"),
        ({"pid_mode": "container:"}, "cannot join PID of container : invalid name"),
        ({"network_mode": "container:"}, "invalid container format container:<name|id>"),
    ],
)
def test_namespaces_that_can_not_be(host: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=re.escape(words)):
        checks.namespaces(HostConfig(**host))


def test_namespaces_that_are_joined_shared_or_one_s_own() -> None:
    for mode in ("", "host", "container:x"):
        checks.namespaces(HostConfig(pid_mode=mode, ipc_mode=mode, network_mode=mode))
    for mode in ("none", "private", "shareable"):
        checks.namespaces(HostConfig(ipc_mode=mode))


@pytest.mark.parametrize(
    ("config", "host", "words"),
    [
        ({"working_dir": "here"}, {}, "the working directory 'here' is invalid, it needs to be an absolute path"),
        ({"env": ("=x",)}, {}, "invalid environment variable: =x"),
        ({"env": ("A=\0",)}, {}, "invalid environment variable"),
        ({"cmd": ("a\0b",)}, {}, "invalid NUL character"),
        ({"stop_signal": "SIGNOPE"}, {}, "(?i)invalid signal: SIGNOPE"),
        ({"hostname": "x" * 65}, {}, "more than 64 characters"),
        ({"hostname": "a b"}, {}, "invalid hostname format"),
        ({"hostname": "a"}, {"uts_mode": "host"}, "conflicting options: hostname and the UTS mode"),
        ({"hostname": "a"}, {"network_mode": "container:x"}, "conflicting options: hostname and the network mode"),
    ],
)
def test_configurations_that_can_not_be(config: dict[str, Any], host: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        checks.check(ContainerConfig(image="i", **{"cmd": ("x",), **config}), HostConfig(**host))


def test_the_usual_is_let_through() -> None:
    host = HostConfig(
        memory=64 * MEBI,
        memory_swap=-1,
        cpuset_cpus="0",
        cap_add=("ALL", "net_admin", "CAP_SYS_TIME"),
        security_opt=("no-new-privileges", "seccomp:unconfined", "systempaths=unconfined"),
        ulimits=(Ulimit(name="core", soft=0, hard=-1),),
        restart_policy=RestartPolicy(name="on-failure", max_retries=3),
    )
    assert checks.check(ContainerConfig(image="i", cmd=("x",), env=("A", "B=")), host) == []
    assert checks.check(ContainerConfig(image="i", cmd=("x",)), HostConfig(network_mode="host", publish_all=True)) != []


@pytest.mark.parametrize("name", ["", "a", "-ab", "a/b", "a b", "..", "ab\n", "ä" * 3, "a" + "\u0661", "/"])
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match=r"only \[a-zA-Z0-9\]\[a-zA-Z0-9_.-\] are allowed"):
        names.check_container(name)
    with pytest.raises(InvalidArgument):
        names.check_volume(name)


def test_made_up_names_and_ids_are_valid() -> None:
    for attempt in range(200):
        assert names.valid(names.generate(attempt % 2))
        made = names.new_id()
        assert len(made) == 64 and not made[:12].isdecimal()
    assert names.check_container("/a-b") == "a-b"
