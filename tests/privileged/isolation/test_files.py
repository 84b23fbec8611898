"""What the container sees of the machine: namespaces, mounts, devices, masks; and what an image can not make of them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import errors
from engine.linux import syscalls
from engine.model.containers import Device, Mount
from engine.runtime.host import resolve_devices
from tests.privileged.isolation.box import Box, Running


def _mounts(text: str) -> dict[str, tuple[str, set[str]]]:
    """Mount point to type and options; the topmost of several."""
    out = {}
    for line in text.splitlines():
        _, point, kind, options, *_ = line.split()
        out[point] = (kind, set(options.split(",")))
    return out


def test_namespaces_are_its_own(box: Box) -> None:
    inside = dict(line.rsplit(" -> ", 1) for line in box.sh('cd /proc/self/ns; for n in *; do echo "$n -> $(readlink $n)"; done').lines())
    shared = {name for name in inside if not name.endswith("_for_children") and os.readlink(f"/proc/self/ns/{name}") == inside[name]}
    assert shared == ({"user", "cgroup"} if box.facts.cgroup_version == 1 else {"user"})
    private = box.run("readlink", "/proc/self/ns/cgroup", cgroupns_mode="private").out.strip()
    assert private != os.readlink("/proc/self/ns/cgroup")


def test_host_namespaces(box: Box) -> None:
    ours = [os.readlink(f"/proc/self/ns/{name}") for name in ("net", "uts", "pid", "ipc")]
    options: dict[str, Any] = {"network_mode": "host", "uts_mode": "host", "pid_mode": "host", "ipc_mode": "host"}
    assert [box.sh(f"readlink /proc/self/ns/{name}", **options).out.strip() for name in ("net", "uts", "pid", "ipc")] == ours


def test_joined_namespaces_and_shared_memory(box: Box, up: Callable[..., Running]) -> None:
    from engine.runtime.spec import resolve_joins

    first = up("sh", "-c", "echo shared > /dev/shm/file; sleep 1000")
    names = ("net", "pid", "ipc", "uts")
    modes: dict[str, Any] = {"network_mode": "container:a", "pid_mode": "container:a", "ipc_mode": "container:a", "uts_mode": "container:a"}
    made, bundle = box.spec("sh", "-c", "cat /dev/shm/file; cd /proc/self/ns; for n in net pid ipc uts; do readlink $n; done", **modes)
    result = box.run_spec(resolve_joins(made, lambda name: first.pid), bundle)
    assert result.lines() == ["shared", *(os.readlink(f"/proc/{first.pid}/ns/{name}") for name in names)]


def test_default_mounts(box: Box) -> None:
    mounts = _mounts(box.run("cat", "/proc/mounts").out)
    assert mounts["/"][0] == "overlay"
    assert mounts["/proc"][1] >= {"rw", "nosuid", "nodev", "noexec"}
    assert mounts["/sys"][1] >= {"ro", "nosuid", "nodev", "noexec"}
    assert mounts["/dev"][1] >= {"rw", "nosuid", "size=65536k", "mode=755"}
    assert mounts["/dev/pts"][1] >= {"gid=5", "mode=620", "ptmxmode=666"}
    assert mounts["/dev/shm"][1] >= {"rw", "nosuid", "nodev", "noexec", "size=65536k"}
    assert mounts["/sys/fs/cgroup"][1] >= {"ro", "nosuid", "nodev", "noexec"}
    assert all("ro" in options for point, (_, options) in mounts.items() if point.startswith("/sys"))
    assert mounts["/proc/sys"][1] >= {"ro"}
    assert not any(str(box.work) in point for point in mounts)


def test_nothing_of_the_mounts_shows_outside(box: Box, up: Callable[..., Running]) -> None:
    before = Path("/proc/self/mountinfo").read_text()
    up("sleep", "1000", mounts=(Mount(kind="bind", path=str(box.base), target="/mnt"),))
    assert str(box.work) not in Path("/proc/self/mountinfo").read_text()
    assert before.count("\n") >= Path("/proc/self/mountinfo").read_text().count(str(box.work))


def test_masked_and_read_only_paths(box: Box) -> None:
    script = """
    for f in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts /proc/latency_stats; do [ -e $f ] && wc -c < $f; done
    for d in /proc/acpi /proc/scsi /sys/firmware /sys/devices/virtual/powercap; do [ -d $d ] && ls -A $d; done
    for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/sys/vm/drop_caches; do ( echo x > $f ) 2>/dev/null && echo wrote $f; done
    ( : > /proc/keys ) 2>/dev/null; mkdir /sys/firmware/x 2>/dev/null && echo made; mkdir /proc/acpi/x 2>/dev/null && echo made
    exit 0
    """
    assert set(box.sh(script).out.split()) <= {"0"}
    open_paths = box.sh("ls /sys/firmware | wc -l; echo x > /proc/sys/kernel/hostname && hostname", privileged=True).lines()
    assert open_paths[1] == "x"


def test_devices(box: Box) -> None:
    listing = box.sh(
        "cd /dev; stat -c '%n %F %t:%T %a %u:%g' null zero full random urandom tty; for l in fd stdin ptmx; do readlink $l; done"
    )
    assert listing.lines()[:6] == [
        f"{name} character special file {number} 666 0:0"
        for name, number in (("null", "1:3"), ("zero", "1:5"), ("full", "1:7"), ("random", "1:8"), ("urandom", "1:9"), ("tty", "5:0"))
    ]
    assert listing.lines()[6:] == ["/proc/self/fd", "/proc/self/fd/0", "pts/ptmx"]


@pytest.mark.skipif(not os.path.isdir("/sys/fs/cgroup/devices"), reason="the device cgroup of version 1 is tested where it is")
def test_device_access(box: Box, tmp_path: Path) -> None:
    script = "mknod /tmp/kmsg c 1 11 && cat /tmp/kmsg; mknod /tmp/loop b 7 0 && dd if=/tmp/loop count=1; mknod /tmp/null c 1 3 && cat /tmp/null && echo ok"
    result = box.sh(script)
    assert result.err.count("Operation not permitted") == 2
    assert result.out == "ok\n"
    os.mknod(tmp_path / "node", stat.S_IFBLK | 0o600, os.makedev(7, 0))
    loop = resolve_devices([Device(path_on_host=str(tmp_path / "node"), path_in_container="/dev/my/loop", permissions="r")])
    result = box.sh("dd if=/dev/my/loop of=/dev/null count=1; echo between >&2; echo x > /dev/my/loop", devices=loop)
    read, _, wrote = result.err.partition("between")
    assert "not permitted" not in read
    assert "Operation not permitted" in wrote


def test_privileged_sees_the_hosts_devices(box: Box) -> None:
    from engine.runtime.host import host_facts

    names = set(box.run("ls", "/dev", privileged=True, facts=host_facts(devices=True)).out.split())
    assert {"kmsg", "null", "pts", "shm"} <= names


def test_read_only_root(box: Box) -> None:
    result = box.sh("touch /x; touch /dev/shm/y && touch /tmp/z; mkdir -p /v && echo; echo $?", read_only_rootfs=True, tmpfs={"/tmp": ""})
    assert result.err.count("Read-only file system") == 2
    assert _mounts(box.run("cat", "/proc/mounts", read_only_rootfs=True).out)["/"][1] >= {"ro"}


def test_tmpfs(box: Box) -> None:
    tmpfs = {"/tmp": "size=1m,exec", "/run/x": "mode=700", "/home/user": "", "/new": ""}
    mounts = box.sh("cat /proc/mounts; stat -c %a /tmp /home/user /new >&2", tmpfs=tmpfs)
    parsed = _mounts(mounts.out)
    assert parsed["/tmp"][1] >= {"rw", "nosuid", "nodev", "size=1024k"}
    assert "noexec" not in parsed["/tmp"][1]
    assert parsed["/run/x"][1] >= {"mode=700", "noexec"}
    assert mounts.err.split() == ["1777", "755", "1777"]


def test_bind_mounts(box: Box, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "sub/file").write_text("content")
    mounts = (
        Mount(kind="bind", path=str(source), target="/data"),
        Mount(kind="bind", path=str(source), target="/data/sub/ro", read_only=True),
        Mount(kind="bind", path=str(source / "sub/file"), target="/etc/one/file", read_only=True),
    )
    script = (
        "cat /etc/one/file /data/sub/ro/sub/file; echo new > /data/new; touch /data/sub/ro/no; echo x >> /etc/one/file; cat /proc/mounts"
    )
    result = box.sh(script, mounts=mounts)
    assert result.out.startswith("contentcontent")
    assert result.err.count("Read-only file system") == 2
    assert (source / "new").read_text() == "new\n"
    assert not (source / "no").exists()


def test_a_read_only_bind_is_recursive(box: Box, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    (outer / "inner").mkdir(parents=True)
    syscalls.mount("tmpfs", str(outer / "inner"), "tmpfs")
    try:
        result = box.sh("touch /data/inner/x", mounts=(Mount(kind="bind", path=str(outer), target="/data", read_only=True),))
    finally:
        syscalls.umount2(str(outer / "inner"), 2)
    assert "Read-only file system" in result.err


@pytest.mark.parametrize("target", ["/proc", "/proc/sys", "/proc/self/attr", "/proc/../proc/x", "//proc"])
def test_nothing_is_mounted_in_proc(box: Box, tmp_path: Path, target: str) -> None:
    for mount in (Mount(kind="bind", path=str(tmp_path), target=target), Mount(kind="tmpfs", target=target)):
        with pytest.raises(errors.StartFailed, match="inside /proc"):
            box.run("true", mounts=(mount,))


def test_a_link_to_proc_does_not_help(box: Box, tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / "innocent").symlink_to("/proc/sys")
    with pytest.raises(errors.StartFailed, match="inside /proc"):
        box.run("true", mounts=(Mount(kind="tmpfs", target="/innocent"),), lowers=(layer, box.base))


def test_a_file_that_lxcfs_provides_may_be_mounted(box: Box, tmp_path: Path) -> None:
    (tmp_path / "uptime").write_text("1.00 1.00\n")
    assert (
        box.run("cat", "/proc/uptime", mounts=(Mount(kind="bind", path=str(tmp_path / "uptime"), target="/proc/uptime"),)).out
        == "1.00 1.00\n"
    )


@pytest.mark.parametrize("name", ["proc", "sys"])
def test_an_image_whose_proc_is_a_link(box: Box, tmp_path: Path, name: str) -> None:
    layer = tmp_path / "layer"
    (layer / "elsewhere").mkdir(parents=True)
    (layer / name).symlink_to("elsewhere")
    with pytest.raises(errors.StartFailed, match="ordinary directory"):
        box.run("true", lowers=(layer, box.base))


def test_an_image_whose_dev_is_a_link(box: Box, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    for number, target in enumerate((str(victim), "/inside", "../../../../../.." + str(victim))):
        layer = tmp_path / f"layer{number}"
        layer.mkdir()
        (layer / "dev").symlink_to(target)
        assert box.sh("[ -c /dev/null ] && echo yes", lowers=(layer, box.base)).out == "yes\n"
    assert list(victim.iterdir()) == []


def test_targets_are_resolved_inside_the_root(box: Box, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / "absolute").symlink_to(victim)
    (layer / "climbing").symlink_to("../../../../../../../.." + str(victim))
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_text("seen")
    for name in ("absolute", "climbing"):
        mount = Mount(kind="bind", path=str(source), target=f"/{name}/deep")
        assert box.run("cat", f"{victim}/deep/file", mounts=(mount,), lowers=(layer, box.base)).out == "seen"
    assert list(victim.iterdir()) == []


def test_an_images_null_device_is_not_used_as_a_mask(box: Box, tmp_path: Path) -> None:
    """CVE-2025-31133. A ``/dev`` of the person's own is left as it is, and so is what it calls null."""
    dev = tmp_path / "dev"
    dev.mkdir()
    (dev / "null").symlink_to("/etc/passwd")
    mounts = (Mount(kind="bind", path=str(dev), target="/dev"),)
    assert box.sh("cat /proc/timer_list; readlink /dev/null", mounts=mounts).out == "/etc/passwd\n"


