"""Commit: an image from a container, frozen while its files are read."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator

from engine.backends.embedded.core import Core
from engine.backends.embedded.sides import sides
from engine.errors import InvalidArgument, LongshoreError
from engine.image import catalog, changes, commit
from engine.image.difference import difference
from engine.image.layers import LayerStore
from engine.model.containers import ContainerStatus
from engine.model.files import CommitConfig
from engine.model.reference import Reference, parse
from engine.store import events
from engine.store.containers import ContainerRecord
from engine.store.images import ImageRecord
from engine.store.layout import publish
from engine.store.locks import Lock
from engine.supervisor import records


def create_image(core: Core, container: str, wanted: CommitConfig) -> str:
    """See :meth:`engine.interface.containers.ContainerFiles.commit`."""
    reference = _reference(wanted.reference)
    record = core.containers.resolve(container)
    if record.state.status in (ContainerStatus.REMOVING, ContainerStatus.DEAD):
        raise InvalidArgument(f"You cannot commit container {record.id} which is being removed")
    parent = core.images.get(record.image_id)
    above = json.loads(core.catalog.raw_config(parent)).get("config")
    config = commit.config_of(record.config, above if isinstance(above, dict) else {})
    config = changes.over(changes.apply(config, wanted.changes), config)
    lock = Lock(catalog.lock_path(core.roots.ensure())).shared()  # until the record names it, nobody may take the layer for garbage
    try:
        with LayerStore(core.roots, core.database) as layers:
            made = _layer(core, record, pause=wanted.pause)
            try:
                if made is not None:
                    commit.store_layer(core.roots, layers, made, parent.chain_ids)
                image = commit.describe(
                    core.roots,
                    layers,
                    parent,
                    made,
                    config,
                    author=wanted.author,
                    comment=wanted.comment,
                    created_by=" ".join(record.config.cmd or ()),
                )
            finally:
                if made is not None:
                    os.unlink(made.path)
        _record(core, record, image, reference, wanted.comment)
    finally:
        lock.release()
    publish(core.roots, core.database)
    return image.id


def _reference(text: str) -> Reference | None:
    if not text:
        return None
    reference = parse(text)
    if reference.digest:
        raise InvalidArgument("cannot commit to a reference with a digest")
    return reference.tagged


def _layer(core: Core, record: ContainerRecord, *, pause: bool) -> commit.Made | None:
    """The container's changes as a layer; ``None`` when there are none."""
    with _frozen(core, record) if pause else contextlib.nullcontext(), sides(core, record) as both:
        changes = difference(both.upper, both.lower, whole=both.whole)
        return commit.write_layer(core.roots, commit.layer(both.upper, changes)) if changes else None


@contextlib.contextmanager
def _frozen(core: Core, record: ContainerRecord) -> Iterator[None]:
    """Pause it if it runs, and let it go on afterwards; what ends meanwhile needs neither."""
    paused = False
    if record.state.status is ContainerStatus.RUNNING:
        try:
            core.lifecycle.pause(record.id)
            paused = True
        except LongshoreError:
            pass
    try:
        yield
    finally:
        if paused:
            with contextlib.suppress(LongshoreError):
                core.lifecycle.unpause(record.id)


def _record(core: Core, record: ContainerRecord, image: ImageRecord, reference: Reference | None, comment: str) -> None:
    named = {"imageRef": reference.canonical} if reference else {}
    with core.database.transaction() as connection:
        core.images.put(image, reference.canonical if reference else "")
        events.append(connection, records.event(record, "commit", comment=comment, imageID=image.id, **named))
        if reference:
            events.append(connection, catalog.image_event("tag", image, reference.familiar))
