"""A scratch host with a network manager, and makers of containers in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.linux.netlink import inside
from engine.model.containers import ContainerConfig, HostConfig
from engine.network.attachment import Attachment
from engine.network.manager import NetworkManager
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database
from engine.store.roots import Roots
from tests.engine.network.spaces import Space, cable

HOST_ADDRESS = "10.99.0.1"
LAN_ADDRESS = "10.99.0.2"
HOST_ADDRESS6 = "fd00:99::1"
LAN_ADDRESS6 = "fd00:99::2"


class Running:
    """A container that is attached: its namespace, and its record as the database has it."""

    def __init__(self, world: World, record: ContainerRecord) -> None:
        self.world = world
        self.id = record.id
        self.space = Space()
        self.attachment = Attachment()

    @property
    def record(self) -> ContainerRecord:
        return Containers(self.world.database).get(self.id)

    @property
    def address(self) -> str:
        return self.attachment.endpoints[0].ip_address

    def attach(self) -> Attachment:
        """What the supervisor does at start."""
        with inside(self.world.host.descriptor):
            self.attachment = self.world.manager.attach(self.record, lambda: self.space.pid, name_server=True)
        return self.attachment

    def detach(self) -> None:
        """What the supervisor does at the end."""
        with inside(self.world.host.descriptor):
            self.world.manager.detach(self.record)
        self.attachment.close()
        self.attachment = Attachment()

    def file(self, name: str) -> str:
        return Path(self.world.roots.container_dir(self.id), name).read_text()


class World:
    """A host in a namespace of its own, with one engine's networks."""

    def __init__(self, root: Path, host: Space) -> None:
        self.host = host
        self.roots = Roots(state=str(root / "state"), run=str(root / "run")).ensure()
        self.database = Database.of(self.roots)
        self.manager = NetworkManager(self.roots, self.database)
        self.containers: list[Running] = []
        with inside(host.descriptor):
            self.manager.ensure_defaults()

    def create(self, *, name: str = "", config: dict[str, Any] | None = None, **host: Any) -> Running:
        """A container that is not attached."""
        identity = os.urandom(32).hex()
        record = ContainerRecord(
            id=identity,
            name=name or f"c{len(self.containers)}",
            image="busybox",
            image_id="sha256:0",
            created_at=1.0,
            config=ContainerConfig(image="busybox", **(config or {})),
            host_config=HostConfig(**host),
        )
        Containers(self.database).insert(record)
        made = Running(self, record)
        self.containers.append(made)
        return made

    def run(self, **options: Any) -> Running:
        """A container that is attached."""
        made = self.create(**options)
        made.attach()
        return made

    def close(self) -> None:
        for container in self.containers:
            container.attachment.close()
            container.space.close()
        self.database.close()


@pytest.fixture
def host() -> Iterator[Space]:
    space = Space()
    try:
        space.ip("link set lo up")
        yield space
    finally:
        space.close()


@pytest.fixture
def lan(host: Space) -> Iterator[Space]:
    """A neighbour of the host, whose default route it is."""
    space = Space()
    try:
        cable(host, space, "lan0", (f"{HOST_ADDRESS}/24", f"{LAN_ADDRESS}/24"))
        for one, address in ((host, HOST_ADDRESS6), (space, LAN_ADDRESS6)):
            one.ip(f"addr add {address}/64 dev lan0 nodad")
        space.ip(f"route add default via {HOST_ADDRESS}")
        space.ip(f"-6 route add default via {HOST_ADDRESS6}")
        yield space
    finally:
        space.close()


@pytest.fixture
def worlds(host: Space, tmp_path: Path) -> Iterator[Callable[[str], World]]:
    """Engines on the same host, each with its own root."""
    made: list[World] = []

    def make(name: str) -> World:
        made.append(World(tmp_path / name, host))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(worlds: Callable[[str], World]) -> World:
    return worlds("one")
