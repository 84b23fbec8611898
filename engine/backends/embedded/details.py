"""Inspect, rename and prune of containers."""

from __future__ import annotations

from engine.backends.embedded import confined, listing, names, view
from engine.backends.embedded.core import Core
from engine.errors import Conflict, InvalidArgument, NotFound
from engine.model import filters as filtering
from engine.model.containers import ContainerDetails, ContainerStatus, PruneReport
from engine.model.filters import Filters
from engine.store import health
from engine.store.containers import ContainerRecord
from engine.store.logs import record as logs
from engine.supervisor import records

_STOPPED = (ContainerStatus.CREATED, ContainerStatus.EXITED, ContainerStatus.DEAD)
DRIVER = "overlayfs"


def inspect(core: Core, container: str, *, size: bool) -> ContainerDetails:
    """Everything about a container. Raises NotFound."""
    from engine.dockerapi import show_container

    record = core.containers.resolve(container)
    shown = view.summary(record)
    if size:
        written, whole = listing.sizes(core, record)
        shown = shown.replace(size_rw=written, size_rootfs=whole)
    directory = core.roots.container_dir(record.id)
    numbers = logs.numbers(core.roots.log_dir(record.id))
    labels = confined.of(core, record)
    details = ContainerDetails(
        container=shown,
        config=record.config,
        host_config=record.host_config,
        path=record.argv[0] if record.argv else "",
        args=record.argv[1:],
        log_path=logs.path_of(core.roots.log_dir(record.id), numbers[-1]) if numbers else "",
        driver=DRIVER,
        app_armor_profile=labels.profile,
        process_label=labels.process,
        mount_label=labels.mount,
        health=health.read(core.roots, record.id) if record.state.health else None,
    )
    graph = {"LowerDir": _lower(core, record), "MergedDir": f"{directory}/rootfs", "UpperDir": f"{directory}/upper"}
    return details.replace(raw=show_container.container(details, files=directory, graph={**graph, "WorkDir": f"{directory}/work"}))


def _lower(core: Core, record: ContainerRecord) -> str:
    try:
        chain_ids = core.images.get(record.image_id).chain_ids
    except NotFound:
        return ""
    return ":".join(f"{core.roots.layers}/{chain_id.partition(':')[2]}/diff" for chain_id in reversed(chain_ids))


def rename(core: Core, container: str, name: str) -> None:
    """Give a container another name.

    Raises:
        InvalidArgument: the name is not allowed, or the one it has.
        Conflict: it is in use.
    """
    if not name:
        raise InvalidArgument("Neither old nor new names may be empty")
    record = core.containers.resolve(container)
    plain = names.check_container(name)
    if plain == record.name:
        raise InvalidArgument("Renaming a container with the same name as its current name")
    core.containers.rename(record.id, plain, records.event(record.replace(name=plain), "rename", oldName=f"/{record.name}"))


def prune(core: Core, filters: Filters) -> PruneReport:
    """Remove every container that does not run. Filters: label, until."""
    filtering.check(filters, ("label", "label!", "until"))
    until = filtering.deadline(filters)
    removed: list[str] = []
    freed = 0
    for record in core.containers.by_status(*_STOPPED):
        if not filtering.labels_match(filters, record.config.labels) or (until is not None and record.created_at >= until):
            continue
        size = listing.sizes(core, record)[0]
        try:
            core.lifecycle.remove(record.id)
        except (Conflict, NotFound):
            continue  # it was started or removed meanwhile
        removed.append(record.id)
        freed += size
    return PruneReport(removed=tuple(removed), space_reclaimed=freed)
