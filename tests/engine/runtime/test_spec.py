from __future__ import annotations

import json
from typing import Any

import pytest

from engine.errors import InvalidArgument, NotExecutable, NotSupported
from engine.linux import capabilities
from engine.model.containers import ContainerConfig, Device, ExecConfig, HostConfig, Mount, ThrottleDevice, Ulimit, WeightDevice
from engine.runtime import defaults, resources, seccomp
from engine.runtime.host import HostFacts, host_facts, resolve_devices
from engine.runtime.spec import SpecInputs, bounding_set, build_spec, environment, exec_process, resolve_joins, security_options

ALL = (1 << 41) - 1
FACTS = HostFacts(capabilities=ALL, cpus=4, time_namespace=True, init="/usr/bin/tini")
ID = "0123456789abcdef" * 4


def build(config: dict[str, Any] | None = None, facts: HostFacts = FACTS, mounts: tuple[Mount, ...] = (), **host: Any) -> dict[str, Any]:
    made = build_spec(
        SpecInputs(
            id=ID,
            config=ContainerConfig(image="i", **(config or {})),
            host=HostConfig(**host),
            argv=("run", "it"),
            rootfs="/c/rootfs",
            lowers=("/l/2", "/l/1"),
            upper="/c/upper",
            work="/c/work",
            mounts=mounts,
            files=(("/etc/hosts", "/c/hosts"), ("/etc/resolv.conf", "/c/resolv.conf")),
            facts=facts,
        )
    )
    assert json.loads(json.dumps(made)) == made
    return made


def kinds(made: dict[str, Any]) -> set[str]:
    return {entry["type"] for entry in made["linux"]["namespaces"]}


def test_defaults() -> None:
    made = build()
    assert made["process"]["args"] == ["run", "it"]
    assert made["process"]["env"] == [defaults.ENV_PATH, f"HOSTNAME={ID[:12]}"]
    assert (made["process"]["cwd"], made["hostname"]) == ("/", ID[:12])
    assert capabilities.mask(made["process"]["capabilities"]["bounding"]) == 0xA80425FB
    assert "inheritable" not in made["process"]["capabilities"]
    assert kinds(made) == {"mount", "network", "uts", "pid", "ipc", "time"}
    assert [entry["destination"] for entry in made["mounts"]][:7] == [mount[0] for mount in defaults.MOUNTS]
    assert made["linux"]["cgroupsPath"] == f"/longshore/{ID}"
    assert made["linux"]["sysctl"] == dict(defaults.SYSCTLS)
    assert made["annotations"]["dev.longshore.overlay.lower"] == "/l/2\n/l/1"
    assert made["annotations"][seccomp.ANNOTATION] == "default"
    assert "seccomp" not in made["linux"]
    assert build(facts=FACTS.replace(cgroup_version=2))["linux"]["namespaces"].count({"type": "cgroup"}) == 1


def test_privileged() -> None:
    made = build(privileged=True)
    assert capabilities.mask(made["process"]["capabilities"]["effective"]) == ALL
    assert made["linux"]["maskedPaths"] == made["linux"]["readonlyPaths"] == []
    assert seccomp.ANNOTATION not in made["annotations"]
    options = {entry["destination"]: entry["options"] for entry in made["mounts"]}
    assert "ro" not in options["/sys"] + options["/sys/fs/cgroup"]
    assert made["linux"]["resources"]["devices"] == [{"allow": True, "access": "rwm"}]


def test_host_namespaces_and_joins() -> None:
    made = build(network_mode="host", pid_mode="host", uts_mode="host", ipc_mode="host", cgroupns_mode="private")
    assert kinds(made) == {"mount", "cgroup", "time"}
    assert (made["hostname"], made["linux"]["sysctl"]) == ("", {})
    joined = build(network_mode="container:other", ipc_mode="container:other")
    asked: list[str] = []

    def pid_of(name: str) -> int:
        asked.append(name)
        return 42

    resolved = resolve_joins(joined, pid_of)
    assert {"type": "network", "path": "/proc/42/ns/net"} in resolved["linux"]["namespaces"]
    assert next(entry for entry in resolved["mounts"] if entry["type"] == "join")["source"] == "/proc/42/ns/mnt"
    assert set(asked) == {"other"}
    assert {"type": "network", "path": "container:other"} in joined["linux"]["namespaces"]


@pytest.mark.parametrize(
    ("add", "drop", "expected"),
    [
        ((), (), 0xA80425FB),
        (("ALL",), (), ALL),
        (("all",), ("chown",), ALL & ~1),
        ((), ("ALL",), 0),
        (("CAP_CHOWN", "net_admin"), ("all",), 1 | 1 << 12),
        (("SYS_ADMIN",), ("CAP_CHOWN",), (0xA80425FB | 1 << 21) & ~1),
    ],
)
def test_capabilities(add: tuple[str, ...], drop: tuple[str, ...], expected: int) -> None:
    assert bounding_set(add, drop, privileged=False, available=ALL) == expected


