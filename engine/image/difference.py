"""What a container's writable layer changes: the upper directory of an overlay against the view of its lower ones.

The upper directory belongs to a process that may still run. Every directory is opened anew beneath the root's descriptor, no
link is followed, and what vanishes meanwhile has not been there. Directories count as modified when their owner or mode
differs or something inside does, as docker's differ has it (moby ``pkg/archive/changes.go``); their times say nothing.
"""

from __future__ import annotations

import errno
import os
import stat

from engine.linux import paths, userns
from engine.model.files import Change, ChangeKind

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE_POINTS = frozenset(("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/.dockerenv"))
_DIRECTORY_POINTS = frozenset(("/dev", "/etc", "/proc", "/sys"))
"""What is made to mount on it: docker has these in a layer of its own below the container's."""

MODIFIED, ADDED, DELETED = ChangeKind.MODIFIED, ChangeKind.ADDED, ChangeKind.DELETED


def difference(upper: int, lower: int, *, whole: bool = False) -> list[Change]:
    """Changes of ``upper`` against ``lower`` (descriptors of directories), sorted by path, parents first.

    Args:
        whole: ``upper`` is a complete copy, not the upper directory of an overlay: what it lacks was deleted.

    Raises:
        OSError: a directory can not be read.
    """
    found: dict[str, ChangeKind] = {}
    waiting = [""]
    while waiting:
        waiting += _compare(upper, lower, waiting.pop(), found, whole)
    for path in [path for path in found if path not in _DIRECTORY_POINTS or found[path] is not ADDED]:
        parent = os.path.dirname(path)
        while parent != "/" and parent not in found:
            found[parent] = MODIFIED
            parent = os.path.dirname(parent)
    for point in _DIRECTORY_POINTS:
        if found.get(point) is ADDED and not any(path.startswith(f"{point}/") for path in found):
            del found[point]
    return [Change(path=path, kind=found[path]) for path in sorted(found, key=lambda path: path.split("/"))]


def _compare(upper: int, lower: int, path: str, found: dict[str, ChangeKind], whole: bool) -> list[str]:
    """Compare one directory; its directories come back, to be compared next."""
    above = _open(upper, path)
    if above < 0:
        return []
    below = _open(lower, path)
    deeper: list[str] = []
    try:
        names = os.listdir(above)
        for name in names:
            full = f"{path}/{name}"
            new = status(above, name)
            old = status(below, name) if below >= 0 else None
            if new is None or _is_point(full, new, old):
                continue
            if is_whiteout(new) and not whole:
                if old is not None:
                    found[full] = DELETED
                continue
            if old is None:
                found[full] = ADDED
            elif _differs(new, old):
                found[full] = MODIFIED
            if stat.S_ISDIR(new.st_mode):
                deeper.append(full)
        if below >= 0 and (whole or _opaque(above)):
            for name in set(os.listdir(below)) - set(names):
                found[f"{path}/{name}"] = DELETED
    finally:
        os.close(above)
        if below >= 0:
            os.close(below)
    return deeper


def _open(root: int, path: str) -> int:
    """A directory beneath ``root``, or -1 where there is none."""
    try:
        return paths.open_beneath(root, path.removeprefix("/"), _FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        return -1
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EXDEV):  # a link by now, or moved away
            return -1
        raise


def status(directory: int, name: str) -> os.stat_result | None:
    """What ``name`` is in a directory; ``None`` when it is not there."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def is_whiteout(found: os.stat_result) -> bool:
    """overlayfs' mark of a deleted name: a character device 0:0."""
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0


def _opaque(directory: int) -> bool:
    space = "user" if userns.contained() else "trusted"
    try:
        return os.getxattr(directory, f"{space}.overlay.opaque") == b"y"
    except OSError:
        return False


def _differs(new: os.stat_result, old: os.stat_result) -> bool:
    if (new.st_mode, new.st_uid, new.st_gid) != (old.st_mode, old.st_uid, old.st_gid):
        return True
    if stat.S_ISDIR(new.st_mode):
        return False
    if stat.S_ISCHR(new.st_mode) or stat.S_ISBLK(new.st_mode):
        return new.st_rdev != old.st_rdev
    return (new.st_size, new.st_mtime_ns) != (old.st_size, old.st_mtime_ns)


def _is_point(path: str, new: os.stat_result, old: os.stat_result | None) -> bool:
    return old is None and path in _FILE_POINTS and (new.st_size == 0 or stat.S_ISLNK(new.st_mode))
