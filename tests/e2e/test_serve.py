"""``longshore serve`` driven by real docker command lines: the current one, and the one that Debian 12 has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.registry import Registry
from tests.support.server import running_server
from tests.support.stateroot import StateRoot, state_root
from tests.support.tmux import terminal
from tests.support.wait import until

CLIENTS = tuple(dict.fromkeys(path for path in (shutil.which("docker"), "/usr/bin/docker") if path and os.path.exists(path)))


@pytest.fixture(scope="module")
def machine(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StateRoot, str]]:
    """A machine that is served, with busybox."""
    directory = str(tmp_path_factory.mktemp("serve") / "m")
    with state_root(directory, registry.host, ["busybox"]) as root, running_server(root) as url:
        yield root, url


class Docker:
    """One docker command line that talks to our server."""

    def __init__(self, program: str, url: str, config: str) -> None:
        self.command = [program, "--host", url]
        self.environment = {**os.environ, "DOCKER_CONFIG": config, "DOCKER_BUILDKIT": "0", "DOCKER_CLI_HINTS": "false"}

    def __call__(self, *words: str, input: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end."""
        return subprocess.run(
            [*self.command, *words],
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            timeout=120,
            env=self.environment,
            check=False,
        )

    def out(self, *words: str, input: bytes | None = None) -> str:
        """What a command that must succeed prints."""
        done = self(*words, input=input)
        assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}: {done.stderr.decode()}"
        return done.stdout.decode()

    def open(self, *words: str) -> subprocess.Popen[bytes]:
        """A command that goes on."""
        return subprocess.Popen(
            [*self.command, *words],
            bufsize=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environment,
        )


@pytest.fixture(params=CLIENTS)
def docker(request: pytest.FixtureRequest, machine: tuple[StateRoot, str], tmp_path: Path) -> Iterator[Docker]:
    yield Docker(request.param, machine[1], str(tmp_path))
    machine[0].clean()


def test_version_and_info(docker: Docker) -> None:
    version = json.loads(docker.out("version", "--format", "{{json .Server}}"))
    assert version["Platform"]["Name"] == "Longshore" and version["ApiVersion"] == "1.51" and version["MinAPIVersion"] == "1.24"
    info = json.loads(docker.out("info", "--format", "{{json .}}"))
    assert info["OSType"] == "linux" and info["Swarm"]["LocalNodeState"] == "inactive" and info["Images"] == 1


