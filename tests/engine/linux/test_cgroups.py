from __future__ import annotations

import os
import subprocess
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.linux import cgroup_devices, cgroup_v2, cgroups
from engine.linux.cgroup_devices import EVERYTHING, DeviceRule, flatten
from engine.linux.cgroup_files import Layout, keyed
from engine.runtime import defaults
from tests.support.wait import until

HYBRID = r"""
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/me\040mory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
42 31 0:38 / /elsewhere rw,relatime - cgroup2 cgroup2 rw
"""


def test_layouts() -> None:
    hybrid = cgroups.parse_mountinfo(HYBRID)
    assert dict(hybrid.v1) == {
        "cpu": "/sys/fs/cgroup/cpu,cpuacct",
        "cpuacct": "/sys/fs/cgroup/cpu,cpuacct",
        "memory": "/sys/fs/cgroup/me mory",
        "name=systemd": "/sys/fs/cgroup/systemd",
    }
    assert (hybrid.v2, hybrid.version) == ("/sys/fs/cgroup/unified", 1)
    assert cgroups.parse_mountinfo("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n").version == 2
    assert cgroups.parse_mountinfo("").version == 0


@pytest.mark.parametrize("path", ["", "relative", "/", "/a/../b", "/a/./b"])
def test_paths_stay_in_the_hierarchy(path: str) -> None:
    with pytest.raises(ValueError, match="no cgroup path"):
        cgroups.open_cgroup(path)


@pytest.mark.parametrize(
    ("shares", "weight"),
    [(0, 0), (2, 1), (128, 21), (256, 35), (512, 59), (1024, 100), (2048, 174), (4096, 303), (8192, 532), (262144, 10000)],
)
def test_weights(shares: int, weight: int) -> None:
    assert cgroup_v2.weight_from_shares(shares) == weight


def test_v2_files() -> None:
    asked = {
        "memory": {"limit": 100 << 20, "swap": 150 << 20, "reservation": 10 << 20},
        "cpu": {"quota": 50000, "period": 100000, "shares": 1024, "cpus": "0-1"},
        "pids": {"limit": 0},
        "blockIO": {
            "weight": 500,
            "weightDevice": [{"major": 8, "minor": 1, "weight": 1000}],
            "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1000}],
        },
    }
    assert cgroup_v2.files(asked) == [
        ("memory.swap.max", str(50 << 20)),
        ("memory.max", str(100 << 20)),
        ("memory.low", str(10 << 20)),
        ("cpu.weight", "100"),
        ("cpu.max", "50000 100000"),
        ("cpuset.cpus", "0-1"),
        ("pids.max", "1"),
        ("io.weight", "4950"),
        ("io.weight", "8:1 10000"),
        ("io.max", "8:0 rbps=1000"),
    ]
    assert cgroup_v2.files(asked, bfq=True)[-3:-1] == [("io.bfq.weight", "500"), ("io.bfq.weight", "8:1 1000")]
    unlimited = {"memory": {"limit": -1, "swap": -1}, "cpu": {"period": 50000}, "pids": {"limit": -1}}
    assert cgroup_v2.files(unlimited) == [("memory.swap.max", "max"), ("memory.max", "max"), ("cpu.max", "max 50000"), ("pids.max", "max")]
    assert [cgroup_v2.io_weight(weight) for weight in (10, 100, 1000)] == [1, 910, 10000]


def test_keyed_files() -> None:
    assert keyed("populated 1\nfrozen 0\nbroken\nnone x\n") == {"populated": 1, "frozen": 0}


