"""``system check``: real stores are damaged in every way, found damaged, mended, and nothing else is touched."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.image.catalog import lock_path
from engine.store.locks import Lock
from engine.store.roots import Roots
from tests.engine.registry.fake import Answer, Asked, fake_registry
from tests.support import images
from tests.support.registry import Registry
from tests.support.stateroot import StateRoot, state_root
from tests.support.wait import until

CLEAN = "no problems."


def _image() -> images.ImageSource:
    """Three layers: busybox, files of every kind, and one that hides some of them."""
    middle = images.tar_of(
        [
            ("data/", b"", 0o750),
            ("data/text", b"some text\n" * 100, 0o640),
            ("data/empty", b"", 0o600),
            ("data/link", "text", 0o777),
            ("data/gone", b"hidden by the layer above", 0o644),
            ("old/", b"", 0o755),
            ("old/file", b"below an opaque directory", 0o644),
            ("implicit/directory/file", b"x", 0o644),
        ]
    )
    top = images.tar_of([("data/.wh.gone", b"", 0o644), ("old/", b"", 0o755), ("old/.wh..wh..opq", b"", 0o644), ("old/new", b"n", 0o644)])
    return images.ImageSource((images.busybox_layer(), middle, top), {"Cmd": ["cat", "/data/text"]})


@pytest.fixture(scope="module")
def stocked(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A state root with two images that share their lowest layer, as it lies on disk."""
    images.push(registry.url, "library/layered:1", _image())
    directory = str(tmp_path_factory.mktemp("stocked") / "m")
    with state_root(directory, registry.host, ["busybox", "layered:1"]) as machine:
        assert CLEAN in machine.out("system", "check")
        machine.out("version")
        yield machine.roots.state


class Store:
    """A damaged machine, and what is where in it."""

    def __init__(self, machine: StateRoot) -> None:
        self.machine = machine
        self.roots: Roots = machine.roots
        with sqlite3.connect(self.roots.database) as database:
            self.id, self.manifest = database.execute(
                "SELECT id, manifest_digest FROM images WHERE id = (SELECT image_id FROM image_names WHERE reference LIKE '%layered:1')"
            ).fetchone()
            found = database.execute("SELECT blobs, chain_ids FROM images WHERE id = ?", (self.id,)).fetchone()
        self.blobs, self.chain = (text.strip('[]"').replace('"', "").replace(" ", "").split(",") for text in found)

    def sql(self, *statements: str) -> None:
        """Change the database behind the engine's back."""
        database = sqlite3.connect(self.roots.database, isolation_level=None)
        try:
            for statement in statements:
                database.execute(statement)
        finally:
            database.close()

    def blob(self, digest: str) -> Path:
        """A blob's file."""
        return Path(self.roots.layout, "blobs", *digest.split(":"))

    def layer(self, number: int) -> Path:
        """A layer's files."""
        return Path(self.roots.layers, self.chain[number].partition(":")[2], "diff")

    def check(self, *options: str) -> tuple[int, str]:
        """Exit code and report."""
        done = self.machine("system", "check", *options)
        assert done.stderr == "", done.stderr
        return done.returncode, done.stdout

    def clean(self) -> bool:
        """Nothing is wrong."""
        code, text = self.check()
        assert (code == 0) == (CLEAN in text), text
        return code == 0

    def picture(self) -> dict[str, tuple[object, ...]]:
        """Everything on disk but the database: kind, mode, owner, content, extended attributes by path."""
        found: dict[str, tuple[object, ...]] = {}
        for top in (self.roots.layout, self.roots.layers, self.roots.volumes, self.roots.containers):
            for directory, names, files in os.walk(top):
                for name in (*names, *files):
                    path = f"{directory}/{name}"
                    status = os.lstat(path)
                    content = ""
                    if stat.S_ISREG(status.st_mode):
                        content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
                    elif stat.S_ISLNK(status.st_mode):
                        content = os.readlink(path)
                    attributes = tuple(
                        (key, os.getxattr(path, key, follow_symlinks=False)) for key in os.listxattr(path, follow_symlinks=False)
                    )
                    timed = "/diff/" in path and not (stat.S_ISDIR(status.st_mode) or stat.S_ISCHR(status.st_mode))
                    when = status.st_mtime_ns if timed else 0
                    found[path] = (status.st_mode, status.st_uid, status.st_gid, status.st_rdev, content, attributes, when)
        return found

    def rows(self) -> list[str]:
        """The tables, without events and without the moment at which a layer was unpacked."""
        with sqlite3.connect(self.roots.database) as database:
            tables = [
                name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
            ]
            tables.remove("events")
            return sorted(
                f"{table} {dict(zip([column[0] for column in cursor.description], row, strict=True)) | {'created_at': 0}}"
                for table in tables
                for cursor in [database.execute(f"SELECT * FROM {table}")]
                for row in cursor
            )


