"""Create is all or nothing, whatever goes wrong and whoever else is at it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.backends.embedded import create as creating
from engine.backends.embedded.core import Core
from engine.backends.embedded.details import inspect, prune, rename
from engine.backends.embedded.recovery import sweep
from engine.errors import Conflict, InvalidArgument, LongshoreError, NotFound
from engine.model.containers import ContainerConfig, Device, HostConfig, Mount, PortBinding
from engine.store import events
from engine.store.images import ImageRecord
from tests.engine.embedded.conftest import create
from tests.support.wait import until

RACER = """
import sys
from engine.backends.embedded.core import Core
from engine.backends.embedded.create import create
from engine.errors import Conflict
from engine.model.containers import ContainerConfig, HostConfig
from engine.store.roots import Roots
core = Core(Roots(state=sys.argv[1], run=sys.argv[2]))
try:
    create(core, ContainerConfig(image="box", cmd=("true",), volumes=("/v",)), HostConfig(network_mode="none"), name="same", platform="")
    print("made")
except Conflict:
    print("conflict")
core.close()
"""

SLOW = """
import os, sys, time
from engine.backends.embedded import create as creating
from engine.backends.embedded.core import Core
from engine.model.containers import ContainerConfig, HostConfig
from engine.store.roots import Roots

def stuck(*_, **__):
    print("ready", flush=True)
    time.sleep(600)

