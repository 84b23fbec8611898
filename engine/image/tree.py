"""A directory tree that one process builds from hostile input: every path is resolved here, never by the kernel.

The kernel only ever sees single components relative to an open directory, with ``O_NOFOLLOW``; links are read and followed by us,
inside of the root. That makes the *real* path of every directory known (needed to fix up directories at the end and to
compare with lower layers), and holds on any kernel and without a jail, because nobody else writes to the tree.
Descriptors of directories are cached: archives are sorted, so nearly every entry finds its parent open.
"""

from __future__ import annotations

import errno
import os

from engine.errors import CorruptData
from engine.image.names import MAX_DEPTH, MAX_PATH, WHITEOUT, shown

_MAX_LINKS = 40  # as the kernel's own MAXSYMLINKS
_MAX_OPEN = 384
_O_PATH = 0o10000000
_DIRECTORY = _O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Tree:
    """The tree below the directory ``root`` (a descriptor that stays the caller's).

    Attributes:
        implicit: real paths of directories that no archive entry described.
    """

    def __init__(self, root: int) -> None:
        self.root = root
        self.implicit: set[bytes] = {b""}
        self._open: dict[bytes, int] = {b"": root}
        self._known: dict[bytes, tuple[int, bytes]] = {b"": (root, b"")}

    def close(self) -> None:
        """Close every cached descriptor."""
        self.forget()

    def forget(self) -> None:
        """Something was removed or replaced: no cached path is to be trusted."""
        for path, fd in self._open.items():
            if path:
                os.close(fd)
        self._open = {b"": self.root}
        self._known = {b"": (self.root, b"")}

    def trim(self) -> None:
        """Between two steps, while no descriptor of this tree is in use: keep the number of open ones bounded."""
        if len(self._open) > _MAX_OPEN:
            self.forget()

    def parent(self, path: bytes) -> tuple[int, bytes]:
        """The directory at the clean ``path``, made if it is missing: descriptor (valid until :meth:`trim`) and real path.

        Raises:
            CorruptData: a component is no directory, or links go in circles.
        """
        known = self._known.get(path)
        if known is None:
            known = self._walk(path, make=True)
            if known is None:
                raise AssertionError(path)
            self._known[path] = known
        return known

    def find(self, path: bytes) -> tuple[int, bytes] | None:
        """As :meth:`parent`, ``None`` where a component is missing or no directory."""
        return self._known.get(path) or self._walk(path, make=False)

    def real(self, path: bytes) -> int | None:
        """Descriptor of the directory at the real ``path``; ``None`` if it is gone or became something else."""
        known = self._open.get(path)
        if known is not None:
            return known
        fd, done = self.root, b""
        for name in path.split(b"/"):
            done = done + b"/" + name if done else name
            try:
                fd = self._enter(fd, name, done)
            except OSError:
                return None
        return fd

    def _enter(self, fd: int, name: bytes, real: bytes) -> int:
        found = self._open.get(real)
        if found is None:
            found = self._open[real] = os.open(name, _DIRECTORY, dir_fd=fd)
        return found

    def _walk(self, path: bytes, *, make: bool) -> tuple[int, bytes] | None:
        todo = path.split(b"/")[::-1]
        fd, real, links = self.root, b"", 0
        while todo:
            name = todo.pop()
            if name in (b"", b"."):
                continue
            if name == b"..":
                real = real.rpartition(b"/")[0]
                fd = self._open[real]
                continue
            child = real + b"/" + name if real else name
            try:
                fd = self._enter(fd, name, child)
                real = child
            except FileNotFoundError:
                if not make:
                    return None
                self._make(fd, name, child)
                fd, real = self._enter(fd, name, child), child
            except OSError as error:
                target = _link(error, name, fd)
                if target is None:
                    if make:
                        raise CorruptData(f"invalid path {shown(path)}: {shown(child)} is not a directory") from error
                    return None
                links += 1
                if links > _MAX_LINKS:
                    raise CorruptData(f"invalid path {shown(path)}: too many symbolic links") from error
                if target[:1] == b"/":
                    fd, real = self.root, b""
                todo += target.split(b"/")[::-1]
        return fd, real

    def _make(self, fd: int, name: bytes, real: bytes) -> None:
        if name.startswith(WHITEOUT):
            raise CorruptData(f"invalid path {shown(real)}: whiteout names can not be directories")
        if len(real) > MAX_PATH or real.count(b"/") > MAX_DEPTH:
            raise CorruptData(f"invalid path {shown(real)}: it is too deep")
        os.mkdir(name, 0o755, dir_fd=fd)
        self.implicit.add(real)


def _link(error: OSError, name: bytes, fd: int) -> bytes | None:
    """The target, if what could not be entered is a symbolic link."""
    if error.errno not in (errno.ENOTDIR, errno.ELOOP):
        raise error
    try:
        return os.readlink(name, dir_fd=fd)
    except OSError:
        return None


def join(parent: bytes, name: bytes) -> bytes:
    """``parent/name``, where the root is ``b""``."""
    return parent + b"/" + name if parent else name


def remove_tree(path: str | bytes, dir_fd: int | None = None) -> None:
    """Remove the directory ``path`` and everything below, however deep, without following a link or leaving the file system.

    A directory that is not empty is renamed to the top and emptied there: neither recursion nor a path grows with the depth.

    Raises:
        OSError: the file system refused.
    """
    try:
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)
    except FileNotFoundError:
        return
    try:
        _empty(top)
    finally:
        os.close(top)
    os.rmdir(path, dir_fd=dir_fd)


def _empty(top: int) -> None:
    pending = [b"."]
    while pending:
        directory = pending.pop()
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
        try:
            with os.scandir(fd) as entries:
                found = [(os.fsencode(entry.name), entry.is_dir(follow_symlinks=False)) for entry in entries]
            for name, is_directory in found:
                if directory == b"." and name in pending:
                    continue
                if not is_directory:
                    os.unlink(name, dir_fd=fd)
                    continue
                try:
                    os.rmdir(name, dir_fd=fd)
                except OSError as error:
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        raise
                    os.chmod(name, 0o700, dir_fd=fd)
                    pending.append(_move_up(name, fd, top))
        finally:
            os.close(fd)
        if directory != b".":
            os.rmdir(directory, dir_fd=top)


def _move_up(name: bytes, fd: int, top: int) -> bytes:
    """Rename ``name`` in ``fd`` to a name of its own in ``top``, whatever else lies there."""
    while True:
        away = b".wh..wh.removed-" + os.urandom(8).hex().encode()
        try:
            os.rename(name, away, src_dir_fd=fd, dst_dir_fd=top)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
        else:
            return away
