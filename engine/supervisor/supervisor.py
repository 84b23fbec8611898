"""The supervisor of one container: its phases, and what happens when the process ends.

::

    armed ----start----> running <---> paused
      |  ^                  |
      |  '-- (failed) --.   | exit: record file, teardown, database + event + bell, then the clients
      |                 |   v
      '---> finished <--'-- restarting --(delay)--> running
            socket and lock are given up; the process stays until the last client has read everything

*Armed* is a supervisor of a container that does not run yet: it exists because somebody attached before the start,
so that no byte of output is lost, and leaves when they do. Everything heavy is an errand of its clerk.
"""

from __future__ import annotations

import _socket as bare
import os
import time
from collections.abc import Callable
from typing import Any, Final

from engine.errors import LongshoreError, StartFailed
from engine.model.containers import ContainerState, ContainerStatus
from engine.model.health import UNHEALTHY, HealthProbe
from engine.spawner import wire
from engine.store import codec
from engine.store.locks import Lock
from engine.store.roots import Roots
from engine.supervisor import exits, places
from engine.supervisor.child import Child
from engine.supervisor.clerk import Clerk, ClerkDied
from engine.supervisor.execs import ExecSession
from engine.supervisor.facts import Facts, state_of
from engine.supervisor.guard import Guard
from engine.supervisor.health import Monitor, Tell
from engine.supervisor.journal import Journal
from engine.supervisor.loop import READ, Loop, Timer
from engine.supervisor.office import Office
from engine.supervisor.peers import Peer
from engine.supervisor.restarts import Restarts
from engine.supervisor.standby import Standby, serve_names, serve_ports
from engine.supervisor.starvation import Starvation
from engine.supervisor.streams import Audience

_TRIES: Final = 3
_BREATH: Final = 0.5
"""Seconds without new clients after one that could not be taken."""

Handler = Callable[["Supervisor", Peer, int, bytes], None]


