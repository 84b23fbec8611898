"""Images with all their platforms from the command line, and single platforms through the docker command line too."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from engine.store.blobs import Blobs
from tests.support import images
from tests.support.registry import Registry
from tests.support.server import running_server
from tests.support.stateroot import StateRoot

TYPES = ", ".join((images.MANIFEST, images.INDEX))
PLATFORMS = {
    f"linux/{name}": images.ImageSource((images.busybox_layer(), images.tar_of([("p", name.encode(), 0o644)])), {}, architecture=name)
    for name in ("amd64", "arm64")
}


@pytest.fixture(scope="module")
def index(registry: Registry) -> str:
    return images.push_index(registry.url, "library/multi:latest", PLATFORMS)


@pytest.fixture
def multi(longshore: StateRoot, registry: Registry, index: str) -> Iterator[str]:
    """The name under which the image with all its platforms is here, one that can be pushed."""
    longshore.out("pull", "-q", "--all-platforms", "multi")
    name = f"{registry.host}/pushed:v1"
    longshore.out("tag", "multi", name)
    yield name
    longshore("rmi", "multi", name)


def digest(registry: Registry, name: str) -> str:
    repository, _, tag = name.partition(":")
    answer = httpx.get(f"{registry.url}/v2/{repository}/manifests/{tag}", headers={"Accept": TYPES}, trust_env=False)
    return images.digest(answer.raise_for_status().content)


def test_whole_and_by_platform(longshore: StateRoot, registry: Registry, index: str, multi: str, tmp_path: Path) -> None:
    assert [line.split()[0] for line in longshore.out("images", "--format", "{{.Repository}}").splitlines()].count("multi") == 1
    assert longshore.out("run", "--rm", "multi", "cat", "/p") == "amd64"
    assert longshore.out("push", "--all-platforms", multi).splitlines()[-1].startswith(f"v1: digest: {index} size: ")
    assert digest(registry, "pushed:v1") == index
    longshore.out("push", "--platform", "linux/arm64", multi)
    assert digest(registry, "pushed:v1") == images.pack(PLATFORMS["linux/arm64"]).digest
    longshore.out("save", "--all-platforms", "-o", str(tmp_path / "all.tar"), "multi")
    longshore.out("rmi", "multi", multi)
    assert longshore.out("load", "-i", str(tmp_path / "all.tar")) == "Loaded image: multi:latest\n"
    longshore.out("tag", "multi", multi)
    longshore.out("push", "-q", "--all-platforms", multi)
    assert digest(registry, "pushed:v1") == index
    both = longshore("push", "--all-platforms", "--platform", "linux/arm64", multi)
    assert (both.returncode, both.stderr) == (1, "Error: conflicting options: platform and all platforms\n"), both.stderr


def test_a_check_misses_what_is_gone(longshore: StateRoot, multi: str, index: str) -> None:
    (layer,) = set(json.loads(images.pack(PLATFORMS["linux/arm64"]).manifest)["layers"][1]["digest"].split())
    whole = longshore("system", "check")
    assert whole.returncode == 0, whole.stdout
    Blobs(longshore.roots).delete(layer)
    done = longshore("system", "check")
    assert done.returncode == 1
    told = f"image multi:latest: of its platform linux/arm64 blob {layer} is missing\n  `longshore pull --all-platforms multi:latest` brings it again"
    assert told in done.stdout
    assert "Status: Image is up to date" in longshore.out("pull", "--all-platforms", "multi")
    assert longshore("system", "check").returncode == 0


def test_docker_chooses_a_platform(longshore: StateRoot, registry: Registry, multi: str, tmp_path: Path) -> None:
    with running_server(longshore) as url:

        def docker(*words: str) -> subprocess.CompletedProcess[str]:
            environment = {**os.environ, "DOCKER_CONFIG": str(tmp_path)}
            return subprocess.run(
                ["docker", "--host", url, *words], capture_output=True, text=True, timeout=120, env=environment, check=False
            )

        pushed = docker("push", "--platform", "linux/arm64", multi)
        assert pushed.returncode == 0, pushed.stderr
        assert digest(registry, "pushed:v1") == images.pack(PLATFORMS["linux/arm64"]).digest
        saved = docker("save", "--platform", "linux/arm64", "-o", str(tmp_path / "one.tar"), "multi")
        assert saved.returncode == 0, saved.stderr
        refused = docker("push", "--platform", "linux/s390x", multi)
        assert refused.returncode == 1 and "for the platform linux/s390x is here" in refused.stderr
    config = subprocess.run(
        ["skopeo", "inspect", "--config", "--raw", f"docker-archive:{tmp_path}/one.tar"], capture_output=True, check=True
    )
    assert json.loads(config.stdout)["architecture"] == "arm64"
