"""One swarm of two dockerds for all tests of this package: it takes seconds to make."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import images
from tests.support.dockerd import RegistryFiles
from tests.support.registry import running_registry
from tests.support.swarm import Swarm, two_daemons


@pytest.fixture(scope="package")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """Two daemons that are in no swarm yet."""
    directory = tmp_path_factory.mktemp("swarm")
    with running_registry(str(directory / "registry")) as registry:
        images.push(registry.url, "busybox:latest", images.busybox())
        images.push(registry.url, "busybox:2", images.busybox(Labels={"second": "yes"}))
        files = RegistryFiles(registry.host, str(directory / "registry" / "config.yml"))
        with two_daemons(str(directory), files) as found:
            yield found


@pytest.fixture(scope="package")
def formed(daemons: Swarm) -> Swarm:
    """The swarm, with docker's own command line made."""
    daemons.form()
    return daemons


@pytest.fixture
def swarm(formed: Swarm) -> Iterator[Swarm]:
    """The swarm without services, configs and secrets before and after."""
    yield formed
    formed.clean()
