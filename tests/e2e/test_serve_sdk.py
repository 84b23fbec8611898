"""``longshore serve`` driven by docker-py, as programs and test harnesses do it."""

from __future__ import annotations

import io
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from typing import Any

import docker
import pytest
import websocket
from docker.errors import APIError, ContainerError, ImageNotFound, NotFound
from docker.types import Healthcheck, IPAMConfig, IPAMPool, Mount

from tests.support.registry import Registry
from tests.support.server import running_server
from tests.support.stateroot import StateRoot, state_root
from tests.support.wait import until

# docker-py leaves connections that were handed over to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def machine(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StateRoot, str]]:
    directory = str(tmp_path_factory.mktemp("sdk") / "m")
    with state_root(directory, registry.host, ["busybox"]) as root, running_server(root) as url:
        yield root, url


@pytest.fixture
def client(machine: tuple[StateRoot, str]) -> Iterator[Any]:  # the stubs know less than the library takes
    """A client that asks for the newest version that the server speaks."""
    with_version = docker.DockerClient(base_url=machine[1], version="auto")
    try:
        yield with_version
    finally:
        with_version.close()
        machine[0].clean()


def _hang_up(sock: Any) -> None:
    """Close a hijacked connection, which docker-py leaves to the garbage collector."""
    sock._sock.close()
    sock.close()


@pytest.mark.parametrize("version", ["1.24", "1.35", "1.41", "1.44", "1.51"])
def test_versions(machine: tuple[StateRoot, str], version: str) -> None:
    client = docker.DockerClient(base_url=machine[1], version=version)
    try:
        assert client.ping()
        assert client.containers.run("busybox", ["echo", version], remove=True) == f"{version}\n".encode()
        assert client.images.list()[0].tags == ["busybox:latest"]
        assert client.info()["Images"] == 1
        assert version == "1.24" or client.df()["LayersSize"] > 0
    finally:
        client.close()


def test_run(client: Any) -> None:
    assert client.containers.run("busybox", "echo hello") == b"hello\n"
    both = client.containers.run("busybox", ["sh", "-c", "echo out; sleep 0.2; echo err >&2"], stderr=True, remove=True)
    assert both == b"out\nerr\n"
    with pytest.raises(ContainerError) as failure:
        client.containers.run("busybox", ["sh", "-c", "echo why >&2; exit 7"], remove=True)
    said: Any = failure.value.stderr
    assert failure.value.exit_status == 7 and said == b"why\n"
    with pytest.raises(APIError) as refused:
        client.containers.run("busybox", "nope")
    assert refused.value.status_code == 400 and "executable file not found" in str(refused.value)
    with pytest.raises(ImageNotFound):
        client.images.get("nope")
    with pytest.raises(NotFound):
        client.containers.get("nope")


def test_exec(client: Any) -> None:
    container = client.containers.run("busybox", "sleep 1000", detach=True)
    assert container.exec_run(["sh", "-c", "echo out; exit 5"]) == (5, b"out\n")
    code, (out, err) = container.exec_run(["sh", "-c", "echo out; echo err >&2"], demux=True)
    assert (code, out, err) == (0, b"out\n", b"err\n")
    assert container.exec_run("tty", tty=True).output.startswith(b"/dev/")
    assert list(container.exec_run("echo streamed", stream=True).output) == [b"streamed\n"]
    assert container.exec_run("nope").exit_code in (126, 127)
    api = client.api
    made = api.exec_create(container.id, "cat", stdin=True)["Id"]
    assert api.exec_inspect(made)["Running"] is False and api.exec_inspect(made)["ExitCode"] is None
    sock: Any = api.exec_start(made, socket=True)
    sock._sock.sendall(b"typed\n")
    assert sock._sock.recv(8) == b"\x01\0\0\0\0\0\0\x06" and sock._sock.recv(6) == b"typed\n"
    assert api.exec_inspect(made)["Running"] is True and api.exec_inspect(made)["Pid"] > 0
    sock._sock.shutdown(socket.SHUT_WR)
    assert sock._sock.recv(1) == b"", "the end of input ended it"
    assert api.exec_inspect(made)["Running"] is False and api.exec_inspect(made)["ExitCode"] == 0
    _hang_up(sock)
    with pytest.raises(APIError) as again:
        api.exec_start(made)
    assert again.value.status_code == 409


