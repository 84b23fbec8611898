"""``exec``, with and without a terminal, on real bundles."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.privileged.oci.box import PROGRAM, Box
from tests.support.wait import until


@pytest.fixture
def running(box: Box) -> Box:
    box.create("one", "/bin/sleep", "1000")
    box.ok("start", "one")
    return box


def test_a_command(running: Box) -> None:
    done = running.call(
        "exec", "--env", "A=b", "--cwd", "/tmp", "--user", "7:8", "one", "sh", "-c", "echo $A $PWD $(id -u) $(id -g) $$; exit 4"
    )
    assert done.returncode == 4
    words = done.stdout.split()
    assert words[:4] == ["b", "/tmp", "7", "8"]
    assert int(words[4]) > 1  # in the container's pid namespace, not its first process


def test_a_process_file_as_conmon_gives_it(running: Box, tmp_path: Path) -> None:
    process = {**running.process, "args": ["/bin/sh", "-c", "echo out; cat /proc/self/cgroup; sleep 1000"]}
    (tmp_path / "process").write_text(json.dumps(process))
    with open(tmp_path / "out", "wb") as out:
        argv = [*PROGRAM, "--root", str(running.root), "exec", "--pid-file", str(tmp_path / "pid"), "--process", str(tmp_path / "process")]
        subprocess.run([*argv, "--detach", "one"], stdout=out, stdin=subprocess.DEVNULL, timeout=60, check=True)
    pid = int((tmp_path / "pid").read_text())
    until(lambda: "out" in (tmp_path / "out").read_text())
    assert os.readlink(f"/proc/{pid}/ns/pid") == os.readlink(f"/proc/{running.state('one')['pid']}/ns/pid")
    assert pid in json.loads(running.ok("ps", "--format", "json", "one"))
    os.kill(pid, signal.SIGKILL)


def test_a_terminal_s_master_comes_over_the_console_socket(running: Box, tmp_path: Path) -> None:
    (tmp_path / "process").write_text(
        json.dumps({**running.process, "terminal": True, "args": ["/bin/sh", "-c", "tty; read line; echo got $line"]})
    )
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        words = ["exec", "--process", str(tmp_path / "process"), "--detach", "--console-socket", str(tmp_path / "s"), "one"]
        running.ok(*words)
        with listening.accept()[0] as line:
            _, (master,), _, _ = socket.recv_fds(line, 100, 1)
    os.write(master, b"word\n")
    text = b""
    while b"got word" not in text:
        text += os.read(master, 1000)
    os.close(master)
    assert b"/dev/pts/0" in text


def test_what_is_refused(running: Box) -> None:
    assert "not found in $PATH" in running.call("exec", "one", "nothing").stderr
    assert "invalid user id" in running.call("exec", "--user", "root", "one", "true").stderr
    assert "without --console-socket" in running.call("exec", "-t", "-d", "one", "true").stderr
    assert "is not open" in running.call("exec", "--preserve-fds", "1", "one", "true").stderr
    running.ok("pause", "one")
    assert "paused" in running.call("exec", "one", "true").stderr
    running.ok("resume", "one")
    running.ok("kill", "one", "KILL")
    until(lambda: running.state("one")["status"] == "stopped")
    assert "cannot exec in a stopped container" in running.call("exec", "one", "true").stderr


def test_preserved_descriptors(running: Box, tmp_path: Path) -> None:
    script = f'exec 3<{tmp_path}/in; exec "$@"'
    (tmp_path / "in").write_text("handed down\n")
    words = [*PROGRAM, "--root", str(running.root), "exec", "--preserve-fds", "1", "one", "sh", "-c", "cat <&3; ls /proc/self/fd"]
    done = subprocess.run(["sh", "-c", script, "sh", *words], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split("\n")[0] == "handed down"
    assert done.stdout.split()[2:] == ["0", "1", "2", "3", "4"]  # 4 is the directory that ls reads


def test_signals_reach_a_process_in_the_foreground(running: Box) -> None:
    argv = [
        *PROGRAM,
        "--root",
        str(running.root),
        "exec",
        "one",
        "sh",
        "-c",
        "trap 'echo caught; exit 9' TERM; echo up; while :; do sleep 0.05; done",
    ]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        process.terminate()
        assert process.stdout.readline() == "caught\n"
        assert process.wait(30) == 9


def test_no_signal_is_lost_on_the_way(running: Box) -> None:
    """Whenever it comes: before anything was made the program never runs, afterwards it gets the signal."""
    script = "trap 'echo caught; exit 9' TERM; echo up; i=0; while [ $i -lt 200 ]; do sleep 0.05; i=$((i+1)); done"
    argv = [*PROGRAM, "--root", str(running.root), "exec", "one", "sh", "-c", script]
    outcomes = set()
    for delay in range(0, 240, 12):
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(delay / 1000)
            process.terminate()
            said, complaint = process.communicate(timeout=30)
        outcomes.add((process.returncode, said, complaint))
    # The shell may get it before it has set its trap.
    assert outcomes <= {(-15, "", ""), (143, "", ""), (9, "caught\n", ""), (9, "up\ncaught\n", "")}, outcomes


def test_our_terminal_is_the_process_s(running: Box) -> None:
    """``exec -t`` in a terminal: what is typed arrives, the size is ours, the exit code comes back."""
    import pty

    pid, master = pty.fork()
    if not pid:
        os.execv(
            sys.executable,
            [*PROGRAM, "--root", str(running.root), "exec", "-t", "one", "sh", "-c", 'echo ready; read x; echo "<$x>"; exit 5'],
        )
    text = b""
    while select.select([master], [], [], 30)[0]:
        try:
            text += os.read(master, 1000)
        except OSError:
            break
        if text == b"ready\r\n":
            os.write(master, b"typed\n")
    os.close(master)
    assert b"<typed>" in text
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
