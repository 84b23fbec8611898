"""The child's side: from a fork of the supervisor to the container's program.

Nothing may be imported here once the root has changed, and no exception may leave: a traceback would look for source
files inside the image. Whatever goes wrong is said over the line (see :mod:`engine.runtime.dialogue`) and the process ends.
"""

from __future__ import annotations

import errno
import fcntl
import marshal
import os
import signal
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from engine.errors import LongshoreError, StartFailed
from engine.linux import labels, mounts, namespaces, paths, siblings, syscalls
from engine.linux.cgroups import Cgroup, detect, open_cgroup
from engine.linux.syscalls import reason
from engine.model.value import Value
from engine.runtime import devices, dialogue, execute, rootfs, sysctl, users
from engine.runtime.dialogue import Line
from engine.runtime.waiting import Gate, open_ends, wait

_FIRST_FD = 3
_TIOCSCTTY = 0x540E
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
RLIMITS = {
    f"RLIMIT_{name}": number
    for number, name in enumerate(
        ("CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE",
         "RTPRIO", "RTTIME")
    )
}  # fmt: skip
"""OCI names to the numbers of prlimit(2)."""


class Plan(Value):
    """What the parent has worked out before the fork.

    Attributes:
        spec: the container's OCI configuration.
        process: its ``process``, or that of an exec.
        cgroup: joined first, or ``None``.
        seccomp: the compiled filter, empty for none.
        stdio: descriptors for 0, 1 and 2; -1 is the null device. Ignored with a console.
        console: the process gets a new pseudo terminal.
        last_cap: highest capability of the kernel.
        sibling: its parent is the caller's parent.
        target: pidfd of the container's first process, for exec; else -1.
        leader: that process's pid, else 0.
        join: for exec, the namespaces to enter as flags.
        preserve: how many descriptors from 3 on the program keeps.
        lasting: it outlives the process that makes it.
        gate: where it waits to be started by another process, for a container that is ``lasting``.
        pivot: the root is changed with pivot_root(2).
        keyring: it gets a session keyring of its own.
        set_groups: the supplementary groups can be set.
    """

    spec: Mapping[str, Any]
    process: Mapping[str, Any]
    cgroup: Cgroup | None
    seccomp: bytes
    stdio: tuple[int, int, int]
    console: bool
    last_cap: int
    sibling: bool = False
    target: int = -1
    leader: int = 0
    join: int = 0
    preserve: int = 0
    lasting: bool = False
    gate: Gate | None = None
    pivot: bool = True
    keyring: bool = True
    set_groups: bool = True

    @property
    def user(self) -> bool:
        """The container has a user namespace, and its first process is to be made in it."""
        return self.target < 0 and any(entry["type"] == "user" for entry in self.spec["linux"]["namespaces"])

    @property
    def line_fd(self) -> int:
        """Where the line is in the child; after it the pidfd of an exec's target, or the gate's fifo and report."""
        return _FIRST_FD + self.preserve

    @property
    def label_fd(self) -> int:
        """Where the file of the security module is, for a program that is confined by one."""
        return self.line_fd + 3

    @property
    def confined(self) -> bool:
        """A security module is to confine the program."""
        return bool(self.process.get("apparmorProfile") or self.process.get("selinuxLabel"))

    @property
    def kept(self) -> int:
        """The first descriptor that the child has no use for once it is ready."""
        return self.line_fd + (4 if self.confined else 3 if self.gate else 1)


Body = Callable[[Plan, Line], users.Identity]


def run(plan: Plan, line: Line, body: Body) -> NoReturn:
    """Set the process up with ``body`` and become the program. Never returns and never raises."""

    def live() -> None:
        _isolate(plan, line)
        _become(plan, line, body)

    _speak(line, live, report=plan.line_fd + 2 if plan.gate else -1)


def stand_by(line: Line) -> NoReturn:
    """Be a container's first process once the parent says which one. Never returns and never raises."""
    _speak(line, lambda: _become(_reserve(line), line, container))


