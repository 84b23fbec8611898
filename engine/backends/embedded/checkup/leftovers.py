"""What no image needs, and what was left half-made. Only while nobody pulls, loads or commits: what those bring is not named yet.

What an image needed when the check began, and none does any more, is no problem: whoever removed the image could not collect it because of
us, so that it is done here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from engine.backends.embedded.checkup.visit import Mend, Visit, quiet
from engine.image import catalog, claims, indexes
from engine.image.tree import remove_tree
from engine.model.check import CheckEvent, CheckNote, CheckProgress
from engine.model.units import human_size
from engine.runtime.rootfs import OVERLAY_LOWER
from engine.store import atomic
from engine.store.images import wanted_blobs
from engine.store.layers import Layers
from engine.store.locks import Lock
from engine.supervisor.specs import spec_for_cleaning

_TEMPORARY = re.compile(r"\.(\d+)-\d+\.tmp$", re.ASCII)


def look(visit: Visit) -> Iterator[CheckEvent]:
    """Blobs and layers without an image, downloads that nobody continues, directories without a record."""
    yield CheckProgress(stage="leftovers", total=1)
    lock = Lock(catalog.lock_path(visit.core.roots))
    if not lock.try_exclusive():
        yield CheckNote(text="something is being pulled, loaded or committed: what no image needs was not looked for")
        return
    try:
        yield from _blobs(visit)
        yield from _layers(visit)
        yield from _directories(visit)
        yield from _ingest(visit)
        yield from _temporary(visit)
    finally:
        lock.release()
    yield CheckProgress(stage="leftovers", done=1, total=1)


def _blobs(visit: Visit) -> Iterator[CheckEvent]:
    wanted, before = indexes.wanted(visit.core.images, visit.blobs), wanted_blobs(visit.begun)
    for digest in sorted(visit.blobs.all()):
        if digest not in wanted and digest in before:
            visit.blobs.delete(digest)
        elif digest not in wanted and digest in visit.whole:
            act = quiet(visit.blobs.delete, digest)
            yield visit.finding(f"blob {digest}", "no image needs it", Mend(will="a repair removes it", done="removed", act=act))


def _layers(visit: Visit) -> Iterator[CheckEvent]:
    needed = {chain_id for record in visit.core.images.all() for chain_id in record.chain_ids}
    before = {chain_id for record in visit.begun for chain_id in record.chain_ids}
    held = _held(visit)
    for row in reversed(Layers(visit.core.database).all()):
        if row.chain_id in needed:
            continue
        subject, reason = f"layer {row.chain_id}", "no image needs it"
        if os.path.realpath(visit.layers.path(row.chain_id)) in held:
            yield CheckNote(text=f"{subject} has no image any more, but a container stands on it")
            continue
        if row.chain_id in before:
            visit.layers.remove(row.chain_id)
            continue
        act = quiet(visit.layers.remove, row.chain_id)
        yield visit.finding(subject, reason, Mend(will="a repair removes it", done="removed", act=act))


def _held(visit: Visit) -> set[str]:
    """Layers that containers stand on, whatever became of their images."""
    found: set[str] = set()
    for record in visit.core.containers.all():
        notes = spec_for_cleaning(visit.core.roots, record.id).get("annotations") or {}
        found.update(map(os.path.realpath, str(notes.get(OVERLAY_LOWER) or "").split("\n")))
    return found


def _directories(visit: Visit) -> Iterator[CheckEvent]:
    root = visit.core.roots.layers
    needed = {chain_id for record in visit.core.images.all() for chain_id in record.chain_ids}
    known = {row.chain_id for row in Layers(visit.core.database).all()} | needed
    keep = {os.path.basename(os.path.dirname(visit.layers.path(chain_id))) for chain_id in known}
    held = _held(visit)
    for name in sorted(os.listdir(root)):
        path = f"{root}/{name}"
        if name in keep or os.path.realpath(f"{path}/diff") in held or (os.path.isdir(path) and claims.is_locked(path)):
            continue
        reason = "it was left half-made" if name.startswith(".") else "no record names it"
        act = quiet(claims.remove, path)
        yield visit.finding(path, reason, Mend(will="a repair removes it", done="removed", act=act))


def _ingest(visit: Visit) -> Iterator[CheckEvent]:
    root = visit.core.roots.ingest
    for name in sorted(os.listdir(root)):
        if name.endswith(".lock"):
            continue  # empty, and removed with the next prune
        path = f"{root}/{name}"
        reason = f"{human_size(os.lstat(path).st_size)} of something that was never finished"
        act = quiet(_drop, path)
        yield visit.finding(path, reason, Mend(will="the next pull of it goes on there; a repair removes it", done="removed", act=act))


def _drop(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        remove_tree(path)
        return
    with Lock(f"{path}.lock") as lock:
        atomic.discard(path)
        atomic.discard(lock.path)


def _temporary(visit: Visit) -> Iterator[CheckEvent]:
    """Files that were to replace others (:mod:`engine.store.atomic`), of processes that are gone."""
    for directory in (visit.core.roots.state, visit.core.roots.layout):
        for name in sorted(os.listdir(directory)):
            writer = _TEMPORARY.search(name)
            if writer and not os.path.exists(f"/proc/{writer[1]}"):
                act = quiet(atomic.discard, f"{directory}/{name}")
                mend = Mend(will="a repair removes it", done="removed", act=act)
                yield visit.finding(f"{directory}/{name}", "whoever wrote it is gone", mend)
