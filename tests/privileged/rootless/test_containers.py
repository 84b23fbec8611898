"""An ordinary user's containers: the same verbs, in a user namespace."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from engine.linux import cgroups
from tests.support.person import Person
from tests.support.wait import until


def test_root_of_a_container_is_the_user(anne: Person) -> None:
    assert anne.out("run", "--rm", "busybox", "id", "-u") == "0\n"
    assert anne.out("run", "--rm", "busybox", "awk", "{print $1, $2, $3}", "/proc/self/uid_map").splitlines() == [
        f"0 {anne.uid} 1",
        "1 700000 65536",
    ]
    assert anne.out("run", "--rm", "--user", "1000:1000", "busybox", "id", "-u") == "1000\n"
    assert anne.out("run", "--rm", "busybox", "grep", "-c", "^overlay / .*userxattr", "/proc/mounts") == "1\n"


def test_images_as_mounts(anne: Person) -> None:
    """Their overlay is the user namespace's too, and so is what is taken out of it."""
    for mount, place in (("target=/i", "/i/bin"), ("target=/i,image-subpath=bin", "/i")):
        look = f"ls {place} | grep -x busybox; touch {place}/new"
        seen = anne("run", "--rm", "--mount", f"type=image,source=busybox,{mount}", "busybox", "sh", "-c", look)
        assert seen.stdout == "busybox\n" and "Read-only file system" in seen.stderr, seen


