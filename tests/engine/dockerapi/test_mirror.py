"""What our server writes, our client reads back as it was, and the other way round."""

from __future__ import annotations

import base64
import json
import stat
import time

import pytest

from engine.dockerapi import (
    auth,
    containers,
    create,
    execs,
    files,
    filters,
    frames,
    images,
    networks,
    requests,
    show,
    show_containers,
    show_images,
    show_stats,
    stats,
    system,
    times,
    volumes,
)
from engine.dockerapi.asked import AskedDocument
from engine.dockerapi.document import Document
from engine.errors import InvalidArgument, LongshoreError, NotSupported, Unauthorized
from engine.model.auth import Credentials
from engine.model.containers import (
    Container,
    ContainerConfig,
    ContainerExit,
    ContainerState,
    ContainerStatus,
    CreatedContainer,
    Device,
    DeviceRequest,
    Endpoint,
    EndpointOptions,
    ExecConfig,
    HostConfig,
    Mount,
    PortBinding,
    ProcessTable,
    PruneReport,
    RestartPolicy,
    ThrottleDevice,
    Ulimit,
    UpdateConfig,
    WeightDevice,
)
from engine.model.events import Event
from engine.model.files import Change, ChangeKind, PathStat
from engine.model.health import Healthcheck
from engine.model.images import Image, ImageLayer, LoadedImage, PullPhase, PullProgress, PushPhase, PushProgress, RemovedImage, SearchResult
from engine.model.networks import NetworkSpec, Subnet
from engine.model.stats import InterfaceStats, Stats, cpu_percent
from engine.model.streams import LogLine, Output, StreamName
from engine.model.system import DiskUsage
from engine.model.volumes import Volume, VolumeSpec

