"""The child's side: from a fork of the supervisor to the container's program.

Nothing may be imported here once the root has changed, and no exception may leave: a traceback would look for source
files inside the image. Whatever goes wrong is said over the line (see :mod:`engine.runtime.dialogue`) and the process ends.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from engine.errors import LongshoreError, StartFailed
from engine.linux import mounts, namespaces, paths, syscalls
from engine.linux.cgroups import Cgroup, detect
from engine.linux.syscalls import reason
from engine.model.value import Value
from engine.runtime import devices, dialogue, execute, rootfs, sysctl, users
from engine.runtime.dialogue import Line

_LINE_FD = 3
_TIOCSCTTY = 0x540E
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_RLIMITS = {
    f"RLIMIT_{name}": number
    for number, name in enumerate(
        ("CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE",
         "RTPRIO", "RTTIME")
    )
}  # fmt: skip


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
        join: for exec, the namespaces to enter as flags.
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
    join: int = 0


def run(plan: Plan, line: Line, body: Callable[[Plan, Line], users.Identity]) -> NoReturn:
    """Set the process up with ``body`` and become the program. Never returns and never raises."""
    try:
        line = _isolate(plan, line)
        identity = body(plan, line)
        kind, _, _ = line.hear()
        if kind != dialogue.START:
            os._exit(1)
        execute.finish(plan.process, identity, plan.seccomp, plan.last_cap, line.open)
    except LongshoreError as error:
        _confess(line, error)
    except OSError as error:
        what = f": {os.fsdecode(error.filename)}" if error.filename else ""
        _confess(line, StartFailed(f"unable to start container process: {reason(error)}{what}"))
    except BaseException as error:
        _confess(line, StartFailed(f"unable to start container process: {type(error).__name__}: {error}"))
    os._exit(1)


def _confess(line: Line, error: LongshoreError) -> None:
    try:
        line.say(dialogue.ERROR, dialogue.pack_error(error))
    except OSError:
        pass  # the supervisor is gone, and we go too
    os._exit(1)


def _isolate(plan: Plan, line: Line) -> Line:
    """Keep nothing of the supervisor: not its death, signals, session, descriptors or umask."""
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    syscalls.default_signals()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.setsid()
    os.umask(0)
    null = devices.open_host_null()
    high = [fcntl.fcntl(fd if fd >= 0 else null, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (*plan.stdio, plan.target)]
    line = line.move(_LINE_FD)
    for number in range(3):
        os.dup2(high[number], number)
    os.dup2(high[3], _LINE_FD + 1, inheritable=False)
    syscalls.close_range(_LINE_FD + 2)
    return line


def _limits(plan: Plan) -> None:
    """Cgroup, OOM score and rlimits: while the host's files are in reach and before privileges go."""
    if plan.cgroup is not None:
        plan.cgroup.join()
    score = plan.process.get("oomScoreAdj") or 0
    fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, str(score).encode())
    except PermissionError:
        if score:
            raise StartFailed(f"can not set the OOM score adjustment to {score}: permission denied") from None
    finally:
        os.close(fd)
    for limit in plan.process.get("rlimits") or ():
        try:
            syscalls.set_rlimit(_RLIMITS[limit["type"]], limit["soft"], limit["hard"])
        except OSError as error:
            raise StartFailed(f"error setting rlimit {limit['type']} to {limit['soft']}:{limit['hard']}: {reason(error)}") from None


def _keyring(spec: Mapping[str, Any]) -> None:
    name = os.path.basename(spec["linux"].get("cgroupsPath") or "") or "container"
    try:
        syscalls.join_session_keyring(f"_ses.{name}".encode())
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise StartFailed(f"unable to join the session keyring: {reason(error)}") from None


def _enter_namespaces(spec: Mapping[str, Any]) -> set[str]:
    """Join the spec's existing namespaces and make the new ones; pid and time were chosen by the parent. Gives the new ones back."""
    new = 0
    kinds = set()
    for entry in spec["linux"]["namespaces"]:
        kind = entry["type"]
        if kind in ("pid", "time"):
            continue
        if entry.get("path"):
            try:
                namespaces.enter(entry["path"], namespaces.FLAGS[kind])
            except OSError as error:
                raise StartFailed(f"unable to join the {kind} namespace {entry['path']}: {reason(error)}") from None
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
    _limits(plan)
    new = _enter_namespaces(spec)
    line.say(dialogue.NAMESPACES)
    _keyring(spec)
    if "network" in new:
        _loopback_up()
    root, master, slave = _file_system(spec, plan, line, "cgroup" in new)
    if "uts" in new:
        if spec.get("hostname"):
            syscalls.sethostname(os.fsencode(spec["hostname"]))
        if spec.get("domainname"):
            syscalls.setdomainname(os.fsencode(spec["domainname"]))
    rootfs.pivot(root)
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
    mounter = rootfs.Mounter(root, wired, cgroup_path, detect(), private_cgroup=private_cgroup)
    for entry in spec["mounts"]:
        mounter.mount(entry)
    wired()
    devices.populate(root, spec["linux"].get("devices") or ())
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
    syscalls.setns(_LINE_FD + 1, plan.join)
    _keyring(plan.spec)
    if plan.console:
        master, slave = devices.open_pty(_root())
        return _ready(plan, line, slave, (master,))
    return _ready(plan, line, -1, ())


def _root() -> int:
    return os.open("/", syscalls.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _ready(plan: Plan, line: Line, slave: int, fds: tuple[int, ...]) -> users.Identity:
    """Inside the container's root: find the user, put the terminal in place, hand ``fds`` over and close the rest."""
    os.umask(0o022)
    root = _root()
    user = plan.process.get("user") or {}
    identity = users.resolve(
        user.get("username") or "", user.get("groups") or (), users.load(root, "/etc/passwd"), users.load(root, "/etc/group")
    )
    if plan.console:
        for number in range(3):
            os.dup2(slave, number)
        fcntl.ioctl(0, _TIOCSCTTY, 0)
        _resize(plan.process)
    else:
        _own_null(root)
    line.say(dialogue.READY, fds=fds)
    syscalls.close_range(_LINE_FD + 1)
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
