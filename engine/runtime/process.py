"""The parent's side: make a container's first process, or a further one, and stop it right before its program runs.

Called by a supervisor, a process with a single thread. The first process is its own child: pid and time namespaces are chosen by
unsharing before the fork and going back after it. See :mod:`engine.runtime.dialogue` for what is said.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Mapping
from typing import Any

from engine.errors import EngineFault, LongshoreError, StartFailed
from engine.linux import capabilities, namespaces, siblings, syscalls
from engine.linux.cgroups import Cgroup, open_cgroup
from engine.linux.syscalls import reason
from engine.runtime import dialogue, init, seccomp
from engine.runtime.dialogue import Line

Spec = Mapping[str, Any]


def warm() -> None:
    """Do once, before supervisors are forked, what every start needs: the default seccomp filter above all."""
    seccomp.default_filter(capabilities.DEFAULT)


def cgroup_of(spec: Spec) -> Cgroup | None:
    """The container's control group; ``None`` where the spec names none or the machine has none."""
    path = spec["linux"].get("cgroupsPath")
    if not path:
        return None
    try:
        return open_cgroup(path)
    except OSError:
        return None


class Created:
    """A process that waits right before its program.

    Attributes:
        pid: as this process sees it; it is our child, to be reaped by us.
        pidfd: readable when it ends; the caller closes it with :meth:`close`.
        console_fd: master of its pseudo terminal, or -1. The caller owns it.
        root_fd: its root file system, or -1 for an exec. While it is open the overlay is not unmounted, which syncs it to disk and
            would make the process's end wait; :meth:`close` it once the end is recorded, and before the next start.
        warnings: limits that this kernel can not enforce.
    """

    def __init__(
        self,
        pid: int,
        pidfd: int,
        fds: tuple[int, ...],
        line: Line,
        *,
        console: bool,
        cgroup: Cgroup | None = None,
        warnings: tuple[str, ...] = (),
    ) -> None:
        self.pid = pid
        self.pidfd = pidfd
        self.console_fd = fds[-1] if console else -1
        self.root_fd = fds[0] if len(fds) > console else -1
        self.warnings = warnings
        self._cgroup = cgroup
        self._line: Line | None = line

    def start(self) -> None:
        """Let the program run.

        Raises:
            ExecutableNotFound, NotExecutable, StartFailed: in docker's words; the process is then gone and reaped.
        """
        line, self._line = self._line, None
        if line is None:
            raise EngineFault(f"process {self.pid} was started before")
        try:
            line.say(dialogue.START)
            kind, payload, _ = line.hear()
        except OSError:
            kind, payload = dialogue.ERROR, b""
        finally:
            line.close()
        if kind == dialogue.ERROR:
            error = dialogue.unpack_error(payload) if payload else StartFailed(_death(self.pid))
            self.discard()
            raise error

    def discard(self) -> None:
        """Kill and reap it, close what belongs to it and remove its cgroup. For a process that shall not run after all."""
        _end(self.pid, self.pidfd)
        if self._cgroup is not None:
            self._cgroup.remove()
        if self.console_fd >= 0:
            os.close(self.console_fd)
            self.console_fd = -1
        self.close()

    def close(self) -> None:
        """Give everything but ``console_fd`` back."""
        if self._line is not None:
            self._line.close()
            self._line = None
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1
        if self.root_fd >= 0:
            os.close(self.root_fd)
            self.root_fd = -1


def create(
    spec: Spec, *, bundle: str, stdin: int, stdout: int, stderr: int, console: bool, wire: Callable[[int], None], sibling: bool = False
) -> Created:
    """Make the container's first process.

    Args:
        spec: OCI configuration, as :func:`engine.runtime.spec.build_spec` makes it.
        bundle: directory of the container; ``root.path`` is made in it when it is missing.
        stdin, stdout, stderr: descriptors, -1 for the null device; ignored with ``console``.
        sibling: it becomes a child of our parent, who has to reap it.
        wire: called with the pid as soon as its namespaces exist, while it mounts on; what it raises ends the process.

    Raises:
        StartFailed: what went wrong, or the process died. Its cgroup is removed again.
    """
    rootfs = spec["root"]["path"]
    os.makedirs(os.path.join(bundle, rootfs), mode=0o755, exist_ok=True)
    cgroup = cgroup_of(spec)
    try:
        warnings = _limit(cgroup, spec)
        plan = init.Plan(
            spec=spec,
            process=spec["process"],
            cgroup=cgroup,
            seccomp=seccomp.for_spec(spec),
            stdio=(-1, -1, -1) if console else (stdin, stdout, stderr),
            console=console,
            last_cap=capabilities.last(),
            sibling=sibling,
        )
        return _bring_up(plan, init.container, _born_in(spec), wire, warnings)
    except BaseException:
        if cgroup is not None:
            cgroup.remove()
        raise


