"""``cp``, ``diff`` and ``export`` beside docker's own command line."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Docker
from tests.support.images import tar_of
from tests.support.stateroot import StateRoot

SETUP = "rm -rf /d /new /missing /link /flink /dangling; mkdir -p /d/sub; echo f > /d/f; echo g > /d/sub/g; ln -s /d /link; ln -s d/f /flink; ln -s /missing /dangling"
NAME = "copier"


@pytest.fixture(scope="module")
def pair(machine: StateRoot, docker: Docker) -> Iterator[tuple[StateRoot, Docker]]:
    engines: tuple[StateRoot, Docker] = (machine, docker)
    for engine in _each(engines):
        assert engine("run", "-d", "--name", NAME, "busybox", "sleep", "10000").returncode == 0
        assert engine("exec", NAME, "sh", "-c", SETUP).returncode == 0
    yield engines
    for engine in _each(engines):
        engine("rm", "-f", NAME)


def _each(pair: tuple[StateRoot, Docker]) -> list[Callable[..., subprocess.CompletedProcess[str]]]:
    return list(pair)


def _reset(pair: tuple[StateRoot, Docker]) -> None:
    for engine in _each(pair):
        engine("exec", NAME, "sh", "-c", SETUP)


def local(directory: Path) -> None:
    (directory / "src" / "sub").mkdir(parents=True)
    (directory / "src" / "file").write_text("file\n")
    (directory / "src" / "sub" / "x").write_text("x\n")
    (directory / "link").symlink_to("src")
    (directory / "flink").symlink_to("src/file")
    (directory / "there").mkdir()
    (directory / "plain").write_text("plain\n")


def seen(directory: Path) -> list[str]:
    found = []
    for path in sorted(directory.rglob("*")):
        what = f"-> {os.readlink(path)}" if path.is_symlink() else "dir" if path.is_dir() else path.read_text()
        found.append(f"{path.relative_to(directory)} {what}")
    return found


OUT = [
    ("/d", "new"), ("/d", "there"), ("/d/.", "new"), ("/d/.", "there"), ("/d/", "there"), ("/d", "plain"), ("/d/f", "new"), ("/d/f", "there"),
    ("/d/f", "plain"), ("/d/f", "new/"), ("/d/f", "no/such"), ("/link", "new"), ("/link", "there"), ("/link/", "there"), ("/link/.", "there"),
    ("/flink", "new"), ("/nope", "new"), ("d/sub", "there/"), ("/d/f", "link"), ("/d/f", "flink"), ("-L /link", "there"), ("-L /flink", "there"),
    ("-L /link", "new"), ("-L /flink", "new"), ("-L /dangling", "new"), ("/d", "there/."),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target"), OUT)
def test_out(pair: tuple[StateRoot, Docker], tmp_path: Path, source: str, target: str) -> None:
    results = []
    for number, engine in enumerate(_each(pair)):
        directory = tmp_path / str(number)
        local(directory)
        *flags, path = source.split()
        done = engine("cp", *flags, f"{NAME}:{path}", f"{directory}/{target}")
        results.append((done.returncode, seen(directory), bool(done.stderr), done.stdout))
    assert results[0] == results[1]


IN = [
    ("src", "/new"), ("src", "/d"), ("src/.", "/new"), ("src/.", "/d"), ("src/", "/d"), ("src", "/d/f"), ("plain", "/new"), ("plain", "/d"),
    ("plain", "/d/f"), ("plain", "/new/"), ("plain", "/no/such"), ("link", "/d"), ("link/", "/d"), ("link/.", "/d"), ("-L link", "/d"),
    ("-L flink", "/d"), ("-L flink", "/new"), ("flink", "/new"), ("src", "/link"), ("plain", "/link"), ("plain", "/flink"), ("nope", "/d"),
    ("plain", "d/sub"), ("plain", "/dangling"), ("plain", "/d/."), ("-a plain", "/d"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "target"), IN)
def test_in(pair: tuple[StateRoot, Docker], tmp_path: Path, source: str, target: str) -> None:
    local(tmp_path)
    os.chown(tmp_path / "plain", 1234, 1235)
    results = []
    for engine in _each(pair):
        *flags, path = source.split()
        engine("exec", NAME, "sh", "-c", SETUP)
        done = engine("cp", *flags, f"{tmp_path}/{path}", f"{NAME}:{target}")
        tree = engine(
            "exec",
            NAME,
            "sh",
            "-c",
            "find /d /new /missing /link /flink 2>/dev/null | sort | while read p; do stat -c '%n %F %u %a' $p; done; cat /new /d/f 2>/dev/null",
        )
        results.append((done.returncode, tree.stdout, bool(done.stderr), done.stdout))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "line", ["cp", "cp a", "cp a b", f"cp {NAME}:/d {NAME}:/e", f"cp {NAME}:/d ./x:y/z", "cp nope:/d /tmp", "cp /etc/hosts nope:/x"]
)
def test_wrong_lines(pair: tuple[StateRoot, Docker], line: str) -> None:
    ours, theirs = (engine(*line.split()) for engine in _each(pair))
    assert (ours.returncode, bool(ours.stderr)) == (theirs.returncode, bool(theirs.stderr)), (ours.stderr, theirs.stderr)


def raw(engine: StateRoot, *words: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*engine.command, *words], input=input, capture_output=True, env=engine.environment, check=False)


def test_tar_streams(pair: tuple[StateRoot, Docker]) -> None:
    _reset(pair)
    ours = pair[0]
    done = raw(ours, "cp", f"{NAME}:/d", "-")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        assert archive.getnames() == ["d", "d/f", "d/sub", "d/sub/g"]
    assert raw(ours, "cp", "-", f"{NAME}:/d", input=tar_of([("piped", b"piped", 0o644)])).returncode == 0
    assert ours("exec", NAME, "cat", "/d/piped").stdout == "piped"
    assert b"must be a directory" in raw(ours, "cp", "-", f"{NAME}:/d/f", input=b"").stderr
    assert raw(ours, "cp", "-", f"{NAME}:/d", input=b"no archive at all" * 100).returncode == 1


def test_a_root_file_system_over_another(pair: tuple[StateRoot, Docker]) -> None:
    """Its proc, sys and dev are there and not to be changed; everything else is taken."""
    _reset(pair)
    archive = tar_of([("proc/", b"", 0o700), ("sys/", b"", 0o700), ("dev/", b"", 0o755), ("d/rooted", b"rooted", 0o644)])
    done = raw(pair[0], "cp", "-", f"{NAME}:/", input=archive)
    assert (done.returncode, done.stderr) == (0, b"")
    assert pair[0]("exec", NAME, "sh", "-c", "cat /d/rooted; stat -c %a /proc /sys").stdout == "rooted555\n555\n"
    done = raw(pair[0], "cp", "-", f"{NAME}:/", input=tar_of([("sys/new", b"x", 0o644)]))
    assert done.returncode == 1 and done.stderr


def test_diff_and_export(pair: tuple[StateRoot, Docker], tmp_path: Path) -> None:
    _reset(pair)
    ours, theirs = (engine("diff", NAME) for engine in _each(pair))
    assert sorted(ours.stdout.split("\n")) == sorted(theirs.stdout.split("\n")) and ours.returncode == theirs.returncode == 0
    assert pair[0]("diff", "nope").returncode == pair[1]("diff", "nope").returncode == 1
    names = []
    for number, engine in enumerate(_each(pair)):
        path = tmp_path / f"{number}.tar"
        assert engine("export", "-o", str(path), NAME).returncode == 0
        with tarfile.open(path) as archive:
            names.append({name for name in archive.getnames() if not name.startswith(("dev/", ".dockerenv", "etc/")) and name != "dev"})
        assert engine("export", "-o", str(tmp_path / "no" / "such"), NAME).returncode == 1
        assert engine("export", "nope").returncode == 1
    assert names[0] == names[1]
    assert sorted(os.listdir(tmp_path)) == ["0.tar", "1.tar"]


def test_commit(pair: tuple[StateRoot, Docker]) -> None:
    _reset(pair)
    try:
        for engine in _each(pair):
            made = engine("commit", "-a", "me", "-m", "why", "-c", "CMD cat /d/f", "-c", "ENV X=1", NAME, "committed:one")
            assert made.returncode == 0 and re.fullmatch(r"sha256:[0-9a-f]{64}\n", made.stdout) and not made.stderr
        layout = f"oci:{pair[0].roots.layout}:docker.io/library/committed:one"
        config = subprocess.run(["skopeo", "inspect", "--config", layout], capture_output=True, text=True, check=False)
        assert config.returncode == 0, config.stderr
        assert json.loads(config.stdout)["config"]["Cmd"] == ["/bin/sh", "-c", "cat /d/f"]
        for line in (
            "run --rm committed:one",
            "image inspect -f {{json_.Config.Cmd}}{{.Author}}{{.Comment}}_{{.Config.Env}} committed:one",
        ):
            ours, theirs = (engine(*(word.replace("_", " ") for word in line.split())) for engine in _each(pair))
            assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
        for line in (f"commit {NAME} UPPER", "commit nope", "commit", f"commit -c RUN_x {NAME}", f"commit -c EXPOSE_x {NAME}"):
            ours, theirs = (engine(*line.split()) for engine in _each(pair))
            assert (ours.returncode, bool(ours.stderr)) == (theirs.returncode, bool(theirs.stderr)), line
    finally:
        for engine in _each(pair):
            engine("rmi", "committed:one")


def test_update(pair: tuple[StateRoot, Docker]) -> None:
    lines = [
        f"update -m 64m --memory-swap 64m --cpus 0.5 --pids-limit 50 {NAME}", f"update --restart on-failure:2 {NAME}", f"update {NAME}",
        f"update -m 1 {NAME}", f"update -m 128m {NAME}", f"update --cpu-period 50000 {NAME}", f"update --pids-limit 9 nope {NAME}",
        f"update --restart bogus {NAME}", "update", f"update --restart no --pids-limit -1 {NAME}", f"update -m x {NAME}",
    ]  # fmt: skip
    for line in lines:
        ours, theirs = (engine(*line.split()) for engine in _each(pair))
        assert (ours.returncode, ours.stdout, bool(ours.stderr)) == (theirs.returncode, theirs.stdout, bool(theirs.stderr)), (
            line,
            ours,
            theirs,
        )
    shown = "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}} {{.HostConfig.RestartPolicy.Name}}"
    ours, theirs = (engine("inspect", "-f", shown, NAME) for engine in _each(pair))
    assert ours.stdout == theirs.stdout
