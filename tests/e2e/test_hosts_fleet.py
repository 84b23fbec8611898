"""Several hosts at once in the real program: this machine's engine, and a dockerd behind a real sshd that goes down and comes back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import images
from tests.support.dockerd import Daemon, running_dockerd
from tests.support.registry import Registry
from tests.support.sshd import Sshd, running_sshd
from tests.support.stateroot import StateRoot, state_root
from tests.support.tmux import terminal


@pytest.fixture(scope="module")
def dockerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running_dockerd(str(tmp_path_factory.mktemp("d") / "d")) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory, dockerd: Daemon) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("ssh") / "far", {"DOCKER_HOST": dockerd.url}) as daemon:
        (daemon.bin / "docker").symlink_to(str(shutil.which("docker")))
        yield daemon


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, registry: Registry, far: Sshd) -> Iterator[StateRoot]:
    """This machine, which knows the host ``far``; both run a container ``web``, and each one more."""
    patch = pytest.MonkeyPatch()
    home = tmp_path_factory.mktemp("home")
    patch.setenv("PATH", f"{far.directory}/near-bin:{os.environ['PATH']}")
    patch.setenv("HOME", str(home))
    patch.setenv("XDG_CONFIG_HOME", str(home))
    try:
        with state_root(str(tmp_path_factory.mktemp("root") / "r"), registry.host, images=("busybox",)) as root:
            archive = home / "busybox.tar"
            archive.write_bytes(images.busybox_layer())
            root.out("hosts", "add", "far", far.url)
            there("far", root, "import", str(archive), "busybox:latest")
            for host, other in (("embedded", "only-here"), ("far", "only-far")):
                for name in ("web", other):
                    there(host, root, "run", "-d", "--net", "none", "--name", name, "busybox", "sleep", "1000")
            yield root
            there("far", root, "rm", "-f", "web", "only-far")
    finally:
        patch.undo()


def words(host: str, root: StateRoot) -> list[str]:
    """``longshore --host HOST`` with this machine's state, and its root where that makes sense."""
    return [root.command[0], "-m", "engine.cli", "--config", root.config, "--host", host]


def there(host: str, root: StateRoot, *verb: str) -> str:
    import subprocess

    environment = {**root.environment, "LONGSHORE_ROOT": root.roots.state}
    done = subprocess.run([*words(host, root), *verb], capture_output=True, text=True, env=environment, timeout=120, check=False)
    return (done.stdout if done.returncode == 0 else f"exit {done.returncode}: ") + done.stderr


def test_the_command_line_talks_to_all_hosts(here: StateRoot, far: Sshd) -> None:
    listed = there("all", here, "ps", "--format", "{{.Names}}").split()
    assert sorted(listed) == ["only-far@far", "only-here@embedded", "web@embedded", "web@far"]
    assert "web is on several hosts: embedded, far\nsay which: web@embedded or web@far" in there("all", here, "stop", "web")
    assert there("all", here, "exec", "only-far", "echo", "from far") == "from far\n", "there is only one of that name"
    assert there("all", here, "restart", "-t", "0", "web@far") == "web@far\n"
    assert (
        there("all", here, "ps", "-q", "--filter", "name=web@far").strip() == there("far", here, "ps", "-q", "--filter", "name=web").strip()
    )
    assert there("all", here, "volume", "create", "data@far") == "data@far\n"
    assert "data" in there("far", here, "volume", "ls", "-q") and "data" not in there("embedded", here, "volume", "ls", "-q")
    assert there("all", here, "volume", "rm", "data") == "data\n"
    assert "no host is named\nsay on which: busybox@embedded" in there("all", here, "pull", "busybox")
    assert there("all", here, "run", "--rm", "--net", "none", "busybox@far", "echo", "made there") == "made there\n"
    assert "2 of 2 hosts" in there("all", here, "version")
    networks = there("all", here, "network", "ls", "--format", "{{.Name}}").split()
    assert {"bridge@embedded", "bridge@far"} <= set(networks)
    far.stop()
    try:
        listing = there("all", here, "ps", "--format", "{{.Names}}")
        assert "web@embedded" in listing and "web@far" not in listing
        assert f"WARNING: host far: cannot connect to the Docker daemon at {far.url}: ssh: " in listing
        assert "Connection refused" in there("all", here, "stop", "only-far"), "it may be on the host that does not answer"
    finally:
        far.start()


def test_the_terminal_goes_from_host_to_host(here: StateRoot, far: Sshd, tmp_path: Path) -> None:
    environment = {**here.environment, "LONGSHORE_ROOT": here.roots.state}
    with terminal(str(tmp_path), words("embedded", here), width=160, height=44, env=environment) as screen:
        screen.shows("only-here")
        screen.keys("F7")
        screen.shows("docker 20.")
        screen.keys("j", "Enter")
        screen.shows("only-far")
        screen.misses("only-here")
        screen.shows("far · docker")
        far.stop()
        shown = screen.shows("engine unreachable: ")
        assert "ssh: " in shown and "only-far" in shown, "the last list stays"
        screen.shows("next try at ")
        far.start()
        screen.keys("C-r")
        screen.misses("engine unreachable")
        screen.keys("F7")
        screen.shows("built in")
        screen.keys("a")
        screen.shows("all hosts · 2 of 2")
        screen.shows("only-here")
        shown = screen.shows("only-far")
        assert "@" not in "".join(line[:52] for line in shown.splitlines()), "the host has a column of its own"
        screen.keys("/")
        screen.type("host:far name:web")
        screen.keys("Enter")
        screen.shows("1 of 1 (4)")
        screen.shows("s stop")
        screen.keys("s")
        screen.shows("Stop web@far?")
        screen.keys("y")
        screen.shows("exited")
        assert there("far", here, "ps", "--filter", "name=web", "-q") == ""
        assert there("embedded", here, "ps", "--filter", "name=web", "-q") != ""
        screen.keys("F7")
        screen.shows("built in")
        screen.keys("g", "k", "k", "Enter")
        screen.shows("only-here")
        screen.keys("q")
    assert there("far", here, "start", "web") == "web\n"
