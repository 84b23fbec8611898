"""Mounts through the file-descriptor API (fsopen(2), open_tree(2), move_mount(2), mount_setattr(2); Linux 5.12).

A mount is made detached, given its attributes while nobody can see it, and attached to a target that is already open: no path is
looked up twice and there is no moment in which a read-only mount is writable. ``lowerdir+`` (Linux 6.5) takes one
layer at a time, so that an overlay is not limited by the one page of options of mount(2); older kernels get
short names relative to the layers' common directory.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence

from engine.linux import syscalls, userns

MS_REC = 0x4000
MS_PRIVATE = 0x40000
MS_SLAVE = 0x80000
MS_SHARED = 0x100000
MS_UNBINDABLE = 0x20000
MNT_DETACH = 2

RDONLY = 0x1
NOSUID = 0x2
NODEV = 0x4
NOEXEC = 0x8
_ATIME = 0x70
_NOATIME = 0x10
_STRICTATIME = 0x20
_NODIRATIME = 0x80
_NOSYMFOLLOW = 0x200000

_ATTRIBUTES: dict[str, tuple[int, int]] = {
    "ro": (RDONLY, 0), "rw": (0, RDONLY),
    "nosuid": (NOSUID, 0), "suid": (0, NOSUID),
    "nodev": (NODEV, 0), "dev": (0, NODEV),
    "noexec": (NOEXEC, 0), "exec": (0, NOEXEC),
    "nosymfollow": (_NOSYMFOLLOW, 0), "symfollow": (0, _NOSYMFOLLOW),
    "nodiratime": (_NODIRATIME, 0), "diratime": (0, _NODIRATIME),
    "noatime": (_NOATIME, _ATIME), "relatime": (0, _ATIME), "strictatime": (_STRICTATIME, _ATIME),
}  # fmt: skip

PROPAGATION = {"private": MS_PRIVATE, "slave": MS_SLAVE, "shared": MS_SHARED, "unbindable": MS_UNBINDABLE}
"""Options to the flags of mount(2)."""


_CLONE = 0x1 | 0x80000  # OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC
_SET_FLAG, _SET_STRING, _CREATE = 0, 1, 6


_IGNORED = frozenset({"defaults", "async", "silent", "loud", "remount", "nomand"})
COPY_UP = "tmpcopyup"
"""A tmpfs starts with what is below it: runc's and podman's."""


def known_options() -> list[str]:
    """Every option that is not the file system's own, for runtime-spec ``features.md``."""
    spread = [f"r{name}" for name in (*_ATTRIBUTES, *PROPAGATION)]
    return sorted({"bind", "rbind", COPY_UP, *_IGNORED, *_ATTRIBUTES, *PROPAGATION, *spread})


class Options:
    """Mount options in fstab(5) spelling, sorted by who understands them.

    Attributes:
        attr_set, attr_clr: mount attributes; ``deep_set`` and ``deep_clr`` are those for every mount below too (``rro``, …).
        copy_up: the file system gets the content of the directory that it is mounted on.
        propagation: ``MS_PRIVATE``, … or 0; ``recursive_propagation`` for ``rprivate``, ….
        data: what is left, for the file system itself.
    """

    __slots__ = ("attr_clr", "attr_set", "copy_up", "data", "deep_clr", "deep_set", "propagation", "recursive", "recursive_propagation")

    def __init__(self, options: Iterable[str] = ()) -> None:
        self.attr_set = self.attr_clr = self.deep_set = self.deep_clr = self.propagation = 0
        self.recursive = self.recursive_propagation = self.copy_up = False
        self.data: list[str] = []
        for option in options:
            self._add(option)

    def _add(self, option: str) -> None:
        plain = option.removeprefix("r") if option not in _ATTRIBUTES else option
        if option in _ATTRIBUTES:
            put, clear = _ATTRIBUTES[option]
            self.attr_set = self.attr_set & ~clear | put
            self.attr_clr = self.attr_clr & ~put | clear
        elif plain in _ATTRIBUTES:
            put, clear = _ATTRIBUTES[plain]
            self.deep_set = self.deep_set & ~clear | put
            self.deep_clr = self.deep_clr & ~put | clear
        elif option in ("bind", "rbind"):
            self.recursive = option == "rbind"
        elif option == COPY_UP:
            self.copy_up = True
        elif option in _IGNORED:
            pass
        elif option in PROPAGATION or plain in PROPAGATION:
            self.propagation = PROPAGATION[plain]
            self.recursive_propagation = option != plain
        else:
            self.data.append(option)


def detached(kind: str, source: str = "", options: Options | None = None) -> int:
    """A new, detached mount of file system ``kind``: a descriptor of its root.

    Raises:
        OSError: with the kernel's own explanation where it gives one.
    """
    options = options or Options()
    context = syscalls.fsopen(kind)
    try:
        if source:
            syscalls.fsconfig(context, _SET_STRING, "source", source)
        for option in options.data:
            key, equals, value = option.partition("=")
            if equals:
                syscalls.fsconfig(context, _SET_STRING, key, value)
            else:
                syscalls.fsconfig(context, _SET_FLAG, key)
        syscalls.fsconfig(context, _CREATE)
        return syscalls.fsmount(context, options.attr_set)
    except OSError as error:
        raise _explained(error, context, kind) from None
    finally:
        os.close(context)