CONFIG = ContainerConfig(
    image="app:1",
    cmd=("sh", "-c", "x"),
    entrypoint=(),
    env=("A=b", "C="),
    user="1:2",
    working_dir="/w",
    hostname="h",
    domainname="d",
    labels={"a": "b"},
    tty=True,
    open_stdin=True,
    stdin_once=True,
    attach_stdin=True,
    attach_stdout=True,
    attach_stderr=True,
    exposed_ports=("53/udp", "80/tcp"),
    volumes=("/anon",),
    stop_signal="SIGINT",
    stop_timeout=0,
    healthcheck=Healthcheck(test=("CMD", "true"), interval=1.5, timeout=2, start_period=3, start_interval=0.5, retries=4),
    shell=("/bin/ash", "-c"),
)
HOST = HostConfig(
    network_mode="lan",
    port_bindings=(PortBinding(container_port=80, host_ip="127.0.0.1", host_port=8080), PortBinding(container_port=53, protocol="udp")),
    publish_all=True,
    mounts=(
        Mount(kind="bind", source="/src", target="/dst", read_only=True, options=("rshared",), create_source=True),
        Mount(kind="volume", source="vol", target="/vol", options=("nocopy",)),
        Mount(kind="image", source="tools:1", target="/whole", read_only=True),
        Mount(kind="image", source="tools:1", target="/part", read_only=True, subpath="a/b"),
        Mount(
            kind="bind", source="/must", target="/exist", read_only=True, options=("rprivate", "norecursive", "writable", "forcereadonly")
        ),
        Mount(
            kind="volume",
            source="new",
            target="/new",
            subpath="a/b",
            driver="local",
            driver_options={"type": "tmpfs"},
            labels={"c": "d"},
        ),
    ),
    restart_policy=RestartPolicy(name="on-failure", max_retries=3),
    auto_remove=True,
    privileged=True,
    cap_add=("NET_ADMIN",),
    cap_drop=("ALL",),
    security_opt=("no-new-privileges",),
    read_only_rootfs=True,
    init=True,
    dns=("1.1.1.1",),
    dns_search=("example",),
    dns_options=("ndots:2",),
    extra_hosts=("a:1.2.3.4",),
    links=("db:database", "cache"),
    group_add=("7",),
    pid_mode="host",
    ipc_mode="private",
    uts_mode="host",
    cgroupns_mode="private",
    shm_size=1 << 20,
    tmpfs={"/t": "size=1m"},
    sysctls={"net.ipv4.ip_forward": "1"},
    ulimits=(Ulimit(name="nofile", soft=1, hard=2),),
    devices=(Device(path_on_host="/dev/null", path_in_container="/dev/n", permissions="r"),),
    memory=1,
    memory_swap=2,
    memory_reservation=3,
    nano_cpus=4,
    cpu_shares=5,
    cpu_period=6,
    cpu_quota=7,
    cpuset_cpus="0",
    cpuset_mems="1",
    pids_limit=8,
    oom_score_adj=9,
    network_aliases=("alias",),
    ipv4_address="10.0.0.9",
    ipv6_address="fd00::9",
    volumes_from=("other:ro",),
    annotations={"x": "y"},
    device_cgroup_rules=("c 1:3 r",),
    cgroup_parent="/some",
    userns_mode="host",
    log_driver="json-file",
    log_options={"max-size": "1m"},
    runtime="longshore",
    volume_driver="local",
    cpu_rt_period=10,
    cpu_rt_runtime=11,
    oom_kill_disable=True,
    memory_swappiness=0,
    blkio_weight=12,
    blkio_weight_device=(WeightDevice(path="/dev/vda", weight=13),),
    device_read_bps=(ThrottleDevice(path="/dev/vda", rate=14),),
    device_write_bps=(ThrottleDevice(path="/dev/vda", rate=15),),
    device_read_iops=(ThrottleDevice(path="/dev/vda", rate=16),),
    device_write_iops=(ThrottleDevice(path="/dev/vda", rate=17),),
    mac_address="02:00:00:00:00:01",
    endpoint=EndpointOptions(link_local=("169.254.1.2",), gateway_priority=-7, driver={"a": "b"}),
    device_requests=(DeviceRequest(driver="d", count=-1, ids=("0",), capabilities=(("gpu", "compute"),), options={"x": "y"}),),
    storage_options={"size": "1G"},
    isolation="default",
    kernel_memory=18,
)


def document(body: bytes) -> Document:
    return Document(json.loads(body))


def test_every_setting_of_a_container_arrives() -> None:
    asked = requests.decode_create(document(create.encode_create(CONFIG, HOST)))
    for name, value in CONFIG.fields():
        if name != "exposed_ports":  # published ports are exposed too
            assert getattr(asked.config, name) == value, name
    assert set(CONFIG.exposed_ports) <= set(asked.config.exposed_ports)
    for name, value in HOST.fields():
        assert getattr(asked.host, name) == value, name
    assert asked.further == () and asked.warnings == ()
    assert not [name for name, value in HOST.fields() if value == HostConfig._fields[name]], "a field that this does not try"


def test_nothing_asked_for_is_docker_s_default() -> None:
    asked = requests.decode_create(document(create.encode_create(ContainerConfig(image="x"), HostConfig())))
    assert asked.config == ContainerConfig(image="x") and asked.host == HostConfig()
    sent: dict[str, object] = {  # what the docker command line sends of its own accord
        "Image": "x",
        "Cmd": None,
        "Entrypoint": None,
        "Env": [],
        "Labels": {},
        "ExposedPorts": {},
        "Volumes": {},
        "HostConfig": {
            "NetworkMode": "default",
            "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
            "LogConfig": {"Type": "", "Config": {}},
            "MemorySwappiness": -1,
            "OomKillDisable": False,
            "CgroupParent": "",
            "BlkioWeightDevice": [],
            "Devices": [],
            "DeviceCgroupRules": None,
            "DeviceRequests": None,
            "Links": None,
            "VolumesFrom": None,
            "MaskedPaths": None,
            "ReadonlyPaths": None,
            "ConsoleSize": [33, 111],
            "Init": None,
            "PidsLimit": 0,
        },
        "NetworkingConfig": {"EndpointsConfig": {"default": {"IPAMConfig": None, "Links": None, "Aliases": None, "MacAddress": ""}}},
    }
    again = requests.decode_create(Document(sent))
    assert (again.config, again.host, again.further, again.warnings) == (ContainerConfig(image="x"), HostConfig(), (), ())


