"""What is left in the kernel of containers that do not run: mounts, control groups, interfaces, addresses."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from functools import partial

from engine.backends.embedded.checkup.visit import Mend, Visit, quiet
from engine.errors import LongshoreError
from engine.linux import cgroups, syscalls
from engine.model.check import CheckEvent, CheckNote, CheckProgress
from engine.runtime.spec import CGROUP_PARENT
from engine.store.networks import Networks
from engine.supervisor import places, recovery
from engine.supervisor.specs import spec_for_cleaning

_DETACH = 2
_OCTAL = re.compile(r"\\([0-7]{3})", re.ASCII)
"""How proc_pid_mountinfo(5) writes blanks and backslashes."""
_PATIENCE = 1.0
"""Seconds after which a supervisor or a removal has cleared away what its container left."""
_DYING = 5.0


def look(visit: Visit) -> Iterator[CheckEvent]:
    """Only what is ours, by its path, its name or its group: other engines' things are never touched."""
    yield CheckProgress(stage="kernel", total=1)
    if os.geteuid():
        yield CheckNote(text="only root sees what is in the kernel: mounts, control groups and networks were not looked at")
        return
    yield from _mounts(visit)
    yield from _groups(visit)
    yield from _leases(visit)
    yield from _interfaces(visit)
    yield CheckProgress(stage="kernel", done=1, total=1)


def _mounts(visit: Visit) -> Iterator[CheckEvent]:
    """Containers mount in namespaces of their own: what is seen from here was abandoned."""
    roots = visit.core.roots
    ours = tuple(f"{os.path.realpath(path)}/" for path in (roots.containers, roots.layers, f"{roots.run}/containers"))
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        points = [_OCTAL.sub(lambda found: chr(int(found[1], 8)), line.split(" ")[4]) for line in file]
    for point in reversed(points):
        if point.startswith(ours):
            act = quiet(syscalls.umount2, point, _DETACH)
            yield visit.finding(f"mount {point}", "nobody uses it", Mend(will="a repair takes it away", done="taken away", act=act))


def _groups(visit: Visit) -> Iterator[CheckEvent]:
    """Groups of containers of ours that do not run, or are gone. Other engines' containers have theirs in the same place."""
    known = {record.id: record for record in visit.core.containers.all()}
    for container_id in sorted(_group_names()):
        group = cgroups.open_cgroup(f"{CGROUP_PARENT}/{container_id}")
        record = known.get(container_id)
        if record is None:
            if _was_ours(visit, container_id) and _stays(group):
                mend = Mend(will="a repair kills what is in it and removes it", done="removed", act=partial(_clear, group))
                yield visit.finding(f"control group {group.path}", "its container is gone", mend)
            continue
        lock = places.try_lock(visit.core.roots, container_id)
        if lock is None:
            continue
        try:
            if group.exists():
                spec = spec_for_cleaning(visit.core.roots, container_id)
                act = quiet(recovery.clear, visit.core.network_manager, record, spec)
                mend = Mend(will="a repair kills what is in it and removes it", done="removed", act=act)
                yield visit.finding(f"control group {group.path}", f"container {record.name} does not run", mend)
        finally:
            lock.release()


def _group_directories() -> list[str]:
    try:
        layout = cgroups.detect()
    except OSError:
        return []
    return [f"{point}{CGROUP_PARENT}" for point in {*layout.v1.values(), *([layout.v2] if layout.v2 else [])}]


def _group_names() -> set[str]:
    found: set[str] = set()
    for directory in _group_directories():
        try:
            found.update(entry.name for entry in os.scandir(directory) if entry.is_dir() and len(entry.name) == 64)
        except OSError:
            continue
    return found


def _was_ours(visit: Visit, container_id: str) -> bool:
    """An event remembers the container."""
    return bool(visit.core.database.query("SELECT 1 FROM events WHERE kind = 'container' AND object = ? LIMIT 1", container_id))


def _stays(group: cgroups.Cgroup) -> bool:
    """Nobody is about to remove it."""
    time.sleep(_PATIENCE)
    return group.exists()


def _clear(group: cgroups.Cgroup) -> str | None:
    deadline = time.monotonic() + _DYING
    while not group.remove():
        if time.monotonic() > deadline:
            return f"processes {', '.join(map(str, group.pids()))} do not die"
        group.kill()
        time.sleep(0.01)
    return None


def _leases(visit: Visit) -> Iterator[CheckEvent]:
    core = visit.core
    names = {record.id: record.name for record in core.containers.all()}
    for lease in Networks(core.database).leases():
        if places.alive(core.roots, lease.container_id):
            continue
        if not any(lease == other for other in core.networks.leases(container_id=lease.container_id)):
            continue
        owner = names.get(lease.container_id)
        reason = f"container {owner} does not run" if owner else f"its container {lease.container_id[:12]} is gone"
        act = quiet(core.network_manager.sweep, partial(places.alive, core.roots))
        mend = Mend(will="a repair frees it, with its ports", done="freed", act=act)
        yield visit.finding(f"address {lease.address}", reason, mend)


def _interfaces(visit: Visit) -> Iterator[CheckEvent]:
    """Cables and bridges that no lease needs; looked at again after the time that a supervisor takes."""
    manager = visit.core.network_manager
    try:
        found = manager.surplus()
        if found:
            time.sleep(_PATIENCE)
            found = [name for name in manager.surplus() if name in found]
    except LongshoreError as error:
        yield CheckNote(text=f"interfaces were not looked at: {error.message}")
        return
    for name in found:
        mend = Mend(will="a repair removes it", done="removed", act=quiet(manager.tidy))
        yield visit.finding(f"interface {name}", "no running container needs it", mend)