creating._insert = stuck
core = Core(Roots(state=sys.argv[1], run=sys.argv[2]))
creating.create(core, ContainerConfig(image="box", cmd=("true",)), HostConfig(network_mode="none"), name="", platform="")
"""


def nothing_left(core: Core) -> None:
    assert core.containers.all() == []
    assert os.listdir(core.roots.containers) == []
    assert os.listdir(core.roots.volumes) == []
    assert core.volumes.all() == []


def test_what_create_makes(core: Core, box: ImageRecord) -> None:
    host = HostConfig(
        network_mode="none", port_bindings=(PortBinding(container_port=80),), mounts=(Mount(kind="tmpfs", target="/tmp//x/"),)
    )
    made = create(core, "sh", "-c", "echo a b", name="/one", host=host, env=("B=mine",), labels={"mine": "1"})
    record = core.containers.get(made.id)
    assert (record.name, record.image, record.image_id, record.argv) == ("one", "box", box.id, ("sh", "-c", "echo a b"))
    assert record.config.env == ("PATH=/bin", "A=image", "B=mine")
    assert record.config.labels == {"from": "image", "mine": "1"}
    assert record.config.hostname == made.id[:12]
    assert record.config.exposed_ports == ("80/tcp",)
    assert record.mounts[0].target == "/tmp/x"
    directory = Path(core.roots.container_dir(made.id))
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / "config.json").stat().st_mode & 0o777 == 0o600  # it holds the environment
    assert json.loads((directory / "config.json").read_text())["process"]["args"] == ["sh", "-c", "echo a b"]
    told = [event for _, event in events.since(core.database, 0) if event.kind == "container"]
    assert [(event.action, event.attributes["name"], event.attributes["mine"]) for event in told] == [("create", "one", "1")]
    shown = json.loads(inspect(core, "one", size=True).raw)
    assert (shown["Name"], shown["Path"], shown["Args"], shown["SizeRw"]) == ("/one", "sh", ["-c", "echo a b"], 0)
    assert shown["State"]["Status"] == "created" and shown["State"]["StartedAt"] == "0001-01-01T00:00:00Z"


def test_a_root_directory_of_the_images(core: Core, box: ImageRecord) -> None:
    layer = Path(core.roots.layers, box.chain_ids[0].partition(":")[2], "diff")
    os.chown(layer, 7, 8)
    os.chmod(layer, 0o1711)
    made = create(core)
    info = os.stat(f"{core.roots.container_dir(made.id)}/upper")
    assert (info.st_uid, info.st_gid, info.st_mode & 0o7777) == (7, 8, 0o1711)


@pytest.mark.parametrize(
    "host",
    [
        HostConfig(network_mode="none", sysctls={"kernel.panic": "1"}),
        HostConfig(network_mode="missing"),
        HostConfig(network_mode="container:missing"),
        HostConfig(network_mode="none", devices=(Device(path_on_host="/dev/nothing", path_in_container="/x"),)),
        HostConfig(network_mode="none", mounts=(Mount(kind="bind", source="/nowhere/at/all", target="/x"),)),
        HostConfig(network_mode="none", mounts=(Mount(kind="volume", source="named", target="/x"), Mount(kind="tmpfs", target="/x"))),
        HostConfig(network_mode="none", mounts=(Mount(kind="volume", target="relative"),)),
        HostConfig(network_mode="none", mounts=(Mount(kind="volume", target="/"),)),
        HostConfig(network_mode="none", mounts=(Mount(kind="volume", source="../up", target="/x"),)),
    ],
)
def test_a_refused_create_leaves_nothing(core: Core, box: ImageRecord, host: HostConfig) -> None:
    with pytest.raises(LongshoreError):
        create(core, host=host, volumes=("/anonymous",))
    nothing_left(core)


def test_a_late_failure_leaves_nothing(core: Core, box: ImageRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    def vanish(*_: object, **__: object) -> None:
        core.images.delete(box.id)  # somebody removes the image at the last moment
        monkeypatch.undo()
        core.images.get(box.id)

    monkeypatch.setattr(creating, "_insert", vanish)
    with pytest.raises(NotFound):
        create(core, volumes=("/anonymous",))
    nothing_left(core)


def test_a_named_volume_outlives_a_failure(core: Core, box: ImageRecord) -> None:
    mounts = (Mount(kind="volume", source="kept", target="/x"),)
    with pytest.raises(InvalidArgument):
        create(core, host=HostConfig(network_mode="none", mounts=mounts, sysctls={"kernel.panic": "1"}), volumes=("/anonymous",))
    assert [volume.name for volume in core.volumes.all()] == ["kept"]


def test_images_are_found_in_dockers_words(core: Core, box: ImageRecord) -> None:
    for name in ("box", "box:latest", "docker.io/library/box", box.id, box.id[7:19]):
        assert core.containers.get(create(core, image=name).id).image_id == box.id
    with pytest.raises(NotFound, match="No such image: other:latest"):
        create(core, image="other")
    with pytest.raises(NotFound, match="does not match the specified platform: wanted linux/arm64, actual: linux/amd64"):
        creating.create(core, ContainerConfig(image="box"), HostConfig(network_mode="none"), name="", platform="linux/arm64")


def test_one_of_many_gets_the_name(core: Core, box: ImageRecord) -> None:
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER, core.roots.state, core.roots.run], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = sorted(racer.communicate(timeout=120)[0].strip() for racer in racers)
    assert said == ["conflict", "conflict", "conflict", "made"]
    (record,) = core.containers.all()
    assert os.listdir(core.roots.containers) == [record.id]
    assert [volume.name for volume in core.volumes.all()] == [mount.source for mount in record.mounts]


def test_a_killed_create_is_never_seen(core: Core, box: ImageRecord) -> None:
    process = subprocess.Popen([sys.executable, "-c", SLOW, core.roots.state, core.roots.run], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    process.stdout.close()
    assert core.containers.all() == []
    (name,) = os.listdir(core.roots.containers)
    sweep(core.roots, core.database)
    assert os.listdir(core.roots.containers) == [name]  # for all we know it is being made
    long_ago = time.time() - 86400
    os.utime(core.roots.container_dir(name), (long_ago, long_ago))
    assert sweep(core.roots, core.database) == []
    assert os.listdir(core.roots.containers) == []


def test_made_up_names_give_way(core: Core, box: ImageRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up = iter(["calm_anchor", "calm_anchor", "calm_anchor", "calm_anchor7", "bold_buoy"])
    monkeypatch.setattr("engine.backends.embedded.names.generate", lambda attempt=0: next(made_up))
    assert core.containers.get(create(core).id).name == "calm_anchor"
    assert core.containers.get(create(core).id).name in ("calm_anchor7", "bold_buoy")


def test_shared_namespaces_survive_a_rename(core: Core, box: ImageRecord) -> None:
    owner = create(core, name="owner", hostname="web")
    guest = create(core, host=HostConfig(network_mode="container:owner"))
    assert core.containers.get(guest.id).host_config.network_mode == f"container:{owner.id}"
    assert core.containers.get(guest.id).config.hostname == "web"
    with pytest.raises(NotFound, match="No such container: nobody"):
        create(core, host=HostConfig(network_mode="container:nobody"))


def test_rename(core: Core, box: ImageRecord) -> None:
    one = create(core, name="one")
    create(core, name="two")
    with pytest.raises(Conflict, match='name "/two" is already in use'):
        rename(core, "one", "two")
    with pytest.raises(InvalidArgument, match="same name as its current name"):
        rename(core, "one", "one")
    with pytest.raises(InvalidArgument, match="Neither old nor new names may be empty"):
        rename(core, "one", "")
    rename(core, "one", "/three")
    assert core.containers.resolve("three").id == one.id
    (_, told) = events.since(core.database, 0)[-1]
    assert (told.action, told.attributes["oldName"], told.attributes["name"]) == ("rename", "/one", "three")


def test_prune_takes_what_does_not_run(core: Core, box: ImageRecord) -> None:
    runs, kept = create(core, "sleep", "1000"), create(core, labels={"keep": ""})
    goes = create(core)
    Path(core.roots.container_dir(goes.id), "upper", "file").write_bytes(b"x" * 1000)
    core.lifecycle.start(runs.id)
    report = prune(core, {"label!": ("keep",)})
    assert report.removed == (goes.id,) and report.space_reclaimed == 1000
    assert {record.id for record in core.containers.all()} == {runs.id, kept.id}
    until(lambda: not os.path.exists(core.roots.container_dir(goes.id)))
    with pytest.raises(InvalidArgument, match="invalid filter 'name'"):
        prune(core, {"name": ("x",)})