def test_networks_of_a_new_container() -> None:
    endpoints = {"EndpointsConfig": {"one": {"Aliases": ["a"]}, "two": {"IPAMConfig": {"IPv4Address": "10.0.0.2"}}}}
    asked = requests.decode_create(Document({"Image": "x", "HostConfig": {"NetworkMode": "two"}, "NetworkingConfig": endpoints}))
    assert asked.host.network_mode == "two" and asked.host.ipv4_address == "10.0.0.2"
    assert asked.further == (Endpoint(network="one", aliases=("a",)),)
    asked = requests.decode_create(Document({"Image": "x", "NetworkingConfig": {"EndpointsConfig": {"only": {}}}}))
    assert asked.host.network_mode == "only" and not asked.further
    asked = requests.decode_create(Document({"Image": "x", "NetworkDisabled": True, "NetworkingConfig": endpoints}))
    assert asked.host.network_mode == "none" and not asked.further


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ({"CgroupnsMode": "shared"}, InvalidArgument),
        ({"Mounts": [{"Type": "npipe", "Target": "/x"}]}, InvalidArgument),
        ({"Mounts": [{"Type": "tmpfs", "Source": "x", "Target": "/x"}]}, InvalidArgument),
        ({"Mounts": [{"Type": "bind", "Target": "/x"}]}, InvalidArgument),
        ({"Mounts": [{"Type": "image", "Target": "/x"}]}, InvalidArgument),
        ({"Mounts": [{"Type": "volume"}]}, InvalidArgument),
        ({"PortBindings": {"x": [{}]}}, InvalidArgument),
        ({"PortBindings": {"80/tcp": [{"HostPort": "http"}]}}, InvalidArgument),
    ],
)
def test_what_the_container_could_not_be_is_refused(host: dict[str, object], kind: type[LongshoreError]) -> None:
    with pytest.raises(kind):
        requests.decode_create(Document({"Image": "x", "HostConfig": host}))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"Tty": "x"}, 'Tty must be true or false, not "x"'),
        ({"Labels": ["a"]}, 'Labels must be an object of strings, not ["a"]'),
        ({"Labels": {"a": 1}}, "Labels must be an object of strings, not 1"),
        ({"Env": [1]}, "Env must be an array of strings, not 1"),
        ({"ExposedPorts": 80}, "ExposedPorts must be an object, not 80"),
        ({"StopTimeout": True}, "StopTimeout must be a whole number, not true"),
        ({"HostConfig": "x"}, 'HostConfig must be an object, not "x"'),
        ({"HostConfig": {"Memory": "64m"}}, 'Memory must be a whole number, not "64m"'),
        ({"HostConfig": {"Memory": 1.5}}, "Memory must be a whole number, not 1.5"),
        ({"HostConfig": {"Memory": 1 << 64}}, "Memory must be a whole number of 64 bits, not 18446744073709551616"),
        ({"HostConfig": {"Privileged": 1}}, "Privileged must be true or false, not 1"),
        ({"HostConfig": {"Mounts": ["x"]}}, 'Mounts must be made of objects, not "x"'),
        ({"HostConfig": {"PortBindings": {"80/tcp": {}}}}, "PortBindings must be an object of arrays, not {}"),
        ({"HostConfig": {"RestartPolicy": []}}, "RestartPolicy must be an object, not []"),
        ({"NetworkingConfig": {"EndpointsConfig": {"lan": 1}}}, "EndpointsConfig must be made of objects, not 1"),
    ],
)
def test_a_wrong_type_is_no_absence(body: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        requests.decode_create(AskedDocument({"Image": "x", **body}))
    assert caught.value.message == f"invalid JSON: {says}"


def test_names_of_fields_are_taken_in_any_case_and_those_of_data_are_not() -> None:
    host = {"memory": 1, "portbindings": {"80/tcp": [{"hostport": "8080"}]}}
    asked = requests.decode_create(
        AskedDocument({"image": "x", "LABELS": {"Of": "1", "of": "2"}, "tty": False, "Tty": True, "hostConfig": host})
    )
    assert (asked.config.image, asked.config.labels, asked.config.tty) == ("x", {"Of": "1", "of": "2"}, True)
    assert (asked.host.memory, asked.host.port_bindings) == (1, (PortBinding(container_port=80, host_port=8080),))
    header = base64.urlsafe_b64encode(json.dumps({"Username": "anne", "PASSWORD": "p"}).encode()).decode()
    assert auth.decode_header(header) == Credentials(username="anne", password="p")


def test_ranges_of_host_ports() -> None:
    bindings = {"80/tcp": [{"HostIp": "", "HostPort": "8000-8010"}]}
    asked = requests.decode_create(AskedDocument({"Image": "x", "HostConfig": {"PortBindings": bindings}}))
    assert asked.host.port_bindings == (PortBinding(container_port=80, host_port=8000, host_last=8010),)
    assert json.loads(create.encode_create(asked.config, asked.host))["HostConfig"]["PortBindings"] == bindings


@pytest.mark.parametrize(
    ("host", "word"),
    [
        ({"MaskedPaths": []}, "masked"),
        ({"KernelMemoryTCP": 1 << 20}, "kernel memory limit"),
    ],
)
def test_what_does_not_hold_is_warned_of(host: dict[str, object], word: str) -> None:
    (warning,) = requests.decode_create(Document({"Image": "x", "HostConfig": host})).warnings
    assert word in warning


def test_execs() -> None:
    config = ExecConfig(cmd=("a", "b"), tty=True, stdin=True, env=("X=y",), user="u", working_dir="/w", privileged=True)
    asked = requests.decode_exec(document(create.encode_exec(config)))
    assert asked == config
    started = requests.decode_exec_start(document(create.encode_exec_start(config.replace(height=3, width=4))), asked)
    assert started == config.replace(height=3, width=4)
    assert requests.decode_exec_start(Document({"Detach": True}), asked).detach
    for state in (execs.ExecState(running=True, pid=7), execs.ExecState(running=False, exit_code=3), execs.ExecState(running=False)):
        assert execs.decode(json.dumps(execs.show("i" * 64, "c", config, state)).encode()) == state


def test_updates() -> None:
    config = UpdateConfig(
        memory=1,
        cpu_shares=2,
        cpuset_cpus="0",
        cpu_rt_period=3,
        cpu_rt_runtime=4,
        blkio_weight=5,
        pids_limit=-1,
        restart_policy=RestartPolicy(name="always"),
    )
    assert requests.decode_update(document(create.encode_update(config))) == config
    assert requests.decode_update(Document({})) == UpdateConfig()
    assert containers.decode_created(json.dumps(show_containers.updated(["careful"])).encode()).warnings == ("careful",)


@pytest.mark.parametrize("status", list(ContainerStatus))
def test_the_list_of_containers(status: ContainerStatus) -> None:
    now = time.time()
    running = status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED)
    ended = status in (ContainerStatus.EXITED, ContainerStatus.RESTARTING)
    shown = Container(
        id="c" * 64,
        name="web",
        image="app:1",
        image_id="sha256:" + "d" * 64,
        command="sh",
        created_at=1_700_000_000.0,
        state=ContainerState(
            status=status,
            exit_code=3 if ended else 0,
            started_at=now - 7200 if running else 0.0,
            finished_at=now - 7200 if ended else 0.0,
            health="healthy" if status is ContainerStatus.RUNNING else "",
        ),
        ports=(PortBinding(container_port=80, host_ip="127.0.0.1", host_port=8080), PortBinding(container_port=443)),
        labels={"a": "b"},
        mounts=(
            Mount(kind="volume", source="vol", target="/v", path="/var/vol", options=("z",)),
            Mount(kind="bind", source="/s", target="/b", path="/s", read_only=True),
            Mount(kind="image", source="tools:1", target="/i", read_only=True),
        ),
        networks=(
            Endpoint(network="lan", network_id="n", ip_address="10.0.0.2", prefix_length=24, gateway="10.0.0.1", mac_address="02:00"),
        ),
        size_rw=5,
        size_rootfs=6,
        annotations={"a": "b"},
    )
    (read,) = containers.decode_list(json.dumps(show_containers.listing([shown], now)).encode())
    assert read.state.started_at == pytest.approx(shown.state.started_at, abs=2)
    assert read.state.finished_at == pytest.approx(shown.state.finished_at, abs=2)
    assert read.state.health == shown.state.health and read.state.exit_code == shown.state.exit_code
    assert read.replace(state=shown.state) == shown