def test_run(docker: Docker) -> None:
    done = docker("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    assert docker.out("ps", "-aq") == ""
    # Everything up to the end arrives, however fast the end is, and the client's end of input is the process's.
    data = os.urandom(3 << 20)
    assert docker("run", "-i", "--rm", "busybox", "cat", input=data).stdout == data
    assert docker("run", "--rm", "busybox", "nope").returncode == 127
    assert docker("run", "--rm", "busybox", "/etc").returncode in (125, 126)  # old clients do not know these words
    assert docker.out("ps", "-aq") == ""


def test_run_pulls_what_is_missing(docker: Docker, registry: Registry) -> None:
    docker("rmi", "-f", "many:latest")
    done = docker("run", "--rm", "many", "ls", "/")
    assert b"Unable to find image 'many:latest' locally" in done.stderr
    assert done.stderr.count(b"Pull complete") == 11 and b"Status: Downloaded newer image for many:latest" in done.stderr
    assert b"Image is up to date for many:latest" in docker("pull", "many").stdout
    missing = docker("run", f"{registry.host}/library/busybox:no-such-tag")
    assert missing.returncode == 125 and b"not found" in missing.stderr
    assert docker("pull", f"{registry.host}/no/such").returncode == 1


def test_a_terminal(docker: Docker, tmp_path: Path) -> None:
    run = [*docker.command, "run", "-it", "--name", "shell", "busybox"]
    with terminal(str(tmp_path), run, width=111, height=33, env=docker.environment) as screen:
        screen.shows("/ #")
        screen.type("stty size\n")
        screen.shows("33 111")
        screen.type("while sleep 0.1; do stty size; done\n")
        screen.tmux("resize-window", "-t", "main", "-x", "90", "-y", "20")
        screen.shows("20 90")
        screen.keys("C-c")
        screen.keys("C-p", "C-q")
        until(screen.over, what="the end of the client")
        assert screen.status == 0
    assert docker.out("ps", "--format", "{{.Names}}") == "shell\n"
    other = tmp_path / "attach"
    other.mkdir()
    attach = [*docker.command, "attach", "--detach-keys", "ctrl-a,x", "shell"]
    with terminal(str(other), attach, env=docker.environment) as screen:
        screen.type("echo a$((40 + 2))b\n")
        screen.shows("a42b")
        screen.type("exit 5\n")
        until(screen.over, what="the end of the client")
        assert screen.status == 5


def test_exec(docker: Docker, tmp_path: Path) -> None:
    docker.out("run", "-d", "--name", "host", "busybox", "sleep", "1000")
    done = docker("exec", "-e", "A=b", "-w", "/tmp", "host", "sh", "-c", "echo $A $PWD; echo err >&2; exit 4")
    assert (done.returncode, done.stdout, done.stderr) == (4, b"b /tmp\n", b"err\n")
    assert docker("exec", "-i", "host", "wc", "-c", input=b"x" * 100_000).stdout == b"100000\n"
    assert docker("exec", "host", "nope").returncode in (126, 127)
    docker.out("exec", "-d", "host", "touch", "/made")
    until(lambda: docker("exec", "host", "test", "-e", "/made").returncode == 0, what="the file")
    exec = [*docker.command, "exec", "-it", "host", "sh"]
    with terminal(str(tmp_path), exec, width=101, height=31, env=docker.environment) as screen:
        screen.shows("/ #")
        screen.type("stty size\n")
        screen.shows("31 101")
        screen.type("exit 6\n")
        until(screen.over, what="the end of the client")
        assert screen.status == 6
    docker.out("pause", "host")
    assert b"is paused" in docker("exec", "host", "ls").stderr
    docker.out("unpause", "host")
    docker.out("stop", "-t", "0", "host")
    assert b"is not running" in docker("exec", "host", "ls").stderr


def test_logs_are_followed(docker: Docker) -> None:
    docker.out("run", "-d", "--name", "chatty", "busybox", "sh", "-c", "for i in 1 2 3; do echo line $i; done; sleep 1000")
    until(lambda: docker.out("logs", "chatty") == "line 1\nline 2\nline 3\n", what="the log")
    assert docker.out("logs", "--tail", "1", "chatty") == "line 3\n"
    stamp, _, text = docker.out("logs", "-t", "--tail", "1", "chatty").partition(" ")
    assert text == "line 3\n" and len(stamp) == len("2026-01-01T00:00:00.000000000Z") and stamp.endswith("Z")
    following = docker.open("logs", "-f", "chatty")
    assert following.stdout is not None
    assert following.stdout.readline() == b"line 1\n"
    docker.out("kill", "chatty")
    assert following.communicate(timeout=60)[0] == b"line 2\nline 3\n" and following.returncode == 0


def test_events_and_wait(docker: Docker) -> None:
    docker.out("create", "--name", "watched", "busybox", "sh", "-c", "exit 9")
    events = docker.open("events", "--filter", "container=watched", "--format", "{{.Action}}")
    waiting = docker.open("wait", "watched")
    assert events.stdout is not None
    seen: list[str] = []
    reading = threading.Thread(target=lambda: seen.extend(line.decode().strip() for line in events.stdout or ()))
    reading.start()
    try:
        # A created container is not running, so that `wait` returns at once, as docker's does.
        assert waiting.communicate(timeout=60)[0] == b"0\n"
        until(lambda: docker("start", "-a", "watched").returncode == 9, what="a start whose end is seen")
        until(lambda: "die" in seen, what=f"the events: {seen}")
    finally:
        events.terminate()
        events.wait(60)
        reading.join()
        events.stdout.close()
    assert seen.index("start") < seen.index("die")


def test_statistics_and_processes(docker: Docker) -> None:
    docker.out("run", "-d", "--name", "busy", "--memory", "64m", "busybox", "sh", "-c", "while :; do :; done")
    until(
        lambda: float(docker.out("stats", "--no-stream", "--format", "{{.CPUPerc}}", "busy").strip().rstrip("%")) > 10,
        what="CPU time of a busy loop",
    )
    name, limit = docker.out("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", "busy").strip().split(" ", 1)
    assert name == "busy" and limit.endswith("/ 64MiB")
    assert "while :" in docker.out("top", "busy")
    assert "64" in docker.out("update", "--cpu-shares", "512", "busy") or True
    assert docker.out("inspect", "-f", "{{.HostConfig.CpuShares}}", "busy") == "512\n"


def test_files(docker: Docker, tmp_path: Path) -> None:
    docker.out("run", "-d", "--name", "files", "busybox", "sleep", "1000")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "one").write_text("1\n")
    docker.out("cp", str(tmp_path / "in"), "files:/srv")
    assert docker.out("exec", "files", "cat", "/srv/one") == "1\n"
    docker.out("cp", "files:/srv/one", str(tmp_path / "out"))
    assert (tmp_path / "out").read_text() == "1\n"
    assert "A /srv/one" in docker.out("diff", "files")
    assert docker("cp", "files:/nope", str(tmp_path)).returncode == 1
    exported = docker("export", "files").stdout
    assert b"srv/one" in exported
    assert docker.out("import", "-", "imported:1", input=exported).startswith("sha256:")
    docker.out("commit", "-c", 'CMD ["cat", "/srv/one"]', "files", "committed:1")
    assert docker.out("run", "--rm", "committed:1") == "1\n"
    saved = docker("save", "committed:1").stdout
    docker.out("rmi", "committed:1", "imported:1")
    assert docker.out("load", input=saved) == "Loaded image: committed:1\n"
    docker.out("rmi", "committed:1")