def test_a_life_in_the_background(anne: Person) -> None:
    anne.out("run", "-d", "--name", "web", "busybox", "sh", "-c", "trap 'exit 7' TERM; echo up; while true; do sleep 0.1; done")
    until(lambda: anne.out("logs", "web") == "up\n")
    assert "Up" in anne.out("ps", "--format", "{{.Names}} {{.Status}}")
    assert anne.out("exec", "web", "sh", "-c", "echo $((6 * 7)); readlink /proc/1/exe") == "42\n/bin/busybox\n"
    assert anne("exec", "web", "sh", "-c", "exit 3").returncode == 3
    anne.out("stop", "web")
    assert anne.out("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "web") == "exited 7\n"
    anne.out("start", "web")
    anne.out("restart", "-t", "2", "web")
    anne.out("kill", "web")
    assert anne.out("wait", "web") == "137\n"
    anne.out("rm", "web")
    assert anne.out("ps", "-aq") == ""


def test_no_process_is_left_unreaped(anne: Person) -> None:
    """A fork goes ahead into the container's PID namespace for every start and exec: its supervisor collects it."""
    anne.out("run", "-d", "--name", "web", "busybox", "sleep", "100")
    for _ in range(3):
        anne.out("exec", "web", "true")
    assert anne("exec", "web", "/no/such").returncode == 127

    def zombies() -> list[int]:
        found = []
        for pid in anne.processes():
            with contextlib.suppress(FileNotFoundError):  # it has been reaped meanwhile
                if Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z"):
                    found.append(pid)
        return found

    until(lambda: not zombies(), what="zombies are reaped")


def test_devices_are_the_hosts(anne: Person) -> None:
    script = "echo x >/dev/null && head -c 4 /dev/urandom | wc -c && stat -c '%t:%T' /dev/zero; mknod /tmp/kmem c 1 2; echo $?"
    lines = anne.out("run", "--rm", "busybox", "sh", "-c", script).split()
    assert lines == ["4", "1:5", "1"]
    assert anne.out("run", "--rm", "--device", "/dev/full:/dev/brim", "busybox", "stat", "-c", "%t:%T", "/dev/brim") == "1:7\n"
    assert anne.out("run", "--rm", "-t", "busybox", "tty").strip() == "/dev/pts/0"


def test_nobody_gains_anything_on_the_host(anne: Person) -> None:
    """The usual capabilities, over the namespace only: the host's files, processes and mounts are out of reach."""
    status = anne.out("run", "--rm", "busybox", "grep", "-E", "^(CapBnd|CapEff|Seccomp):", "/proc/self/status").split()
    assert status == ["CapEff:", "00000000a80425fb", "CapBnd:", "00000000a80425fb", "Seccomp:", "2"]
    secret = Path(anne.home + ".etc/secret")
    secret.write_text("root's")
    secret.chmod(0o600)
    looked = anne(
        "run", "--rm", "--privileged", "--pid", "host", "-v", f"{secret}:/secret", "busybox", "sh", "-c", "cat /secret; kill -0 1"
    )
    assert looked.returncode != 0 and looked.stdout == "" and looked.stderr.lower().count("permi") == 2, looked
    done = anne("run", "--rm", "--privileged", "busybox", "sh", "-c", "mount -t ext4 /dev/vda /tmp || echo 1 >/proc/sys/kernel/panic")
    assert done.returncode != 0


def test_files_keep_their_owners(anne: Person) -> None:
    """Volumes and bind mounts: what root of a container makes is the user's, what others make has their subordinate ids."""
    shared = Path(anne.home) / "shared"
    anne.execute(anne.any_command("mkdir", str(shared)))
    script = "touch /shared/root; touch /data/kept; install -o 1000 /dev/null /shared/other 2>/dev/null || { touch /shared/other; chown 1000:1000 /shared/other; }"
    anne.out("run", "--rm", "-v", f"{shared}:/shared", "-v", "data:/data", "busybox", "sh", "-c", script)
    assert (shared / "root").stat().st_uid == anne.uid
    assert (shared / "other").stat().st_uid == 700999
    assert anne.out("run", "--rm", "-v", "data:/data", "busybox", "ls", "/data") == "kept\n"
    anne.out("run", "--rm", "-v", f"{shared}:/shared", "busybox", "sh", "-c", "rm /shared/*")
    anne.out("volume", "rm", "data")


def test_layers_hide_and_change_what_is_below(anne: Person) -> None:
    """Whiteouts and opaque directories are marked so that overlayfs heeds them in a user namespace, and come back in a commit."""
    anne.out(
        "run", "--name", "changed", "busybox", "sh", "-c", "rm /etc/group; rm -r /var; mkdir /var; touch /var/new; chown 33:33 /var/new"
    )
    assert {"D /etc/group", "A /var/new", "C /var"} <= set(anne.out("diff", "changed").splitlines())
    anne.out("commit", "changed", "changed:1")
    script = "ls /var; test -e /etc/group; echo $?; stat -c %u:%g /var/new"
    assert anne.out("run", "--rm", "changed:1", "sh", "-c", script) == "new\n1\n33:33\n"
    anne.out("save", "-o", f"{anne.home}/changed.tar", "changed:1")
    anne.out("rm", "changed")
    anne.out("rmi", "changed:1")
    anne.out("load", "-i", f"{anne.home}/changed.tar")
    assert anne.out("run", "--rm", "changed:1", "sh", "-c", script) == "new\n1\n33:33\n"
    anne.out("rmi", "changed:1")


def test_files_are_copied_in_and_out(anne: Person) -> None:
    anne.execute(anne.any_command("sh", "-c", f"echo there >{anne.home}/file"))
    anne.out("run", "-d", "--name", "box", "busybox", "sleep", "100")
    anne.out("cp", f"{anne.home}/file", "box:/tmp/copied")
    assert anne.out("exec", "box", "cat", "/tmp/copied") == "there\n"
    anne.out("cp", "box:/tmp/copied", f"{anne.home}/back")
    assert (Path(anne.home) / "back").stat().st_uid == anne.uid


def test_limits_are_said_to_be_discarded_where_the_user_has_no_cgroup(anne: Person) -> None:
    if cgroups.detect().version == 2:
        pytest.skip("cgroup v1 only")
    done = anne("run", "--rm", "-m", "64m", "--cpus", "0.5", "busybox", "echo", "ran")
    assert done.stdout == "ran\n"
    assert "memory limit capabilities or the cgroup is not mounted. Limitation discarded." in done.stderr
    told = anne("info")
    assert "Security Options: seccomp, rootless" in told.stdout
    assert "systemd.unified_cgroup_hierarchy=1" in done.stderr
    assert "WARNING: cgroup v1 can not be given to a user" in told.stderr
    anne.out("run", "-d", "--name", "box", "busybox", "sleep", "100")
    assert "cannot pause container" in anne("pause", "box").stderr
    assert anne.out("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "box") == "box 1\n"
    assert "sleep 100" in anne.out("top", "box")