@pytest.fixture
def store(stocked: str, registry: Registry, tmp_path: Path) -> Iterator[Store]:
    with state_root(str(tmp_path / "m"), registry.host) as machine:
        subprocess.run(["cp", "-a", stocked, machine.roots.state], check=True)
        yield Store(machine)


def flip(path: Path, at: int = -1) -> None:
    """Change one bit, keeping size and time."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[at if at >= 0 else len(data) // 2] ^= 1
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_clean_store_is_left_as_it_is(store: Store) -> None:
    before, rows = store.picture(), store.rows()
    for options in ((), ("--repair",)):
        code, text = store.check(*options)
        assert (code, text) == (0, "Checked 7 blobs, 3 layers, 2 images, 0 containers, 0 volumes: no problems.\n")
    assert store.check("-q") == (0, "")
    assert (store.picture(), store.rows()) == (before, rows)


@pytest.mark.parametrize(
    ("which", "how"),
    [*(("layer", how) for how in ("flip", "truncate", "grow", "empty")), ("config", "flip"), ("manifest", "flip"), ("shared", "flip")],
)
def test_a_damaged_blob(store: Store, which: str, how: str) -> None:
    digest = {"layer": store.blobs[1], "config": store.id, "manifest": store.manifest, "shared": store.blobs[0]}[which]
    path = store.blob(digest)
    before = store.picture()
    size = path.stat().st_size
    if how == "flip":
        flip(path)
    else:
        os.truncate(path, {"truncate": size - 1, "grow": size + 1, "empty": 0}[how])
    damaged, rows = store.picture(), store.rows()
    code, text = store.check()
    assert code == 1 and f"problem: blob {digest}: its " in text and "layered:1" in text
    assert (store.picture(), store.rows()) == (damaged, rows)
    code, text = store.check("--repair")
    assert code == 1 and f"remains: blob {digest}: " in text and "`longshore pull" in text
    assert store.picture() == {key: value for key, value in before.items() if key != str(path)} and store.rows() == rows
    code, text = store.check("--repair")
    assert code == 1 and f"{digest} is missing" in text
    store.machine.out("pull", "layered:1")
    if which == "shared":
        store.machine.out("pull", "busybox")
    assert store.clean() and store.picture() == before


@pytest.mark.parametrize("which", ["layer", "config", "manifest"])
def test_a_missing_blob(store: Store, which: str) -> None:
    digest = {"layer": store.blobs[2], "config": store.id, "manifest": store.manifest}[which]
    before = store.picture()
    store.blob(digest).unlink()
    code, text = store.check("--repair")
    assert code == 1 and f"remains: image layered:1: its {'layer blob' if which == 'layer' else which} {digest} is missing" in text
    store.machine.out("pull", "layered:1")
    assert store.clean() and store.picture() == before


class Damage(NamedTuple):
    """Something that happens to a layer, and a word of what the check says."""

    layer: int
    do: Callable[[Path], object]
    said: str


def _as_before(path: Path, change: Callable[[Path], object]) -> None:
    """Change a directory's entry without leaving a trace in its time."""
    before = path.parent.stat()
    change(path)
    os.utime(path.parent, ns=(before.st_atime_ns, before.st_mtime_ns))


