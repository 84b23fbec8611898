"""Images with all their platforms from the command line, and single platforms through the docker command line too."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.connect import connect
from engine.dockerapi import show_images
from engine.model.images import ImageManifest
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


def test_one_platform_is_looked_at(longshore: StateRoot, multi: str) -> None:
    shown = {}
    for platform in ("linux/amd64", "arm64"):
        form = "{{.Architecture}} {{.Id}} {{.RepoTags}}"
        architecture, identity, *tags = longshore.out("image", "inspect", "--platform", platform, "-f", form, "multi").split()
        assert architecture == platform.rpartition("/")[2] and sorted(tag.strip("[]") for tag in tags) == sorted([multi, "multi:latest"])
        assert longshore.out("history", "-q", "--no-trunc", "--platform", platform, "multi").splitlines()[0] == identity
        shown[architecture] = identity
    assert shown["amd64"] == longshore.out("image", "inspect", "-f", "{{.Id}}", "multi").strip() != shown["arm64"]
    assert shown["arm64"] == json.loads(images.pack(PLATFORMS["linux/arm64"]).manifest)["config"]["digest"]
    for words in (("image", "inspect"), ("history",), ("rmi",)):
        for name in ("multi", "busybox"):
            refused = longshore(*words, "--platform", "linux/s390x", name)
            told = f"Error: image with reference {name}:latest was found but does not provide the specified platform (linux/s390x)\n"
            assert refused.returncode == 1 and refused.stderr.startswith(told), refused
            assert ("it is here for linux/amd64, linux/arm64;" if name == "multi" else "it is here for linux/amd64;") in refused.stderr
    refused = longshore("image", "inspect", "--platform", "a/b/c/d", "multi")
    assert refused.returncode == 1 and "invalid platform specifier" in refused.stderr


def test_no_platform_is_removed_that_was_not_asked_for(longshore: StateRoot, multi: str) -> None:
    for name in ("multi", longshore.out("image", "inspect", "-f", "{{.Id}}", "multi").strip()):
        refused = longshore("rmi", "-f", "--platform", "linux/amd64", name)
        assert refused.returncode == 1 and "is here for linux/arm64 too" in refused.stderr, refused
    assert "Untagged: multi:latest\n" in longshore.out("rmi", "--platform", "linux/amd64,linux/arm64", "multi")
    longshore.out("rmi", "--platform", "linux/amd64", "--platform", "linux/arm64", multi)
    assert longshore("image", "inspect", multi).returncode == 1


@pytest.mark.parametrize("kind", ["docker", "oci"])
def test_one_platform_of_an_archive(longshore: StateRoot, multi: str, tmp_path: Path, kind: str) -> None:
    whole = tmp_path / "all.tar"
    longshore.out("save", "--all-platforms", "-o", str(whole), "multi")
    if kind == "oci":  # as other tools write it, without docker's list of the images
        with tarfile.open(whole) as given, tarfile.open(tmp_path / "oci.tar", "w") as made:
            for member in given:
                if member.name not in ("manifest.json", "repositories"):
                    made.addfile(member, given.extractfile(member))
        whole = tmp_path / "oci.tar"
    longshore.out("rmi", "multi", multi)
    refused = longshore("load", "-i", str(whole), "--platform", "linux/s390x")
    assert refused.returncode == 1 and longshore("image", "inspect", "multi").returncode == 1
    assert refused.stderr == (
        "Error: no images providing the requested platform(s) found: [linux/s390x]\nthe archive has images for linux/amd64, linux/arm64\n"
    )
    for platform, other in (("linux/arm64", "linux/amd64"), ("linux/amd64", "linux/arm64")):
        assert longshore.out("load", "-i", str(whole), "--platform", platform) == "Loaded image: multi:latest\n"
        found = longshore.out("image", "inspect", "--platform", platform, "-f", "{{.Os}}/{{.Architecture}}", "multi")
        assert found.strip() == platform
        assert longshore("image", "inspect", "--platform", other, "multi").returncode == 1
        longshore.out("rmi", "multi")
    longshore.checked()
    longshore.out("load", "-i", str(whole))
    longshore.out("tag", "multi", multi)
    longshore.out("image", "inspect", "--platform", "linux/arm64", "multi")


def test_platforms_over_the_api(longshore: StateRoot, multi: str, tmp_path: Path) -> None:
    arm, other = (json.dumps({"architecture": name, "os": "linux"}) for name in ("arm64", "s390x"))
    archive = tmp_path / "all.tar"
    longshore.out("save", "--all-platforms", "-o", str(archive), "multi")
    with running_server(longshore) as url, httpx.Client(transport=httpx.HTTPTransport(uds=url.removeprefix("unix://"))) as client:

        def ask(method: str, path: str, status: int, minor: int = 51, **parameters: Any) -> Any:
            content = archive.read_bytes() if path == "/images/load" else None
            answer = client.request(method, f"http://longshore/v1.{minor}{path}", params=parameters, content=content, timeout=60)
            assert answer.status_code == status, answer.text
            return [json.loads(line) for line in answer.text.splitlines()] if path == "/images/load" else answer.json()

        words = "image with reference multi:latest was found but does not provide the specified platform (linux/s390x)"
        assert ask("GET", "/images/multi/json", 200, platform=arm)["Architecture"] == "arm64"
        assert ask("GET", "/images/multi/json", 404, platform=other)["message"] == words
        assert ask("GET", "/images/multi/json", 200, 48, platform=other)["Architecture"] == "amd64"  # which had no such parameter
        told = ask("GET", "/images/multi/json", 400, platform=arm, manifests="1")["message"]
        assert told == "conflicting options: manifests and platform options cannot both be set"
        assert "failed to parse platform" in ask("GET", "/images/multi/json", 400, platform="linux/arm64")["message"]
        assert ask("GET", "/images/multi/history", 200, platform=arm)[0]["Id"] != ask("GET", "/images/multi/history", 200)[0]["Id"]
        assert ask("GET", "/images/multi/history", 404, platform=other)["message"] == words
        assert len(ask("GET", "/images/multi/history", 200, 47, platform=other)) == 2
        assert ask("DELETE", "/images/multi", 404, platforms=[other])["message"] == words
        assert "is here for linux/amd64 too" in ask("DELETE", "/images/multi", 409, platforms=[arm])["message"]
        told = ask("GET", "/images/get", 400, names="multi", platform=[arm, other])["message"]
        assert "multiple platform parameters are not supported" in told
        longshore.out("rmi", "multi", multi)
        told = ask("POST", "/images/load", 404, platform=other)[0]["message"]
        assert told == "no images providing the requested platform(s) found: [linux/s390x]"
        assert ask("POST", "/images/load", 200, platform=arm) == [{"stream": "Loaded image: multi:latest\n"}]
        assert ask("GET", "/images/multi/json", 200)["Architecture"] == "arm64"
        assert ask("DELETE", "/images/multi", 200, platforms=[arm])[0] == {"Untagged": "multi:latest"}


def test_manifests_over_the_api(longshore: StateRoot, multi: str) -> None:
    """What ``docker images`` of docker 29 shows as a tree is asked for since 1.47, and our own client reads it back."""
    own = longshore.out("create", "--network", "none", "multi", "true").strip()
    packed = {platform: images.pack(source) for platform, source in PLATFORMS.items()}
    with running_server(longshore) as url, httpx.Client(transport=httpx.HTTPTransport(uds=url.removeprefix("unix://"))) as client:

        def ask(path: str) -> Any:
            return client.get(f"http://longshore{path}", timeout=60).raise_for_status().json()

        listed = {image["RepoTags"][0]: image["Manifests"] for image in ask("/v1.47/images/json?manifests=1")}
        assert set(listed) >= {"busybox:latest"} and len(listed["busybox:latest"]) == 1
        found = ask("/v1.48/images/multi/json?manifests=true")["Manifests"]
        assert found in listed.values()
        assert "Manifests" not in {**ask("/v1.47/images/multi/json?manifests=1"), **ask("/v1.51/images/multi/json")}
        assert not any("Manifests" in image for image in ask("/v1.46/images/json?manifests=1") + ask("/v1.51/images/json"))

        async def manifests() -> Sequence[ImageManifest]:
            engine = connect(url)
            try:
                return await engine.images.manifests("multi")
            finally:
                await engine.close()

        assert show_images.manifests(asyncio.run(manifests())) == found
    assert [one["ID"] for one in found] == [packed[platform].digest for platform in PLATFORMS]
    for one, (platform, pack) in zip(found, packed.items(), strict=True):
        size = len(pack.manifest)
        assert one["Descriptor"] == {
            **{"mediaType": pack.media_type, "digest": pack.digest, "size": size},
            "platform": {"architecture": platform.rpartition("/")[2], "os": "linux"},
        }
        assert (one["Kind"], one["Available"], one["Size"]["Content"]) == ("image", True, size + sum(map(len, pack.blobs.values())))
        unpacked = int(longshore.out("image", "inspect", "-f", "{{.Size}}", "multi")) if platform == "linux/amd64" else 0
        assert one["ImageData"]["Size"]["Unpacked"] == unpacked
        assert one["Size"]["Total"] == one["Size"]["Content"] + unpacked
        assert one["ImageData"]["Containers"] == ([own] if platform == "linux/amd64" else [])
    longshore.out("rm", own)


def test_an_attestation_is_no_image(longshore: StateRoot, registry: Registry) -> None:
    """As buildx pushes it: an entry of the index that says which manifest it is about."""
    image, note = images.pack(PLATFORMS["linux/amd64"]), images.pack(images.ImageSource((images.tar_of([("n", b"n", 0o644)]),), oci=True))
    data, kind = images.index_of({"linux/amd64": image, "unknown/unknown": note}, oci=True)
    index = json.loads(data)
    index["manifests"][1]["annotations"] = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": image.digest,
    }
    images.push(registry.url, "library/noted:latest", image)
    images.push(registry.url, "library/noted:note", note)
    put = httpx.put(
        f"{registry.url}/v2/library/noted/manifests/latest", content=json.dumps(index), headers={"Content-Type": kind}, trust_env=False
    )
    put.raise_for_status()
    longshore.out("pull", "-q", "--all-platforms", "noted")
    with running_server(longshore) as url, httpx.Client(transport=httpx.HTTPTransport(uds=url.removeprefix("unix://"))) as client:
        first, second = client.get("http://longshore/v1.51/images/noted/json?manifests=1").json()["Manifests"]
    assert (first["Kind"], first["ID"], "AttestationData" in first) == ("image", image.digest, False)
    assert (second["Kind"], second["AttestationData"], "ImageData" in second) == ("attestation", {"For": image.digest}, False)
    assert second["Available"]
    longshore.out("rmi", "noted")


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
