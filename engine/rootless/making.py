"""A user's namespaces and the process that keeps them, made: who writes the maps, and what the child does in which order.

::

    verb                                        holder (forked twice: nobody's child)
      waits                                <-   unshare(NEWUSER), "unshared PID"
      newuidmap PID ..., newgidmap PID ... ->   setuid(0), unshare(NEWNS | NEWNET), mounts
      writes the record                    <-   "ready"
                                                execve(sleep)
"""

from __future__ import annotations

import errno
import os
import signal
from io import BufferedReader

from engine.errors import EngineFault, LongshoreError, NotSupported
from engine.linux import processes, syscalls
from engine.linux.namespaces import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUSER
from engine.rootless import idmap
from engine.rootless.holder import Held, save
from engine.rootless.idmap import Mapping
from engine.store import atomic
from engine.store.roots import Roots

_SLAVE = 0x80000 | 0x4000  # MS_SLAVE | MS_REC: what the host mounts shows, what we mount does not
_BIND = 0x1000
_ALL = (1 << 31) - 1


def make(roots: Roots, mapping: Mapping) -> Held:
    """New namespaces with a holder in them.

    Raises:
        NotSupported: the kernel allows no user namespaces to this user.
        EngineFault: something else failed.
    """
    try:
        return _make(roots, mapping)
    except _MapRefused as error:
        uid, gid = mapping.uids[0][1], mapping.gids[0][1]
        return _make(roots, idmap.alone(uid, gid, f"{error}: containers have one user only"))


def _make(roots: Roots, mapping: Mapping) -> Held:
    news, say = os.pipe2(os.O_CLOEXEC)
    go, tell = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if not child:
        os.close(news)
        os.close(tell)
        _be_holder(roots, mapping, say, go)
    os.close(say)
    os.close(go)
    told = open(news, "rb")
    try:
        os.waitpid(child, 0)
        pid = int(_hear(told, b"unshared"))
        if not mapping.single:
            _write_maps(pid, mapping)
        os.write(tell, b"m")
        _hear(told, b"ready")
        held = Held(
            pid=pid,
            started=processes.start_time(pid),
            users=os.stat(f"/proc/{pid}/ns/user").st_ino,
            mounts=os.stat(f"/proc/{pid}/ns/mnt").st_ino,
            mapping=mapping.text(),
            trouble=mapping.trouble or idmap.small(mapping),
        )
    except OSError as error:
        raise EngineFault(f"cannot make a user namespace: {syscalls.reason(error)}") from error
    finally:
        told.close()
        os.close(tell)
    save(roots, held)
    return held


def replace(roots: Roots, held: Held) -> Held:
    """A new holder, made by a process that has entered the namespaces through a survivor."""
    news, say = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if not child:
        os.close(news)
        _daemonise(say)
        os.write(say, b"ready\n")
        _sleep()
    os.close(say)
    with open(news, "rb") as told:
        os.waitpid(child, 0)
        pid = int(_hear(told, b"unshared"))
        _hear(told, b"ready")
    new = held.replace(pid=pid, started=processes.start_time(pid))
    save(roots, new)
    return new


class _MapRefused(Exception):
    """newuidmap or newgidmap failed; the text says so, with what to do."""


def _write_maps(pid: int, mapping: Mapping) -> None:
    import subprocess

    for program, rows in (("newuidmap", mapping.uids), ("newgidmap", mapping.gids)):
        words = [idmap.find(program), str(pid), *(str(number) for row in rows for number in row)]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines()
            why = said[-1] if said else f"{program}: exit status {done.returncode}"
            raise _MapRefused(f"{why} (is {words[0]} set-uid root, and are the ranges in /etc/subuid and /etc/subgid valid?)")


def _hear(news: BufferedReader, wanted: bytes) -> bytes:
    """What the child says after the word that is awaited. Raises what it says went wrong instead."""
    word, _, rest = news.readline().strip().partition(b" ")
    if word == wanted:
        return rest
    raise _refusal(int(rest or b"0"), word.decode())


def _refusal(number: int, where: str) -> LongshoreError:
    """Why there is no user namespace, with the setting that forbids it where one does."""
    if where != "unshare" or number not in (errno.EPERM, errno.EACCES, errno.ENOSPC, errno.EUSERS, errno.EINVAL):
        why = os.strerror(number).lower() if number else "the process ended"
        return EngineFault(f"cannot make a user namespace: {where or 'holder'}: {why}")
    settings = (
        ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sudo sysctl kernel.unprivileged_userns_clone=1"),
        ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
        ("/proc/sys/user/max_user_namespaces", "0", "sudo sysctl user.max_user_namespaces=28633"),
    )
    hint = next((command for path, bad, command in settings if _read(path) == bad), "")
    hint = f"allow it with `{hint}`, or run longshore with sudo" if hint else "run longshore with sudo"
    return NotSupported(f"this kernel allows ordinary users no user namespaces: {os.strerror(number).lower()}", hint=hint)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


# -- the holder ------------------------------------------------------------------------------------------------------------


def _be_holder(roots: Roots, mapping: Mapping, say: int, go: int) -> None:
    """From the first fork to ``sleep``; never returns."""
    step = "fork"
    try:
        _leave_family()
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # or our own map is root's to write, when we came here by setuid(2)
        step = "unshare"
        syscalls.unshare(CLONE_NEWUSER)
        step = "map"
        if mapping.single:
            _write_single(mapping)
        os.write(say, b"unshared %d\n" % os.getpid())
        if os.read(go, 1) != b"m":
            os._exit(1)
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        step = "mount"
        syscalls.unshare(CLONE_NEWNS | CLONE_NEWNET)
        syscalls.mount("", "/", "", _SLAVE)
        atomic.write_file(roots.netns, b"", durable=False)
        syscalls.mount("/proc/self/ns/net", roots.netns, "", _BIND)
        step = "holder"
        _detach(say)
        os.write(say, b"ready\n")
        _sleep()
    except OSError as error:
        os.write(say, b"%s %d\n" % (step.encode(), error.errno or 0))
    except BaseException:
        pass
    os._exit(1)


def _leave_family() -> None:
    """Be nobody's child and in nobody's session: the first fork ends, init inherits us."""
    if os.fork():
        os._exit(0)
    os.setsid()


def _write_single(mapping: Mapping) -> None:
    rows = {"uid_map": mapping.uids[0], "gid_map": mapping.gids[0]}
    for name, text in (("setgroups", "deny"), *((name, "{} {} {}".format(*row)) for name, row in rows.items())):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def _daemonise(say: int) -> None:
    _leave_family()
    os.write(say, b"unshared %d\n" % os.getpid())
    _detach(say)


def _detach(keep: int) -> None:
    """Hold nothing of the front end open: its terminal, its pipes, its directory."""
    null = os.open("/dev/null", os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    os.chdir("/")
    os.closerange(3, keep)
    os.closerange(keep + 1, _ALL)


def _sleep() -> None:
    """Become the smallest program that does nothing."""
    os.umask(0o022)
    program = idmap.find("sleep")
    if program:
        os.execve(program, ["sleep", "infinity"], {})  # noqa: S606
    while True:
        signal.pause()
