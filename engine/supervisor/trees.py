"""Delete a directory tree that somebody hostile has built: any depth, any number of names, no link followed.

Every directory is moved up to the root of the tree before it is emptied, so that one descriptor and short names suffice where
a recursive deletion runs out of stack, descriptors or path length.
"""

from __future__ import annotations

import os
import stat

from engine.store import faults


def remove_tree(path: str) -> None:
    """Remove ``path`` and everything beneath it; a path that is not there is fine.

    Raises:
        EngineFault, Forbidden: something can not be removed; the rest may be gone.
    """
    try:
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            os.unlink(path)
            return
    except FileNotFoundError:
        return
    except OSError as error:
        raise faults.from_os(error, f"remove {path}") from error
    try:
        _empty(path)
        os.rmdir(path)
    except OSError as error:
        raise faults.from_os(error, f"remove {error.filename or path}") from error


def _empty(path: str) -> None:
    root = _open(path, None)
    try:
        moved, mark = 0, os.urandom(6).hex()  # a name that whoever built the tree could not have taken
        while (names := _names(root, root_level=True)) is not None:
            for name in names:
                here = _open(name, root)
                try:
                    for inner in _names(here) or ():
                        moved += 1
                        os.rename(inner, f".{mark}-{moved}", src_dir_fd=here, dst_dir_fd=root)
                finally:
                    os.close(here)
                os.rmdir(name, dir_fd=root)
    finally:
        os.close(root)


def _names(directory: int, *, root_level: bool = False) -> list[str] | None:
    """Unlink everything in a directory that is none; names of its sub-directories, ``None`` at the root when all is gone."""
    found: list[str] = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found.append(entry.name)
            else:
                os.unlink(entry.name, dir_fd=directory)
    return None if root_level and not found else found


def _open(name: str, parent: int | None) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, flags, dir_fd=parent)
    except PermissionError:  # a directory without our own read bit, seen only by users other than root
        os.chmod(name, 0o700, dir_fd=parent)
        return os.open(name, flags, dir_fd=parent)
