"""What is refused, and how: dockerd and ``longshore serve`` are asked the same, and answer with the same status and the same words.

dockerd is Debian's, API 1.41. Where ours differs, :data:`OTHER` says why; that row then names both answers' statuses.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from tests.e2e.test_serve_answers import Asker
from tests.support.description import PACKAGED
from tests.support.dockerd import RegistryFiles, running_dockerd
from tests.support.registry import Registry
from tests.support.server import running_server
from tests.support.stateroot import state_root


class Asked(NamedTuple):
    """A request that can not be met. ``route`` has the query in it."""

    method: str
    route: str
    body: Any = None

    def __str__(self) -> str:
        body = "" if self.body is None else f" {json.dumps(self.body)}"
        return f"{self.method} {self.route}{body}"


def _filters(**values: str) -> str:
    return "filters=" + quote(json.dumps({name.replace("_", "-"): [value] for name, value in values.items()}))


def _host(**fields: Any) -> dict[str, Any]:
    return {"Image": "busybox", "HostConfig": fields}


CREATE = "/containers/create"
HOSTS: tuple[dict[str, Any], ...] = (
    {"Memory": 1}, {"Memory": 10 << 20, "MemorySwap": 5 << 20}, {"MemorySwap": 10 << 20}, {"MemoryReservation": 1}, {"NanoCpus": -1}, {"NanoCpus": 1 << 50}, {"CpusetCpus": "x"}, {"CpusetCpus": "99999"},
    {"CpuPeriod": 1}, {"CpuQuota": 1}, {"CpuShares": -1}, {"PidsLimit": -5}, {"OomScoreAdj": 2000}, {"ShmSize": -1}, {"BlkioWeight": 5}, {"MemorySwappiness": 200}, {"KernelMemory": 1},
    {"RestartPolicy": {"Name": "nope"}}, {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 3}}, {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": -1}},
    {"RestartPolicy": {"Name": "always"}, "AutoRemove": True}, {"NetworkMode": "nope"}, {"NetworkMode": "container:nope"}, {"NetworkMode": "container:"}, {"IpcMode": "nope"}, {"IpcMode": "container:nope"}, {"PidMode": "nope"},
    {"PidMode": "container:nope"}, {"UTSMode": "nope"}, {"UsernsMode": "nope"}, {"CgroupnsMode": "nope"}, {"Binds": ["/nope"]}, {"Binds": ["/a:relative"]}, {"Binds": ["/a:/b:nope"]}, {"Binds": ["a b:/x"]}, {"Binds": ["/a:/"]},
    {"Binds": ["/tmp:/a", "/tmp:/a"]}, {"Mounts": [{"Type": "nope", "Target": "/a"}]}, {"Mounts": [{"Type": "bind", "Source": "/nope", "Target": "/a"}]}, {"Mounts": [{"Type": "bind", "Target": "/a"}]},
    {"Mounts": [{"Type": "bind", "Source": "/tmp"}]}, {"Mounts": [{"Type": "tmpfs", "Source": "x", "Target": "/a"}]}, {"Mounts": [{"Type": "volume", "Target": "relative"}]}, {"Tmpfs": {"/a": "nope=1"}}, {"Tmpfs": {"relative": ""}},
    {"VolumesFrom": ["nope"]}, {"VolumesFrom": ["ran:nope"]}, {"Links": ["nope:x"]}, {"CapAdd": ["NOPE"]}, {"CapDrop": ["NOPE"]}, {"SecurityOpt": ["nope"]}, {"SecurityOpt": ["seccomp=x"]}, {"SecurityOpt": ["nope=x"]},
    {"Sysctls": {"kernel.nope": "1"}}, {"Ulimits": [{"Name": "nope", "Soft": 1, "Hard": 1}]}, {"Ulimits": [{"Name": "nofile", "Soft": 2, "Hard": 1}]}, {"LogConfig": {"Type": "json-file", "Config": {"nope": "1"}}},
    {"LogConfig": {"Type": "json-file", "Config": {"max-size": "x"}}}, {"Runtime": "nope"}, {"Isolation": "hyperv"}, {"PortBindings": {"80/tcp": [{"HostPort": "x"}]}}, {"PortBindings": {"80/tcp": [{"HostPort": "99999"}]}}, {"PortBindings": {"x": []}},
    {"PortBindings": {"80/nope": [{"HostPort": "1"}]}}, {"PortBindings": {"80/tcp": [{"HostIp": "nope", "HostPort": "1"}]}}, {"ExtraHosts": ["nope"]}, {"Dns": ["nope"]}, {"Devices": [{"PathOnHost": "/nope", "PathInContainer": "/a", "CgroupPermissions": "x"}]},
    {"DeviceCgroupRules": ["nope"]}, {"GroupAdd": ["a b"]}, {"CgroupParent": "a b"}, {"Annotations": {"": "x"}},
)  # fmt: skip
"""Host configurations that are none."""
REFUSED = (
    *(Asked(*pair) for pair in (
        ("GET", "/containers/nope/json"), ("GET", "/containers/nope/top"), ("GET", "/containers/nope/logs?stdout=1"), ("GET", "/containers/nope/changes"),
        ("GET", "/containers/nope/stats?stream=0"), ("GET", "/containers/nope/export"), ("GET", "/containers/nope/archive?path=/"), ("GET", "/containers/ran/archive?path=/nope"),
        ("GET", "/containers/ran/archive"), ("GET", "/containers/runs/logs"), ("GET", "/containers/ran/top"), ("GET", "/containers/json?limit=x"), ("GET", "/containers/json?filters=x"),
        ("GET", f"/containers/json?{_filters(nope='x')}"), ("GET", f"/containers/json?{_filters(status='nope')}"), ("GET", f"/containers/json?{_filters(before='nope')}"),
        ("GET", f"/containers/json?{_filters(exited='x')}"), ("GET", f"/containers/json?{_filters(health='nope')}"), ("GET", f"/containers/json?{_filters(is_task='x')}"),
        ("POST", "/containers/nope/start"), ("POST", "/containers/nope/stop"), ("POST", "/containers/nope/restart"), ("POST", "/containers/nope/kill"), ("POST", "/containers/nope/pause"),
        ("POST", "/containers/nope/unpause"), ("POST", "/containers/nope/wait"), ("POST", "/containers/nope/attach?stream=1&stdout=1"), ("POST", "/containers/nope/resize?h=1&w=1"),
        ("POST", "/containers/nope/rename?name=x"), ("POST", "/containers/ran/rename?name=runs"), ("POST", "/containers/ran/rename?name=a%20b"), ("POST", "/containers/ran/rename"),
        ("POST", "/containers/ran/pause"), ("POST", "/containers/ran/unpause"), ("POST", "/containers/runs/unpause"), ("POST", "/containers/ran/kill"), ("POST", "/containers/runs/kill?signal=NOPE"),
        ("POST", "/containers/runs/resize?h=x&w=1"), ("POST", "/containers/ran/resize?h=1&w=1"), ("POST", "/containers/ran/wait?condition=nope"), ("POST", "/containers/runs/stop?t=x"),
        ("DELETE", "/containers/nope"), ("DELETE", "/containers/runs"), ("POST", f"/containers/prune?{_filters(nope='x')}"),
        ("GET", "/exec/nope/json"), ("POST", "/exec/nope/start", {}), ("POST", "/exec/nope/resize?h=1&w=1"), ("POST", "/containers/nope/exec", {"Cmd": ["true"]}),
        ("POST", "/containers/ran/exec", {"Cmd": ["true"]}), ("POST", "/containers/runs/exec", {}), ("POST", "/containers/nope/update", {}), ("POST", "/containers/runs/update", {"Memory": 1}),
        ("POST", "/containers/runs/update", {"RestartPolicy": {"Name": "nope"}}), ("POST", "/containers/runs/update", {"CpusetCpus": "99999"}),
        ("POST", f"{CREATE}?name=runs", {"Image": "busybox"}), ("POST", f"{CREATE}?name=a%20b", {"Image": "busybox"}), ("POST", f"{CREATE}?name=-x", {"Image": "busybox"}),
        ("POST", CREATE, {}), ("POST", CREATE, {"Image": "nope"}), ("POST", CREATE, {"Image": "NOPE"}), ("POST", CREATE, {"Image": "busybox", "StopSignal": "NOPE"}),
        ("POST", CREATE, {"Image": "busybox", "WorkingDir": "relative"}), ("POST", CREATE, {"Image": "busybox", "Env": ["=x"]}), ("POST", CREATE, {"Image": "busybox", "Hostname": "a b"}),
        ("POST", CREATE, {"Image": "busybox", "ExposedPorts": {"nope/tcp": {}}}), ("POST", CREATE, {"Image": "busybox", "Healthcheck": {"Interval": 1}}),
    )),
    *(Asked("POST", CREATE, _host(**fields)) for fields in HOSTS),
    *(Asked(*pair) for pair in (
        ("GET", "/images/nope/json"), ("GET", "/images/NOPE/json"), ("GET", "/images/nope/history"), ("GET", "/images/nope/get"), ("GET", "/images/get?names=nope"), ("GET", f"/images/json?{_filters(nope='x')}"),
        ("GET", f"/images/json?{_filters(dangling='x')}"), ("GET", f"/images/json?{_filters(before='nope')}"), ("GET", "/images/json?filters=x"), ("DELETE", "/images/nope"), ("DELETE", "/images/NOPE"), ("DELETE", "/images/busybox"),
        ("POST", "/images/nope/tag?repo=x"), ("POST", "/images/busybox/tag?repo=X"), ("POST", "/images/busybox/tag"), ("POST", "/images/busybox/tag?repo=x&tag=a%20b"), ("POST", "/images/create?fromImage=NOPE"), ("POST", "/images/create?fromImage=x&tag=a%20b"),
        ("POST", "/images/create?fromSrc=-&repo=X"), ("POST", f"/images/prune?{_filters(nope='x')}"), ("POST", f"/images/prune?{_filters(dangling='x')}"), ("POST", "/commit?container=nope"), ("POST", "/commit?container=ran&repo=X"),
        ("POST", "/commit?container=ran&changes=NOPE%20x"), ("POST", "/commit"), ("POST", "/images/nope/push"), ("GET", "/images/search"), ("GET", "/images/search?term=x&limit=1000"), ("POST", "/images/load"),
        ("GET", "/networks/nope"), ("DELETE", "/networks/nope"), ("DELETE", "/networks/bridge"), ("DELETE", "/networks/host"), ("DELETE", "/networks/lan"), ("GET", f"/networks?{_filters(nope='x')}"), ("GET", f"/networks?{_filters(dangling='x')}"),
        ("GET", f"/networks?{_filters(type='nope')}"), ("GET", "/networks?filters=x"), ("POST", "/networks/nope/connect", {"Container": "ran"}), ("POST", "/networks/lan/connect", {"Container": "nope"}), ("POST", "/networks/host/connect", {"Container": "runs"}),
        ("POST", "/networks/none/connect", {"Container": "runs"}), ("POST", "/networks/nope/disconnect", {"Container": "ran"}), ("POST", "/networks/lan/disconnect", {"Container": "nope"}), ("POST", "/networks/lan/disconnect", {"Container": "ran"}),
        ("POST", "/networks/lan/connect", {"Container": "ran", "EndpointConfig": {"IPAMConfig": {"IPv4Address": "nope"}}}), ("POST", "/networks/create", {}), ("POST", "/networks/create", {"Name": "lan", "CheckDuplicate": True}),
        ("POST", "/networks/create", {"Name": "host"}), ("POST", "/networks/create", {"Name": "bridge"}), ("POST", "/networks/create", {"Name": "a/b"}), ("POST", "/networks/create", {"Name": "x", "Driver": "host"}),
        ("POST", "/networks/create", {"Name": "x", "IPAM": {"Config": [{"Subnet": "nope"}]}}), ("POST", "/networks/create", {"Name": "x", "IPAM": {"Config": [{"Subnet": "10.232.9.0/24"}]}}),
        ("POST", "/networks/create", {"Name": "x", "IPAM": {"Config": [{"Subnet": "10.232.10.0/24", "Gateway": "10.9.9.9"}]}}), ("POST", f"/networks/prune?{_filters(nope='x')}"),
        ("GET", "/volumes/nope"), ("DELETE", "/volumes/nope"), ("DELETE", "/volumes/data"), ("POST", "/volumes/create", {"Name": "a/b"}), ("POST", "/volumes/create", {"Name": "x"}),
        ("POST", "/volumes/create", {"Name": "z", "DriverOpts": {"nope": "x"}}), ("POST", "/volumes/create", {"Name": "z", "DriverOpts": {"type": "tmpfs"}}), ("GET", f"/volumes?{_filters(nope='x')}"), ("GET", f"/volumes?{_filters(dangling='x')}"), ("GET", "/volumes?filters=x"),
        ("POST", f"/volumes/prune?{_filters(nope='x')}"), ("GET", f"/events?until=1&since=0&{_filters(type='x')}"), ("GET", "/events?since=x&until=1"), ("GET", "/system/df?type=nope"), ("GET", "/nope"), ("PUT", "/containers/json"), ("POST", "/containers/ran/copy", {}),
        ("POST", "/auth", {"serveraddress": "127.0.0.1:1", "username": "a", "password": "b"}), ("GET", "/distribution/NOPE/json"),
    )),
)  # fmt: skip


class Told(NamedTuple):
    """An answer: the status, and the words, with ids left out."""

    status: int
    words: str


FAULTS = "an error of the asker's, which dockerd calls one of its own; newer ones give it the same status as we"
EARLY = "dockerd finds it at the start, or never; it is refused where it is asked for"
OTHER: tuple[tuple[str, int, int, str], ...] = (
    (r"GET /containers/json.*|GET /(images/json|networks|events)\?.*|POST /containers/runs/stop\?t=x", 500, 400, FAULTS),
    (r"GET /containers/json\?.*before.*", 500, 404, FAULTS),
    (r"POST /containers/(ran|runs)/unpause", 500, 409, "the state forbids it, as pause of one that is paused"),
    (r"POST /networks/lan/disconnect .*", 500, 409, "the state forbids it"),
    (r"POST /containers/ran/wait\?condition=nope", 200, 400, "later ones look at it also where the container does not run"),
    (r'POST /containers/runs/update \{"Memory": 1\}', 400, 409, "what was set before is looked at first"),
    (r"POST /containers/create .*", 201, 400, EARLY),
    (r'POST /containers/create .*"NetworkMode": .*', 201, 404, EARLY),
    (r'POST /containers/create .*"(IpcMode|PidMode)": "container:nope".*', 400, 404, "what is missing is 404 everywhere"),
    (r'POST /containers/create .*"(Binds|SecurityOpt|Isolation)": .*', 500, 400, FAULTS),
    (r'POST /containers/create .*"KernelMemory": 1.*', 400, 201, "there is no such limit in newer kernels; it is left out"),
    (r"POST /(images/busybox/tag.*|commit\?container=ran&repo=X|networks/create .*)", 500, 400, FAULTS),
    (r"POST /networks/nope/(dis)?connect .*", 200, 404, "dockerd does not look where the container does not run"),
    (r"POST /networks/lan/connect .*", 200, 400, EARLY),
    (r"POST /networks/create .*", 201, 400, "what names may be is the same for everything"),
    (r"POST /images/nope/push", 400, 200, "newer ones want no header; the answer is a stream"),
    (r"GET /images/search", 500, 400, "nothing is searched for; dockerd asks the Hub"),
    (r"POST /images/load", 200, 400, "an archive that holds no image"),
    (r"GET /system/df\?type=nope", 200, 400, "asked for since 1.42"),
    (r"POST /auth .*", 500, 503, "the registry does not answer"),
)
"""Where our status is another: the requests, dockerd's, ours, and why."""

