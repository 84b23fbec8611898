"""Containers: what each needs on disk to be started, whether its state is true, and directories of those that are gone."""

from __future__ import annotations

import os
from collections.abc import Iterator

from engine.backends.embedded import recovery
from engine.backends.embedded.checkup.visit import Mend, Visit, quiet
from engine.errors import EngineFault, NotFound
from engine.model.check import CheckEvent, CheckProgress
from engine.runtime.rootfs import OVERLAY_LOWER
from engine.store.containers import ContainerRecord
from engine.supervisor.recovery import settle
from engine.supervisor.specs import load_spec
from engine.supervisor.trees import remove_tree


def look(visit: Visit) -> Iterator[CheckEvent]:
    """The sweep of every start has been here before: what is found of states and directories is what it could not do."""
    core = visit.core
    for container_id in sorted(recovery.suspects(core.roots, core.database)):
        act = quiet(settle, core.roots, core.database, container_id)
        mend = Mend(will="a repair makes its state true", done="its state is true again", act=act)
        yield visit.finding(f"container {container_id[:12]}", "its supervisor is gone", mend)
    for path in recovery.orphans(core.roots, core.database):
        act = quiet(remove_tree, path)
        yield visit.finding(path, "its container is gone", Mend(will="a repair removes it", done="removed", act=act))
    records = core.containers.all()
    for number, record in enumerate(records):
        visit.go_on()
        yield CheckProgress(stage="containers", done=number, total=len(records))
        for event in _one(visit, record):
            if not _there(visit, record):
                break
            yield event
    yield CheckProgress(stage="containers", done=len(records), total=len(records))


def _there(visit: Visit, record: ContainerRecord) -> bool:
    try:
        visit.core.containers.get(record.id)
    except NotFound:
        return False
    return True


def _one(visit: Visit, record: ContainerRecord) -> Iterator[CheckEvent]:
    subject = f"container {record.name}"
    remove = f"`longshore rm -f {record.name}` removes it"
    directory = visit.core.roots.container_dir(record.id)
    if not os.path.isdir(directory):
        yield visit.finding(subject, "its directory is gone, with all that it has written", otherwise=remove)
        return
    try:
        spec = load_spec(visit.core.roots, record.id)
    except EngineFault as error:
        yield visit.finding(subject, error.message, otherwise=f"what it has written lies in {directory}/upper; {remove}")
        return
    try:
        visit.core.images.get(record.image_id)
    except NotFound:
        yield visit.finding(subject, f"its image {record.image_id} is gone", otherwise=f"`longshore pull {record.image}`, or {remove}")
    overlay = OVERLAY_LOWER in (spec.get("annotations") or {})
    kept = "upper" if overlay else "rootfs"
    if not os.path.isdir(f"{directory}/{kept}"):
        yield visit.finding(subject, f"{directory}/{kept} is gone, with all that it has written", otherwise=remove)
    for name in ("work", "rootfs") if overlay else ():
        path = f"{directory}/{name}"
        if not os.path.isdir(path):
            act = quiet(os.mkdir, path, 0o700)
            yield visit.finding(subject, f"{path} is missing", Mend(will="a repair makes it", done="made", act=act))
    yield from _places(visit, record, subject)


def _places(visit: Visit, record: ContainerRecord, subject: str) -> Iterator[CheckEvent]:
    """The volumes, images and networks that it is to have."""
    core = visit.core
    volumes = {volume.name for volume in core.volumes.all()}
    images = {image.id for image in core.images.all()}
    for mount in record.mounts:
        if mount.kind == "volume" and mount.source not in volumes:
            yield visit.finding(
                subject, f"its volume {mount.source} is gone", otherwise=f"`longshore volume create {mount.source}` makes an empty one"
            )
        if mount.kind == "image" and mount.image_id not in images:
            yield visit.finding(
                subject, f"the image {mount.source} that it mounts is gone", otherwise=f"`longshore pull {mount.source}` and make it again"
            )
    networks = {name for network in core.networks.all() for name in (network.id, network.name)}
    for place in record.endpoints:
        if networks and not networks.intersection((place.network_id, place.network)):
            hint = f"`longshore network disconnect -f {place.network} {record.name}`, or make it again"
            yield visit.finding(subject, f"its network {place.network} is gone", otherwise=hint)
