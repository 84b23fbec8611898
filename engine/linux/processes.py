"""Which process is meant: a pid is reused, a pid with its start time is not (proc_pid_stat(5), field 22)."""

from __future__ import annotations

import os
import signal
from typing import Final

_PF_EXITING: Final = 0x4
"""include/linux/sched.h: on its way out of the kernel, set before anything is given back."""


def start_time(pid: int) -> int:
    """When ``pid`` was started, in clock ticks since boot; 0 when there is no such process or it is a zombie."""
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] not in (b"Z", b"X") else 0


def exiting(pid: int) -> bool:
    """Whether ``pid`` is ending (flag PF_EXITING of proc_pid_stat(5), field 9), a zombie or gone."""
    fields = _stat(pid)
    return not fields or fields[0] in (b"Z", b"X") or bool(int(fields[6]) & _PF_EXITING)


def _stat(pid: int) -> list[bytes]:
    """The fields from the third on; none when there is no such process."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        text = os.read(fd, 4096)
    except ProcessLookupError:
        return []
    finally:
        os.close(fd)
    return text[text.rfind(b")") + 2 :].split()


def same(pid: int, started: int) -> bool:
    """The process that was ``pid`` with start time ``started`` still lives."""
    return pid > 0 and started > 0 and start_time(pid) == started


def open_same(pid: int, started: int) -> int:
    """A pidfd of the process known by pid and start time.

    Raises:
        ProcessLookupError: it is gone, whoever has the pid now.
    """
    fd = os.pidfd_open(pid)
    if not same(pid, started):
        os.close(fd)
        raise ProcessLookupError(3, os.strerror(3), str(pid))
    return fd


def kill_same(pid: int, started: int, number: int = signal.SIGKILL) -> bool:
    """Send a signal to exactly that process; ``False`` when it is gone."""
    try:
        fd = open_same(pid, started)
    except OSError:
        return False
    try:
        signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True
