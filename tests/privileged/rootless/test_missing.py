"""What an ordinary user's machine may lack: each piece is named, with what to do, and the rest works."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.support import images
from tests.support.person import person
from tests.support.registry import Registry
from tests.support.wait import until


def test_without_subordinate_ids_there_is_one_user(registry: Registry) -> None:
    layer = images.tar_of([("data/", b"", 0o755), ("data/file", b"x", 0o644)])
    images.push(registry.url, "library/plain:latest", images.ImageSource((images.busybox_layer(), layer), {"Cmd": ["sh"]}))
    with person(registry.host, subids=False) as anne:
        first = anne("pull", "busybox")
        assert first.returncode == 0, first.stderr
        assert first.stderr.startswith(
            "WARNING: /etc/subuid has no range for anne: containers have one user only; "
            "add one with `sudo usermod --add-subuids 100000-165535 anne`"
        )
        assert "WARNING" not in anne("images").stderr
        assert "WARNING: /etc/subuid has no range for anne" in anne("info").stderr
        assert anne.out("run", "--rm", "busybox", "cat", "/proc/self/uid_map").split() == ["0", str(anne.uid), "1"]
        assert anne.out("run", "--rm", "plain", "stat", "-c", "%u", "/data/file") == "0\n"
        other = anne("run", "--rm", "--user", "1000", "busybox", "true")
        assert "user 1000:0 does not exist in the user namespace" in other.stderr and "/etc/subuid" in other.stderr
        anne.subids = True  # somebody has added a range: it counts as soon as nothing runs in the old namespace
        assert anne.out("run", "--rm", "--user", "1000", "busybox", "id", "-u") == "1000\n"
        assert "has no range" not in anne("info").stderr


def test_without_newuidmap_there_is_one_user(registry: Registry) -> None:
    with person(registry.host, without=("newuidmap",)) as anne:
        first = anne("run", "--rm", "busybox", "echo", "ran")
        assert first.stdout == "ran\n"
        assert (
            "WARNING: newuidmap is not installed: containers have one user only; install newuidmap and newgidmap (package uidmap"
            in first.stderr
        )


def test_without_pasta_containers_reach_each_other_only(registry: Registry) -> None:
    with person(registry.host, without=("pasta",)) as anne:
        first = anne("run", "--rm", "busybox", "sh", "-c", "ip -4 -o addr show eth0 | wc -l")
        assert first.stdout == "1\n"
        assert "WARNING: pasta is not installed: containers reach each other and their published ports, but nothing outside" in first.stderr
        assert "WARNING" not in anne("run", "--rm", "--network", "host", "busybox", "true").stderr
        assert "install package passt" in anne("info").stderr


def test_a_pasta_that_fails_is_told_of(registry: Registry) -> None:
    with person(registry.host) as anne:
        Path(f"{anne.home}.etc/pasta").write_text("#!/bin/sh\necho no route to anywhere >&2\nexit 1\n")
        Path(f"{anne.home}.etc/pasta").chmod(0o755)
        broken = f"mount --bind {anne.home}.etc/pasta /usr/bin/pasta\n"
        command = anne.command("run", "--rm", "busybox", "echo", "ran")
        place = command.index("-ec") + 1
        command[place] = broken + command[place]
        done = anne.execute(command)
        assert (done.stdout, done.returncode) == ("ran\n", 0), done
        assert "WARNING: containers reach nothing outside: pasta ended at once: no route to anywhere" in anne("info").stderr
        again = anne("run", "--rm", "busybox", "true")
        assert again.returncode == 0 and "WARNING: containers reach nothing outside: pasta ended at once" in again.stderr


def test_a_killed_holder_is_replaced_in_the_same_namespace(registry: Registry) -> None:
    with person(registry.host) as anne:
        anne.out("run", "-d", "--name", "web", "busybox", "sleep", "1000")
        namespace = os.stat(f"/proc/{anne.holder()}/ns/user").st_ino
        old = anne.holder()
        os.kill(old, signal.SIGKILL)
        assert anne.out("exec", "web", "echo", "here") == "here\n"
        assert anne.holder() != old
        assert os.stat(f"/proc/{anne.holder()}/ns/user").st_ino == namespace
        assert anne.out("run", "--rm", "busybox", "echo", "more") == "more\n"
        anne.out("rm", "-f", "web")


def test_after_everything_was_killed_the_next_verb_tells_the_truth(registry: Registry) -> None:
    with person(registry.host) as anne:
        anne.out("run", "-d", "--name", "web", "--restart", "no", "busybox", "sleep", "1000")
        for _ in range(3):
            for pid in anne.processes():
                os.kill(pid, signal.SIGKILL)
        until(lambda: not anne.processes())
        assert anne.out("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "web") == "exited 137\n"
        anne.out("start", "web")
        assert anne.out("exec", "web", "echo", "again") == "again\n"
        anne.out("rm", "-f", "web")


def test_a_run_directory_that_somebody_else_made_is_refused(registry: Registry) -> None:
    with person(registry.host) as anne:
        place = Path(f"/tmp/longshore-{anne.uid}")
        place.mkdir(mode=0o777)
        try:
            done = anne.execute([word for word in anne.command("images") if not word.startswith("XDG_RUNTIME_DIR=")])
            assert done.returncode == 1
            assert f"Error: {place} belongs to somebody else or is open to others" in done.stderr
        finally:
            place.rmdir()


def test_a_kernel_that_allows_no_user_namespaces_is_told_of(registry: Registry) -> None:
    """Inside another namespace, whose own limit is 0: the setting is named."""
    with person(registry.host) as anne:
        command = anne.command("images")
        become = command.index("setpriv")
        forbid = 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"'
        outer = ["unshare", "--user", "--map-users=0,0,100000", "--map-groups=0,0,100000", "sh", "-ec", forbid, "sh"]
        done = anne.execute([*command[:become], *outer, *command[become:]])
        assert done.returncode == 1, done
        assert "Error: this kernel allows ordinary users no user namespaces" in done.stderr
        assert "`sudo sysctl user.max_user_namespaces=28633`" in done.stderr


def test_a_newuidmap_that_is_refused_is_told_of_and_done_without(registry: Registry) -> None:
    """As a copy of it without its set-uid bit is."""
    with person(registry.host) as anne:
        command = anne.command("run", "--rm", "busybox", "echo", "ran")
        place = command.index("-ec") + 1
        unset = f"cp /usr/bin/newuidmap {anne.home}.etc/newuidmap\nmount --bind {anne.home}.etc/newuidmap /usr/bin/newuidmap\n"
        command[place] = unset + command[place]
        done = anne.execute(command)
        assert done.stdout == "ran\n", done
        assert "WARNING: newuidmap: write to uid_map failed: Operation not permitted (is /usr/bin/newuidmap set-uid root" in done.stderr
