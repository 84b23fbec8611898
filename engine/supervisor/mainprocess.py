"""One run of a container's main process: its descriptors, its network, its control group and its end.

Knows nothing of the database. :class:`engine.supervisor.supervisor.Supervisor` decides what a run's events mean.
"""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios
from collections.abc import Callable
from typing import Any, Final

from engine.errors import EngineFault, LongshoreError, StartFailed
from engine.linux import cgroups, processes
from engine.network.manager import Attachment, NetworkManager
from engine.runtime import process
from engine.spawner import wire
from engine.store.containers import ContainerRecord
from engine.store.roots import Roots
from engine.supervisor.loop import READ, Loop
from engine.supervisor.streams import Audience, Input, Output, Sink

_PIPE_SIZE: Final = 1 << 20


class Stdio:
    """Both ends of a process's standard descriptors: pipes, or a terminal that the runtime makes inside."""

    def __init__(self, *, terminal: bool, stdin: bool) -> None:
        self.terminal = terminal
        self.wants_input = stdin
        self._theirs: list[int] = []
        self._ours: dict[str, int] = {}
        self.stdin = self.stdout = self.stderr = -1  # the runtime's null device
        if terminal:
            return
        try:
            self.stdout = self._pipe("stdout", reader_is_ours=True)
            self.stderr = self._pipe("stderr", reader_is_ours=True)
            if stdin:
                self.stdin = self._pipe("stdin", reader_is_ours=False)
        except BaseException:
            self.close()
            raise

    def _pipe(self, name: str, *, reader_is_ours: bool) -> int:
        reader, writer = os.pipe2(os.O_CLOEXEC)
        ours, theirs = (reader, writer) if reader_is_ours else (writer, reader)
        self._ours[name] = ours
        self._theirs.append(theirs)
        try:
            fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        except OSError:
            pass  # over the user's quota of pipe memory: the default size works too
        return theirs

    def started(self) -> None:
        """Close the process's ends: it has its own copies now."""
        theirs, self._theirs = self._theirs, []
        for fd in theirs:
            os.close(fd)

    def take(self, name: str) -> int:
        """Our end of a pipe, which the caller closes; -1 when there is none."""
        return self._ours.pop(name, -1)

    def close(self) -> None:
        """Close everything that nobody took."""
        self.started()
        for fd in self._ours.values():
            os.close(fd)
        self._ours.clear()


class Streams:
    """A started process's streams on the loop."""

    def __init__(self, loop: Loop, stdio: Stdio, console: int, *, audience: Audience, sink: Sink) -> None:
        self.outputs: list[Output] = []
        self.input: Input | None = None
        self.console = -1

        def add(fd: int, kind: int) -> None:
            self.outputs.append(Output(loop, fd, kind, audience=audience, sink=sink))

        if stdio.terminal:
            self.console = os.dup(console)
            if stdio.wants_input:
                self.input = Input(loop, os.dup(console))
            add(console, wire.STDOUT)
        else:
            add(stdio.take("stdout"), wire.STDOUT)
            add(stdio.take("stderr"), wire.STDERR)
            if stdio.wants_input:
                self.input = Input(loop, stdio.take("stdin"))

    def resize(self, width: int, height: int) -> None:
        """Set the terminal's size in cells."""
        if self.console >= 0:
            set_size(self.console, width, height)

    def finish(self) -> None:
        """Read what is left and close everything."""
        for output in self.outputs:
            output.finish()
        if self.input is not None:
            self.input.close()
        if self.console >= 0:
            os.close(self.console)
            self.console = -1


def set_size(terminal: int, width: int, height: int) -> None:
    """TIOCSWINSZ (ioctl_tty(2)); a terminal that is gone is fine."""
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height & 0xFFFF, width & 0xFFFF, 0, 0))
    except OSError:
        pass