def _become(plan: Plan, line: Line, body: Body) -> None:
    if plan.user:
        _into_user_namespace(plan, line)
    identity = body(plan, line)
    waiting = plan.gate
    if waiting is None and line.hear()[0] != dialogue.START:
        os._exit(1)
    execute.finish(
        plan.process,
        identity,
        plan.seccomp,
        plan.last_cap,
        line.open,
        lasting=plan.lasting,
        set_groups=plan.set_groups,
        gate=(lambda: wait(waiting, line, plan.line_fd + 1)) if waiting else None,
        confine=(lambda: _confine(plan)) if plan.confined else None,
    )


def _speak(line: Line, live: Callable[[], None], report: int = -1) -> NoReturn:
    """Live, and say what goes wrong over ``line``, wherever that was moved to, or to ``report`` when the line is closed."""
    try:
        live()
    except LongshoreError as error:
        _confess(line, report, error)
    except OSError as error:
        what = f": {os.fsdecode(error.filename)}" if error.filename else ""
        _confess(line, report, StartFailed(f"unable to start container process: {reason(error)}{what}"))
    except BaseException as error:
        _confess(line, report, StartFailed(f"unable to start container process: {type(error).__name__}: {error}"))
    os._exit(1)


def _prepare_confinement(plan: Plan) -> None:
    """While ``/proc`` is the host's."""
    if plan.confined:
        fd = labels.open_exec(plan.process.get("apparmorProfile") or "")
        os.dup2(fd, plan.label_fd, inheritable=False)
        os.close(fd)


def _confine(plan: Plan) -> None:
    profile, context = plan.process.get("apparmorProfile") or "", plan.process.get("selinuxLabel") or ""
    try:
        labels.confine(plan.label_fd, profile, context)
    except OSError as error:
        what = f"the AppArmor profile {profile}" if profile else f"the SELinux context {context}"
        raise StartFailed(f"unable to apply {what}: {reason(error)}") from None


def _confess(line: Line, report: int, error: LongshoreError) -> None:
    said = dialogue.pack_error(error)
    try:
        line.say(dialogue.ERROR, said)
    except OSError:
        # The line is closed. Behind a gate there is a file for what goes wrong; else the supervisor is gone, and we go too.
        if report >= 0:
            os.write(report, said)
    os._exit(1)


def _isolate(plan: Plan, line: Line) -> None:
    """Keep nothing of the supervisor: not its death, signals, session, descriptors or umask."""
    _cut_off()
    null = devices.open_host_null()
    others = open_ends(plan.gate.directory) if plan.gate else (plan.target,)
    first = plan.line_fd + 1
    high = [fcntl.fcntl(fd if fd >= 0 else null, fcntl.F_DUPFD_CLOEXEC, first + 6) for fd in (*plan.stdio, *others)]
    line.move(plan.line_fd)
    for number in range(3):
        os.dup2(high[number], number)
    for number, fd in enumerate(high[3:], first):
        os.dup2(fd, number, inheritable=False)
    syscalls.close_range(first + len(others))


def _reserve(line: Line) -> Plan:
    """Keep nothing of the parent, and wait for the plan. Leaves when there is to be none."""
    _cut_off()
    null = devices.open_host_null()
    for number in range(3):
        os.dup2(null, number)
    line.move(_FIRST_FD)
    syscalls.close_range(_FIRST_FD + 1)
    kind, payload, fds = line.hear()
    if kind != dialogue.PLAN:
        os._exit(0)
    spec, filter_, given, console, last_cap = marshal.loads(payload)  # noqa: S302  (our own parent wrote it)
    for number, fd in zip(given, fds, strict=True):
        os.dup2(fd, number)
        os.close(fd)
    path = spec["linux"].get("cgroupsPath")
    return Plan(
        spec=spec,
        process=spec["process"],
        cgroup=open_cgroup(path) if path and detect().version else None,
        seccomp=filter_,
        stdio=(0, 1, 2),
        console=console,
        last_cap=last_cap,
        sibling=True,
    )


def _cut_off() -> None:
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    syscalls.default_signals()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.setsid()
    os.umask(0)