def _relink(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def _file_for(directory: Path) -> None:
    shutil.rmtree(directory)
    directory.write_text("x")


DAMAGES = {
    "directory gone": Damage(1, lambda diff: shutil.rmtree(diff.parent), "its directory is missing"),
    "files gone": Damage(1, shutil.rmtree, "its directory is missing"),
    "lowest gone": Damage(0, lambda diff: shutil.rmtree(diff.parent), "its directory is missing"),
    "file gone": Damage(1, lambda diff: _as_before(diff / "data/text", Path.unlink), "/data/text is missing"),
    "empty file gone": Damage(1, lambda diff: (diff / "data/empty").unlink(), "/data/empty is missing"),
    "directory inside gone": Damage(1, lambda diff: shutil.rmtree(diff / "implicit"), "/implicit is missing"),
    "bit flipped": Damage(1, lambda diff: flip(diff / "data/text"), "/data/text has another content"),
    "busybox flipped": Damage(0, lambda diff: flip(diff / "bin/busybox"), "/bin/busybox has another content"),
    "cut": Damage(1, lambda diff: os.truncate(diff / "data/text", 10), "/data/text has 10 of 1000 bytes"),
    "another mode": Damage(1, lambda diff: (diff / "data/text").chmod(0o4755), "/data/text has mode 4755 for 0640"),
    "another owner": Damage(1, lambda diff: os.chown(diff / "data", 5, 6), "/data belongs to 5:6, not to 0:0"),
    "root's mode": Damage(1, lambda diff: diff.chmod(0o700), "/ has mode 0700 for 0755"),
    "touched": Damage(1, lambda diff: os.utime(diff / "data/text"), "/data/text was changed"),
    "link elsewhere": Damage(1, lambda diff: _relink(diff / "data/link", "/etc"), "/data/link"),
    "file for a directory": Damage(1, lambda diff: _file_for(diff / "old"), "/old is another kind of file"),
    "further file": Damage(1, lambda diff: (diff / "evil").write_text("x"), "/evil does not belong there"),
    "whiteout gone": Damage(2, lambda diff: (diff / "data/gone").unlink(), "/data/gone is missing"),
    "no longer opaque": Damage(2, lambda diff: os.removexattr(diff / "old", "trusted.overlay.opaque"), "/old has other extended attributes"),
    "list of opaque gone": Damage(2, lambda diff: (diff.parent / "opaque").unlink(), "the list of its opaque directories"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_layer_is_unpacked_again(store: Store, name: str) -> None:
    damage = DAMAGES[name]
    before, rows = store.picture(), store.rows()
    damage.do(store.layer(damage.layer))
    damaged = store.picture()
    assert damaged != before
    code, text = store.check()
    assert code == 1 and f"problem: layer {store.chain[damage.layer]}: " in text and damage.said in text
    assert (store.picture(), store.rows()) == (damaged, rows)
    code, text = store.check("--repair")
    assert code == 0 and f"mended: layer {store.chain[damage.layer]}: " in text and "unpacked again" in text
    assert (store.picture(), store.rows()) == (before, rows)
    assert store.clean() and not [name for name in os.listdir(store.roots.layers) if name.startswith(".")]
    assert store.machine.out("run", "--rm", "--network", "none", "layered:1") == "some text\n" * 100


@pytest.mark.parametrize(
    "change", ["DELETE FROM layers WHERE chain_id = '{}'", "UPDATE layers SET parent = '', diff_id = 'sha256:0' WHERE chain_id = '{}'"]
)
def test_a_layer_that_the_database_forgot(store: Store, change: str) -> None:
    before, rows = store.picture(), store.rows()
    store.sql(change.format(store.chain[1]))
    assert store.check()[0] == 1
    code, text = store.check("--repair")
    assert code == 0 and "recorded again" in text
    assert (store.picture(), store.rows()) == (before, rows) and store.clean()


def test_layer_and_blob_both_damaged_are_pulled_again(store: Store) -> None:
    before, rows = store.picture(), store.rows()
    flip(store.blob(store.blobs[1]))
    (store.layer(1) / "data/text").unlink()
    code, text = store.check("--repair")
    assert code == 1 and f"remains: layer {store.chain[1]}: it has " in text and "was not compared: a layer below it is damaged" in text
    store.machine.out("pull", "layered:1")
    assert store.clean() and (store.picture(), store.rows()) == (before, rows)


def test_a_layer_under_a_running_container_waits_for_its_end(store: Store) -> None:
    store.machine.out("run", "-d", "--name", "runs", "--network", "none", "layered:1", "sleep", "1000")
    store.machine.out("create", "--name", "rests", "--network", "none", "layered:1")
    flip(store.layer(1) / "data/text")
    inode = store.layer(1).stat().st_ino
    code, text = store.check("--repair")
    assert code == 1 and "container runs runs on it: stop it and repair again" in text
    assert store.layer(1).stat().st_ino == inode
    assert store.machine.out("exec", "runs", "cat", "/old/new") == "n"
    store.machine.out("stop", "-t", "0", "runs")
    assert store.check("--repair")[0] == 0 and store.clean()
    for name in ("runs", "rests"):
        store.machine.out("start", name)
    assert store.machine.out("logs", "rests") == "some text\n" * 100
    assert store.clean()


def test_what_nothing_needs(store: Store) -> None:
    before = store.picture()
    data = b"an orphan"
    orphan = store.blob(images.digest(data))
    orphan.write_bytes(data)
    wrong = store.blob("sha256:" + "1" * 64)
    wrong.write_bytes(b"neither")
    half, unknown = Path(store.roots.layers, ".new-" + "2" * 64), Path(store.roots.layers, "3" * 64)
    for directory in (half, unknown):
        (directory / "diff/a/b").mkdir(parents=True)
    recorded = Path(store.roots.layers, "4" * 64)
    (recorded / "diff").mkdir(parents=True)
    store.sql(f"INSERT INTO layers VALUES ('sha256:{'4' * 64}', 'sha256:{'5' * 64}', '', 3, 1)")
    partial = Path(store.roots.ingest, "sha256-" + "6" * 64)
    partial.write_bytes(b"x" * 1000)
    Path(f"{partial}.lock").touch()
    commit = Path(store.roots.ingest, "commit-7")
    commit.write_bytes(b"y")
    temporary = Path(store.roots.layout, f"index.json.{_dead()}-7.tmp")
    temporary.write_bytes(b"z")
    alien = Path(store.roots.layout, "blobs/sha256/notes.txt")
    alien.write_text("somebody's")
    code, text = store.check()
    told = [
        orphan.name,
        wrong.name,
        str(half),
        str(unknown),
        f"layer sha256:{recorded.name}",
        str(partial),
        str(commit),
        str(temporary),
        str(alien),
    ]
    assert code == 1 and all(word in text for word in told) and text.count("problem: ") == len(told)
    code, text = store.check("--repair")
    assert code == 1 and text.count("mended: ") == len(told) - 1 and f"remains: {alien}: it is no blob" in text
    alien.unlink()
    assert store.picture() == before and not os.listdir(store.roots.ingest) and store.clean()


def _dead() -> int:
    """The number of a process that is gone."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_nothing_is_collected_while_somebody_pulls(store: Store) -> None:
    orphan = store.blob(images.digest(b"new"))
    orphan.write_bytes(b"new")
    with_lock = Lock(lock_path(store.roots)).shared()
    try:
        code, text = store.check("--repair")
        assert code == 0 and "note: something is being pulled" in text and orphan.exists()
    finally:
        with_lock.release()
    assert store.check("--repair")[0] == 0 and not orphan.exists()


def test_what_could_not_be_collected_meanwhile_is(store: Store) -> None:
    """An image that is removed while a check goes on leaves nothing, and is no problem."""
    checking = subprocess.Popen(
        [*store.machine.command, "system", "check"], env=store.machine.environment, stdout=subprocess.PIPE, text=True
    )
    until(lambda: any(name.startswith(".check-") for name in os.listdir(store.roots.layers)), what="the check to look at layers")
    os.kill(checking.pid, signal.SIGSTOP)
    try:
        store.machine.out("rmi", "layered:1")
        assert store.blob(store.blobs[2]).exists() and store.layer(2).exists()
    finally:
        os.kill(checking.pid, signal.SIGCONT)
    text, _ = checking.communicate(timeout=60)
    assert checking.returncode == 0 and CLEAN in text
    assert not store.blob(store.blobs[2]).exists() and not store.layer(2).exists() and store.layer(0).exists()
    assert store.clean()


def test_a_pull_killed_in_the_middle(store: Store) -> None:
    noise = images.tar_of([("noise", os.urandom(3 << 20), 0o644)])
    image = images.pack(images.ImageSource((images.busybox_layer(), noise), {"Cmd": ["true"]}))
    big = max(image.blobs, key=lambda digest: len(image.blobs[digest]))
    before, rows = store.picture(), store.rows()
    with fake_registry() as registry:
        registry.add("big:latest", image)
        release = threading.Event()

        def stall(asked: Asked) -> Answer | None:
            return Answer(200, image.blobs[big], cut=2 << 20, stall=release) if asked.path.endswith(f"/blobs/{big}") else None

        registry.rules.append(stall)
        partial = Path(store.roots.ingest, big.replace(":", "-"))
        pulling = subprocess.Popen(
            [*store.machine.command, "pull", f"{registry.host}/big"],
            env=store.machine.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: partial.exists() and partial.stat().st_size > 1 << 20, what="the middle of the pull")
            code, text = store.check()
            assert code == 0 and "note: something is being pulled" in text
            assert partial.exists()
        finally:
            os.kill(pulling.pid, signal.SIGKILL)
            pulling.wait()
            release.set()
        until(lambda: store.check()[0] == 1, what="the killed pull's lock to be free")
        code, text = store.check("--repair")
        assert code == 0 and f"mended: {partial}: " in text and not partial.exists()
        assert store.clean() and (store.picture(), store.rows()) == (before, rows)
        registry.rules.clear()
        store.machine.out("pull", f"{registry.host}/big")
        assert store.clean()


def test_beside_pulls_and_removals(store: Store) -> None:
    """Whatever happens meanwhile, a whole store is never called damaged, and never is by a repair."""
    ended = threading.Event()
    failed: list[str] = []

    def churn() -> None:
        while not ended.is_set():
            for words in (("rmi", "-f", "layered:1"), ("pull", "-q", "layered:1"), ("run", "--rm", "--network", "none", "layered:1")):
                done = store.machine(*words)
                if done.returncode:
                    failed.append(f"{words}: {done.stderr}")

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(6):
            _, text = store.check("--repair")
            others = [
                line for line in text.splitlines() if not line.startswith(("note: ", "Checked ", "  ")) and "no image needs it" not in line
            ]
            assert not others and "remains: " not in text, text
    finally:
        ended.set()
        thread.join()
    assert not failed
    assert store.check("--repair")[0] == 0 and store.clean()
