"""The last steps before the program runs: privileges down, working directory, execve.

The order is runc's, for its reasons: the bounding set while CAP_SETPCAP is there; the working directory after every other descriptor
is closed, and verified to be inside (CVE-2024-21626); ids; capabilities, with nothing inheritable (CVE-2022-24769); then the
look-up of the program with the person's own rights. Only seccomp is later than runc's: without no_new_privs it takes
CAP_SYS_ADMIN, which is kept, permitted but not effective, until nothing but capset(2) and execve(2) is left to do. So a profile
need not allow what *we* call.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from engine.errors import ExecutableNotFound, NotExecutable, StartFailed
from engine.linux import capabilities, paths, syscalls
from engine.linux.syscalls import reason
from engine.runtime.users import Identity

_PREFIX = "unable to start container process: "


def environment(process: Mapping[str, Any], home: str) -> dict[str, str]:
    """The program's environment: the last of equal names counts, and HOME is filled in when it is missing or empty.

    Raises:
        StartFailed: a name is empty or something contains a NUL.
    """
    out: dict[str, str] = {}
    for entry in process.get("env") or ():
        name, equals, value = entry.partition("=")
        if not name or not equals or "\0" in entry:
            raise StartFailed(f"invalid environment variable {entry!r}")
        out.pop(name, None)
        out[name] = value
    if not out.get("HOME"):
        out["HOME"] = home
    return out


def finish(
    process: Mapping[str, Any],
    identity: Identity,
    seccomp: bytes,
    last_cap: int,
    parent_lives: Callable[[], bool],
    *,
    lasting: bool = False,
    gate: Callable[[], None] | None = None,
    confine: Callable[[], None] | None = None,
    set_groups: bool = True,
) -> NoReturn:
    """Become the program. Everything but descriptors 0 to 2, those to be preserved and some that close on exec is closed already.

    ``parent_lives`` is asked once the death signal is armed again: before that nothing would have told us. A ``lasting`` process
    has none, it outlives its parent. ``gate`` returns when the program, which is there, shall run; ``confine`` tells a security module.
    Without ``set_groups`` the supplementary groups stay: a user namespace without subordinate ids may not change them.

    Raises:
        ExecutableNotFound, NotExecutable, StartFailed: in docker's words.
    """
    env = environment(process, identity.home)
    caps = process.get("capabilities") or {}
    sets = {name: capabilities.mask(caps.get(name) or ()) for name in ("bounding", "effective", "permitted", "inheritable")}
    no_new_privileges = bool(process.get("noNewPrivileges"))
    if no_new_privileges:
        syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    capabilities.drop_bounding(sets["bounding"], last_cap)
    extra = capabilities.mask(["SYS_ADMIN"]) if seccomp and not no_new_privileges else 0
    cwd = process.get("cwd") or "/"
    entered = _enter(cwd, final=False)
    _become(identity, set_groups=set_groups)
    if not entered:
        _enter(cwd, final=True)
    _verify_cwd(cwd)
    ambient = capabilities.mask(caps.get("ambient") or ())
    capabilities.apply(sets["effective"], sets["permitted"] | extra, sets["inheritable"], ambient & sets["permitted"])
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, 0 if lasting else signal.SIGKILL)  # a change of ids clears it
    if not parent_lives():
        os._exit(1)
    program = find(process["args"][0], env.get("PATH", ""))
    if gate:
        gate()
    if confine:
        confine()
    if seccomp:
        if extra:
            syscalls.capset(sets["effective"] | extra, sets["permitted"] | extra, sets["inheritable"])
        syscalls.seccomp_filter(seccomp)
        if extra:
            syscalls.capset(sets["effective"], sets["permitted"], sets["inheritable"])
    execute(program, process["args"], env)


def _enter(cwd: str, *, final: bool) -> bool:
    """Change into ``cwd`` by a descriptor that no link of procfs may lead to."""
    try:
        fd = paths.open_in_root(syscalls.AT_FDCWD, cwd, syscalls.O_PATH | os.O_DIRECTORY, resolve=paths.RESOLVE_NO_MAGICLINKS)
        os.fchdir(fd)
        os.close(fd)
    except OSError as error:
        if not final and error.errno == errno.EACCES:
            return False
        raise StartFailed(f'{_PREFIX}chdir to cwd ("{cwd}") set in config.json failed: {reason(error)}') from None
    return True


def _verify_cwd(cwd: str) -> None:
    try:
        inside = os.getcwdb().startswith(b"/")
    except OSError:
        inside = False
    if not inside:
        raise StartFailed(f'{_PREFIX}the working directory "{cwd}" is outside of the container: refusing to start')


def _become(identity: Identity, *, set_groups: bool) -> None:
    for fd in range(3):
        info = os.fstat(fd)
        if info.st_uid != identity.uid and not (stat.S_ISCHR(info.st_mode) and info.st_rdev == os.makedev(1, 3)):
            try:
                os.fchown(fd, identity.uid, -1)  # so that /dev/stdout can be opened again
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.EPERM, errno.EROFS):
                    raise
    syscalls.prctl(syscalls.PR_SET_KEEPCAPS, 1)
    try:
        if set_groups:
            os.setgroups(identity.groups)
        os.setresgid(identity.gid, identity.gid, identity.gid)
        os.setresuid(identity.uid, identity.uid, identity.uid)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise StartFailed(
            f"{_PREFIX}user {identity.uid}:{identity.gid} does not exist in the user namespace",
            hint="give the user who runs longshore a larger range in /etc/subuid and /etc/subgid",
        ) from None
    syscalls.prctl(syscalls.PR_SET_KEEPCAPS, 0)


def find(name: str, search: str) -> str:
    """The path of program ``name``, looked up in ``search`` (a PATH) unless it has a slash; Go's ``exec.LookPath``.

    Raises:
        ExecutableNotFound, NotExecutable: in docker's words.
    """
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if "/" in name:
        try:
            info = _status(name)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise NotExecutable(f"{_PREFIX}exec: {quoted}: {reason(error)}") from None
            kind = NotExecutable if error.errno == errno.EACCES else ExecutableNotFound
            raise kind(f"{_PREFIX}exec: {quoted}: stat {name}: {reason(error)}") from None
        if stat.S_ISDIR(info.st_mode):
            raise NotExecutable(f"{_PREFIX}exec: {quoted}: is a directory")
        if not os.access(name, os.X_OK):
            raise NotExecutable(f"{_PREFIX}exec: {quoted}: permission denied")
        return name
    for directory in search.split(":") if name else ():
        candidate = f"{directory}/{name}"
        if directory.startswith("/") and os.access(candidate, os.X_OK) and _is_program(candidate):
            return candidate
    raise ExecutableNotFound(f"{_PREFIX}exec: {quoted}: executable file not found in $PATH")


def _is_program(path: str) -> bool:
    try:
        return not stat.S_ISDIR(_status(path).st_mode)
    except OSError:
        return False


def _status(name: str) -> os.stat_result:
    """stat(2) that follows no link of procfs: ``/proc/self/exe`` is our interpreter until the program runs (CVE-2019-5736)."""
    fd = paths.open_in_root(syscalls.AT_FDCWD, name, resolve=paths.RESOLVE_NO_MAGICLINKS)
    try:
        return os.fstat(fd)
    finally:
        os.close(fd)


def execute(program: str, args: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """execve(2). Raises as :func:`find`, and StartFailed for what the kernel can not run."""
    argv = [os.fsencode(arg) for arg in args]
    try:
        encoded = {os.fsencode(name): os.fsencode(value) for name, value in env.items()}
        os.execve(program, argv, encoded)  # noqa: S606  (running the container's program is the purpose)
    except OSError as error:
        kinds: dict[int, type[StartFailed]] = {errno.ENOENT: ExecutableNotFound, errno.EACCES: NotExecutable}
        kind = kinds.get(error.errno or 0, StartFailed)
        raise kind(f"exec {program}: {reason(error)}") from None
    except ValueError as error:
        raise StartFailed(f"exec {program}: {error}") from None
