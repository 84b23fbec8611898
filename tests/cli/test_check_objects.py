"""``system check`` on what is no image: containers, volumes, the database, and what is left in the kernel."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.linux import cgroups
from engine.linux.cgroup_files import CONTROLLERS
from engine.network import names
from tests.cli.conftest import Docker
from tests.support.stateroot import StateRoot


class Checked:
    """A machine of the package's, and its check."""

    def __init__(self, machine: StateRoot) -> None:
        self.out = machine.out
        self.machine = machine
        self.roots = machine.roots

    def check(self, *options: str) -> tuple[int, str]:
        """Exit code and report."""
        done = self.machine("system", "check", *options)
        assert done.stderr == "", done.stderr
        return done.returncode, done.stdout

    def sql(self, *statements: str) -> None:
        """Change the database behind the engine's back."""
        database = sqlite3.connect(self.roots.database, isolation_level=None)
        try:
            for statement in statements:
                database.execute(statement)
        finally:
            database.close()

    def create(self, *words: str) -> str:
        """A container that does not run; its id."""
        return self.out("create", "--network", "none", *words, "busybox", "true").strip()

    def mends(self, said: str, subject: str = "") -> None:
        """One problem, which is found without being touched, and mended."""
        code, text = self.check()
        assert code == 1 and text.count("problem: ") == 1 and said in text and subject in text
        code, text = self.check("--repair")
        assert code == 0 and text.count("mended: ") == 1 and said in text and subject in text
        assert self.check()[0] == 0

    def tells(self, said: str, remedy: str) -> None:
        """One problem that only a person can solve."""
        for options in ((), ("--repair",)):
            code, text = self.check(*options)
            assert code == 1 and said in text and f"\n  {remedy}" in text
            assert text.count("remains: " if options else "problem: ") == 1


@pytest.fixture
def checked(longshore: StateRoot) -> Iterator[Checked]:
    checked = Checked(longshore)
    assert checked.check()[0] == 0, checked.check()[1]
    yield checked
    longshore.clean()
    names = longshore.out("volume", "ls", "-q").split()
    if names:
        longshore.out("volume", "rm", *names)
    assert checked.check()[0] == 0, checked.check()[1]


@pytest.mark.parametrize("name", ["work", "rootfs"])
def test_a_directory_that_is_made_again(checked: Checked, name: str) -> None:
    container = checked.create("--name", "cc")
    directory = checked.roots.container_dir(container)
    shutil.rmtree(f"{directory}/{name}")
    checked.mends(f"{directory}/{name} is missing", "container cc")
    assert checked.machine("start", "-a", "cc").returncode == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [("upper", "upper is gone, with all that it has written"), ("config.json", "cannot read "), ("", "its directory is gone")],
)
def test_a_container_that_is_lost(checked: Checked, name: str, said: str) -> None:
    directory = Path(checked.roots.container_dir(checked.create("--name", "cc")), name)
    other = Path(checked.roots.container_dir(checked.create("--name", "other")))
    if directory.is_file():
        directory.unlink()
    else:
        shutil.rmtree(directory)
    before = sorted(str(path) for path in other.rglob("*"))
    code, text = checked.check("--repair")
    assert (
        code == 1
        and f"remains: container cc: {said}" in text.replace(str(directory.parent) + "/", "")
        and "`longshore rm -f cc` removes it" in text
    )
    assert sorted(str(path) for path in other.rglob("*")) == before and checked.machine("start", "-a", "other").returncode == 0


def test_a_running_container_is_no_problem(checked: Checked) -> None:
    checked.out("run", "-d", "--name", "runs", "-p", "127.0.0.1:0:80", "-v", "vv:/v", "busybox", "sleep", "1000")
    for options in ((), ("--repair",)):
        code, text = checked.check(*options)
        assert code == 0 and "1 container, 1 volume: no problems." in text
    assert checked.out("exec", "runs", "echo", "lives") == "lives\n"


def test_a_network_that_is_gone(checked: Checked) -> None:
    checked.out("network", "create", "net")
    checked.out("create", "--name", "cc", "--network", "net", "busybox", "true")
    checked.sql("DELETE FROM networks WHERE name = 'net'")
    checked.tells("container cc: its network net is gone", "`longshore network disconnect -f net cc`")


def test_a_volume_without_files(checked: Checked) -> None:
    checked.out("volume", "create", "vv")
    directory = checked.roots.volume_dir("vv")
    shutil.rmtree(directory)
    checked.tells(f"volume vv: its files are gone: there is no {directory}", "`longshore volume rm vv` forgets it")
    assert not os.path.exists(directory)


