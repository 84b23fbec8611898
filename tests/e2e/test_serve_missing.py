"""What answers 501 is what README lists, and every refusal in the sources has its place in that list."""

from __future__ import annotations

import ast
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from engine.server.router import compiled
from engine.server.routes import MISSING, ROUTES
from engine.server.routes.swarm import NOUNS
from tests.e2e.test_serve_answers import Asker
from tests.support import description
from tests.support.registry import Registry
from tests.support.server import running_server
from tests.support.stateroot import StateRoot, state_root

ROOT = Path(__file__).parents[2]


class Ask(NamedTuple):
    """A request that is refused."""

    method: str
    path: str
    query: str = ""
    body: Any = None


def _container(**host: Any) -> Ask:
    return Ask("POST", "/containers/create", body={"Image": "busybox", "HostConfig": host})


def _network(**more: Any) -> Ask:
    return Ask("POST", "/networks/create", body={"Name": "lan", **more})


def _volume(**more: Any) -> Ask:
    return Ask("POST", "/volumes/create", body={"Name": "data", **more})


NOTIFIES = json.dumps({"defaultAction": "SCMP_ACT_NOTIFY"})

LISTED: dict[str, tuple[Ask, ...]] = {
    "building": tuple(Ask("POST", path) for path in ("/build", "/build/cancel", "/session", "/grpc")),
    "checkpoints": (
        Ask("GET", "/containers/quiet/checkpoints"),
        Ask("POST", "/containers/quiet/checkpoints", body={"CheckpointID": "x"}),
        Ask("DELETE", "/containers/quiet/checkpoints/x"),
    ),
    "plugins": (
        *(Ask("GET", f"/plugins/{path}") for path in ("x/json", "privileges")),
        *(Ask("POST", f"/plugins/{path}") for path in ("pull", "create", "x/enable", "x/disable", "x/push", "x/upgrade", "x/set")),
        Ask("DELETE", "/plugins/x"),
    ),
    "Swarm mode": (
        *(Ask("GET", f"/{noun}") for noun in NOUNS),
        *(Ask("POST", f"/swarm/{verb}", body={}) for verb in ("init", "join", "leave", "unlock", "update")),
        *(Ask("GET", f"/{noun}/x/logs", "stdout=1") for noun in ("services", "tasks")),
        *(Ask("POST", f"/{noun}/create", body={}) for noun in ("services", "secrets", "configs")),
        Ask("PUT", "/volumes/x", body={}),
        _volume(ClusterVolumeSpec={"Group": "x"}),
    ),
    "networks": (
        *(_network(Driver=driver) for driver in ("macvlan", "ipvlan", "overlay")),
        *(_network(**more) for more in ({"Scope": "global"}, {"ConfigOnly": True}, {"EnableIPv4": False})),
        *(_network(**more) for more in ({"IPAM": {"Options": {"a": "b"}}}, {"Options": {"com.docker.network.bridge.nothing": "1"}})),
        Ask("POST", "/networks/bridge/connect", body={"Container": "quiet", "EndpointConfig": {"Links": ["x:y"]}}),
    ),
    "volumes": (_volume(DriverOpts={"size": "10m"}),),
    "containers": (_container(DeviceRequests=[{"Count": -1}]), _container(SecurityOpt=[f"seccomp={NOTIFIES}"])),
    "images": (Ask("POST", "/images/create", "fromSrc=" + quote("http://127.0.0.1:1/x.tar")),),
    "logs": (Ask("GET", "/containers/quiet/logs", "stdout=1"),),
    "what the host lacks": (),
}
"""Rows of README's table, each with requests that it is about. What a host lacks is shown where a test can take it away."""

