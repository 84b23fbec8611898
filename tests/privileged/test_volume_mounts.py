"""Volumes that are file systems: what a death leaves mounted goes, what others use stays, and no content is lost with the volume."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.backends.embedded import disks
from engine.backends.embedded.core import Core
from engine.backends.embedded.recovery import sweep
from engine.errors import EngineFault
from engine.model.containers import Mount
from engine.model.volumes import VolumeSpec
from engine.runtime import volume_mounts
from engine.supervisor import loans, places
from tests.privileged.lab import Lab, laboratory, unpack_busybox
from tests.support.wait import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

MEMORY = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with laboratory(tmp_path / "a b\\c", unpack_busybox(tmp_path / "busybox")) as made:
        yield made


@pytest.fixture
def core(lab: Lab) -> Core:
    return Core(lab.roots)


def using(lab: Lab, *volumes: str) -> str:
    """A container with volumes that sleeps."""
    container = lab.make("sleep", "1000")
    record = lab.containers.get(container)
    mounts = tuple(Mount(kind="volume", source=name, target=f"/{name}", path=lab.roots.volume_dir(name)) for name in volumes)
    lab.containers.delete(container)
    lab.containers.insert(record.replace(mounts=mounts))
    lab.life.start(container)
    return container


def mounted(lab: Lab, name: str) -> bool:
    return volume_mounts.is_mounted(lab.roots.volume_dir(name))


def killed(lab: Lab, container: str) -> None:
    os.kill(lab.supervisor(container), signal.SIGKILL)
    until(lambda: not places.alive(lab.roots, container))


def test_mounted_for_the_first_and_unmounted_after_the_last(lab: Lab, core: Core) -> None:
    for name in ("one", "two"):
        disks.create(core, VolumeSpec(name=name, options=MEMORY))
    assert not mounted(lab, "one")
    first, second = using(lab, "one", "two"), using(lab, "two")
    assert mounted(lab, "one") and mounted(lab, "two")
    lab.life.stop(first, timeout=0)
    assert not mounted(lab, "one") and mounted(lab, "two")
    killed(lab, second)
    assert mounted(lab, "two")
    assert sweep(lab.roots, lab.database) == []
    assert not mounted(lab, "two")


def test_a_sweep_leaves_what_somebody_else_runs_with(lab: Lab, core: Core) -> None:
    disks.create(core, VolumeSpec(name="one", options=MEMORY))
    first, _second = using(lab, "one"), using(lab, "one")
    Path(lab.roots.volume_dir("one"), "kept").touch()
    killed(lab, first)
    assert sweep(lab.roots, lab.database) == []
    assert os.path.exists(f"{lab.roots.volume_dir('one')}/kept")


def test_what_a_killed_front_end_left_mounted_goes_with_the_sweep(lab: Lab, core: Core) -> None:
    disks.create(core, VolumeSpec(name="one", options=MEMORY))
    volume_mounts.mount(MEMORY, lab.roots.volume_dir("one"))
    assert sweep(lab.roots, lab.database) == []
    assert not mounted(lab, "one")


def test_removing_a_volume_removes_nothing_that_is_mounted_there(lab: Lab, core: Core, tmp_path: Path) -> None:
    """A file system far away, mounted still because its user was killed, is not emptied."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    bound = {"type": "none", "device": str(tmp_path / "precious"), "o": "bind,nosuid"}
    disks.create(core, VolumeSpec(name="one", options=bound))
    volume_mounts.mount(bound, lab.roots.volume_dir("one"))
    disks.remove(core, "one", force=False)
    assert not os.path.exists(f"{lab.roots.volumes}/one")
    assert os.listdir(tmp_path / "precious") == ["file"]


def test_borrowed_for_a_look(lab: Lab, core: Core, tmp_path: Path) -> None:
    disks.create(core, VolumeSpec(name="one", options=MEMORY))
    with loans.borrowed(lab.roots, lab.database, "one"):
        assert mounted(lab, "one")
    assert not mounted(lab, "one")
    using(lab, "one")
    with loans.borrowed(lab.roots, lab.database, "one"):
        pass
    assert mounted(lab, "one")


def test_one_that_can_not_be_mounted_takes_nothing_along(lab: Lab, core: Core) -> None:
    disks.create(core, VolumeSpec(name="good", options=MEMORY))
    disks.create(core, VolumeSpec(name="zbad", options={"type": "nosuchfs", "device": "x", "o": "password=secret,ro"}))
    with pytest.raises(EngineFault, match=r"failed to mount local volume.*password=\*+,ro: no such device") as caught:
        using(lab, "good", "zbad")
    assert "secret" not in str(caught.value)
    assert not mounted(lab, "good")


def test_a_running_container_sees_an_unmounted_volume_no_more_than_before(lab: Lab, core: Core) -> None:
    """What the host's administrator unmounts by hand is mounted again for the next."""
    disks.create(core, VolumeSpec(name="one", options=MEMORY))
    using(lab, "one")
    subprocess.run(["umount", lab.roots.volume_dir("one")], check=True)
    using(lab, "one")
    assert mounted(lab, "one")