def test_a_parameter_is_written_to_no_other_mount(tmp_path: Path) -> None:
    """CVE-2025-52881: a file that was mounted over a kernel parameter is not it."""
    script = f"""
import os
from engine.errors import StartFailed
from engine.linux import syscalls
from engine.runtime import sysctl
syscalls.unshare(0x20000)
syscalls.mount("none", "/", "", 0x40000 | 0x4000)
syscalls.mount("proc", {str(tmp_path / "proc")!r}, "proc")
syscalls.mount({str(tmp_path / "victim")!r}, {str(tmp_path / "proc/sys/kernel/domainname")!r}, "", 0x1000)
try:
    sysctl.write(os.open({str(tmp_path / "proc")!r}, os.O_RDONLY | os.O_DIRECTORY), {{"kernel.domainname": "evil"}})
except StartFailed as error:
    print("refused:", error)
"""
    (tmp_path / "proc").mkdir()
    (tmp_path / "victim").write_text("untouched")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("refused: write sysctl key kernel.domainname")
    assert (tmp_path / "victim").read_text() == "untouched"


def test_device_node_modes(box: Box, tmp_path: Path) -> None:
    node = tmp_path / "node"
    os.mknod(node, 0o640 | stat.S_IFCHR, os.makedev(1, 5))
    os.chown(node, 7, 8)
    devices = resolve_devices([Device(path_on_host=str(node), path_in_container="/dev/odd")])
    assert box.run("stat", "-c", "%a %u:%g %t:%T", "/dev/odd", devices=devices).out == "640 7:8 1:5\n"