def _explained(error: OSError, context: int, kind: str) -> OSError:
    """``error`` with the message that the kernel left in the context's log (``e overlay: …``)."""
    try:
        os.set_blocking(context, False)
        message = os.read(context, 4096).decode("utf-8", "replace").strip()
    except OSError:
        message = ""
    reason = message.removeprefix("e ") or error.strerror or os.strerror(errno.EIO)
    return OSError(error.errno, reason, kind)


def clone(fd: int, *, recursive: bool = False) -> int:
    """A detached copy of the mount tree at ``fd``, which must be in our mount namespace: what a bind mount attaches."""
    return syscalls.open_tree(fd, b"", _CLONE | syscalls.AT_EMPTY_PATH | (syscalls.AT_RECURSIVE if recursive else 0))


def clone_path(path: str, *, recursive: bool = True) -> int:
    """:func:`clone` of a host path; links in it are followed."""
    return syscalls.open_tree(syscalls.AT_FDCWD, os.fsencode(path), _CLONE | (syscalls.AT_RECURSIVE if recursive else 0))


def attach(mount: int, target: int) -> None:
    """Mount the detached ``mount`` on the file or directory that ``target`` is open on."""
    syscalls.move_mount(mount, target)


def bind(source: int, target: int, *, attributes: int = 0, recursive: bool = False) -> None:
    """Mount what ``source`` is open on over ``target``, with ``attributes`` set from the first moment."""
    copy = clone(source, recursive=recursive)
    try:
        if attributes:
            syscalls.mount_setattr(copy, recursive=recursive, attr_set=attributes)
        attach(copy, target)
    finally:
        os.close(copy)


def overlay(lowers: Sequence[str], upper: str, work: str, *, volatile: bool = False, label: str = "") -> int:
    """A detached overlay of ``lowers`` (topmost first) below ``upper``; read-only without ``upper``.

    In a user namespace its marks are in ``user.overlay.*`` (Linux 5.11), as ``trusted`` attributes are the machine's root's.
    With ``volatile`` nothing is synced at unmount: for content that nobody will want after a crash. ``label`` is the SELinux context that
    every file in it has.

    Raises:
        OSError: the file system of ``upper`` can not carry one, a layer is missing, …
    """
    # Neither directories that point elsewhere nor files without content: the upper directory alone must say what changed.
    # The kernel takes a backslash in these two for an escape (fs/overlayfs/params.c), in ``lowerdir+`` it does not.
    upper, work = (path.replace("\\", "\\\\") for path in (upper, work))
    above = [f"upperdir={upper}", f"workdir={work}", "redirect_dir=off", "metacopy=off"] if upper else []
    flags = ["volatile"] if volatile else []
    if userns.contained():
        # Both are off then and may not be said to be: CONFIG_OVERLAY_FS_REDIRECT_ALWAYS_FOLLOW takes "off" for "follow".
        above, flags = above[:2], ["userxattr", *flags]
    labelled = [f"context={label}"] if label else []
    context = syscalls.fsopen("overlay")
    try:
        syscalls.fsconfig(context, _SET_STRING, "source", "overlay")
        try:
            for lower in lowers:
                syscalls.fsconfig(context, _SET_STRING, "lowerdir+", lower)
        except OSError as error:
            if error.errno != errno.EINVAL or not all(map(os.path.isdir, lowers)):
                raise OSError(error.errno, f"{error.strerror}: layer {lower}") from None
            # mount(2) takes a comma for the next option unless it is quoted.
            return _overlay_by_mount(
                lowers, [*(option.replace(",", "\\,") for option in above), *flags, *([f'context="{label}"'] if label else [])]
            )
        for option in (*above, *labelled):
            key, _, value = option.partition("=")
            syscalls.fsconfig(context, _SET_STRING, key, value)
        for flag in flags:
            syscalls.fsconfig(context, _SET_FLAG, flag)
        syscalls.fsconfig(context, _CREATE)
        return syscalls.fsmount(context)
    except OSError as error:
        raise _explained(error, context, "overlay") from None
    finally:
        os.close(context)


def _overlay_by_mount(lowers: Sequence[str], above: Iterable[str]) -> int:
    """The same before Linux 6.5: mount(2) on the layers' common directory, from which a detached copy is taken."""
    common = os.path.commonpath(lowers)
    if common in lowers:
        common = os.path.dirname(common)
    escaped = (os.path.relpath(lower, common).replace("\\", "\\\\").replace(":", "\\:") for lower in lowers)
    data = ",".join([f"lowerdir={':'.join(escaped)}", *above])
    before = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir(common)
        syscalls.mount("overlay", common, "overlay", 0, data)
        copy = clone_path(common, recursive=False)
        syscalls.umount2(common, MNT_DETACH)
        return copy
    finally:
        os.fchdir(before)
        os.close(before)