def test_small_answers_about_containers() -> None:
    made = CreatedContainer(id="x", warnings=("a",))
    assert containers.decode_created(json.dumps(show_containers.created(made)).encode()) == made
    for ended in (ContainerExit(exit_code=3), ContainerExit(exit_code=-1, error="gone")):
        assert containers.decode_exit(json.dumps(show_containers.ended(ended)).encode()) == ended
    table = ProcessTable(titles=("PID", "CMD"), rows=(("1", "sh"), ("2", "x y")))
    assert containers.decode_top(json.dumps(show_containers.top(table)).encode()) == table
    for report in (PruneReport(), PruneReport(removed=("a", "b"), space_reclaimed=7)):
        assert containers.decode_prune(json.dumps(show_containers.pruned(report)).encode()) == report


LAYER = "0123456789ab"


@pytest.mark.parametrize(
    "event",
    [
        PullProgress(phase=PullPhase.PULLING, layer="latest", detail="library/x"),
        *(
            PullProgress(phase=phase, layer=LAYER)
            for phase in (
                PullPhase.PULLING_LAYER,
                PullPhase.WAITING,
                PullPhase.VERIFYING,
                PullPhase.DOWNLOADED,
                PullPhase.COMPLETE,
                PullPhase.EXISTS,
            )
        ),
        PullProgress(phase=PullPhase.DOWNLOADING, layer=LAYER, current=5, total=10),
        PullProgress(phase=PullPhase.DOWNLOADING, layer=LAYER, current=5),
        PullProgress(phase=PullPhase.EXTRACTING, layer=LAYER, current=10, total=10),
        PullProgress(phase=PullPhase.RETRYING, layer=LAYER, detail="in 5 seconds"),
        PullProgress(phase=PullPhase.DIGEST, detail="sha256:" + "a" * 64),
        PullProgress(phase=PullPhase.STATUS, detail="Image is up to date for x:latest"),
    ],
    ids=lambda event: event.phase.name,
)
def test_pull_progress(event: PullProgress) -> None:
    assert images.decode_progress(Document(show_images.pull_line(event))) == event


