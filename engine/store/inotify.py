"""Watching paths with inotify, of which a process takes one instance however many of its threads wait.

A user may have 128 instances (``fs.inotify.max_user_instances``), and as many who follow logs and events would be too few. So a
thread of the process reads the one instance and tells each :class:`Inotify` of what it asked for, through an eventfd of its own. The
thread and the instance go with the last who waits. Where the kernel gives no instance or no watch more, the thread says four
times a second that something may have happened.

The calls are not in Python; ctypes is loaded only by those who wait. Source: inotify(7).
"""

from __future__ import annotations

import errno
import os
import select
import struct
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable

IN_MODIFY = 0x002
IN_ATTRIB = 0x004
IN_CREATE = 0x100
IN_MOVED_TO = 0x080
IN_DELETE_SELF = 0x400
_IN_IGNORED = 0x8000
_IN_MASK_ADD = 0x20000000
_IN_NONBLOCK = os.O_NONBLOCK
_IN_CLOEXEC = os.O_CLOEXEC
_REPORT = struct.Struct("iIII")
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.ENOMEM)
_ROUND_MS = 250


class Inotify:
    """One who waits. ``fd`` is readable when something happened, or may have; :meth:`drain` forgets it.

    Raises:
        OSError: the process has no descriptors left, or a path does not exist.
    """

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            self._hub = _enter(self)
        except BaseException:
            os.close(self.fd)
            self.fd = -1
            raise

    def watch(self, path: str, mask: int) -> None:
        """Report ``mask`` for ``path``."""
        self._hub.watch(self, path, mask)

    def drain(self) -> None:
        """Forget what was reported."""
        try:
            os.eventfd_read(self.fd)
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Wait no more. Idempotent."""
        if self.fd >= 0:
            self._hub.leave(self)
            os.close(self.fd)
            self.fd = -1


class _Hub:
    """The instance that all of a process share, and the thread that reads it."""

    def __init__(self, first: Inotify) -> None:
        self.lock = allocate_lock()
        self.users = {first}
        self._polled: set[Inotify] = set()
        self._watches: dict[int, dict[Inotify, int]] = {}
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            self._fd, self._add, self._remove, self._errno = _instance()
            start_new_thread(self._run, ())
        except BaseException:
            os.close(self._wake)
            raise

    def watch(self, user: Inotify, path: str, mask: int) -> None:
        """Have ``user`` told of what happens. Raises OSError when there is no such path."""
        with self.lock:
            code = errno.EMFILE
            if self._fd >= 0:
                number = self._add(self._fd, os.fsencode(path), mask | _IN_MASK_ADD)
                if number >= 0:
                    told = self._watches.setdefault(number, {})
                    told[user] = told.get(user, 0) | mask
                    return
                code = self._errno()
            if code not in _FULL:
                raise OSError(code, os.strerror(code), path)
            os.stat(path)
            self._polled.add(user)
            os.eventfd_write(self._wake, 1)  # the thread waits without an end until then

    def leave(self, user: Inotify) -> None:
        """Tell ``user`` nothing more; after the last the thread ends."""
        with self.lock:
            self.users.discard(user)
            self._polled.discard(user)
            for number in [number for number, told in self._watches.items() if told.pop(user, 0) and not told]:
                del self._watches[number]
                self._remove(self._fd, number)
            if not self.users:
                os.eventfd_write(self._wake, 1)

    def _run(self) -> None:
        poll = select.poll()
        for fd in (self._fd, self._wake):
            if fd >= 0:
                poll.register(fd, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll(_ROUND_MS if self._polled else None)}
            reports = _reports(self._fd) if self._fd in ready else []
            with self.lock:
                if self._wake in ready:
                    os.eventfd_read(self._wake)
                if not self.users:
                    break
                self._tell(reports)
        os.close(self._wake)
        if self._fd >= 0:
            os.close(self._fd)  # takes the kernel 20 ms

    def _tell(self, reports: list[tuple[int, int]]) -> None:
        happened = set(self._polled)
        for number, mask in reports:
            if number < 0:  # there was more to say than it keeps
                happened |= self.users
            for user, wanted in self._watches.get(number, {}).items():
                if mask & (wanted | _IN_IGNORED):
                    happened.add(user)
            if mask & _IN_IGNORED:
                self._watches.pop(number, None)
        for user in happened:
            os.eventfd_write(user.fd, 1)


_hubs: dict[int, _Hub] = {}
"""The hub of this process, by its pid: a forked child has nothing of its parent's."""
_entering = allocate_lock()


def _enter(user: Inotify) -> _Hub:
    """The process's hub, with ``user`` among those that it serves."""
    with _entering:
        hub = _hubs.get(os.getpid())
        if hub is not None:
            with hub.lock:
                if hub.users:
                    hub.users.add(user)
                    return hub
        # There was none, or its last user has left and its thread ends.
        hub = _Hub(user)
        _hubs.clear()
        _hubs[os.getpid()] = hub
        return hub


def _reports(fd: int) -> list[tuple[int, int]]:
    """Watch and mask of all that is pending."""
    found = []
    try:
        while data := os.read(fd, 65536):
            place = 0
            while place < len(data):
                number, mask, _, length = _REPORT.unpack_from(data, place)
                found.append((number, mask))
                place += _REPORT.size + length
    except BlockingIOError:
        pass
    return found


def _instance() -> tuple[int, Callable[[int, bytes, int], int], Callable[[int, int], int], Callable[[], int]]:
    """A new instance, -1 where the user may have no more, and the calls to use it. Raises OSError."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.inotify_init1.argtypes = (ctypes.c_int,)
    libc.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)
    libc.inotify_rm_watch.argtypes = (ctypes.c_int, ctypes.c_int)
    fd: int = libc.inotify_init1(_IN_NONBLOCK | _IN_CLOEXEC)
    if fd < 0 and ctypes.get_errno() not in _FULL:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "inotify")
    return fd, libc.inotify_add_watch, libc.inotify_rm_watch, ctypes.get_errno
