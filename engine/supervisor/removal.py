"""Remove a container for good: row and event first, then what it had on disk.

Whoever removes holds the container's lock. A death in between leaves a directory without a row: invisible, and taken away
by the recovery sweep.
"""

from __future__ import annotations

from engine.errors import Conflict, LongshoreError, NotFound
from engine.linux.cgroups import open_cgroup
from engine.store import events
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database
from engine.store.roots import Roots
from engine.store.volumes import Volumes
from engine.supervisor import records
from engine.supervisor.specs import spec_for_cleaning
from engine.supervisor.trees import remove_tree


def remove(roots: Roots, database: Database, record: ContainerRecord, *, volumes: bool) -> None:
    """Remove a container that does not run; with ``volumes`` its anonymous volumes too.

    Raises:
        EngineFault, Forbidden: something on disk could not be removed. The container itself is gone.
    """
    if not Containers(database).delete(record.id, records.event(record, "destroy")):
        return
    _clear_late(roots, database, record)
    failed: list[LongshoreError] = []
    for path in (roots.container_dir(record.id), roots.container_run_dir(record.id)):
        try:
            remove_tree(path)
        except LongshoreError as error:
            failed.append(error)
    if volumes:
        for mount in record.mounts:
            if mount.kind == "volume":
                _remove_anonymous(roots, database, mount.source)
    if failed:
        raise failed[0]


def _clear_late(roots: Roots, database: Database, record: ContainerRecord) -> None:
    """Take away what the clerk of a killed supervisor made after the sweep had looked.

    A dying process gives its locks up a moment before its children are told (exit(2)): in between its clerk may go on with a
    start. The control group is the first thing that a start makes, so without one there is nothing.
    """
    try:
        spec = spec_for_cleaning(roots, record.id)
        group = open_cgroup(spec["linux"].get("cgroupsPath") or "")
    except (OSError, KeyError, ValueError):
        return
    if group is not None and group.exists():
        from engine.network.manager import NetworkManager
        from engine.supervisor import kernel

        kernel.dismantle(NetworkManager(roots, database), record, spec)


def forget_run(roots: Roots, container_id: str) -> None:
    """Take the run directory of a container away that somebody else has removed. Raises what :func:`remove` raises."""
    remove_tree(roots.container_run_dir(container_id))


def _remove_anonymous(roots: Roots, database: Database, name: str) -> None:
    table = Volumes(database)
    try:
        if not table.get(name).anonymous:
            return
        table.delete(name, events.make("volume", "destroy", name, {"driver": "local"}))
    except (NotFound, Conflict):
        return  # gone already, or another container uses it
    from engine.runtime import volume_mounts

    volume_mounts.unmount(roots.volume_dir(name))
    remove_tree(roots.volume_dir(name).removesuffix("/_data"))
