"""An engine's roots and database of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.database import Database
from engine.store.roots import Roots


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return Roots(state=str(tmp_path / "state"), run=str(tmp_path / "run")).ensure()


@pytest.fixture
def database(roots: Roots) -> Iterator[Database]:
    database = Database.of(roots)
    yield database
    database.close()
