"""What a bundle's ``config.json`` may ask for, as the process inside sees it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.linux import labels
from tests.privileged.oci.box import PROGRAM, Box, hook, make_rootfs
from tests.support.wait import until

MIB = 1 << 20


def test_hooks_run_at_their_points_with_the_state(box: Box, tmp_path: Path) -> None:
    log = tmp_path / "log"
    box.spec["annotations"] = {"some.key": "value"}
    # The kinds that run inside write to a directory of the host that is mounted there under the same name.
    box.spec["mounts"].append({"destination": str(tmp_path), "type": "bind", "source": str(tmp_path), "options": ["rbind", "rw"]})
    kinds = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
    box.spec["hooks"] = {
        kind: [hook(f'echo "{kind}$N $(hostname) $(cat)" >>{log}', env={"N": str(number), "PATH": "/bin:/usr/bin"}) for number in (1, 2)]
        for kind in kinds
    }
    box.spec["hostname"] = "inside"
    box.create("one", "/bin/sh", "-c", f"echo program >>{log}")

    def said() -> list[str]:
        return [line.split(" ")[0] for line in log.read_text().splitlines()]

    before = [f"{kind}{number}" for kind in kinds[:3] for number in (1, 2)]
    assert said() == before
    box.ok("start", "one")
    assert said()[6:8] == ["startContainer1", "startContainer2"] and set(said()[8:]) >= {"poststart1", "poststart2"}
    box.finish("one")
    assert said()[-2:] == ["poststop1", "poststop2"] and said().count("program") == 1
    for line in log.read_text().splitlines():
        if line == "program":
            continue
        kind, host, text = line.split(" ", 2)
        state = json.loads(text)
        assert (host == "inside") == kind.startswith(("createContainer", "startContainer")), line
        assert state["id"] == "one" and state["bundle"] == str(box.bundle) and state["annotations"] == {"some.key": "value"}
        wanted = {"start": "created", "creat": "creating", "prest": "creating", "posts": "running"}
        assert state["status"] == ("stopped" if kind.startswith("poststop") else wanted[kind[:5]]), line


@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "createContainer"])
def test_a_hook_that_fails_ends_create(box: Box, kind: str) -> None:
    box.spec["hooks"] = {kind: [hook("echo why >&2; exit 3"), hook("touch /tmp/never")]}
    box.write("/bin/true")
    failed = box.call("create", "--bundle", str(box.bundle), "one")
    assert failed.returncode == 1
    assert f"error running {kind} hook #0: /bin/sh: exit status 3: why" in failed.stderr
    assert os.listdir(box.root) == []


def test_a_hook_has_its_time(box: Box) -> None:
    box.spec["hooks"] = {"createRuntime": [hook("sleep 1000", timeout=1)]}
    box.write("/bin/true")
    assert "did not end within 1 s" in box.call("create", "--bundle", str(box.bundle), "one").stderr


def test_a_start_container_hook_that_fails_ends_start(box: Box) -> None:
    box.spec["hooks"] = {"startContainer": [hook("exit 3")]}
    output = box.create("one", "/bin/echo", "ran")
    failed = box.call("start", "one")
    assert failed.returncode == 1 and "error running startContainer hook #0" in failed.stderr
    assert box.state("one")["status"] == "stopped" and output.read_text() == ""


def test_late_hooks_only_warn(box: Box) -> None:
    box.spec["hooks"] = {kind: [hook("exit 3"), hook(f"touch {box.bundle}/{kind}")] for kind in ("poststart", "poststop")}
    box.create("one", "/bin/true")
    done = box.call("start", "one")
    assert done.returncode == 0 and "warning: error running poststart hook" in done.stderr
    box.finish("one")
    assert (box.bundle / "poststart").exists() and (box.bundle / "poststop").exists()


def test_the_terminal_of_create_comes_over_the_console_socket(box: Box, tmp_path: Path) -> None:
    box.process["terminal"] = True
    box.process["consoleSize"] = {"height": 33, "width": 99}
    box.write("/bin/sh", "-c", "tty; stty size; ls -l /dev/console")
    assert "without --console-socket" in box.call("create", "--bundle", str(box.bundle), "one").stderr
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        box.ok("create", "--bundle", str(box.bundle), "--console-socket", str(tmp_path / "s"), "one")
        with listening.accept()[0] as line:
            _, (master,), _, _ = socket.recv_fds(line, 100, 1)
    box.ok("start", "one")
    text = b""
    try:
        while piece := os.read(master, 1000):
            text += piece
    except OSError:
        pass
    os.close(master)
    assert text.split()[:3] == [b"/dev/pts/0", b"33", b"99"] and b"136," in text


def test_the_process(box: Box) -> None:
    box.process.update(
        {
            "user": {"uid": 12, "gid": 34, "additionalGids": [56, 78], "umask": 0o77},
            "cwd": "/made/here",
            "env": ["PATH=/bin", "A=b"],
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}],
            "oomScoreAdj": 77,
            "capabilities": {
                name: ["CAP_KILL", "CAP_NONSENSE"] for name in ("bounding", "permitted", "inheritable", "ambient", "effective")
            },
            "noNewPrivileges": True,
        }
    )
    box.spec["root"]["readonly"] = False
    script = "id -u; id -g; id -G; pwd; umask; ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj; echo $A; grep -E 'Cap|NoNew' /proc/self/status"
    lines = box.run("/bin/sh", "-c", script).split("\n")
    assert lines[:9] == ["12", "34", "34 56 78", "/made/here", "0077", "100", "200", "77", "b"]
    assert {line.split()[1] for line in lines[9:14]} == {f"{1 << 5:016x}"} and lines[14].split() == ["NoNewPrivs:", "1"]


def test_mounts(box: Box, tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    deep.mkdir()
    (deep / "f").write_text("seen")
    (box.bundle / "relative").mkdir()
    box.spec["mounts"] += [
        {"destination": "/mnt/bind", "source": str(deep), "options": ["rbind", "ro"]},
        {"destination": "mnt/relative", "type": "none", "source": "relative", "options": ["bind"]},
        {"destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "size=1m", "nosuid"]},
    ]
    box.spec["root"]["readonly"] = False
    out = box.run(
        "/bin/sh", "-c", "cat /mnt/bind/f; touch /mnt/bind/x; touch /mnt/relative/y; grep -c root /etc/passwd; mount | grep ' /etc '"
    )
    assert out.startswith("seentouch: /mnt/bind/x: Read-only file system\n1\ntmpfs on /etc type tmpfs (rw,nosuid")
    assert (box.bundle / "relative" / "y").exists()


def test_read_only_is_for_one_mount_and_rro_for_all_below(box: Box, tmp_path: Path) -> None:
    (tmp_path / "m" / "sub").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", tmp_path / "m" / "sub"], check=True)
    try:
        mount: dict[str, Any] = {"destination": "/m", "source": str(tmp_path / "m"), "options": ["rbind", "ro"]}
        box.spec["mounts"].append(mount)
        assert box.run("/bin/sh", "-c", "touch /m/x 2>/dev/null || echo no; touch /m/sub/x && echo yes") == "no\nyes\n"
        mount["options"] = ["rbind", "rro"]
        assert box.run("/bin/sh", "-c", "touch /m/x 2>/dev/null || echo no; touch /m/sub/x 2>/dev/null || echo no") == "no\nno\n"
    finally:
        subprocess.run(["umount", tmp_path / "m" / "sub"], check=True)


def test_a_device_directory_that_the_person_mounts_is_left_alone(box: Box, tmp_path: Path) -> None:
    """Also when it is a tmpfs like ours: podman's ``-v /dev:/dev``."""
    (dev := tmp_path / "dev").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", dev], check=True)
    try:
        (dev / "own").touch()
        box.spec["mounts"] = [entry for entry in box.spec["mounts"] if not entry["destination"].startswith("/dev")]
        box.spec["mounts"].append({"destination": "/dev", "source": str(dev), "options": ["rbind"]})
        assert box.run("/bin/ls", "/dev") == "own\n"
        assert os.listdir(dev) == ["own"]
    finally:
        subprocess.run(["umount", dev], check=True)


