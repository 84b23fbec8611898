"""What a security module shall confine a program to: AppArmor profiles and SELinux contexts, given before execve(2).

Both take it through ``/proc/self/attr`` (apparmor.7, ``Documentation/admin-guide/LSM``). A task may only write to a file there that it has
opened itself, but it may open it early: while its ``/proc`` still is the host's, which nobody can have replaced (CVE-2019-16884).
"""

from __future__ import annotations

import os

_APPARMOR_ON = "/sys/module/apparmor/parameters/enabled"
_SELINUX_ON = "/sys/fs/selinux/enforce"
_OWN = "/proc/thread-self/attr/apparmor/exec"
_SHARED = "/proc/thread-self/attr/exec"
_KEYS = "/proc/thread-self/attr/keycreate"


def apparmor() -> bool:
    """AppArmor confines programs on this machine."""
    try:
        with open(_APPARMOR_ON, encoding="ascii") as file:
            return file.read().strip() == "Y"
    except OSError:
        return False


def selinux() -> bool:
    """SELinux confines programs on this machine."""
    return os.path.exists(_SELINUX_ON)


def open_exec(profile: str) -> int:
    """For :func:`confine`: a descriptor. ``profile`` is AppArmor's, ``""`` for SELinux. Raises OSError."""
    # Before Linux 5.1, and for SELinux, the one file is shared by all modules.
    path = _OWN if profile and os.path.exists(_OWN) else _SHARED
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC)


def confine(fd: int, profile: str, context: str) -> None:
    """Have the program of the next execve(2) run under an AppArmor ``profile`` or in an SELinux ``context``.

    Raises:
        OSError: ENOENT for a profile that is not loaded, EINVAL for a context that does not exist.
    """
    os.write(fd, f"exec {profile}".encode() if profile else context.encode())


def own_keys(context: str) -> None:
    """Give the keys that this process makes from now on an SELinux ``context``, so that the program may use them. Raises OSError."""
    fd = os.open(_KEYS, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, context.encode())
    finally:
        os.close(fd)
