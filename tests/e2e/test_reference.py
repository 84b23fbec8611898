"""The oracles are held against the engine that they describe: Debian's dockerd, API 1.41.

Where dockerd's own answers differ from their description ours may too, and only there; and what dockerd says, we say, but for what is listed.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.test_serve_answers import Asker, everything
from tests.support import description
from tests.support.description import PACKAGED, Answer, described
from tests.support.dockerd import RegistryFiles, running_dockerd
from tests.support.registry import Registry
from tests.support.server import running_server
from tests.support.stateroot import state_root

ABSENT = {
    r"GET /containers/\{id\}/json HostConfig\.KernelMemory.*": "removed in 1.42, the kernel has no such limit any more",
    r"GET /containers/\{id\}/stats (cpu_stats|precpu_stats)\.cpu_usage\.percpu_usage.*": "cgroup v2 has none",
    r"GET /containers/\{id\}/stats memory_stats\.(max_usage|stats\..*)": "usage is given without the cache already",
    r"GET /containers/\{id\}/stats blkio_stats\..*\.\[\].*": "varies with what has been read so far",
    r"GET /images/\{name\}/json GraphDriver\.Data\..*": "directories of a container; an image has lower ones only",
    r"GET /images/\{name\}/json ContainerConfig\..*": "what the image's own configuration does not have",
    r"GET /containers/\{id\}/json HostConfig\.(MaskedPaths|ReadonlyPaths)\.\[\]": "null stands for the engine's own lists",
    r"GET /info (Kernel.*|BridgeNf.*|OSVersion|RegistryConfig\..*|Runtimes\..*)": "of dockerd's own set-up",
    r"GET /info (ContainerdCommit|RuncCommit|InitCommit|NFd|NGoroutines|NEventsListener).*": "there are no such programs in ours",
    r"GET /version (BuildTime|Experimental|Components\.\[\]\.Details\..*)": "of Go's build of dockerd",
    r"GET /networks.* Options\..*": "options of dockerd's bridge driver",
    r"POST /images/create progress.*|GET /containers/\{id\}/json ExecIDs\.\[\]": "varies with the moment",
    r"POST /(networks|containers)/prune .*|GET /info DriverStatus.*": "varies with what there is",
}
"""What dockerd says and we do not, and why."""


class Reference(Asker):
    """Asks dockerd, which has its own statuses in places; shapes are not looked at."""

    own = frozenset(
        (
            ("POST", "/containers/create", 501),
            *(("POST", "/images/create", status) for status in (400, 501)),
            ("POST", "/images/{name}/tag", 400),
            ("POST", "/containers/{id}/wait", 400),
            ("GET", "/swarm", 501),
        )
    )

    def __call__(self, method: str, route: str, status: int, query: str = "", body: Any = None, **place: str) -> Any:
        """See :class:`Asker`."""
        if (method, route, status) == ("GET", "/events", 400):
            return None  # it streams for ever
        found, kind, data = self.ask(method, route, query, body, **place)
        assert found == status or (method, route, status) in self.own, f"{method} {route}: {found}: {data.decode()}"
        return json.loads(data) if kind == "application/json" and data.count(b"\n") == 1 and found < 400 else data


@pytest.fixture(scope="module")
def theirs(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Answer]]:
    directory = tmp_path_factory.mktemp("reference")
    files = RegistryFiles(registry.host, registry.config)
    with running_dockerd(str(directory / "d"), files, ["--registry-mirror", registry.url]) as daemon:
        ask = Reference(daemon.socket, PACKAGED)
        ask("POST", "/images/create", 200, "fromImage=busybox&tag=latest")
        everything(ask)
        yield ask.answers


@pytest.fixture(scope="module")
def ours(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> list[Answer]:
    with state_root(str(tmp_path_factory.mktemp("ours") / "m"), registry.host, ["busybox"]) as root, running_server(root) as url:
        ask = Asker(url.removeprefix("unix://"), PACKAGED)
        everything(ask)
        return ask.answers


@pytest.fixture(scope="module", autouse=True)
def fetched() -> None:
    description.fetch()
    described.cache_clear()


def test_nulls_are_dockerd_s_too(theirs: list[Answer]) -> None:
    oracle = described(PACKAGED)
    assert oracle is not None
    seen = {f"{found.route} {found.place}" for answer in theirs for found in oracle.findings(answer) if found.fault == "is null"}
    alone = [null for null in description.NULL if not any(fnmatch.fnmatchcase(place, description.escaped(null)) for place in seen)]
    assert set(alone) <= {"GET /containers/{id}/json HostConfig.Binds", "POST /containers/prune ContainersDeleted"}, (
        "dockerd says something"
    )


def test_we_say_what_dockerd_says(theirs: list[Answer], ours: list[Answer]) -> None:
    said, wanted = _fields(ours), _fields(theirs)
    missing = [field for field in sorted(wanted) if field not in said and not any(re.fullmatch(pattern, field) for pattern in ABSENT)]
    assert not missing, "\n".join(missing)
    other = [
        f"{field}: {sorted(said[field])}, dockerd has {sorted(types)}"
        for field, types in sorted(wanted.items())
        if field in said and not said[field] & types and "NoneType" not in said[field] | types
    ]
    assert not other, "\n".join(other)
    assert len(wanted) > 400


def test_newer_descriptions_are_at_hand() -> None:
    """What a release of Debian that is out has can be had for good; what is to come may be without."""
    kept = description.kept()
    assert {PACKAGED, 45} <= set(kept)
    images = Answer(45, "GET", "/images/json", 200, "application/json", b"[{}]")
    older, newer = described(PACKAGED), described(45)
    assert older is not None and newer is not None and newer is not older
    assert any("VirtualSize" in found.fault for found in older.findings(images))
    assert not any("VirtualSize" in found.fault for found in newer.findings(images))
    assert "GET /images/json [].VirtualSize" not in older.strange(images._replace(body=b'[{"VirtualSize": 1}]'))
    assert [*newer.strange(images._replace(body=b'[{"Id": "", "Nope": 1, "Labels": {"a": "b"}}]'))] == ["GET /images/json [].Nope"]
    assert {description.nearest(kept, minor) for minor in (24, 41, 43)} == {PACKAGED} and description.nearest(kept, 45) == 45


def test_the_description_can_be_failed() -> None:
    oracle = described(PACKAGED)
    assert oracle is not None

    def faults(method: str, path: str, status: int, body: Any, kind: str = "application/json") -> list[str]:
        return [str(found) for found in oracle.findings(Answer(PACKAGED, method, path, status, kind, json.dumps(body).encode()))]

    good = {
        "Name": "v",
        "Driver": "local",
        "Mountpoint": "/m",
        "Labels": {},
        "Scope": "local",
        "Options": {},
        "CreatedAt": "2026-01-01T00:00:00Z",
    }
    assert faults("GET", "/volumes/v", 200, good) == []
    assert faults("GET", "/volumes/v", 200, {**good, "Labels": None}) == ["GET /volumes/{name} Labels: is null"]
    assert faults("GET", "/volumes/v", 200, {**good, "CreatedAt": "yesterday"}) != []
    assert faults("GET", "/volumes/v", 200, {**good, "Scope": "moon"}) != []
    assert faults("GET", "/volumes/v", 200, {key: value for key, value in good.items() if key != "Driver"}) != []
    assert faults("GET", "/volumes/v", 202, good) == ["GET /volumes/{name} : status 202 is not described"]
    assert faults("PATCH", "/volumes/v", 200, good) == ["PATCH /volumes/v : is not described"]
    assert faults("GET", "/volumes/v", 404, {"message": "no"}) == []
    assert faults("GET", "/volumes/v", 404, {"error": "no"}) != [] and faults("GET", "/volumes/v", 404, "no", "text/plain") != []


def _fields(answers: list[Answer]) -> dict[str, set[str]]:
    """Every field of every document, with the types that its values have; keys that are data are left out."""
    oracle = described(PACKAGED)
    assert oracle is not None
    found: dict[str, set[str]] = {}
    for answer in answers:
        if answer.status < 300 and answer.kind == "application/json" and answer.body:
            for document in description.documents(answer.body):
                _collect(document, oracle.route(answer), [], found)
    return found


def _collect(value: Any, route: str, place: list[str], found: dict[str, set[str]]) -> None:
    if place:
        found.setdefault(f"{route} {'.'.join(place)}", set()).add("number" if isinstance(value, int) else type(value).__name__)
    if isinstance(value, dict) and not (place and place[-1] in ("Labels", "Attributes")):
        for key, item in value.items():
            _collect(item, route, [*place, "*" if re.fullmatch(r"[0-9a-f]{64}|\d+/tcp|/.*", key) else key], found)
    elif isinstance(value, list):
        for item in value:
            _collect(item, route, [*place, "[]"], found)
