"""``tmpcopyup``: a fresh file system gets a copy of the directory that it is going to be mounted on.

Runs in a container's init, on an image's content: everything is opened beneath descriptors and no link is followed. Devices, fifos and
sockets are left out.
"""

from __future__ import annotations

import os
import stat

from engine.linux import syscalls

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 24


def copy(source: int, target: int) -> None:
    """Copy what is in directory ``source`` into ``target``, both open at least with ``O_PATH``.

    Raises:
        OSError: ENOSPC when it does not fit.
    """
    fd = os.open(".", _DIRECTORY, dir_fd=source)
    try:
        info = os.fstat(fd)
        _own(target, "", info)
        for name in os.listdir(fd):
            _copy(fd, target, name)
    finally:
        os.close(fd)


def _copy(source: int, target: int, name: str) -> None:
    info = os.stat(name, dir_fd=source, follow_symlinks=False)
    if stat.S_ISLNK(info.st_mode):
        os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
        _own(target, name, info)
    elif stat.S_ISDIR(info.st_mode):
        os.mkdir(name, dir_fd=target)
        below = os.open(name, syscalls.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
        made = os.open(name, _DIRECTORY, dir_fd=target)
        try:
            copy(below, made)
            os.fchmod(made, stat.S_IMODE(info.st_mode))
        finally:
            os.close(below)
            os.close(made)
    elif stat.S_ISREG(info.st_mode):
        _copy_file(source, target, name)


def _copy_file(source: int, target: int, name: str) -> None:
    read = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=source)
    try:
        info = os.fstat(read)
        write = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=target)
        try:
            while os.sendfile(write, read, None, _CHUNK):
                continue
            os.fchown(write, info.st_uid, info.st_gid)
            os.fchmod(write, stat.S_IMODE(info.st_mode))
            os.utime(write, ns=(info.st_atime_ns, info.st_mtime_ns))
        finally:
            os.close(write)
    finally:
        os.close(read)


def _own(directory: int, name: str, info: os.stat_result) -> None:
    if name:
        os.chown(name, info.st_uid, info.st_gid, dir_fd=directory, follow_symlinks=False)
    else:
        os.chown(".", info.st_uid, info.st_gid, dir_fd=directory)
