"""Two trees that should be the same: a layer as it lies in the store, and as its archive makes it.

Names are resolved by the kernel beneath each root, without following a link (openat2), for an image's content is hostile. What must
agree is all that a container sees of a file: kind, mode, owner, device, size, link target, extended attributes, content, and the
time of what is no directory: those of directories are the moment of unpacking where no archive entry told them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator

from engine.errors import Cancelled
from engine.image.names import shown
from engine.image.tree import join
from engine.linux import syscalls

_BENEATH = 1 | 2 | 4 | 8  # openat2: NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS, BENEATH
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_HOP = 2048
_PIECE = 1 << 20


def differences(found: int, right: int, stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
    """What is wrong in the tree ``found`` where ``right`` is right, both directories' descriptors: sentences, one a name.

    Raises:
        Cancelled: ``stop`` said so.
        OSError: a directory can not be read.
    """
    waiting = [b""]
    while waiting:
        path = waiting.pop()
        one, other = _open(found, path), _open(right, path)
        try:
            if (reason := _directory(one, other)) is not None:
                yield f"{_name(path)} {reason}"
            names = set(os.listdir(one)), set(os.listdir(other))
            for name in sorted(names[0] | names[1]):
                if stop():
                    raise Cancelled("comparing a layer was cancelled")
                inner = join(path, os.fsencode(name))
                if name not in names[0]:
                    yield f"{_name(inner)} is missing"
                elif name not in names[1]:
                    yield f"{_name(inner)} does not belong there"
                elif (reason := _unlike(*(os.stat(name, dir_fd=fd, follow_symlinks=False) for fd in (one, other)))) is not None:
                    yield f"{_name(inner)} {reason}"
                elif stat.S_ISDIR(os.stat(name, dir_fd=other, follow_symlinks=False).st_mode):
                    waiting.append(inner)
                elif (reason := _inside(one, other, name)) is not None:
                    yield f"{_name(inner)} {reason}"
        finally:
            os.close(one)
            os.close(other)


def _name(path: bytes) -> str:
    return "/" + shown(path).strip("'\"")


def _directory(one: int, other: int) -> str | None:
    if _attributes(one) != _attributes(other):
        return "has other extended attributes"
    return _unlike(os.fstat(one), os.fstat(other))


def _unlike(mine: os.stat_result, right: os.stat_result) -> str | None:
    if stat.S_IFMT(mine.st_mode) != stat.S_IFMT(right.st_mode):
        return "is another kind of file"
    if mine.st_mode != right.st_mode:
        return f"has mode {stat.S_IMODE(mine.st_mode):04o} for {stat.S_IMODE(right.st_mode):04o}"
    if (mine.st_uid, mine.st_gid) != (right.st_uid, right.st_gid):
        return f"belongs to {mine.st_uid}:{mine.st_gid}, not to {right.st_uid}:{right.st_gid}"
    if mine.st_rdev != right.st_rdev:
        return "is another device"
    if stat.S_ISREG(mine.st_mode) and mine.st_size != right.st_size:
        return f"has {mine.st_size} of {right.st_size} bytes"
    if not stat.S_ISDIR(mine.st_mode) and mine.st_mtime_ns != right.st_mtime_ns and not _is_whiteout(mine):
        return "was changed"
    return None


def _is_whiteout(status: os.stat_result) -> bool:
    """overlayfs' own sign: made by us, with the time of unpacking."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def _inside(one: int, other: int, name: str) -> str | None:
    mode = os.stat(name, dir_fd=other, follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        return None if os.readlink(name, dir_fd=one) == os.readlink(name, dir_fd=other) else "leads elsewhere"
    if not stat.S_ISREG(mode):
        return None
    mine = os.open(name, _FILE, dir_fd=one)
    try:
        right = os.open(name, _FILE, dir_fd=other)
        try:
            if _attributes(mine) != _attributes(right):
                return "has other extended attributes"
            while True:
                pieces = os.read(mine, _PIECE), os.read(right, _PIECE)
                if pieces[0] != pieces[1]:
                    return "has another content"
                if not pieces[0]:
                    return None
        finally:
            os.close(right)
    finally:
        os.close(mine)


def _attributes(fd: int) -> dict[str, bytes]:
    try:
        return {name: os.getxattr(fd, name) for name in os.listxattr(fd)}
    except OSError:
        return {}  # a file system without extended attributes


def _open(root: int, path: bytes) -> int:
    """The directory ``path``, which may be longer than the kernel takes at once."""
    here = os.dup(root)
    while path:
        at = len(path) if len(path) <= _HOP else path.rindex(b"/", 0, _HOP)
        try:
            there = syscalls.openat2(here, path[:at], _DIRECTORY, 0, _BENEATH)
        finally:
            os.close(here)
        here, path = there, path[at:].lstrip(b"/")
    return here