WORDS = (
    r"(GET|POST|DELETE) /(images|distribution|containers/create|commit).*NOPE.*|POST /images/create\?fromSrc=-&repo=X",
    r"POST /images/(create\?fromImage=x&tag|busybox/tag).*|GET /images/(nope/json|nope/get|get\?names=nope)|DELETE /images/busybox",
    r"GET /(containers/json|networks|volumes|images/json)\?.*|POST /containers/(runs/resize|ran/rename).*|GET /containers/ran/archive",
    r"POST /containers/nope/(kill|attach).*|DELETE /containers/runs|POST /commit|POST /containers/create \{\}|POST /containers/ran/copy .*",
    r'.*"(CpusetCpus|NetworkMode|Runtime|ExtraHosts|PortBindings)": .*|.*"Binds": \["a b:/x"\].*|POST /volumes/create .*',
)
"""Whose words differ: they say more, or say it as newer engines do."""


@pytest.fixture(scope="module")
def answers(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Told], list[Told]]:
    """What dockerd and what we say to each row of :data:`REFUSED`."""
    directory = tmp_path_factory.mktemp("refusals")
    files = RegistryFiles(registry.host, registry.config)
    with running_dockerd(str(directory / "d"), files, ["--registry-mirror", registry.url]) as daemon:
        ask = Asker(daemon.socket, PACKAGED)
        ask.ask("POST", "/images/create", "fromImage=busybox&tag=latest")
        theirs = _asked(ask)
    with state_root(str(directory / "m"), registry.host, ["busybox"]) as root, running_server(root) as url:
        ours = _asked(Asker(url.removeprefix("unix://"), PACKAGED))
        root.clean()
    return theirs, ours


