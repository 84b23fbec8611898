"""A container's own files and those of its image, as two directories to compare."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

from engine.backends.embedded.core import Core
from engine.errors import NotFound
from engine.image.difference import difference
from engine.image.layers import LayerStore
from engine.image.tree import remove_tree
from engine.linux import mounts
from engine.model.files import Change
from engine.model.value import Value
from engine.runtime.rootfs import OVERLAY_LOWER
from engine.store import faults
from engine.store.containers import ContainerRecord
from engine.supervisor.specs import load_spec


def changes(core: Core, container: str) -> Sequence[Change]:
    """See :meth:`engine.interface.containers.ContainerFiles.changes`."""
    with sides(core, core.containers.resolve(container)) as both:
        return difference(both.upper, both.lower, whole=both.whole)


class Sides(Value):
    """Descriptors of both directories; ``whole``: the upper one is a complete copy of a file system without overlayfs."""

    upper: int
    lower: int
    whole: bool


def layers_of(core: Core, record: ContainerRecord) -> list[str]:
    """Directories of the layers of a container's image, topmost first. Raises NotFound."""
    try:
        image = core.images.get(record.image_id)
    except NotFound:
        raise NotFound(f"No such image: {record.image_id}") from None
    return LayerStore(core.roots, core.database).lowers(image.chain_ids)


def has_overlay(core: Core, record: ContainerRecord) -> bool:
    """The container's file system is an overlay, not a copy."""
    return OVERLAY_LOWER in (load_spec(core.roots, record.id).get("annotations") or {})


def open_layers(layers: Sequence[str]) -> int:
    """The merged, read-only view of layers (topmost first) as a descriptor. Raises OSError."""
    if len(layers) == 1:  # an overlay without upper needs two
        return os.open(layers[0], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return mounts.overlay(layers, "", "")


@contextlib.contextmanager
def sides(core: Core, record: ContainerRecord) -> Iterator[Sides]:
    """Both sides of a container, closed at the end.

    Raises:
        NotFound: the image's layers are gone.
        EngineFault: they can not be opened.
    """
    directory = core.roots.container_dir(record.id)
    layers = layers_of(core, record)
    overlay = has_overlay(core, record)
    flat = ""
    try:
        if not overlay:
            flat = f"{directory}/image-{os.urandom(8).hex()}"
            os.mkdir(flat, 0o700)
            LayerStore(core.roots, core.database).flatten(core.images.get(record.image_id).chain_ids, flat)
        upper = os.open(f"{directory}/{'upper' if overlay else 'rootfs'}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            lower = open_layers([flat] if flat else layers) if layers else os.open(_empty(directory), os.O_RDONLY | os.O_CLOEXEC)
            try:
                yield Sides(upper=upper, lower=lower, whole=not overlay)
            finally:
                os.close(lower)
        finally:
            os.close(upper)
    except OSError as error:
        raise faults.from_os(error, f"compare container {record.short_id} with its image") from error
    finally:
        if flat:
            remove_tree(flat)


def _empty(directory: str) -> str:
    """The mount point of the container's file system, which is empty on the host."""
    return f"{directory}/rootfs"
