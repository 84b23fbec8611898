"""Layers copied into one directory: what a container gets where overlayfs is refused (an old kernel, some network file systems).

Walks each layer from the lowest up and does what overlayfs would show. Nothing is resolved by the kernel: every step is one component
below an open directory (:mod:`engine.image.tree`), so links in the layers lead nowhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from engine.image.files import DirectoryMeta, attributes, copy_file, set_directories
from engine.image.tree import Tree, join, remove_tree

_OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def flatten(lowers: Sequence[str], target: str) -> None:
    """Copy the layers in the directories ``lowers`` (topmost first, as overlayfs takes them) into the empty directory ``target``.

    Raises:
        OSError: the file system refused.
    """
    root = os.open(target, _DIRECTORY)
    merged = Tree(root)
    directories: dict[bytes, DirectoryMeta] = {}
    try:
        for path in reversed(lowers):
            fd = os.open(path, _DIRECTORY)
            layer = Tree(fd)
            try:
                _Layer(layer, merged, directories).copy()
            finally:
                layer.close()
                os.close(fd)
        set_directories(merged, directories)
    finally:
        merged.close()
        os.close(root)


class _Layer:
    """One layer being copied over what is there already."""

    def __init__(self, layer: Tree, merged: Tree, directories: dict[bytes, DirectoryMeta]) -> None:
        self._layer = layer
        self._merged = merged
        self._directories = directories
        self._links: dict[int, tuple[bytes, bytes]] = {}  # inode: where its first name was copied to

    def copy(self) -> None:
        pending = [b""]
        while pending:
            real = pending.pop()
            self._layer.trim()
            self._merged.trim()
            for name in self._names(real):
                status = os.stat(name, dir_fd=_there(self._layer, real), follow_symlinks=False)
                self._put(real, name, status)
                if stat.S_ISDIR(status.st_mode):
                    pending.append(join(real, name))

    def _names(self, real: bytes) -> list[bytes]:
        """What is in a directory, whose own metadata is remembered."""
        fd = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=_there(self._layer, real))
        try:
            own = os.fstat(fd)
            self._directories[real] = DirectoryMeta(stat.S_IMODE(own.st_mode), own.st_uid, own.st_gid, own.st_mtime_ns, attributes(fd))
            return sorted(map(os.fsencode, os.listdir(fd)))
        finally:
            os.close(fd)

    def _put(self, real: bytes, name: bytes, status: os.stat_result) -> None:
        is_directory = stat.S_ISDIR(status.st_mode)
        kept = self._clear(real, name, keep=is_directory and not self._is_opaque(join(real, name)))
        target = _there(self._merged, real)
        if is_directory:
            if not kept:
                os.mkdir(name, 0o700, dir_fd=target)
        elif stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            pass  # a whiteout has done its work
        elif status.st_nlink > 1 and status.st_ino in self._links:
            above, first = self._links[status.st_ino]
            os.link(first, name, src_dir_fd=_there(self._merged, above), dst_dir_fd=target, follow_symlinks=False)
        else:
            copy_file(_there(self._layer, real), name, status, target, name)
            self._links[status.st_ino] = (real, name)

    def _is_opaque(self, real: bytes) -> bool:
        fd = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=_there(self._layer, real))
        try:
            return any(name in _OPAQUE and os.getxattr(fd, name) == b"y" for name in os.listxattr(fd))
        finally:
            os.close(fd)

    def _clear(self, real: bytes, name: bytes, *, keep: bool) -> bool:
        """Remove what lower layers have under a name; with ``keep`` a directory stays, and then the answer is true."""
        target = _there(self._merged, real)
        try:
            status = os.stat(name, dir_fd=target, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if not stat.S_ISDIR(status.st_mode):
            os.unlink(name, dir_fd=target)
            return False
        if keep:
            return True
        self._merged.forget()
        remove_tree(name, dir_fd=_there(self._merged, real))
        return False


def _there(tree: Tree, real: bytes) -> int:
    fd = tree.real(real)
    if fd is None:
        raise FileNotFoundError(2, "a directory vanished while it was copied", os.fsdecode(real))
    return fd