def test_attach(client: Any) -> None:
    container = client.containers.create("busybox", ["sh", "-c", "read line; echo got $line"], stdin_open=True)
    sock: Any = container.attach_socket(params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    container.start()
    sock._sock.sendall(b"input\n")
    got = b""
    while chunk := sock._sock.recv(4096):
        got += chunk
    assert got == b"\x01\0\0\0\0\0\0\x0agot input\n"
    assert container.wait()["StatusCode"] == 0
    _hang_up(sock)
    for _ in range(20):
        assert container.attach(logs=True, stream=False) == b"got input\n"


def test_attach_over_a_websocket(machine: tuple[StateRoot, str], client: Any) -> None:
    container = client.containers.create("busybox", ["sh", "-c", "read line; echo got $line; echo bad >&2; exit 4"], stdin_open=True)
    with socket.socket(socket.AF_UNIX) as connected:
        connected.settimeout(60)
        connected.connect(machine[1].removeprefix("unix://"))
        target = f"/v1.43/containers/{container.id}/attach/ws?stdin=1&stdout=1&stream=1"
        attached = websocket.create_connection(f"ws://docker{target}", socket=connected)
        container.start()
        attached.send("input\n")
        assert attached.recv() == b"got input\n"
        assert attached.recv_data(control_frame=True)[0] == websocket.ABNF.OPCODE_CLOSE, (
            "what the process writes to stderr was not asked for"
        )
    assert container.wait()["StatusCode"] == 4


def test_logs(client: Any) -> None:
    container = client.containers.run("busybox", ["sh", "-c", "for i in 1 2 3; do echo $i; done; echo bad >&2; sleep 1000"], detach=True)
    until(lambda: container.logs() == b"1\n2\n3\nbad\n", what="the log")
    assert container.logs(stdout=False) == b"bad\n" and container.logs(stderr=False, tail=1) == b"3\n"
    assert container.logs(since=int(time.time()) + 100) == b""
    stream = container.logs(stream=True, follow=True)
    assert next(iter(stream)).startswith(b"1\n")
    container.kill()
    assert b"".join(stream).endswith(b"bad\n")
    assert container.wait()["StatusCode"] == 137


def test_wait_for_the_next_exit(client: Any) -> None:
    container = client.containers.create("busybox", ["sh", "-c", "exit 3"])
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.append(container.wait(condition="next-exit")))
    waiting.start()

    def over() -> bool:
        container.start()  # again, when it was over before anybody waited
        waiting.join(1)
        return not waiting.is_alive()

    until(over, what="an exit is seen")
    assert found[0]["StatusCode"] == 3


def test_events(client: Any) -> None:
    events = client.events(decode=True, filters={"type": "container", "event": ["create", "start", "die"], "label": "watched=yes"})
    client.containers.run("busybox", "true", labels={"other": "one"}, remove=True)
    client.containers.run("busybox", "true", labels={"watched": "yes"}, remove=True)
    seen = [next(events) for _ in range(3)]
    assert [event["Action"] for event in seen] == ["create", "start", "die"]
    assert {event["Actor"]["Attributes"]["watched"] for event in seen} == {"yes"}
    assert seen[0]["id"] == seen[0]["Actor"]["ID"] and seen[0]["from"] == "busybox" and seen[0]["timeNano"] // 10**9 == seen[0]["time"]
    events.close()
    with pytest.raises(APIError) as refused:
        client.networks.list(filters={"nope": "x"})
    assert refused.value.status_code == 400


