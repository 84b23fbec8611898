"""What the container's first process finds: identity, privileges, descriptors, signals, environment, working directory."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import errors
from engine.model.containers import Mount
from tests.privileged.isolation.box import Box, Running


def _status(text: str) -> dict[str, str]:
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}


def test_privileges_of_root(box: Box) -> None:
    status = _status(box.run("cat", "/proc/self/status").out)
    assert status["CapBnd"] == status["CapEff"] == status["CapPrm"] == "00000000a80425fb"
    assert status["CapInh"] == status["CapAmb"] == "0000000000000000"
    assert (status["Seccomp"], status["NoNewPrivs"], status["Uid"].split()) == ("2", "0", ["0"] * 4)
    assert status["Umask"] == "0022"
    assert status["NSpid"].split()[-1] == "1"


def test_privileges_of_a_user(box: Box) -> None:
    status = _status(box.run("cat", "/proc/self/status", config={"user": "user"}).out)
    assert status["CapBnd"] == "00000000a80425fb"
    assert status["CapEff"] == status["CapPrm"] == status["CapInh"] == status["CapAmb"] == "0000000000000000"
    assert status["Groups"].split() == ["1000", "2000", "2001"]


def test_added_and_dropped_capabilities(box: Box) -> None:
    assert _status(box.run("cat", "/proc/self/status", cap_drop=("ALL",), cap_add=("net_admin",)).out)["CapEff"] == f"{1 << 12:016x}"
    status = _status(box.run("cat", "/proc/self/status", cap_drop=("CAP_CHOWN",)).out)
    assert status["CapBnd"] == f"{0xA80425FB & ~1:016x}"


def test_privileged_has_what_we_have(box: Box) -> None:
    status = _status(box.run("cat", "/proc/self/status", privileged=True).out)
    assert status["CapEff"] == f"{box.facts.capabilities:016x}"
    assert status["Seccomp"] == "0"


def test_no_new_privileges(box: Box) -> None:
    status = _status(box.run("cat", "/proc/self/status", security_opt=("no-new-privileges",), config={"user": "1000"}).out)
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_only_the_standard_descriptors(box: Box) -> None:
    script = "i=0; while [ $i -lt 256 ]; do if [ -e /proc/1/fd/$i ]; then echo $i; fi; i=$((i+1)); done"
    assert box.sh(script).out.split() == ["0", "1", "2"]
    assert box.sh(script, config={"tty": True}).out.split() == ["0", "1", "2"]


def test_signals_are_all_default(box: Box) -> None:
    status = _status(box.run("cat", "/proc/self/status").out)
    assert {status[name] for name in ("SigBlk", "SigIgn", "SigCgt")} == {"0" * 16}


def test_environment(box: Box) -> None:
    result = box.run("env", config={"env": ("A=1", "B=x y", "A=2", "PATH=/bin", "TERM")})
    assert set(result.lines()) == {"A=2", "B=x y", "PATH=/bin", f"HOSTNAME={box.last_id[:12]}", "HOME=/root"}
    assert "TERM=xterm\r" in box.run("env", config={"tty": True}).out.split("\n")
    assert "HOME=/home/user" in box.run("env", config={"user": "1000"}).lines()
    assert "HOME=/" in box.run("env", config={"user": "77"}).lines()


def test_the_process_leads_its_session(box: Box) -> None:
    assert box.run("cat", "/proc/self/stat").out.split()[4:6] == ["1", "1"]


def test_umask_hostname_and_limits(box: Box) -> None:
    made = box.sh("umask; hostname; ulimit -n; cat /proc/self/oom_score_adj", config={"hostname": "www.example.org"})
    assert made.lines()[:2] == ["0022", "www.example.org"]
    assert made.lines()[3] == "0"
    from engine.model.containers import Ulimit

    assert box.sh("ulimit -n; ulimit -H -n", ulimits=(Ulimit(name="nofile", soft=100, hard=200),)).lines() == ["100", "200"]


def test_standard_input_and_both_outputs(box: Box) -> None:
    result = box.sh("cat; echo no >&2; exit 7", stdin=b"yes\n")
    assert (result.out, result.err, result.status) == ("yes\n", "no\n", 7)
    assert box.sh("kill -9 $$; sleep 1; kill -TERM -1; true").status == 0


def test_a_user_may_open_the_standard_streams_again(box: Box) -> None:
    assert box.sh("echo again > /dev/stdout; echo err > /proc/self/fd/2", config={"user": "user"}).out == "again\n"


@pytest.mark.parametrize(
    ("user", "ids"),
    [
        ("", "0 0 0"),
        ("root", "0 0 0"),
        ("user", "1000 1000 1000 2000 2001"),
        ("1000", "1000 1000 1000 2000 2001"),
        ("user:extra", "1000 2000 2000"),
        ("user:7", "1000 7 7"),
        ("1", "1 0 0"),
        ("01", "1 0 0"),
        ("1:", "1 0 0"),
        ("1234", "1234 0 0"),
        ("2147483647", "2147483647 0 0"),
    ],
)
def test_users(box: Box, user: str, ids: str) -> None:
    assert " ".join(box.sh("id -u; id -g; id -G", config={"user": user}).out.split()) == ids


@pytest.mark.parametrize("user", ["nobody", "+1", "1 ", "-1", " 1", "4294967295", "4294967296", "2147483648", "user:nope", "1:-1", "1e3"])
def test_refused_users(box: Box, user: str) -> None:
    with pytest.raises(errors.StartFailed, match="unable to"):
        box.run("id", config={"user": user})


def test_added_groups(box: Box) -> None:
    groups = box.run("id", "-G", group_add=("extra", "77"), config={"user": "user:user"}).out.split()
    assert (groups[0], set(groups)) == ("1000", {"1000", "2000", "77"})


def test_hostile_passwd_files(box: Box, tmp_path: Path) -> None:
    for number, kind in enumerate(("fifo", "zero", "huge", "proc")):
        layer = tmp_path / f"layer{number}"
        (layer / "etc").mkdir(parents=True)
        passwd = layer / "etc/passwd"
        if kind == "fifo":
            os.mkfifo(passwd)
        elif kind == "zero":
            passwd.symlink_to("/dev/zero")
        elif kind == "proc":
            passwd.symlink_to("/proc/self/fd/0")
        else:
            with passwd.open("wb") as file:
                file.truncate(1 << 30)
        with pytest.raises(errors.StartFailed, match="/etc/passwd"):
            box.run("true", lowers=(layer, box.base))


def test_a_passwd_link_stays_inside(box: Box, tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("outside:x:4242:4242::/:/bin/sh\n")
    layer = tmp_path / "layer"
    (layer / "etc").mkdir(parents=True)
    (layer / "etc/passwd").symlink_to("../../../../../../../.." + str(tmp_path / "passwd"))
    with pytest.raises(errors.StartFailed, match="unable to find user outside"):
        box.run("id", config={"user": "outside"}, lowers=(layer, box.base))


def test_working_directory_is_made(box: Box) -> None:
    assert box.sh("pwd; stat -c '%a %u %g' .", config={"working_dir": "/deep/er/dir"}).lines() == ["/deep/er/dir", "755 0 0"]
    with pytest.raises(errors.StartFailed, match="Cannot mkdir: /etc/passwd/x is not a directory"):
        box.run("pwd", config={"working_dir": "/etc/passwd/x"})


@pytest.mark.parametrize("link", ["", "/", "/etc"])
def test_working_directory_through_a_descriptor_is_refused(box: Box, up: Callable[..., Running], link: str) -> None:
    running = up("sleep", "1000")
    for number in range(3, 16):
        path = f"/proc/self/fd/{number}{link}"
        with pytest.raises(errors.StartFailed):
            box.run("pwd", config={"working_dir": path})
        with pytest.raises(errors.StartFailed):
            running.exec("pwd", working_dir=path)
    with pytest.raises(errors.StartFailed):
        box.run("pwd", config={"working_dir": "/proc/1/root"})


def test_working_directory_of_a_user_only(box: Box, base: Path) -> None:
    assert box.run("pwd", config={"user": "user", "working_dir": "/root"}).out == "/root\n"


@pytest.mark.parametrize(
    ("argv", "kind", "message"),
    [
        ("nope", errors.ExecutableNotFound, 'exec: "nope": executable file not found in $PATH'),
        ("", errors.ExecutableNotFound, 'exec: "": executable file not found in $PATH'),
        ("/nope", errors.ExecutableNotFound, 'exec: "/nope": stat /nope: no such file or directory'),
        ("/etc/passwd/x", errors.ExecutableNotFound, "not a directory"),
        ("/etc", errors.NotExecutable, 'exec: "/etc": is a directory'),
        ("/etc/passwd", errors.NotExecutable, 'exec: "/etc/passwd": permission denied'),
    ],
)
def test_what_can_not_run(box: Box, argv: str, kind: type[errors.LongshoreError], message: str) -> None:
    with pytest.raises(kind) as caught:
        box.run(argv)
    assert message in caught.value.message
    assert not os.path.exists(f"/sys/fs/cgroup/pids/longshore/{box.last_id}")


def test_broken_programs(box: Box, tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    layer.mkdir()
    for name, content in (("garbage", b"\x00\x01garbage"), ("script", b"#!/no/such/interpreter\n")):
        (layer / name).write_bytes(content)
        (layer / name).chmod(0o755)
    with pytest.raises(errors.StartFailed, match="exec /garbage: exec format error"):
        box.run("/garbage", lowers=(layer, box.base))
    with pytest.raises(errors.ExecutableNotFound, match="exec /script: no such file or directory"):
        box.run("/script", lowers=(layer, box.base))


def test_terminal(box: Box) -> None:
    result = box.sh("tty; stat -c '%t:%T' /dev/console; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all", config={"tty": True})
    assert result.out.split() == ["/dev/pts/0", "88:0", "all"]
    assert "Seccomp" in box.run("cat", "/proc/self/status", config={"tty": True, "user": "user"}).out


@pytest.mark.parametrize("mounted", [False, True])
def test_a_console_link_is_not_followed_out(box: Box, tmp_path: Path, mounted: bool) -> None:
    """CVE-2025-52565, by the image's ``/dev`` and by one that the person mounts there."""
    layer = tmp_path / "layer"
    (layer / "dev/pts").mkdir(parents=True)
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (layer / "dev/console").symlink_to(victim)
    (layer / "dev/ptmx").symlink_to(victim)
    own = (Mount(kind="bind", path=str(layer / "dev"), target="/dev"), Mount(kind="bind", path="/dev/pts", target="/dev/pts"))
    mounts = own if mounted else ()
    assert box.run("echo", "fine", config={"tty": True}, lowers=(layer, box.base), mounts=mounts).out.strip() == "fine"
    assert victim.read_text() == "untouched"


