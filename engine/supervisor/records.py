"""A container's events in docker's words, and the state changes that go with them."""

from __future__ import annotations

from engine.model.containers import ContainerState
from engine.model.events import Event
from engine.store import events
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database


def event(record: ContainerRecord, action: str, **further: str) -> Event:
    """An event of ``record`` that happens now, with docker's attributes: its labels, image and name, and ``further`` ones."""
    attributes = {**record.config.labels, "image": record.image, "name": record.name, **further}
    return events.make("container", action, record.id, attributes)


def _volume_events(record: ContainerRecord, action: str) -> list[Event]:
    """What docker tells of a container's volumes when it starts (``mount``) and when it ended (``unmount``)."""
    found = []
    for mount in record.mounts:
        if mount.kind == "volume":
            attributes = {"container": record.id, "driver": "local"}
            if action == "mount":
                attributes |= {"destination": mount.target, "propagation": "", "read/write": "false" if mount.read_only else "true"}
            found.append(events.make("volume", action, mount.source, attributes))
    return found


class StateBook:
    """Writes the states of one container. For the holder of its lock only.

    The name may change while it runs, so events look it up each time.
    """

    def __init__(self, database: Database, container_id: str) -> None:
        self._db = database
        self._containers = Containers(database)
        self.container_id = container_id

    def load(self) -> ContainerRecord:
        """The container as the database has it. Raises NotFound."""
        return self._containers.get(self.container_id)

    def write(
        self,
        state: ContainerState,
        *tell: tuple[str, dict[str, str]],
        pid_start: int | None = None,
        manually_stopped: bool | None = None,
    ) -> None:
        """Write a state and the events that go with it, all at once.

        Raises:
            NotFound: the container is gone.
            Unavailable, DiskFull, EngineFault: the database can not be written.
        """
        with self._db.transaction() as connection:
            record = self.load()
            self._containers.update_state(self.container_id, state, pid_start=pid_start, manually_stopped=manually_stopped)
            for action, further in tell:
                before = _volume_events(record, "mount") if action == "start" else ()
                after = _volume_events(record, "unmount") if action == "die" else ()
                for each in (*before, event(record, action, **further), *after):
                    events.append(connection, each)

    def tell(self, action: str, **further: str) -> None:
        """Write an event alone. Raises what :meth:`write` raises."""
        with self._db.transaction() as connection:
            events.append(connection, event(self.load(), action, **further))
