"""Files that are there whole or not at all, also after a power cut."""

from __future__ import annotations

import os
from _thread import get_ident

from engine.store import faults


def write_file(path: str, data: bytes, mode: int = 0o600, *, durable: bool = True) -> None:
    """Replace ``path`` with ``data``: a temporary file beside it, fsync, rename, fsync of the directory.

    ``durable=False`` leaves the fsyncs out, for files that a reboot makes meaningless.

    Raises:
        DiskFull, Forbidden, EngineFault: nothing has changed.
    """
    temporary = f"{path}.{os.getpid()}-{get_ident()}.tmp"
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        try:
            os.fchmod(handle, mode)
            write_all(handle, data)
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
        os.rename(temporary, path)
        if durable:
            sync_directory(os.path.dirname(path))
    except OSError as error:
        discard(temporary)
        raise faults.from_os(error, f"write {path}") from error


def write_all(handle: int, data: bytes | memoryview) -> None:
    """``os.write`` until everything is written. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def sync_directory(path: str) -> None:
    """Make a directory's entries durable. Raises OSError."""
    handle = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def discard(path: str) -> None:
    """Unlink, forgiving a file that is not there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
