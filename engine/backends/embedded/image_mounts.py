"""Images that containers mount (``--mount type=image``, API 1.48): their files, read only.

The container mounts the image's layers as an overlay in its own mount namespace, at each start: nothing is mounted on the host, and
nothing is left to unmount. Where overlayfs is refused it gets a copy of its own, which goes with the container's directory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from engine.backends.embedded import overlay
from engine.backends.embedded.core import Core
from engine.errors import NotFound
from engine.image.layers import LayerStore
from engine.model.containers import Mount
from engine.runtime.spec_mounts import LAYERS
from engine.store import faults
from engine.store.containers import ContainerRecord
from engine.supervisor.specs import load_spec

_PLACE = "images"
_NOTHING = "nothing"


def resolve(core: Core, mount: Mount) -> Mount:
    """The mount with the id of the image that its source means now; it stays that one, whoever gets the name later.

    Raises:
        NotFound: there is no such image; docker pulls none for a mount either.
    """
    try:
        image = core.catalog.resolve(mount.source)
    except NotFound as error:
        raise NotFound(error.message, hint=f"an image that is mounted is not pulled by itself: `longshore pull {mount.source}`") from None
    return mount.replace(image_id=image.id, read_only=True)


def prepare(core: Core, directory: str, mounts: Sequence[Mount]) -> tuple[tuple[Mount, ...], Mapping[str, tuple[str, ...]]]:
    """Make what the images among ``mounts`` need in a new container's ``directory``.

    Returns:
        The mounts, those of copies with their ``path``, and the layers for overlays by image id.

    Raises:
        NotFound: an image or a layer is gone.
        DiskFull, EngineFault: it can not be copied.
    """
    wanted = list(dict.fromkeys(mount.image_id for mount in mounts if mount.kind == "image"))
    if not wanted:
        return tuple(mounts), {}
    place = f"{directory}/{_PLACE}"
    store = LayerStore(core.roots, core.database)
    layers: dict[str, tuple[str, ...]] = {}
    copies: dict[str, str] = {}
    try:
        os.mkdir(place, 0o700)
        os.mkdir(f"{place}/{_NOTHING}", 0o755)
        for number, image in enumerate(wanted):
            chain_ids = core.images.get(image).chain_ids
            # An overlay without an upper directory needs two layers; this one adds nothing.
            found = (*store.lowers(chain_ids), f"{place}/{_NOTHING}")
            if len(found) > 1 and overlay.works(core.roots, found, f"{directory}/upper", f"{directory}/work"):
                layers[image] = found
                continue
            copies[image] = f"{place}/{number}"
            os.mkdir(copies[image], 0o755)
            if chain_ids:
                store.flatten(chain_ids, copies[image])
    except OSError as error:
        raise faults.from_os(error, f"make container directory {place}") from error
    return tuple(mount.replace(path=copies.get(mount.image_id, "")) if mount.kind == "image" else mount for mount in mounts), layers


def layers_of(core: Core, record: ContainerRecord) -> Mapping[str, Sequence[str]]:
    """The layers of the images that a container mounts as overlays, by where it mounts them. Raises EngineFault."""
    if not any(mount.kind == "image" for mount in record.mounts):
        return {}
    return {entry["destination"]: entry[LAYERS] for entry in load_spec(core.roots, record.id)["mounts"] if LAYERS in entry}