def _asked(ask: Asker) -> list[Told]:
    ask.ask("POST", "/networks/create", body={"Name": "lan", "IPAM": {"Config": [{"Subnet": "10.232.9.0/24"}]}})
    ask.ask("POST", "/volumes/create", body={"Name": "data"})
    for name, command in (("runs", ["sleep", "1000"]), ("ran", ["true"])):
        ask.ask("POST", CREATE, f"name={name}", {"Image": "busybox", "Cmd": command, "HostConfig": {"Binds": ["data:/data"]}})
        ask.ask("POST", "/containers/{id}/start", id=name)
    ask.ask("POST", "/networks/lan/connect", body={"Container": "runs"})
    ask.ask("POST", "/containers/ran/wait")
    return [_told(ask, one) for one in REFUSED]


def _told(ask: Asker, one: Asked) -> Told:
    path, _, query = one.route.partition("?")
    status, kind, data = ask.ask(one.method, path, query, one.body)
    if status == 201 and path == CREATE:
        ask.ask("DELETE", f"/containers/{json.loads(data)['Id']}", "force=1")
    words = json.loads(data)["message"] if status >= 400 and kind == "application/json" else ""
    return Told(status, re.sub(r"[0-9a-f]{64}", "<id>", words).strip().lower())


def test_statuses_are_dockerd_s(answers: tuple[list[Told], list[Told]]) -> None:
    differing = [
        f"{asked}: dockerd {theirs}, ours {ours}"
        for asked, theirs, ours in zip(REFUSED, *answers, strict=True)
        if theirs.status != ours.status and not any(_fits(row, str(asked), theirs, ours) for row in OTHER)
    ]
    assert not differing, "\n".join(differing)


def test_every_difference_is_one(answers: tuple[list[Told], list[Told]]) -> None:
    asked = [(str(one), theirs, ours) for one, theirs, ours in zip(REFUSED, *answers, strict=True)]
    assert [row for row in OTHER if not any(_fits(row, *one) for one in asked)] == []


def test_words_are_dockerd_s(answers: tuple[list[Told], list[Told]]) -> None:
    differing = [
        f"{asked}: dockerd {theirs.words!r}, ours {ours.words!r}"
        for asked, theirs, ours in zip(REFUSED, *answers, strict=True)
        if theirs.status == ours.status and theirs.words != ours.words and not any(re.fullmatch(pattern, str(asked)) for pattern in WORDS)
    ]
    assert not differing, "\n".join(differing)


def _fits(row: tuple[str, int, int, str], asked: str, theirs: Told, ours: Told) -> bool:
    return (theirs.status, ours.status) == row[1:3] and re.fullmatch(row[0], asked) is not None