def test_plain_root_without_overlay(box: Box, tmp_path: Path) -> None:
    made, bundle = box.spec("sh", "-c", "echo $((40+2)) > /plain; cat /proc/mounts")
    from tests.privileged.isolation.box import make_rootfs

    root = make_rootfs(tmp_path / "plain")
    made["root"]["path"] = str(root)
    made["annotations"] = {}
    assert box.run_spec(made, bundle).status == 0
    assert (root / "plain").read_text() == "42\n"


def test_many_layers(box: Box, tmp_path: Path) -> None:
    layers = []
    for number in range(120):
        layer = tmp_path / f"{'x' * 60}{number}"
        layer.mkdir()
        (layer / f"file{number}").write_text("")
        layers.append(layer)
    assert box.sh("ls /file* | wc -l", lowers=(*layers, box.base)).out.strip() == "120"


def test_sysctls(box: Box) -> None:
    values = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "123456", "net/ipv4/conf/lo/forwarding": "0"}
    script = "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax /proc/sys/net/ipv4/ping_group_range /proc/sys/net/ipv4/ip_unprivileged_port_start"
    assert box.sh(script, sysctls=values).out.split() == ["1", "123456", "0", "2147483647", "0"]
    with pytest.raises(errors.StartFailed, match="write sysctl key"):
        box.run("true", sysctls={"net.ipv4.no_such": "1"})


