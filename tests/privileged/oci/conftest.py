from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.privileged.oci.box import Box, make_rootfs

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(needs_root)


@pytest.fixture(scope="session")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("oci") / "rootfs"
    make_rootfs(path)
    return path


@pytest.fixture
def box(tmp_path: Path, rootfs: Path) -> Iterator[Box]:
    made = Box(tmp_path, rootfs)
    yield made
    made.clean()