@pytest.mark.parametrize(
    "event",
    [
        PushProgress(phase=PushPhase.REFERS, detail="docker.io/library/x"),
        PushProgress(phase=PushPhase.PREPARING, layer=LAYER),
        PushProgress(phase=PushPhase.PUSHING, layer=LAYER, current=5, total=10),
        PushProgress(phase=PushPhase.PUSHED, layer=LAYER),
        PushProgress(phase=PushPhase.EXISTS, layer=LAYER),
        PushProgress(phase=PushPhase.MOUNTED, layer=LAYER, detail="library/y"),
        PushProgress(phase=PushPhase.RETRYING, layer=LAYER, detail="in 5 seconds"),
        PushProgress(phase=PushPhase.SKIPPED, layer=LAYER),
        PushProgress(phase=PushPhase.DIGEST, layer="1", detail="sha256:" + "a" * 64, total=444),
    ],
    ids=lambda event: event.phase.name,
)
def test_push_progress(event: PushProgress) -> None:
    assert [read for line in show_images.push_lines(event) if (read := images.decode_push(Document(line)))] == [event]


def test_a_progress_bar_is_for_old_eyes() -> None:
    line = show_images.pull_line(PullProgress(phase=PullPhase.DOWNLOADING, layer=LAYER, current=500_000, total=1_000_000))
    assert line["progress"] == "[" + "=" * 25 + ">" + " " * 24 + "]    500kB/1MB"
    whole = show_images.pull_line(PullProgress(phase=PullPhase.DOWNLOADING, layer=LAYER, current=10, total=10))["progress"]
    assert whole.startswith("[" + "=" * 50 + "]")