def test_refused_capabilities() -> None:
    for add, drop in ((("NOPE",), ()), ((), ("CAP_NOPE",)), (("",), ())):
        with pytest.raises(InvalidArgument, match="unknown capability"):
            bounding_set(add, drop, privileged=False, available=ALL)
    with pytest.raises(InvalidArgument, match="CAP_SYS_RESOURCE"):
        bounding_set(("SYS_RESOURCE",), (), privileged=False, available=ALL & ~(1 << 24))


def test_environment() -> None:
    assert environment("h", tty=True, env=("A=1", "PATH=/x", "A=2", "HOSTNAME")) == ["PATH=/x", "TERM=xterm", "A=2"]
    for broken in ("=x", "", "A=\0"):
        with pytest.raises(InvalidArgument):
            environment("h", tty=False, env=(broken,))


def test_security_options() -> None:
    assert security_options(("no-new-privileges",)).no_new_privileges
    assert security_options(("no-new-privileges:true", "label=disable", "apparmor=x")).no_new_privileges
    assert not security_options(("no-new-privileges=false",)).no_new_privileges
    assert security_options(("seccomp=unconfined",)).seccomp == "unconfined"
    assert security_options(("seccomp=builtin",), privileged=True).seccomp == "default"
    assert not security_options(("systempaths=unconfined",)).system_paths
    for broken in ("nope", "nope=1", "no-new-privileges=maybe", "systempaths=x"):
        with pytest.raises(InvalidArgument):
            security_options((broken,))


def test_mount_order_and_conflicts() -> None:
    mounts = (
        Mount(kind="bind", path="/h/a", target="/a/b/c"),
        Mount(kind="volume", source="v", path="/v/v", target="/a/", read_only=True),
        Mount(kind="bind", path="/h/hosts", target="/etc/hosts"),
        Mount(kind="tmpfs", target="/dev/shm", options=("size=1m",)),
    )
    made = build(mounts=mounts)
    destinations = [entry["destination"] for entry in made["mounts"]]
    assert destinations.count("/etc/hosts") == destinations.count("/dev/shm") == 1
    assert destinations.index("/a") < destinations.index("/etc/resolv.conf") < destinations.index("/a/b/c")
    assert next(entry for entry in made["mounts"] if entry["destination"] == "/a")["options"] == ["rbind", "rprivate", "ro"]
    assert not any(
        name.startswith("/dev/")
        for name in [entry["destination"] for entry in build(mounts=(Mount(kind="bind", path="/d", target="/dev"),))["mounts"]]
    )
    for broken in (
        (mounts[0], mounts[0].replace(target="/a/b/../b/c/")),
        (Mount(kind="bind", path="/x", target="/"),),
        (Mount(kind="bind", path="/x", target="rel"),),
    ):
        with pytest.raises(InvalidArgument):
            build(mounts=broken)
    with pytest.raises(InvalidArgument, match="not resolved"):
        build(mounts=(Mount(kind="volume", source="name", target="/x"),))


def test_propagation_follows_the_mounts() -> None:
    assert build()["linux"]["rootfsPropagation"] == "rprivate"
    assert build(mounts=(Mount(kind="bind", path="/x", target="/x", options=("rslave",)),))["linux"]["rootfsPropagation"] == "slave"
    assert build(mounts=(Mount(kind="bind", path="/x", target="/x", options=("shared",)),))["linux"]["rootfsPropagation"] == "shared"


def test_read_only_root() -> None:
    options = {entry["destination"]: entry["options"] for entry in build(read_only_rootfs=True)["mounts"]}
    assert {name for name, listed in options.items() if "ro" in listed} == {"/sys", "/sys/fs/cgroup"}


