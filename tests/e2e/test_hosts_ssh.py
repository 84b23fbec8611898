"""Engines behind a real sshd: dockerd by its socket and by docker's command, Longshore without any daemon, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path

import pytest

from engine.connect import connect
from engine.errors import LongshoreError, Unavailable
from engine.interface import Engine
from engine.model.containers import ContainerConfig, ExecConfig, HostConfig
from engine.model.events import EventQuery
from tests.support import images
from tests.support.dockerd import Daemon, running_dockerd
from tests.support.sshd import Sshd, running_sshd
from tests.support.stateroot import StateRoot, state_root
from tests.support.wait import until

DOCKER = shutil.which("docker")


@pytest.fixture(scope="module")
def dockerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running_dockerd(str(tmp_path_factory.mktemp("d") / "d")) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory, dockerd: Daemon) -> Iterator[Sshd]:
    """A host that forwards sockets, with docker's command and dockerd."""
    with running_sshd(tmp_path_factory.mktemp("ssh") / "far", {"DOCKER_HOST": dockerd.url}) as daemon:
        (daemon.bin / "docker").symlink_to(str(DOCKER))
        yield daemon


@pytest.fixture(autouse=True)
def near(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """``ssh`` has the configuration of the test's host."""
    for name in ("far", "lone"):
        if name in request.fixturenames:
            daemon: Sshd = request.getfixturevalue(name)
            monkeypatch.setenv("PATH", f"{daemon.directory}/near-bin:{os.environ['PATH']}")
            daemon.configure()
            daemon.trust()


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[Sshd]:
    """A host without any engine."""
    with running_sshd(tmp_path / "ssh") as daemon:
        yield daemon


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Engine]:
    engine = connect(url)
    try:
        yield engine
    finally:
        await engine.close()


async def refused(url: str) -> Unavailable:
    async with opened(url) as engine:
        with pytest.raises(Unavailable) as caught:
            await engine.system.version()
    return caught.value


async def works(engine: Engine) -> None:
    """Import, create, start, attach input with a half-close, exec, logs: everything that streams or is handed over."""
    layer = images.busybox_layer()

    async def tar() -> AsyncGenerator[bytes, None]:
        yield layer

    await engine.images.import_(tar(), reference="box:1")
    made = await engine.containers.create(
        ContainerConfig(image="box:1", cmd=("cat",), open_stdin=True, stdin_once=True), HostConfig(network_mode="none")
    )
    try:
        session = await engine.containers.attach(made.id, stdin=True)
        await engine.containers.start(made.id)
        await session.write(b"through\n")
        done = await engine.containers.exec(made.id, ExecConfig(cmd=("echo", "inside")))
        output = await done.read()
        assert output is not None and output.data == b"inside\n"
        assert await done.exit_code() == 0
        await done.close()
        await session.close_input()
        found = b""
        while output := await session.read():
            found += output.data
        assert found == b"through\n"
        assert await session.exit_code() == 0
        await session.close()
    finally:
        await engine.containers.remove(made.id, force=True)


def no_processes_left(pattern: str) -> bool:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if pattern.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                return False
    return True


async def test_dockerd_through_its_forwarded_socket(far: Sshd, dockerd: Daemon) -> None:
    async with opened(far.url) as engine:
        await works(engine)
        relay = engine.containers._api._relay  # type: ignore[attr-defined]
        assert relay._route.socket == dockerd.socket
        assert os.stat(relay._directory).st_mode & 0o777 == 0o700
        # More streams than sshd lets sessions be (MaxSessions 10), over one connection.
        streams = [engine.system.events(EventQuery(since=0)) for _ in range(25)]
        first = await asyncio.gather(*(anext(stream) for stream in streams))
        assert len({event.time for event in first}) == 1
        assert far.sessions() <= 4
        await asyncio.gather(*(stream.aclose() for stream in streams))
    assert not os.path.exists(relay._directory)
    until(lambda: no_processes_left(relay._directory), what="the end of ssh")