def test_statistics(client: Any) -> None:
    container = client.containers.run("busybox", ["sh", "-c", "while :; do :; done"], detach=True, mem_limit="64m", network_mode="none")
    stream = container.stats(decode=True)
    samples = [next(iter(stream)) for _ in range(2)]
    assert samples[1]["precpu_stats"]["cpu_usage"]["total_usage"] == samples[0]["cpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert samples[1]["cpu_stats"]["cpu_usage"]["total_usage"] > samples[1]["precpu_stats"]["cpu_usage"]["total_usage"]
    assert samples[1]["memory_stats"]["limit"] == 64 << 20
    one = container.stats(stream=False)
    assert one["cpu_stats"]["system_cpu_usage"] > one["precpu_stats"]["system_cpu_usage"] > 0
    assert container.top()["Titles"][1] == "PID"


def test_archives(client: Any) -> None:
    container = client.containers.create("busybox", "true")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("hello")
        entry.size, entry.mode = 6, 0o640
        tar.addfile(entry, io.BytesIO(b"hello\n"))
    assert container.put_archive("/tmp", packed.getvalue())
    chunks, stat = container.get_archive("/tmp/hello")
    assert (stat["name"], stat["size"], stat["mode"], stat["linkTarget"]) == ("hello", 6, 0o640, "")
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        assert tar.getnames() == ["hello"]
    assert {"Path": "/tmp/hello", "Kind": 1} in container.diff()
    assert container.get_archive("/bin")[1]["mode"] >> 31 == 1, "Go's bit of directories"
    with pytest.raises(NotFound):
        container.get_archive("/nope")
    image = container.commit("made", "1", conf={"Cmd": ["cat", "/tmp/hello"], "Labels": {"a": "b"}})
    assert image.tags == ["made:1"] and image.labels == {"a": "b"}
    assert client.containers.run("made:1", remove=True) == b"hello\n"
    data = b"".join(image.save(named=True))
    client.images.remove("made:1")
    assert client.images.load(data)[0].tags == ["made:1"]
    assert client.images.get("made:1").history()[0]["Size"] > 0
    client.images.remove("made:1")


def test_settings_come_back(client: Any) -> None:
    client.volumes.create("kept", labels={"a": "b"})
    pool = IPAMConfig(pool_configs=[IPAMPool(subnet="10.231.7.0/24", gateway="10.231.7.254")])
    network = client.networks.create("lan", ipam=pool, labels={"c": "d"})
    container = client.containers.run(
        "busybox",
        ["sleep", "1000"],
        name="full",
        detach=True,
        environment={"A": "b"},
        labels={"e": "f"},
        mounts=[Mount("/data", "kept"), Mount("/tmp/fast", None, type="tmpfs", tmpfs_size=1 << 20)],
        volumes={"/etc": {"bind": "/host", "mode": "ro"}},
        ports={"80/tcp": ("127.0.0.1", None)},
        network="lan",
        networking_config={"lan": client.api.create_endpoint_config(ipv4_address="10.231.7.9", aliases=["db"])},
        mem_limit="32m",
        cpu_shares=300,
        pids_limit=50,
        restart_policy={"Name": "on-failure", "MaximumRetryCount": 2},
        cap_add=["NET_ADMIN"],
        ulimits=[docker.types.Ulimit(name="nofile", soft=100, hard=200)],
        healthcheck=Healthcheck(test=["CMD", "true"], interval=10**9),
        working_dir="/tmp",
        user="1000:1000",
        hostname="box",
        init=True,
        tty=True,
        stdin_open=True,
        stop_signal="SIGINT",
        extra_hosts={"there": "10.0.0.1"},
        sysctls={"net.ipv4.ip_forward": "0"},
        tmpfs={"/run": "size=1m"},
        shm_size="16m",
        read_only=True,
    )
    shown = client.api.inspect_container(container.id)
    host, config = shown["HostConfig"], shown["Config"]
    assert (config["Hostname"], config["User"], config["WorkingDir"], config["Tty"], config["StopSignal"]) == (
        *("box", "1000:1000", "/tmp", True, "SIGINT"),
    )
    assert "A=b" in config["Env"] and config["Labels"]["e"] == "f" and config["Healthcheck"]["Test"] == ["CMD", "true"]
    assert (host["Memory"], host["CpuShares"], host["PidsLimit"], host["Init"], host["ReadonlyRootfs"]) == (32 << 20, 300, 50, True, True)
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 2} and host["Ulimits"][0]["Hard"] == 200
    assert host["ShmSize"] == 16 << 20 and host["ExtraHosts"] == ["there:10.0.0.1"] and host["Tmpfs"] == {"/run": "size=1m"}
    assert {mount["Destination"]: (mount["Type"], mount["RW"]) for mount in shown["Mounts"]} | {"/tmp/fast": ("tmpfs", True)} == {
        "/data": ("volume", True),
        "/host": ("bind", False),
        "/tmp/fast": ("tmpfs", True),
    }
    place = shown["NetworkSettings"]["Networks"]["lan"]
    assert place["IPAddress"] == "10.231.7.9" and "db" in place["Aliases"] and place["Gateway"] == "10.231.7.254"
    assert client.networks.get("lan").attrs["Containers"][container.id]["IPv4Address"] == "10.231.7.9/24"
    until(lambda: client.api.inspect_container("full")["State"]["Health"]["Status"] == "healthy", what="the health check")
    assert [one.name for one in client.containers.list(filters={"health": "healthy", "label": "e=f", "network": "lan"})] == ["full"]
    container.remove(force=True)
    network.remove()
    client.volumes.get("kept").remove()


