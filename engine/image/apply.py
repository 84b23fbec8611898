"""Applies one layer's archive to an empty directory, which then is an overlayfs lower (OCI image-spec, layer.md, "Applying").

Two phases. While the archive streams, entries are made in the layer's own directory: layers of an image unpack at the same time, so
nothing below is known yet. What needs the layers below is only written down: whiteouts, directories that no entry
described, hard links to files of lower layers. :mod:`engine.image.settle` does that afterwards.

An entry never goes through an existing one: what is in the way is removed first and files are made with ``O_EXCL``. Owner,
extended attributes, mode and time are set in that order (chown clears set-uid and ``security.capability``); those of directories at the
very end, because making entries changes them.
"""

from __future__ import annotations

import errno
import os
import stat

from engine.errors import CorruptData, DiskFull, EngineFault
from engine.image import tar
from engine.image.files import DirectoryMeta, exists, set_xattrs
from engine.image.names import AUFS, MAX_DEPTH, MAX_PATH, OPAQUE, WHITEOUT, clean, shown, whiteout_target
from engine.image.tree import Tree, join
from engine.store import faults

MAX_ENTRIES = 4_000_000
_CHECK_EVERY = 32 << 20
_RESERVE = 64 << 20
"""Bytes that stay free: the engine has to be able to write down that the disk is full."""
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_BESIDE = b".wh..wh.link"  # no entry can have this name
_FULL = "no space left on the device for the layer"


