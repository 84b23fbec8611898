from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.privileged.isolation.box import Box, Runner, Running, make_rootfs


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() != 0:
        for item in items:
            if "isolation" in item.nodeid:
                item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    made = Runner()
    yield made
    made.close()


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_rootfs(tmp_path_factory.mktemp("base"))


@pytest.fixture
def box(runner: Runner, base: Path, tmp_path: Path) -> Box:
    return Box(runner, base, tmp_path)


@pytest.fixture
def up(box: Box) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def start(*argv: str, **options: Any) -> Running:
        running.append(box.up(*argv, **options))
        return running[-1]

    yield start
    for each in running:
        each.down()