def _limits(plan: Plan) -> None:
    """Cgroup, OOM score and rlimits: while the host's files are in reach and before privileges go."""
    if plan.cgroup is not None:
        plan.cgroup.join(plan.leader)
    if plan.process.get("oomScoreAdj") is not None:
        _set_oom_score(plan.process["oomScoreAdj"])
    for limit in plan.process.get("rlimits") or ():
        try:
            syscalls.set_rlimit(RLIMITS[limit["type"]], limit["soft"], limit["hard"])
        except OSError as error:
            raise StartFailed(f"error setting rlimit {limit['type']} to {limit['soft']}:{limit['hard']}: {reason(error)}") from None


def _set_oom_score(score: int) -> None:
    fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, str(score).encode())
    except PermissionError:
        if score:
            raise StartFailed(f"can not set the OOM score adjustment to {score}: permission denied") from None
    finally:
        os.close(fd)


def _keyring(spec: Mapping[str, Any]) -> None:
    context = spec["process"].get("selinuxLabel") or ""
    if context:
        try:
            labels.own_keys(context)
        except OSError as error:
            raise StartFailed(f"unable to apply the SELinux context {context}: {reason(error)}") from None
    name = os.path.basename(spec["linux"].get("cgroupsPath") or "") or "container"
    try:
        syscalls.join_session_keyring(f"_ses.{name}".encode())
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise StartFailed(f"unable to join the session keyring: {reason(error)}") from None


def _into_user_namespace(plan: Plan, line: Line) -> None:
    """Returns in a child that is root of the container's user namespace, and in its pid and time namespaces.

    What is there already is entered first, with the host's privileges.
    """
    _limits(plan)
    entries = {entry["type"]: entry.get("path") for entry in plan.spec["linux"]["namespaces"]}
    for kind in sorted(entries, key="user".__eq__):
        if entries[kind]:
            _join(kind, entries[kind])
    if not entries["user"]:
        syscalls.unshare(namespaces.CLONE_NEWUSER)
        line.say(dialogue.USER)
        if line.hear()[0] != dialogue.MAPPED:
            os._exit(1)
    try:
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    except OSError as error:
        if error.errno != errno.EINVAL:  # nobody is root there; every capability we have all the same
            raise
    syscalls.unshare(sum(namespaces.FLAGS[kind] for kind in ("pid", "time") if entries.get(kind, "-") is None))
    pid = siblings.fork()
    if pid:
        line.say(dialogue.CHILD, str(pid).encode())
        os._exit(0)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()


def _join(kind: str, path: str) -> None:
    try:
        namespaces.enter(path, namespaces.FLAGS[kind])
    except OSError as error:
        raise StartFailed(f"unable to join the {kind} namespace {path}: {reason(error)}") from None


def _enter_namespaces(plan: Plan) -> set[str]:
    """Join the spec's existing namespaces and make the new ones; pid and time were chosen before. Gives the new ones back."""
    new = 0
    kinds = set()
    for entry in plan.spec["linux"]["namespaces"]:
        kind = entry["type"]
        if kind in ("pid", "time", "user"):
            continue
        if entry.get("path"):
            if not plan.user:
                _join(kind, entry["path"])
        else:
            new |= namespaces.FLAGS[kind]
            kinds.add(kind)
    syscalls.unshare(new)
    return kinds


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack_from("h", fcntl.ioctl(control, _SIOCGIFFLAGS, request), 16)[0]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | _IFF_UP))


def container(plan: Plan, line: Line) -> users.Identity:
    """The body for a container's first process."""
    spec = plan.spec
    if not plan.user:
        _limits(plan)
    _prepare_confinement(plan)
    new = _enter_namespaces(plan)
    line.say(dialogue.NAMESPACES)
    if plan.keyring:
        _keyring(spec)
    if "network" in new:
        _loopback_up()
    root, master, slave = _file_system(spec, plan, line, "cgroup" in new)
    if "uts" in new:
        if spec.get("hostname"):
            syscalls.sethostname(os.fsencode(spec["hostname"]))
        if spec.get("domainname"):
            syscalls.setdomainname(os.fsencode(spec["domainname"]))
    if plan.gate:
        line.say(dialogue.MOUNTED)
        if line.hear()[0] != dialogue.HOOKED:
            os._exit(1)
        plan.gate.run("createContainer", "creating", os.getpid())
    if plan.pivot:
        rootfs.pivot(root)
    else:
        rootfs.move(root)
    rootfs.propagate_root(spec)
    return _ready(plan, line, slave, (root, *((master,) if plan.console else ())))


