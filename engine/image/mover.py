"""Moves what a layer put below a directory to another one, with everything that is remembered about it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from engine.errors import CorruptData
from engine.image.apply import Applier
from engine.image.files import exists
from engine.image.names import MAX_DEPTH, MAX_PATH, shown
from engine.image.tree import join

_ASIDE = b".wh..wh.moved"  # no entry can have this name
_MAX_WORK = 50_000_000
"""Remembered paths looked at while moving; a hostile layer could make it quadratic."""

Follow = Callable[[bytes], bytes | None]


class Mover:
    """Moves inside of the layer that ``applier`` made."""

    def __init__(self, applier: Applier) -> None:
        self._applier = applier
        self._tree = applier.tree
        self._work = 0
        self._arrived: set[bytes] = set()

    def merge(self, source: bytes, target: bytes, follow: Follow) -> None:
        """Move everything in the directory ``source`` into the directory ``target`` (real paths) and remove ``source``.

        Directories of the same name are merged; ``follow`` tells where a symbolic link in the way leads to, which an undescribed
        directory goes through. Else what moves replaces what is there.

        Raises:
            CorruptData: paths get too long, or there is too much to move.
        """
        emptied: list[bytes] = []
        pending = [(self._aside(source), target)]
        while pending:
            here, there = pending.pop()
            emptied.append(here)
            self._tree.trim()
            for name in self._names(here):
                merged = self._move(here, there, name, follow)
                if merged is not None:
                    pending.append((join(here, name), merged))
            self._carry(here, there)
        self._tree.forget()
        for path in reversed(emptied):
            above, _, name = path.rpartition(b"/")
            os.rmdir(name, dir_fd=self._fd(above))
        self._tree.forget()

    def _aside(self, real: bytes) -> bytes:
        """Take a directory's name away from it: what moves may need that very name."""
        above, _, name = real.rpartition(b"/")
        os.rename(name, _ASIDE, src_dir_fd=self._fd(above), dst_dir_fd=self._tree.root)
        self._rename_records(real, _ASIDE)
        return _ASIDE

    def arrived(self, path: bytes) -> bool:
        """What is at the real ``path`` was moved there, alone or with a directory above."""
        while path and path not in self._arrived:
            path = path.rpartition(b"/")[0]
        return bool(path)

    def _move(self, here: bytes, there: bytes, name: bytes, follow: Follow) -> bytes | None:
        """Move one name, or say which directory its content has to be merged into."""
        old, new = join(here, name), join(there, name)
        if len(new) > MAX_PATH or new.count(b"/") > MAX_DEPTH:
            raise CorruptData(f"invalid path {shown(new)}: it is too deep")
        source, target = self._fd(here), self._fd(there)
        is_directory = stat.S_ISDIR(os.stat(name, dir_fd=source, follow_symlinks=False).st_mode)
        if exists(target, name):
            if is_directory:
                if stat.S_ISDIR(os.stat(name, dir_fd=target, follow_symlinks=False).st_mode):
                    return new
                through = follow(new) if old in self._tree.implicit else None
                if through is not None:
                    return through
            self._applier.clear(there, name)
            source, target = self._fd(here), self._fd(there)
        os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)
        self._arrived.add(new)
        if is_directory:
            self._rename_records(old, new)
        return None

    def _carry(self, here: bytes, there: bytes) -> None:
        """What is remembered about the directory ``here`` itself now holds for ``there``."""
        applier = self._applier
        self._tree.implicit.discard(here)
        if (meta := applier.directories.pop(here, None)) is not None:
            applier.directories[there] = meta
            self._tree.implicit.discard(there)
        if here in applier.opaque:
            applier.opaque.discard(here)
            applier.opaque.add(there)
        applier.whiteouts.setdefault(there, set()).update(applier.whiteouts.pop(here, ()))
        applier.links.setdefault(there, {}).update(applier.links.pop(here, {}))

    def _rename_records(self, old: bytes, new: bytes) -> None:
        applier = self._applier
        self._work += len(applier.directories) + len(self._tree.implicit) + len(applier.whiteouts) + len(applier.links)
        if self._work > _MAX_WORK:
            raise CorruptData("the layer puts too much below symbolic links of lower layers")
        below = old + b"/"

        def renamed(path: bytes) -> bytes:
            return new + path[len(old) :]

        for table in (applier.directories, applier.whiteouts, applier.links):
            for path in [path for path in table if path == old or path.startswith(below)]:
                table[renamed(path)] = table.pop(path)  # type: ignore[assignment]  # each table keeps its own value type
        for group in (self._tree.implicit, applier.opaque):
            inside = {path for path in group if path == old or path.startswith(below)}
            group -= inside
            group |= {renamed(path) for path in inside}
        self._tree.forget()

    def _names(self, real: bytes) -> list[bytes]:
        fd = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._fd(real))
        try:
            return sorted(os.fsencode(name) for name in os.listdir(fd))
        finally:
            os.close(fd)

    def _fd(self, real: bytes) -> int:
        fd = self._tree.real(real)
        if fd is None:
            raise CorruptData(f"invalid path {shown(real)}: it is not a directory")
        return fd
