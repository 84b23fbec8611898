"""The layers below, seen as one tree without mounting them: what overlayfs would show, for the few paths that settling asks about.

Reads only, through a directory descriptor that sees all layers; works in the jail, where neither a mount nor reading ``trusted`` attributes
is possible (so the opaque directories of a layer come from the file that the layer store keeps beside it).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from engine.image.tree import join

_DIRECTORY = 0o10000000 | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Found:
    """What the merged view has under a name: its status, and the descriptor of the directory that holds it (borrowed)."""

    __slots__ = ("directory", "name", "status")

    def __init__(self, directory: int, name: bytes, status: os.stat_result) -> None:
        self.directory = directory
        self.name = name
        self.status = status

    @property
    def is_directory(self) -> bool:
        """It is a directory, possibly merged of several."""
        return stat.S_ISDIR(self.status.st_mode)

    def link(self) -> bytes | None:
        """The target of a symbolic link."""
        return os.readlink(self.name, dir_fd=self.directory) if stat.S_ISLNK(self.status.st_mode) else None


class Lowers:
    """The layers whose directories are ``names`` (lowest first) below the directory descriptor ``root``."""

    def __init__(self, root: int, names: Sequence[str]) -> None:
        self._roots: list[int] = []
        self._opaque: list[frozenset[bytes]] = []
        self._cached: tuple[bytes, list[tuple[int, int]]] = (b"", [])
        for name in reversed(names):
            self._roots.append(os.open(f"{name}/diff", _DIRECTORY, dir_fd=root))
            self._opaque.append(_opaque(root, name))
        self._top = list(enumerate(self._roots))

    def __bool__(self) -> bool:
        return bool(self._roots)

    def close(self) -> None:
        """Close every descriptor."""
        self._release()
        for fd in self._roots:
            os.close(fd)
        self._roots = []

    def lookup(self, real: bytes) -> Found | None:
        """What is at the real path ``real``; a link in the middle of it counts as absence. Valid until the next lookup."""
        if not self._roots:
            return None
        if not real:
            return Found(self._roots[0], b".", os.stat(b".", dir_fd=self._roots[0]))
        above, _, name = real.rpartition(b"/")
        for _, fd in self._directories(above):
            try:
                status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                continue
            return None if _is_whiteout(status) else Found(fd, name, status)
        return None

    def names(self) -> set[bytes]:
        """Every name that any layer has in its root."""
        found: set[bytes] = set()
        for root in self._roots:
            fd = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root)
            try:
                found.update(map(os.fsencode, os.listdir(fd)))
            finally:
                os.close(fd)
        return found

    def _directories(self, real: bytes) -> list[tuple[int, int]]:
        """The directories, topmost first, that are merged at ``real``, each with the number of its layer."""
        if not real:
            return self._top
        if self._cached[0] == real:
            return self._cached[1]
        self._release()
        here, path = self._top, b""
        for name in real.split(b"/"):
            path = join(path, name)
            below = self._merged(here, name, path)
            if here is not self._top:
                for _, fd in here:
                    os.close(fd)
            here = below
        self._cached = (real, here)
        return here

    def _merged(self, above: list[tuple[int, int]], name: bytes, path: bytes) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for layer, fd in above:
            try:
                status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if not stat.S_ISDIR(status.st_mode):
                break  # a whiteout or a file: hides what is below
            found.append((layer, os.open(name, _DIRECTORY, dir_fd=fd)))
            if path in self._opaque[layer]:
                break
        return found

    def _release(self) -> None:
        for _, fd in self._cached[1]:
            os.close(fd)
        self._cached = (b"", [])


def _is_whiteout(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def _opaque(root: int, name: str) -> frozenset[bytes]:
    try:
        fd = os.open(f"{name}/opaque", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)
    except FileNotFoundError:
        return frozenset()
    with open(fd, "rb") as file:
        return frozenset(file.read().split(b"\0")[:-1])
