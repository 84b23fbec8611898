"""What lies in a directory, as comparable values; and overlays mounted to look at what a stack of layers shows."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence

from engine.linux import mounts, syscalls


def describe(root: str, *, times: bool = False, inodes: bool = False) -> dict[str, tuple[object, ...]]:
    """Everything below ``root`` by relative path: type, mode, owner, content or target, attributes."""
    found: dict[str, tuple[object, ...]] = {}
    links: dict[int, str] = {}
    pending = [""]
    while pending:
        relative = pending.pop()
        path = f"{root}/{relative}" if relative else root
        status = os.lstat(path)
        mode = status.st_mode
        facts: list[object] = [stat.filemode(mode), status.st_uid, status.st_gid]
        if times and relative:
            facts.append(status.st_mtime_ns)
        if stat.S_ISLNK(mode):
            facts.append(os.readlink(path))
        elif stat.S_ISREG(mode):
            with open(path, "rb") as file:
                facts += [status.st_size, hashlib.file_digest(file, "sha256").hexdigest()[:16]]
            if inodes and status.st_nlink > 1:
                facts.append(("same as", links.setdefault(status.st_ino, relative)))
        elif stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            facts.append(status.st_rdev)
        names = [name for name in os.listxattr(path, follow_symlinks=False) if not name.startswith(("trusted.overlay", "security.selinux"))]
        facts += [(name, os.getxattr(path, name, follow_symlinks=False)) for name in sorted(names)]
        found[relative] = tuple(facts)
        if stat.S_ISDIR(mode):
            pending += sorted((f"{relative}/{name}" if relative else name for name in os.listdir(path)), reverse=True)
    return found


@contextlib.contextmanager
def merged(lowers: Sequence[str], place: str) -> Iterator[str]:
    """The overlay of ``lowers`` (topmost first), read-only, at the new directory ``place``."""
    os.mkdir(place)
    if len(lowers) == 1:
        yield lowers[0]
        return
    fd = mounts.overlay(lowers, "", "")
    try:
        target = os.open(place, os.O_PATH | os.O_DIRECTORY)
        try:
            mounts.attach(fd, target)
        finally:
            os.close(target)
    finally:
        os.close(fd)
    try:
        yield place
    finally:
        syscalls.umount2(place, mounts.MNT_DETACH)
