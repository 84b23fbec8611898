"""SELinux contexts of containers: what the policy has for them, and putting one on files.

The policy says so in ``lxc_contexts`` (selinux_lxc_contexts_path(3)), which libvirt, podman and docker read too; the package is called
container-selinux or comes with the distribution's policy.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection

from engine.linux import labels
from engine.model.value import Value

_CONFIG = "/etc/selinux/config"
_XATTR = "security.selinux"
_CATEGORIES = 1024
FIELDS = ("user", "role", "type", "level")


class Contexts(Value):
    """The context of a container's processes and of its files, ``user:role:type:level`` each; ``""`` where there are none."""

    process: str = ""
    file: str = ""


def contexts() -> Contexts:
    """What this machine's policy has for containers; nothing where SELinux is off or the policy knows no containers."""
    if not labels.selinux():
        return Contexts()
    found = _pairs(f"/etc/selinux/{_pairs(_CONFIG).get('SELINUXTYPE', 'targeted')}/contexts/lxc_contexts")
    return Contexts(process=found["process"], file=found["file"]) if {"process", "file"} <= found.keys() else Contexts()


def _pairs(path: str) -> dict[str, str]:
    """``NAME = VALUE`` lines, a value's quotes taken off."""
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.partition("=") for line in file if not line.startswith("#")]
    except (OSError, UnicodeDecodeError):
        return {}
    return {name.strip(): value.strip().strip('"') for name, equals, value in lines if equals}


def split(context: str) -> dict[str, str]:
    """A context's :data:`FIELDS`; the level may have colons of its own."""
    return dict(zip(FIELDS, context.split(":", len(FIELDS) - 1), strict=False))


def join(fields: dict[str, str]) -> str:
    """The reverse of :func:`split`."""
    return ":".join(fields[name] for name in FIELDS if name in fields)


def fresh_level(taken: Collection[str]) -> str:
    """A level with two categories that is not among those ``taken``: what keeps containers from each other."""
    while True:
        drawn = int.from_bytes(os.urandom(4), "big")  # the random module would load OpenSSL
        low, high = sorted((drawn % _CATEGORIES, drawn // _CATEGORIES % _CATEGORIES))
        level = f"s0:c{low},c{high}"
        if low != high and level not in taken:
            return level


def of(path: str) -> str:
    """A file's context, ``""`` without one."""
    try:
        return os.getxattr(path, _XATTR, follow_symlinks=False).rstrip(b"\0").decode()
    except OSError:
        return ""


def label(path: str, context: str) -> None:
    """Put ``context`` on a file or link; a file system without contexts stays as it is. Raises OSError."""
    try:
        os.setxattr(path, _XATTR, context.encode(), follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.EROFS):
            raise


def label_open(fd: int, context: str) -> None:
    """:func:`label` for what ``fd`` is open on, with O_PATH too. Raises OSError."""
    os.setxattr(f"/proc/self/fd/{fd}", _XATTR, context.encode())


def label_tree(path: str, context: str) -> None:
    """Put ``context`` on everything below ``path`` and on itself last, so that a tree whose top has it is done. Raises OSError."""
    if os.path.isdir(path) and not os.path.islink(path):
        for directory, names, files in os.walk(path, topdown=False):
            for name in (*names, *files):
                label(f"{directory}/{name}", context)
    label(path, context)