class Supervisor:
    """One container's supervisor. The caller hands over ``lock``, which is held, ``listener``, which listens, and ``clerk``."""

    # Slots, because with over thirty attributes the names would be counted in each process: a page for every other one.
    __slots__ = (
        *("attached", "audience", "child", "execs", "facts", "finished", "id", "journal", "keep", "loop", "manually_stopped", "monitor"),
        *("office", "on_exit", "restarts", "size", "state", "stop_requested", "untidy"),
        *("_early_input", "_farewells", "_guard", "_leave_traces", "_listener", "_lock", "_name_server", "_on_frame", "_peers"),
        *("_pid_start", "_proxy", "_restart_timer", "_roots", "_starvation"),
    )

    def __init__(
        self, roots: Roots, container_id: str, facts: Facts, *, lock: Lock, listener: bare.socket, clerk: Clerk, on_frame: Handler
    ) -> None:
        self.id = container_id
        self.facts = facts
        self.state: ContainerState = facts.state
        self.loop = Loop()
        self.office = Office(self.loop, clerk, container_id)
        self.office.on_left = self.reap_strangers
        self.journal = Journal(roots.log_dir(container_id), *facts.log)
        self.child: Child | None = None
        self.execs: list[ExecSession] = []
        self.monitor: Monitor | None = None
        self._starvation: Starvation | None = None
        self.audience = Audience()
        self.attached: dict[Peer, bool] = {}
        self.size: tuple[int, int] | None = None
        self.on_exit: list[Callable[[int], None]] = []
        self.restarts = Restarts(facts.policy)
        self.manually_stopped = facts.manually_stopped
        self.stop_requested = False
        self.keep = False  # stopped only to be started again: not to be removed
        self.finished = False
        self._roots = roots
        self._lock = lock
        self._on_frame = on_frame
        self._early_input: list[tuple[Peer, bytes | None]] = []
        self._farewells: dict[Peer, Callable[[], None]] = {}
        self._peers: set[Peer] = set()
        self._restart_timer: Timer | None = None
        self._name_server: Standby | None = None
        self._proxy: Standby | None = None
        self._guard: Guard | None = None
        self.untidy = False  # interfaces are left in the kernel that nobody may need any more
        self._pid_start = 0
        self._leave_traces = False
        self._listener = listener
        listener.listen(wire.BACKLOG)  # again, so that it is us whom the kernel names to clients (SO_PEERCRED)
        listener.setblocking(False)
        self.loop.watch(self._listener.fileno(), READ, self._accept)

    @property
    def short_id(self) -> str:
        """The first 12 hex digits."""
        return self.id[:12]

    @property
    def restarting(self) -> bool:
        """It waits for the next run."""
        return self._restart_timer is not None

    # -- clients -----------------------------------------------------------------------------------------------------------

    def adopt(self, connection: bare.socket) -> Peer:
        """Serve a connection."""
        peer = Peer(self.loop, connection, lambda peer, kind, payload: self._on_frame(self, peer, kind, payload))
        self._peers.add(peer)
        peer.on_closed = lambda: self._closed(peer)
        return peer

    def when_closed(self, peer: Peer, call: Callable[[], None]) -> None:
        """Call once when ``peer`` has gone."""
        self._farewells[peer] = call

    def serve(self) -> None:
        """Until there is nothing left to do."""
        self.leave_if_unneeded()
        if not (self.finished and not self._peers):
            self.loop.run()
        if self.untidy:
            try:
                self.office.send("tidy")  # no client waits any more
            except LongshoreError as error:
                self.office.complain(error.message)
        self.office.close()

    def _accept(self, _mask: int) -> None:
        try:
            connection = bare.socket(fileno=self._listener._accept()[0])  # type: ignore[attr-defined]  # typeshed has it not
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:  # too many open files, or no memory: whoever waits can wait a little longer
            self.office.complain(f"cannot take a client: {error.strerror}")
            self.loop.forget(self._listener.fileno())
            self.loop.later(_BREATH, lambda: None if self.finished else self.loop.watch(self._listener.fileno(), READ, self._accept))
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
        if not self.finished:
            self.leave_if_unneeded()
        elif not self._peers:
            self.loop.stop()

    # -- errands -----------------------------------------------------------------------------------------------------------

    def write(self, state: ContainerState, *tell: tuple[str, dict[str, str]], manually_stopped: bool | None = None) -> None:
        """Write a state with its events. Raises what the database does."""
        self.office.send("write", state=codec.encode(state), tell=tell, manually_stopped=manually_stopped)
        self.state = state

    # -- runs --------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Bring the main process up and write that it runs.

        Raises:
            LongshoreError: it could not be; the container's state says why.
        """
        self.loop.cancel(self._restart_timer)
        self._restart_timer = None
        try:
            self.journal.open()
            answer, descriptors = self.office.send("start", size=self.size, restart_count=self.restarts.count)
        except LongshoreError as error:
            self.not_started(error)
            raise
        self.take_over(answer, descriptors)

    def not_started(self, error: LongshoreError) -> None:
        """A start has failed, and the errand has written why."""
        if isinstance(error, ClerkDied):
            self._clear(error)
        self.reap_strangers()
        code = error.exit_code if isinstance(error, StartFailed) else StartFailed.exit_code
        status = ContainerStatus.EXITED if self.state.started_at else ContainerStatus.CREATED
        self.state = self.state.replace(status=status, pid=0, exit_code=code, error=error.message)
        self.audience.dismiss(code)

    def take_over(self, answer: dict[str, Any], descriptors: list[int]) -> None:
        """Supervise the process that a clerk has started. Its log was opened before, or is with the first output."""
        self.office.linger()
        self.state = state_of(answer["state"])
        self._pid_start = answer["pid_start"]
        self.manually_stopped = self.stop_requested = self.keep = False
        self.child = Child(self.loop, answer, descriptors, audience=self.audience, sink=self.journal.write)
        self.loop.watch(self.child.pidfd, READ, self._exited)
        self.stand_by(bridged=bool(answer.get("bridged")))
        if self.child.oom >= 0:
            self._starvation = Starvation(self.loop, self.office, self.child, int(answer["oom_mask"]))
        if self.facts.check is not None:
            self.monitor = Monitor(
                self.loop, self.office, self.facts.check, self.child.pid, status=lambda: self.state.health, found=self._probed
            )
            self.monitor.resume()
        early, self._early_input = self._early_input, []
        for peer, data in early:
            if data is None:
                self.end_input(peer)
            else:
                self.feed(peer, data)
                peer.pause(False)

    def stand_by(self, *, bridged: bool) -> None:
        """Watch the sockets of the name server, and those that hold ports and have to carry them, once there are any; ``bridged``:
        and the firewall."""
        if self.child is None:
            return
        apart = os.path.exists(self._roots.netns)
        if self.child.sockets and self._name_server is None:
            self._name_server = Standby(self.loop, self._roots, self.id, self.child.sockets, serve_names)
        if self._proxy is None and (carriers := self.child.ports if apart else self.child.carriers()):
            self._proxy = Standby(self.loop, self._roots, self.id, list(carriers), serve_ports)
        self.untidy = self.untidy or bridged
        if bridged and self._guard is None and not apart:  # nobody else makes rules in a network namespace of our own
            ready, self.child.firewall = self.child.firewall, -1
            try:
                self._guard = Guard(self.loop, self._roots, self._mend, int(self.id[:4], 16) / 0xFFFF, ready)
            except OSError as error:
                self.office.complain(f"changes of the firewall will not be noticed: {error.strerror}")

    def _mend(self) -> None:
        try:
            self.office.send("mend")
        except LongshoreError as error:
            self.office.complain(f"firewall: {error.message}")

    def release_ports(self) -> None:
        """The container's ports are not published any more."""
        if self._proxy is not None:
            self._proxy.close()
            self._proxy = None
        if self.child is not None:
            self.child.release_ports()

    def _clear(self, error: ClerkDied) -> None:
        """Take away what a clerk that died left of a start."""
        try:
            self.office.send("clear", message=error.message, restart_count=self.restarts.count)
        except LongshoreError as further:
            self.office.complain(further.message)
            self._leave_traces = True

    def reap_strangers(self, tries: int = 40) -> None:
        """Collect what is our child and nobody's any more: processes of failed starts, and those kept in reserve that were not needed.

        One of them that stays unreaped would keep the container's PID namespace, and with it its main process, from ending.
        """
        known = {self.office.clerk_pid, self.child.pid if self.child else 0, *(session.pid for session in self.execs)}
        known.update(server.pid for server in (self._name_server, self._proxy) if server is not None)
        if self.monitor is not None:
            known.add(self.monitor.pid)
        try:
            while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
                if found.si_pid in known:  # it hides what is behind it until its own turn comes in the loop
                    if tries:
                        self.loop.later(0.05, lambda: self.reap_strangers(tries - 1))
                    return
                os.waitid(os.P_PID, found.si_pid, os.WEXITED)
        except ChildProcessError:
            pass

    def _exited(self, _mask: int) -> None:
        child, self.child = self.child, None
        assert child is not None
        code = child.reap()
        self._end_companions()
        for session in tuple(self.execs):
            session.kill()
        ended = self.state.replace(pid=0, exit_code=code, finished_at=time.time())
        if ended.health:
            ended = ended.replace(health=UNHEALTHY)  # docker's word for what is not looked after any more
        lasted = ended.finished_at - ended.started_at
        delay = self.restarts.after(code, lasted=lasted, manually_stopped=self.manually_stopped)
        status = ContainerStatus.EXITED if delay is None else ContainerStatus.RESTARTING
        self.state = ended.replace(status=status, restart_count=self.restarts.count)
        written = self._record_exit(child)
        self._starvation = None
        child.release()
        if delay is None:
            self._finish(remove=written and not self.keep and self.facts.auto_remove)
        else:
            self._restart_timer = self.loop.later(delay, self._restart)
            self._tell_waiting()

    def _end_companions(self) -> None:
        if self._starvation is not None:
            self._starvation.end()
        if self.monitor is not None:
            self.monitor.end()
            self.monitor = None
        for server in (self._name_server, self._proxy):
            if server is not None:
                server.close()
        self._name_server = self._proxy = None
        if self._guard is not None:
            self._guard.close()
            self._guard = None

    def _probed(self, probe: HealthProbe, status: str, streak: int, tell: Tell) -> None:
        """Have a probe's result written down, and the state if it is another one now."""
        changed = status != self.state.health
        told = [*tell, (f"health_status: {status}", {})] if changed else tell
        state = self.state.replace(health=status)
        try:
            encoded = codec.encode(state) if changed else ""
            self.office.send("probed", probe=codec.encode(probe), streak=streak, state=encoded, tell=told)
        except LongshoreError as error:
            self.office.complain(error.message)  # the next probe tries again
        else:
            self.state = state
        if probe.exit_code < 0:
            self.reap_strangers()  # an exec that failed leaves one

    def _record_exit(self, child: Child) -> bool:
        """Have the exit written down; ``False`` when only a file tells of it, or the container is gone."""
        for _try in range(_TRIES):
            told = {"stopped": self.stop_requested, "oom_kills": self._starvation.kills if self._starvation else 0}
            try:
                answer, _ = self.office.send("ended", pid=child.pid, pid_start=self._pid_start, state=codec.encode(self.state), **told)
            except LongshoreError as error:
                self.office.complain(error.message)
                continue
            self.state = self.state.replace(oom_killed=answer["oom"])
            return bool(answer["written"])
        record = exits.ExitRecord(
            pid=child.pid, pid_start=self._pid_start, exit_code=self.state.exit_code, finished_at=self.state.finished_at
        )
        exits.write(self._roots, self.id, record)
        return False

    def _restart(self) -> None:
        self._restart_timer = None
        try:
            self.start()
        except LongshoreError:
            self._finish(remove=False)

    def cancel_restart(self) -> None:
        """A person stopped it between two runs."""
        self.loop.cancel(self._restart_timer)
        self._restart_timer = None
        self.write(self.state.replace(status=ContainerStatus.EXITED), manually_stopped=True)
        self._finish(remove=False)

    def _tell_waiting(self) -> None:
        self.audience.dismiss(self.state.exit_code)
        waiting, self.on_exit = self.on_exit, []
        for call in waiting:
            call(self.state.exit_code)

    def _finish(self, *, remove: bool) -> None:
        """Give up socket and lock. A request that arrives later finds nobody and brings another supervisor."""
        if self.finished:
            return
        self.finished = True
        self.journal.close()
        self.loop.forget(self._listener.fileno())
        self._listener.close()
        if not self._leave_traces:  # a socket that nobody listens at is what the recovery sweep looks for
            try:
                os.unlink(places.socket_path(self._roots, self.id))
            except FileNotFoundError:
                pass
        if remove:
            try:
                self.office.send("remove")
            except LongshoreError as error:
                self.office.complain(f"remove: {error.message}")
        self._lock.release()
        self._tell_waiting()
        for peer in tuple(self._peers):
            peer.end()
        if not self._peers:
            self.loop.stop()

    def leave_if_unneeded(self) -> None:
        """Leave when nothing runs, nothing is to run, and nobody is connected."""
        if self.child is None and not self.restarting and not self._peers:
            self._finish(remove=False)

    def retire(self) -> None:
        """Leave now, though clients wait for a start. Does nothing while it runs."""
        if self.child is None and not self.restarting:
            self._finish(remove=False)

    # -- streams -----------------------------------------------------------------------------------------------------------

    def feed(self, peer: Peer, data: bytes) -> None:
        """Input from a client for the main process; kept until there is one."""
        if self.child is None:
            self._early_input.append((peer, data))
            peer.pause(True)
        elif self.facts.open_stdin and self.child.input is not None:
            self.child.input.write(data, peer)

    def end_input(self, peer: Peer) -> None:
        """A client's input ended, or the client did: with ``stdin_once`` that ends the process's input too."""
        if self.child is None:
            self._early_input.append((peer, None))
        elif self.facts.stdin_once and not self.facts.tty and self.child.input is not None:
            self.child.input.end()

    def resize(self, width: int, height: int) -> None:
        """The terminal's size, also for the runs to come."""
        self.size = (width, height)
        if self.child is not None:
            self.child.resize(width, height)