def test_masks_sysctls_devices_and_the_host_name(box: Box) -> None:
    box.linux.update(
        {
            "sysctl": {"net.ipv4.ip_forward": "1", "kernel.shmmax": "12345"},
            "maskedPaths": ["/proc/timer_list", "/sys/firmware"],
            "readonlyPaths": ["/proc/sys"],
            "devices": [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 0o600, "uid": 3, "gid": 4}],
        }
    )
    box.spec |= {"hostname": "named", "domainname": "domain"}
    script = (
        "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax; wc -c </proc/timer_list; ls /sys/firmware | wc -l; "
        "(echo 0 >/proc/sys/net/ipv4/ip_forward) 2>&1 | grep -c 'ead-only'; ls -ln /dev/mine; hostname; cat /proc/sys/kernel/domainname"
    )
    lines = box.run("/bin/sh", "-c", script).splitlines()
    assert lines[:5] == ["1", "12345", "0", "0", "1"]
    assert lines[5].split()[:6] == ["crw-------", "1", "3", "4", "1,", "5"]
    assert lines[6:] == ["named", "domain"]


def test_resources_and_a_cgroup_of_its_own(box: Box) -> None:
    box.linux["cgroupsPath"] = "/longshore-oci-test/one"
    box.linux["resources"] |= {"memory": {"limit": 32 * MIB, "swap": 64 * MIB}, "pids": {"limit": 50}, "cpu": {"shares": 512}}
    box.create("one", "/bin/sleep", "1000")
    memory = "/sys/fs/cgroup/memory/longshore-oci-test/one/memory.limit_in_bytes"
    assert Path(memory).read_text() == f"{32 * MIB}\n"
    box.ok("start", "one")
    box.ok("update", "--memory", str(16 * MIB), "one")
    assert Path(memory).read_text() == f"{16 * MIB}\n"
    box.ok("update", "--resources", "-", "one", input=json.dumps({"pids": {"limit": 7}}))
    assert Path("/sys/fs/cgroup/pids/longshore-oci-test/one/pids.max").read_text() == "7\n"
    box.ok("pause", "one")
    assert box.state("one")["status"] == "paused"
    box.ok("kill", "one", "KILL")  # wakes it too
    box.finish("one")
    assert not os.path.exists("/sys/fs/cgroup/memory/longshore-oci-test")


