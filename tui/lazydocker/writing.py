"""Puts a settings file where there is none yet."""

from __future__ import annotations

import os

from engine.errors import Conflict, InvalidArgument


def write_new(path: str, text: str) -> str:
    """Write a file that is not there yet, whole or not at all: its path.

    Raises:
        Conflict: there is one, which is somebody's work.
        InvalidArgument: it can not be written.
    """
    temporary = f"{path}.new-{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        with open(temporary, "x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # fails where the name is taken, as a rename does not
    except FileExistsError:
        raise Conflict(f"{path} is there already", hint="without --write the settings are printed: take from them what you want") from None
    except OSError as error:
        raise InvalidArgument(f"{path}: {(error.strerror or str(error)).lower()}") from None
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)
    return path
