"""Space that is kept back for the day the disk is full: removing something deletes a row, and for that the database writes.

Without it a container that fills the state root's disk could not be removed, nor its end be written down, nor even be looked
at: SQLite wants some pages for a shared index before it reads. A slice of the file beside the database is given up for
each of these (:meth:`engine.store.database.Database.spared`), and it is whole again once somebody opens the database while there is
plenty of space.
"""

from __future__ import annotations

import os
from typing import Final

SIZE: Final = 1 << 20
"""Bytes."""

_SLICE: Final = SIZE // 4
"""Bytes. A removal writes some ten pages of 4 KiB into the log and as many from there into the database."""

_PLENTY: Final = 16 * SIZE
"""Free bytes from which the reserve is nothing that anybody would miss."""

_NOTHING: Final = 16 << 10
"""Free bytes below which the kernel refuses what SQLite or a socket wants at once."""


def path_of(database: str) -> str:
    """Where the reserve of the database at that path lies."""
    return f"{os.path.dirname(database)}/reserve"


def keep(database: str) -> None:
    """Have the reserve whole, if there is space for it. What fails is tried again by the next."""
    path = path_of(database)
    try:
        if os.stat(path).st_size >= SIZE:
            return
    except OSError:
        pass
    try:
        if _free(os.statvfs(os.path.dirname(path))) < _PLENTY:
            return
        fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError:
        return
    try:
        os.posix_fallocate(fd, 0, SIZE)
    except OSError:
        os.ftruncate(fd, 0)
    finally:
        os.close(fd)


def spend(database: str) -> bool:
    """Give a slice to who is about to write; ``False`` when nothing is left."""
    path = path_of(database)
    try:
        left = os.stat(path).st_size
        os.truncate(path, max(0, left - _SLICE))
    except OSError:
        return False
    return left > 0


def exhausted(path: str) -> bool:
    """Whether the disk of ``path`` is so full that programs fail without saying why; ``False`` when that can not be told."""
    try:
        found = os.statvfs(os.path.dirname(path))
    except OSError:
        return False
    return _free(found) < _NOTHING or (found.f_files > 0 and found.f_favail == 0)


def _free(found: os.statvfs_result) -> int:
    """Bytes that anybody may use."""
    return found.f_bavail * found.f_frsize
