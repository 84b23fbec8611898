"""Images as mounts: made of their layers in the container alone, safe from what hostile images hold, and gone without a trace."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.supervisor import places
from tests.support import images
from tests.support.registry import running_registry
from tests.support.stateroot import StateRoot, state_root
from tests.support.wait import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

BELOW = (
    *(("foo", b"bar", 0o644), ("gone", b"x", 0o644), ("changed", b"old", 0o644), ("sub/", b"", 0o755), ("sub/hello", b"world", 0o644)),
    *(("links/", b"", 0o755), ("links/good", "../sub", 0o777), ("links/up", "../../../../../etc", 0o777), ("links/abs", "/etc", 0o777)),
    ("links/chain", "up/passwd", 0o777),
)
ABOVE = ((".wh.gone", b"", 0o644), ("changed", b"new", 0o644), ("second", b"2", 0o644))
LOOK = ("sh", "-c", "cd /i; find . | sort; cat foo changed")
TREE = ["./changed", "./foo", "./links", "./links/abs", "./links/chain", "./links/good", "./links/up", "./second", "./sub", "./sub/hello"]
SEEN = "\n".join([".", *TREE, "barnew"])


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateRoot]:
    with running_registry(str(tmp_path_factory.mktemp("registry"))) as registry:
        images.push(registry.url, "library/busybox:latest", images.busybox())
        tools = images.ImageSource((images.tar_of(BELOW), images.tar_of(ABOVE)), {})
        images.push(registry.url, "library/tools:latest", tools)
        images.push(registry.url, "library/single:latest", images.ImageSource((images.tar_of(BELOW),), {}))
        images.push(registry.url, "library/bare:latest", images.ImageSource((), {}))
        names = ["busybox", "tools", "single", "bare"]
        with state_root(str(tmp_path_factory.mktemp("machine") / "a b\\c"), registry.host, names) as root:
            yield root


@pytest.fixture
def longshore(machine: StateRoot) -> Iterator[StateRoot]:
    yield machine
    machine.clean()


@pytest.fixture(params=["overlay", "copies"])
def either(request: pytest.FixtureRequest, longshore: StateRoot) -> Iterator[StateRoot]:
    """With overlayfs, and where the kernel refuses it."""
    answer = Path(longshore.roots.run, "overlay")
    if request.param == "copies":
        answer.write_text("no")
    yield longshore
    answer.unlink(missing_ok=True)


def run(longshore: StateRoot, mount: str, *argv: str) -> str:
    return longshore.out("run", "--rm", "--network", "none", "--mount", mount, "busybox", *argv)


def mounted(longshore: StateRoot) -> list[str]:
    """What is mounted on the host below the state root."""
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        return [line for line in table if Path(longshore.directory).name.replace("\\", "\\134").replace(" ", "\\040") in line]


def test_the_layers_are_merged(either: StateRoot) -> None:
    assert run(either, "type=image,src=tools,dst=/i", *LOOK).strip() == SEEN
    assert run(either, "type=image,src=single,dst=/i", "sh", "-c", "ls /i | tr '\\n' ' '; cat /i/gone") == "changed foo gone links sub x"
    assert run(either, "type=image,src=bare,dst=/i", "ls", "-a", "/i") == ".\n..\n"
    for image in ("tools", "single", "bare"):
        done = either("run", "--rm", "--network", "none", "--mount", f"type=image,src={image},dst=/i,ro=false", "busybox", "touch", "/i/x")
        assert done.returncode == 1 and "Read-only file system" in done.stderr, done


def test_a_part_of_it_and_no_way_out(either: StateRoot) -> None:
    for part in ("sub", "links/good"):
        assert run(either, f"type=image,src=tools,dst=/p,image-subpath={part}", "sh", "-c", "ls /p; cat /p/hello") == "hello\nworld"
    seen = run(either, "type=image,src=tools,dst=/p,image-subpath=sub/hello", "sh", "-c", "cat /p; ls /; cat /proc/mounts")
    assert seen.startswith("world") and "second" not in seen
    assert [line.split()[1] for line in seen.splitlines() if line.split()[1:2] == ["/"]] == ["/"]  # nothing is left over the root
    for part in ("links/up", "links/abs", "links/chain", "links/up/passwd", "links/abs/shadow"):
        refused = either(
            "run", "--rm", "--network", "none", "--mount", f"type=image,src=tools,dst=/p,image-subpath={part}", "busybox", "ls"
        )
        assert refused.returncode == 125 and f'/{part}"' in refused.stderr, refused
        assert "leads out of what is mounted" in refused.stderr or "no such file" in refused.stderr, refused
        assert "Traceback" not in refused.stderr
    assert not mounted(either)


def test_a_link_of_the_containers_image_leads_no_mount_out(longshore: StateRoot, tmp_path: Path) -> None:
    """The place is looked up in the container's own root, wherever its image has links to."""
    (tmp_path / "kept").touch()
    made = longshore.out("create", "--network", "none", "busybox", "ln", "-s", f"{tmp_path}", "/trap").strip()
    longshore.out("start", "-a", made)
    longshore.out("commit", made, "trap")
    longshore.out("run", "--rm", "--network", "none", "--mount", "type=image,src=tools,dst=/trap/in", "trap", "cat", "/trap/in/foo")
    assert os.listdir(tmp_path) == ["kept"]
    longshore.out("rm", made)
    longshore.out("rmi", "trap")


