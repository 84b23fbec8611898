"""One lab for all tests of a module; a module whose tests break theirs makes its own ``lab`` for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.privileged.lab import Lab, laboratory, unpack_busybox


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Busybox, unpacked."""
    return unpack_busybox(tmp_path_factory.mktemp("busybox"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, layer: str) -> Iterator[Lab]:
    with laboratory(tmp_path_factory.mktemp("lab"), layer) as made:
        yield made


@pytest.fixture
def lab(shared: Lab) -> Iterator[Lab]:
    """The lab of this module, without containers."""
    yield shared
    for record in shared.containers.all():
        shared.life.remove(record.id, force=True, volumes=True)
