"""Volumes that are file systems of their own: mounted for the first container that runs with one, unmounted after the last.

Nobody counts: a volume is in use while a container that mounts it has a living supervisor. Each decision is made under the volume's
lock, and a container that is about to start holds its own lock already, so that nobody takes a volume away from under it. What a
``kill -9`` leaves mounted goes with the next sweep.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from engine.errors import LongshoreError, NotFound
from engine.runtime import volume_mounts
from engine.store.containers import ContainerRecord
from engine.store.database import Database
from engine.store.locks import Lock
from engine.store.roots import Roots
from engine.store.volumes import VolumeRecord, Volumes
from engine.supervisor import places


def take(roots: Roots, database: Database, record: ContainerRecord) -> None:
    """Mount the volumes that a container is about to run with, those that are not.

    Raises:
        EngineFault: one can not be mounted; those that were are let go again.
    """
    try:
        for volume in own(database, record):
            with _lock(roots, volume.name):
                _ensure(roots, volume)
    except LongshoreError:
        give_back(roots, database, record)
        raise


def give_back(roots: Roots, database: Database, record: ContainerRecord) -> None:
    """Unmount the volumes of a container that does not run any more, those that no other one runs with. Raises EngineFault."""
    for volume in own(database, record):
        _release(roots, database, volume.name, record.id)


@contextlib.contextmanager
def borrowed(roots: Roots, database: Database, name: str) -> Iterator[None]:
    """A volume's content, for as long as somebody looks into it who runs nothing. Raises EngineFault."""
    try:
        volume = Volumes(database).get(name)
    except NotFound:
        yield
        return
    if not volume_mounts.is_own(volume.options):
        yield
        return
    with _lock(roots, name):
        _ensure(roots, volume)
        try:
            yield
        finally:
            if not _in_use(roots, database, name):
                volume_mounts.unmount(roots.volume_dir(name))


def settle(roots: Roots, database: Database) -> None:
    """Unmount what nobody uses: of containers and front ends that were killed. Raises EngineFault."""
    for volume in Volumes(database).with_options():
        if volume_mounts.is_own(volume.options) and volume_mounts.is_mounted(roots.volume_dir(volume.name)):
            _release(roots, database, volume.name)


def _release(roots: Roots, database: Database, name: str, but: str = "") -> None:
    with _lock(roots, name):
        if not _in_use(roots, database, name, but):
            volume_mounts.unmount(roots.volume_dir(name))


def own(database: Database, record: ContainerRecord) -> list[VolumeRecord]:
    """The volumes of a container that are file systems of their own."""
    names = {mount.source for mount in record.mounts if mount.kind == "volume"}
    if not names:
        return []
    found = Volumes(database).with_options()
    return [volume for volume in found if volume.name in names and volume_mounts.is_own(volume.options)]


def _in_use(roots: Roots, database: Database, name: str, but: str = "") -> bool:
    return any(user != but and places.alive(roots, user) for user in Volumes(database).users(name))


def _ensure(roots: Roots, volume: VolumeRecord) -> None:
    place = roots.volume_dir(volume.name)
    if not volume_mounts.is_mounted(place):
        volume_mounts.mount(volume.options, place)


def _lock(roots: Roots, name: str) -> Lock:
    return Lock(f"{roots.volumes}/{name}/lock")
