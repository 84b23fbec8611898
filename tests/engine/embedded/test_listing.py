"""The container list's filters, volumes and networks, and what they refuse."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.backends.embedded import disks, wires
from engine.backends.embedded.core import Core
from engine.backends.embedded.listing import listing
from engine.errors import Conflict, InvalidArgument, NotFound
from engine.model.containers import ContainerState, ContainerStatus, HostConfig, Mount, PortBinding
from engine.model.filters import Filters
from engine.model.networks import NetworkSpec
from engine.model.volumes import VolumeSpec
from engine.store import events
from engine.store.images import ImageRecord
from tests.engine.embedded.conftest import add_image, create


@pytest.fixture
def fleet(core: Core, box: ImageRecord) -> Core:
    """Three containers: web (running), job (ended with 3) and new (created), oldest first."""
    child = add_image(core, "docker.io/library/child:1", box.chain_ids, Labels={"child": "yes"})
    assert child.id != box.id
    mounts = (Mount(kind="volume", source="store", target="/data"),)
    host = HostConfig(network_mode="none", mounts=mounts, port_bindings=(PortBinding(container_port=80, host_port=8080),))
    web = create(core, name="web", host=host, labels={"tier": "front"})
    job = create(core, name="job", image="child:1")
    create(core, name="new", image="child:1")
    # As a supervisor would write it; nothing runs, so that the tests stay quick.
    core.containers.update_state(job.id, ContainerState(status=ContainerStatus.EXITED, exit_code=3, started_at=5.0, finished_at=6.0))
    core.containers.update_state(web.id, ContainerState(status=ContainerStatus.PAUSED, started_at=5.0, health="healthy"))
    return core


def test_ports_that_an_image_made_up_do_not_spoil_the_list(core: Core, box: ImageRecord) -> None:
    """One image would be enough to hide every container."""
    ports: dict[str, object] = {"9" * 5000 + "/tcp": {}, "x/y/z": {}, "-1": {}, "80": {}}
    add_image(core, "docker.io/library/odd:1", box.chain_ids, ExposedPorts=ports)
    made = create(core, name="odd", image="odd:1")
    core.containers.update_state(made.id, ContainerState(status=ContainerStatus.RUNNING, started_at=5.0))
    (shown,) = listing(core, all=False, filters={}, limit=0, size=False)
    assert {port.container_port for port in shown.ports} == {0, 80}
    assert names(core, {"expose": ("80",)}) == ["odd"]
    assert names(core, {"expose": ("1-" + "9" * 5000,)}) == []


def names(core: Core, filters: Filters, *, all: bool = True, limit: int = 0) -> list[str]:
    return [container.name for container in listing(core, all=all, filters=filters, limit=limit, size=False)]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["new", "job", "web"]),
        ({"ancestor": ("box",)}, ["new", "job", "web"]),
        ({"ancestor": ("nothing",)}, []),
        ({"before": ("new",)}, ["job", "web"]),
        ({"since": ("web",)}, ["new", "job"]),
        ({"exited": ("3",)}, ["job"]),
        ({"exited": ("0",)}, []),
        ({"status": ("paused", "created")}, ["new", "web"]),
        ({"health": ("healthy",)}, ["web"]),
        ({"health": ("none",)}, ["new", "job"]),
        ({"label": ("tier",)}, ["web"]),
        ({"label": ("child=yes", "tier=front")}, []),
        ({"label!": ("child",)}, ["web"]),
        ({"name": ("^/?we", "ob$")}, ["job", "web"]),
        ({"name": ("/new",)}, ["new"]),
        ({"volume": ("store",)}, ["web"]),
        ({"volume": ("/data",)}, ["web"]),
        ({"publish": ("8080",)}, ["web"]),
        ({"publish": ("8000-9000/tcp",)}, ["web"]),
        ({"expose": ("80/udp",)}, []),
        ({"expose": ("80",)}, ["web"]),
        ({"network": ("none",)}, ["new", "job", "web"]),
        ({"network": ("bridge",)}, []),
        ({"is-task": ("true",)}, []),
        ({"name": ("web",), "exited": ("3",)}, []),
    ],
)
def test_filters(fleet: Core, filters: Filters, expected: list[str]) -> None:
    assert names(fleet, filters) == expected


def test_without_all(fleet: Core) -> None:
    assert names(fleet, {}, all=False) == ["web"]
    assert names(fleet, {"exited": ("3",)}, all=False) == ["job"]
    assert names(fleet, {}, all=False, limit=2) == ["new", "job"]
    assert names(fleet, {"id": (fleet.containers.resolve("web").id[:6],)}) == ["web"]


@pytest.mark.parametrize(
    "filters",
    [{"nosuch": ("x",)}, {"exited": ("x",)}, {"status": ("asleep",)}, {"health": ("ill",)}, {"name": ("(",)}, {"publish": ("a-b",)}],
)
def test_filters_that_are_refused(fleet: Core, filters: Filters) -> None:
    with pytest.raises(InvalidArgument, match="invalid filter"):
        names(fleet, filters)


def test_filters_on_containers_that_are_not_there(fleet: Core) -> None:
    with pytest.raises(NotFound, match="No such container: ghost"):
        names(fleet, {"before": ("ghost",)})


def test_sizes(fleet: Core) -> None:
    upper = Path(fleet.roots.container_dir(fleet.containers.resolve("web").id), "upper")
    (upper / "file").write_bytes(b"x" * 500)
    os.link(upper / "file", upper / "again")
    (web,) = listing(fleet, all=False, filters={}, limit=0, size=True)
    assert (web.size_rw, web.size_rootfs) == (500, 510)


# -- volumes


def test_volumes_are_made_once(core: Core) -> None:
    one = disks.create(core, VolumeSpec(name="one", labels={"a": "1"}))
    assert disks.create(core, VolumeSpec(name="one", labels={"a": "2"})) == one
    shown = disks.show(core, one)
    assert os.stat(shown.mountpoint).st_mode & 0o777 == 0o755
    assert os.stat(os.path.dirname(shown.mountpoint)).st_mode & 0o777 == 0o700
    anonymous = disks.create(core, VolumeSpec())
    assert len(anonymous.name) == 64 and anonymous.anonymous
    assert [event.action for _, event in events.since(core.database, 0)] == ["create", "create"]
    for bad in ("../up", "a", "a/b", "-x", "a\n"):
        with pytest.raises(InvalidArgument):
            disks.create(core, VolumeSpec(name=bad))
    with pytest.raises(NotFound, match="plugin"):
        disks.create(core, VolumeSpec(name="two", driver="nfs"))
    assert sorted(os.listdir(core.roots.volumes)) == sorted([one.name, anonymous.name])


def test_volumes_are_listed_and_removed(fleet: Core) -> None:
    disks.create(fleet, VolumeSpec(name="spare", labels={"a": "1"}))
    disks.create(fleet, VolumeSpec())

    def found(filters: Filters) -> list[str]:
        return [volume.name for volume in disks.listing(fleet, filters) if not volume.anonymous]

    assert found({}) == ["spare", "store"]
    assert found({"dangling": ("true",)}) == ["spare"]
    assert found({"dangling": ("0",)}) == ["store"]
    assert found({"name": ("to",)}) == ["store"]
    assert found({"label": ("a=1",)}) == ["spare"]
    assert found({"driver": ("other",)}) == []
    for bad in ({"dangling": ("maybe",)}, {"nosuch": ("x",)}):
        with pytest.raises(InvalidArgument, match="invalid filter"):
            disks.listing(fleet, bad)
    with pytest.raises(Conflict, match="remove store: volume is in use"):
        disks.remove(fleet, "store", force=True)
    assert os.path.isdir(fleet.roots.volume_dir("store"))
    with pytest.raises(NotFound, match="get ghost: no such volume"):
        disks.remove(fleet, "ghost", force=False)
    disks.remove(fleet, "ghost", force=True)
    report = disks.prune(fleet, {})
    assert len(report.removed) == 1 and len(report.removed[0]) == 64
    Path(fleet.roots.volume_dir("spare"), "file").write_bytes(b"x" * 77)
    report = disks.prune(fleet, {"all": ("true",)})
    assert (report.removed, report.space_reclaimed) == (("spare",), 77)
    assert os.listdir(fleet.roots.volumes) == ["store"]


# -- networks


def test_networks_are_listed_and_pruned(fleet: Core) -> None:
    assert [network.name for network in wires.listing(fleet, {})] == ["bridge", "host", "none"]
    made = fleet.network_manager.create(NetworkSpec(name="mine", labels={"a": "1"}))
    fleet.network_manager.create(NetworkSpec(name="used"))
    create(fleet, host=HostConfig(network_mode="used"))

    def found(filters: Filters) -> list[str]:
        return [network.name for network in wires.listing(fleet, filters)]

    assert found({"type": ("custom",)}) == ["mine", "used"]
    assert found({"type": ("builtin",), "driver": ("host",)}) == ["host"]
    assert found({"name": ("min",)}) == found({"label": ("a",)}) == found({"id": (made.id[:9],)}) == ["mine"]
    assert found({"dangling": ("true",)}) == ["mine"]
    assert found({"scope": ("swarm",)}) == []
    with pytest.raises(InvalidArgument, match="'type'='odd'"):
        wires.listing(fleet, {"type": ("odd",)})
    assert wires.prune(fleet, {}).removed == ("mine",)
    assert wires.inspect(fleet, "used").members == ()