def test_files_without_a_volume(checked: Checked) -> None:
    checked.out("volume", "create", "vv")
    path = Path(checked.roots.volume_dir("vv"), "file")
    path.write_text("precious")
    checked.sql("DELETE FROM volumes WHERE name = 'vv'")
    assert checked.check()[0] == 0  # it could be in the making
    os.utime(path.parent.parent, (time.time() - 100,) * 2)
    checked.mends("no volume of that name is known", str(path.parent.parent))
    assert checked.out("volume", "ls", "-q") == "vv\n" and path.read_text() == "precious"


def test_a_container_without_its_volume(checked: Checked) -> None:
    checked.create("--name", "cc", "-v", "vv:/v")
    path = Path(checked.roots.volume_dir("vv"))
    checked.sql("DELETE FROM volumes WHERE name = 'vv'")
    checked.tells("container cc: its volume vv is gone", "`longshore volume create vv` makes an empty one")
    assert path.is_dir()
    shutil.rmtree(path.parent)  # no row names it any more, and a check finds it a minute later


def test_rows_without_an_owner(checked: Checked) -> None:
    checked.sql(
        "PRAGMA foreign_keys = OFF", "INSERT INTO image_names (reference, image_id) VALUES ('docker.io/library/ghost:1', 'sha256:0')"
    )
    checked.mends("what it belongs to is gone", "table image_names")
    assert "busybox" in checked.out("images") and "ghost" not in checked.out("images")


def test_an_index_of_the_database(checked: Checked) -> None:
    checked.create("--name", "cc")
    text = "CREATE INDEX containers_status ON containers ({})"
    for column in ("name", "status"):  # what the index holds is not what it says to hold
        if column == "status":
            checked.sql("REINDEX containers_status")
        checked.sql(
            "PRAGMA writable_schema = ON", f"UPDATE sqlite_master SET sql = '{text.format(column)}' WHERE name = 'containers_status'"
        )
    checked.mends("containers_status", checked.roots.database)
    assert "cc\n" in checked.out("ps", "-a", "-f", "status=created", "--format", "{{.Names}}")


def test_a_mount(checked: Checked) -> None:
    directory = f"{checked.roots.container_dir(checked.create('--name', 'cc'))}/rootfs"
    subprocess.run(["mount", "-t", "tmpfs", "none", directory], check=True)
    try:
        checked.mends("nobody uses it", f"mount {directory}")
        assert not os.path.ismount(directory)
    finally:
        if os.path.ismount(directory):
            subprocess.run(["umount", directory], check=True)


@pytest.mark.parametrize("removed", [False, True], ids=["stopped", "removed"])
def test_a_control_group(checked: Checked, removed: bool) -> None:
    container = checked.create("--name", "cc")
    if removed:
        checked.out("rm", "cc")
    ours, others = (cgroups.open_cgroup(f"/longshore/{name}") for name in (container, os.urandom(32).hex()))
    for group in (ours, others):
        group.create()
    process = subprocess.Popen(["sleep", "1000"])
    for directory in {ours.directory(controller) for controller in CONTROLLERS} - {""}:
        Path(directory, "cgroup.procs").write_text(str(process.pid))
    try:
        checked.mends("its container is gone" if removed else "container cc does not run", f"control group {ours.path}")
        assert not ours.exists() and process.wait(60) == -9 and others.exists()
    finally:
        process.kill()
        others.remove()


def test_an_address_of_a_container_that_is_gone(checked: Checked) -> None:
    checked.out("run", "-d", "--name", "runs", "busybox", "sleep", "1000")
    checked.sql(
        f"INSERT INTO leases (network_id, address, container_id, mac) SELECT id, '172.31.255.77', '{os.urandom(32).hex()}', '' FROM networks WHERE name = 'bridge'"
    )
    checked.mends("is gone", "address 172.31.255.77")
    assert checked.out("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "runs").strip()


def test_a_bridge(checked: Checked) -> None:
    for words in (("link", "add", "lschk0", "type", "bridge"), ("link", "set", "lschk0", "group", str(names.group(checked.roots)))):
        subprocess.run(["ip", *words], check=True)
    try:
        checked.mends("no running container needs it", "interface lschk0")
        assert not os.path.exists("/sys/class/net/lschk0")
    finally:
        subprocess.run(["ip", "link", "del", "lschk0"], check=False, stderr=subprocess.DEVNULL)


def test_a_docker_host_can_not(checked: Checked, docker: Docker) -> None:
    url = docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").stdout.strip()
    command = [*checked.machine.command[:3], "-H", url, "system", "check"]
    done = subprocess.run(command, capture_output=True, text=True, env=checked.machine.environment, check=False)
    assert done.returncode == 1 and f"{url} can not be checked: the Docker Engine API does not show its store" in done.stderr
