"""Decoders: what engines of several ages and makers send, and what nobody should send."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dockerapi import containers, document, execs, failures, images, networks, show, show_container, stats, system, times, volumes
from engine.errors import (
    Conflict,
    CorruptData,
    EngineFault,
    ExecutableNotFound,
    InvalidArgument,
    LongshoreError,
    NotExecutable,
    NotFound,
    PullDenied,
    StartFailed,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from engine.model.auth import Credentials
from engine.model.containers import ContainerStatus, Endpoint, PortBinding
from engine.model.images import PullPhase
from engine.model.networks import Network, NetworkMember, Subnet

DECODERS: list[Callable[[bytes], Any]] = [
    containers.decode_list,
    containers.decode_details,
    containers.decode_created,
    containers.decode_exit,
    containers.decode_top,
    containers.decode_prune,
    execs.decode,
    images.decode_list,
    images.decode_details,
    images.decode_history,
    images.decode_removed,
    images.decode_prune,
    networks.decode_list,
    networks.decode_details,
    networks.decode_created,
    networks.decode_prune,
    volumes.decode_list,
    volumes.decode_details,
    volumes.decode_prune,
    system.decode_info,
    system.decode_version,
    system.decode_usage,
    lambda body: stats.decode(document.load_document(body)),
    lambda body: system.decode_event(document.load_document(body)),
    lambda body: images.decode_progress(document.load_document(body)),
]
FIELDS = (
    "Id ID Name Names State Status Ports Labels Mounts NetworkSettings Networks HostConfig Config Env Cmd Entrypoint Created Size RepoTags "
    "RepoDigests Containers IPAM Options Volumes UsageData StatusCode Error ExitCode Running Pid Titles Processes Actor Attributes time timeNano "
    "Images LayersSize BuildCache cpu_stats precpu_stats memory_stats blkio_stats networks progressDetail status id RootFS Layers PortBindings"
).split()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=3), inner, max_size=6),
    max_leaves=20,
)


@pytest.mark.parametrize("decode", DECODERS)
@settings(max_examples=25, deadline=None)
@given(value=JSON)
def test_strange_answers_read_as_empty(decode: Callable[[bytes], Any], value: Any) -> None:
    decode(json.dumps(value).encode())


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 100_000, b'{"a":', b"\xff"])
def test_what_is_not_json_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(CorruptData, match="not JSON"):
        containers.decode_list(body)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 200)))
def test_lines_survive_every_cut(places: list[int]) -> None:
    data = b'{"a":"1"}\r\n\n{"a":"\\n"}\n{"a":"3"}'
    lines, found, start = document.Lines(), [], 0
    for end in (*sorted(place % len(data) for place in places), len(data)):
        found += [item.text("a") for item in lines.feed(data[start:end])]
        start = end
    assert [*found, *(item.text("a") for item in lines.finish())] == ["1", "\n", "3"]


def test_a_line_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "LINE_LIMIT", 1000)
    lines = document.Lines()
    with pytest.raises(CorruptData, match="longer than"):
        for _ in range(200):
            list(lines.feed(b"x" * 10))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-01T12:00:00Z", 1714564800_000000000),
        ("2024-05-01T12:00:00.5Z", 1714564800_500000000),
        ("2024-05-01T12:00:00.123456789Z", 1714564800_123456789),
        ("2024-05-01T14:00:00.000000001+02:00", 1714564800_000000001),
        ("2024-05-01 05:30:00-06:30", 1714564800_000000000),
        ("0001-01-01T00:00:00Z", 0),
        ("2024-13-41T99:99:99Z", 0),
        ("", 0),
    ],
)
def test_times(text: str, expected: int) -> None:
    assert times.nanoseconds(text) == expected


def test_times_of_a_query_keep_every_nanosecond() -> None:
    assert times.query(1714564800_000000001) == "1714564800.000000001"


@pytest.mark.parametrize(
    ("state", "status", "expected"),
    [
        ("running", "Up 5 minutes (healthy)", (ContainerStatus.RUNNING, 0, "healthy", 300)),
        ("running", "Up About a minute (health: starting)", (ContainerStatus.RUNNING, 0, "starting", 60)),
        ("running", "Up Less than a second", (ContainerStatus.RUNNING, 0, "", 0)),
        ("paused", "Up 2 hours (Paused)", (ContainerStatus.PAUSED, 0, "", 7200)),
        ("exited", "Exited (137) About an hour ago", (ContainerStatus.EXITED, 137, "", 3600)),
        ("restarting", "Restarting (1) 3 seconds ago", (ContainerStatus.RESTARTING, 1, "", 3)),
        ("created", "Created", (ContainerStatus.CREATED, 0, "", None)),
        ("stopped", "Exited (0) 2 weeks ago", (ContainerStatus.EXITED, 0, "", 1209600)),
        ("strange", "", (ContainerStatus.CREATED, 0, "", None)),
    ],
)
def test_the_list_tells_states_in_words(state: str, status: str, expected: tuple[ContainerStatus, int, str, int | None]) -> None:
    import time

    now = time.time()
    (row,) = containers.decode_list(json.dumps([{"Id": "1", "Names": ["/a/b", "/a"], "State": state, "Status": status}]).encode())
    kind, code, health, age = expected
    assert (row.name, row.state.status, row.state.exit_code, row.state.health) == ("a", kind, code, health)
    moment = row.state.started_at or row.state.finished_at
    assert moment == 0 if age is None else abs(now - age - moment) < 60


def test_ports_of_the_list_and_of_inspect_are_the_same() -> None:
    row = [{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}, {"PrivatePort": 53, "Type": "udp"}]
    (listed,) = containers.decode_list(json.dumps([{"Ports": row}]).encode())
    ports = {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "53/udp": None}
    shown = containers.decode_details(json.dumps({"NetworkSettings": {"Ports": ports}}).encode()).container
    expected = (
        PortBinding(container_port=53, protocol="udp"),
        PortBinding(container_port=80, host_ip="0.0.0.0", host_port=8080),
    )
    assert listed.ports == shown.ports == expected


def test_podmans_names_become_dockers() -> None:
    body = [{"Id": "a" * 64, "RepoTags": ["docker.io/library/busybox:latest", "localhost/x:1", "<none>:<none>"], "Created": 5}]
    (image,) = images.decode_list(json.dumps(body).encode())
    assert (image.id, image.tags, image.created_at) == ("sha256:" + "a" * 64, ("busybox:latest", "localhost/x:1"), 5.0)


STATS = {
    "id": "c1",
    "name": "/box",
    "read": "2024-05-01T12:00:00Z",
    "pids_stats": {"current": 4, "limit": 18446744073709551615},
    "cpu_stats": {"cpu_usage": {"total_usage": 3_000, "percpu_usage": [1, 2]}, "system_cpu_usage": 20_000},
    "precpu_stats": {"cpu_usage": {"total_usage": 1_000}, "system_cpu_usage": 10_000},
    "memory_stats": {"usage": 1000, "limit": 4000, "stats": {"total_inactive_file": 300, "inactive_file": 100}},
    "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": 5}, {"op": "write", "value": 7}, {"op": "Total", "value": 12}]},
    "networks": {"eth0": {"rx_bytes": 1, "tx_bytes": 2}, "eth1": {"rx_bytes": 10, "tx_bytes": 20}},
}


def test_stats_are_summed_as_docker_does() -> None:
    sample = stats.decode(document.Document(STATS))
    assert (sample.container_id, sample.name, sample.read_at) == ("c1", "box", 1714564800.0)
    assert sample.cpu_percent == pytest.approx(40.0) and sample.online_cpus == 2
    assert (sample.memory_usage, sample.memory_percent) == (700, 17.5)
    assert (sample.network_rx, sample.network_tx, sample.block_read, sample.block_write) == (11, 22, 5, 7)
    assert (sample.pids, sample.pids_limit) == (4, 0)


def test_stats_of_cgroup_2_and_of_a_first_sample() -> None:
    second = {**STATS, "memory_stats": {"usage": 1000, "stats": {"inactive_file": 100}}, "precpu_stats": {}}
    sample = stats.decode(document.Document(second))
    assert (sample.memory_usage, sample.memory_percent, sample.cpu_percent) == (900, 0.0, 0.0)
    small = {**STATS, "memory_stats": {"usage": 50, "stats": {"total_inactive_file": 300}}}
    assert stats.decode(document.Document(small)).memory_usage == 50


def test_events_of_docker_and_podman() -> None:
    docker = {"Type": "container", "Action": "die", "Actor": {"ID": "c", "Attributes": {"exitCode": "1"}}, "timeNano": 1_500, "time": 0}
    event = system.decode_event(document.Document(docker))
    assert event and (event.kind, event.action, event.id, event.time, dict(event.attributes)) == (
        "container",
        "die",
        "c",
        1500,
        {"exitCode": "1"},
    )
    podman = system.decode_event(document.Document({**docker, "Action": "died", "timeNano": 0, "time": 2}))
    assert podman and (podman.action, podman.time) == ("die", 2_000_000_000)
    assert system.decode_event(document.Document({})) is None


@pytest.mark.parametrize(
    ("line", "phase", "layer", "current", "detail"),
    [
        ({"status": "Pulling from library/x", "id": "latest"}, PullPhase.PULLING, "latest", 0, "library/x"),
        ({"status": "Pulling fs layer", "progressDetail": {}, "id": "0123456789ab"}, PullPhase.PULLING_LAYER, "0123456789ab", 0, ""),
        ({"status": "Downloading", "progressDetail": {"current": 5, "total": 9}, "id": "a"}, PullPhase.DOWNLOADING, "a", 5, ""),
        ({"status": "Retrying in 5 seconds", "id": "a"}, PullPhase.RETRYING, "a", 0, "in 5 seconds"),
        ({"status": "Digest: sha256:00"}, PullPhase.DIGEST, "", 0, "sha256:00"),
        ({"status": "Status: Image is up to date for x:latest"}, PullPhase.STATUS, "", 0, "Image is up to date for x:latest"),
    ],
)
def test_progress_of_a_pull(line: dict[str, Any], phase: PullPhase, layer: str, current: int, detail: str) -> None:
    progress = images.decode_progress(document.Document(line))
    assert progress and (progress.phase, progress.layer, progress.current, progress.detail) == (phase, layer, current, detail)


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (404, {"message": "No such container: x"}, NotFound, "No such container: x"),
        (409, {"message": "in use"}, Conflict, "in use"),
        (500, {"cause": "container state improper", "message": "no", "response": 500}, Conflict, "no"),
        (500, {"cause": "disk on fire", "message": "bad", "response": 500}, EngineFault, "bad"),
        (418, {}, InvalidArgument, "GET /x failed (HTTP status 418)"),
    ],
)
def test_failures(status: int, body: dict[str, Any], kind: type[LongshoreError], text: str) -> None:
    error = failures.failure(status, json.dumps(body).encode(), "GET /x failed")
    assert (type(error), error.message) == (kind, text)
    assert failures.failure(502, b"<html>bad gateway</html>\n", "").message == "<html>bad gateway</html>"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("pull access denied for x, repository does not exist or may require 'docker login'", PullDenied),
        ("toomanyrequests: You have reached your pull rate limit", TooManyRequests),
        ("unauthorized: authentication required", Unauthorized),
        ("something else", EngineFault),
    ],
)
def test_failures_of_a_pull(text: str, kind: type[LongshoreError]) -> None:
    line = document.Document({"errorDetail": {"message": text}, "error": text})
    assert type(failures.pull_failure(failures.pull_error(line))) is kind


def test_failures_of_a_start() -> None:
    fault = EngineFault("crun: it did not work")
    assert type(failures.start_failure(fault, 127)) is ExecutableNotFound
    assert type(failures.start_failure(fault, 126)) is NotExecutable
    assert type(failures.start_failure(fault, 128)) is StartFailed
    assert type(failures.start_failure(EngineFault('exec: "x": executable file not found in $PATH'), 0)) is ExecutableNotFound
    refused = InvalidArgument("user specified IP address is supported on user defined networks only")
    assert failures.start_failure(refused, 128) is refused


def test_credentials_go_into_one_header() -> None:
    import base64

    header = images.encode_auth(Credentials(username="me", password="ö~?>"))
    assert json.loads(base64.urlsafe_b64decode(header)) == {"username": "me", "password": "ö~?>"}


def test_disk_usage_is_summed_as_docker_does() -> None:
    usage = {
        "LayersSize": 1000,
        "Images": [{"Size": 600, "SharedSize": 100, "Containers": 1}, {"Size": 500, "SharedSize": 100, "Containers": 0}],
        "Containers": [{"SizeRw": 10, "State": "running"}, {"SizeRw": 5, "State": "exited"}, {"State": "created"}],
        "Volumes": [
            {"UsageData": {"Size": 7, "RefCount": 1}},
            {"UsageData": {"Size": 9, "RefCount": 0}},
            {"UsageData": {"Size": -1, "RefCount": -1}},
        ],
        "BuildCache": [{"Size": 3, "InUse": True}, {"Size": 4}, {"Size": 100, "Shared": True}],
    }
    items = system.decode_usage(json.dumps(usage).encode()).items
    assert [(item.total, item.active, item.size, item.reclaimable) for item in items] == [
        (2, 1, 1000, 500),
        (3, 1, 15, 5),
        (3, 1, 16, 9),
        (3, 1, 7, 4),
    ]


def test_a_network_of_both_families_is_read_as_it_is_shown() -> None:
    place = Endpoint(
        network="six",
        network_id="n" * 64,
        ip_address="172.18.0.2",
        prefix_length=16,
        gateway="172.18.0.1",
        global_ipv6_address="fd00:77::2",
        global_ipv6_prefix_length=64,
        ipv6_gateway="fd00:77::1",
        mac_address="02:42:ac:12:00:02",
        requested_ipv6="fd00:77::2",
    )
    subnets = (Subnet(subnet="172.18.0.0/16", gateway="172.18.0.1"), Subnet(subnet="fd00:77::/64", gateway="fd00:77::1"))
    member = NetworkMember(container_id="c" * 64, container_name="web", endpoint=place.replace(requested_ipv6=""))
    network = Network(id="n" * 64, name="six", enable_ipv6=True, subnets=subnets, members=(member,))
    read = networks.decode_details(show.network(network).encode())
    assert (read.enable_ipv6, read.subnets, read.members) == (True, subnets, (member,))
    assert containers.decode_endpoint("six", document.Document(show_container.endpoint_settings(place))) == place


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ("reading manifest 1 in r:5/x: manifest unknown: manifest unknown", NotFound, "manifest for r:5/x:1 not found: manifest unknown"),
        ("reading manifest 1 in r:5/x: name unknown: repository name not known", NotFound, "manifest for r:5/x:1 not found: name unknown"),
        ("reading manifest 1 in r:5/x: requested access to the resource is denied", PullDenied, "pull access denied for r:5/x, "),
        ("reading manifest 1 in r:5/x: unauthorized: authentication required", Unauthorized, "unauthorized: authentication required"),
        (
            'pinging container registry r:5: Get "https://r:5/v2/": dial tcp: refused',
            Unavailable,
            'Get "https://r:5/v2/": dial tcp: refused',
        ),
        ("something else", EngineFault, "initializing source docker://r:5/x:1: something else"),
    ],
)
def test_podman_s_words_about_a_registry_become_docker_s(answer: str, kind: type[LongshoreError], words: str) -> None:
    found = failures.pull_failure(EngineFault(f"initializing source docker://r:5/x:1: {answer}"))
    assert type(found) is kind and found.message.startswith(words)