class Applier:
    """One layer being unpacked below the directory descriptor ``root``. The process' umask has to be 0.

    With ``rootless`` devices are left out, as docker does in a user namespace. With ``alone`` everything belongs to root, whatever the
    archive says, as there is nobody else in the namespace (podman's ``ignore_chown_errors``).

    Attributes:
        size: bytes of what was made, as docker counts a layer: files and symbolic links, each inode once.
        whiteouts: names to hide, by the real path of their directory.
        opaque: real paths of directories that hide everything below them in lower layers.
        links: hard links whose target is not in this layer: real parent, name, number of the entry and clean target.
        directories: what to set on which directory at the end.
    """

    def __init__(self, root: int, *, rootless: bool = False, alone: bool = False) -> None:
        self.root = root
        self.rootless = rootless
        self.alone = alone
        self.tree = Tree(root)
        self.size = 0
        self.entries = 0
        self.whiteouts: dict[bytes, set[bytes]] = {}
        self.opaque: set[bytes] = set()
        self.links: dict[bytes, dict[bytes, tuple[int, bytes]]] = {}
        self.directories: dict[bytes, DirectoryMeta] = {}
        self._unchecked = _CHECK_EVERY

    def run(self, reader: tar.TarReader) -> None:
        """Apply everything that ``reader`` gives, to its end.

        Raises:
            CorruptData: the archive is malformed or hostile.
            DiskFull: it does not fit.
            EngineFault: the file system refused something.
        """
        name = b""
        try:
            while (entry := reader.next()) is not None:
                self.entries += 1
                if self.entries > MAX_ENTRIES:
                    raise CorruptData(f"the layer has more than {MAX_ENTRIES} entries")
                self._unchecked += 4096 + (entry.size if entry.sparse is None else 0)
                if self._unchecked >= _CHECK_EVERY:
                    self._check_space(entry)
                name = entry.name
                self._apply(entry, reader)
            reader.drain()
        except OSError as error:
            raise failure(error, name, rootless=self.rootless) from error

    def _apply(self, entry: tar.Entry, reader: tar.TarReader) -> None:
        self.tree.trim()
        if self.alone:
            entry.uid = entry.gid = 0
        name = clean(entry.name)
        parent, _, base = name.rpartition(b"/")
        if base[:4] == WHITEOUT:
            self._whiteout(parent, base)
            return
        kind = entry.kind
        if kind == tar.DIRECTORY:
            self._directory(entry, parent, base)
            return
        if not base:
            raise CorruptData(f"the layer's root is no directory but of type {kind!r}")
        fd, real = self.tree.parent(parent)
        if kind == tar.REGULAR:
            self._regular(entry, reader, fd, real, base)
        elif kind == tar.SYMLINK:
            self._symlink(entry, fd, real, base)
        elif kind == tar.HARD_LINK:
            self._hard_link(entry, parent, base)
        elif kind in (tar.CHAR, tar.BLOCK_DEVICE, tar.FIFO):
            self._device(entry, fd, real, base)
        else:
            raise CorruptData(f"unsupported tar entry type {kind!r} of {shown(name)}")

    # -- kinds of entries

    def _regular(self, entry: tar.Entry, reader: tar.TarReader, parent: int, real: bytes, base: bytes) -> None:
        mode = entry.mode
        plain = not (entry.uid or entry.gid or mode & 0o7000)  # then open(2) can set everything at once
        try:
            fd = os.open(base, _CREATE, mode if plain else 0o600, dir_fd=parent)
        except FileExistsError:
            parent = self.clear(real, base)
            fd = os.open(base, _CREATE, mode if plain else 0o600, dir_fd=parent)
        try:
            if entry.size:
                reader.copy(entry, fd)
                self.size += entry.size
            if not plain:
                os.fchown(fd, entry.uid, entry.gid)
            if entry.xattrs:
                set_xattrs(fd, entry.xattrs)
            if not plain:
                os.fchmod(fd, mode)
            os.utime(fd, ns=(entry.mtime, entry.mtime))
        finally:
            os.close(fd)

    def _directory(self, entry: tar.Entry, parent: bytes, base: bytes) -> None:
        real = base
        if base:
            fd, above = self.tree.parent(parent)
            real = join(above, base)
            if len(real) > MAX_PATH or real.count(b"/") > MAX_DEPTH:
                raise CorruptData(f"invalid path {shown(real)}: it is too deep")
            try:
                os.mkdir(base, 0o700, dir_fd=fd)
            except FileExistsError:
                if not stat.S_ISDIR(os.stat(base, dir_fd=fd, follow_symlinks=False).st_mode):
                    fd = self.clear(above, base)
                    os.mkdir(base, 0o700, dir_fd=fd)
                    self.opaque.add(real)  # what it replaced hid a lower directory of that name
        self.tree.implicit.discard(real)
        self.directories[real] = DirectoryMeta(entry.mode, entry.uid, entry.gid, entry.mtime, entry.xattrs)

    def _symlink(self, entry: tar.Entry, parent: int, real: bytes, base: bytes) -> None:
        if not entry.link:
            raise CorruptData(f"the symbolic link {shown(entry.name)} has no target")
        try:
            os.symlink(entry.link, base, dir_fd=parent)
        except FileExistsError:
            parent = self.clear(real, base)
            os.symlink(entry.link, base, dir_fd=parent)
        self.size += len(entry.link)
        if entry.uid or entry.gid:
            os.chown(base, entry.uid, entry.gid, dir_fd=parent, follow_symlinks=False)
        if entry.xattrs:
            self._xattrs_by_name(parent, base, entry)
        os.utime(base, ns=(entry.mtime, entry.mtime), dir_fd=parent, follow_symlinks=False)

    def _hard_link(self, entry: tar.Entry, parent: bytes, base: bytes) -> None:
        target = clean(entry.link)
        directory, _, name = target.rpartition(b"/")
        if not name or name.startswith(WHITEOUT):
            raise CorruptData(f"invalid hard link {shown(entry.name)} to {shown(entry.link)}")
        fd, real = self.tree.parent(parent)
        source = self.tree.find(directory)
        if source is not None:
            if (source[1], name) == (real, base) and exists(fd, base):
                return
            if join(source[1], name) not in self.tree.implicit and self._link(source[0], name, real, base):
                return
        if exists(fd, base):
            self.clear(real, base)
        self.links.setdefault(real, {})[base] = (self.entries, target)

    def _link(self, source: int, name: bytes, real: bytes, base: bytes) -> bool:
        """Link to a file of this layer; ``False`` when there is none of that name."""
        try:
            found = os.stat(name, dir_fd=source, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if stat.S_ISDIR(found.st_mode):
            raise CorruptData(f"hard link {shown(join(real, base))} to a directory")
        parent = self.tree.real(real)
        if parent is None:
            raise EngineFault(f"directory {shown(real)} vanished")
        try:
            os.link(name, base, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        except FileExistsError:
            there = os.stat(base, dir_fd=parent, follow_symlinks=False)
            if (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino):
                return True
            # Linked beside, then renamed over: clearing first might remove the target itself (it may lie below).
            os.link(name, _BESIDE, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
            parent = self.clear(real, base)
            os.rename(_BESIDE, base, src_dir_fd=parent, dst_dir_fd=parent)
        return True

    def _device(self, entry: tar.Entry, parent: int, real: bytes, base: bytes) -> None:
        bits = {tar.CHAR: stat.S_IFCHR, tar.BLOCK_DEVICE: stat.S_IFBLK, tar.FIFO: stat.S_IFIFO}[entry.kind]
        if not (0 <= entry.major < 1 << 12 and 0 <= entry.minor < 1 << 20):
            raise CorruptData(f"impossible device number {entry.major}:{entry.minor} of {shown(entry.name)}")
        device = os.makedev(entry.major, entry.minor) if bits != stat.S_IFIFO else 0
        if exists(parent, base):
            parent = self.clear(real, base)
        try:
            os.mknod(base, 0o600 | bits, device, dir_fd=parent)
        except PermissionError:
            if self.rootless:
                return
            raise
        if entry.uid or entry.gid:
            os.chown(base, entry.uid, entry.gid, dir_fd=parent, follow_symlinks=False)
        if entry.xattrs:
            self._xattrs_by_name(parent, base, entry)
        os.chmod(base, entry.mode, dir_fd=parent)  # just made by us: no link to follow
        os.utime(base, ns=(entry.mtime, entry.mtime), dir_fd=parent, follow_symlinks=False)

    def _whiteout(self, parent: bytes, base: bytes) -> None:
        if base == OPAQUE:
            self.opaque.add(self.tree.parent(parent)[1])
        elif not base.startswith(AUFS):
            hidden = whiteout_target(base)
            self.whiteouts.setdefault(self.tree.parent(parent)[1], set()).add(hidden)
        elif base in (b".wh..wh.", b".wh..wh..", b".wh..wh..."):
            raise CorruptData(f"invalid whiteout {shown(base)}")

    # -- helpers

    def _xattrs_by_name(self, parent: int, base: bytes, entry: tar.Entry) -> None:
        """Extended attributes of what can not be opened: lsetxattr(2) knows no directory descriptor, so the parent is entered."""
        os.fchdir(parent)
        set_xattrs(base, entry.xattrs)
        os.fchdir(self.root)

    def clear(self, parent: bytes, base: bytes) -> int:
        """Remove what is at ``parent/base`` with everything below; the parent's descriptor."""
        fd = self.tree.real(parent)
        if fd is None:
            raise EngineFault(f"directory {shown(parent)} vanished")
        found = os.stat(base, dir_fd=fd, follow_symlinks=False)
        if not stat.S_ISDIR(found.st_mode):
            os.unlink(base, dir_fd=fd)
            if found.st_nlink == 1:
                self.size -= found.st_size
        else:
            self._clear_directory(join(parent, base))
        self.tree.forget()
        fd = self.tree.real(parent)
        if fd is None:
            raise EngineFault(f"directory {shown(parent)} vanished")
        return fd

    def _clear_directory(self, top: bytes) -> None:
        """Remove a directory that this layer made, and what is remembered of it. Depth is bounded by :data:`MAX_DEPTH`."""
        pending, emptied = [top], []
        while pending:
            real = pending.pop()
            emptied.append(real)
            fd = self.tree.real(real)
            if fd is None:
                continue
            listing = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
            try:
                with os.scandir(listing) as entries:
                    found = [(os.fsencode(entry.name), entry.stat(follow_symlinks=False)) for entry in entries]
            finally:
                os.close(listing)
            for name, status in found:
                if stat.S_ISDIR(status.st_mode):
                    pending.append(join(real, name))
                else:
                    os.unlink(name, dir_fd=fd)
                    self.size -= status.st_size if status.st_nlink == 1 else 0
        for real in reversed(emptied):
            above, _, name = real.rpartition(b"/")
            os.rmdir(name, dir_fd=self.tree.real(above))
            self.tree.implicit.discard(real)
            self.directories.pop(real, None)
            self.whiteouts.pop(real, None)
            self.links.pop(real, None)
            self.opaque.discard(real)

    def _check_space(self, entry: tar.Entry) -> None:
        disk = os.fstatvfs(self.root)
        self._unchecked = need = entry.size if entry.sparse is None else 0
        if disk.f_bavail * disk.f_frsize < need + _RESERVE or (disk.f_files and disk.f_favail < 1024):
            raise faults.disk_full(_FULL)


def failure(error: OSError, name: bytes, *, rootless: bool = False) -> CorruptData | DiskFull | EngineFault:
    """The engine's error for what the file system said about the entry ``name``."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return faults.disk_full(_FULL)
    if error.errno in (errno.ENAMETOOLONG, errno.ELOOP, errno.EFBIG, errno.EILSEQ):
        return CorruptData(f"invalid path {shown(name)}: {(error.strerror or '').lower()}")
    if error.errno == errno.EINVAL and rootless:
        return EngineFault(
            f"unpack {shown(name)}: potentially insufficient UIDs or GIDs available in user namespace",
            hint="give the user larger ranges in /etc/subuid and /etc/subgid, or run as root",
        )
    return EngineFault(f"unpack {shown(name)}: {(error.strerror or str(error)).lower()}")
