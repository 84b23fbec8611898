"""System calls that :mod:`os` lacks, in one place, with argument types on every one.

Nothing here decides anything: each function is one system call that raises :class:`OSError` with errno and the object's
name. Numbers are for the two architectures we ship for; those from 424 on are the same everywhere
(``include/uapi/asm-generic/unistd.h``). Everything is bound when the module is imported, because a container's init
may not import after ``pivot_root``.
"""

from __future__ import annotations

import ctypes
import os
import struct
from ctypes import c_char_p, c_int, c_long, c_size_t, c_uint, c_ulong, c_void_p
from typing import Any

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_SYMLINK_NOFOLLOW = 0x100
AT_RECURSIVE = 0x8000
O_PATH = 0o10000000

PR_SET_PDEATHSIG = 1
PR_GET_DUMPABLE = 3
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_SET_NAME = 15
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4

CLOSE_RANGE_CLOEXEC = 4
KEYCTL_JOIN_SESSION_KEYRING = 1
SECCOMP_SET_MODE_FILTER = 1

_MACHINE = os.uname().machine
_OLD_NUMBERS = {
    "x86_64": {"capget": 125, "capset": 126, "pivot_root": 155, "keyctl": 250, "renameat2": 316, "seccomp": 317, "bpf": 321},
    "aarch64": {"capget": 90, "capset": 91, "pivot_root": 41, "keyctl": 219, "renameat2": 276, "seccomp": 277, "bpf": 280},
}.get(_MACHINE, {})
_NR_OPEN_TREE = 428
_NR_MOVE_MOUNT = 429
_NR_FSOPEN = 430
_NR_FSCONFIG = 431
_NR_FSMOUNT = 432
_NR_CLOSE_RANGE = 436
_NR_OPENAT2 = 437
_NR_MOUNT_SETATTR = 442

_libc = ctypes.CDLL(None, use_errno=True)


def _bind(name: str, *types: Any) -> Any:
    return ctypes.CFUNCTYPE(c_long, *types, use_errno=True)((name, _libc))


def _int(name: str, *types: Any) -> Any:
    return ctypes.CFUNCTYPE(c_int, *types, use_errno=True)((name, _libc))


_mount = _int("mount", c_char_p, c_char_p, c_char_p, c_ulong, c_char_p)
_umount2 = _int("umount2", c_char_p, c_int)
_unshare = _int("unshare", c_int)
_setns = _int("setns", c_int, c_int)
_sethostname = _int("sethostname", c_char_p, c_size_t)
_setdomainname = _int("setdomainname", c_char_p, c_size_t)
_prctl = _int("prctl", c_int, c_ulong, c_ulong, c_ulong, c_ulong)
_fstatfs = _int("fstatfs", c_int, c_void_p)
_prlimit = _int("prlimit", c_int, c_int, c_char_p, c_void_p)
_syncfs = _int("syncfs", c_int)
_signal = ctypes.CFUNCTYPE(c_void_p, c_int, c_void_p)(("signal", _libc))
_call_bytes_buffer = _bind("syscall", c_long, c_char_p, c_void_p)
_call_ptrs2 = _bind("syscall", c_long, c_char_p, c_char_p)
_call_openat2 = _bind("syscall", c_long, c_int, c_char_p, c_char_p, c_size_t)
_call_fsopen = _bind("syscall", c_long, c_char_p, c_uint)
_call_fsconfig = _bind("syscall", c_long, c_int, c_uint, c_char_p, c_char_p, c_int)
_call_fsmount = _bind("syscall", c_long, c_int, c_uint, c_uint)
_call_open_tree = _bind("syscall", c_long, c_int, c_char_p, c_uint)
_call_move_mount = _bind("syscall", c_long, c_int, c_char_p, c_int, c_char_p, c_uint)
_call_renameat2 = _bind("syscall", c_long, c_int, c_char_p, c_int, c_char_p, c_uint)
_call_mount_setattr = _bind("syscall", c_long, c_int, c_char_p, c_uint, c_char_p, c_size_t)
_call_close_range = _bind("syscall", c_long, c_uint, c_uint, c_uint)
_call_keyctl = _bind("syscall", c_long, c_int, c_char_p)
_call_seccomp = _bind("syscall", c_long, c_uint, c_uint, c_char_p)
_call_bpf = _bind("syscall", c_long, c_int, c_void_p, c_uint)


