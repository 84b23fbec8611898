"""File locks between processes, by flock(2).

An flock belongs to the open file description, which a fork shares: a child that keeps the descriptor keeps the lock alive.
Every lock held here is therefore closed in forked children, and by exec (``O_CLOEXEC``).
"""

from __future__ import annotations

import fcntl
import os
from types import TracebackType
from typing import Self

from engine.errors import EngineFault
from engine.store import faults

_held: set[Lock] = set()


class Lock:
    """The lock at ``path``; the file is made when it is missing and never removed by us.

    As a context manager it is exclusive.
    """

    __slots__ = ("_handle", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._handle = -1

    @classmethod
    def adopt(cls, path: str, handle: int) -> Self:
        """The lock that another process has taken and handed over as a descriptor. Both hold it until the other closes its own."""
        lock = cls(path)
        lock._handle = handle
        _held.add(lock)
        return lock

    def fileno(self) -> int:
        """The descriptor that holds it, -1 when it is not held."""
        return self._handle

    @property
    def held(self) -> bool:
        """This object holds the lock."""
        return self._handle >= 0

    def in_place(self) -> bool:
        """It is held, and the file at ``path`` still is the one that was locked: nobody has removed it meanwhile."""
        if self._handle < 0:
            return False
        mine = os.fstat(self._handle)
        try:
            there = os.stat(self.path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)

    def exclusive(self) -> Self:
        """Wait until nobody else holds it."""
        self._take(fcntl.LOCK_EX)
        return self

    def shared(self) -> Self:
        """Wait until nobody holds it exclusively."""
        self._take(fcntl.LOCK_SH)
        return self

    def try_exclusive(self) -> bool:
        """Take it if nobody else holds it."""
        return self._take(fcntl.LOCK_EX | fcntl.LOCK_NB)

    def try_shared(self) -> bool:
        """Take it if nobody holds it exclusively."""
        return self._take(fcntl.LOCK_SH | fcntl.LOCK_NB)

    def release(self) -> None:
        """Give it up. Idempotent."""
        _held.discard(self)
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> Self:
        return self.exclusive()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()

    def _take(self, how: int) -> bool:
        if self._handle >= 0:
            raise EngineFault(f"lock {self.path} is held already")
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise faults.from_os(error, f"lock {self.path}") from error
        try:
            fcntl.flock(handle, how)
        except BlockingIOError:
            os.close(handle)
            return False
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        _held.add(self)
        return True


def is_held(path: str) -> bool:
    """Somebody holds the lock at ``path`` exclusively. Looks without making the file and without keeping the lock."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise faults.from_os(error, f"look at lock {path}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _close_in_child() -> None:
    for lock in tuple(_held):
        lock.release()


os.register_at_fork(after_in_child=_close_in_child)
