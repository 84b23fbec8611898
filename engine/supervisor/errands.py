"""What a clerk can be sent for: everything of a container's life that needs the database, netlink, cgroups or a new process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from engine.errors import EngineFault, LongshoreError, NotFound, StartFailed
from engine.linux import capabilities, nft_watch, processes
from engine.model.containers import ContainerState, ContainerStatus, Endpoint, ExecConfig
from engine.model.health import STARTING, HealthProbe
from engine.network.attachment import Attachment
from engine.network.manager import NetworkManager
from engine.runtime import confinement, process
from engine.runtime.host import HostFacts
from engine.runtime.spec import exec_process, resolve_joins
from engine.store import codec, health
from engine.store.containers import ContainerRecord, Containers
from engine.store.database import Database
from engine.store.roots import Roots
from engine.supervisor import exits, kernel, loans, logs, recovery, removal
from engine.supervisor.facts import state_of
from engine.supervisor.records import StateBook
from engine.supervisor.specs import load_spec, spec_for_cleaning
from engine.supervisor.stdio import Stdio, set_size
from engine.supervisor.trees import remove_tree

Answer = tuple[dict[str, Any], Sequence[int]]
Fields = dict[str, Any]

_RETRY = 1.0
_BRIDGE_LINGERS = 1.0


class Errands:
    """The errands of one container, on one open database. ``open`` comes first.

    ``reserve`` is for the next start.
    """

    def __init__(self, roots: Roots, reserve: process.Reserve | None = None) -> None:
        self._roots = roots
        self._reserve = reserve
        self._db = Database.of(roots)
        self._networks = NetworkManager(roots, self._db)
        self._containers = Containers(self._db)
        self._containers.by_status(ContainerStatus.REMOVING)  # opens the database before anybody waits for it
        self._errands: dict[str, Callable[[Fields], Answer]] = {
            "open": self._open,
            "start": self._start,
            "clear": self._clear,
            "ended": self._ended,
            "write": self._write,
            "probed": self._probed,
            "starved": self._starved,
            "tell": self._tell,
            "freeze": self._freeze,
            "exec": self._exec,
            "connect": self._connect,
            "disconnect": self._disconnect,
            "remove": self._remove,
            "mend": self._mend,
            "tidy": self._tidy,
        }

    def run(self, fields: Fields) -> Answer:
        """Run the errand that ``fields`` names.

        Raises:
            LongshoreError: why it could not be done.
        """
        try:
            return self._errands[fields["op"]](fields)
        except OSError as error:
            what = f": {os.fsdecode(error.filename)}" if error.filename else ""
            raise EngineFault(f"container {str(fields['id'])[:12]}: {error.strerror or error}{what}") from error

    def end(self) -> None:
        """Nothing is asked any more: dismiss what was kept in reserve."""
        if self._reserve is not None:
            self._reserve.dismiss()
            self._reserve = None

    def _open(self, fields: Fields) -> Answer:
        """Make the record true, and say what the supervisor has to know of it."""
        container_id = fields["id"]
        try:
            record = self._containers.get(container_id)
            if recovery.settle_locked(self._roots, self._db, record):
                record = self._containers.get(container_id)
        except NotFound:
            remove_tree(self._roots.container_run_dir(container_id))
            raise
        policy = record.host_config.restart_policy
        return {
            "tty": record.config.tty,
            "open_stdin": record.config.open_stdin,
            "stdin_once": record.config.stdin_once,
            "stop_signal": record.config.stop_signal,
            "stop_timeout": record.config.stop_timeout,
            "auto_remove": record.host_config.auto_remove,
            "policy": policy.name,
            "max_retries": policy.max_retries,
            "manually_stopped": record.manually_stopped,
            "check": _check(record),
            "log": list(logs.rotation(record.host_config)),
            "state": codec.encode(record.state),
        }, ()

    def _start(self, fields: Fields) -> Answer:
        """Bring the main process up and write that it runs, or why it does not."""
        record = self._containers.get(fields["id"])
        exits.forget(self._roots, record.id)
        try:
            return self._bring_up(record, fields)
        except LongshoreError as error:
            self._note_failure(record, error, fields)
            raise
        except OSError as error:
            failure = StartFailed(f"failed to start container {record.short_id}: {error}")
            self._note_failure(record, failure, fields)
            raise failure from error

    def _bring_up(self, record: ContainerRecord, fields: Fields) -> Answer:
        config = record.config
        spec = confinement.at_start(load_spec(self._roots, record.id))
        directory = self._roots.container_dir(record.id)
        attachments: list[Attachment] = []
        created: process.Created | None = None
        stdio = Stdio(terminal=config.tty, stdin=config.open_stdin)
        reserve, self._reserve = self._reserve, None

        def wire(pid: Callable[[], int], named: Callable[[], None]) -> None:
            def ready() -> None:
                confinement.label_files(spec, directory)
                named()

            attachments.append(self._networks.attach(record, pid, name_server=True, named=ready))

        try:
            loans.take(self._roots, self._db, record)
            confinement.ensure(spec)
            confinement.label_mounts(spec, record.mounts)
            joined: dict[int, ContainerRecord] = {}
            created = process.create(
                resolve_joins(spec, lambda name: self._pid_of(name, joined)),
                bundle=directory,
                stdin=stdio.stdin,
                stdout=stdio.stdout,
                stderr=stdio.stderr,
                console=config.tty,
                wire=wire,
                sibling=True,
                reserve=reserve,
            )
            if config.tty and fields["size"]:
                set_size(created.console_fd, *fields["size"])
            for other in joined.values():
                _check_joined(other)
            pid_start = processes.start_time(created.pid)
            created.start()
            state = ContainerState(
                status=ContainerStatus.RUNNING,
                pid=created.pid,
                started_at=time.time(),
                restart_count=fields["restart_count"],
                health=STARTING if _check(record) else "",
            )
            health.begin(self._roots, record.id)
            StateBook(self._db, record.id).write(state, ("start", {}), pid_start=pid_start, manually_stopped=False)
        except BaseException:
            stdio.close()
            if created is not None and created.pidfd >= 0:
                created.discard()
            for attachment in attachments:
                attachment.close()
            kernel.dismantle(self._networks, record, spec)
            self._give_back(record)
            raise
        sockets = tuple(one for attachment in attachments for one in attachment.names)
        holds = tuple(hold for attachment in attachments for hold in attachment.holds)
        further = (*sockets, *holds)
        starving, mask = kernel.watch_oom(spec) if record.host_config.memory > 0 else (-1, 0)
        facts = {"pid_start": pid_start, "state": codec.encode(state), "sockets": len(sockets), "oom_mask": mask}
        facts["bridged"] = any(map(_is_bridged, attachments))
        apart = os.path.exists(self._roots.netns)  # nobody else makes rules there
        watching = watch_firewall() if facts["bridged"] and not apart else -1
        return _made(created, stdio, further=further, starving=starving, watching=watching, **facts)

    def _clear(self, fields: Fields) -> Answer:
        """After a clerk that died over a start: kill what runs, dismantle, and say why nothing does."""
        record = self._containers.get(fields["id"])
        recovery.clear(self._networks, record, spec_for_cleaning(self._roots, record.id))
        self._note_failure(record, StartFailed(fields["message"]), fields)
        return {}, ()

    def _pid_of(self, name: str, joined: dict[int, ContainerRecord]) -> int:
        """The main process of another container whose namespaces this one joins, which is noted in ``joined``."""
        other = self._containers.resolve(name)
        _check_joined(other)
        joined[other.state.pid] = other
        return other.state.pid

    def _note_failure(self, record: ContainerRecord, error: LongshoreError, fields: Fields) -> None:
        """Docker leaves the container as it was, with the error in its state."""
        code = error.exit_code if isinstance(error, StartFailed) else StartFailed.exit_code
        state = ContainerState(
            status=ContainerStatus.EXITED if record.state.started_at else ContainerStatus.CREATED,
            exit_code=code,
            error=error.message,
            started_at=record.state.started_at,
            finished_at=record.state.finished_at,
            restart_count=fields["restart_count"],
            health=record.state.health,
        )
        self._for_certain(record.id, lambda: StateBook(self._db, record.id).write(state, pid_start=0), give_up=False)

    def _ended(self, fields: Fields) -> Answer:
        """Record an exit and dismantle what the container had: file first, database last."""
        record = self._containers.get(fields["id"])
        spec = spec_for_cleaning(self._roots, record.id)
        kills = kernel.oom_kills(spec)
        oom = kills > 0
        state = state_of(fields["state"]).replace(oom_killed=oom)
        ended = exits.ExitRecord(
            pid=fields["pid"], pid_start=fields["pid_start"], exit_code=state.exit_code, finished_at=state.finished_at, oom_killed=oom
        )
        kept = exits.write(self._roots, record.id, ended)
        kernel.dismantle(self._networks, record, spec, tidy=False)
        self._give_back(record)
        lasted = max(0, int(state.finished_at - state.started_at))
        tell: list[tuple[str, dict[str, str]]] = [("oom", {})] if kills > fields["oom_kills"] else []
        tell.append(("die", {"exitCode": str(state.exit_code), "execDuration": str(lasted)}))
        if fields["stopped"]:
            tell.append(("stop", {}))
        written = self._for_certain(record.id, lambda: StateBook(self._db, record.id).write(state, *tell), give_up=kept)
        if written:
            exits.forget(self._roots, record.id)
        return {"oom": oom, "written": written}, ()

    def _give_back(self, record: ContainerRecord) -> None:
        try:
            loans.give_back(self._roots, self._db, record)
        except LongshoreError as error:
            _complain(record.id, error)  # the sweep tries again

    def _for_certain(self, container_id: str, write: Callable[[], None], *, give_up: bool) -> bool:
        """Write, however long the disk is full or the database locked; with ``give_up`` once, for what a file holds anyway."""
        while True:
            try:
                self._db.spared(write)
            except NotFound:
                return False  # somebody removed the row; there is nothing left to be true about
            except LongshoreError as error:
                _complain(container_id, error)
                if give_up:
                    return False
                time.sleep(_RETRY)
            else:
                return True

    def _write(self, fields: Fields) -> Answer:
        """Write a state, with events."""
        tell = [(action, further) for action, further in fields.get("tell", ())]
        book = StateBook(self._db, fields["id"])
        book.write(state_of(fields["state"]), *tell, manually_stopped=fields.get("manually_stopped"))
        return {}, ()

    def _probed(self, fields: Fields) -> Answer:
        """Write down what a probe found, first the report: whoever sees a new status finds there why it is so."""
        try:
            health.add(self._roots, fields["id"], codec.decode(HealthProbe, fields["probe"]), fields["streak"])
        except LongshoreError as error:
            _complain(fields["id"], error)  # the status matters more
        if fields["state"]:
            self._write(fields)
        else:
            book = StateBook(self._db, fields["id"])
            for action, further in fields["tell"]:
                book.tell(action, **further)
        return {}, ()

    def _starved(self, fields: Fields) -> Answer:
        """Tell of processes that were killed for want of memory while the container goes on."""
        kills = kernel.oom_kills(spec_for_cleaning(self._roots, fields["id"]))
        if kills > fields["oom_kills"]:
            StateBook(self._db, fields["id"]).tell("oom")
        return {"oom_kills": kills}, ()

    def _tell(self, fields: Fields) -> Answer:
        StateBook(self._db, fields["id"]).tell(fields["action"], **fields["further"])
        return {}, ()

    def _freeze(self, fields: Fields) -> Answer:
        """Pause or unpause every process, and write so."""
        spec = load_spec(self._roots, fields["id"])
        paused = fields["paused"]
        kernel.freeze(spec, fields["id"]) if paused else kernel.thaw(spec, fields["id"])
        try:
            self._write(fields)
        except LongshoreError:
            if paused:
                kernel.thaw(spec, fields["id"])
            raise
        return {}, ()

    def _exec(self, fields: Fields) -> Answer:
        """A further process in the running container."""
        config = codec.decode(ExecConfig, fields["config"])
        spec = confinement.at_start(load_spec(self._roots, fields["id"]))
        book = StateBook(self._db, fields["id"])
        command, attributes = " ".join(config.cmd), {"execID": fields["exec"]}
        book.tell(f"exec_create: {command}", **attributes)
        stdio = Stdio(terminal=config.tty, stdin=config.stdin)
        try:
            created = process.exec_in(
                spec,
                fields["pid"],
                exec_process(spec, config, HostFacts(capabilities=capabilities.available())),
                stdin=stdio.stdin,
                stdout=stdio.stdout,
                stderr=stdio.stderr,
                console=config.tty,
                sibling=True,
            )
            if config.tty and config.width and config.height:
                set_size(created.console_fd, config.width, config.height)
            created.start()
        except BaseException:
            stdio.close()
            raise
        book.tell(f"exec_start: {command}", **attributes)
        return _made(created, stdio)

    def _connect(self, fields: Fields) -> Answer:
        """One network more. What the container got with it comes back: sockets of its name server, holders of its ports."""
        record = self._containers.get(fields["id"])
        wanted = codec.decode(Endpoint, fields["wanted"])
        got = self._networks.connect(record, fields["network"], wanted, fields["pid"], named=fields["named"])
        return {"sockets": len(got.names), "bridged": _is_bridged(got)}, (*got.names, *got.holds)

    def _disconnect(self, fields: Fields) -> Answer:
        """One network less."""
        return {"unpublished": self._networks.disconnect(self._containers.get(fields["id"]), fields["network"], fields["pid"])}, ()

    def _mend(self, _fields: Fields) -> Answer:
        """Put right what somebody did to the firewall."""
        self._networks.mend()
        return {}, ()

    def _tidy(self, _fields: Fields) -> Answer:
        """What the kernel takes tens of milliseconds for: remove interfaces and rules that nobody needs any more.

        Containers often come one after another: a next one finds the bridge there, and need not wait for its removal.
        """
        time.sleep(_BRIDGE_LINGERS)
        self._networks.tidy()
        return {}, ()

    def _remove(self, fields: Fields) -> Answer:
        removal.remove(self._roots, self._db, self._containers.get(fields["id"]), volumes=True)
        return {}, ()


def watch_firewall() -> int:
    """What tells of changes of the firewall, to be watched by the supervisor; -1 where the kernel refuses."""
    try:
        return nft_watch.changes().detach()
    except OSError:
        return -1


def _check_joined(other: ContainerRecord) -> None:
    """Refuse namespaces of a process that has ended. What joined it in between was in nobody else's: its pid was not given away."""
    if not other.state.running or not processes.same(other.state.pid, other.pid_start):
        raise StartFailed(f"cannot join namespaces of a non running container: {other.id}")


