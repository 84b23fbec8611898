"""Request bodies, and that what was asked for is read back from inspect."""

from __future__ import annotations

import json

from engine.dockerapi.create import encode_create, encode_exec, encode_exec_start
from engine.dockerapi.document import Document
from engine.dockerapi.host_config import decode_config, decode_host_config
from engine.dockerapi.networks import encode_connect, encode_disconnect
from engine.dockerapi.networks import encode_create as encode_network
from engine.model.containers import (
    ContainerConfig,
    Device,
    ExecConfig,
    HostConfig,
    Mount,
    PortBinding,
    RestartPolicy,
    ThrottleDevice,
    Ulimit,
    WeightDevice,
)
from engine.model.health import Healthcheck
from engine.model.networks import NetworkSpec, Subnet


def test_defaults_are_left_to_the_engine() -> None:
    assert json.loads(encode_create(ContainerConfig(image="x"), HostConfig())) == {"Image": "x", "HostConfig": {"NetworkMode": "default"}}


def test_an_empty_entrypoint_is_a_statement() -> None:
    body = json.loads(encode_create(ContainerConfig(image="x", entrypoint=(), cmd=(), stop_timeout=0), HostConfig()))
    assert (body["Entrypoint"], body["Cmd"], body["StopTimeout"]) == ([], [], 0)


def test_everything_comes_back() -> None:
    config = ContainerConfig(
        image="x",
        cmd=("a", "b"),
        entrypoint=("e",),
        env=("A=1",),
        user="1:2",
        working_dir="/w",
        hostname="h",
        domainname="d",
        labels={"k": "v"},
        tty=True,
        open_stdin=True,
        stdin_once=True,
        attach_stdin=True,
        attach_stdout=True,
        attach_stderr=True,
        exposed_ports=("53/udp", "80/tcp"),
        volumes=("/v",),
        stop_signal="SIGINT",
        stop_timeout=3,
        healthcheck=Healthcheck(test=("CMD", "x"), interval=1.5, timeout=2.0, start_period=3.0, start_interval=0.5, retries=4),
        shell=("/bin/ash", "-c"),
    )
    host = HostConfig(
        network_mode="net",
        port_bindings=(PortBinding(container_port=80, host_port=8080), PortBinding(container_port=53, protocol="udp", host_ip="127.0.0.1")),
        publish_all=True,
        mounts=(
            Mount(kind="bind", source="/s", target="/t", options=("rshared",), read_only=True, create_source=True),
            Mount(kind="volume", source="vol", target="/vol", options=("nocopy",)),
            Mount(kind="bind", source="/with:colon", target="/c", options=("rprivate",)),
            Mount(kind="volume", target="/anonymous", read_only=True),
        ),
        restart_policy=RestartPolicy(name="on-failure", max_retries=3),
        privileged=True,
        cap_add=("SYS_ADMIN",),
        cap_drop=("ALL",),
        security_opt=("no-new-privileges",),
        read_only_rootfs=True,
        init=True,
        dns=("1.1.1.1",),
        dns_search=("s",),
        dns_options=("o",),
        extra_hosts=("a:1.2.3.4",),
        group_add=("5",),
        pid_mode="host",
        ipc_mode="private",
        uts_mode="host",
        cgroupns_mode="private",
        shm_size=1,
        tmpfs={"/tmp": "size=1m"},
        sysctls={"net.x": "1"},
        ulimits=(Ulimit(name="nofile", soft=1, hard=2),),
        devices=(Device(path_on_host="/dev/a", path_in_container="/dev/b", permissions="r"),),
        memory=1,
        memory_swap=-1,
        memory_reservation=2,
        nano_cpus=3,
        cpu_shares=4,
        cpu_period=5,
        cpu_quota=6,
        cpuset_cpus="0",
        cpuset_mems="0",
        pids_limit=7,
        oom_score_adj=8,
        device_cgroup_rules=("c 1:* r",),
        volumes_from=("other:ro",),
        annotations={"a": "b"},
        cgroup_parent="/parent",
        userns_mode="host",
        log_driver="local",
        log_options={"max-size": "1m"},
        runtime="r",
        volume_driver="d",
        cpu_rt_period=9,
        cpu_rt_runtime=10,
        oom_kill_disable=True,
        memory_swappiness=0,
        blkio_weight=11,
        blkio_weight_device=(WeightDevice(path="/dev/a", weight=12),),
        device_read_bps=(ThrottleDevice(path="/dev/a", rate=13),),
        device_write_bps=(ThrottleDevice(path="/dev/a", rate=14),),
        device_read_iops=(ThrottleDevice(path="/dev/a", rate=15),),
        device_write_iops=(ThrottleDevice(path="/dev/a", rate=16),),
    )
    body = json.loads(
        encode_create(config, host.replace(network_aliases=("alias",), ipv4_address="10.0.0.5", mac_address="02:00:00:00:00:01"))
    )
    assert decode_config(Document(body)) == config
    assert decode_host_config(Document(body["HostConfig"])) == host
    assert body["NetworkingConfig"] == {"EndpointsConfig": {"net": {"Aliases": ["alias"], "IPAMConfig": {"IPv4Address": "10.0.0.5"}}}}
    assert body["MacAddress"] == "02:00:00:00:00:01"