def test_everybody_in_the_group_dies_where_the_pids_are_the_host_s(box: Box) -> None:
    box.linux["namespaces"] = [entry for entry in box.linux["namespaces"] if entry["type"] != "pid"]
    output = box.create("one", "/bin/sh", "-c", "sleep 1000 & echo $!; exit")
    box.ok("start", "one")
    box.finish("one")
    assert not os.path.exists(f"/proc/{output.read_text().strip()}/exe")


def test_seccomp_of_the_bundle(box: Box) -> None:
    """The profile forbids what our own init does until the last moment: openat2, mount, setns."""
    box.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [
            {"names": ["mkdir", "openat2", "mount", "setns", "prctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": 26},
        ],
    }
    out = box.run("/bin/sh", "-c", "mkdir /tmp/x 2>&1; grep Seccomp: /proc/self/status")
    assert "Text file busy" in out and out.split()[-2:] == ["Seccomp:", "2"]


def test_namespaces_by_path(box: Box) -> None:
    holder = subprocess.Popen(["unshare", "--net", "--uts", "--ipc", "sleep", "1000"])
    try:
        until(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != os.readlink("/proc/self/ns/net"))
        for entry in box.linux["namespaces"]:
            if entry["type"] in ("network", "ipc"):
                entry["path"] = f"/proc/{holder.pid}/ns/{'net' if entry['type'] == 'network' else 'ipc'}"
        out = box.run("/bin/sh", "-c", "readlink /proc/self/ns/net; readlink /proc/self/ns/ipc").split()
        assert out == [os.readlink(f"/proc/{holder.pid}/ns/net"), os.readlink(f"/proc/{holder.pid}/ns/ipc")]
        box.linux["namespaces"][0] |= {"path": f"/proc/{holder.pid}/ns/uts"}
        box.write("/bin/true")
        assert box.call("create", "--bundle", str(box.bundle), "two").returncode == 1  # a path of another type
    finally:
        holder.kill()
        holder.wait()


