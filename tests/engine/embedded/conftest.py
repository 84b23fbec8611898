"""An embedded engine with an image made by hand: a blob, a layer directory and a row, without a registry."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.backends.embedded.core import Core
from engine.model.containers import ContainerConfig, CreatedContainer, HostConfig
from engine.spawner import client as spawner
from engine.store.blobs import Blobs
from engine.store.images import ImageRecord
from engine.store.layers import LayerRecord, Layers
from engine.store.roots import Roots
from tests.support.images import busybox_layer

NAME = "docker.io/library/box:latest"


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def add_layer(core: Core, label: str, parent: str = "") -> tuple[str, Path]:
    """An empty layer: its chain id and directory."""
    chain_id = digest(f"{parent} {label}".encode())
    directory = Path(core.roots.layers, chain_id.partition(":")[2], "diff")
    directory.mkdir(parents=True, mode=0o755)
    directory.chmod(0o755)
    Layers(core.database).put(LayerRecord(chain_id=chain_id, diff_id=digest(label.encode()), parent=parent, size=10))
    return chain_id, directory


def add_image(core: Core, name: str, chain_ids: tuple[str, ...], **config: Any) -> ImageRecord:
    """An image of layers that exist, with ``config`` as its run configuration."""
    diff_ids = [digest(chain_id.encode()) for chain_id in chain_ids]
    document = json.dumps(
        {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"], **config}, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    ).encode()
    manifest = json.dumps({"name": name}).encode()
    for data in (document, manifest):
        Blobs(core.roots).put(digest(data), data)
    record = ImageRecord(
        id=digest(document),
        manifest_digest=digest(manifest),
        created_at=1000.0,
        size=10 * len(chain_ids),
        architecture="amd64",
        labels=config.get("Labels", {}),
        diff_ids=tuple(diff_ids),
        chain_ids=chain_ids,
    )
    core.images.put(record, name)
    return record


def create(core: Core, *argv: str, name: str = "", host: HostConfig | None = None, image: str = "box", **config: Any) -> CreatedContainer:
    """Create through the engine's own function."""
    from engine.backends.embedded.create import create

    wishes = ContainerConfig(image=image, cmd=argv or None, **config)
    return create(core, wishes, host or HostConfig(network_mode="none"), name=name, platform="")


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    core = Core(Roots(state=str(tmp_path / "state"), run=str(tmp_path / "run")))
    yield core
    for record in core.containers.all():
        core.lifecycle.remove(record.id, force=True, volumes=True)
    spawner.dismiss(core.roots.run)
    core.close()


@pytest.fixture
def box(core: Core) -> ImageRecord:
    """An image with busybox, called ``box``."""
    chain_id, directory = add_layer(core, "busybox")
    with tarfile.open(fileobj=io.BytesIO(busybox_layer())) as archive:
        archive.extractall(directory)
    os.chmod(directory, 0o755)
    return add_image(core, NAME, (chain_id,), Env=["PATH=/bin", "A=image"], Labels={"from": "image"})