def test_networks_of_both_families(docker: Docker) -> None:
    prefix = f"fd00:216:{os.getpid():x}"
    docker.out("network", "create", "--ipv6", "--subnet", f"{prefix}::/64", "--gateway", f"{prefix}::1", "six")
    assert json.loads(docker.out("network", "inspect", "six"))[0]["EnableIPv6"] is True
    server = ("mkdir /www; echo served >/www/index.html; exec httpd -f -p '[::]:80' -h /www",)
    docker.out("run", "-d", "--name", "server", "--network", "six", "--ip6", f"{prefix}::77", "-p", "80", "busybox", "sh", "-c", *server)
    docker.out("create", "--name", "later", "busybox", "sleep", "1000")
    docker.out("network", "connect", "--ip6", f"{prefix}::78", "six", "later")
    docker.out("start", "later")
    for name, address in (("server", f"{prefix}::77"), ("later", f"{prefix}::78")):
        place = json.loads(docker.out("inspect", "-f", "{{json .NetworkSettings.Networks.six}}", name))
        shown = [place[key] for key in ("GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPv6Gateway")]
        assert shown == [address, 64, f"{prefix}::1"]
    published = docker.out("port", "server", "80").split()
    assert (
        len(published) == 2 and published[0].startswith("0.0.0.0:") and published[1] in (f"[::]{published[0][7:]}", f"::{published[0][7:]}")
    )
    assert "::" in docker.out("ps", "--filter", "name=server", "--format", "{{.Ports}}")
    fetch = ("exec", "later", "wget", "-q", "-O", "-")
    until(lambda: docker(*fetch, "http://server/").stdout == b"served\n", what="the server answers")
    assert docker.out(*fetch, f"http://[{prefix}::77]/") == "served\n"
    assert docker("network", "create", "--ipv4=false", "--ipv6", "only").returncode != 0


