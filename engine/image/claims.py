"""Directories that are locks: an flock on a directory says that somebody makes or removes what is in it.

The lock moves with the directory when it is renamed, needs no file of its own, and ends with its holder, however that ends.
"""

from __future__ import annotations

import fcntl
import os

from engine.image.tree import remove_tree


def lock(path: str) -> int | None:
    """A descriptor of the directory ``path`` that holds its lock; ``None`` if somebody else does, or it was renamed meanwhile."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        here, there = os.fstat(fd), os.stat(path, follow_symlinks=False)
        if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino):
            return fd
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(fd)
    return None


def is_locked(path: str) -> bool:
    """Somebody holds the lock of the directory ``path``."""
    fd = None
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    finally:
        if fd is not None:
            os.close(fd)
    return False


def remove(path: str) -> None:
    """Remove a file or a directory with everything below; nothing there is fine."""
    try:
        remove_tree(path)
    except NotADirectoryError:
        os.unlink(path)
