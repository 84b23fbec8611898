"""What goes wrong around the engine: everybody at once at the same names, and a disk that is full at every write."""

from __future__ import annotations

import hashlib
import os
import random
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.spawner import client as spawner
from engine.store import reserve
from engine.store.roots import Roots
from tests.support.registry import Registry
from tests.support.stateroot import StateRoot, state_root
from tests.support.wait import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

NAMES = ("anna", "bert", "cleo", "dora")
OPERATIONS = 200
WORKERS = 8

TRUTHS = re.compile(
    r"""(?x)
    No\ such\ (container|object|image) |
    is\ (already\ in\ use|not\ running|already\ paused|not\ paused|paused|restarting) |
    already\ in\ use\ by\ container |
    is\ being\ removed | removal\ of\ container .* is\ already\ in\ progress |
    container\ .*\ is\ running | cannot\ start\ a\ paused\ container | cannot\ remove | Renaming\ a\ container\ with\ the\ same\ name |
    marked\ for\ removal | was\ removed | unpause .* before
    """
)
"""What a person may be told whose container somebody else is busy with."""


def _operation(chance: random.Random) -> list[str]:
    name = chance.choice(NAMES)
    network = chance.choice(("none", "none", "bridge"))
    return chance.choice(
        [
            ["run", "-d", "--name", name, "--network", network, "busybox", "sleep", "1000"],
            ["run", "--rm", "--name", name, "--network", network, "busybox", "true"],
            ["start", name],
            ["stop", "-t", "0", name],
            ["restart", "-t", "0", name],
            ["kill", name],
            ["rm", "-f", name],
            ["rename", name, chance.choice(NAMES)],
            ["exec", name, "true"],
            ["pause", name],
            ["unpause", name],
            ["inspect", name],
            ["ps", "-a"],
            ["top", name],
        ]
    )


def test_two_hundred_operations_at_once_on_the_same_names(registry: Registry, tmp_path: Path) -> None:
    with state_root(str(tmp_path / "m"), registry.host, ["busybox"]) as root:
        lies: list[str] = []
        chance = random.Random(20)
        todo = [_operation(chance) for _ in range(OPERATIONS)]
        lock = threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    if not todo:
                        return
                    words = todo.pop()
                done = root(*words)
                if done.returncode and not (TRUTHS.search(done.stderr) or _ended_by_another(words, done)):
                    lies.append(f"{' '.join(words)}: {done.returncode}: {done.stderr or done.stdout}")

        workers = [threading.Thread(target=work) for _ in range(WORKERS)]
        for each in workers:
            each.start()
        for each in workers:
            each.join()
        assert not lies, "\n".join(lies)
        root.told_truly()
        containers = root.out("ps", "-aq", "--no-trunc").split()
        root.clean()
        assert root.out("ps", "-aq") == ""
        until(lambda: not any(map(_control_groups, containers)), what="the control groups go")
        root.checked()


def _ended_by_another(words: list[str], done: subprocess.CompletedProcess[str]) -> bool:
    """The program that ``run`` or ``exec`` waited for was killed by somebody else's stop."""
    return words[0] in ("run", "exec") and done.returncode == 137 and not done.stderr


def _control_groups(container: str) -> list[str]:
    return [str(found) for found in Path("/sys/fs/cgroup").glob(f"*/longshore/{container}")]