REFUSALS = {
    "engine/server/router.py": "building",  # and whatever else is in engine/server/routes/missing.py
    "engine/server/routes/streams.py": "logs",
    "engine/server/routes/images.py": "images",
    "engine/server/routes/networks.py": "networks",
    "engine/server/routes/swarm.py": "Swarm mode",
    "engine/runtime/seccomp/__init__.py": "containers",
    "engine/runtime/spec.py": "containers",
    "engine/network/records.py": "networks",
    "engine/network/plan.py": "networks",
    "engine/network/ports.py": "what the host lacks",
    "engine/image/documents.py": "images",
    "engine/image/compression.py": "images",
    "engine/image/load.py": "images",
    "engine/backends/embedded/top.py": "what the host lacks",
    "engine/backends/embedded/engine.py": "Swarm mode",
    "engine/backends/embedded/local_volumes.py": "volumes",
    "engine/backends/embedded/logs.py": "logs",
    "engine/backends/embedded/checks.py": "containers",
    "engine/dockerapi/volumes.py": "Swarm mode",
}
"""Modules that refuse, and the row that tells it."""

ELSEWHERE = (
    "engine/backends/docker",
    "engine/backends/fleet",
    "engine/cli",
    "engine/oci",
    "engine/rootless",
    "engine/errors.py",
    "engine/host",
)
"""Whose refusals no client of the served embedded engine meets."""


@pytest.fixture(scope="module")
def served(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StateRoot, str]]:
    with state_root(str(tmp_path_factory.mktemp("missing") / "m"), registry.host, ["busybox"]) as root, running_server(root) as url:
        root.out("create", "--name", "quiet", "--log-driver", "none", "busybox", "true")
        yield root, url.removeprefix("unix://")


@pytest.mark.parametrize("row", [row for row, asks in LISTED.items() if asks])
def test_what_is_listed_answers_501_with_a_sentence(served: tuple[StateRoot, str], row: str) -> None:
    ask = Asker(served[1], 51)
    for method, path, query, body in LISTED[row]:
        status, kind, data = ask.ask(method, path, query, body)
        assert (status, kind) == (501, "application/json"), f"{method} {path} {body}: {status}: {data.decode()}"
        assert len(json.loads(data)["message"].split()) > 3, data
    ask.answers.clear()


def test_archives_of_another_time_are_refused(served: tuple[StateRoot, str]) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("repositories"))
    done = served[0]("load", input=packed.getvalue().decode("latin-1"))
    assert done.returncode == 1 and "docker before 1.10" in done.stderr


def test_readme_has_these_rows() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("| not served | |\n|---|---|\n")[2].partition("\n\n")[0]
    assert [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()] == list(LISTED)


def test_every_missing_route_is_asked_for() -> None:
    asked = [(one.method, one.path) for asks in LISTED.values() for one in asks]
    for missing in MISSING:
        pattern = compiled(missing.pattern)
        assert any(missing.method in ("*", method) and pattern.fullmatch(path) for method, path in asked), missing.pattern


def test_every_route_that_is_described_is_answered_or_listed() -> None:
    description.fetch()
    description.described.cache_clear()
    oracle = description.described(description.PACKAGED)
    assert oracle is not None
    routes = list(oracle.routes())
    assert len(routes) > 100
    for method, path in routes:
        asked = path
        for place in ("{id}", "{name}", "{exec}", "{checkpoint}"):
            asked = asked.replace(place, "x")
        known = [route.pattern for route in ROUTES if route.method == method] + [
            one.pattern for one in MISSING if one.method in ("*", method)
        ]
        assert any(compiled(pattern).fullmatch(asked) for pattern in known), f"{method} {path}"


def test_every_refusal_has_its_row() -> None:
    assert set(REFUSALS.values()) <= set(LISTED)
    found = {path for path in map(_named, ROOT.glob("engine/**/*.py")) if not path.startswith(ELSEWHERE) and _refuses(ROOT / path)}
    assert found == set(REFUSALS)


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _refuses(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    if "NotSupported" not in text:
        return False
    raised = (node.exc for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Raise) and node.exc is not None)
    return any(isinstance(part, ast.Name) and part.id == "NotSupported" for one in raised for part in ast.walk(one))