def test_device_rules_are_flattened() -> None:
    default = flatten(defaults.device_rules())
    assert DeviceRule(kind="c", major=1, minor=3) in default
    assert DeviceRule(kind="b", access="m") in default
    assert [str(rule) for rule in default][:3] == ["c *:* m", "b *:* m", "c 1:3 rwm"] or "c 1:3 rwm" in map(str, default)
    assert flatten([]) == flatten([{"allow": True, "access": "rwm"}]) == EVERYTHING
    deny = {"allow": False, "access": "rwm"}
    read = {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "r"}
    assert flatten([deny, read, {**read, "access": "w"}]) == (DeviceRule(kind="c", major=1, minor=3, access="rw"),)
    assert flatten([deny, read, {**read, "access": "w"}, {**read, "allow": False, "access": "w"}]) == (
        DeviceRule(kind="c", major=1, minor=3, access="r"),
    )
    assert flatten([read, deny]) == ()
    with pytest.raises(ValueError, match="inside the wildcard"):
        flatten([deny, {"allow": True, "type": "c", "major": 1, "access": "rwm"}, {**read, "allow": False}])
    with pytest.raises(ValueError, match="can not deny"):
        flatten([{**read, "allow": False}])


def _unified() -> str:
    layout = cgroups.detect()
    return layout.v2


needs_unified = pytest.mark.skipif(os.geteuid() != 0 or not _unified(), reason="needs root and a unified hierarchy")


@pytest.fixture
def group() -> Iterator[cgroup_v2.V2]:
    made = cgroup_v2.V2(f"/longshore-test-{uuid.uuid4().hex[:8]}", Layout(v2=_unified()))
    made.create()
    yield made
    made.kill()
    until(made.remove)


def _in(group: cgroup_v2.V2, script: str) -> subprocess.Popen[str]:
    procs = f"{group.directory('')}/cgroup.procs"
    return subprocess.Popen(["sh", "-c", f"echo 0 > {procs}; {script}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@needs_unified
def test_the_device_program_decides(group: cgroup_v2.V2, tmp_path: Path) -> None:
    """Loaded, attached and asked by the kernel."""
    for name, major, minor in (("null", 1, 3), ("zero", 1, 5), ("full", 1, 7)):
        os.mknod(tmp_path / name, 0o666 | 0o020000, os.makedev(major, minor))
    rules = [
        {"allow": False, "access": "rwm"},
        {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"},
        {"allow": True, "type": "c", "major": 1, "minor": 5, "access": "r"},
        {"allow": True, "type": "b", "access": "m"},
    ]
    cgroup_devices.apply_v2(group.directory(""), rules)
    script = f"""
    cd {tmp_path}
    cat null && echo read-null; echo x > null && echo wrote-null
    head -c 1 zero | wc -c; (echo x > zero) && echo wrote-zero; head -c 1 full && echo read-full
    mknod new-null c 1 3 && echo made-null; mknod new-full c 1 7 && echo made-full; mknod block b 7 99 && echo made-block
    """
    said = _in(group, script).communicate(timeout=60)[0].splitlines()
    assert [line for line in said if "denied" not in line and "not permitted" not in line] == [
        "read-null",
        "wrote-null",
        "1",
        "made-null",
        "made-block",
    ]


@pytest.mark.skipif(os.geteuid() != 0 or cgroups.detect().version == 0, reason="needs root and a cgroup hierarchy")
def test_the_parent_goes_with_its_last_group() -> None:
    parent = f"/longshore-test-{uuid.uuid4().hex[:8]}"
    for _ in range(50):
        groups = [cgroups.open_cgroup(f"{parent}/{name}") for name in ("one", "two")]
        groups[0].create()
        maker = threading.Thread(target=groups[1].create)
        maker.start()
        groups[0].remove()
        maker.join()
        assert groups[1].exists()
        assert all(group.remove() for group in groups)
    assert not cgroups.open_cgroup(f"{parent}/one").exists()
    assert not any(os.path.exists(point + parent) for point in (*cgroups.detect().v1.values(), cgroups.detect().v2) if point)


@needs_unified
def test_freeze_kill_and_remove(group: cgroup_v2.V2) -> None:
    process = _in(group, "sleep 1000 & sleep 1001 & wait")
    try:
        until(lambda: len(group.pids()) >= 3)
        assert process.pid in group.pids()
        group.freeze()
        assert keyed(Path(group.directory(""), "cgroup.events").read_text())["frozen"] == 1
        assert not group.remove()
        group.thaw()
        group.freeze()
        group.kill()
        assert process.wait(60) == -9
        until(lambda: not group.pids())
    finally:
        process.kill()
        process.communicate()
    assert group.exists()
