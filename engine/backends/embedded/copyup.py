"""A new volume begins with what the image has at its place (docker's copy-up).

The image is hostile: its path is looked up by the kernel inside a detached, read-only mount of its layers, so that a link to
``/etc`` leads to the image's ``/etc`` (CVE-2022-23648), and everything below is opened by descriptor, links never followed.

Source: moby ``volume/mounts`` and ``container/container_unix.go`` (``CopyImagePathContent``).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from engine.linux import mounts, paths
from engine.store import faults

_COPY = 1 << 24
_DEPTH = 200
_XATTRS = ("user.", "security.capability")


def fill(layers: Sequence[str], place: str, target: str) -> bool:
    """Copy the directory ``place`` of an image, with owners and modes, into the empty directory ``target``.

    Args:
        layers: directories of the image's layers, topmost first.

    Returns:
        ``False``: the image has no directory there, or ``target`` is not empty.

    Raises:
        DiskFull, Forbidden, EngineFault: it can not be copied.
    """
    try:
        if not layers or os.listdir(target):
            return False
        root = _open_layers(layers)
        try:
            try:
                source = paths.open_in_root(root, place, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK)
            except (FileNotFoundError, NotADirectoryError):
                return False
            try:
                _fill(source, target)
            finally:
                os.close(source)
        finally:
            os.close(root)
    except OSError as error:
        raise faults.from_os(error, f"copy {place} of the image to volume {target}") from error
    return True


def _fill(source: int, target: str) -> None:
    into = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _copy_directory(source, into, 0)
        os.fsync(into)
    finally:
        os.close(into)


def _open_layers(layers: Sequence[str]) -> int:
    if len(layers) == 1:  # an overlay without upper needs two
        return os.open(layers[0], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return mounts.overlay(layers, "", "")


def _copy_directory(source: int, target: int, depth: int) -> None:
    if depth > _DEPTH:
        raise OSError(40, "directories are nested too deeply")
    for name in os.listdir(source):
        info = os.stat(name, dir_fd=source, follow_symlinks=False)
        if not stat.S_ISDIR(info.st_mode):
            copy_entry(source, target, name, info)
            continue
        os.mkdir(name, 0o700, dir_fd=target)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        below, new = os.open(name, flags, dir_fd=source), os.open(name, flags, dir_fd=target)
        try:
            _copy_directory(below, new, depth + 1)
        finally:
            os.close(below)
            os.close(new)
    copy_metadata(source, target)


def copy_entry(source: int, target: int, name: str, info: os.stat_result) -> None:
    """Copy what is no directory from one open directory to another, where it must not exist. Raises OSError."""
    if stat.S_ISREG(info.st_mode):
        _copy_file(source, target, name)
        return
    if stat.S_ISLNK(info.st_mode):
        os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
    else:
        os.mknod(name, info.st_mode, info.st_rdev, dir_fd=target)
    os.chown(name, info.st_uid, info.st_gid, dir_fd=target, follow_symlinks=False)
    if not stat.S_ISLNK(info.st_mode):
        os.chmod(name, stat.S_IMODE(info.st_mode), dir_fd=target)


def _copy_file(source: int, target: int, name: str) -> None:
    reader = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=source)
    try:
        writer = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=target)
        try:
            while _chunk(reader, writer):
                pass
            copy_metadata(reader, writer)
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def _chunk(reader: int, writer: int) -> int:
    try:
        return os.copy_file_range(reader, writer, _COPY)
    except OSError as error:
        if error.errno not in (18, 22, 38, 95):  # EXDEV, EINVAL, ENOSYS, EOPNOTSUPP: this pair of file systems can not
            raise
    return os.sendfile(writer, reader, None, _COPY)


def copy_metadata(source: int, target: int) -> None:
    """Owner, mode, attributes and times of an open file or directory. Raises OSError.

    Owner before mode, for a change of owner clears the setuid bit; times last.
    """
    info = os.fstat(source)
    os.fchown(target, info.st_uid, info.st_gid)
    os.fchmod(target, stat.S_IMODE(info.st_mode))
    try:
        for name in os.listxattr(source):
            if name.startswith(_XATTRS):
                os.setxattr(target, name, os.getxattr(source, name))
    except OSError as error:
        if error.errno != 95:  # EOPNOTSUPP: a file system without them
            raise
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))