def test_init() -> None:
    assert build(init=True)["process"]["args"] == ["/sbin/docker-init", "--", "run", "it"]
    assert build(init=True, pid_mode="host")["process"]["args"] == ["run", "it"]
    with pytest.raises(NotSupported, match="init"):
        build(init=True, facts=FACTS.replace(init=""))


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"memory": 1000}, "6MB"), ({"memory_swap": 1 << 30}, "memory limit when using memory swap"),
        ({"memory": 1 << 30, "memory_swap": 1 << 29}, "larger than memory limit"), ({"memory": 1 << 27, "memory_reservation": 1 << 28}, "reservation"),
        ({"nano_cpus": 10**9, "cpu_quota": 5000}, "cannot both be set"), ({"nano_cpus": 5 * 10**9}, "only 4 CPUs"), ({"cpu_period": 10}, "period"),
        ({"cpu_quota": 10}, "quota"), ({"cpu_shares": -1}, "shares"), ({"cpuset_cpus": "a"}, "cpuset"), ({"oom_score_adj": 2000}, "oom score"),
        ({"ulimits": (Ulimit(name="nope", soft=1, hard=1),)}, "ulimit"), ({"ulimits": (Ulimit(name="core", soft=2, hard=1),)}, "ulimit"),
    ],
)  # fmt: skip
def test_refused_limits(limits: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        build(**limits)


def test_limits() -> None:
    found = resources.resources(HostConfig(memory=64 << 20, nano_cpus=1_500_000_000, pids_limit=10, cpuset_cpus="0-1"), ())
    assert found["memory"] == {"limit": 64 << 20, "swap": 128 << 20}
    assert found["cpu"] == {"period": 100000, "quota": 150000, "cpus": "0-1"}
    assert found["pids"] == {"limit": 10}
    assert "pids" not in resources.resources(HostConfig(pids_limit=-1), ())


def test_limits_of_devices() -> None:
    host = HostConfig(
        memory_swappiness=0,
        oom_kill_disable=True,
        blkio_weight=300,
        blkio_weight_device=(WeightDevice(path="/dev/a", weight=200),),
        device_read_bps=(ThrottleDevice(path="/dev/b", rate=5),),
        device_cgroup_rules=("c 1:* r", "a *:7 mw"),
    )
    found = resources.resources(host, (), {"/dev/a": (8, 0), "/dev/b": (8, 16)})
    assert found["memory"] == {"swappiness": 0, "disableOOMKiller": True}
    assert found["blockIO"] == {
        "weight": 300,
        "weightDevice": [{"major": 8, "minor": 0, "weight": 200}],
        "throttleReadBpsDevice": [{"major": 8, "minor": 16, "rate": 5}],
    }
    assert found["devices"][-2:] == [
        {"allow": True, "type": "c", "access": "r", "major": 1},
        {"allow": True, "type": "a", "access": "mw", "minor": 7},
    ]
    assert "blockIO" not in resources.resources(HostConfig(), ())
    for text in ("", "c", "c 1:1", "d 1:1 r", "c 1 r", "c 1:1:1 r", "c x:1 r", "c 1:1 rx", "c 1:1 ", "c 1:1 rwmr", "c -1:1 r", "c ²:1 r"):
        with pytest.raises(InvalidArgument, match="invalid device cgroup rule format"):
            resources.device_rule(text)


def test_annotations_and_the_parent_of_the_control_group() -> None:
    made = build(annotations={"a": "b", "dev.longshore.overlay.lower": "/etc"}, cgroup_parent="some/parent/")
    assert made["annotations"]["a"] == "b" and made["annotations"]["dev.longshore.overlay.lower"] == "/l/2\n/l/1"
    assert made["linux"]["cgroupsPath"] == f"/some/parent/{ID}"


def test_other_refusals() -> None:
    for config in ({"working_dir": "relative"}, {"hostname": "h" * 65}):
        with pytest.raises(InvalidArgument):
            build(config=config)
    with pytest.raises(InvalidArgument, match="UTS"):
        build(config={"hostname": "x"}, uts_mode="host")
    for key in ("kernel.core_pattern", "net/../kernel.core_pattern", "net..x", "vm.swappiness", ""):
        with pytest.raises(InvalidArgument):
            build(sysctls={key: "1"})
    for key, value in (("net.core.somaxconn", "1\n2"), ("net.ipv4.ip_forward", "\0")):
        with pytest.raises(InvalidArgument):
            build(sysctls={key: value})
    with pytest.raises(InvalidArgument, match="shares the network namespace"):
        build(sysctls={"net.core.somaxconn": "1"}, network_mode="host")


def test_exec_process() -> None:
    made = build(config={"env": ("A=1", "B=2"), "user": "me", "working_dir": "/w"}, group_add=("g",))
    process = exec_process(made, ExecConfig(cmd=("ls",), env=("A=9", "B"), tty=True, width=80, height=24), FACTS)
    assert process["env"][-2:] == ["A=9", "TERM=xterm"]
    assert (process["cwd"], process["user"]["username"], process["consoleSize"]) == ("/w", "me", {"height": 24, "width": 80})
    other = exec_process(made, ExecConfig(cmd=("ls",), user="you", privileged=True), FACTS)
    assert (other["user"]["username"], other["user"]["groups"]) == ("you", ["g"])
    assert capabilities.mask(other["capabilities"]["bounding"]) == ALL
    assert made["process"]["args"] == ["run", "it"]
    with pytest.raises(InvalidArgument):
        exec_process(made, ExecConfig(cmd=()), FACTS)
    with pytest.raises(NotExecutable, match=r"exec failed: Cwd must be an absolute path$"):
        exec_process(made, ExecConfig(cmd=("x",), working_dir="rel"), FACTS)


def test_the_machine() -> None:
    facts = host_facts()
    assert facts.capabilities & 1
    assert facts.cpus >= 1
    assert facts.memory > 1 << 20
    node = resolve_devices([Device(path_on_host="/dev/null", path_in_container="/dev/x")])[0]
    assert (node.path, node.kind, node.major, node.minor) == ("/dev/x", "c", 1, 3)
    for device in (
        Device(path_on_host="/etc/passwd", path_in_container=""),
        Device(path_on_host="/dev/null", path_in_container="", permissions="x"),
    ):
        with pytest.raises(InvalidArgument):
            resolve_devices([device])
