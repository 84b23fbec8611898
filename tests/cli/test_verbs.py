"""Verbs on the real engine, where they do more than print what docker prints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.stateroot import StateRoot
from tests.support.tmux import terminal
from tests.support.wait import until


def test_input_goes_in_and_output_comes_out(longshore: StateRoot) -> None:
    done = longshore("run", "--rm", "-i", "busybox", "sh", "-c", "cat; echo err >&2; exit 4", input="a\nb\n" * 50_000)
    assert (done.returncode, done.stdout, done.stderr) == (4, "a\nb\n" * 50_000, "err\n")


def test_signals_go_to_the_container(longshore: StateRoot) -> None:
    with subprocess.Popen(
        [
            *longshore.command,
            "run",
            "--rm",
            "--name",
            "sig",
            "busybox",
            "sh",
            "-c",
            "trap 'echo got; exit 9' INT; echo ready; while :; do sleep 0.05; done",
        ],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=longshore.environment,
    ) as run:
        assert run.stdout
        assert run.stdout.readline() == b"ready\n"
        run.send_signal(signal.SIGINT)
        assert run.stdout.read() == b"got\n"
        assert run.wait(60) == 9


def test_a_terminal_is_a_terminal(longshore: StateRoot, tmp_path: Path) -> None:
    with terminal(
        str(tmp_path),
        [*longshore.command, "run", "--rm", "-it", "--name", "tty", "busybox", "sh"],
        width=91,
        height=27,
        env=longshore.environment,
    ) as screen:
        screen.shows("/ #")
        screen.type("stty size; tty; echo $TERM")
        screen.keys("Enter")
        screen.shows("27 91")
        screen.shows("/dev/")
        screen.shows("xterm")
        screen.tmux("resize-window", "-t", "main", "-x", "77", "-y", "20")

        def resized() -> bool:
            screen.type("stty size")
            screen.keys("Enter")
            return "20 77" in screen.screen()

        until(resized)
        screen.keys("C-p", "C-q")
        until(screen.over)
        assert screen.status == 0
    assert longshore.out("inspect", "-f", "{{.State.Running}}", "tty") == "true\n"


def test_a_killed_front_end_loses_nothing(longshore: StateRoot) -> None:
    with subprocess.Popen(
        [
            *longshore.command,
            "run",
            "--name",
            "orphan",
            "busybox",
            "sh",
            "-c",
            "for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done; exit 3",
        ],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env=longshore.environment,
    ) as run:
        assert run.stdout
        run.stdout.readline()
        run.kill()
    assert longshore.out("wait", "orphan") == "3\n"
    assert longshore.out("logs", "orphan") == "".join(f"line {number}\n" for number in range(1, 6))


def test_logs_follow_until_the_end(longshore: StateRoot) -> None:
    longshore.out("run", "-d", "--name", "talker", "busybox", "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.3; done")
    assert longshore.out("logs", "-f", "talker") == "1\n2\n3\n"
    assert longshore.out("logs", "--tail", "1", "talker") == "3\n"


def test_a_reader_that_leaves_is_no_error(longshore: StateRoot) -> None:
    longshore.out("run", "--name", "many", "busybox", "seq", "100000")
    command = " ".join(longshore.command) + " logs many | head -2"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, env=longshore.environment, check=False)
    assert done.stdout == "1\n2\n" and "Traceback" not in done.stderr and "Error" not in done.stderr


def test_create_writes_the_cidfile_once(longshore: StateRoot, tmp_path: Path) -> None:
    path = tmp_path / "cid"
    made = longshore.out("create", "--cidfile", str(path), "busybox").strip()
    assert path.read_text() == made
    assert longshore("create", "--cidfile", str(path), "busybox").returncode != 0


def test_several_objects_go_on_after_a_failure(longshore: StateRoot) -> None:
    longshore.out("create", "--name", "one", "busybox")
    longshore.out("create", "--name", "two", "busybox")
    done = longshore("rm", "one", "missing", "two")
    assert done.returncode == 1 and done.stdout == "one\ntwo\n" and "No such container: missing" in done.stderr


def test_prune_names_what_goes_before_it_asks(longshore: StateRoot) -> None:
    longshore.out("create", "--name", "old", "busybox")
    asked = longshore("container", "prune", input="n\n")
    assert "old" in asked.stdout and longshore.out("ps", "-aq")
    assert "Deleted Containers:" in longshore.out("container", "prune", "-f")
    assert not longshore.out("ps", "-aq")


def test_completion_knows_the_containers(longshore: StateRoot) -> None:
    longshore.out("create", "--name", "mine", "busybox")
    assert longshore.out("__complete", "--", "start", "mi") == "mine\n"
    assert "busybox:latest\n" in longshore.out("__complete", "--", "run", "--rm", "")


def test_machine_readable_output(longshore: StateRoot) -> None:
    longshore.out("run", "-d", "--name", "json", "busybox", "sleep", "1000")
    assert json.loads(longshore.out("ps", "--format", "json"))["Names"] == "json"
    assert json.loads(longshore.out("info", "-f", "json"))["ContainersRunning"] == 1
    assert json.loads(longshore.out("version", "-f", "json"))["Client"]["Version"]
    assert {json.loads(line)["Type"] for line in longshore.out("system", "df", "--format", "json").splitlines()} >= {
        "Images",
        "Containers",
        "Local Volumes",
    }
    sample = json.loads(longshore.out("stats", "--no-stream", "--format", "json"))
    assert sample["Name"] == "json" and sample["PIDs"] == "1" and sample["CPUPerc"].endswith("%")


def test_a_wrong_root_is_one_sentence(longshore: StateRoot, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [*longshore.command[:3], "--root", str(tmp_path / "file"), "ps"],
        capture_output=True,
        text=True,
        env=longshore.environment,
        check=False,
    )
    assert done.returncode == 1 and str(tmp_path / "file") in done.stderr and "Traceback" not in done.stderr


def test_the_installed_script_starts(longshore: StateRoot) -> None:
    script = os.path.join(os.path.dirname(longshore.command[0]), "longshore")
    done = subprocess.run(
        [script, "--root", longshore.roots.state, "ps", "-q"], capture_output=True, text=True, env=longshore.environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_exec_tells_why_a_command_can_not_run(longshore: StateRoot) -> None:
    """As current docker does; 20.10, which the parity tests run beside, prints the reason on standard output with 126."""
    longshore.out("run", "-d", "--name", "up", "busybox", "sleep", "1000")
    for words, code, text in [
        (("up", "nope"), 127, 'exec: "nope": executable file not found in $PATH'),
        (("up", "/etc/passwd"), 126, 'exec: "/etc/passwd": permission denied'),
        (("-u", "nobodyelse", "up", "true"), 126, "unable to find user nobodyelse: no matching entries in passwd file"),
    ]:
        done = longshore("exec", *words)
        assert text in done.stderr and done.returncode in (code, 1, 128) and done.stdout == ""


def test_an_ordinary_user_is_told_what_to_do() -> None:
    """In a child that gave its rights up after the imports: the sources need not be readable for others."""
    script = (
        "import importlib, os, sys; from engine.cli.main import main; import engine.connect; from engine.backends.embedded import create, engine, checks;"
        "import engine.cli.verbs.run, engine.cli.creating; os.setgid(65534); os.setuid(65534); sys.exit(main(sys.argv[1:]))"
    )
    with tempfile.TemporaryDirectory(prefix="longshore-user-", dir="/tmp") as place:
        os.chown(place, 65534, 65534)
        command = [sys.executable, "-c", script, "--root", f"{place}/state", "run", "busybox"]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LONGSHORE_RUN": f"{place}/run"}, check=False)
    assert (
        done.stderr
        == "Error: this engine runs containers as root only\nrun longshore with sudo, or name a Docker or Podman host with --host\n"
    )
    assert (done.returncode, done.stdout) == (125, "")
