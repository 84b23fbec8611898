"""Every contract test runs once for each engine: a real dockerd, ours, and ours behind its own server (``served``).

What the tests say is what dockerd does; the suite passes there before it may judge us. ``LONGSHORE_CONTRACT`` narrows the
engines down (``dockerd``, ``embedded``, ``served``); ``podman`` may be named there too, for a look at how near it comes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, Callable, Iterator

import pytest

from engine.connect import connect
from engine.interface import Engine
from engine.network.manager import NetworkManager
from engine.spawner import client as spawner
from engine.store.database import Database
from engine.store.roots import Roots, resolve
from tests.contract.lab import Lab, quietly
from tests.support import images
from tests.support.dockerd import Daemon, RegistryFiles, running_dockerd, running_podman
from tests.support.registry import running_registry
from tests.support.server import running_server
from tests.support.stateroot import StateRoot

ENGINES = os.environ.get("LONGSHORE_CONTRACT", "dockerd,embedded,served").split(",")

Opener = Callable[[], Engine]


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryFiles]:
    directory = str(tmp_path_factory.mktemp("contract-registry"))
    with running_registry(directory) as registry:
        _fill(registry.url)
        yield RegistryFiles(registry.host, f"{directory}/config.yml")


def _fill(url: str) -> None:
    images.push(url, "busybox:latest", images.busybox())
    data = images.tar_of([("data/", b"", 0o750), ("data/seed", b"seed\n", 0o640), ("bin/noexec", b"#!/bin/sh\n", 0o644)])
    app = images.ImageSource(
        (images.busybox_layer(), data),
        {
            "Entrypoint": ["/bin/echo", "entry"],
            "Cmd": ["default"],
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "COLOR=red", "SIZE=big"],
            "Labels": {"org.example.kind": "app", "shared": "image"},
            "WorkingDir": "/work/here",
            "ExposedPorts": {"8080/tcp": {}, "5353/udp": {}},
            "StopSignal": "SIGUSR1",
            "Volumes": {"/data": {}},
        },
    )
    images.push(url, "app:1.0", app)
    check = {"Test": ["CMD-SHELL", "echo looked; test -e /ok"], "Interval": 200_000_000, "Retries": 2}
    images.push(url, "checked:latest", images.ImageSource((images.busybox_layer(),), {"Cmd": ["sleep", "1000"], "Healthcheck": check}))
    for name in ("one", "two", "three"):
        files = images.tar_of([(f"{name}.txt", name.encode() * 100, 0o644)])
        # Before everything else: prune and lists must not depend on the age of the tests' images.
        source = images.ImageSource((files,), {"Labels": {"tiny": name}}, created="2020-01-01T00:00:00Z")
        images.push(url, f"tiny:{name}", source)
    big = images.tar_of([("noise", os.urandom(4 << 20), 0o644)])
    images.push(url, "big:latest", images.ImageSource((images.tar_of([("small", b"s", 0o644)]), big), {"Cmd": ["x"]}))
    by_platform = {
        platform: images.ImageSource((images.tar_of([("arch", platform.encode(), 0o644)]),), {}, architecture=platform.split("/")[1])
        for platform in ("linux/amd64", "linux/arm64")
    }
    images.push_index(url, "multi:latest", by_platform)


@pytest.fixture(scope="session", params=ENGINES)
def opener(
    request: pytest.FixtureRequest, registry: RegistryFiles, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Opener, list[str]]]:
    """How to open the engine under test, and to run commands in its network; busybox and app are there."""
    directory = tmp_path_factory.mktemp(request.param)
    match request.param:
        case "embedded":
            try:
                yield from _prepared(lambda: connect("embedded:", root=str(directory)), [], registry)
            finally:
                _dissolve(resolve(str(directory)))
        case "served":
            root = StateRoot(str(directory))
            try:
                with running_server(root) as url:
                    yield from _prepared(lambda: connect(url), [], registry)
            finally:
                _dissolve(root.roots)
        case "podman":
            with running_podman(str(directory / "p"), registry) as daemon:
                yield from _daemon(daemon, registry)
        case _:
            with running_dockerd(str(directory / "d"), registry) as daemon:
                yield from _daemon(daemon, registry)


def _dissolve(roots: Roots) -> None:
    """End what the embedded engine leaves for the next verb to use: the spawner, and its bridges."""
    spawner.dismiss(roots.run)
    database = Database.of(roots)
    try:
        NetworkManager(roots, database).tidy()
    finally:
        database.close()
        shutil.rmtree(roots.run, ignore_errors=True)


def _daemon(daemon: Daemon, registry: RegistryFiles) -> Iterator[tuple[Opener, list[str]]]:
    yield from _prepared(lambda: connect(daemon.url), daemon.command([]), registry)


def _prepared(opener: Opener, prefix: list[str], registry: RegistryFiles) -> Iterator[tuple[Opener, list[str]]]:
    async def pull() -> None:
        engine = opener()
        try:
            for name in ("busybox:latest", "app:1.0"):
                async for _ in engine.images.pull(f"{registry.host}/{name}"):
                    pass
        finally:
            await engine.close()

    asyncio.run(pull())
    yield opener, prefix


@pytest.fixture
async def lab(opener: tuple[Opener, list[str]], registry: RegistryFiles) -> AsyncGenerator[Lab, None]:
    """The engine under test, without anything but its two images before and after."""
    engine = opener[0]()
    lab = Lab(engine, registry.host, opener[1])
    try:
        yield lab
        await lab.clean()
    finally:
        await engine.close()


@pytest.fixture
async def images_lab(lab: Lab) -> AsyncGenerator[Lab, None]:
    """As :func:`lab`; images that the test brought are removed too."""
    keep = {lab.image, lab.app}
    yield lab
    await lab.clean()
    for image in await lab.engine.images.list():
        for tag in image.tags:
            if tag not in keep:
                await quietly(lab.engine.images.remove(tag, force=True))
        if not image.tags:
            await quietly(lab.engine.images.remove(image.id, force=True))