def test_errors_in_a_stream() -> None:
    line = show_images.error_line(NotSupported("no"))
    assert line == {"errorDetail": {"code": 501, "message": "no"}, "error": "no"}
    assert "code" not in show_images.error_line(Unauthorized("who"))["errorDetail"], "clients have their own words for 401"


def test_lists_of_images() -> None:
    tagged = Image(id="sha256:" + "a" * 64, tags=("x:1",), digests=(f"x@sha256:{'b' * 64}",), created_at=9.0, size=7, labels={"a": "b"})
    dangling = Image(id="sha256:" + "c" * 64, created_at=8.0, shared_size=3, containers=2, parent_id="sha256:" + "d" * 64)
    for version in ((1, 24), (1, 43), (1, 51)):
        body = json.dumps(show_images.listing([tagged, dangling], version)).encode()
        assert list(images.decode_list(body)) == [tagged, dangling]
    assert show_images.listing([dangling], (1, 42))[0]["RepoTags"] == ["<none>:<none>"]
    layers = [ImageLayer(id="sha256:x", created_at=5.0, created_by="CMD", comment="c", size=3, tags=("x:1",)), ImageLayer()]
    assert list(images.decode_history(json.dumps(show_images.history(layers)).encode())) == layers
    removed = [RemovedImage(untagged="x:1"), RemovedImage(deleted="sha256:" + "a" * 64)]
    assert list(images.decode_removed(json.dumps(show_images.removed(removed)).encode())) == removed
    report = PruneReport(removed=("x:1", "sha256:" + "a" * 64), space_reclaimed=4)
    assert images.decode_prune(json.dumps(show_images.pruned(report)).encode()) == report
    results = [SearchResult(name="x", description="d", stars=3, official=True, automated=True)]
    assert list(images.decode_search(json.dumps(show_images.found(results)).encode())) == results
    loaded = [LoadedImage(reference="x:1", replaced="sha256:" + "a" * 64), LoadedImage(id="sha256:" + "b" * 64)]
    old, first, second = (line["stream"].strip() for line in show_images.loaded_lines(loaded))
    assert images.decode_replaced(old) == ("x:1", "sha256:" + "a" * 64)
    assert images.decode_loaded(first) == LoadedImage(reference="x:1") and images.decode_loaded(second) == loaded[1]


