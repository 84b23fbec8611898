"""``system prune`` beside docker's, and its preview: what is announced is what goes, and how much."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.cli.conftest import Docker, fetch
from tests.cli.test_parity import masked
from tests.support.registry import Registry
from tests.support.stateroot import StateRoot

Run = Callable[..., str]


def _fill(run: Callable[..., object]) -> None:
    """A container that ended, with a volume, and a network; a container that runs in another; a dangling image and one with a name."""
    run("network", "create", "unused")
    run("network", "create", "used")
    run("run", "-d", "--name", "runs", "--network", "used", "-v", "named:/n", "-v", "/anonymous", "busybox", "sleep", "1000")
    run(
        "run",
        "--name",
        "ended",
        "-l",
        "keep=1",
        "-v",
        "/v",
        "busybox",
        "sh",
        "-c",
        "head -c 3000 /dev/zero >/v/f; head -c 2000 /dev/zero >/f",
    )
    run("commit", "ended")
    run("run", "--name", "more", "-v", "free:/v", "busybox", "sh", "-c", "head -c 5000 /dev/urandom >/f")
    run("commit", "more", "layered:1")


def _empty(run: Callable[..., object]) -> None:
    run("rm", "-f", "-v", "runs", "ended", "more")
    run("system", "prune", "-f", "--volumes")
    run("rmi", "layered:1")
    run("volume", "rm", "named", "free")
    run("network", "rm", "used")


@pytest.fixture(scope="module", autouse=True)
def _hello_world(registry: Registry, machine: StateRoot, docker: Docker) -> Iterator[None]:
    """Away while images are pruned here, and back for the tests of other modules."""
    for engine in (machine, docker):
        assert engine("rmi", "-f", "hello-world").returncode == 0
    yield
    machine.out("pull", "hello-world")
    fetch(docker, registry, "hello-world")


@pytest.fixture
def both(longshore: StateRoot, docker: Docker) -> Iterator[tuple[StateRoot, Docker]]:
    for engine in (longshore, docker):
        _fill(engine)
    yield longshore, docker
    for engine in (longshore, docker):
        _empty(engine)


def test_what_goes_is_what_docker_removes(both: tuple[StateRoot, Docker]) -> None:
    found = []
    for engine in both:
        kept = engine("system", "prune", "-f", "--filter", "label!=keep")
        assert kept.returncode == 0, kept.stderr
        done = engine("system", "prune", "-f", "-a")
        assert done.returncode == 0, done.stderr
        left = [
            engine(*line.split()).stdout
            for line in ("ps -a --format {{.Names}}", "network ls -f type=custom --format {{.Name}}", "images --format {{.Repository}}")
        ]
        found.append((_shape(kept.stdout), _shape(done.stdout), left))
    assert found[0] == found[1]
    assert {"Deleted Containers:", "Deleted Images:", "untagged: layered:1", "deleted: sha256:<id>"} <= set(found[0][1])


def _shape(text: str) -> list[str]:
    """The report without sizes, which count compressed blobs here, and without the order and number of ids: docker tells layers too."""
    return sorted(set(re.sub(r"Total reclaimed space: .*", "Total", masked(text)).split("\n")))


@pytest.fixture(params=["embedded", "docker"])
def front(request: pytest.FixtureRequest, longshore: StateRoot, docker: Docker) -> Iterator[Callable[..., str]]:
    """``longshore`` on its own engine, and on a dockerd, both filled."""
    command = longshore.command
    if request.param == "docker":
        url = docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").stdout.strip()
        command = [sys.executable, "-m", "engine.cli", "-H", url]

    def done(*words: str, input: str = "") -> subprocess.CompletedProcess[str]:
        argv, env = [*command, *words], longshore.environment
        return subprocess.run(argv, input=input, capture_output=True, text=True, timeout=120, env=env, check=False)

    def run(*words: str, input: str = "") -> str:
        found = done(*words, input=input)
        assert found.returncode == 0, found.stderr
        return found.stdout

    _fill(run)
    yield run
    _empty(done)


def test_the_preview_tells_what_goes_and_how_much(front: Run) -> None:
    volumes = set(front("volume", "ls", "-q").split())
    shown = front("system", "prune", "-a", "--volumes", input="n\n")
    assert set(front("volume", "ls", "-q").split()) == volumes and "ended" in front("ps", "-a")
    assert "\n  - all anonymous volumes not used by at least one container\n" in shown
    parts = dict(re.findall(r"^(\w+) \(\d+(?:, [\d.]+k?M?B)?\):\n((?:  .*\n)+)", shown, re.MULTILINE))
    assert set(parts["Containers"].split()) == {"ended", "more"} and parts["Networks"].split() == ["unused"]
    assert len(parts["Volumes"].split()) == 1 and set(parts["Volumes"].split()) < volumes - {"named", "free"}
    images = parts["Images"].split()
    assert "layered:1" in images and "busybox:latest" not in images
    freed = re.search(r"^This frees (.*)\.$", shown, re.MULTILINE)
    done = front("system", "prune", "-a", "--volumes", input="y\n")
    assert freed and f"Total reclaimed space: {freed[1]}\n" in done
    for kind in ("Containers", "Networks", "Volumes", "Images"):
        assert f"Deleted {kind}:\n" in done
    assert front("ps", "-a", "--format", "{{.Names}}") == "runs\n" and "used" in front("network", "ls")
    assert "There is nothing to remove." in front("system", "prune", "-a", "--volumes")


def test_the_preview_follows_filters(front: Run) -> None:
    shown = front("system", "prune", "--filter", "label=keep=1", input="")
    assert "  Items to be pruned will be filtered with:\n  - label=keep=1\n" in shown
    assert "Containers (1, 2kB):\n  ended\n" in shown and "more" not in shown and "Networks" not in shown
    shown = front("container", "prune", "--filter", "label!=keep", input="n\n")
    assert "Containers (1, 5kB):\n  more\n" in shown and "ended" not in shown


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("system prune -f --filter bogus=1", "invalid filter 'bogus'"),
        ("system prune -f --volumes --filter until=1h", 'The "until" filter is not supported with "--volumes"'),
        ("system prune --filter until=nonsense", 'failed to parse value as time or duration: "nonsense"'),
    ],
)
def test_refusals(longshore: StateRoot, docker: Docker, line: str, words: str) -> None:
    for done in (longshore(*line.split()), docker(*line.split(), "-f")):
        assert done.returncode == 1 and words.lower() in done.stderr.lower()


def test_nothing_is_asked_of_the_engine_before_a_forced_prune(longshore: StateRoot) -> None:
    assert longshore.out("system", "prune", "-f") == "Total reclaimed space: 0B\n"


def test_df_by_template(both: tuple[StateRoot, Docker]) -> None:
    form = "{{range .Images}}{{.Repository}} {{.Containers}},{{end}}{{range .Containers}}{{.Names}} {{.LocalVolumes}} {{.Size}},{{end}}"
    ours, theirs = (engine("system", "df", "-v", "--format", form).stdout for engine in both)
    assert sorted(ours.strip().split(",")) == sorted(theirs.strip().split(",")) and "ended 1 2kB" in ours
    ours_json, theirs_json = (json.loads(engine("system", "df", "-v", "--format", "json").stdout) for engine in both)
    assert list(ours_json) == list(theirs_json)
    missing = {"VirtualSize", "Platform", "Availability", "Group", "Status"}  # deprecated, of newer engines, or of Swarm
    for kind, rows in theirs_json.items():
        for mine, other in zip(ours_json[kind], rows, strict=True):
            assert set(other) - set(mine) <= missing
