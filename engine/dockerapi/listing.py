"""A directory's entries from the heads of a tar stream, which is all that a Docker host gives of a directory.

The stream is read as it comes and contents are skipped, never kept. Source: POSIX pax, ``ustar`` and GNU long names, as
Go's ``archive/tar`` writes them.
"""

from __future__ import annotations

import stat
import tarfile

from engine.errors import CorruptData
from engine.model.files import DirectoryEntry
from engine.model.units import whole

BLOCK = 512
MOST_HEAD = 1 << 20
"""Bytes of a pax or long-name head; a longer one is no name."""
_LATEST = 1e11
_LONG = {tarfile.GNUTYPE_LONGNAME: "path", tarfile.GNUTYPE_LONGLINK: "linkpath"}
_TYPES = {
    tarfile.DIRTYPE: stat.S_IFDIR,
    tarfile.SYMTYPE: stat.S_IFLNK,
    tarfile.CHRTYPE: stat.S_IFCHR,
    tarfile.BLKTYPE: stat.S_IFBLK,
    tarfile.FIFOTYPE: stat.S_IFIFO,
}


class DirectoryReader:
    """Collects the entries of the archive of ``path/.``, whose names begin with ``./`` in Docker's and with nothing in Podman's.

    Attributes:
        entries: by name.
        ended: the stream's end mark came.
    """

    def __init__(self) -> None:
        self.entries: dict[str, DirectoryEntry] = {}
        self.ended = False
        self._kept = bytearray()
        self._skip = 0
        self._pax: dict[str, str] = {}

    def feed(self, data: bytes) -> None:
        """The next part of the stream.

        Raises:
            CorruptData: it is no tar stream.
        """
        if self._skip >= len(data):
            self._skip -= len(data)
            return
        self._kept += memoryview(data)[self._skip :]
        self._skip = 0
        at = 0
        while not self.ended and len(self._kept) - at >= BLOCK:
            used = self._member(at)
            if not used:
                break
            at += used
        if self.ended or at > len(self._kept):
            self._skip = max(0, at - len(self._kept))
            self._kept.clear()
        else:
            del self._kept[:at]

    def _member(self, at: int) -> int:
        """Read the head at ``at``: how many bytes it and its content take, 0 where more of it has to come."""
        head = bytes(self._kept[at : at + BLOCK])
        if not head.strip(b"\0"):
            self.ended = True
            return BLOCK
        try:
            info = tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise CorruptData(f"the engine's archive is malformed: {error}") from error
        if info.size < 0:  # base 256 can say so, and it would lead backwards for ever
            raise CorruptData("the engine's archive is malformed: a negative size")
        padded = -(-info.size // BLOCK) * BLOCK
        if info.type in (tarfile.XHDTYPE, tarfile.XGLTYPE, *_LONG):
            if info.size > MOST_HEAD:
                raise CorruptData("the engine's archive has a head of more than 1 MiB")
            if len(self._kept) - at < BLOCK + padded:
                return 0
            body = bytes(self._kept[at + BLOCK : at + BLOCK + info.size])
            if info.type == tarfile.XHDTYPE:
                self._pax.update(_records(body))
            elif info.type in _LONG:
                self._pax[_LONG[info.type]] = body.rstrip(b"\0").decode("utf-8", "surrogateescape")
            return BLOCK + padded
        self._take(info)
        size = self._number("size", info.size) if info.isreg() else info.size
        self._pax.clear()
        return BLOCK + (-(-size // BLOCK) * BLOCK if info.isreg() else 0)

    def _take(self, info: tarfile.TarInfo) -> None:
        kind = _TYPES.get(info.type, stat.S_IFREG)
        parts = self._pax.get("path", info.name).rstrip("/").removeprefix("./").split("/")
        if len(parts) != 1 or parts[0] in ("", "."):
            return
        self.entries[parts[-1]] = DirectoryEntry(
            name=parts[-1],
            mode=kind | stat.S_IMODE(info.mode),
            size=self._number("size", info.size),
            uid=self._number("uid", info.uid),
            gid=self._number("gid", info.gid),
            mtime=self._time(info.mtime),
            link_target=self._pax.get("linkpath", info.linkname) if kind == stat.S_IFLNK else "",
        )

    def _number(self, key: str, otherwise: int) -> int:
        return whole(self._pax.get(key, ""), otherwise)

    def _time(self, otherwise: float) -> float:
        try:
            found = float(self._pax.get("mtime", otherwise))
        except ValueError:
            return otherwise
        return found if abs(found) < _LATEST else otherwise


def _records(body: bytes) -> dict[str, str]:
    """A pax head's records, ``LENGTH KEY=VALUE``."""
    found: dict[str, str] = {}
    at = 0
    while at < len(body):
        length, space, _ = body[at : at + 20].partition(b" ")
        if not space or not length.isdigit() or int(length) <= len(length):
            raise CorruptData("the engine's archive has a malformed pax head")
        key, _, value = body[at + len(length) + 1 : at + int(length) - 1].partition(b"=")
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        at += int(length)
    return found
