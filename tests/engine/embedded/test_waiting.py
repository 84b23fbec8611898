"""Waiting for a container's end."""

from __future__ import annotations

from contextlib import closing

import pytest

from engine.backends.embedded import sessions
from engine.backends.embedded.sessions import Wait
from engine.errors import NotFound
from engine.model.containers import ContainerExit
from engine.store import events
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database
from engine.store.roots import Roots
from tests.engine.store.factory import container


@pytest.mark.parametrize("condition", ["removed", "next-exit", "not-running"])
def test_the_exit_code_of_one_that_died_and_went_while_it_was_looked_for(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, condition: str
) -> None:
    roots = Roots(state=str(tmp_path_factory.mktemp("state")), run=str(tmp_path_factory.mktemp("run"))).ensure()
    database = Database.of(roots)
    record = container(1)

    class Gone(Containers):
        """Ends between the look at the events and the look at the container."""

        def get(self, container_id: str) -> ContainerRecord:
            with database.transaction() as connection:
                events.append(connection, events.make("container", "die", container_id, {"exitCode": "5"}))
            raise NotFound(f"No such container: {container_id}")

    monkeypatch.setattr(sessions, "Containers", Gone)
    with closing(database), closing(Wait(roots, database, record, condition)) as wait:
        assert wait.next() == ContainerExit(exit_code=5)
        assert wait.next() is None