def _is_bridged(attachment: Attachment) -> bool:
    """It is an attachment to a network with rules."""
    return any(place.ip_address for place in attachment.endpoints)


def _complain(container_id: str, error: LongshoreError) -> None:
    os.write(2, f"container {container_id[:12]}: {error.message}\n".encode(errors="replace"))


def _check(record: ContainerRecord) -> str:
    """The health check with its command, as text; ``""`` without one."""
    check = record.config.healthcheck
    command = check.command(record.config.shell) if check is not None else ()
    return codec.encode(check.replace(test=command)) if check is not None and command else ""


def _made(
    created: process.Created, stdio: Stdio, *, further: Sequence[int] = (), starving: int = -1, watching: int = -1, **facts: Any
) -> Answer:
    """The answer that hands a process over: its pidfd, its descriptors by name, then further ones."""
    stdio.started()
    names = ["pidfd"]
    descriptors = [created.pidfd]
    if stdio.terminal:
        names.append("console")
        descriptors.append(created.console_fd)
    for name in ("stdin", "stdout", "stderr"):
        ours = stdio.take(name)
        if ours >= 0:
            names.append(name)
            descriptors.append(ours)
    for name, descriptor in (("oom", starving), ("firewall", watching)):
        if descriptor >= 0:
            names.append(name)
            descriptors.append(descriptor)
    return {"pid": created.pid, "between": created.between, "names": names, **facts}, (*descriptors, *further)