def test_several_networks_at_once(client: Any) -> None:
    """As compose asks for it since 1.44; what can not be had leaves nothing behind."""
    for name in ("one", "two"):
        client.networks.create(name)
    api = client.api
    endpoints = api.create_networking_config({"one": api.create_endpoint_config(), "two": api.create_endpoint_config(aliases=["second"])})
    made = api.create_container(
        "busybox", "sleep 1000", host_config=api.create_host_config(network_mode="one"), networking_config=endpoints
    )
    api.start(made["Id"])
    networks = api.inspect_container(made["Id"])["NetworkSettings"]["Networks"]
    assert sorted(networks) == ["one", "two"] and "second" in networks["two"]["Aliases"]
    bad = api.create_networking_config({"one": api.create_endpoint_config(), "nowhere": api.create_endpoint_config()})
    with pytest.raises(NotFound):
        api.create_container("busybox", "true", host_config=api.create_host_config(network_mode="one"), networking_config=bad)
    assert len(client.containers.list(all=True)) == 1


def test_volumes_of_another_container(client: Any) -> None:
    client.containers.run("busybox", ["sh", "-c", "echo shared > /data/file"], name="owner", volumes=["/data"])
    assert client.containers.run("busybox", "cat /data/file", volumes_from=["owner"], remove=True) == b"shared\n"
    with pytest.raises(ContainerError):
        client.containers.run("busybox", "touch /data/other", volumes_from=["owner:ro"], remove=True)


def test_pull_push_and_login(client: Any, registry: Registry) -> None:
    lines = list(client.api.pull("many", tag="latest", stream=True, decode=True))
    assert lines[0] == {"status": "Pulling from library/many", "id": "latest"}
    assert any(line["status"] == "Downloading" and line["progressDetail"]["total"] for line in lines) or len(lines) > 20
    assert lines[-1]["status"].startswith("Status: ") and lines[-2]["status"].startswith("Digest: sha256:")
    image = client.images.get("many")
    name = f"{registry.host}/sdk/many"
    assert image.tag(name, "1")
    pushed = list(client.api.push(name, tag="1", stream=True, decode=True, auth_config={"username": "u", "password": "p"}))
    assert not any("error" in line for line in pushed)
    assert [line["aux"]["Tag"] for line in pushed if "aux" in line] == ["1"]
    assert client.api.remove_image(f"{name}:1")
    with pytest.raises(APIError) as missing:
        client.api.pull(f"{registry.host}/no/such", tag="1")
    assert missing.value.status_code == 404
    client.images.remove("many")
    with pytest.raises(APIError) as refused:
        client.login("u", "p", registry="127.0.0.1:1")
    assert refused.value.status_code == 503
    assert client.login("u", "p", registry=f"http://{registry.host}")["Status"] == "Login Succeeded"


def test_prune(client: Any) -> None:
    container = client.containers.run("busybox", "true", detach=True, labels={"old": "yes"})
    container.wait()
    assert client.containers.prune(filters={"label": "nope"})["ContainersDeleted"] is None
    assert client.containers.prune(filters={"label": "old=yes"})["ContainersDeleted"] == [container.id]
    client.networks.create("unused")
    assert client.networks.prune()["NetworksDeleted"] == ["unused"]
    client.volumes.create("named")
    assert client.volumes.prune()["VolumesDeleted"] is None
    assert client.volumes.prune(filters={"all": "true"})["VolumesDeleted"] == ["named"]
    assert client.images.prune()["SpaceReclaimed"] == 0
    assert client.api.prune_builds()["SpaceReclaimed"] == 0