class MainProcess:
    """A container's PID 1 from create to teardown."""

    def __init__(self, roots: Roots, networks: NetworkManager, record: ContainerRecord, spec: dict[str, Any]) -> None:
        self._roots = roots
        self._networks = networks
        self.record = record
        self.spec = spec
        self._created: process.Created | None = None
        self._attachment: Attachment | None = None
        self._stop_names: Callable[[], None] = _nothing
        self.streams: Streams | None = None
        self.pid_start = 0

    @property
    def pid(self) -> int:
        """PID 1 of the container, in our namespace."""
        return self._created.pid if self._created else 0

    @property
    def pidfd(self) -> int:
        """Readable when PID 1 has ended."""
        return self._created.pidfd if self._created else -1

    def start(self, loop: Loop, audience: Audience, sink: Sink, size: tuple[int, int] | None) -> None:
        """Create and execute. When it fails, everything that was made is gone again.

        Raises:
            StartFailed, ExecutableNotFound, NotExecutable: in docker's words.
            LongshoreError: the network refused.
        """
        config = self.record.config
        stdio = Stdio(terminal=config.tty, stdin=config.open_stdin)
        try:
            created = self._created = process.create(
                self.spec,
                bundle=self._roots.container_dir(self.record.id),
                stdin=stdio.stdin,
                stdout=stdio.stdout,
                stderr=stdio.stderr,
                console=config.tty,
                wire=self._wire,
            )
            stdio.started()
            if config.tty and size is not None:
                set_size(created.console_fd, *size)
            self.pid_start = processes.start_time(created.pid)
            self._execute(created)
            self._serve_names(loop)
            self.streams = Streams(loop, stdio, created.console_fd, audience=audience, sink=sink)
        except OSError as error:
            self.abandon()
            raise StartFailed(f"failed to start container {self.record.short_id}: {error}") from error
        except BaseException:
            self.abandon()
            raise
        finally:
            stdio.close()

    def _execute(self, created: process.Created) -> None:
        try:
            created.start()
        except BaseException:
            self._created = None  # the runtime has killed and reaped it
            raise

    def _wire(self, pid: int) -> None:
        self._attachment = self._networks.attach(self.record, pid)

    def _serve_names(self, loop: Loop) -> None:
        resolver = self._attachment.resolver if self._attachment else None
        if resolver is not None:
            loop.watch(resolver.descriptor, READ, resolver.ready)
            self._stop_names = lambda: loop.forget(resolver.descriptor)

    def abandon(self) -> None:
        """Undo a start that failed half-way."""
        if self._created is not None:
            self.signal(signal.SIGKILL)
            self.reap()
            if self.streams is None and self._created.console_fd >= 0:
                os.close(self._created.console_fd)
        if self.streams is not None:
            self.streams.finish()
        self.teardown()

    def signal(self, number: int) -> None:
        """Send a signal to PID 1; one that has ended is fine."""
        try:
            signal.pidfd_send_signal(self.pidfd, number)
        except ProcessLookupError:
            pass

    def reap(self) -> int:
        """Wait for PID 1: its exit code, 128 + n after signal n."""
        return reap(self.pidfd)

    @property
    def cgroup(self) -> cgroups.Cgroup | None:
        """Its control group, where the machine has any."""
        return cgroup_of(self.spec)

    def pause(self) -> None:
        """Freeze every process. Raises EngineFault."""
        group = self.cgroup
        if group is None:
            raise EngineFault(f"cannot pause container {self.record.short_id}: this machine has no cgroups")
        try:
            group.freeze()
        except OSError as error:
            group.thaw()
            raise EngineFault(f"cannot pause container {self.record.short_id}: {error}") from error

    def unpause(self) -> None:
        """Thaw every process. Raises EngineFault."""
        group = self.cgroup
        try:
            if group is not None:
                group.thaw()
        except OSError as error:
            raise EngineFault(f"cannot unpause container {self.record.short_id}: {error}") from error

    def oom_killed(self) -> bool:
        """Whether the kernel killed any of its processes for want of memory; to be asked before teardown."""
        group = self.cgroup
        try:
            return group is not None and group.oom_kills() > 0
        except OSError:
            return False

    def teardown(self) -> None:
        """Give network, ports and control group back. Idempotent; what fails here the recovery sweep tries again.

        Interfaces are left for :meth:`NetworkManager.tidy`, which the supervisor calls when nobody waits any more.
        """
        self._stop_names()
        self._stop_names = _nothing
        if self._attachment is not None:
            self._attachment.close()
            self._attachment = None
        dismantle(self._networks, self.record, self.spec, tidy=False)
        if self._created is not None:
            self._created.close()
            self._created = None


def _nothing() -> None:
    """The end of a name server that was never started."""


def reap(pidfd: int) -> int:
    """Wait for a child by pidfd: its exit code, 128 + n after signal n."""
    try:
        result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
    except ChildProcessError:
        return 137  # somebody else's child: it was killed with its parent
    if result is None:
        return 137
    return result.si_status if result.si_code == os.CLD_EXITED else 128 + result.si_status


def cgroup_of(spec: dict[str, Any]) -> cgroups.Cgroup | None:
    """The control group an OCI configuration names, or ``None``."""
    try:
        return process.cgroup_of(spec)
    except (KeyError, ValueError):
        return None


def dismantle(networks: NetworkManager, record: ContainerRecord, spec: dict[str, Any], *, tidy: bool = True) -> None:
    """Kill what is left of a container outside its PID namespace, and remove its control group and network."""
    group = cgroup_of(spec)
    steps: list[Callable[[], object]] = [lambda: networks.detach(record, tidy=tidy)]
    if group is not None and group.exists():
        if group.pids():
            steps.append(group.kill)
        steps.append(group.remove)
    for step in steps:
        try:
            step()
        except (OSError, LongshoreError):
            continue