def test_copies_out_of_it_while_it_runs_and_after(either: StateRoot, tmp_path: Path) -> None:
    options = ("--network", "none", "--mount", "type=image,src=tools,dst=/i,image-subpath=sub")
    either.out("run", "-d", "--name", "holder", *options, "busybox", "sleep", "1000")
    for number in range(2):
        either.out("cp", "holder:/i/hello", str(tmp_path / f"{number}"))
        assert (tmp_path / f"{number}").read_text() == "world"
        refused = either("cp", str(tmp_path / "0"), "holder:/i/new")
        assert refused.returncode == 1 and "read-only" in refused.stderr
        either.out("stop", "-t", "0", "holder")
    assert not mounted(either)
    either.out("rm", "holder")


def test_nothing_is_left_after_a_kill(either: StateRoot) -> None:
    for index in range(2):
        either.out(
            "run",
            "-d",
            "--name",
            f"killed{index}",
            "--network",
            "none",
            "--mount",
            "type=image,src=tools,dst=/i",
            "busybox",
            "sleep",
            "1000",
        )
    container, other = (json.loads(either.out("inspect", f"killed{index}"))[0] for index in range(2))
    assert not mounted(either), "the host sees what only containers have mounted"
    os.kill(int(Path(f"/proc/{container['State']['Pid']}/stat").read_text().split()[3]), signal.SIGKILL)  # its supervisor
    until(lambda: not places.alive(either.roots, container["Id"]))
    assert either.out("exec", "killed1", "cat", "/i/foo") == "bar"
    either.out("start", "killed0")
    assert either.out("exec", "killed0", "cat", "/i/foo") == "bar"
    either.out("rm", "-f", "killed0", "killed1")
    assert not mounted(either) and os.listdir(either.roots.containers) == [] and other["Id"] != container["Id"]
    either.checked()


def test_an_image_is_kept_for_who_mounts_it(longshore: StateRoot) -> None:
    made = longshore.out("create", "--network", "none", "--mount", "type=image,src=single,dst=/i", "busybox", "cat", "/i/foo").strip()
    identity = longshore.out("image", "inspect", "-f", "{{.Id}}", "single").strip()
    refused = longshore("rmi", "single")
    assert refused.returncode == 1 and f"container {made[:12]} is using its referenced image {identity[7:19]}" in refused.stderr
    longshore.out("rmi", "-f", "single")
    assert "deleted" not in longshore.out("image", "prune", "-f")
    assert longshore.out("start", "-a", made) == "bar"
    longshore.checked()
    longshore.out("rm", made)
    assert f"deleted: {identity}" in longshore.out("image", "prune", "-f")
    longshore.out("pull", "single")