class Disk:
    """A small file system whose free space is said."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._filler = directory / "filler"

    def leave(self, size: int) -> None:
        """Leave ``size`` bytes free."""
        self.free()
        seen = os.statvfs(self._directory)
        with self._filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(seen.f_bavail * seen.f_bsize - size, 1))

    def free(self) -> None:
        """Give all space back."""
        self._filler.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    directory = tmp_path / "disk"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m,mode=700", "tmpfs", str(directory)], check=True)
    try:
        yield Disk(directory)
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)


SPACES = (0, 4 << 10, 12 << 10, 28 << 10, 64 << 10, 200 << 10, 600 << 10, 1400 << 10)
"""Bytes that are left: from not even a journal to nearly enough."""


@pytest.mark.parametrize(
    "verb",
    [
        ("pull", "many"),
        ("commit", "kept", "grown"),
        ("create", "--name", "made", "-v", "data:/etc", "busybox"),
        ("cp", "{source}", "kept:/copied"),
        ("load", "-i", "{archive}"),
        ("tag", "busybox", "again"),
        ("rename", "kept", "other"),
        ("network", "create", "net"),
    ],
    ids=lambda verb: verb[0],
)
def test_full_disk_at_every_write(registry: Registry, disk: Disk, tmp_path: Path, verb: tuple[str, ...]) -> None:
    """It fails with a reason and leaves nothing half-made, or it succeeds; with space again it succeeds, and nothing was lost."""
    source, archive = tmp_path / "source", tmp_path / "archive.tar"
    source.write_bytes(os.urandom(1_500_000))
    with state_root(str(tmp_path / "disk" / "m"), registry.host) as root:
        root.roots = Roots(state=root.roots.state, run=str(tmp_path / "run"))  # /run is a file system of its own
        root.out("pull", "-q", "busybox")
        root.out(
            "run", "--name", "kept", "--network", "none", "busybox", "sh", "-c", "head -c 1500000 /dev/urandom >/kept; cat /kept | md5sum"
        )
        sum_of_kept = root.out("logs", "kept")
        if verb[0] == "load":
            root.out("commit", "kept", "loaded")
            root.out("save", "-o", str(archive), "loaded")
            root.out("rmi", "loaded")
        words = [word.format(source=source, archive=archive) for word in verb]
        before = _known(root)
        refused = 0
        for space in SPACES:
            disk.leave(space)
            done = root(*words)
            disk.free()
            assert "Traceback" not in done.stderr
            if done.returncode:
                refused += 1
                assert re.search("(?i)no space left|disk is full", done.stderr), f"{space}: {done.stderr}"
            _undo(root, words)
            assert _known(root) == before, f"with {space} bytes left"
        assert refused, "there was always enough"
        root.out(*words)
        root.checked()
        _undo(root, words)
        assert root.out("cp", "kept:/kept", str(tmp_path / "kept")) == ""
        assert hashlib.md5((tmp_path / "kept").read_bytes()).hexdigest() == sum_of_kept.split()[0]


def test_what_fills_the_disk_ends_truly_and_can_be_removed(registry: Registry, disk: Disk, tmp_path: Path) -> None:
    """Its end is written and its row deleted out of the reserve, which is there again for the next time."""
    with state_root(str(tmp_path / "disk" / "m"), registry.host) as root:
        root.roots = Roots(state=root.roots.state, run=str(tmp_path / "run"))
        root.out("pull", "-q", "busybox")
        filler = ("--network", "none", "busybox", "sh", "-c", "dd if=/dev/zero of=/fill bs=64k; echo x >/more && exit 4; exit 3")
        kept = Path(reserve.path_of(root.roots.database))
        for _ in range(2):
            done = root("run", "--name", "greedy", *filler)
            assert done.returncode == 3, done.stderr
            assert root.out("ps", "-a", "--format", "{{.Names}} {{.State}}") == "greedy exited\n"
            assert root.out("inspect", "greedy", "--format", "{{.State.ExitCode}}") == "3\n"
            assert root.out("rm", "greedy") == "greedy\n"
            until(lambda: not root.out("ps", "-aq") and kept.stat().st_blocks * 512 >= reserve.SIZE, what="the reserve is whole")
        done = root("run", "--rm", *filler)
        assert done.returncode == 3, done.stderr
        assert root.out("ps", "-aq") == ""


@pytest.mark.parametrize(
    "words", [("rm", "-f", "old"), ("rmi", "many"), ("volume", "rm", "data"), ("network", "rm", "net")], ids=lambda w: w[0]
)
def test_a_full_disk_can_be_freed(registry: Registry, disk: Disk, tmp_path: Path, words: tuple[str, ...]) -> None:
    with state_root(str(tmp_path / "disk" / "m"), registry.host) as root:
        root.roots = Roots(state=root.roots.state, run=str(tmp_path / "run"))
        root.out("pull", "-q", "many")
        root.out("create", "--name", "old", "--network", "none", "busybox")
        root.out("volume", "create", "data")
        root.out("network", "create", "net")
        disk.leave(0)
        done = root(*words)
        assert done.returncode == 0, done.stderr
        assert words[-1] not in "".join(map(" ".join, _known(root)))


def test_a_full_run_root_says_so(registry: Registry, disk: Disk, tmp_path: Path) -> None:
    with state_root(str(tmp_path / "m"), registry.host, ["busybox"]) as root:
        root.out("create", "--name", "one", "--network", "none", "busybox", "true")
        spawner.dismiss(root.roots.run)
        kept = root.roots
        root.roots = Roots(state=kept.state, run=str(tmp_path / "disk" / "run"))
        root.out("ps")
        try:
            _refused_without_inodes(root, tmp_path / "disk")
        finally:
            root.roots = kept


def _refused_without_inodes(root: StateRoot, mount: Path) -> None:
    seen = os.statvfs(mount)
    subprocess.run(["mount", "-o", f"remount,nr_inodes={seen.f_files - seen.f_ffree}", str(mount)], check=True)
    done = root("start", "one")
    subprocess.run(["mount", "-o", "remount,nr_inodes=1000", str(mount)], check=True)
    assert done.returncode == 1
    assert "no space left on device" in done.stderr
    assert root.roots.run in done.stderr
    assert root.out("start", "one") == "one\n"
    spawner.dismiss(root.roots.run)


def _known(root: StateRoot) -> list[list[str]]:
    return [
        sorted(root.out(*words).splitlines())
        for words in (
            ("ps", "-a", "--format", "{{.Names}} {{.Image}}"),
            ("images", "-a", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"),
            ("volume", "ls", "-q"),
            ("network", "ls", "--format", "{{.Name}}"),
        )
    ]


def _undo(root: StateRoot, words: list[str]) -> None:
    """Take away what the verb made, where it got so far."""
    undo: dict[str, Callable[[], object]] = {
        "pull": lambda: root("rmi", "many"),
        "commit": lambda: root("rmi", "grown"),
        "create": lambda: (root("rm", "made"), root("volume", "rm", "data")),
        "cp": lambda: None,
        "load": lambda: root("rmi", "loaded"),
        "tag": lambda: root("rmi", "again"),
        "rename": lambda: root("rename", "other", "kept"),
        "network": lambda: root("network", "rm", "net"),
    }
    undo[words[0]]()


def test_a_check_on_a_full_disk(registry: Registry, disk: Disk, tmp_path: Path) -> None:
    """What there is no space for is not looked at, and what is damaged is told all the same."""
    with state_root(str(tmp_path / "disk" / "m"), registry.host) as root:
        root.roots = Roots(state=root.roots.state, run=str(tmp_path / "run"))
        root.out("pull", "-q", "busybox")
        disk.leave(0)
        done = root("system", "check")
        assert done.returncode == 0 and "was not compared, which takes as much space as the layer" in done.stdout, done.stdout + done.stderr
        (found,) = Path(root.roots.layers).iterdir()
        (found / "diff").rename(found / "away")
        done = root("system", "check", "--repair")
        assert done.returncode == 1 and "remains: layer " in done.stdout and "its directory is missing" in done.stdout
        disk.free()
        assert root("system", "check", "--repair").returncode == 0
        root.checked()
