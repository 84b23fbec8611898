"""A program on a bare pseudo-terminal, read as it writes: what is measured is the program, not a terminal emulator beside it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence

COLUMNS, ROWS = 160, 48


class Screen:
    """A running program.

    Attributes:
        pid: its process.
        begun: when it was started, by ``time.perf_counter``.
    """

    def __init__(self, pid: int, terminal: int, begun: float) -> None:
        self.pid, self.begun = pid, begun
        self._terminal = terminal

    def cpu(self) -> float:
        """Seconds of CPU that it has used, all threads."""
        return time.clock_gettime((~self.pid << 3) | 2)  # a process's CPU clock: MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED)

    def until(self, text: str, timeout: float = 60) -> None:
        """Read until ``text`` was written."""
        deadline, seen = time.monotonic() + timeout, b""
        while text.encode() not in seen:
            assert self._wait(deadline - time.monotonic()), f"{text!r} was not written: …{seen[-400:]!r}"
            seen = seen[-4096:] + os.read(self._terminal, 1 << 16)

    def quiet(self, seconds: float, most: float = 60) -> None:
        """Read until nothing was written for so long, or until ``most`` seconds are over."""
        end = time.monotonic() + most
        while self._wait(min(seconds, end - time.monotonic())):
            os.read(self._terminal, 1 << 16)

    def rest(self, seconds: float) -> None:
        """Read whatever is written for so long."""
        end = time.monotonic() + seconds
        while self._wait(end - time.monotonic()):
            os.read(self._terminal, 1 << 16)

    def send(self, text: str) -> None:
        """Type a text, all at once."""
        os.write(self._terminal, text.encode())

    def press(self, key: str) -> float:
        """Press a key: the seconds until something is written."""
        start = time.perf_counter()
        os.write(self._terminal, key.encode())
        assert self._wait(10), f"nothing was written after {key!r}"
        taken = time.perf_counter() - start
        os.read(self._terminal, 1 << 16)
        return taken

    def leave(self) -> None:
        """Press ``q`` and wait for the program's end."""
        with contextlib.suppress(OSError):  # EIO: the other side is closed
            os.write(self._terminal, b"q")
            while self._wait(30):
                os.read(self._terminal, 1 << 16)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)

    def _wait(self, seconds: float) -> bool:
        return bool(select.select([self._terminal], [], [], max(0.0, seconds))[0])


@contextlib.contextmanager
def running(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Screen]:
    """Start ``command`` on a terminal of 160×48."""
    begun = time.perf_counter()
    pid, terminal = pty.fork()
    if not pid:
        try:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            os.execvpe(command[0], list(command), {**environment, "TERM": "xterm-256color", "LANG": "C.UTF-8"})
        finally:
            os._exit(127)
    screen = Screen(pid, terminal, begun)
    try:
        yield screen
    finally:
        screen.leave()
