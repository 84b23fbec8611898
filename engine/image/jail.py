"""The jail of the process that reads hostile archives (CVE-2014-6407, CVE-2018-15664, CVE-2019-14271, CVE-2026-41567).

Three walls, each enough alone: the applier resolves every path itself (:mod:`engine.image.tree`); the process' root *is* the
layer's directory, mounted without devices and without set-uid; and it keeps only the capabilities that making files needs, in
namespaces without a network and without other processes, behind a filter that refuses the system calls which could change any
of that. Nothing is imported or executed after the root changed.
"""

from __future__ import annotations

import os
import sys
from resource import RLIMIT_AS, RLIMIT_CORE, RLIMIT_NOFILE, getrlimit, setrlimit

from engine.errors import NotSupported
from engine.linux import capabilities, syscalls, userns
from engine.runtime import seccomp

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
_PRIVATE = 0x40000 | 0x4000
_BIND, _REMOUNT, _RDONLY, _NOSUID, _NODEV, _NOEXEC = 0x1000, 0x20, 1, 2, 4, 8
_DETACH = 2
_MEMORY = 2 << 30
_OPEN_FILES = 4096

KEPT = capabilities.mask(("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP"))

_REFUSED = [
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsconfig",
    "fsmount", "fspick", "mount_setattr", "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv",
    "process_vm_writev", "kcmp", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "socket", "socketpair", "connect",
    "bind", "listen", "accept", "accept4", "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd",
    "bpf", "perf_event_open", "keyctl", "add_key", "request_key", "open_by_handle_at", "name_to_handle_at",
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "personality", "quotactl",
    "swapon", "swapoff", "acct", "reboot", "iopl", "ioperm", "modify_ldt", "memfd_create",
]  # fmt: skip
_NAMESPACES = 0x7E020000
_PROFILE = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {"names": _REFUSED, "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},  # glibc then makes its thread with clone(2)
        {
            "names": ["clone"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": _NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
        },
        {"names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
    ],
}


def enter_namespaces() -> bool:
    """Give this (single-threaded) process its own mounts, network, IPC and host name, and a new PID namespace for its children.

    Without root also a user namespace in which we are root; the answer is true when we are root of such a one only, ours or another.

    Raises:
        OSError: the kernel refuses.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0:
        syscalls.unshare(NEWUSER)
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    syscalls.unshare(NEWNS | NEWNET | NEWIPC | NEWUTS | NEWPID)
    syscalls.mount("none", "/", "", _PRIVATE)
    return uid != 0 or userns.contained()


class Walls:
    """What :func:`lock_in` needs and could not find out any more: made before, once for all workers.

    ``rootless``: root is only root of a user namespace and may make no devices; with ``alone`` there is nobody else in it.
    """

    __slots__ = ("alone", "last_capability", "program", "rootless")

    def __init__(self, *, rootless: bool = False) -> None:
        self.rootless = rootless
        self.alone = rootless and userns.single()
        self.last_capability = capabilities.last()
        try:
            self.program = seccomp.compile_profile(_PROFILE, 0)
        except NotSupported:
            self.program = b""  # an architecture without a table: the other walls have to do


def lock_in(target: str, layers: str, walls: Walls) -> tuple[int, int]:
    """Make ``target`` the root of this process and give up every other right.

    Returns:
        Descriptors of the root, and of the directory ``layers`` as a read-only mount that has no other name any more.

    Raises:
        OSError: the kernel refuses.
    """
    syscalls.unshare(NEWNS)
    syscalls.mount(layers, layers, "", _BIND)
    syscalls.mount("none", layers, "", _BIND | _REMOUNT | _RDONLY | _NOSUID | _NODEV | _NOEXEC)
    lowers = os.open(layers, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    syscalls.umount2(layers, _DETACH)
    syscalls.mount(target, target, "", _BIND)
    syscalls.mount("none", target, "", _BIND | _REMOUNT | _NOSUID | _NODEV | _NOEXEC)
    os.chdir(target)
    syscalls.pivot_root(".", ".")
    syscalls.umount2(".", _DETACH)
    os.chdir("/")
    root = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    _give_up(walls)
    return root, lowers


def _give_up(walls: Walls) -> None:
    sys.path.clear()
    sys.meta_path.clear()
    setrlimit(RLIMIT_CORE, (0, 0))
    setrlimit(RLIMIT_AS, (_MEMORY, _MEMORY))
    hard = getrlimit(RLIMIT_NOFILE)[1]
    files = min(_OPEN_FILES, hard) if hard > 0 else _OPEN_FILES
    setrlimit(RLIMIT_NOFILE, (files, files))
    if os.geteuid() == 0 and os.getgroups():
        try:
            os.setgroups([])
        except PermissionError:  # a user namespace whose group map we wrote ourselves
            pass
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    capabilities.drop_bounding(KEPT, walls.last_capability)
    capabilities.apply(KEPT, KEPT)
    if walls.program:
        syscalls.seccomp_filter(walls.program)
