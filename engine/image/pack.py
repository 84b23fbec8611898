"""Writing tar streams of directories that somebody else may be changing.

Directories are opened one by one beneath a descriptor, links never followed; a regular file is opened by what was looked at
(``O_PATH`` first), so that a FIFO or a device in its place is never opened. A file that shrinks while it is read is filled up
with zeros, one that grows is cut: the archive stays well-formed.

Format: POSIX.1-2017 ``pax`` with ustar headers; extended headers only where ustar can not hold a value. Times are whole
seconds and users have no names, so that the same files make the same bytes. Source for what is left out: OCI image-spec, layer.md.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator

from engine.image import files
from engine.linux import paths, syscalls

BLOCK = 512
_PIECE = 1 << 18
_RECORD = 10240
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_BENEATH = paths.RESOLVE_BENEATH | paths.RESOLVE_NO_MAGICLINKS | paths.RESOLVE_NO_SYMLINKS
_KERNEL = frozenset((0x9FA0, 0x62656572, 0x27E0EB, 0x63677270, 0x64626720, 0x74726163, 0xCAFE4A11, 0x1CD1))
"""proc, sysfs, cgroup, cgroup2, debugfs, tracefs, bpf, devpts: views of the kernel, not files to copy."""


class Header:
    """What an archive says of one member; see :class:`engine.image.tar.Entry`."""

    __slots__ = ("gid", "kind", "link", "major", "minor", "mode", "mtime", "name", "size", "uid", "xattrs")

    def __init__(self, name: bytes, kind: bytes, mode: int, *, uid: int = 0, gid: int = 0, mtime: int = 0) -> None:
        self.name = name
        self.kind = kind
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.mtime = mtime
        self.size = 0
        self.link = b""
        self.major = 0
        self.minor = 0
        self.xattrs: list[tuple[bytes, bytes]] = []

    def encode(self) -> bytes:
        """Its blocks, with an extended header in front where one is needed."""
        records = [(b"SCHILY.xattr." + name, value) for name, value in self.xattrs]
        if len(self.name) > 100:
            records.append((b"path", self.name))
        if len(self.link) > 100:
            records.append((b"linkpath", self.link))
        for key, number, digits in ((b"size", self.size, 11), (b"uid", self.uid, 7), (b"gid", self.gid, 7), (b"mtime", self.mtime, 11)):
            if not 0 <= number < 8**digits:
                records.append((key, b"%d" % number))
        own = self._block(self.name, self.kind, self.size)
        if not records:
            return own
        data = b"".join(_record(key, value) for key, value in sorted(records))
        extended = self._block(b"PaxHeaders.0/" + self.name.rpartition(b"/")[2][:80], b"x", len(data))
        return extended + data + bytes(-len(data) % BLOCK) + own

    def _block(self, name: bytes, kind: bytes, size: int) -> bytes:
        block = bytearray(BLOCK)
        block[0 : len(name[:100])] = name[:100]
        block[100:108] = b"%07o\0" % self.mode
        block[108:116] = _octal(self.uid, 7)
        block[116:124] = _octal(self.gid, 7)
        block[124:136] = _octal(size, 11)
        block[136:148] = _octal(self.mtime, 11)
        block[148:156] = b" " * 8
        block[156:157] = kind
        block[157 : 157 + len(self.link[:100])] = self.link[:100]
        block[257:265] = b"ustar\x0000"
        block[329:337] = _octal(self.major, 7)
        block[337:345] = _octal(self.minor, 7)
        block[148:156] = b"%06o\0 " % sum(block)
        return bytes(block)


def _octal(number: int, digits: int) -> bytes:
    return b"%0*o\0" % (digits, number if 0 <= number < 8**digits else 0)


def _record(key: bytes, value: bytes) -> bytes:
    """``length key=value\\n``, where the length counts itself."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