def _old(name: str) -> int:
    number = _OLD_NUMBERS.get(name)
    if number is None:
        raise OSError(38, f"{name} is not known on {_MACHINE}")
    return number


def _check(result: int, what: str | bytes = "") -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fsdecode(what) if what else None)
    return result


def reason(error: OSError) -> str:
    """Why, as Go and so docker spells it: in lower case, without the errno."""
    return (error.strerror or str(error)).lower()


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    _check(_mount(os.fsencode(source), os.fsencode(target), os.fsencode(kind), flags, os.fsencode(data)), target)


def umount2(target: str, flags: int = 0) -> None:
    """umount2(2)."""
    _check(_umount2(os.fsencode(target), flags), target)


def pivot_root(new_root: str, put_old: str) -> None:
    """pivot_root(2)."""
    _check(_call_ptrs2(_old("pivot_root"), os.fsencode(new_root), os.fsencode(put_old)), new_root)


def unshare(flags: int) -> None:
    """unshare(2)."""
    _check(_unshare(flags), "unshare")


def setns(fd: int, flags: int = 0) -> None:
    """setns(2); ``fd`` may be a pidfd, then ``flags`` says which namespaces (Linux 5.8)."""
    _check(_setns(fd, flags), "setns")


def sethostname(name: bytes) -> None:
    """sethostname(2)."""
    _check(_sethostname(name, len(name)), name)


def setdomainname(name: bytes) -> None:
    """setdomainname(2)."""
    _check(_setdomainname(name, len(name)), name)


def prctl(option: int, arg2: int = 0, arg3: int = 0, arg4: int = 0, arg5: int = 0) -> int:
    """prctl(2) for options that take numbers."""
    return _check(_prctl(option, arg2, arg3, arg4, arg5), f"prctl {option}")


def filesystem_type(fd: int) -> int:
    """``f_type`` of fstatfs(2): the magic number of the file system that ``fd`` lies on."""
    buffer = ctypes.create_string_buffer(256)
    _check(_fstatfs(fd, buffer), f"fd {fd}")
    return int(struct.unpack_from("=q", buffer)[0])


def set_rlimit(resource: int, soft: int, hard: int) -> None:
    """prlimit(2) on this process; -1 is unlimited."""
    mask = (1 << 64) - 1
    _check(_prlimit(0, resource, struct.pack("=QQ", soft & mask, hard & mask), None), f"rlimit {resource}")


def default_signals() -> None:
    """Every signal's default action, in one go: :func:`signal.signal` takes 25 times as long, building enumerations."""
    for number in range(1, 65):
        _signal(number, None)


def syncfs(fd: int) -> None:
    """syncfs(2): write back the file system that ``fd`` lies on."""
    _check(_syncfs(fd), f"fd {fd}")


def exchange(one: bytes, other: bytes) -> None:
    """renameat2(2) with RENAME_EXCHANGE: two names change places at once. EINVAL where the file system can not."""
    _check(_call_renameat2(_old("renameat2"), AT_FDCWD, one, AT_FDCWD, other, 2), one)


def openat2(dirfd: int, path: bytes, flags: int, mode: int, resolve: int) -> int:
    """openat2(2) (Linux 5.6). Returns a descriptor."""
    how = struct.pack("=QQQ", flags, mode, resolve)
    return _check(_call_openat2(_NR_OPENAT2, dirfd, path, how, len(how)), path)


def fsopen(kind: str) -> int:
    """fsopen(2) with FSOPEN_CLOEXEC. Returns a descriptor of the configuration context."""
    return _check(_call_fsopen(_NR_FSOPEN, os.fsencode(kind), 1), kind)