def test_networks_and_volumes(docker: Docker) -> None:
    docker.out("network", "create", "--label", "a=b", "lan")
    docker.out("volume", "create", "data")
    docker.out("run", "-d", "--name", "server", "--network", "lan", "--network-alias", "www", "-v", "data:/srv", "busybox", "sleep", "1000")
    assert docker.out("run", "--rm", "--network", "lan", "busybox", "ping", "-c1", "-W5", "www")
    docker.out("run", "--rm", "-v", "data:/d", "busybox", "touch", "/d/x")
    assert docker.out("exec", "server", "ls", "/srv") == "x\n"
    assert b"volume is in use" in docker("volume", "rm", "data").stderr
    assert docker("network", "rm", "lan").returncode == 1
    docker.out("network", "connect", "bridge", "server")
    assert sorted(json.loads(docker.out("inspect", "-f", "{{json .NetworkSettings.Networks}}", "server"))) == ["bridge", "lan"]
    docker.out("network", "disconnect", "bridge", "server")
    docker.out("rm", "-f", "server")
    docker.out("network", "rm", "lan")
    docker.out("volume", "rm", "data")
    assert "Local Volumes   0" in docker.out("system", "df")


def test_published_ports(docker: Docker) -> None:
    docker.out("run", "-d", "--name", "web", "-p", "127.0.0.1::80", "busybox", "sh", "-c", "echo hello > /index.html; httpd -f -p 80 -h /")
    place = docker.out("port", "web", "80").strip()
    assert place in docker.out("ps", "--format", "{{.Ports}}")

    def answered() -> bool:
        return subprocess.run(["busybox", "wget", "-qO-", f"http://{place}/"], capture_output=True, check=False).stdout == b"hello\n"

    until(answered, what="the web server")


def test_push(docker: Docker, registry: Registry) -> None:
    name = f"{registry.host}/served/app:1"
    docker.out("tag", "busybox", name)
    pushed = docker.out("push", name)
    assert f"The push refers to repository [{registry.host}/served/app]" in pushed and "1: digest: sha256:" in pushed
    docker.out("rmi", name)
    assert f"Downloaded newer image for {name}" in docker.out("pull", name)
    docker.out("rmi", name)


def test_what_is_not_there_says_so(docker: Docker, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM busybox\n")
    built = docker("build", str(tmp_path))
    assert built.returncode == 1 and b"building images is not served yet" in built.stderr
    swarm = docker("swarm", "init")
    assert swarm.returncode == 1 and b"this engine has no Swarm mode" in swarm.stderr
    refused = docker("create", "--gpus", "all", "busybox")
    assert refused.returncode == 1 and b'could not select device driver "" with capabilities: [[gpu]]' in refused.stderr
    assert b"does not support storage options" in docker("create", "--storage-opt", "size=1G", "busybox").stderr


def test_the_socket_is_docker_s(machine: tuple[StateRoot, str]) -> None:
    path = machine[1].removeprefix("unix://")
    found = os.stat(path)
    assert oct(found.st_mode & 0o777) == "0o660" and found.st_uid == 0
    with open("/etc/group", encoding="utf-8") as file:
        groups = {name: int(gid) for name, _, gid, _ in (line.split(":") for line in file)}
    assert found.st_gid == groups.get("docker", 0)


def test_containers_outlive_the_server(registry: Registry, tmp_path: Path) -> None:
    with state_root(str(tmp_path / "m"), registry.host, ["busybox"]) as root:
        with running_server(root) as url:
            docker = Docker(CLIENTS[0], url, str(tmp_path))
            docker.out("run", "-d", "--name", "stays", "busybox", "sh", "-c", "sleep 1000")
            other = root("serve", "-H", url)
            assert other.returncode == 1 and "another process serves there" in other.stderr
        assert root.out("ps", "--format", "{{.Names}}") == "stays\n"
        with running_server(root) as url:
            assert docker.out("ps", "--format", "{{.Names}}") == "stays\n"


def test_system_prune(docker: Docker) -> None:
    container = docker.out("run", "-d", "--network", "none", "busybox", "true").strip()
    docker.out("wait", container)
    said = docker.out("system", "prune", "--force")
    assert container in said
    assert "Total reclaimed space:" in said