async def test_an_api_of_2016(dockerd: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_API_VERSION", "1.24")
    async with opened(dockerd.url) as engine:
        await works(engine)


async def test_a_socket_that_is_named(far: Sshd, dockerd: Daemon) -> None:
    async with opened(f"ssh://root@{far.alias}:{far.port}{dockerd.socket}") as engine:
        assert (await engine.system.version()).engine
    error = await refused(f"{far.url}/nowhere.sock")
    assert "no engine answers" in error.message and "/nowhere.sock" in error.message


async def test_the_persons_shared_connection_is_used_and_left(far: Sshd, tmp_path: Path) -> None:
    control = tmp_path / "mine"
    far.configure(ControlMaster="auto", ControlPath=str(control), ControlPersist="yes")
    async with opened(far.url) as engine:
        await engine.system.version()
        assert control.exists()
    master = await asyncio.create_subprocess_exec("ssh", "-O", "check", far.alias, stderr=asyncio.subprocess.PIPE)
    assert b"Master running" in (await master.communicate())[1], "it is the person's"
    ended = await asyncio.create_subprocess_exec("ssh", "-O", "exit", far.alias, stderr=asyncio.subprocess.DEVNULL)
    assert await ended.wait() == 0


async def test_a_host_that_goes_down_and_comes_back(far: Sshd) -> None:
    async with opened(far.url) as engine:
        stream = engine.system.events(EventQuery())
        waiting = asyncio.create_task(anext(stream))
        await engine.system.ping()
        far.stop()
        with pytest.raises(Unavailable, match=f"(engine|daemon) at {far.url}"):
            await asyncio.wait_for(waiting, 60)
        with pytest.raises(
            Unavailable, match=f"cannot connect to the Docker daemon at {far.url}: ssh: .*(refused|closed|disconnect|reset)"
        ):
            await engine.system.ping()
        far.start()
        await engine.system.ping()
        assert await engine.containers.list(all=True) == []


async def test_docker_where_sshd_forwards_nothing(tmp_path: Path, dockerd: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_sshd(tmp_path / "ssh", {"DOCKER_HOST": dockerd.url}, AllowStreamLocalForwarding="no") as daemon:
        (daemon.bin / "docker").symlink_to(str(DOCKER))
        monkeypatch.setenv("PATH", f"{daemon.directory}/near-bin:{os.environ['PATH']}")
        async with opened(daemon.url) as engine:
            await works(engine)
            relay = engine.containers._api._relay  # type: ignore[attr-defined]
            assert relay._route.program == ("docker",)


async def test_longshore_without_any_daemon(lone: Sshd, tmp_path: Path) -> None:
    with state_root(str(tmp_path / "root")) as root:
        lone.provide("longshore", f'LONGSHORE_RUN={root.roots.run} exec {" ".join(root.command)} "$@"')
        async with opened(lone.url) as engine:
            assert (await engine.system.version()).engine == "Longshore"
            await works(engine)
        await leaves(root)


async def leaves(root: StateRoot) -> None:
    """The server that the first connection started waits for others; nobody comes."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"serve" in words and f"unix://{root.roots.run}/dial.sock".encode() in words:
                os.kill(int(pid), 15)
    until(lambda: not os.path.exists(f"{root.roots.run}/dial.sock"), what="the end of the server")


@pytest.mark.parametrize("greeting", ["while :; do echo welcome; done", "while :; do printf welcome; done"])
async def test_a_far_side_that_does_not_stop_talking(lone: Sshd, greeting: str) -> None:
    (lone.bin / "sh").unlink()
    lone.provide("sh", greeting)
    assert "ssh works, and no engine answers" in (await refused(lone.url)).message


async def test_what_goes_wrong(lone: Sshd, tmp_path: Path) -> None:
    error = await refused(lone.url)
    assert "ssh works, and no engine answers" in error.message and "it is not installed there" in error.message
    lone.provide("docker", "echo Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running? >&2; exit 1")
    lone.provide("podman", "echo Error: no such socket >&2; exit 125")
    error = await refused(lone.url)
    assert "docker: Cannot connect to the Docker daemon at unix:///x" in error.message and "podman: Error: no such socket" in error.message
    lone.authorized.write_text("")
    error = await refused(lone.url)
    assert "Permission denied (publickey)" in error.message and "ssh-agent" in error.hint
    key = lone.known_hosts.read_text().split()
    lone.known_hosts.write_text("")
    error = await refused(lone.url)
    assert "does not know the host's key" in error.message and f"`ssh {lone.alias}`" in error.hint
    other = (lone.directory / "key.pub").read_text().split()
    lone.known_hosts.write_text(f"{key[0]} {other[0]} {other[1]}\n")
    error = await refused(lone.url)
    assert "not the one that ssh knows" in error.message and "ssh-keygen -R" in error.hint
    lone.stop()
    error = await refused(lone.url)
    assert "Connection refused" in error.message
    with pytest.raises(LongshoreError):
        connect("ssh://-oProxyCommand=touch${IFS}x@host")


async def test_a_forced_command(tmp_path: Path, dockerd: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some hosts let a key do nothing but ``docker system dial-stdio``."""
    with running_sshd(tmp_path / "ssh", {"DOCKER_HOST": dockerd.url}, ForceCommand=f"{DOCKER} system dial-stdio") as daemon:
        monkeypatch.setenv("PATH", f"{daemon.directory}/near-bin:{os.environ['PATH']}")
        monkeypatch.setattr("engine.backends.docker.ssh._PROBE_TIMEOUT", 1.0)
        async with opened(daemon.url) as engine:
            await engine.system.ping()
