"""Writing what an engine streams to a file: whole, or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from engine.errors import InvalidArgument
from engine.store import faults


def checked(path: str) -> None:
    """Raises InvalidArgument, in docker's words, when a file can not be written there."""
    directory = os.path.dirname(path) or "."
    if not os.path.isdir(directory):
        raise InvalidArgument(f'invalid output path: directory "{directory}" does not exist')
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return
    if stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and os.path.realpath(path) != os.devnull):
        raise InvalidArgument(f'failed to export container: invalid output path: "{path}" is a device')
    if stat.S_ISDIR(mode):
        raise InvalidArgument(f"failed to export container: open {path}: is a directory")


def written(path: str, pieces: Iterable[bytes]) -> None:
    """Write the pieces to ``path``: beside it first, so that a failure leaves what was there.

    Raises:
        DiskFull, Forbidden, EngineFault: it can not be written.
    """
    place = os.path.realpath(path)
    direct = os.path.exists(place) and not os.path.isfile(place)
    partial = place if direct else f"{place}.{os.urandom(4).hex()}.partial"
    done = False
    try:
        with open(partial, "wb", buffering=0) as file:
            for piece in pieces:
                view = memoryview(piece)
                while view:
                    view = view[file.write(view) or 0 :]
        if not direct:
            os.replace(partial, place)
        done = True
    except OSError as error:
        raise faults.from_os(error, f"write {path}") from error
    finally:
        if not done and not direct and os.path.exists(partial):
            os.unlink(partial)
