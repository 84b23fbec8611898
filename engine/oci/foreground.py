"""Wait for a process as a shell does: signals go to it, its terminal is ours, and its exit code is ours."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import termios
import tty
from collections.abc import Callable, Iterator

_CHUNK = 1 << 16
_KEPT = frozenset({signal.SIGCHLD, signal.SIGWINCH, signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGURG})
_EOF = b"\x04"


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Keep signals back while the process that :func:`wait` is to send them to is being made."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _forwarded())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def wait(start: Callable[[], None], pid: int, pidfd: int, master: int) -> int:
    """Start our child ``pid``, and wait: its exit code, or 128 and the number of the signal that ended it.

    ``master`` is its terminal's, or -1. A signal that comes before the program runs is sent once it does, lest the setup dies of it;
    a second one of its kind is sent at once, in case the program never runs.

    Raises:
        As ``start``.
    """
    forwarder = _Forwarder(pidfd)
    with forwarder.installed(), _terminal(master):
        start()
        forwarder.begin()
        _copy(pidfd, master)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


class _Forwarder:
    """Sends the signals that we get to a process."""

    def __init__(self, pidfd: int) -> None:
        self._pidfd = pidfd
        self._early: list[int] = []
        self._runs = False

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._got) for number in _forwarded()}
        mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, _forwarded())
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            for number, handler in before.items():
                signal.signal(number, handler)

    def begin(self) -> None:
        """The program runs."""
        self._runs = True
        for number in self._early:
            self._send(number)

    def _got(self, number: int, frame: object) -> None:
        if self._runs or number in self._early:
            self._send(number)
        else:
            self._early.append(number)

    def _send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)


def _forwarded() -> Iterator[signal.Signals]:
    for number in signal.Signals:
        if number not in _KEPT and number < signal.SIGRTMIN:
            yield number


@contextlib.contextmanager
def _terminal(master: int) -> Iterator[None]:
    """Our own terminal raw, and the size of the process's the same as ours."""
    if master < 0 or not os.isatty(0):
        yield
        return
    before = termios.tcgetattr(0)

    def resize(number: int = 0, frame: object = None) -> None:
        termios.tcsetwinsize(master, termios.tcgetwinsize(0))

    handler = signal.signal(signal.SIGWINCH, resize)
    resize()
    tty.setraw(0, termios.TCSANOW)  # what was typed before is not lost
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, handler)


def _copy(pidfd: int, master: int) -> None:
    """Until the process has ended, and with a terminal until all that it wrote is out."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    if master >= 0:
        poll.register(master, select.POLLIN)
        poll.register(0, select.POLLIN)
    ended = False
    while True:
        ready = dict(poll.poll(0 if ended else None))
        if master in ready and not _move(master, 1):
            poll.unregister(master)
            master = -1
        if 0 in ready and not (data := os.read(0, _CHUNK)):
            os.write(master, _EOF)
            poll.unregister(0)
        elif 0 in ready and master >= 0:
            _write(master, data)
        if ended and master not in ready:
            return
        ended = ended or pidfd in ready


def _move(source: int, target: int) -> bool:
    try:
        data = os.read(source, _CHUNK)
    except OSError:  # EIO: the last one who had the terminal open has gone
        return False
    _write(target, data)
    return bool(data)


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