def exec_in(
    spec: Spec, target: int, process: Mapping[str, Any], *, stdin: int, stdout: int, stderr: int, console: bool, sibling: bool = False
) -> Created:
    """Make a further process in the container whose first process is ``target``.

    Args:
        process: as :func:`engine.runtime.spec.exec_process` makes it.

    Raises:
        StartFailed: what went wrong; also when ``target`` is gone.
    """
    try:
        fd = os.pidfd_open(target)
    except OSError:
        raise StartFailed(f"the container's process {target} is gone") from None
    try:
        flags = 0
        join = {}
        for entry in spec["linux"]["namespaces"]:
            kind = entry["type"]
            if kind in ("pid", "time"):
                join[kind] = f"/proc/{target}/ns/{namespaces.FILES[kind]}"
            else:
                flags |= namespaces.FLAGS[kind]
        plan = init.Plan(
            spec=spec,
            process=process,
            cgroup=cgroup_of(spec),
            seccomp=seccomp.for_spec(spec),
            stdio=(-1, -1, -1) if console else (stdin, stdout, stderr),
            console=console,
            last_cap=capabilities.last(),
            sibling=sibling,
            target=fd,
            join=flags,
        )
        return _bring_up(plan, init.session, namespaces.ChildNamespaces(join=join), None, ())
    finally:
        os.close(fd)


def _limit(cgroup: Cgroup | None, spec: Spec) -> tuple[str, ...]:
    if cgroup is None:
        return ()
    try:
        cgroup.create()
        return tuple(cgroup.apply(spec["linux"].get("resources") or {}))
    except OSError as error:
        raise StartFailed(f"error setting the container's limits: {reason(error)}: {error.filename}") from None
    except ValueError as error:
        raise StartFailed(f"error setting the container's limits: {error}") from None


def _born_in(spec: Spec) -> namespaces.ChildNamespaces:
    """Which pid and time namespaces the child is born in: new ones, and existing ones by path."""
    new, join = [], {}
    for entry in spec["linux"]["namespaces"]:
        kind = entry["type"]
        if kind not in ("pid", "time"):
            continue
        if entry.get("path"):
            join[kind] = entry["path"]
        elif kind != "time" or namespaces.supported("time"):
            new.append(kind)
    return namespaces.ChildNamespaces(tuple(new), join)


def _bring_up(
    plan: init.Plan,
    body: Callable[[init.Plan, Line], Any],
    born_in: namespaces.ChildNamespaces,
    wire: Callable[[int], None] | None,
    warnings: tuple[str, ...],
) -> Created:
    ours, theirs = dialogue.pair()
    try:
        pid = _fork(plan, body, theirs, born_in)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    pidfd = os.pidfd_open(pid)
    try:
        if wire is not None:
            _expect(ours, dialogue.NAMESPACES, pid)
            wire(pid)
            try:
                ours.say(dialogue.WIRED)
            except OSError:
                pass  # it died, and the next message says of what
        fds = _expect(ours, dialogue.READY, pid)
    except BaseException:
        ours.close()
        _end(pid, pidfd)
        os.close(pidfd)
        raise
    own = plan.cgroup if wire is not None else None
    return Created(pid, pidfd, fds, ours, console=plan.console, cgroup=own, warnings=warnings)


def _fork(plan: init.Plan, body: Callable[[init.Plan, Line], Any], line: Line, born_in: namespaces.ChildNamespaces) -> int:
    """Fork into the namespaces, unreadable to whoever is in them already (CVE-2016-9962) until execve makes it a new process."""
    if namespaces.threads() != 1:
        raise EngineFault("a process with several threads can not start a container")
    dumpable = syscalls.prctl(syscalls.PR_GET_DUMPABLE)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    try:
        with born_in:
            pid = siblings.fork() if plan.sibling else os.fork()
            if not pid:
                init.run(plan, line, body)
            return pid
    except OSError as error:
        raise StartFailed(f"unable to make the container's namespaces: {reason(error)}: {error.filename}") from None
    finally:
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, dumpable)


def _expect(line: Line, wanted: bytes, pid: int) -> tuple[int, ...]:
    """Wait for one message and give back its descriptors. Raises what the child says went wrong."""
    try:
        kind, payload, fds = line.hear()
    except OSError:
        kind, payload, fds = b"", b"", ()
    if kind == wanted:
        return fds
    for fd in fds:
        os.close(fd)
    error: LongshoreError = dialogue.unpack_error(payload) if kind == dialogue.ERROR else StartFailed(_death(pid))
    raise error


def _death(pid: int) -> str:
    return f"the container's process {pid} died while it was set up"


def _end(pid: int, pidfd: int) -> None:
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except ProcessLookupError:
        pass
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.poll()
    try:
        os.waitid(os.P_PID, pid, os.WEXITED)
    except ChildProcessError:
        pass
