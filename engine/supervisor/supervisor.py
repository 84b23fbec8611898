"""The supervisor of one container: its phases, and what happens when the process ends.

::

    armed ----start----> running <---> paused
      |  ^                  |
      |  '-- (failed) --.   | exit: record file, teardown, database + event + bell, then the clients
      |                 |   v
      '---> finished <--'-- restarting --(delay)--> running
            socket and lock are given up; the process stays until the last client has read everything

*Armed* is a supervisor of a container that does not run yet: it exists because somebody attached before the start,
so that no byte of output is lost, and leaves when they do.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import Final

from engine.errors import LongshoreError, NotFound, StartFailed
from engine.model.containers import ContainerState, ContainerStatus
from engine.model.streams import StreamName
from engine.network.manager import NetworkManager
from engine.runtime.spec import resolve_joins
from engine.spawner import wire
from engine.store.containers import ContainerRecord
from engine.store.database import Database
from engine.store.locks import Lock
from engine.store.logs.writer import LogWriter
from engine.store.roots import Roots
from engine.supervisor import exits, places, removal
from engine.supervisor.execs import ExecProcess
from engine.supervisor.loop import READ, Loop, Timer
from engine.supervisor.mainprocess import MainProcess
from engine.supervisor.peers import Peer
from engine.supervisor.records import StateBook
from engine.supervisor.restarts import Restarts
from engine.supervisor.specs import load_spec
from engine.supervisor.streams import Audience

_STREAMS: Final = {wire.STDOUT: StreamName.STDOUT, wire.STDERR: StreamName.STDERR}
_RETRY: Final = 1.0

Handler = Callable[["Supervisor", Peer, int, bytes], None]


class Supervisor:
    """One container's supervisor. The caller holds ``lock`` and hands it over."""

    def __init__(self, roots: Roots, database: Database, record: ContainerRecord, lock: Lock, *, on_frame: Handler) -> None:
        self.roots = roots
        self.loop = Loop()
        self.database = database
        self.networks = NetworkManager(roots, self.database)
        self.book = StateBook(self.database, record.id)
        self.record = record
        self.state = record.state
        self.finished = False
        self.run: MainProcess | None = None
        self.execs: list[ExecProcess] = []
        self.audience = Audience()
        self.attached: dict[Peer, bool] = {}
        self._early_input: list[tuple[Peer, bytes | None]] = []
        self._farewells: dict[Peer, Callable[[], None]] = {}
        self.size: tuple[int, int] | None = None
        self.manually_stopped = record.manually_stopped
        self.on_exit: list[Callable[[int], None]] = []
        self.stop_requested = False
        self.keep = False  # stopped only to be started again: not to be removed
        self.restarts = Restarts(record.host_config.restart_policy)
        self._restart_timer: Timer | None = None
        self._lock = lock
        self._on_frame = on_frame
        self._peers: set[Peer] = set()
        self._log: LogWriter | None = None
        self._stamp = 0
        self._listener = wire.listen(places.socket_path(roots, record.id))
        self._listener.setblocking(False)
        self.loop.watch(self._listener.fileno(), READ, self._accept)

    @property
    def running(self) -> bool:
        """There is a main process, frozen or not."""
        return self.run is not None

    @property
    def restarting(self) -> bool:
        """It waits for the next run."""
        return self._restart_timer is not None

    def adopt(self, connection: socket.socket) -> Peer:
        """Serve a connection."""
        peer = Peer(self.loop, connection, lambda peer, kind, payload: self._on_frame(self, peer, kind, payload))
        self._peers.add(peer)
        peer.on_closed = lambda: self._closed(peer)
        return peer

    def serve(self) -> None:
        """Until there is nothing left to do."""
        self.leave_if_unneeded()
        if not (self.finished and not self._peers):
            self.loop.run()
        try:
            self.networks.tidy()  # tens of milliseconds in the kernel, for which no client waits
        except LongshoreError as error:
            self._complain(error.message)

    def start(self) -> None:
        """Bring the main process up and write that it runs.

        Raises:
            LongshoreError: it could not be; the container's state says why.
        """
        self.loop.cancel(self._restart_timer)
        self._restart_timer = None
        record = self.record = self.book.load()
        exits.forget(self.roots, record.id)
        try:
            self.run = self._begin(record)
        except LongshoreError as error:
            self._failed(error)
            raise
        except BaseException as error:
            self._failed(StartFailed(f"failed to start container {record.short_id}: {error}"))
            raise
        early, self._early_input = self._early_input, []
        for peer, data in early:
            if data is None:
                self.end_input(peer)
            else:
                self.feed(peer, data)
                peer.pause(False)
        self.book.rest()

    def _begin(self, record: ContainerRecord) -> MainProcess:
        spec = resolve_joins(load_spec(self.roots, record.id), self._pid_of)
        if self._log is None:
            self._log = LogWriter(self.roots.log_dir(record.id))
        run = MainProcess(self.roots, self.networks, record, spec)
        run.start(self.loop, self.audience, self._output, self.size)
        state = ContainerState(
            status=ContainerStatus.RUNNING, pid=run.pid, started_at=time.time(), restart_count=self.restarts.count, exit_code=0
        )
        try:
            self.book.write(state, ("start", {}), pid_start=run.pid_start, manually_stopped=False)
        except BaseException:
            run.abandon()
            raise
        self.state = state
        self.manually_stopped = self.stop_requested = False
        self.loop.watch(run.pidfd, READ, self._exited)
        return run

    def _pid_of(self, name: str) -> int:
        """The main process of another container whose namespaces this one joins."""
        other = self.book.other(name)
        if not other.state.running:
            raise StartFailed(f"cannot join namespaces of a non running container: {other.id}")
        return other.state.pid

    def _failed(self, error: LongshoreError) -> None:
        """Record a start that failed; docker leaves the container as it was, with the error in its state."""
        before = self.state
        status = ContainerStatus.EXITED if before.started_at else ContainerStatus.CREATED
        code = error.exit_code if isinstance(error, StartFailed) else StartFailed.exit_code
        self.state = before.replace(status=status, pid=0, exit_code=code, error=error.message, restart_count=self.restarts.count)
        self._write_for_certain(lambda: self.book.write(self.state, pid_start=0))
        self.audience.dismiss(code)

    def _output(self, kind: int, chunk: bytes) -> None:
        self._stamp = max(time.time_ns(), self._stamp + 1)
        if self._log is not None:
            self._log.write(_STREAMS[kind], chunk, self._stamp)

    def log_position(self) -> int:
        """A time stamp: everything logged up to it is in the files, everything that is sent from now on is later."""
        self._stamp = max(time.time_ns(), self._stamp)
        return self._stamp

    def feed(self, peer: Peer, data: bytes) -> None:
        """Input from a client for the main process."""
        if self.run is None:
            self._early_input.append((peer, data))
            peer.pause(True)
        elif self.run.streams is not None and self.run.streams.input is not None:
            self.run.streams.input.write(data, peer)

    def end_input(self, peer: Peer) -> None:
        """A client's input ended, or the client did: with ``stdin_once`` that ends the process's input too."""
        config = self.record.config
        if self.run is None:
            self._early_input.append((peer, None))
        elif config.stdin_once and not config.tty and self.run.streams is not None and self.run.streams.input is not None:
            self.run.streams.input.end()

    def when_closed(self, peer: Peer, call: Callable[[], None]) -> None:
        """Call once when ``peer`` has gone."""
        self._farewells[peer] = call

    def tell(self, action: str, further: dict[str, str]) -> None:
        """Write an event. One that can not be written is no reason to fail what it tells of."""
        try:
            self.book.tell(action, **further)
        except LongshoreError as error:
            self._complain(error.message)

    def _complain(self, text: str) -> None:
        os.write(2, f"container {self.record.short_id}: {text}\n".encode(errors="replace"))

    def resize(self, width: int, height: int) -> None:
        """The terminal's size, also for the runs to come."""
        self.size = (width, height)
        if self.run is not None and self.run.streams is not None:
            self.run.streams.resize(width, height)

    def _exited(self, _mask: int) -> None:
        run = self.run
        assert run is not None
        self.loop.forget(run.pidfd)
        code = run.reap()
        finished = time.time()
        oom = run.oom_killed()
        if run.streams is not None:
            run.streams.finish()
        record = exits.ExitRecord(pid=run.pid, pid_start=run.pid_start, exit_code=code, finished_at=finished, oom_killed=oom)
        kept = exits.write(self.roots, self.record.id, record)
        for process in tuple(self.execs):
            process.kill()
        run.teardown()
        self.run = None
        self._record_exit(record, kept=kept)

    def _record_exit(self, ended: exits.ExitRecord, *, kept: bool) -> None:
        lasted = ended.finished_at - self.state.started_at
        delay = self.restarts.after(ended.exit_code, lasted=lasted, manually_stopped=self.manually_stopped)
        self.state = self.state.replace(
            status=ContainerStatus.EXITED if delay is None else ContainerStatus.RESTARTING,
            pid=0,
            exit_code=ended.exit_code,
            oom_killed=ended.oom_killed,
            finished_at=ended.finished_at,
            restart_count=self.restarts.count,
        )
        tell: list[tuple[str, dict[str, str]]] = [("oom", {})] if ended.oom_killed else []
        tell.append(("die", {"exitCode": str(ended.exit_code), "execDuration": str(int(max(0.0, lasted)))}))
        if self.stop_requested:
            tell.append(("stop", {}))
        written = self._write_for_certain(lambda: self.book.write(self.state, *tell), give_up=kept)
        if written:
            exits.forget(self.roots, self.record.id)
        if delay is None:
            self._finish(remove=written and not self.keep and self.record.host_config.auto_remove, exit_code=ended.exit_code)
            return
        self.book.rest()
        self._restart_timer = self.loop.later(delay, self._restart)
        self._tell_waiting(ended.exit_code)

    def _write_for_certain(self, write: Callable[[], None], *, give_up: bool = False) -> bool:
        """Write to the database, however long it is full or locked; with ``give_up`` only once, for a record that is kept in a file."""
        while True:
            try:
                write()
            except NotFound:
                return False  # somebody removed the row; there is nothing left to be true about
            except LongshoreError as error:
                self._complain(error.message)
                if give_up:
                    return False
                time.sleep(_RETRY)
            else:
                return True

    def _restart(self) -> None:
        self._restart_timer = None
        try:
            self.start()
        except LongshoreError:
            self._finish(remove=False, exit_code=self.state.exit_code)

    def cancel_restart(self) -> None:
        """A person stopped it between two runs."""
        self.loop.cancel(self._restart_timer)
        self._restart_timer = None
        self.state = self.state.replace(status=ContainerStatus.EXITED)
        self._write_for_certain(lambda: self.book.write(self.state, manually_stopped=True))
        self._finish(remove=False, exit_code=self.state.exit_code)

    def _tell_waiting(self, exit_code: int) -> None:
        self.audience.dismiss(exit_code)
        waiting, self.on_exit = self.on_exit, []
        for call in waiting:
            call(exit_code)

    def _finish(self, *, remove: bool, exit_code: int) -> None:
        """Give up socket and lock. A request that arrives later finds nobody and brings another supervisor."""
        if self.finished:
            return
        self.finished = True
        if self._log is not None:
            self._log.close()
        self.loop.forget(self._listener.fileno())
        self._listener.close()
        os.unlink(places.socket_path(self.roots, self.record.id))
        if remove:
            try:
                removal.remove(self.roots, self.database, self.book.load(), volumes=True)
            except LongshoreError as error:
                self._complain(f"remove: {error.message}")
        self.database.close()
        self._lock.release()
        self._tell_waiting(exit_code)
        for peer in tuple(self._peers):
            peer.end()
        if not self._peers:
            self.loop.stop()

    def leave_if_unneeded(self) -> None:
        """Leave when nothing runs, nothing is to run, and nobody is connected."""
        if not self.running and not self.restarting and not self._peers:
            self._finish(remove=False, exit_code=self.state.exit_code)

    def retire(self) -> None:
        """Leave now, though clients wait for a start. Raises nothing; does nothing while it runs."""
        if not self.running and not self.restarting:
            self._finish(remove=False, exit_code=self.state.exit_code)

    def _accept(self, _mask: int) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        if wire.peer_is_trusted(connection):
            self.adopt(connection)
        else:
            connection.close()

    def _closed(self, peer: Peer) -> None:
        self._peers.discard(peer)
        farewell = self._farewells.pop(peer, None)
        if farewell is not None:
            farewell()
        if self.attached.pop(peer, False):
            self.end_input(peer)
        if self.finished:
            if not self._peers:
                self.loop.stop()
        else:
            self.leave_if_unneeded()