def _file_system(spec: Mapping[str, Any], plan: Plan, line: Line, private_cgroup: bool) -> tuple[int, int, int]:
    """Everything that is mounted. Gives back the root, and the pty if there is a console."""
    rootfs.set_propagation(spec, spec["root"]["path"])
    null = devices.open_host_null()
    root = rootfs.mount_root(spec)
    waiting = True

    def wired() -> None:
        nonlocal waiting
        if waiting and line.hear()[0] != dialogue.WIRED:
            os._exit(1)
        waiting = False

    cgroup_path = spec["linux"].get("cgroupsPath") or ""
    mounter = rootfs.Mounter(root, wired, cgroup_path, detect(), private_cgroup=private_cgroup, label=spec["linux"].get("mountLabel") or "")
    for entry in spec["mounts"]:
        mounter.mount(entry)
    wired()
    devices.populate(root, spec["linux"].get("devices") or (), spec["mounts"])
    master = slave = -1
    if plan.console:
        master, slave = devices.open_pty(root)
        devices.bind_console(root, slave)
    if spec["linux"].get("sysctl"):
        if mounter.proc < 0:
            raise StartFailed("sysctls can not be set without /proc in the container")
        sysctl.write(mounter.proc, spec["linux"]["sysctl"])
    devices.make_read_only(root, spec["linux"].get("readonlyPaths") or ())
    devices.mask(root, spec["linux"].get("maskedPaths") or (), null)
    _make_cwd(root, plan.process.get("cwd") or "/")
    if spec["root"].get("readonly"):
        syscalls.mount_setattr(root, recursive=False, attr_set=mounts.RDONLY)
    return root, master, slave


def _make_cwd(root: int, cwd: str) -> None:
    try:
        os.close(paths.make_directories(root, cwd))
    except OSError as error:
        if error.errno == errno.ENOTDIR:
            raise StartFailed(f"Cannot mkdir: {cwd} is not a directory") from None
        raise StartFailed(f"unable to start container process: mkdir {cwd}: {reason(error)}") from None


def session(plan: Plan, line: Line) -> users.Identity:
    """The body for a further process in a running container."""
    _limits(plan)
    _prepare_confinement(plan)
    syscalls.setns(plan.line_fd + 1, plan.join)
    _keyring(plan.spec)
    if plan.console:
        master, slave = devices.open_pty(_root())
        return _ready(plan, line, slave, (master,))
    return _ready(plan, line, -1, ())


def _root() -> int:
    return os.open("/", syscalls.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _ready(plan: Plan, line: Line, slave: int, fds: tuple[int, ...]) -> users.Identity:
    """Inside the container's root: find the user, put the terminal in place, hand ``fds`` over and close the rest."""
    user = plan.process.get("user") or {}
    os.umask(user.get("umask", 0o022))
    root = _root()
    if "username" in user:
        identity = users.resolve(
            user["username"] or "", user.get("groups") or (), users.load(root, "/etc/passwd"), users.load(root, "/etc/group")
        )
    else:
        identity = users.numeric(user, users.load(root, "/etc/passwd"))
    if plan.console:
        for number in range(3):
            os.dup2(slave, number)
        fcntl.ioctl(0, _TIOCSCTTY, 0)
        _resize(plan.process)
    else:
        _own_null(root)
    line.say(dialogue.READY, fds=fds)
    syscalls.close_range(plan.kept)
    return identity


def _resize(process: Mapping[str, Any]) -> None:
    size = process.get("consoleSize") or {}
    if size.get("height") and size.get("width"):
        fcntl.ioctl(0, 0x5414, struct.pack("HHHH", size["height"], size["width"], 0, 0))


def _own_null(root: int) -> None:
    """Put the container's null device where the host's is, so that no descriptor leads out."""
    for number in range(3):
        if devices.is_null(number):
            try:
                fd = paths.open_in_root(root, "/dev/null", os.O_RDWR)
            except OSError:
                return
            if devices.is_null(fd):
                os.dup2(fd, number)
            os.close(fd)
