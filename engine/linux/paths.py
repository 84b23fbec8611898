"""Paths inside a root that somebody else controls.

An image or a running container may put a symbolic link anywhere and swap it at any time. Every path is therefore
looked up by the kernel beneath a directory descriptor (openat2(2), ``RESOLVE_IN_ROOT``) and handed on as a descriptor, never as
a string that somebody looks up again. Missing directories are made one component at a time, each in a directory that is
already held open.
"""

from __future__ import annotations

import errno
import os
import stat

from engine.linux import syscalls

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10

_IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
_RETRIES = 128
_MAX_LINKS = 40


def open_in_root(root: int, path: str, flags: int = syscalls.O_PATH, mode: int = 0, *, resolve: int = _IN_ROOT) -> int:
    """Open ``path`` as a process whose root directory is ``root`` would, and give back a close-on-exec descriptor.

    ``..`` and absolute links stop at the root; links of procfs into other places (``/proc/self/fd/N``) are refused.

    Raises:
        OSError: as open(2); ELOOP for a refused link; EAGAIN when somebody renames faster than we can look.
    """
    encoded = os.fsencode(path)
    if b"\0" in encoded:  # the kernel would take what stands before it
        raise OSError(errno.EINVAL, "embedded NUL character", path)
    for _ in range(_RETRIES):
        try:
            return syscalls.openat2(root, encoded or b".", flags | os.O_CLOEXEC, mode, resolve)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EINTR):
                raise
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), path)


def open_beneath(directory: int, path: str, flags: int = syscalls.O_PATH) -> int:
    """Open ``path`` strictly beneath ``directory``: no symbolic link, no other mount, no ``..`` out of it."""
    resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS
    return open_in_root(directory, path, flags, resolve=resolve)


def make_directories(root: int, path: str, mode: int = 0o755) -> int:
    """Make ``path`` and what is missing above it in ``root``; give back an ``O_PATH`` descriptor of the directory.

    Only new directories get ``mode``. A dangling link is followed inside the root, as docker does.

    Raises:
        NotADirectoryError: something on the way is no directory.
    """
    for _ in range(_MAX_LINKS):
        try:
            return open_in_root(root, path, syscalls.O_PATH | os.O_DIRECTORY)
        except FileNotFoundError:
            pass
        parts = [part for part in path.split("/") if part not in ("", ".")]
        have, parent = _deepest(root, parts)
        try:
            link = _make_below(parent, parts[have:], mode)
        finally:
            os.close(parent)
        if link:
            name, target = link
            at = parts.index(name, have)
            base = [] if target.startswith("/") else parts[:at]
            path = "/".join([*base, target, *parts[at + 1 :]])
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)


def _deepest(root: int, parts: list[str]) -> tuple[int, int]:
    """How many leading ``parts`` exist, and a descriptor of the last of them."""
    for have in range(len(parts), -1, -1):
        try:
            return have, open_in_root(root, "/".join(parts[:have]), syscalls.O_PATH | os.O_DIRECTORY)
        except FileNotFoundError:
            if not have:
                raise
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def _make_below(parent: int, parts: list[str], mode: int) -> tuple[str, str] | None:
    """Make ``parts`` below ``parent``. Stops at a dangling link and gives back its name and target."""
    fd = os.dup(parent)
    try:
        for name in parts:
            try:
                os.mkdir(name, mode, dir_fd=fd)
            except FileExistsError:
                if stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                    return name, os.readlink(name, dir_fd=fd)
            deeper = os.open(name, syscalls.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
            os.close(fd)
            fd = deeper
    finally:
        os.close(fd)
    return None


def make_file(root: int, path: str, mode: int = 0o755) -> int:
    """An ``O_PATH`` descriptor of the file at ``path`` in ``root``, made empty with its parents when it is missing.

    Raises:
        IsADirectoryError: a directory is there.
    """
    directory, _, name = path.rstrip("/").rpartition("/")
    for _ in range(_MAX_LINKS):
        try:
            fd = open_in_root(root, path)
        except FileNotFoundError:
            parent = make_directories(root, directory)
            try:
                os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode, dir_fd=parent))
            except FileExistsError:
                target = os.readlink(name, dir_fd=parent)
                path = target if target.startswith("/") else f"{directory}/{target}"
                directory, _, name = path.rstrip("/").rpartition("/")
            finally:
                os.close(parent)
            continue
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            os.close(fd)
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        return fd
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)


def read_regular(root: int, path: str, limit: int) -> bytes:
    """The content of a regular file in ``root``.

    Raises:
        FileNotFoundError: it is not there.
        OSError: EINVAL when it is no regular file (a FIFO never blocks us), EFBIG when it is longer than ``limit``.
    """
    fd = open_in_root(root, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        if info.st_size > limit:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        chunks = []
        while limit >= 0 and (chunk := os.read(fd, 1 << 16)):
            chunks.append(chunk)
            limit -= len(chunk)
        if limit < 0:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        return b"".join(chunks)
    finally:
        os.close(fd)
