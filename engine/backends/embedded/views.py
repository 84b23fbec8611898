"""A container's file system seen from outside, as a descriptor of its root directory.

::

    runs       cp:      /proc/<pid>/root, which shows volumes and all that was mounted since
               export:  a copy of the root's mount alone, taken in the container's mount namespace
    stopped    cp:      its overlay with its volumes, mounted in a namespace that only we see
               export:  its overlay, not mounted anywhere

Namespaces belong to threads: one enters, takes what is needed and ends; nothing else of our process is moved. The descriptor
of a namespace keeps its mounts for as long as we look. Nothing is ever mounted in a container that runs (CVE-2019-10152).
"""

from __future__ import annotations

import contextlib
import os
import time
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from engine.backends.embedded import image_mounts
from engine.backends.embedded.core import Core
from engine.backends.embedded.sides import has_overlay, layers_of, open_layers
from engine.errors import Conflict, EngineFault, LongshoreError
from engine.linux import mounts, namespaces, processes, syscalls
from engine.linux.cgroup_files import Layout
from engine.model.value import EMPTY, Value
from engine.runtime import volume_mounts
from engine.runtime.rootfs import SUBPATH, Mounter
from engine.runtime.spec_mounts import LAYERS
from engine.store import faults
from engine.store.containers import ContainerRecord
from engine.store.locks import Lock
from engine.supervisor import loans, places

T = TypeVar("T")

_CLONE_FS = 0x200
_PATIENCE = 10.0
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Ground(Value):
    """What a stopped container's file system is made of.

    Attributes:
        layers: its image's, topmost first, or a copy of them.
        volumes: options of those volumes that are file systems of their own, by name.
        images: layers of the images that it mounts as overlays, by where it mounts them.
    """

    layers: tuple[str, ...]
    overlay: bool
    volumes: Mapping[str, Mapping[str, str]] = EMPTY
    images: Mapping[str, Sequence[str]] = EMPTY


def ground_of(core: Core, record: ContainerRecord) -> Ground:
    """What a container stands on. Raises NotFound, EngineFault."""
    volumes = {volume.name: volume.options for volume in loans.own(core.database, record)}
    images = image_mounts.layers_of(core, record)
    return Ground(layers=tuple(layers_of(core, record)), overlay=has_overlay(core, record), volumes=volumes, images=images)


@contextlib.contextmanager
def root_of(core: Core, record: ContainerRecord, ground: Ground | None = None, *, write: bool = False) -> Iterator[int]:
    """The whole file system with what is mounted on it, as a descriptor that is closed at the end.

    Args:
        ground: from :func:`ground_of`, where the calling thread shall not ask the database.

    Raises:
        Conflict: it is to be written to, and is just being started or removed.
        EngineFault: it can not be opened.
    """
    live = _live(record)
    if live >= 0:
        try:
            yield live
        finally:
            os.close(live)
        return
    stands = ground or ground_of(core, record)
    lock = _hold(core, record) if write else None
    try:
        root, namespace = _thread(lambda: _assembled(core, record, stands, write=write), f"mount container {record.short_id}")
        try:
            yield root
        finally:
            os.close(root)
            os.close(namespace)
    finally:
        if lock is not None:
            lock.release()


@contextlib.contextmanager
def bare_root_of(core: Core, record: ContainerRecord) -> Iterator[int]:
    """The file system without what is mounted on it, read only in effect: nothing here writes.

    Raises:
        EngineFault: it can not be opened.
    """
    live = _live(record)
    if live >= 0:
        os.close(live)
        tree = _thread(lambda: _cloned(record), f"open container {record.short_id}")
    try:
        if live < 0:
            tree = _tree(core, record, ground_of(core, record), write=False)
        try:
            root = os.open(".", _DIRECTORY, dir_fd=tree)
        finally:
            os.close(tree)
    except OSError as error:
        raise faults.from_os(error, f"open container {record.short_id}") from error
    try:
        yield root
    finally:
        os.close(root)


