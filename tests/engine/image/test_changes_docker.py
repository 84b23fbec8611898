"""``--change`` held against a real dockerd: the same config, or a refusal in the same words, for every row of a table."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engine.errors import InvalidArgument
from engine.image.changes import apply, over
from tests.engine.image.change_table import ROWS
from tests.support.dockerd import running_dockerd

_KEYS = (
    "User",
    "Env",
    "Cmd",
    "Entrypoint",
    "WorkingDir",
    "Labels",
    "ExposedPorts",
    "Volumes",
    "StopSignal",
    "Healthcheck",
    "OnBuild",
    "Shell",
)
_BASE = """ENV PATH=/bin BASE=/base PORT=99
CMD ["old","cmd"]
LABEL base=l
WORKDIR /base/dir
EXPOSE 7
VOLUME /bv
USER bu
HEALTHCHECK --interval=7s --retries=4 CMD base"""
_NEWER = ("STOPSIGNAL", "HEALTHCHECK --start-interval")
"""What dockerd 20.10 does not know yet."""

Config = dict[str, Any]


class Docker:
    """A dockerd that commits and imports."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        with io.BytesIO() as buffer:
            with tarfile.open(fileobj=buffer, mode="w") as tar:
                tar.addfile(tarfile.TarInfo("file"))
            self._archive = buffer.getvalue()
        self.base = self._import(_BASE)["status"]

    def _import(self, change: str) -> Config:
        headers = {"Content-Type": "application/x-tar"}
        answer = self._client.post("/images/create", params={"fromSrc": "-", "changes": change}, content=self._archive, headers=headers)
        found: Config = httpx.Response(200, content=answer.text.strip().split("\n")[-1]).json()
        return found

    def imported(self, change: str) -> Config | str:
        """The config of an image imported with a change, or why there is none."""
        answer = self._import(change)
        return self._config(answer["status"]) if "status" in answer else str(answer.get("error") or answer["message"])

    def create(self, **settings: Any) -> str:
        """A container of the base image."""
        return str(self._client.post("/containers/create", json={"Image": self.base, **settings}).json()["Id"])

    def committed(self, container: str, change: str | None = None) -> Config | str:
        """The config of a container's image with a change, or why there is none."""
        answer = self._client.post(
            "/commit", params={"container": container, "pause": "0", **({} if change is None else {"changes": change})}
        )
        return self._config(answer.json()["Id"]) if answer.status_code == 201 else str(answer.json()["message"])

    def _config(self, image: str) -> Config:
        config = self._client.get(f"/images/{image}/json").json()["Config"]
        self._client.delete(f"/images/{image}")
        return {key: config[key] for key in _KEYS if config.get(key)}


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    with running_dockerd(str(tmp_path_factory.mktemp("changes") / "d")) as daemon:
        transport = httpx.HTTPTransport(uds=daemon.socket)
        with httpx.Client(transport=transport, base_url="http://docker", timeout=60) as client:
            yield Docker(client)


def ours(own: Config, change: str) -> Config | str:
    """What we make of a change, or why we do not."""
    try:
        return {key: value for key, value in over(apply(own, [change]), own).items() if value}
    except InvalidArgument as error:
        return error.message


def same(mine: Config | str, other: Config | str) -> bool:
    """The same config, or the same words but for capitals."""
    if isinstance(mine, str) and isinstance(other, str):
        return mine.lower() == other.lower()
    return mine == other


def differing(rows: list[str], own: Config, theirs: dict[str, Config | str]) -> dict[str, tuple[Config | str, Config | str]]:
    """Rows with what came out here and there, where that is not the same."""
    found = {row: (ours(own, row), theirs[row]) for row in rows}
    return {row: pair for row, pair in found.items() if not same(*pair)}


_ROWS = [row for row in ROWS if not row.startswith(_NEWER)]


def test_import(docker: Docker) -> None:
    assert differing(_ROWS, {}, {row: docker.imported(row) for row in _ROWS}) == {}


@pytest.mark.parametrize("entrypoint", [[], ["own", "entry"]], ids=["image", "entrypoint"])
def test_commit(docker: Docker, entrypoint: list[str]) -> None:
    container = docker.create(**({"Entrypoint": entrypoint} if entrypoint else {}))
    own = docker.committed(container)
    assert isinstance(own, dict) and own["Env"][1] == "BASE=/base"
    meant = ("CMD", "ENTRYPOINT") if entrypoint else ("CMD", "ENTRYPOINT", "ENV", "USER", "WORKDIR", "HEALTHCHECK", "LABEL")
    rows = [row for row in _ROWS if row.upper().startswith(meant) or ("$" in row and not entrypoint)]
    assert differing(rows, own, {row: docker.committed(container, row) for row in rows}) == {}


def test_what_is_newer_is_known_here() -> None:
    assert ours({}, "STOPSIGNAL SIGRTMIN+3") == {"StopSignal": "SIGRTMIN+3"}
    assert ours({"Env": ["SIG=INT"]}, "STOPSIGNAL $SIG") == {"Env": ["SIG=INT"], "StopSignal": "INT"}
    for signal in ("NOPE", "99", "00019999", "0", "-1", "9 9", "RTMIN+99"):
        assert ours({}, f"STOPSIGNAL {signal}") == f"invalid signal: {signal}"
    assert ours({}, "HEALTHCHECK --start-interval=5s CMD x") == {
        "Healthcheck": {"Test": ["CMD-SHELL", "x"], "StartInterval": 5_000_000_000}
    }
    assert ours({"Shell": ["/bin/bash", "-lc"]}, "CMD x")["Cmd"] == ["/bin/bash", "-lc", "x"]  # type: ignore[index]
