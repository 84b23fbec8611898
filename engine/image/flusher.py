"""Writes layers back to the disk while they are still being unpacked.

A layer is synced before it is recorded. The kernel alone would begin to write only then, or after 30 seconds; a disk that works while the
archive is downloaded and unpacked has little left to do at the end.
"""

from __future__ import annotations

import os
import time
from _thread import allocate_lock, start_new_thread

from engine.linux import syscalls

_PAUSE = 0.1
_WORTHWHILE = 8 << 20
"""Compressed bytes of a layer from which on writing back early pays."""


class Flusher:
    """One thread for all layers below ``directory`` that are being unpacked, while there are any big ones."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._lock = allocate_lock()
        self._users = 0

    def watch(self) -> Watch:
        """For one layer; tell it of the bytes, and end it."""
        return Watch(self)

    def enter(self) -> None:
        """A big layer began."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                start_new_thread(self._run, ())

    def leave(self) -> None:
        """A big layer ended."""
        with self._lock:
            self._users -= 1

    def _run(self) -> None:
        try:
            fd = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            while self._users > 0:
                syscalls.syncfs(fd)
                time.sleep(_PAUSE)
        except OSError:
            pass  # whoever records a layer syncs it again, and tells
        finally:
            os.close(fd)


class Watch:
    """Lets the flusher run from the moment on when a layer turns out to be big. A context manager."""

    def __init__(self, flusher: Flusher) -> None:
        self._flusher = flusher
        self._running = False

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        if self._running:
            self._flusher.leave()

    def done(self, count: int) -> None:
        """So many compressed bytes were handed over."""
        if not self._running and count >= _WORTHWHILE:
            self._running = True
            self._flusher.enter()