def test_a_root_that_pivot_root_can_not_leave(box: Box) -> None:
    output = box.create("one", "/bin/sh", "-c", "ls /; mount | head -1", options=("--no-pivot",))
    box.ok("start", "one")
    box.finish("one")
    assert "bin" in output.read_text().split() and "boot" not in output.read_text().split()


def test_descriptors_are_handed_down_or_closed(box: Box, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("handed down\n")
    box.write("/bin/sh", "-c", "cat <&3; ls /proc/self/fd")
    for options, expected in (("--preserve-fds 1", "handed down\n0\n1\n2\n3\n4\n"), ("", "/bin/sh: 3: Bad file descriptor")):
        command = f'exec 3<{tmp_path}/in; exec "$@" --root {box.root} create {options} --bundle {box.bundle} one'
        with open(tmp_path / "out", "wb") as out:
            subprocess.run(["sh", "-c", command, "sh", *PROGRAM], stdout=out, stderr=out, stdin=subprocess.DEVNULL, timeout=60, check=True)
        box.ok("start", "one")
        box.finish("one")
        assert (tmp_path / "out").read_text().startswith(expected)


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("rlimits: 'RLIMIT_NONE' is no resource limit", {"process": {"rlimits": [{"type": "RLIMIT_NONE", "soft": 1, "hard": 1}]}}),
    ("process.args must not be empty", {"process": {"args": []}}),
    ("must be an absolute path", {"process": {"cwd": "tmp"}}),
    ("namespace 'none' does not exist", {"linux": {"namespaces": [{"type": "none"}]}}),
    ("duplicated ns 'mount'", {"linux": {"namespaces": [{"type": "mount"}, {"type": "mount"}]}}),
    ("without a mount namespace", {"linux": {"namespaces": []}}),
    ("is no directory", {"root": {"path": "nowhere"}}),
    ("ociVersion must be a string", {"ociVersion": 1}),
    ("breaks the runtime specification", {"mounts": [{"source": "/"}]}),
    *([("AppArmor is not enabled", {"process": {"apparmorProfile": "p"}})] if not labels.apparmor() else []),
    *(
        [
            ("SELinux is not enabled", {"process": {"selinuxLabel": "u:r:t:s0"}}),
            ("SELinux is not enabled", {"linux": {"mountLabel": "u:r:t:s0"}}),
        ]
        if not labels.selinux()
        else []
    ),
    ("is not supported", {"linux": {"intelRdt": {"closID": "x"}}}),
]


@pytest.mark.parametrize(("message", "change"), REFUSED)
def test_bundles_that_are_refused(box: Box, message: str, change: dict[str, Any]) -> None:
    for key, value in change.items():
        box.spec[key] = {**box.spec[key], **value} if isinstance(value, dict) else value
    (box.bundle / "config.json").write_text(json.dumps(box.spec))
    failed = box.call("create", "--bundle", str(box.bundle), "one")
    assert failed.returncode == 1 and message in failed.stderr
    assert "Traceback" not in failed.stderr


