"""One ordinary user for the tests of the rootless engine."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support import images
from tests.support.person import Person, person
from tests.support.registry import Registry, running_registry


@pytest.fixture(scope="package")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    with running_registry(str(tmp_path_factory.mktemp("registry"))) as running:
        images.push(running.url, "library/busybox:latest", images.busybox())
        yield running


@pytest.fixture(scope="package")
def her(registry: Registry) -> Iterator[Person]:
    """A user with subordinate ids and the image busybox."""
    with person(registry.host) as made:
        made.out("pull", "busybox")
        yield made


@pytest.fixture
def anne(her: Person) -> Iterator[Person]:
    """The same without containers before and after the test."""
    yield her
    her.clean()
