"""Making files and setting what they carry, one component at a time relative to open directories.

Owner, extended attributes, mode and time are set in that order: chown(2) clears set-uid bits and ``security.capability``.
"""

from __future__ import annotations

import errno
import os
import stat

from engine.errors import CorruptData
from engine.image.names import shown
from engine.image.tree import Tree

_IGNORED = frozenset((errno.ENOTSUP, errno.EPERM, errno.EINVAL, errno.ERANGE))
_COPIED = (b"security.capability", b"system.posix_acl_access", b"system.posix_acl_default")


class DirectoryMeta:
    """What an archive said about a directory, until it can be set."""

    __slots__ = ("gid", "mode", "mtime", "uid", "xattrs")

    def __init__(self, mode: int, uid: int, gid: int, mtime: int, xattrs: list[tuple[bytes, bytes]]) -> None:
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.mtime = mtime
        self.xattrs = xattrs


def exists(parent: int, base: bytes) -> bool:
    """There is something called ``base`` in the directory ``parent``, a dangling link included."""
    try:
        os.stat(base, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def set_xattrs(where: int | bytes, attributes: list[tuple[bytes, bytes]]) -> None:
    """Set what an image may set on a file (descriptor) or on a name in the working directory, links not followed.

    overlayfs' own attributes would redirect lookups to other places of the host; ``trusted`` as a whole is out of an image's reach.
    """
    follow = isinstance(where, int)
    for name, value in attributes:
        if name.startswith((b"trusted.", b"user.overlay.")):
            continue
        if b"\0" in name:
            raise CorruptData(f"a NUL byte in the extended attribute {shown(name)}")
        try:
            os.setxattr(where, name, value, follow_symlinks=follow)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.E2BIG):
                raise CorruptData(f"the extended attribute {shown(name)} is too large for the file system") from error
            if error.errno not in _IGNORED or (name == b"security.capability" and error.errno != errno.ENOTSUP):
                raise


def attributes(fd: int) -> list[tuple[bytes, bytes]]:
    """The extended attributes that belong to a file's content, not to the file system it lies on."""
    try:
        names = [os.fsencode(name) for name in os.listxattr(fd)]
        return [(name, os.getxattr(fd, name)) for name in names if name.startswith(b"user.") or name in _COPIED]
    except OSError:
        return []  # a file system without extended attributes


def set_directories(tree: Tree, directories: dict[bytes, DirectoryMeta]) -> None:
    """Owner, attributes, mode and time of directories by real path, deepest first: making entries has changed the times."""
    for real in sorted(directories, reverse=True):
        meta = directories[real]
        tree.trim()
        found = tree.real(real)
        if found is None:
            continue
        fd = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=found)
        try:
            if meta.uid or meta.gid:
                os.fchown(fd, meta.uid, meta.gid)
            set_xattrs(fd, meta.xattrs)
            os.fchmod(fd, meta.mode)
            os.utime(fd, ns=(meta.mtime, meta.mtime))
        finally:
            os.close(fd)


def copy_file(source: int, name: bytes, status: os.stat_result, target: int, new: bytes) -> None:
    """Copy what is no directory from ``source`` to the free name ``new`` in ``target``, with everything it carries."""
    if stat.S_ISREG(status.st_mode):
        _copy_regular(source, name, status, target, new)
    elif stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(name, dir_fd=source), new, dir_fd=target)
        os.chown(new, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)
    else:
        os.mknod(new, status.st_mode, status.st_rdev, dir_fd=target)
        os.chown(new, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)
        os.chmod(new, stat.S_IMODE(status.st_mode), dir_fd=target)
    os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=target, follow_symlinks=False)


def _copy_regular(source: int, name: bytes, status: os.stat_result, target: int, new: bytes) -> None:
    old = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
    try:
        made = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=target)
        try:
            _copy_content(old, made, status)
            os.fchown(made, status.st_uid, status.st_gid)
            set_xattrs(made, attributes(old))
            os.fchmod(made, stat.S_IMODE(status.st_mode))
        finally:
            os.close(made)
    finally:
        os.close(old)


def _copy_content(old: int, made: int, status: os.stat_result) -> None:
    """In the kernel, with sendfile(2); holes stay holes."""
    if status.st_blocks * 512 >= status.st_size:
        while os.sendfile(made, old, None, 1 << 30):
            pass
        return
    os.ftruncate(made, status.st_size)
    at = 0
    while at < status.st_size:
        try:
            at = os.lseek(old, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole is left
                return
            raise
        end = os.lseek(old, at, os.SEEK_HOLE)
        os.lseek(made, at, os.SEEK_SET)
        while at < end:
            done = os.sendfile(made, old, at, end - at)
            if not done:
                return
            at += done
