"""``/dev``: nodes, links, the console, and what is masked or made read-only. All by descriptors, before ``pivot_root``.

``/dev`` is opened once beneath the root, so that an image's ``/dev`` link stays inside it (CVE-2026-41579). Masks bind the host's
own ``/dev/null``, verified to be device 1:3, never what the image calls so (CVE-2025-31133). The pty is made in
the container's devpts and its other side comes from the kernel, not from a path (CVE-2025-52565).
"""

from __future__ import annotations

import errno
import fcntl
import os
import posixpath
import stat
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import StartFailed
from engine.linux import mounts, paths, syscalls
from engine.linux.syscalls import reason

_DEVPTS_MAGIC = 0x1CD1
_FOREIGN = frozenset({"bind", "devtmpfs"})
_TIOCSPTLCK = 0x40045431
_TIOCGPTPEER = 0x5441
_TYPES = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}
_LINKS = (("/proc/self/fd", "fd"), ("/proc/self/fd/0", "stdin"), ("/proc/self/fd/1", "stdout"), ("/proc/self/fd/2", "stderr"))


def open_host_null() -> int:
    """The host's ``/dev/null``. Raises StartFailed when that is not what it should be."""
    fd = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    if not is_null(fd):
        os.close(fd)
        raise StartFailed("/dev/null of the host is not the null device")
    return fd


def is_null(fd: int) -> bool:
    """``fd`` is open on character device 1:3."""
    info = os.fstat(fd)
    return stat.S_ISCHR(info.st_mode) and info.st_rdev == os.makedev(1, 3)


def populate(root: int, devices: Sequence[Mapping[str, Any]], mounts: Sequence[Mapping[str, Any]]) -> None:
    """Nodes and links in ``/dev``, and nodes elsewhere. A ``/dev`` that is bound from elsewhere (``mounts``) is left alone.

    The caller's umask must be 0: mknod(2) has no other way to give the mode that was asked for.

    Raises:
        StartFailed: a device can not be made.
    """
    dev = paths.make_directories(root, "/dev")
    try:
        ours = not any(posixpath.normpath(mount["destination"]) == "/dev" and mount["type"] in _FOREIGN for mount in mounts)
        for device in devices:
            try:
                _make(root, dev, ours, device)
            except OSError as error:
                raise StartFailed(f"error creating device {device['path']}: {reason(error)}") from None
        if not ours:
            return
        core = [("/proc/kcore", "core")] if os.path.exists("/proc/kcore") else []
        for target, name in (*_LINKS, *core, ("pts/ptmx", "ptmx")):
            try:
                os.symlink(target, name, dir_fd=dev)
            except FileExistsError:
                continue
    finally:
        os.close(dev)


def _make(root: int, dev: int, ours: bool, device: Mapping[str, Any]) -> None:
    path = device["path"]
    directory, _, name = path.rpartition("/")
    if directory == "/dev":
        if not ours and device.get("default"):
            return
        parent = os.dup(dev)
    else:
        parent = paths.make_directories(root, directory)
    try:
        mode = _TYPES[device["type"]] | device.get("fileMode", 0o666)
        number = os.makedev(device.get("major", 0), device.get("minor", 0))
        try:
            os.mknod(name, mode, number, dir_fd=parent)
        except FileExistsError:
            return
        except PermissionError:  # in a user namespace nobody may
            return _borrow(parent, name, device)
        if device.get("uid") or device.get("gid"):
            os.chown(name, device.get("uid", 0), device.get("gid", 0), dir_fd=parent, follow_symlinks=False)
    finally:
        os.close(parent)


def _borrow(parent: int, name: str, device: Mapping[str, Any]) -> None:
    """Bind the host's node of the same device, where a user namespace may make none; it keeps its owner and mode.

    Raises:
        OSError: the host has none, or another device there.
    """
    source = _host_node(device)
    try:
        info = os.fstat(source)
        number = os.makedev(device.get("major", 0), device.get("minor", 0))
        if stat.S_IFMT(info.st_mode) != _TYPES[device["type"]] or info.st_rdev != number:
            raise OSError(errno.ENODEV, "the host has no such device node that could be bound")
        target = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=parent)
        try:
            mounts.bind(source, target)
        finally:
            os.close(target)
    finally:
        os.close(source)


def _host_node(device: Mapping[str, Any]) -> int:
    """A descriptor of what the kernel says is the node (``DEVNAME`` in sysfs), else of what has the same path."""
    path = device["path"]
    kind = "block" if device["type"] == "b" else "char"
    try:
        with open(f"/sys/dev/{kind}/{device.get('major', 0)}:{device.get('minor', 0)}/uevent", encoding="ascii", errors="replace") as file:
            names = [line[8:].strip() for line in file if line.startswith("DEVNAME=")]
        path = f"/dev/{names[0]}" if names and os.path.exists(f"/dev/{names[0]}") else path
    except OSError:
        pass
    return os.open(path, syscalls.O_PATH | os.O_CLOEXEC)


def open_pty(root: int) -> tuple[int, int]:
    """A pseudo terminal in the container's own devpts: master and slave.

    Raises:
        StartFailed: what is at ``/dev/pts/ptmx`` is not a devpts' multiplexer.
    """
    try:
        master = paths.open_in_root(root, "/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY)
    except OSError as error:
        raise StartFailed(f"error opening a terminal in the container: {reason(error)}") from None
    if syscalls.filesystem_type(master) != _DEVPTS_MAGIC or os.fstat(master).st_rdev != os.makedev(5, 2):
        os.close(master)
        raise StartFailed("error opening a terminal in the container: /dev/pts is no devpts")
    fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
    slave = fcntl.ioctl(master, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    if os.major(os.fstat(slave).st_rdev) != 136:
        raise StartFailed("error opening a terminal in the container: the slave is no pseudo terminal")
    return master, slave


def bind_console(root: int, slave: int) -> None:
    """``/dev/console`` is the pty's slave."""
    target = paths.make_file(root, "/dev/console", 0o620)
    try:
        mounts.bind(slave, target)
    finally:
        os.close(target)


def make_read_only(root: int, names: Sequence[str]) -> None:
    """Bind each path that exists read-only over itself."""
    for name in names:
        target = _existing(root, name)
        if target >= 0:
            mounts.bind(target, target, attributes=mounts.RDONLY, recursive=True)
            os.close(target)


def mask(root: int, names: Sequence[str], null: int) -> None:
    """Hide each path that exists: a file behind the null device, a directory behind one empty read-only tmpfs."""
    empty = -1
    for name in names:
        target = _existing(root, name)
        if target < 0:
            continue
        if not stat.S_ISDIR(os.fstat(target).st_mode):
            mounts.bind(null, target)
        elif empty < 0:
            empty = mounts.detached("tmpfs", "tmpfs", mounts.Options(("ro", "nosuid", "noexec", "nodev", "nr_blocks=1", "nr_inodes=2")))
            mounts.attach(empty, target)
        else:
            mounts.bind(empty, target)
        os.close(target)
    if empty >= 0:
        os.close(empty)


def _existing(root: int, name: str) -> int:
    try:
        return paths.open_in_root(root, name)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return -1
        raise