def test_the_interpreter_is_not_reachable(box: Box, up: Callable[..., Running]) -> None:
    """``/proc/self/exe`` as the program, and opened while execs go on (CVE-2019-5736)."""
    before = os.stat(f"/proc/{box.runner.pid}/exe").st_mtime_ns
    running = up("sh", "-c", "while :; do for p in /proc/[0-9]*; do ( : >> $p/exe ) 2>/dev/null && echo $p >> /tmp/won; done; done")
    for user in ("", "user"):
        with pytest.raises(errors.NotExecutable):
            box.run("/proc/self/exe", "-c", "print(1)", config={"user": user})
        with pytest.raises(errors.NotExecutable):
            running.exec("/proc/1/exe", user=user)
        with pytest.raises(errors.ExecutableNotFound, match=r"not found in \$PATH"):
            box.run("exe", "-c", "print(1)", config={"user": user, "env": ("PATH=/proc/self:/proc/1",)})
    for _ in range(20):
        running.exec("true")
    assert "No such file" in running.sh("cat /tmp/won").err
    assert os.stat(f"/proc/{box.runner.pid}/exe").st_mtime_ns == before


def test_why_it_ended_counts_more_than_that_its_namespaces_are_gone(box: Box) -> None:
    """Who wires it may be late: it has looked its user up meanwhile, and there is none."""
    made, bundle = box.spec("true", config={"user": "nosuchuser"})
    with pytest.raises(errors.StartFailed, match="unable to find user nosuchuser: no matching entries in passwd file"):
        box.runner.ask("late", spec=made, bundle=str(bundle))
