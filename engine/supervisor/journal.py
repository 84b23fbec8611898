"""A container's log as its supervisor writes it: opened before a run or with its first output, with time stamps that never repeat."""

from __future__ import annotations

import os
import time
from typing import Final

from engine.errors import EngineFault
from engine.spawner import wire
from engine.store.logs.writer import LogWriter

_STREAMS: Final = {wire.STDOUT: "stdout", wire.STDERR: "stderr"}


class Journal:
    """The log in ``directory``: files of ``max_size`` bytes, 0 for one that only grows, of which ``max_files`` are kept; 0 for no log."""

    __slots__ = ("_directory", "_limits", "_stamp", "_writer")

    def __init__(self, directory: str, max_size: int = 0, max_files: int = 1) -> None:
        self._directory = directory
        self._limits = (max_size, max_files)
        self._writer: LogWriter | None = None
        self._stamp = 0

    def open(self) -> None:
        """Be ready to write. Idempotent.

        Raises:
            EngineFault: the log can not be opened.
        """
        if self._writer is None and self._limits[1]:
            try:
                self._writer = LogWriter(self._directory, *self._limits)
            except OSError as error:
                raise EngineFault(f"cannot open the log {self._directory}: {error.strerror}") from error

    def write(self, kind: int, chunk: bytes) -> None:
        """Append a chunk that came as STDOUT or STDERR."""
        self._stamp = max(time.time_ns(), self._stamp + 1)
        if self._writer is None:
            try:
                self.open()
            except EngineFault as error:
                os.write(2, f"{error.message}\n".encode(errors="replace"))
                return  # the container goes on, and the next chunk tries again
        if self._writer is not None:
            self._writer.write(_STREAMS[kind], chunk, self._stamp)

    def position(self) -> int:
        """A time stamp: everything logged up to it is in the files, everything that comes from now on is later."""
        self._stamp = max(time.time_ns(), self._stamp)
        return self._stamp

    def close(self) -> None:
        """Give the descriptors back. Idempotent."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
