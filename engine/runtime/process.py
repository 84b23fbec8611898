"""The parent's side: make a container's first process, or a further one, and stop it right before its program runs.

Called by a supervisor, a process with a single thread. The first process is its own child: pid and time namespaces are chosen by
unsharing before the fork and going back after it. See :mod:`engine.runtime.dialogue` for what is said.

Forking it takes a fifth of a start. So a :class:`Reserve` can be forked before anybody knows the container; it suits all that have a
PID namespace of their own and join nobody's.
"""

from __future__ import annotations

import marshal
import os
import select
import signal
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from engine.errors import EngineFault, LongshoreError, StartFailed
from engine.linux import capabilities, namespaces, siblings, syscalls, userns
from engine.linux.cgroups import Cgroup, cgroup_of, detect
from engine.linux.syscalls import reason
from engine.runtime import dialogue, init, seccomp
from engine.runtime.dialogue import Line
from engine.runtime.waiting import Gate

Spec = Mapping[str, Any]
Wire = Callable[[Callable[[], int], Callable[[], None]], None]
"""Connects a process while it mounts. Called with a function that waits for its namespaces and gives its pid, and with one to
be called once every file is there that its mounts need."""

Forked = tuple[int, int, Line, int]
"""A process's pid, pidfd and line, and :attr:`Created.between`."""


def warm() -> None:
    """Do once, before supervisors are forked, what every start needs: the default seccomp filter above all."""
    seccomp.default_filter(capabilities.DEFAULT)
    capabilities.last()
    detect()


class Created:
    """A process that waits right before its program.

    Attributes:
        pid: as this process sees it; it is our child, to be reaped by us.
        pidfd: readable when it ends; the caller closes it with :meth:`close`.
        console_fd: master of its pseudo terminal, or -1. The caller owns it.
        root_fd: its root file system, or -1 for an exec. While it is open the overlay is not unmounted, which syncs it to disk and
            would make the process's end wait; :meth:`close` it once the end is recorded, and before the next start.
        between: pid of a sibling that has ended and that our parent has to reap, or 0.
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
        between: int = 0,
        warnings: tuple[str, ...] = (),
    ) -> None:
        self.pid = pid
        self.between = between
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
        """Kill and reap it, close what belongs to it and remove its cgroup. For a process that shall not run after all. Idempotent."""
        if self.pidfd < 0:
            return
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


class Reserve:
    """A process in a new PID namespace that waits to be a container's first one, or for :meth:`dismiss`.

    It is a child of our parent, who has to reap it.

    Raises:
        StartFailed, EngineFault: the kernel refuses.
    """

    def __init__(self) -> None:
        self._line, theirs = dialogue.pair()
        try:
            self.pid, self._between = _fork(init.stand_by, theirs, _born_anew(), sibling=True)
        except BaseException:
            self._line.close()
            raise
        finally:
            theirs.close()
        self._pidfd = os.pidfd_open(self.pid)

    @staticmethod
    def suits(plan: init.Plan) -> bool:
        """It can be what ``plan`` wants, as far as that is not a matter of PID namespaces."""
        return plan.sibling and plan.pivot and plan.keyring and plan.set_groups and not (plan.lasting or plan.preserve or plan.user)

    def send(self, plan: init.Plan) -> Forked | None:
        """Give it its container; its pid, pidfd and line are the caller's then. ``None`` when it can not be told: it is dismissed."""
        given = [number for number, fd in enumerate(plan.stdio) if fd >= 0]
        try:
            told: Any = (plan.spec, plan.seccomp, given, plan.console, plan.last_cap)
            payload = marshal.dumps(told)
            if len(payload) >= dialogue.LIMIT:
                raise ValueError
            self._line.say(dialogue.PLAN, payload, tuple(plan.stdio[number] for number in given))
        except (OSError, ValueError):  # it was killed, or the specification is too long, or no plain JSON
            self.dismiss()
            return None
        return self.pid, self._pidfd, self._line, self._between

    def dismiss(self) -> None:
        """Let it go, and wait until it has ended."""
        self._line.close()
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        poll.poll()
        os.close(self._pidfd)