def test_credentials() -> None:
    for shown in (Credentials(username="u", password="p+/="), Credentials(identity_token="t"), Credentials(registry_token="r")):
        assert auth.decode_header(images.encode_auth(shown)) == shown
        assert auth.decode_header(images.encode_auth(shown).rstrip("=")) == shown
    packed = base64.b64encode(b"u:p:q").decode()
    assert auth.decode_header(base64.urlsafe_b64encode(json.dumps({"auth": packed}).encode()).decode()) == Credentials(
        username="u", password="p:q"
    )
    for broken in ("", "{", "e30", "e30=", "!!!", "bnVsbA=="):
        assert auth.decode_header(broken).anonymous
    body = document(system.encode_login("docker.io", Credentials(username="u", password="p")))
    assert auth.registry_of(body) == "docker.io" and auth.decode(body) == Credentials(username="u", password="p")
    assert auth.registry_of(Document({"serveraddress": "http://127.0.0.1:5000/v2/"})) == "127.0.0.1:5000"
    kept = auth.login_answer(Credentials(identity_token="t"))
    assert system.decode_login(json.dumps(kept).encode(), Credentials(username="u", password="p")).identity_token == "t"


def test_networks() -> None:
    spec = NetworkSpec(
        name="n",
        driver="bridge",
        internal=True,
        attachable=True,
        enable_ipv6=True,
        subnets=(Subnet(subnet="10.0.0.0/24", gateway="10.0.0.1", ip_range="10.0.0.0/25", auxiliary={"e": "10.0.0.9"}),),
        options={"a": "b"},
        labels={"c": "d"},
        enable_ipv4=False,
        scope="global",
        ingress=True,
        ipam_driver="other",
        ipam_options={"f": "g"},
        config_only=True,
        config_from="h",
    )
    assert networks.decode_create(document(networks.encode_create(spec))) == spec
    container, place = networks.decode_connect(document(networks.encode_connect("c", "10.0.0.2", "fd00::2", ["x"])))
    assert (container, place.requested_ip, place.requested_ipv6, place.aliases) == ("c", "10.0.0.2", "fd00::2", ("x",))
    report = PruneReport(removed=("a",))
    assert networks.decode_prune(json.dumps(networks.encode_prune(report)).encode()) == report


def test_volumes_and_disk_usage() -> None:
    spec = VolumeSpec(name="v", options={"type": "tmpfs"}, labels={"a": "b"})
    assert volumes.decode_create(document(volumes.encode_create(spec))) == spec
    volume = Volume(name="v", mountpoint="/m", created_at=9.0, labels={"a": "b"})
    volume = volume.replace(raw=show.volume(volume))
    (read,) = volumes.decode_list(json.dumps(volumes.encode_list([volume])).encode())
    assert read.replace(raw="") == volume.replace(raw="")
    image = Image(id="sha256:" + "a" * 64, tags=("x:1",), size=10, shared_size=4, containers=1)
    usage = DiskUsage(images=(image,), volumes=(volume.replace(size=7, users=0),), layers_size=10)
    found = system.decode_usage(json.dumps(system.encode_usage(usage, [], (1, 51))).encode())
    assert found.images == (image,) and found.layers_size == 10
    assert [(volume.size, volume.users) for volume in found.volumes] == [(7, 0)]
    assert {item.kind: (item.total, item.size, item.reclaimable) for item in found.items}["Local Volumes"] == (1, 7, 7)


def test_events() -> None:
    event = Event(kind="container", action="die", id="c", time=1_700_000_000_123_456_789, attributes={"exitCode": "3", "image": "x"})
    shown = show.event(event)
    assert system.decode_event(Document(shown)) == event
    assert (shown["status"], shown["id"], shown["from"], shown["time"]) == ("die", "c", "x", 1_700_000_000)
    assert "status" not in show.event(Event(kind="network", action="create", id="n", time=1))


def test_statistics() -> None:
    before = Stats(
        container_id="c", name="web", read_at=99.0, cpu_total=1_000, cpu_user=600, cpu_kernel=400, system_total=10_000, online_cpus=2
    )
    now = before.replace(
        read_at=100.0,
        cpu_total=3_000,
        system_total=20_000,
        memory_usage=5,
        memory_limit=50,
        interfaces=(
            InterfaceStats(
                name="eth0", rx_bytes=1, rx_packets=2, rx_errors=3, rx_dropped=4, tx_bytes=5, tx_packets=6, tx_errors=7, tx_dropped=8
            ),
            InterfaceStats(name="eth1", rx_bytes=9),
        ),
        block_read=3,
        block_write=4,
        pids=6,
        pids_limit=7,
    )
    assert (now.network_rx, now.network_tx) == (10, 5)
    expected = now.replace(cpu_percent=cpu_percent(now, before))
    assert stats.decode(Document(show_stats.document(now, before))) == expected and expected.cpu_percent == 40.0
    assert stats.decode(Document(show_stats.document(now, None))) == now
    stopped = Stats(container_id="c", name="web")
    assert stats.decode(Document(show_stats.document(stopped, None))) == stopped