class Packer:
    """Makes the members of one archive. Files with several names inside of it are stored once.

    Attributes:
        at_directory: the member that was made last is a directory.
    """

    def __init__(self) -> None:
        self.at_directory = False
        self._seen: dict[tuple[int, int], bytes] = {}

    def member(self, directory: int, name: str, archive_name: bytes) -> Iterator[bytes]:
        """The member for ``name`` in the open directory; nothing when it is gone, or is a socket.

        Raises:
            OSError: it can not be read.
        """
        self.at_directory = False
        try:
            fd = os.open(name, syscalls.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        except FileNotFoundError:
            return
        try:
            yield from self._member(fd, archive_name)
        finally:
            os.close(fd)

    def _member(self, fd: int, archive_name: bytes) -> Iterator[bytes]:
        info = os.fstat(fd)
        header = Header(
            archive_name, b"0", stat.S_IMODE(info.st_mode), uid=info.st_uid, gid=info.st_gid, mtime=info.st_mtime_ns // 1_000_000_000
        )
        kind = stat.S_IFMT(info.st_mode)
        self.at_directory = kind == stat.S_IFDIR
        if kind != stat.S_IFDIR and info.st_nlink > 1:
            first = self._seen.setdefault((info.st_dev, info.st_ino), archive_name)
            if first is not archive_name:
                header.kind, header.link = b"1", first
                yield header.encode()
                return
        if kind == stat.S_IFREG:
            header.size = info.st_size
            yield from _content(fd, header)
            return
        if kind == stat.S_IFDIR:
            header.kind = b"5"
            header.name = archive_name.rstrip(b"/") + b"/"
            header.xattrs = _attributes(fd)
        elif kind == stat.S_IFLNK:
            header.kind, header.link = b"2", os.fsencode(os.readlink("", dir_fd=fd))
        elif kind in (stat.S_IFCHR, stat.S_IFBLK):
            header.kind = b"3" if kind == stat.S_IFCHR else b"4"
            header.major, header.minor = os.major(info.st_rdev), os.minor(info.st_rdev)
        elif kind == stat.S_IFIFO:
            header.kind = b"6"
        else:
            return
        yield header.encode()


def _content(fd: int, header: Header) -> Iterator[bytes]:
    opened = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        header.xattrs = files.attributes(opened)
        yield header.encode()
        left = header.size
        while left:
            piece = os.read(opened, min(left, _PIECE)) or bytes(min(left, _PIECE))
            left -= len(piece)
            yield piece
        yield bytes(-header.size % BLOCK)
    finally:
        os.close(opened)


def _attributes(fd: int) -> list[tuple[bytes, bytes]]:
    try:
        opened = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        return files.attributes(opened)
    finally:
        os.close(opened)


def tree(root: int, name: str, archive_name: bytes, packer: Packer | None = None) -> Iterator[bytes]:
    """Members for ``name`` in the directory ``root`` and everything below it, sorted, without the archive's end.

    Args:
        name: a component, or ``.`` for the directory itself.
        archive_name: what it is called in the archive; with ``b"."`` names are relative to it.

    Raises:
        OSError: something can not be read.
    """
    packer = packer or Packer()
    waiting = [(name, archive_name)]
    held, held_path = -1, ""
    try:
        while waiting:
            path, shown = waiting.pop()
            parent, _, base = path.rpartition("/")
            if held < 0 or parent != held_path:
                if held >= 0:
                    os.close(held)
                held, held_path = _opened(root, parent), parent
            if held < 0:
                continue
            yield from packer.member(held, base, shown)
            if not packer.at_directory:
                continue
            names = _listed(root, path)
            waiting += [(f"{path}/{child}", shown + b"/" + os.fsencode(child)) for child in sorted(names, reverse=True)]
    finally:
        if held >= 0:
            os.close(held)


def _opened(root: int, path: str) -> int:
    """A directory beneath ``root``; -1 when it is gone."""
    try:
        return paths.open_in_root(root, path or ".", _FLAGS, resolve=_BENEATH)
    except OSError as error:
        if error.errno in _GONE:
            return -1
        raise


def _listed(root: int, path: str) -> list[str]:
    """Names in a directory; none for anything else, and for what the kernel makes up."""
    try:
        fd = paths.open_in_root(root, path, syscalls.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, resolve=_BENEATH)
    except OSError as error:
        if error.errno in _GONE:
            return []
        raise
    try:
        if syscalls.filesystem_type(fd) in _KERNEL:
            return []
        opened = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
        try:
            return os.listdir(opened)
        finally:
            os.close(opened)
    finally:
        os.close(fd)


def ended(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A whole archive in large pieces: the members' bytes and the end, padded to a record as tar(1) does."""
    waiting: list[bytes] = []
    size = total = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= _PIECE:
            total += size
            yield b"".join(waiting)
            waiting, size = [], 0
    total += size
    waiting.append(bytes(2 * BLOCK + -(total + 2 * BLOCK) % _RECORD))
    yield b"".join(waiting)
