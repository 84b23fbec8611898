"""``longshore hosts``: what is kept, what is found by itself, which host is meant, and how each of them is."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import CorruptData, InvalidArgument
from engine.hosts import sockets
from engine.hosts.book import Book
from engine.hosts.choice import chosen
from engine.hosts.known import known
from engine.hosts.names import address_of
from engine.model.hosts import Host, Origin
from tests.support.server import running_server
from tests.support.stateroot import StateRoot


class Home:
    """A person's home with nothing in it, and ``longshore`` run from there."""

    def __init__(self, directory: Path, root: StateRoot) -> None:
        self.directory = directory
        self.book = directory / "xdg" / "longshore" / "hosts.json"
        self._root = root
        self.environment = {
            **{name: value for name, value in root.environment.items() if not name.startswith(("DOCKER_", "LONGSHORE_HOST"))},
            "HOME": str(directory), "XDG_CONFIG_HOME": str(directory / "xdg"), "XDG_RUNTIME_DIR": str(directory / "run"),
            "LONGSHORE_ROOT": root.roots.state,
        }  # fmt: skip

    def __call__(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [self._root.command[0], "-m", "engine.cli", *words]
        return subprocess.run(command, capture_output=True, text=True, env={**self.environment, **more}, timeout=60, check=False)

    def out(self, *words: str, **more: str) -> str:
        done = self(*words, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def states(self, *words: str) -> dict[str, dict[str, str]]:
        return {row["Name"]: row for row in map(json.loads, self.out("hosts", "ls", "--format", "json", *words).splitlines())}


@pytest.fixture
def home(tmp_path: Path, longshore: StateRoot) -> Home:
    (tmp_path / "home").mkdir()
    return Home(tmp_path / "home", longshore)


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[str]:
    """The address of something that takes connections and says nothing."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "deaf.sock"))
        listener.listen(64)
        yield f"unix://{tmp_path}/deaf.sock"


def test_hosts_are_added_asked_used_and_forgotten(home: Home, longshore: StateRoot, deaf: str) -> None:
    with running_server(longshore) as url:
        assert home.out("hosts", "add", "mine", url) == "mine\n"
        home.out("hosts", "add", "dead", "unix:///nowhere.sock")
        states = home.states("--timeout", "60s")
        assert {name: row["State"] for name, row in states.items()} == {"embedded": "up", "mine": "up", "dead": "down"}
        assert (
            states["mine"]["Engine"] == "Longshore" and states["mine"]["APIVersion"] == "1.51" and states["mine"]["Latency"].endswith(" ms")
        )
        assert "unix:///nowhere.sock: " in states["dead"]["Error"]
        for number in range(4):
            home.out("hosts", "add", f"deaf-{number}", deaf)
        quiet = home.states("--timeout", "1500ms")["deaf-0"]
        assert (quiet["State"], quiet["Error"]) == ("down", "no answer within 1.5 s")
        assert states["embedded"]["Current"] == "true" and states["embedded"]["Origin"] == "built in"
        home.out("create", "--name", "here", "busybox")
        assert "here" in home.out("--host", "mine", "ps", "-a")
        assert home.out("hosts", "use", "mine") == "mine\n"
        assert home.states("--timeout", "100ms")["mine"]["Current"] == "true"
        assert json.loads(home.out("info", "--format", "{{json .}}"))["Name"]
        assert "mine: Longshore " in home.out("hosts", "test", "mine")
        failed = home("hosts", "test", "dead", "mine")
        assert failed.returncode == 1 and "dead: cannot connect" in failed.stderr and "mine: Longshore" in failed.stdout
        warned = home("hosts", "use", "mine", DOCKER_HOST="unix:///elsewhere.sock")
        assert "Warning: DOCKER_HOST environment variable overrides the current host (unix:///elsewhere.sock)" in warned.stderr
        removed = home("hosts", "rm", "mine", "nobody")
        assert (removed.returncode, removed.stdout) == (1, "mine\n") and 'host "nobody" does not exist' in removed.stderr
    assert home.states("--timeout", "100ms")["embedded"]["Current"] == "true", "what was current is gone"
    assert "here" in home.out("ps", "-a")
    assert home.out("hosts", "ls", "-q").split() == ["embedded", "dead", *(f"deaf-{number}" for number in range(4))]
    assert "dead" in home.out("__complete", "--", "hosts", "use", "d")


def test_hosts_are_asked_at_the_same_time(home: Home, tmp_path: Path) -> None:
    """Four that say nothing until all four were asked."""
    asked: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "crowd.sock"))
        listener.listen(64)
        for number in range(4):
            home.out("hosts", "add", f"shy-{number}", f"unix://{tmp_path}/crowd.sock")

        def hear() -> None:
            while len(asked) < 4:
                asked.append(listener.accept()[0])
            for one in asked:
                one.close()
            listener.close()

        hearing = threading.Thread(target=hear)
        hearing.start()
        states = home.states("--timeout", "40s")
        hearing.join(60)
        assert len(asked) == 4 and not any("no answer within" in row["Error"] for row in states.values())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("all", "tcp://x"), '"all" is a reserved host name'),
        (("a@b", "tcp://x"), 'host name "a@b" is invalid'),
        (("-x", "tcp://x"), "unknown shorthand flag"),
        (("x", "tcp://me:secret@x"), "plain-text password is not supported"),
        (("x", "ssh://me:secret@x"), "plain-text password is not supported"),
        (("x", "ftp://x"), "unknown scheme"),
        (("x", "ssh://-oProxyCommand=x"), "invalid host"),
        (("--tlscert", "/etc/hostname", "x", "tcp://x"), "give both --tlscert and --tlskey"),
        (("--tlscacert", "/nowhere.pem", "x", "tcp://x"), "/nowhere.pem: no such file"),
        (("--tls-skip-verify", "x", "ssh://x"), "TLS is for tcp://"),
    ],
)
def test_what_is_no_host(home: Home, words: tuple[str, ...], why: str) -> None:
    done = home("hosts", "add", *words)
    assert done.returncode and why in done.stderr and "secret" not in done.stderr.replace("plain", "")
    assert not home.book.exists()


def test_the_book_keeps_paths_and_no_secret(tmp_path: Path) -> None:
    book = Book(str(tmp_path / "deep" / "hosts.json"))
    book.add(Host(name="lab", url="tcp://lab", ca="/k/ca.pem", certificate="/k/cert.pem", key="/k/key.pem"))
    book.add(Host(name="loose", url="tcp://loose:99", verify=False))
    book.use("lab")
    assert json.loads(Path(book.path).read_text()) == {
        "current": "lab",
        "hosts": {
            "lab": {"url": "tcp://lab", "ca": "/k/ca.pem", "certificate": "/k/cert.pem", "key": "/k/key.pem"},
            "loose": {"url": "tcp://loose:99", "verify": False},
        },
    }
    assert os.stat(book.path).st_mode & 0o777 == 0o600
    assert book.hosts()["lab"].key == "/k/key.pem" and not book.hosts()["loose"].verify
    Path(book.path).write_text("{")
    with pytest.raises(CorruptData, match=r"hosts\.json is damaged"):
        book.hosts()
    Path(book.path).write_text('{"hosts": {"odd": 5}}')
    assert book.hosts()["odd"].problem


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for this process."""
    for name in (
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
        "DOCKER_CERT_PATH",
        "DOCKER_TLS_VERIFY",
        "DOCKER_CONFIG",
        "LONGSHORE_HOST",
        "COLIMA_HOME",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path


def test_which_host_is_meant(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen() == ""
    Book().add(Host(name="kept", url="ssh://kept"))
    Book().use("kept")
    assert chosen() == "kept"
    assert chosen(root="/r") == "", "a root belongs to the embedded engine"
    monkeypatch.setenv("DOCKER_CONTEXT", "ctx")
    assert chosen() == "ctx"
    monkeypatch.setenv("DOCKER_HOST", "unix:///d.sock")
    assert chosen() == "unix:///d.sock"
    monkeypatch.setenv("LONGSHORE_HOST", "embedded")
    assert chosen() == "embedded"
    assert chosen(context="mine") == "mine" and chosen(host="tcp://x") == "tcp://x"
    with pytest.raises(InvalidArgument, match="conflicting options: cannot specify both --host and --context"):
        chosen("x", "y")


def test_names_lead_to_addresses(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Book().add(Host(name="lab", url="tcp://lab", ca="/ca.pem", certificate="/cert.pem", key="/key.pem"))
    lab = address_of("lab")
    assert (lab.host, lab.port, lab.tls, lab.verify, lab.ca, lab.key) == ("lab", 2376, True, True, "/ca.pem", "/key.pem")
    docker = ["docker", "context", "create", "far", "--docker", "host=ssh://me@far"]
    subprocess.run(docker, check=True, capture_output=True, env={**os.environ, "HOME": str(bare)})
    assert address_of("far").host == "far"
    assert address_of("docker").path == "/var/run/docker.sock"
    subprocess.run(["docker", "context", "use", "far"], check=True, capture_output=True, env={**os.environ, "HOME": str(bare)})
    assert address_of("docker").host == "far", "docker's own choice"
    monkeypatch.setenv("DOCKER_HOST", "tcp://other:1")
    assert address_of("docker").host == "other"
    hosts = {host.name: host for host in known(Book())}
    assert hosts["far"].origin is Origin.CONTEXT and hosts["lab"].origin is Origin.ADDED


def test_engines_that_are_found(bare: Path) -> None:
    places = {
        "docker-rootless": "run/docker.sock", "podman-rootless": "run/podman/podman.sock", "docker-desktop": ".docker/desktop/docker.sock",
        "colima": ".colima/default/docker.sock", "colima-work": ".colima/work/docker.sock", "rancher-desktop": ".rd/docker.sock",
        "lima-vm": ".lima/vm/sock/docker.sock",
    }  # fmt: skip
    listeners = []
    for place in places.values():
        path = bare / place
        path.parent.mkdir(parents=True, exist_ok=True)
        listeners.append(socket.socket(socket.AF_UNIX))
        listeners[-1].bind(str(path))
    (bare / ".colima/docker.sock").symlink_to(bare / ".colima/default/docker.sock")
    (bare / ".colima/plain").mkdir()
    (bare / ".colima/plain/docker.sock").touch()
    found = {host.name: host.url for host in sockets.found() if str(bare) in host.url}
    for listener in listeners:
        listener.close()
    assert found.pop("colima").startswith(f"unix://{bare}/.colima/")
    assert found == {name: f"unix://{bare}/{place}" for name, place in places.items() if name != "colima"}
    Book().add(Host(name="own", url=found["docker-desktop"]))
    names = [host.name for host in known(Book())]
    assert "own" in names and "docker-desktop" not in names, "one engine is listed once"
