"""``image inspect``: the typed details, and the document in Docker's shape that is printed."""

from __future__ import annotations

import json
from typing import Any

from engine.dockerapi.show_images import CONTAINER_FIELDS
from engine.image import catalog
from engine.image.catalog import Catalog
from engine.image.documents import ImageDocument, read_config
from engine.image.layers import LayerStore
from engine.model.images import Image, ImageDetails
from engine.model.jsontext import mend
from engine.store.images import ImageRecord, Images

_EMPTY_CONFIG: dict[str, Any] = {
    "User": "",
    "Env": None,
    "Cmd": None,
    "Volumes": None,
    "WorkingDir": "",
    "Entrypoint": None,
    "OnBuild": None,
    "Labels": None,
}
"""What Docker prints of a config that sets nothing; the image's own fields are laid over it."""


def inspect(images: Catalog, table: Images, layers: LayerStore, name: str, platform: str = "") -> ImageDetails:
    """Everything about an image, or about the one for ``platform`` where its name stands for several.

    Raises:
        NotFound: no such image, or not for that platform.
        CorruptData: its config is damaged in the store.
    """
    record = images.resolve_for(name, platform)
    data = images.raw_config(record)
    document = read_config(data)
    image = catalog.summary(record, table.names(images.resolve(name).id))
    return ImageDetails(
        image=image,
        config=document.config,
        architecture=record.architecture,
        variant=record.variant,
        os=record.os,
        author=document.author,
        layers=record.diff_ids,
        raw=json.dumps(_document(record, image, document, json.loads(mend(data.decode("utf-8"))), layers), ensure_ascii=False),
    )


def _document(record: ImageRecord, image: Image, document: ImageDocument, raw: dict[str, Any], layers: LayerStore) -> dict[str, Any]:
    own = raw.get("config")
    comment = next((step.comment for step in reversed(document.history) if not step.empty_layer), "")
    version = raw.get("docker_version")
    return {
        "Id": record.id,
        "RepoTags": list(image.tags),
        "RepoDigests": list(image.digests),
        "Parent": "",
        "Comment": comment,
        "Created": document.created or "0001-01-01T00:00:00Z",
        "DockerVersion": version if isinstance(version, str) else "",
        "Author": document.author,
        "Config": {**_EMPTY_CONFIG, **_own_config(own if isinstance(own, dict) else {})},
        "Architecture": record.architecture,
        **({"Variant": record.variant} if record.variant else {}),
        "Os": record.os,
        "Size": record.size,
        "GraphDriver": {"Data": _directories(record, layers), "Name": "overlay2"},
        "RootFS": {"Type": "layers", "Layers": list(record.diff_ids)},
        "Metadata": {"LastTagTime": "0001-01-01T00:00:00Z"},
    }


def _own_config(config: dict[str, Any]) -> dict[str, Any]:
    """Without what old builders left of the container that they made the image from."""
    return {key: value for key, value in config.items() if key not in CONTAINER_FIELDS}


def _directories(record: ImageRecord, layers: LayerStore) -> dict[str, str]:
    paths = [layers.path(chain_id) for chain_id in reversed(record.chain_ids)]
    if not paths or not all(map(layers.has, record.chain_ids)):
        return {}
    return {**({"LowerDir": ":".join(paths[1:])} if paths[1:] else {}), "UpperDir": paths[0]}