def test_files() -> None:
    for mode in (
        *(stat.S_IFREG | 0o644, stat.S_IFDIR | 0o1777, stat.S_IFLNK | 0o777, stat.S_IFREG | 0o6755),
        *(stat.S_IFCHR | 0o666, stat.S_IFBLK | 0o660, stat.S_IFIFO | 0o600, stat.S_IFSOCK | 0o755),
    ):
        shown = PathStat(name="ü", size=3, mode=mode, mtime=1_700_000_000.5, link_target="/x" if stat.S_ISLNK(mode) else "")
        assert files.decode_stat(files.encode_stat(shown)) == shown
    assert files.encode_mode(stat.S_IFDIR | 0o755) == 2147484141 and files.encode_mode(stat.S_IFLNK | 0o777) == 134218239
    changes = [Change(path="/a", kind=ChangeKind.MODIFIED), Change(path="/a/b", kind=ChangeKind.ADDED)]
    assert files.decode_changes(json.dumps(files.encode_changes(changes)).encode()) == changes
    assert files.encode_changes([]) is None


def test_a_commit_s_configuration_as_instructions() -> None:
    body = {
        "Cmd": ["a", 'b "c"'],
        "Env": ["A=b c", 'D="e'],
        "Labels": {"k v": "w"},
        "ExposedPorts": {"80/tcp": {}},
        "User": "u",
        "WorkingDir": "/w",
    }
    lines = files.instructions(Document(body))
    assert 'CMD ["a", "b \\"c\\""]' in lines and 'ENV A="b c"' in lines and 'LABEL "k v"="w"' in lines
    assert "EXPOSE 80/tcp" in lines and "USER u" in lines and "WORKDIR /w" in lines
    assert files.instructions(Document({"Cmd": None, "Labels": None})) == []


def test_filters() -> None:
    wanted = {"label": ("a=b", "c"), "name": ("x",)}
    assert filters.decode(filters.encode(wanted)) == wanted
    assert filters.decode('{"label":{"a=b":true,"c":true,"off":false},"name":{"x":true}}') == wanted
    assert filters.decode("") == {}


def test_output_and_log_lines() -> None:
    pieces = [Output(stream=StreamName.STDOUT, data=b"out"), Output(stream=StreamName.STDERR, data=b"err\n")]
    for tty in (False, True):
        encoder, decoder = frames.OutputEncoder(tty), frames.OutputDecoder(tty)
        sent = b"".join(encoder.encode(piece.stream, piece.data) for piece in pieces)
        assert list(decoder.feed(sent)) == (pieces if not tty else [Output(stream=StreamName.STDOUT, data=b"outerr\n")])
    lines = [
        LogLine(time=1_700_000_000_000_000_000, stream=StreamName.STDOUT, data=b"one\n"),
        LogLine(time=1_700_000_000_120_000_000, stream=StreamName.STDERR, data=b"2026-01-01T00:00:00Z looks like a stamp\n"),
    ]
    for tty in (False, True):
        encoder = frames.OutputEncoder(tty)
        read = frames.LogDecoder(tty).feed(b"".join(map(encoder.line, lines)))
        assert [(line.time, line.data) for line in read] == [(line.time, line.data) for line in lines]
    assert times.fixed(1_700_000_000_120_000_000) == "2023-11-14T22:13:20.120000000Z"
