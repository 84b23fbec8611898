"""What Podman's Docker API leaves out or refuses, made good from what else it tells."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from engine.errors import Conflict, NotFound
from engine.model import filters as filtering
from engine.model.containers import PruneReport
from engine.model.filters import Filters
from engine.model.system import DiskUsage

if TYPE_CHECKING:
    from engine.backends.docker.containers import DockerContainers
    from engine.backends.docker.images import DockerImages

_PRUNE_FILTERS = ("dangling", "until", "label", "label!")


def wants_unused(filters: Filters) -> bool:
    """``dangling=false``: every image without a container is to go, which podman answers with an error of its own making."""
    return filtering.boolean(filters, "dangling") is False


async def prune_unused(
    images: DockerImages, containers: DockerContainers, contents: Mapping[str, Mapping[str, int]], filters: Filters
) -> PruneReport:
    """Remove every image that no container uses, name by name, and never by force: that would take containers along.

    Args:
        contents: sizes of each image's layers, for the space that becomes free.

    Raises:
        InvalidArgument: a filter is unknown or malformed.
    """
    filtering.check(filters, _PRUNE_FILTERS)
    before = filtering.deadline(filters)
    used = {one.image_id for one in await containers.list(all=True)}
    removed: list[str] = []
    gone: set[str] = set()
    for image in await images.list():
        if image.id in used or not filtering.labels_match(filters, image.labels) or (before is not None and image.created_at > before):
            continue
        lines: list[str] = []
        try:
            for name in image.tags or (image.id,):
                lines += [line.untagged or line.deleted for line in await images.remove(name)]
        except (Conflict, NotFound):
            continue  # somebody took it, or was faster
        finally:
            removed += lines
        gone.add(image.id)
    space = sum(_together(contents, contents)) - sum(_together(contents, contents.keys() - gone))
    return PruneReport(removed=tuple(removed), space_reclaimed=space)


def with_layers(usage: DiskUsage, contents: Mapping[str, Mapping[str, int]]) -> DiskUsage:
    """The sum of all layers, which podman gives as 0, from the layers of each image: shared ones count once."""
    used = {image.id for image in usage.images if image.containers > 0}
    total = sum(_together(contents, contents))
    kept = sum(_together(contents, used))
    items = tuple(item.replace(size=total, reclaimable=max(total - kept, 0)) if item.kind == "Images" else item for item in usage.items)
    return usage.replace(items=items, layers_size=total)


def _together(contents: Mapping[str, Mapping[str, int]], images: Collection[str]) -> Collection[int]:
    found: dict[str, int] = {}
    for image, sizes in contents.items():
        if image in images:
            found.update(sizes)
    return found.values()
