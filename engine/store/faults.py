"""The one place where operating system errors of the state root become the engine's errors."""

from __future__ import annotations

import errno

from engine.errors import DiskFull, EngineFault, Forbidden

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
_DENIED = frozenset((errno.EACCES, errno.EPERM, errno.EROFS))


def disk_full(message: str) -> DiskFull:
    """The error for a full disk, with what helps against it."""
    return DiskFull(message, hint="free some space, for instance with `longshore image prune -a` or `longshore volume prune`")


def from_os(error: OSError, doing: str) -> EngineFault | Forbidden:
    """The engine's error for ``error``, which happened while ``doing`` (such as ``write /x``)."""
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return disk_full(f"{doing}: {reason.lower()}")
    if error.errno in _DENIED:
        return Forbidden(f"{doing}: {reason.lower()}", hint="run as the owner of the state root, or choose another with --root")
    return EngineFault(f"{doing}: {reason.lower()}")