def fsconfig(fd: int, command: int, key: str | None = None, value: str | None = None, aux: int = 0) -> None:
    """fsconfig(2)."""
    name = None if key is None else os.fsencode(key)
    text = None if value is None else os.fsencode(value)
    _check(_call_fsconfig(_NR_FSCONFIG, fd, command, name, text, aux), key or "fsconfig")


def fsmount(fd: int, attributes: int = 0) -> int:
    """fsmount(2) with FSMOUNT_CLOEXEC. Returns a descriptor of the detached mount's root."""
    return _check(_call_fsmount(_NR_FSMOUNT, fd, 1, attributes), "fsmount")


def open_tree(dirfd: int, path: bytes, flags: int) -> int:
    """open_tree(2). Returns a descriptor."""
    return _check(_call_open_tree(_NR_OPEN_TREE, dirfd, path, flags), path or b"open_tree")


def move_mount(from_fd: int, to_fd: int) -> None:
    """move_mount(2) from descriptor to descriptor: no path is looked up, so none can be swapped."""
    _check(_call_move_mount(_NR_MOVE_MOUNT, from_fd, b"", to_fd, b"", 0x4 | 0x40), "move_mount")


def mount_setattr(fd: int, *, recursive: bool, attr_set: int = 0, attr_clr: int = 0, propagation: int = 0) -> None:
    """mount_setattr(2) on the mount whose root ``fd`` is (Linux 5.12)."""
    attributes = struct.pack("=QQQQ", attr_set, attr_clr, propagation, 0)
    flags = AT_EMPTY_PATH | (AT_RECURSIVE if recursive else 0)
    _check(_call_mount_setattr(_NR_MOUNT_SETATTR, fd, b"", flags, attributes, len(attributes)), "mount_setattr")


def close_range(first: int, last: int = 0xFFFFFFFF, flags: int = 0) -> None:
    """close_range(2) (Linux 5.9)."""
    _check(_call_close_range(_NR_CLOSE_RANGE, first, last, flags), "close_range")


def capget(pid: int = 0) -> tuple[int, int, int]:
    """capget(2): effective, permitted and inheritable capabilities as bit masks."""
    data = ctypes.create_string_buffer(24)
    header = struct.pack("=Ii", 0x20080522, pid)
    _check(_call_bytes_buffer(_old("capget"), header, data), "capget")
    low = struct.unpack("=IIIIII", data.raw)
    return low[0] | low[3] << 32, low[1] | low[4] << 32, low[2] | low[5] << 32


def capset(effective: int, permitted: int, inheritable: int) -> None:
    """capset(2) on this thread, with bit masks."""
    masks = (effective, permitted, inheritable)
    data = struct.pack("=IIIIII", *(mask & 0xFFFFFFFF for mask in masks), *(mask >> 32 for mask in masks))
    _check(_call_ptrs2(_old("capset"), struct.pack("=Ii", 0x20080522, 0), data), "capset")


def join_session_keyring(name: bytes) -> None:
    """keyctl(KEYCTL_JOIN_SESSION_KEYRING): a session keyring of that name, new unless it exists."""
    _check(_call_keyctl(_old("keyctl"), KEYCTL_JOIN_SESSION_KEYRING, name), name)


def seccomp_filter(program: bytes, flags: int = 0) -> None:
    """seccomp(SECCOMP_SET_MODE_FILTER) with ``program``, an array of ``struct sock_filter``."""
    buffer = ctypes.create_string_buffer(program, len(program))
    fprog = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    _check(_call_seccomp(_old("seccomp"), SECCOMP_SET_MODE_FILTER, flags, fprog), "seccomp")


def bpf(command: int, attributes: bytes) -> int:
    """bpf(2) with ``attributes``, a ``union bpf_attr``; zero-padded here to 144 bytes so that no field is cut off."""
    padded = attributes.ljust(144, b"\0")
    buffer = ctypes.create_string_buffer(padded, len(padded))
    return _check(_call_bpf(_old("bpf"), command, ctypes.byref(buffer), len(padded)), f"bpf {command}")