def test_loopback_is_up_and_nothing_else(box: Box) -> None:
    assert box.sh("ip -o link | grep -c UP; ip -o link | wc -l; ping -c 1 -W 5 127.0.0.1 >/dev/null && echo pong").out.split()[0] == "1"


def test_the_overlay_of_a_container_that_removes_itself_is_volatile(box: Box) -> None:
    made, bundle = box.spec("cat", "/proc/mounts", auto_remove=True)
    for _ in range(2):
        assert any("volatile" in option for option in _mounts(box.run_spec(made, bundle).out)["/"][1])


@pytest.mark.parametrize(("option", "seen", "flows_back"), [("rprivate", False, False), ("rslave", True, False), ("rshared", True, True)])
def test_propagation(box: Box, up: Callable[..., Running], tmp_path: Path, option: str, seen: bool, flows_back: bool) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    syscalls.mount("tmpfs", str(shared), "tmpfs")
    try:
        syscalls.mount("", str(shared), "", 0x100000)  # MS_SHARED
        for name in ("host", "container"):
            (shared / name).mkdir()
        mount = Mount(kind="bind", path=str(shared), target="/shared", options=(option,))
        running = up("sleep", "1000", mounts=(mount,), privileged=True)
        syscalls.mount("tmpfs", str(shared / "host"), "tmpfs")
        (shared / "host/file").touch()
        assert (running.exec("ls", "/shared/host").out == "file\n") is seen
        assert running.sh("mount -t tmpfs tmpfs /shared/container && touch /shared/container/file", privileged=True).status == 0
        assert (shared / "container/file").exists() is flows_back
        assert str(box.work / box.last_id[:12]) not in Path("/proc/self/mountinfo").read_text()
    finally:
        syscalls.umount2(str(shared), 2)