def create(
    spec: Spec,
    *,
    bundle: str,
    stdin: int,
    stdout: int,
    stderr: int,
    console: bool,
    wire: Wire,
    sibling: bool = False,
    reserve: Reserve | None = None,
    gate: Gate | None = None,
    preserve: int = 0,
    pivot: bool = True,
    keyring: bool = True,
) -> Created:
    """Make the container's first process.

    Args:
        spec: OCI configuration, as :func:`engine.runtime.spec.build_spec` makes it.
        bundle: directory of the container; ``root.path`` is made in it when it is missing.
        stdin, stdout, stderr: descriptors, -1 for the null device; ignored with ``console``.
        sibling: it becomes a child of our parent, who has to reap it.
        wire: see :data:`Wire`; what it raises ends the process.
        reserve: becomes the process if it can; it is used up or dismissed, also when this fails.
        gate: the process outlives us. :meth:`Created.start` then leaves it waiting there.
        preserve: how many of our descriptors from 3 on the program gets.
        pivot: off where pivot_root(2) can not leave the root, a RAM disk.
        keyring: it gets a session keyring of its own.

    Raises:
        StartFailed: what went wrong, or the process died. Its cgroup is removed again.
    """
    cgroup = cgroup_of(spec)
    try:
        os.makedirs(os.path.join(bundle, spec["root"]["path"]), mode=0o755, exist_ok=True)
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
            preserve=preserve,
            lasting=gate is not None,
            gate=gate,
            pivot=pivot,
            keyring=keyring,
            set_groups=userns.may_set_groups(),
        )
        born_in = namespaces.ChildNamespaces() if plan.user else _born_in(spec)
        found = None
        if reserve is not None and born_in == _born_anew() and Reserve.suits(plan):
            kept, reserve = reserve, None
            found = kept.send(plan)
        return _bring_up(plan, found or _start(plan, init.container, born_in), wire, warnings)
    except BaseException:
        if cgroup is not None:
            cgroup.remove()
        raise
    finally:
        if reserve is not None:
            reserve.dismiss()


def exec_in(
    spec: Spec,
    target: int,
    process: Mapping[str, Any],
    *,
    stdin: int,
    stdout: int,
    stderr: int,
    console: bool,
    sibling: bool = False,
    lasting: bool = False,
    preserve: int = 0,
) -> Created:
    """Make a further process in the container whose first process is ``target``.

    Args:
        process: as :func:`engine.runtime.spec.exec_process` makes it.
        lasting: it outlives us.
        preserve: how many of our descriptors from 3 on the program gets.

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
            leader=target,
            join=flags,
            preserve=preserve,
            lasting=lasting,
            set_groups=userns.may_set_groups(),
        )
        return _bring_up(plan, _start(plan, init.session, namespaces.ChildNamespaces(join=join)), None, ())
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


def _born_anew() -> namespaces.ChildNamespaces:
    """What most containers' first process is born in."""
    return namespaces.ChildNamespaces(("pid", "time") if namespaces.supported("time") else ("pid",))


def _start(plan: init.Plan, body: init.Body, born_in: namespaces.ChildNamespaces) -> Forked:
    """Fork the process."""
    ours, theirs = dialogue.pair()
    try:
        pid, between = _fork(lambda line: init.run(plan, line, body), theirs, born_in, sibling=plan.sibling)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return pid, os.pidfd_open(pid), ours, between


def _bring_up(plan: init.Plan, child: Forked, wire: Wire | None, warnings: tuple[str, ...]) -> Created:
    pid, pidfd, ours, between = child
    fds: tuple[int, ...] = ()
    try:
        if plan.user:
            pid, pidfd = _through_user_namespace(ours, plan, pid, pidfd)
        if wire is not None:
            _wire(ours, pid, wire)
        if plan.gate:
            _expect(ours, dialogue.MOUNTED, pid)
            for kind in ("prestart", "createRuntime"):
                plan.gate.run(kind, "creating", pid)
            ours.say(dialogue.HOOKED)
        fds = _expect(ours, dialogue.READY, pid)
        if plan.gate:
            _expect(ours, dialogue.FOUND, pid)
    except BaseException:
        ours.close()
        _end(pid, pidfd)
        for fd in (pidfd, *fds):
            os.close(fd)
        raise
    own = plan.cgroup if wire is not None else None
    return Created(pid, pidfd, fds, ours, console=plan.console, cgroup=own, between=between, warnings=warnings)