def _live(record: ContainerRecord) -> int:
    """The root directory of its first process, or -1 when that does not run."""
    state = record.state
    if not state.running or not state.pid:
        return -1
    try:
        root = os.open(f"/proc/{state.pid}/root", syscalls.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return -1
    if not processes.same(state.pid, record.pid_start):
        os.close(root)
        return -1
    return root


def _hold(core: Core, record: ContainerRecord) -> Lock:
    """The lock of a stopped container: nobody starts or removes it meanwhile."""
    deadline = time.monotonic() + _PATIENCE
    while (lock := places.try_lock(core.roots, record.id)) is None:
        if time.monotonic() > deadline:
            raise Conflict(f"container {record.id} is being started or removed", hint="try again once it runs")
        time.sleep(0.005)
    return lock


def _tree(core: Core, record: ContainerRecord, ground: Ground, *, write: bool) -> int:
    """A stopped container's file system as a detached mount; for reading one without the upper directory in use."""
    directory = core.roots.container_dir(record.id)
    if not ground.overlay:
        return mounts.clone_path(f"{directory}/rootfs", recursive=False)
    if write:
        return mounts.overlay(ground.layers, f"{directory}/upper", f"{directory}/work")
    return open_layers([f"{directory}/upper", *ground.layers])


def _assembled(core: Core, record: ContainerRecord, ground: Ground, *, write: bool) -> tuple[int, int]:
    """In a mount namespace of our own: descriptors of the root with its volumes, and of the namespace."""
    syscalls.unshare(namespaces.CLONE_NEWNS)
    syscalls.mount("", "/", "", mounts.MS_PRIVATE | mounts.MS_REC)
    namespace = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    root = -1
    try:
        tree = _tree(core, record, ground, write=write)
        try:
            target = os.open(f"{core.roots.container_dir(record.id)}/rootfs", syscalls.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                mounts.attach(tree, target)
            finally:
                os.close(target)
            root = os.open(".", _DIRECTORY, dir_fd=tree)
        finally:
            os.close(tree)
        _mount_volumes(record, root, ground)
    except BaseException:
        os.close(namespace)
        if root >= 0:
            os.close(root)
        raise
    return root, namespace


def _mount_volumes(record: ContainerRecord, root: int, ground: Ground) -> None:
    mounter = Mounter(root, lambda: None, "", Layout(), private_cgroup=False)
    for mount in sorted(record.mounts, key=lambda mount: mount.target.count("/")):
        layers = ground.images.get(mount.target, ())
        if mount.kind == "tmpfs" or not (layers or os.path.lexists(mount.path)):
            continue
        if (own := ground.volumes.get(mount.source)) is not None and not volume_mounts.is_mounted(mount.path):
            volume_mounts.mount(own, mount.path)  # in this namespace alone
        options = ["rbind", *(["ro"] if mount.read_only else [])]
        try:
            entry = {"type": "bind", "source": mount.path or mount.source, "destination": mount.target, "options": options}
            mounter.mount(entry | {SUBPATH: mount.subpath, LAYERS: layers})
        except LongshoreError:
            continue  # its place was never made, and a view that is only read does not make it


def _cloned(record: ContainerRecord) -> int:
    """A copy of the root's mount without what is mounted below, which only the container's mount namespace gives out."""
    pidfd = processes.open_same(record.state.pid, record.pid_start)
    try:
        syscalls.unshare(_CLONE_FS)
        syscalls.setns(pidfd, namespaces.CLONE_NEWNS)  # its root directory is ours now, in this thread
        return mounts.clone_path("/", recursive=False)
    finally:
        os.close(pidfd)


def _thread(call: Callable[[], T], doing: str) -> T:
    """The result of a call in a thread of its own, which takes its namespaces with it when it ends."""
    done: list[T] = []
    failed: list[BaseException] = []
    ended = allocate_lock()

    def run() -> None:
        try:
            done.append(call())
        except BaseException as error:
            failed.append(error)
        finally:
            ended.release()

    ended.acquire()
    start_new_thread(run, ())
    ended.acquire()
    if not failed:
        return done[0]
    error = failed[0]
    if isinstance(error, LongshoreError):
        raise error
    if isinstance(error, OSError):
        raise faults.from_os(error, doing) from error
    raise EngineFault(f"{doing}: {type(error).__name__} {error}") from error