def test_no_bundle_orders_our_runtime_about(box: Box, tmp_path: Path) -> None:
    """Annotations with our prefix are the engine's orders: an overlay of the host's directories must not come from a bundle."""
    (tmp_path / "secret").write_text("x")
    box.spec["annotations"] = {"dev.longshore.overlay.lower": str(tmp_path)}
    out = box.run("/bin/ls", "/")
    assert "bin" in out.split() and "secret" not in out.split()


@pytest.fixture
def reachable() -> Iterator[Box]:
    """A bundle that whoever is root in a user namespace may look up: pytest's own directories are closed."""
    base = Path(tempfile.mkdtemp())
    base.chmod(0o755)
    make_rootfs(base / "rootfs")
    box = Box(base / "box", base / "rootfs")
    yield box
    box.clean()
    shutil.rmtree(base)


def test_a_user_namespace(reachable: Box) -> None:
    box = reachable
    shared = box.bundle / "shared"
    shared.mkdir()
    (box.bundle.parent.parent / "rootfs" / "shared").mkdir()  # the root directory is not theirs to make it in
    os.chown(shared, 100000, 200000)
    box.linux["namespaces"].append({"type": "user"})
    box.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    box.linux["gidMappings"] = [{"containerID": 0, "hostID": 200000, "size": 1000}]
    box.spec["mounts"].append({"destination": "/shared", "source": str(shared), "options": ["bind"]})
    script = (
        "id -u; cat /proc/self/uid_map; echo x >/dev/null && echo null; touch /shared/f; grep CapEff /proc/self/status; echo up; sleep 1000"
    )
    output = box.create("one", "/bin/sh", "-c", script)
    box.ok("start", "one")
    until(lambda: "up" in output.read_text())
    lines = output.read_text().splitlines()
    assert lines[0] == "0" and lines[1].split() == ["0", "100000", "1000"] and lines[2] == "null"
    assert ((shared / "f").stat().st_uid, (shared / "f").stat().st_gid) == (100000, 200000)
    pid = box.state("one")["pid"]
    assert os.stat(f"/proc/{pid}").st_uid == 100000
    inside = box.call("exec", "one", "/bin/sh", "-c", "id -u; cat /proc/self/gid_map; readlink /proc/self/ns/user; touch /shared/g")
    assert inside.stdout.split() == ["0", "0", "200000", "1000", os.readlink(f"/proc/{pid}/ns/user")], inside.stderr
    assert (shared / "g").stat().st_uid == 100000
    box.ok("delete", "--force", "one")


def test_ids_without_a_map(box: Box) -> None:
    box.linux["uidMappings"] = box.linux["gidMappings"] = [{"containerID": 0, "hostID": 1000, "size": 1}]
    box.write("/bin/true")
    assert "but no user namespace" in box.call("create", "--bundle", str(box.bundle), "one").stderr
    box.linux["namespaces"].append({"type": "user"})
    box.linux["uidMappings"] = [{"containerID": 0, "hostID": 1000, "size": 1}] * 2  # overlap: the kernel refuses
    box.write("/bin/true")
    assert "error writing uid_map" in box.call("create", "--bundle", str(box.bundle), "one").stderr
    assert os.listdir(box.root) == []


def test_the_propagation_of_the_root(box: Box) -> None:
    for wanted, shown in (("shared", " shared:"), ("unbindable", " unbindable "), ("private", " - ")):
        box.linux["rootfsPropagation"] = wanted
        line = next(line for line in box.run("/bin/cat", "/proc/self/mountinfo").splitlines() if line.split()[4] == "/")
        assert shown in line and ("shared:" in line) == (wanted == "shared")


def test_resources_that_this_machine_has_not_are_an_error(box: Box) -> None:
    for resources in ({"unified": {"memory.high": "1"}}, {"hugepageLimits": [{"pageSize": "3GB", "limit": 1}]}):
        box.linux["resources"] = resources
        box.write("/bin/true")
        failed = box.call("create", "--bundle", str(box.bundle), "one")
        assert failed.returncode == 1 and "error setting the container's limits" in failed.stderr
