"""Start, stop, kill, pause, remove, wait, attach and exec, as synchronous functions of one engine.

A container's state is changed by its supervisor alone; what is here asks it. Where none answers, the recovery makes the
recorded state true first, and the answer follows from that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from engine.backends.embedded.sessions import BlockingSession, Wait
from engine.errors import Conflict, EngineFault, InvalidArgument, LongshoreError, NotFound, NotModified, Unavailable
from engine.model.containers import ContainerState, ContainerStatus, Endpoint, ExecConfig, RestartPolicy
from engine.model.streams import LogLine, LogQuery
from engine.store import codec, events
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database
from engine.store.locks import Lock
from engine.store.roots import Roots
from engine.supervisor import client, places, records, signals

if TYPE_CHECKING:
    from engine.network.manager import NetworkManager

CONDITIONS: Final = ("not-running", "next-exit", "removed")

_PATIENCE: Final = 30.0

KILLED: Final = 137
"""Exit code of a process whose supervisor went without telling another one."""

T = TypeVar("T")


class Lifecycle:
    """The life of the containers of one engine. Every method takes a name, an id, or a unique prefix of one."""

    def __init__(self, roots: Roots, database: Database) -> None:
        self._roots = roots
        self._db = database
        self._containers = Containers(database)

    def start(self, name: str) -> None:
        """See :meth:`engine.interface.containers.ContainerLifecycle.start`."""
        record = self._containers.resolve(name)
        self._refuse_removing(record, "started")
        try:
            client.start(self._roots, record.id)
        except (NotFound, NotModified):
            raise
        except LongshoreError as error:
            if record.host_config.auto_remove:
                # A conflict is an address that is taken, or that it runs and is paused.
                self._remove_quietly(record, force=not isinstance(error, Conflict))
            raise

    def stop(self, name: str, *, timeout: int | None = None, signal: str = "") -> None:
        """See :meth:`engine.interface.containers.ContainerLifecycle.stop`."""
        if signal:
            signals.parse(signal)
        record = self._containers.resolve(name)
        if not self._stop(record, timeout, signal):
            raise NotModified(f"container {record.short_id} is already stopped")

    def restart(self, name: str, *, timeout: int | None = None, signal: str = "") -> None:
        """See :meth:`engine.interface.containers.ContainerLifecycle.restart`."""
        if signal:
            signals.parse(signal)
        record = self._containers.resolve(name)
        self._refuse_removing(record, "started")
        self._stop(record, timeout, signal, keep=True)
        client.start(self._roots, record.id)
        self._tell(record, "restart")

    def kill(self, name: str, *, signal: str = "KILL") -> None:
        """See :meth:`engine.interface.containers.ContainerLifecycle.kill`."""
        signals.parse(signal or "KILL")
        record = self._containers.resolve(name)
        if self._ask(record, "kill", signal=signal or "KILL") is None:
            raise Conflict(f"cannot kill container: {name}: container {record.id} is not running")

    def pause(self, name: str) -> None:
        """See :meth:`engine.interface.containers.ContainerLifecycle.pause`."""
        record = self._containers.resolve(name)
        if self._ask(record, "pause") is None:
            raise Conflict(f"container {record.id} is not running")

    def unpause(self, name: str) -> None:
        """See :meth:`engine.interface.containers.ContainerLifecycle.unpause`."""
        record = self._containers.resolve(name)
        if self._ask(record, "unpause") is None:
            raise Conflict(f"Container {record.id} is not paused")

    def set_policy(self, record: ContainerRecord, policy: RestartPolicy) -> None:
        """Tell the supervisor, if there is one, of another restart policy; whoever comes later reads it from the record."""
        client.ask(self._roots, record.id, "policy", name=policy.name, max_retries=policy.max_retries)

    def remove(self, name: str, *, force: bool = False, volumes: bool = False) -> None:
        """See :meth:`engine.interface.containers.ContainerLifecycle.remove`."""
        record = self._containers.resolve(name)
        try:
            lock = self._take_over(record, force=force)
        except NotFound:
            if force:
                return  # it removed itself as it ended
            raise
        from engine.supervisor import recovery, removal

        try:
            self._db.spared(lambda: recovery.settle_locked(self._roots, self._db, self._containers.get(record.id)))
            self._db.spared(lambda: removal.remove(self._roots, self._db, self._containers.get(record.id), volumes=volumes))
        except NotFound:
            removal.forget_run(self._roots, record.id)
        finally:
            lock.release()

    def _remove_quietly(self, record: ContainerRecord, *, force: bool) -> None:
        try:
            self.remove(record.id, force=force, volumes=True)
        except LongshoreError:
            pass  # why it did not start is what counts

    def _take_over(self, record: ContainerRecord, *, force: bool) -> Lock:
        """The container's lock, once its supervisor has left. Raises Conflict if it runs, NotFound if it is gone."""
        deadline = time.monotonic() + _PATIENCE
        while (lock := places.try_lock(self._roots, record.id)) is None:
            state = self._containers.get(record.id).state
            if force:
                self._end_by_force(record)
            else:
                self._refuse_running(record, state)
            self._retire(record)
            if time.monotonic() > deadline:
                raise EngineFault(f"cannot remove container {record.name}: its supervisor does not leave")
            time.sleep(0.001)
        return lock

    def wait(self, name: str, condition: str = "not-running") -> Wait:
        """A source of the :class:`~engine.model.containers.ContainerExit` that the condition asks for.

        Raises:
            InvalidArgument: no such condition.
            NotFound: no such container.
        """
        if condition not in CONDITIONS:
            raise InvalidArgument(f"invalid condition: {condition!r}")
        return Wait(self._roots, self._db, self._containers.resolve(name), condition)

    def attach(self, name: str, *, stdin: bool = False, logs: bool = False) -> BlockingSession:
        """See :meth:`engine.interface.containers.ContainerStreams.attach`."""
        record = self._containers.resolve(name)
        if record.state.status is ContainerStatus.PAUSED:
            raise Conflict(f"container {record.id} is paused, unpause the container before attach")
        if record.state.status is ContainerStatus.RESTARTING:
            raise Conflict(f"container {record.id} is restarting, wait until the container is running")
        answer = client.open_session(self._roots, record.id, "attach", spawn=True, stdin=stdin)
        assert answer is not None
        sock, fields = answer
        replay = self._replay(record, int(fields.get("until", 0))) if logs else None
        return BlockingSession(sock, lambda: self._lost(record), replay)

    def exec(self, name: str, config: ExecConfig) -> BlockingSession:
        """See :meth:`engine.interface.containers.ContainerExec.exec`."""
        if not config.cmd:
            raise InvalidArgument("No exec command specified")
        record = self._containers.resolve(name)
        answer = self._retry(record, lambda: client.open_session(self._roots, record.id, "exec", spawn=False, config=codec.encode(config)))
        if answer is None:
            raise Conflict(f"container {record.id} is not running")
        return BlockingSession(answer[0], lambda: KILLED, detached=config.detach, pid=int(answer[1].get("pid", 0)))

    def connect(self, name: str, network: str, wanted: Endpoint) -> None:
        """See :meth:`engine.interface.networks.Networks.connect`."""
        record = self._containers.resolve(name)
        self._refuse_removing(record, "connected")
        fields = {"network": network, "wanted": codec.encode(wanted)}
        self._change_networks(record, lambda manager, fresh: manager.connect(fresh, network, wanted, 0), "connect", fields)

    def disconnect(self, name: str, network: str) -> None:
        """See :meth:`engine.interface.networks.Networks.disconnect`."""
        record = self._containers.resolve(name)
        self._refuse_removing(record, "disconnected")
        self._change_networks(record, lambda manager, fresh: manager.disconnect(fresh, network, 0), "disconnect", {"network": network})

    def _change_networks(
        self, record: ContainerRecord, change: Callable[[NetworkManager, ContainerRecord], object], op: str, fields: dict[str, Any]
    ) -> None:
        """By the container's supervisor, or, of one that has none, ourselves."""
        deadline = time.monotonic() + _PATIENCE
        while self._ask(record, op, **fields) is None:
            lock = places.try_lock(self._roots, record.id)
            if lock is not None:
                from engine.network.manager import NetworkManager

                try:
                    change(NetworkManager(self._roots, self._db), self._containers.get(record.id))
                finally:
                    lock.release()
                return
            if time.monotonic() > deadline:
                raise Unavailable(f"the supervisor of container {record.short_id} does not answer")
            time.sleep(0.001)

    def _stop(self, record: ContainerRecord, timeout: int | None, signal: str, *, keep: bool = False) -> bool:
        """Stop it; ``False`` when it did not run. A supervisor that dies under way has stopped it too."""
        was_running = record.state.running or record.state.status is ContainerStatus.RESTARTING
        try:
            return self._ask(record, "stop", timeout=timeout, signal=signal, keep=keep) is not None or was_running
        except NotModified:
            return False

    def _ask(self, record: ContainerRecord, op: str, **fields: Any) -> dict[str, Any] | None:
        return self._retry(record, lambda: client.ask(self._roots, record.id, op, **fields))

    def _retry(self, record: ContainerRecord, call: Callable[[], T | None]) -> T | None:
        """The call's answer; ``None`` once it is certain that nobody supervises the container."""

        deadline = time.monotonic() + _PATIENCE
        while (answer := call()) is None:
            from engine.supervisor import recovery

            if recovery.settle(self._roots, self._db, record.id):
                return None
            if time.monotonic() > deadline:
                raise Unavailable(f"the supervisor of container {record.short_id} does not answer")
            time.sleep(0.001)
        return answer

    def _retire(self, record: ContainerRecord) -> None:
        """An armed supervisor goes; one that is on its way out releases the lock at once."""
        try:
            client.ask(self._roots, record.id, "retire")
        except Conflict:
            pass  # somebody has started it meanwhile: the next round tells

    def _end_by_force(self, record: ContainerRecord) -> None:
        try:
            client.ask(self._roots, record.id, "kill", signal="KILL")
        except Conflict:
            pass  # it does not run, or has just ended

    def _refuse_running(self, record: ContainerRecord, state: ContainerState) -> None:
        if not state.running and state.status is not ContainerStatus.RESTARTING:
            return
        if not places.alive(self._roots, record.id):
            return
        match state.status:
            case ContainerStatus.PAUSED:
                advice = "container is paused and must be unpaused first"
            case ContainerStatus.RESTARTING:
                advice = "container is restarting: stop the container before removing or force remove"
            case _:
                advice = "container is running: stop the container before removing or force remove"
        raise Conflict(f'cannot remove container "/{record.name}": {advice}')

    @staticmethod
    def _refuse_removing(record: ContainerRecord, what: str) -> None:
        if record.state.status in (ContainerStatus.REMOVING, ContainerStatus.DEAD):
            raise Conflict(f"container is marked for removal and cannot be {what}")

    def _replay(self, record: ContainerRecord, until: int) -> Callable[[], Sequence[LogLine] | None]:
        from engine.store.logs.reader import LogReader

        return LogReader(self._roots.log_dir(record.id)).read(LogQuery(until=until)).next

    def _lost(self, record: ContainerRecord) -> int:
        """The exit code of a container whose supervisor went without telling."""
        from engine.supervisor import recovery

        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            settled = recovery.settle(self._roots, self._db, record.id)
            try:
                state = self._containers.get(record.id).state
            except NotFound:
                break
            if settled or not state.running:
                return state.exit_code
            time.sleep(0.002)  # somebody else is settling it
        return KILLED

    def _tell(self, record: ContainerRecord, action: str) -> None:
        with self._db.transaction() as connection:
            events.append(connection, records.event(record, action))
