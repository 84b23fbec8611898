"""Both ends of a process's standard descriptors: pipes, or a terminal that the runtime makes inside the container."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from typing import Final

PIPE_SIZE: Final = 1 << 20
"""Bytes that a pipe between process and supervisor holds."""


class Stdio:
    """What a process that is about to be made reads and writes. -1 is the runtime's null device."""

    def __init__(self, *, terminal: bool, stdin: bool) -> None:
        self.terminal = terminal
        self._theirs: list[int] = []
        self._ours: dict[str, int] = {}
        self.stdin = self.stdout = self.stderr = -1
        if terminal:
            return
        try:
            self.stdout = self._pipe("stdout", reader_is_ours=True)
            self.stderr = self._pipe("stderr", reader_is_ours=True)
            if stdin:
                self.stdin = self._pipe("stdin", reader_is_ours=False)
        except BaseException:
            self.close()
            raise

    def _pipe(self, name: str, *, reader_is_ours: bool) -> int:
        reader, writer = os.pipe2(os.O_CLOEXEC)
        ours, theirs = (reader, writer) if reader_is_ours else (writer, reader)
        self._ours[name] = ours
        self._theirs.append(theirs)
        try:
            fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        except OSError:
            pass  # over the user's quota of pipe memory: the default size works too
        return theirs

    def started(self) -> None:
        """Close the process's ends: it has its own copies now. Idempotent."""
        theirs, self._theirs = self._theirs, []
        for fd in theirs:
            os.close(fd)

    def take(self, name: str) -> int:
        """Our end of a pipe, which the caller closes; -1 when there is none."""
        return self._ours.pop(name, -1)

    def close(self) -> None:
        """Close everything that nobody took."""
        self.started()
        for fd in self._ours.values():
            os.close(fd)
        self._ours.clear()


def set_size(terminal: int, width: int, height: int) -> None:
    """TIOCSWINSZ (ioctl_tty(2)); a terminal that is gone is fine."""
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height & 0xFFFF, width & 0xFFFF, 0, 0))
    except OSError:
        pass
