"""Tells when a file changes, appears or goes, at no cost while nothing happens: inotify(7) on the directories that hold it.

Editors write a new file and rename it, and people link their settings from elsewhere, so it is not the file that is
watched but the directory of its name, the one where the link leads, and as long as the directory is missing, the nearest
one above it. The standard library has no inotify; three calls of libc are enough. Where the kernel refuses (no more
watches, another system), nothing is told and ``ctrl+r`` still reads the settings again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
from collections.abc import Callable, Sequence

SETTLE = 0.08
"""Seconds of quiet after a change until it is told: an editor's several steps are one change."""

_CLOSE_WRITE, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE, _DELETE_SELF = 0x8, 0x40, 0x80, 0x100, 0x200, 0x400
_MASK = _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF
_HEAD = struct.Struct("iIII")


class ConfigWatch:
    """Watches files, or the files in directories, for a running loop."""

    def __init__(self, paths: Sequence[str], changed: Callable[[], object]) -> None:
        """``changed`` is called in the loop after one of the paths changed; a path may be a directory of files."""
        self._paths = tuple(os.path.abspath(path) for path in paths)
        self._changed = changed
        self._fd = -1
        self._names: dict[int, set[str]] = {}
        self._waiting: asyncio.TimerHandle | None = None
        self._add: Callable[[int, bytes, int], int] = lambda fd, path, mask: -1

    def start(self) -> bool:
        """Begin to watch; whether the kernel lets us."""
        import ctypes  # late: not needed for the first picture

        libc = ctypes.CDLL(None, use_errno=True)
        try:
            self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
            self._add = libc.inotify_add_watch
        except AttributeError:
            return False
        if self._fd < 0:
            return False
        asyncio.get_running_loop().add_reader(self._fd, self._read)
        self._watch()
        return bool(self._names)

    def close(self) -> None:
        """Watch no more."""
        if self._waiting is not None:
            self._waiting.cancel()
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _watch(self) -> None:
        """Watch what is there of the paths; a directory that is watched already is not watched twice."""
        self._names = {}
        for path in self._paths:
            for each in {path, os.path.realpath(path)}:
                self._watch_name(each)
                if os.path.isdir(each):
                    self._watch_directory(each, "")

    def _watch_name(self, path: str) -> None:
        """Watch for a name in its directory, or for that of the first missing directory above it."""
        directory, name = os.path.split(path)
        while not self._watch_directory(directory, name) and directory not in ("", "/"):
            directory, name = os.path.split(directory)

    def _watch_directory(self, directory: str, name: str) -> bool:
        watch = self._add(self._fd, os.fsencode(directory), _MASK)
        if watch >= 0:
            self._names.setdefault(watch, set()).add(name)
        return watch >= 0

    def _read(self) -> None:
        data = b""
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._fd, 65536)
        place, news = 0, False
        while place < len(data):
            watch, mask, _, size = _HEAD.unpack_from(data, place)
            name = os.fsdecode(data[place + _HEAD.size : place + _HEAD.size + size].rstrip(b"\0"))
            place += _HEAD.size + size
            wanted = self._names.get(watch, set())
            news = news or name in wanted or "" in wanted or bool(mask & _DELETE_SELF)
        if news:
            if self._waiting is not None:
                self._waiting.cancel()
            self._waiting = asyncio.get_running_loop().call_later(SETTLE, self._tell)

    def _tell(self) -> None:
        self._waiting = None
        self._watch()  # directories may have come or gone
        self._changed()
