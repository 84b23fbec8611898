"""A registry for the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import images
from tests.support.registry import Registry, running_registry


@pytest.fixture(scope="package")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running_registry(str(tmp_path_factory.mktemp("registry"))) as running:
        images.push(running.url, "library/busybox:latest", images.busybox())
        images.push(running.url, "library/many:latest", images.many_layers(12, 30))
        images.push(
            running.url,
            "library/zstd:latest",
            images.ImageSource((images.busybox_layer(),), {"Cmd": ["echo", "from zstd"]}, compression="zstd"),
        )
        images.push(
            running.url, "library/oci:latest", images.ImageSource((images.busybox_layer(),), {"Cmd": ["echo", "from oci"]}, oci=True)
        )
        yield running