def _wire(line: Line, pid: int, wire: Wire) -> None:
    unshared = wired = False

    def process() -> int:
        nonlocal unshared
        if not unshared:
            _expect(line, dialogue.NAMESPACES, pid)
            unshared = True
        return pid

    def files_are_there() -> None:
        nonlocal wired
        if not wired:
            wired = True
            try:
                line.say(dialogue.WIRED)
            except OSError:
                pass  # it died, and the next message says of what

    try:
        wire(process, files_are_there)
    except (LongshoreError, OSError):
        # Of a process that has ended one finds that its namespaces are gone: what it said last is the cause.
        if (said := line.last_words()) is not None:
            raise dialogue.unpack_error(said) from None
        raise
    files_are_there()
    process()


def _through_user_namespace(line: Line, plan: init.Plan, helper: int, helper_fd: int) -> tuple[int, int]:
    """Map ids for the helper, and take the container's first process over from it: pid and pidfd. The helper is reaped."""
    linux = plan.spec["linux"]
    if not next(entry.get("path") for entry in linux["namespaces"] if entry["type"] == "user"):
        _expect(line, dialogue.USER, helper)
        for file, mappings in (("uid_map", linux.get("uidMappings")), ("gid_map", linux.get("gidMappings"))):
            text = "".join(f"{each['containerID']} {each['hostID']} {each['size']}\n" for each in mappings or ())
            try:
                with open(f"/proc/{helper}/{file}", "w", encoding="ascii") as target:
                    target.write(text)
            except OSError as error:
                raise StartFailed(f"error writing {file} {' '.join(text.split())!r}: {reason(error)}") from None
        line.say(dialogue.MAPPED)
    kind, payload, _ = line.hear()
    if kind != dialogue.CHILD:
        raise dialogue.unpack_error(payload) if kind == dialogue.ERROR else StartFailed(_death(helper))
    pid = int(payload)
    pidfd = os.pidfd_open(pid)
    os.waitpid(helper, 0)
    os.close(helper_fd)
    return pid, pidfd


def _fork(live: Callable[[Line], NoReturn], line: Line, born_in: namespaces.ChildNamespaces, *, sibling: bool) -> tuple[int, int]:
    """Fork into the namespaces, unreadable to whoever is in them already (CVE-2016-9962) until execve makes it a new process.

    The second pid is that of a process in between, a sibling that its parent has to reap, or 0.
    """
    if namespaces.threads() != 1:
        raise EngineFault("a process with several threads can not start a container")
    dumpable = syscalls.prctl(syscalls.PR_GET_DUMPABLE)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    try:
        if userns.contained():
            return _fork_aside(live, line, born_in, sibling=sibling)
        with born_in:
            pid = siblings.fork() if sibling else os.fork()
            if not pid:
                live(line)
            return pid, 0
    except OSError as error:
        raise StartFailed(f"unable to make the container's namespaces: {reason(error)}: {error.filename}") from None
    finally:
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, dumpable)


def _fork_aside(live: Callable[[Line], NoReturn], line: Line, born_in: namespaces.ChildNamespaces, *, sibling: bool) -> tuple[int, int]:
    """The same where the way back into our own PID namespace is closed, for it is not our user namespace's: a fork goes ahead and ends."""
    news, say = os.pipe2(os.O_CLOEXEC)
    middle = siblings.fork() if sibling else os.fork()
    if not middle:
        try:
            born_in.stay()
            pid = siblings.fork()
            if not pid:
                live(line)
            os.write(say, b"%d" % pid)
        except OSError as error:
            os.write(say, b"-%d" % (error.errno or 1))
        finally:
            os._exit(0)
    os.close(say)
    told = os.read(news, 32)
    os.close(news)
    if not sibling:
        os.waitpid(middle, 0)
    pid = int(told or b"-5")
    if pid < 0:
        raise OSError(-pid, os.strerror(-pid), "namespaces")
    return pid, middle if sibling else 0


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
