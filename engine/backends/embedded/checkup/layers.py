"""Every layer that an image needs: unpacked again from its blob, and compared with what is there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from itertools import islice

from engine.backends.embedded import usage
from engine.backends.embedded.checkup.visit import Mend, Visit, quiet
from engine.errors import Conflict, CorruptData, DiskFull, NotFound
from engine.image.compare import differences
from engine.image.layers import Again
from engine.linux import syscalls
from engine.model.check import CheckEvent, CheckNote, CheckProgress, Finding
from engine.model.value import Value
from engine.store.images import ImageRecord
from engine.store.layers import LayerRecord, Layers
from engine.store.locks import Lock
from engine.supervisor import places

_SHOWN = 3


class Wanted(Value):
    """A layer that images need: where it stands (``parents`` are the chain IDs below, lowest first), and blobs that hold it."""

    chain_id: str
    diff_id: str
    parents: tuple[str, ...] = ()
    blobs: tuple[str, ...] = ()
    images: tuple[ImageRecord, ...] = ()

    @property
    def subject(self) -> str:
        """How a finding names it."""
        return f"layer {self.chain_id}"


def look(visit: Visit) -> Iterator[CheckEvent]:
    """Lowest first, so that what is unpacked on top finds what it needs."""
    layers = wanted(visit.core.images.all())
    rows = {row.chain_id: row for row in Layers(visit.core.database).all()}
    for number, layer in enumerate(layers):
        visit.go_on()
        yield CheckProgress(stage="layers", done=number, total=len(layers))
        if not _still(visit, layer):
            continue
        if visit.damaged.intersection(layer.parents):
            visit.damaged.add(layer.chain_id)
            yield CheckNote(text=f"{layer.subject} was not compared: a layer below it is damaged")
            continue
        for event in _one(visit, layer, rows.get(layer.chain_id)):
            if isinstance(event, Finding) and event.outcome != "mended":
                visit.damaged.add(layer.chain_id)
            yield event
    yield CheckProgress(stage="layers", done=len(layers), total=len(layers))


def wanted(records: list[ImageRecord]) -> list[Wanted]:
    """The layers of images, those below before those above."""
    found: dict[str, Wanted] = {}
    for record in records:
        for place, chain_id in enumerate(record.chain_ids):
            known = found.get(chain_id) or Wanted(chain_id=chain_id, diff_id=record.diff_ids[place], parents=record.chain_ids[:place])
            blobs = record.blobs[place : place + 1]
            found[chain_id] = known.replace(blobs=(*known.blobs, *blobs), images=(*known.images, record))
    return sorted(found.values(), key=lambda layer: len(layer.parents))


def _still(visit: Visit, layer: Wanted) -> bool:
    """An image that needs it is there, as it was when the check began."""
    for record in layer.images:
        with contextlib.suppress(NotFound):
            if layer.chain_id in visit.core.images.get(record.id).chain_ids:
                return True
    return False


def _one(visit: Visit, layer: Wanted, row: LayerRecord | None) -> Iterator[CheckEvent]:
    there = os.path.isdir(visit.layers.path(layer.chain_id))
    reason = _outside(layer, row, there=there)
    blob = next((digest for digest in layer.blobs if digest in visit.whole), "")
    if not blob:
        yield from _without_blob(visit, layer, row, reason, there=there)
        return
    try:
        with visit.layers.again(_chunks(visit, blob), diff_id=layer.diff_id, parents=layer.parents, stop=visit.stop) as again:
            inside = list(islice(_compared(visit, layer, again), _SHOWN + 1)) if there else []
            if not reason and not inside:
                return
            if there and not inside:
                act = quiet(visit.layers.record, again.record)
                yield visit.finding(layer.subject, reason, Mend(will="a repair records it again", done="recorded again", act=act))
                return
            told = "; ".join((*([reason] if reason else []), *inside[:_SHOWN], *(["and more"] if len(inside) > _SHOWN else [])))
            act = quiet(_replace, visit, layer, again, there=there)
            yield visit.finding(layer.subject, told, Mend(will="a repair unpacks it from its blob again", done="unpacked again", act=act))
    except DiskFull as error:
        visit.damaged.update((layer.chain_id,) if reason else ())
        yield CheckNote(text=f"{layer.subject} was not compared, which takes as much space as the layer: {error.message}")
        if reason:
            yield visit.finding(layer.subject, reason, otherwise=error.hint)
    except CorruptData as error:
        yield visit.finding(layer.subject, f"its blob does not unpack to it: {error.message}", otherwise=_pull(visit, layer))


def _outside(layer: Wanted, row: LayerRecord | None, *, there: bool) -> str:
    """What is wrong with it without a look inside."""
    if not there:
        return "its directory is missing"
    if row is None:
        return "the database does not know it"
    if (row.diff_id, row.parent) != (layer.diff_id, layer.parents[-1] if layer.parents else ""):
        return "the database says something else of what it is made of"
    return ""


def _without_blob(visit: Visit, layer: Wanted, row: LayerRecord | None, reason: str, *, there: bool) -> Iterator[CheckEvent]:
    """Nothing to compare it with but its size. One that is only not recorded is taken as it is: there is no other copy."""
    size = usage.tree_size(visit.layers.path(layer.chain_id)) if there else 0
    if not reason and row is not None and size == row.size:
        yield CheckNote(text=f"{layer.subject} could not be compared with its blob, which is missing or damaged; its size is right")
        return
    if there and reason:
        parent = layer.parents[-1] if layer.parents else ""
        record = LayerRecord(chain_id=layer.chain_id, diff_id=layer.diff_id, parent=parent, size=size)
        act = quiet(visit.layers.record, record)
        mend = Mend(
            will="a repair records it again, unseen", done="recorded again; without its blob nobody knows whether it is whole", act=act
        )
        yield visit.finding(layer.subject, reason, mend)
        return
    reason = reason or f"it has {size} bytes for {row.size if row else 0}"
    if not there:
        yield visit.finding(layer.subject, reason, otherwise=_pull(visit, layer))
        return

    def remove() -> str:
        with held(visit, layer):
            visit.layers.remove(layer.chain_id)
        return f"removed; {_pull(visit, layer)}"

    will = f"its blob is gone too: a repair removes it, so that the next pull of {visit.users(layer.images)} brings both again"
    yield visit.finding(layer.subject, reason, Mend(will=will, done="removed", act=remove))


def _pull(visit: Visit, layer: Wanted) -> str:
    return f"`longshore pull {visit.users(layer.images[:1])}` brings it again"


def _compared(visit: Visit, layer: Wanted, again: Again) -> Iterator[str]:
    directory = os.path.dirname(visit.layers.path(layer.chain_id))
    found, right = (os.open(f"{path}/diff", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) for path in (directory, again.path))
    try:
        yield from differences(found, right, visit.stop)
    finally:
        os.close(found)
        os.close(right)
    if _opaque(directory) != _opaque(again.path):
        yield "the list of its opaque directories is another"


def _opaque(directory: str) -> set[bytes]:
    try:
        with open(f"{directory}/opaque", "rb") as file:
            return set(file.read().split(b"\0"))
    except FileNotFoundError:
        return set()


def _chunks(visit: Visit, digest: str) -> Iterator[bytes]:
    with os.fdopen(visit.blobs.open(digest), "rb", buffering=0) as file:
        while chunk := file.read(1 << 20):
            yield chunk


def _replace(visit: Visit, layer: Wanted, again: Again, *, there: bool) -> None:
    directory = os.open(again.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        syscalls.syncfs(directory)  # now, rather than while the database is locked
    finally:
        os.close(directory)
    with held(visit, layer) if there else contextlib.nullcontext():
        visit.layers.replace(again)


@contextlib.contextmanager
def held(visit: Visit, layer: Wanted) -> Iterator[None]:
    """No container stands on the layer, and none comes to stand on it: none is made, and those that there are do not start.

    Raises:
        Conflict: one runs.
    """
    core = visit.core
    locks: list[Lock] = []
    with core.database.transaction():
        try:
            for container in core.containers.all():
                images = {container.image_id, *(mount.image_id for mount in container.mounts)}
                if not any(layer.chain_id in record.chain_ids for record in core.images.all() if record.id in images):
                    continue
                lock = places.try_lock(core.roots, container.id)
                if lock is None:
                    raise Conflict(f"container {container.name} runs on it", hint="stop it and repair again")
                locks.append(lock)
            yield
        finally:
            for lock in locks:
                lock.release()
