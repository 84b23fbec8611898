"""Unpacking a tar stream into a file system that is in use: what ``cp`` into a container does.

A container may swap any directory for a link while we write. Parents are therefore looked up by the kernel inside the root for
every directory anew (openat2, ``RESOLVE_IN_ROOT``), the last component is only created in the directory that is held open and
never followed, and owners and modes are set by descriptor (CVE-2018-15664, CVE-2021-32760). Other than a layer, an archive can
not remove: whiteouts are files like any other, and a directory never gives way to something else.

Source for the rules: moby ``daemon/archive.go`` and ``pkg/archive`` (``NoOverwriteDirNonDir``).
"""

from __future__ import annotations

import os
import stat

from engine.errors import CorruptData, InvalidArgument
from engine.image import names, tar
from engine.image.files import set_xattrs
from engine.linux import paths, syscalls

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_KERNELS = (0x9FA0, 0x62656572, 0x27E0EB, 0x63677270)
"""proc, sysfs, cgroup, cgroup2 (statfs(2)). A root file system's archive has directories for them; what is mounted there stays as it is."""
_SPECIAL = {tar.CHAR: stat.S_IFCHR, tar.BLOCK_DEVICE: stat.S_IFBLK, tar.FIFO: stat.S_IFIFO}


class Extractor:
    """Unpacks into one directory.

    Args:
        root: descriptor of the root that links are resolved in.
        target: path of the directory in ``root``; it exists.
        owner: whom everything will belong to, instead of whom the archive says.
        keep_owner: set owners at all; off for a person who copies to their own files.
    """

    def __init__(self, root: int, target: str, *, owner: tuple[int, int] | None = None, keep_owner: bool = True) -> None:
        self._root = root
        self._target = target.strip("/")
        self._owner = owner
        self._keep_owner = keep_owner
        self._parent = -1
        self._parent_path: str | None = None
        self._times: dict[str, int] = {}

    def run(self, reader: tar.TarReader) -> None:
        """Unpack everything.

        Raises:
            CorruptData: the archive is malformed, or a name climbs out.
            InvalidArgument: a directory would be replaced by something else, or something else by a directory.
            OSError: the file system refuses.
        """
        try:
            while (entry := reader.next()) is not None:
                self._make(reader, entry)
            reader.drain()
            for path in sorted(self._times, reverse=True):
                self._set_time(path, self._times[path])
        finally:
            if self._parent >= 0:
                os.close(self._parent)
                self._parent = -1

    def _make(self, reader: tar.TarReader, entry: tar.Entry) -> None:
        name = os.fsdecode(names.clean(entry.name))
        if not name:
            return  # the directory itself stays as it is
        above, _, base = name.rpartition("/")
        parent = self._open_parent(above)
        self._clear(parent, base, entry)
        if entry.kind == tar.REGULAR:
            fd = os.open(base, _NEW, 0o600, dir_fd=parent)
            try:
                reader.copy(entry, fd)
                self._dress(fd, entry)
                os.utime(fd, ns=(entry.mtime, entry.mtime))
            finally:
                os.close(fd)
        elif entry.kind == tar.DIRECTORY:
            self._make_directory(parent, base, name, entry)
        elif entry.kind == tar.HARD_LINK:
            self._link(parent, base, entry)
        else:
            self._make_special(parent, base, entry)

    def _open_parent(self, path: str) -> int:
        """The directory that an entry goes into, made if it is missing."""
        if path != self._parent_path:
            if self._parent >= 0:
                os.close(self._parent)
                self._parent = -1
            self._parent = paths.make_directories(self._root, f"{self._target}/{path}")
            self._parent_path = path
        return self._parent

    def _clear(self, parent: int, base: str, entry: tar.Entry) -> None:
        try:
            found = os.stat(base, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return
        shown = names.shown(entry.name).strip("'\"")
        if stat.S_ISDIR(found.st_mode):
            if entry.kind != tar.DIRECTORY:
                raise InvalidArgument(f'cannot overwrite directory "{shown}" with non-directory "{self._target or "/"}"')
            return
        if entry.kind == tar.DIRECTORY:
            raise InvalidArgument(f'cannot overwrite non-directory "{shown}" with directory "{self._target or "/"}"')
        os.unlink(base, dir_fd=parent)

    def _make_directory(self, parent: int, base: str, name: str, entry: tar.Entry) -> None:
        try:
            os.mkdir(base, 0o700, dir_fd=parent)
        except FileExistsError:
            pass
        fd = os.open(base, _DIRECTORY, dir_fd=parent)
        try:
            if syscalls.filesystem_type(fd) in _KERNELS:
                return
            self._dress(fd, entry)
        finally:
            os.close(fd)
        self._times[name] = entry.mtime

    def _link(self, parent: int, base: str, entry: tar.Entry) -> None:
        above, _, last = os.fsdecode(names.clean(entry.link)).rpartition("/")
        if not last:
            raise CorruptData(f"{names.shown(entry.name)} is a link to nothing")
        holder = paths.open_in_root(self._root, f"{self._target}/{above}", syscalls.O_PATH | os.O_DIRECTORY)
        try:
            os.link(last, base, src_dir_fd=holder, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(holder)

    def _make_special(self, parent: int, base: str, entry: tar.Entry) -> None:
        if entry.kind == tar.SYMLINK:
            os.symlink(os.fsdecode(entry.link), base, dir_fd=parent)
        elif entry.kind in _SPECIAL:
            device = os.makedev(entry.major, entry.minor) if entry.kind != tar.FIFO else 0
            os.mknod(base, _SPECIAL[entry.kind] | 0o600, device, dir_fd=parent)
        else:
            raise CorruptData(f"tar: unknown type {entry.kind!r} of {names.shown(entry.name)}")
        if self._keep_owner:
            uid, gid = self._owner or (entry.uid, entry.gid)
            os.chown(base, uid, gid, dir_fd=parent, follow_symlinks=False)
        if entry.kind != tar.SYMLINK:
            fd = os.open(base, syscalls.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
            try:
                if not stat.S_ISLNK(os.fstat(fd).st_mode):
                    # A device that a container made up must not open the person's machine to everybody on it.
                    os.chmod(f"/proc/self/fd/{fd}", entry.mode if self._keep_owner else entry.mode & 0o600)
            finally:
                os.close(fd)
        os.utime(base, ns=(entry.mtime, entry.mtime), dir_fd=parent, follow_symlinks=False)

    def _dress(self, fd: int, entry: tar.Entry) -> None:
        """Owner, attributes and mode, in this order: chown(2) clears the set-uid bits."""
        if self._keep_owner:
            uid, gid = self._owner or (entry.uid, entry.gid)
            os.fchown(fd, uid, gid)
            set_xattrs(fd, entry.xattrs)
        os.fchmod(fd, entry.mode)

    def _set_time(self, name: str, mtime: int) -> None:
        try:
            fd = paths.open_in_root(self._root, f"{self._target}/{name}", _DIRECTORY)
        except OSError:
            return  # it was moved away meanwhile
        try:
            os.utime(fd, ns=(mtime, mtime))
        finally:
            os.close(fd)