def test_anonymous_volumes_and_tmpfs() -> None:
    mounts = (Mount(kind="volume", target="/a"), Mount(kind="tmpfs", target="/t", options=("size=1m",), read_only=True))
    body = json.loads(encode_create(ContainerConfig(image="x"), HostConfig(mounts=mounts)))
    assert body["Volumes"] == {"/a": {}} and body["HostConfig"]["Tmpfs"] == {"/t": "ro,size=1m"}
    assert "Mounts" not in body["HostConfig"] and "Binds" not in body["HostConfig"]


def test_exec_bodies() -> None:
    config = ExecConfig(cmd=("a",), tty=True, stdin=True, width=80, height=24)
    made = {"Cmd": ["a"], "Tty": True, "AttachStdin": True, "AttachStdout": True, "AttachStderr": True}
    assert json.loads(encode_exec(config)) == made
    assert json.loads(encode_exec_start(config)) == {"Detach": False, "Tty": True, "ConsoleSize": [24, 80]}
    assert json.loads(encode_exec(ExecConfig(cmd=("a",), detach=True, stdin=True))) == {"Cmd": ["a"]}


def test_bodies_for_joining_and_leaving() -> None:
    endpoint = {"IPAMConfig": {"IPv4Address": "10.0.0.5", "IPv6Address": "fd00::5"}, "Aliases": ["a"]}
    assert json.loads(encode_connect("c", "10.0.0.5", "fd00::5", ("a",))) == {"Container": "c", "EndpointConfig": endpoint}
    only = {"IPAMConfig": {"IPv6Address": "fd00::5"}}
    assert json.loads(encode_connect("c", "", "fd00::5", ())) == {"Container": "c", "EndpointConfig": only}
    assert json.loads(encode_connect("c", "", "", ())) == {"Container": "c", "EndpointConfig": {}}
    assert json.loads(encode_disconnect("c", force=True)) == {"Container": "c", "Force": True}


def test_network_bodies() -> None:
    spec = NetworkSpec(name="n", internal=True, subnets=(Subnet(subnet="10.0.0.0/24", gateway="10.0.0.1"),), labels={"a": "b"})
    assert json.loads(encode_network(spec)) == {
        "Name": "n",
        "Driver": "bridge",
        "CheckDuplicate": True,
        "Internal": True,
        "IPAM": {"Driver": "default", "Config": [{"Subnet": "10.0.0.0/24", "Gateway": "10.0.0.1"}]},
        "Labels": {"a": "b"},
    }
