"""The operations of runtime-spec ``runtime.md``: create, start, state, kill and delete.

Called by a process with a single thread that ends soon after: see :mod:`engine.runtime.gate` for what stays behind.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import Conflict, EngineFault, InvalidArgument, LongshoreError, NotFound, TimedOut
from engine.linux import processes
from engine.linux.syscalls import reason
from engine.model.value import Value
from engine.oci.state import Container, State
from engine.runtime import gate
from engine.store import atomic

if TYPE_CHECKING:
    from engine.linux.cgroups import Cgroup
    from engine.runtime.process import Created

_DEATH_SECONDS = 10.0


class CreateOptions(Value):
    """Flags of ``create``.

    Attributes:
        bundle: directory, ``""`` for the current one.
        pid_file: where the pid is written, ``""`` for nowhere.
        console_socket: socket that gets the terminal's master.
        listen: how many of systemd's sockets we were handed from descriptor 3 on (sd_listen_fds(3)), all for the program.
        preserve: how many descriptors after those the program keeps.
        pivot: off for a root that pivot_root(2) can not leave, as a RAM disk is.
        keyring: a session keyring of its own.
    """

    bundle: str = ""
    pid_file: str = ""
    console_socket: str = ""
    listen: int = 0
    preserve: int = 0
    pivot: bool = True
    keyring: bool = True


def create(container: Container, options: CreateOptions, *, here: bool = False) -> Created:
    """Make a container whose process waits right before its program.

    It comes back; close it, unless this process ends. With ``here`` its terminal is ours to serve when no socket wants it.

    Raises:
        Conflict: the name is taken.
        InvalidArgument, NotSupported: the bundle, or the flags do not fit it.
        StartFailed: what went wrong; nothing is left behind.
    """
    from engine.oci import bundle

    directory = os.path.realpath(options.bundle or ".")
    spec = bundle.load(directory, container.id)
    if options.listen:
        spec["process"]["env"] = [*(spec["process"].get("env") or ()), f"LISTEN_FDS={options.listen}", "LISTEN_PID=1"]
    terminal = bool(spec["process"].get("terminal"))
    if terminal and not options.console_socket and not here:
        raise InvalidArgument("cannot allocate a terminal without --console-socket: nobody would hold it")
    if options.console_socket and not terminal:
        raise InvalidArgument("--console-socket is for a process with a terminal, and process.terminal is off")
    state = State(
        id=container.id,
        oci_version=spec["ociVersion"],
        bundle=directory,
        rootfs=spec["root"]["path"],
        created=time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + f".{time.time_ns() % 10**9:09d}Z",
        owner=os.getuid(),
        annotations=spec["annotations"],
    )
    container.make(state, spec)
    try:
        created = _create(container, state, spec, options, console_here=terminal and here)
    except BaseException:
        container.remove()
        raise
    container.made()
    return created


def run(container: Container, options: CreateOptions, *, keep: bool = False) -> int:
    """Create, start, and wait with our own terminal: the exit code. It is deleted afterwards unless it shall be kept.

    Raises:
        As :func:`create` and :func:`start`.
    """
    from engine.oci import foreground

    with foreground.held():
        return _run(container, options, keep=keep)


def _run(container: Container, options: CreateOptions, *, keep: bool) -> int:
    from engine.oci import foreground

    created = create(container, options, here=True)
    try:
        return foreground.wait(lambda: start(container), created.pid, created.pidfd, created.console_fd)
    finally:
        created.close()
        if not keep:
            delete(container, force=True)


def _create(container: Container, state: State, spec: Mapping[str, Any], options: CreateOptions, *, console_here: bool) -> Created:
    from engine.oci import console
    from engine.runtime import process, waiting

    gate.prepare(container.directory)
    line = console.connect(options.console_socket) if options.console_socket else None
    created = process.create(
        spec,
        bundle=state.bundle,
        stdin=0,
        stdout=1,
        stderr=2,
        console=line is not None or console_here,
        wire=lambda _pid, _ready: None,
        gate=waiting.Gate(directory=container.directory, hooks=spec.get("hooks") or {}, state=state.outward()),
        preserve=check_preserved(options.listen + options.preserve),
        pivot=options.pivot,
        keyring=options.keyring,
    )
    try:
        if line is not None:
            console.send(line, created.console_fd)
        container.save(state.replace(pid=created.pid, started=processes.start_time(created.pid)))
        if options.pid_file:
            atomic.write_file(options.pid_file, str(created.pid).encode(), 0o644, durable=False)
        created.start()
    except BaseException:
        created.discard()
        raise
    return created


def check_preserved(count: int) -> int:
    """``count``, when that many descriptors from 3 on were handed to us (ours close on exec). Raises InvalidArgument."""
    for fd in range(3, 3 + count):
        try:
            inherited = os.get_inheritable(fd)
        except OSError:
            inherited = False
        if not inherited:
            raise InvalidArgument(f"unable to preserve descriptor {fd}: it is not open")
    return count


def start(container: Container) -> None:
    """Let a created container's program run.

    Raises:
        Conflict: it is not ``created``.
        StartFailed: the program can not run, or a hook failed.
    """
    state = container.state
    status = container.status(state)
    if status != "created":
        words = {"stopped": "cannot start a container that has stopped", "creating": "cannot start a container that is being created"}
        raise Conflict(f"{container.id}: {words.get(status, 'cannot start an already running container')}")
    gate.let_pass(container.directory)
    _run_late_hooks(container, state, "poststart", "running", state.pid)


def _run_late_hooks(container: Container, state: State, kind: str, status: str, pid: int) -> None:
    """Hooks whose failure changes nothing: each is run, and a warning says what went wrong."""
    for hook in (container.spec.get("hooks") or {}).get(kind) or ():
        from engine.runtime import hooks

        try:
            hooks.run(kind, [hook], gate.state_json(state.outward(), status, pid))
        except LongshoreError as error:
            os.write(2, f"warning: {error}\n".encode("utf-8", "replace"))


def state_of(container: Container) -> dict[str, Any]:
    """What ``state`` prints: runtime-spec's members, and runc's more. Raises NotFound."""
    state = container.state
    status = container.status(state)
    return {
        "ociVersion": state.oci_version,
        "id": state.id,
        "pid": 0 if status == "stopped" else state.pid,
        "status": status,
        "bundle": state.bundle,
        "rootfs": state.rootfs,
        "created": state.created,
        "annotations": dict(state.annotations),
        "owner": str(state.owner),
    }


def kill(container: Container, number: int, *, everyone: bool = False) -> None:
    """Send a signal to the first process, or to ``everyone`` in the container's cgroup.

    Raises:
        Conflict: it is not ``created``, ``running`` or ``paused``.
    """
    state = container.state
    cgroup = container.cgroup()
    if everyone and cgroup is not None:
        for pid in cgroup.pids():
            processes.kill_same(pid, processes.start_time(pid), number)
    elif container.status(state) in ("stopped", "creating") or not processes.kill_same(state.pid, state.started, number):
        raise Conflict(f"{container.id}: container not running")
    if number == signal.SIGKILL and cgroup is not None and cgroup.frozen():
        cgroup.thaw()  # on version 1 nobody dies while frozen


def delete(container: Container, *, force: bool = False) -> None:
    """Remove a stopped container and what was made for it; with ``force`` one that runs, which is killed.

    Raises:
        NotFound: there is none, and not ``force``.
        Conflict: it is not ``stopped``.
    """
    try:
        state = container.state
    except NotFound:
        if force:
            return
        raise
    status = container.status(state)
    if status != "stopped":
        if not force:
            raise Conflict(f"cannot delete container {container.id} that is not stopped: {status}")
        _kill_and_wait(state)
    cgroup = container.cgroup()
    if cgroup is not None:
        _remove_cgroup(cgroup)
    _run_late_hooks(container, state, "poststop", "stopped", 0)
    container.remove()


def _kill_and_wait(state: State) -> None:
    try:
        pidfd = processes.open_same(state.pid, state.started)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        if not poll.poll(_DEATH_SECONDS * 1000):
            raise TimedOut(f"process {state.pid} of container {state.id} does not die")
    except ProcessLookupError:
        pass
    finally:
        os.close(pidfd)


def _remove_cgroup(cgroup: Cgroup) -> None:
    """With every process that is left in it: those of a container that has no pid namespace of its own."""
    deadline = time.monotonic() + _DEATH_SECONDS
    while not cgroup.remove():
        if time.monotonic() > deadline:
            raise EngineFault(f"the cgroup {cgroup.path} can not be removed: processes are left in it")
        try:
            cgroup.kill()
        except OSError as error:
            raise EngineFault(f"killing the processes of cgroup {cgroup.path}: {reason(error)}") from None
        time.sleep(0.01)


def freeze(container: Container, *, on: bool) -> None:
    """Pause or resume.

    Raises:
        Conflict: it is not running, or not paused.
        EngineFault: the kernel refuses.
    """
    status = container.status(container.state)
    wanted = ("running", "created") if on else ("paused",)
    if status not in wanted:
        raise Conflict(f"{container.id}: container not {'running' if on else 'paused'}: {status}")
    cgroup = container.cgroup()
    if cgroup is None:
        raise EngineFault(f"{container.id}: no cgroup to {'pause' if on else 'resume'}")
    try:
        if on:
            cgroup.freeze()
        else:
            cgroup.thaw()
    except OSError as error:
        raise EngineFault(f"{container.id}: unable to {'pause' if on else 'resume'}: {reason(error)}") from None
